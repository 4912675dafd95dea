# SPDX-License-Identifier: Apache-2.0
"""From the beginning of a change of the encryption key on, nothing is written under the old one."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from tests.unit.store.making import NOON, STYLE, claim, delivery, feed, patient

from deidgate.errors import ConfigurationError, Unavailable
from deidgate.store import Hold, Identity, Keys, Retry, Store, bindings, rotation
from deidgate.store.model import PatientRow
from deidgate.store.patients import Patients
from deidgate.store.retired import require_current

SOON_S = 0.5
"""Time in which another thread gets through, unless it has to wait."""


@pytest.fixture
def both(keys):
    """The keys during a change; `keys` has the old one alone."""
    return Keys.of(keys.pseudonym, b"n" * 32, b"e" * 32)


@pytest.fixture
def fresh(url, both):
    """A store that was opened after the new key was made; `store` was opened before."""
    with Store.open(url, both) as opened:
        yield opened


@pytest.fixture
def behind():
    """A thread beside the test's own."""
    with ThreadPoolExecutor(1) as threads:
        yield threads


def rotate(fresh, keys, both):
    return fresh.custody.rotate_encryption_key(keys.encryption_id, both.encryption_id, "ann", "yearly")


def ask(store, birth_date):
    return store.mapping.pseudonyms_for("trial", "north", "", "12345", Identity("DOE^JANE", birth_date), STYLE)


def in_the_middle(monkeypatch, behind, owner, name, action):
    """Have `action` begin in a thread when `name` of `owner` is called; how far it was soon after, and its end."""
    original, begun = getattr(owner, name), []

    def slowly(*arguments):
        if not begun:
            future = behind.submit(action)
            wait([future], SOON_S)
            begun.extend((future.done(), future))
        return original(*arguments)

    monkeypatch.setattr(owner, name, slowly)
    return begun


# -- who comes too late --------------------------------------------------------------------


def new_patient(store, mapping, claimed):
    patient(store, "777")


def new_study(store, mapping, claimed):
    store.mapping.bind_study("trial", "north", "1.2.9", mapping.id, "ACC-9")


def delivered_item(store, mapping, claimed):
    assert store.queue.settle([delivery(mapping, claimed)]).done


def recorded_uids(store, mapping, claimed):
    store.mapping.record_uids("trial", mapping.id, delivery(mapping, claimed).uid_pairs)


def imported_patient(store, mapping, claimed):
    row = PatientRow(number=1, project="trial", site="north", patient_id="9", pseudonym="T-9")
    assert store.custody.import_patients([row], STYLE, "ann", "trial start", dry_run=False).new


@pytest.mark.parametrize("write", [new_patient, new_study, delivered_item, recorded_uids, imported_patient])
def test_who_has_the_old_key_alone_writes_nothing_once_a_change_has_begun(store, fresh, keys, both, write):
    mapping = patient(store)
    feed(store, 1)
    (claimed,) = claim(store)
    rotate(fresh, keys, both)
    assert fresh.custody.values_under(keys.encryption_id) == 0
    with pytest.raises(Unavailable, match=f"encryption-key-retired at encryption-{keys.encryption_id}.key"):
        write(store, mapping, claimed)
    assert fresh.custody.values_under(keys.encryption_id) == 0
    write(fresh, mapping, claimed)
    assert fresh.custody.values_under(keys.encryption_id) == 0
    assert fresh.audit.verify() == []


def test_a_change_that_is_cut_short_has_begun(store, fresh, keys, both, monkeypatch):
    patient(store)
    with monkeypatch.context() as cut:
        cut.setattr(rotation, "_batch", None)
        with pytest.raises(TypeError):
            rotate(fresh, keys, both)
    with pytest.raises(Unavailable, match="encryption-key-retired"):
        patient(store, "777")
    assert rotate(fresh, keys, both) == 1


def test_who_has_the_old_key_alone_can_still_hold_and_give_back(store, fresh, keys, both):
    feed(store, 2)
    one, other = claim(store, 2)
    rotate(fresh, keys, both)
    assert store.queue.settle([Hold(one, "no-route"), Retry(other, NOON, "encryption-key-retired")]).lost == set()


def test_who_has_the_old_key_alone_finds_out_before_the_next_delivery(store, fresh, keys, both):
    patient(store)
    rotate(fresh, keys, both)
    store._context.epoch._looked = float("-inf")
    with pytest.raises(ConfigurationError, match="encryption-key-missing"):
        patient(store)


def test_a_change_back_makes_the_key_one_that_may_be_used(store, fresh, keys, both):
    mapping = patient(store)
    rotate(fresh, keys, both)
    assert fresh.custody.rotate_encryption_key(both.encryption_id, keys.encryption_id, "ann", "by mistake") == 1
    assert patient(store, "777") != mapping
    with pytest.raises(Unavailable, match="encryption-key-retired"):
        patient(fresh, "888")


# -- who comes at the same time ------------------------------------------------------------


def test_a_change_waits_for_who_asked_in_time_and_takes_that_row_along(store, fresh, keys, both, behind, monkeypatch):
    mapping = patient(store)
    begun = in_the_middle(monkeypatch, behind, bindings, "insert_new", lambda: rotate(fresh, keys, both))
    store.mapping.bind_study("trial", "north", "1.2.9", mapping.id)
    was_done, change = begun
    assert not was_done
    assert change.result(30) == 2
    assert fresh.custody.values_under(keys.encryption_id) == 0


def test_two_processes_that_write_do_not_wait_for_each_other_to_ask(cluster, ledger_url, keys):
    # SQLite has one writer at a time anyway.
    url = cluster.emptied(ledger_url)
    with (
        Store.open(url, keys) as store,
        Store.open(url, keys, busy_timeout_s=2) as second,
        store._context.database.write() as one,
        second._context.database.write() as other,
    ):
        require_current(one, keys.encryption_id)
        require_current(other, keys.encryption_id)


def test_a_blank_that_is_filled_in_goes_under_the_key_of_its_row(store, fresh, url, keys, both, behind, monkeypatch):
    # A change that is past its beginning, which waits for more.
    monkeypatch.setattr(rotation, "retire", lambda *_arguments: None)
    ask(store, "")
    begun = in_the_middle(monkeypatch, behind, Patients, "_complete", lambda: rotate(fresh, keys, both))
    with Store.open(url, both) as other:
        before = ask(other, "19700102")
    was_done, change = begun
    assert not was_done
    assert change.result(30) == 1
    with Store.open(url, both) as other:
        assert ask(other, "19700102") == before
        assert ask(other, "19711111").differs == {"birth_date"}


def test_a_blank_that_is_filled_in_is_not_written_into_a_purged_row(store, fresh, url, both, behind, monkeypatch):
    pseudonym = ask(store, "").pseudonyms.patient_id

    def purge():
        return fresh.custody.purge_patient("trial", pseudonym, "ann", "consent withdrawn")

    begun = in_the_middle(monkeypatch, behind, Patients, "_complete", purge)
    with Store.open(url, both) as other:
        assert ask(other, "19700102").pseudonyms.patient_id == pseudonym
    was_done, purged = begun
    assert not was_done
    assert purged.result(30) == 0
    with Store.open(url, both) as other:
        assert ask(other, "19700102").pseudonyms.patient_id != pseudonym
        assert other.custody.look_up(pseudonym, "ann", "test") == []
