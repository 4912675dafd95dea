# SPDX-License-Identifier: Apache-2.0
import os
from datetime import UTC, datetime

import pytest
from tests.unit.store.making import delivered, patient

from deidgate.custody import rotation
from deidgate.custody.generate import EARLIER, Folder, generate
from deidgate.store import Keys, Store

ME = os.getuid()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "secrets"
    path.mkdir()
    generate(Folder(path, None), ("localhost",), datetime.now(UTC))
    return path


def opened(folder):
    return Store.open(f"sqlite:///{folder.parent}/ledger.db", Keys.load(folder))


def test_before_any_change_there_is_one_key(folder):
    assert len(Keys.load(folder).encryption) == 1


def test_a_change_of_key_changes_no_identity(folder):
    with opened(folder) as store:
        delivered(store, 3)
        before = patient(store).pseudonyms.patient_id
        pairs = list(store.custody.export_patients("me", "why"))
    old, new = rotation.begin(folder, ME)
    with opened(folder) as store:
        assert store.custody.values_under(old) > 0
        store.custody.rotate_encryption_key(old, new, "me", "why")
        assert store.custody.values_under(old) == 0
    rotation.finish(folder, ME)
    assert list(Keys.load(folder).encryption) == [new]
    with opened(folder) as store:
        assert patient(store).pseudonyms.patient_id == before
        assert list(store.custody.export_patients("me", "why")) == pairs
        assert store.audit.verify() == []


def test_a_change_that_was_cut_short_goes_on_with_the_same_keys(folder):
    first = rotation.begin(folder, ME)
    assert rotation.begin(folder, ME) == first
    (folder / EARLIER).unlink()
    assert rotation.begin(folder, ME) == first
    assert set(Keys.load(folder).encryption) == set(first)


def test_the_old_key_is_there_for_the_containers_until_the_end(folder):
    before = (folder / "encryption.key").read_bytes()
    rotation.begin(folder, ME)
    assert (folder / EARLIER).read_bytes() == before
    assert (folder / EARLIER).stat().st_mode & 0o777 == 0o400
    rotation.finish(folder, ME)
    assert all(path.read_bytes() != before for path in folder.glob("*.key"))


def test_the_pseudonym_key_stays(folder):
    before = (folder / "pseudonym.key").read_bytes()
    rotation.begin(folder, ME)
    rotation.finish(folder, ME)
    assert (folder / "pseudonym.key").read_bytes() == before
