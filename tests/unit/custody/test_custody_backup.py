# SPDX-License-Identifier: Apache-2.0
import os
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.store.making import delivered, feed, patient, received

from deidgate.custody import backup, restore, rotation
from deidgate.custody.backup import Sources
from deidgate.custody.restore import Put
from deidgate.errors import ConfigurationError
from deidgate.store import Keys, Store
from deidgate.store.database import Database

WORD = b"correct horse battery"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ME = os.getuid()


def places(folder, **images):
    """The folders of an installation, made if they are not there."""
    for name in ("secrets", "config/policies", "ledger", *images.values()):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shown = {name: folder / path for name, path in images.items()}
    return Sources(folder / "secrets", folder / "config", folder / "settings", folder / "ledger", shown)


def opened(there):
    return Store.open(f"sqlite:///{there.ledger}/ledger.db", Keys.load(there.secrets))


@pytest.fixture
def first(tmp_path):
    there = places(tmp_path / "first", ingest="ingest")
    Keys.generate(there.secrets)
    (there.secrets / "mark.key").write_text("mark", encoding="utf-8")
    (there.secrets / ".draft").write_text("half", encoding="utf-8")
    (there.config / "routes.toml").write_text("routes", encoding="utf-8")
    (there.config / "policies" / "basic.toml").write_text("basic", encoding="utf-8")
    there.settings.write_text("DEIDGATE_DICOM_PORT=1104\n", encoding="utf-8")
    (there.images["ingest"] / "ab").mkdir()
    (there.images["ingest"] / "ab" / "file").write_bytes(b"dicom")
    with opened(there) as store:
        delivered(store, 3)
    return there


def written(first, tmp_path, *, images=()):
    target = tmp_path / "backup"
    shown = {name: first.images[name] for name in images}
    backup.write(target, WORD, Sources(first.secrets, first.config, first.settings, first.ledger, shown), NOW)
    return target


def put_back(target, there, *, new_index=True, now=NOW):
    restore.check(target, WORD)
    restore.put(target, WORD, Put(there, ME, new_index, now))
    return there


def test_after_everything_is_gone_the_same_patient_is_the_same(first, tmp_path):
    with opened(first) as store:
        before = patient(store)
        uid = before.pseudonyms.uid("1.2.3.4")
    second = put_back(written(first, tmp_path), places(tmp_path / "second"))
    with opened(second) as store:
        after = patient(store)
        assert after.pseudonyms.patient_id == before.pseudonyms.patient_id
        assert after.pseudonyms.uid("1.2.3.4") == uid
        assert store.audit.verify() == []
        assert [balance.delivered for balance in store.reports.reconcile()] == [3, 3]


def test_keys_settings_routes_and_policies_come_back_as_they_were(first, tmp_path):
    second = put_back(written(first, tmp_path), places(tmp_path / "second"))
    for name in ("pseudonym.key", "encryption.key", "mark.key"):
        assert (second.secrets / name).read_bytes() == (first.secrets / name).read_bytes()
        assert (second.secrets / name).stat().st_mode & 0o777 == 0o400
    assert not (second.secrets / ".draft").exists()
    assert second.settings.read_text(encoding="utf-8") == "DEIDGATE_DICOM_PORT=1104\n"
    assert (second.config / "routes.toml").read_text(encoding="utf-8") == "routes"
    assert (second.config / "policies" / "basic.toml").read_text(encoding="utf-8") == "basic"


def test_settings_that_are_here_stay_and_a_changed_route_is_kept_beside(first, tmp_path):
    there = places(tmp_path / "second")
    there.settings.write_text("DEIDGATE_DICOM_PORT=2104\n", encoding="utf-8")
    (there.config / "routes.toml").write_text("other", encoding="utf-8")
    put_back(written(first, tmp_path), there)
    assert there.settings.read_text(encoding="utf-8") == "DEIDGATE_DICOM_PORT=2104\n"
    assert (there.config / "routes.toml").read_text(encoding="utf-8") == "routes"
    assert (there.config / "routes.toml.before-restore").read_text(encoding="utf-8") == "other"


def test_images_come_back_and_what_was_in_their_place_goes(first, tmp_path):
    second = places(tmp_path / "second", ingest="ingest")
    (second.images["ingest"] / "stale").write_bytes(b"stale")
    put_back(written(first, tmp_path, images=["ingest"]), second, new_index=False)
    assert (second.images["ingest"] / "ab" / "file").read_bytes() == b"dicom"
    assert not (second.images["ingest"] / "stale").exists()


def test_what_is_replaced_is_moved_aside(first, tmp_path):
    target = written(first, tmp_path)
    key = (first.secrets / "pseudonym.key").read_bytes()
    put_back(target, first, now=NOW + timedelta(hours=1))
    assert (first.secrets / "replaced-20260301T130000Z" / "pseudonym.key").read_bytes() == key
    assert (first.ledger / "replaced-20260301T130000Z" / "ledger.db").exists()
    with opened(first) as store:
        assert store.audit.verify() == []


def test_an_instance_that_is_sent_again_to_an_empty_ingest_is_received_again(first, tmp_path):
    second = put_back(written(first, tmp_path), places(tmp_path / "second"))
    with opened(second) as store:
        assert store.feeder.cursor("ingest") == 0
        # By chance with the number that it had before.
        assert store.feeder.record_received([received(0)]) == 1
        assert feed(store, 1) == 0


def test_a_ledger_at_work_is_copied_as_of_one_moment(first, tmp_path):
    with opened(first) as store:
        feed(store, 5)
        target = written(first, tmp_path)
        feed(store, 9)
    with opened(put_back(target, places(tmp_path / "second"))) as store:
        assert store.reports.backlog() == 2


def rotated(there):
    """A change of the encryption key, from its begin to its end."""
    old, new = rotation.begin(there.secrets, ME)
    with opened(there) as store:
        store.custody.rotate_encryption_key(old, new, "admin", "yearly")
    rotation.finish(there.secrets, ME)


@pytest.mark.parametrize("change", ["between", "begun"])
def test_a_backup_during_a_change_of_the_key_reads_all_that_it_holds(first, tmp_path, monkeypatch, change):
    with opened(first) as store:
        before = patient(store)
    changes = [rotated if change == "between" else lambda there: rotation.begin(there.secrets, ME)]
    snapshot = Database.snapshot

    def then_changed(self, path):
        snapshot(self, path)
        if changes:
            changes.pop()(first)

    monkeypatch.setattr(Database, "snapshot", then_changed)
    target = written(first, tmp_path)
    monkeypatch.undo()
    with opened(put_back(target, places(tmp_path / "second"))) as store:
        assert list(store.custody.export_patients("admin", "test")) == [("12345", before.pseudonyms.patient_id)]


def test_a_backup_that_could_not_be_read_again_is_refused(first, tmp_path):
    (first.secrets / "encryption.key").write_bytes(b"x" * 32)
    with pytest.raises(ConfigurationError, match="backup-without-key"):
        written(first, tmp_path)
    assert not (tmp_path / "backup").exists()
    assert not list(first.ledger.glob(".snapshot*"))


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:200], lambda data: data + b"x"])
def test_a_damaged_backup_is_refused_before_anything_is_touched(first, tmp_path, damage):
    target = written(first, tmp_path)
    target.write_bytes(damage(target.read_bytes()))
    with pytest.raises(ConfigurationError, match="backup-unreadable"):
        restore.check(target, WORD)


def test_the_backup_is_its_owners_and_leaves_nothing_behind(first, tmp_path):
    target = written(first, tmp_path)
    assert target.stat().st_mode & 0o777 == 0o600
    assert not list(first.ledger.glob(".snapshot*"))
    assert not list(tmp_path.glob(".backup*"))
    data = target.read_bytes()
    assert (first.secrets / "pseudonym.key").read_bytes() not in data


def test_a_ledger_on_a_server_is_no_empty_backup(tmp_path):
    with pytest.raises(ConfigurationError, match="ledger-not-here"):
        backup.write(tmp_path / "backup", WORD, places(tmp_path / "none"), NOW)
    assert not (tmp_path / "backup").exists()


def test_a_short_passphrase_is_refused(tmp_path):
    (tmp_path / "word").write_text("password\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="passphrase-too-short"):
        backup.passphrase_of(tmp_path / "word")
