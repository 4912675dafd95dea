# SPDX-License-Identifier: Apache-2.0
"""A ledger of an earlier version is upgraded with everything that is in it."""

import pytest
from sqlalchemy import text
from tests.unit.store.making import DOE, STYLE, claim, delivery

from deidgate.pseudonym import ProjectKey
from deidgate.store import Store, upgrade
from deidgate.store.crypto import Cipher, LedgerIndex, ProjectIndex
from deidgate.store.database import Database
from deidgate.store.prepare import _check_value
from deidgate.store.trail import Trail


@pytest.fixture
def first_url(empty_url, keys):
    """A database as the first version left it: a patient and three items."""
    database, cipher = Database(empty_url, 5), Cipher(keys)
    index = ProjectIndex(ProjectKey.of(keys.pseudonym, "trial"))
    key = index.patient("north", "", "12345")
    with database.write() as connection:
        upgrade.upgrade(connection, "0001")
        rows = {"key_check": _check_value(keys)}
        connection.execute(
            text("INSERT INTO meta VALUES ('pseudonym-key-check', :key_check), ('mapping-epoch', '0')"), rows
        )
        Trail(keys).begin(connection)
        connection.execute(text("INSERT INTO projects VALUES ('trial', 0)"))
        values = {
            "key": key,
            "id_key": index.patient_id("12345"),
            "key_id": cipher.key_id,
            **{
                column: cipher.encrypt(value, f"patients.{column}", key)
                for column, value in (
                    ("patient_id", "12345"),
                    ("issuer", ""),
                    ("patient_name", "DOE^JANE"),
                    ("birth_date", "19700102"),
                )
            },
        }  # fmt: skip
        connection.execute(
            text(
                "INSERT INTO patients (id, project, site, patient_key, id_key, patient_id_enc, issuer_enc,"
                " patient_name_enc, birth_date_enc, key_id, pseudonym, pseudonym_name, shift_days, origin, created_at)"
                " VALUES (1, 'trial', 'north', :key, :id_key, :patient_id, :issuer, :patient_name, :birth_date,"
                " :key_id, 'P-FIRST', 'P-FIRST', 9, 'drawn', 1)"
            ),
            values,
        )
        for number in (1, 2, 3):
            connection.execute(
                text(
                    "INSERT INTO items (id, source, orthanc_id, generation, site, calling_aet, called_aet, received_at,"
                    " state, original, due_at, token, attempts, lapses, changed_at, study_key)"
                    " VALUES (:n, 'ingest', 'o' || :t, :n, 'north', '', '', :n, 'received', 'present', :n,"
                    " 0, 0, 0, 1, :s)"
                ),
                {"n": number, "t": str(number), "s": LedgerIndex(keys).study("1.2.3")},
            )
    database.close()
    return empty_url


def test_an_upgrade_from_the_first_version_keeps_patients_items_and_their_order(first_url, keys):
    with Store.open(first_url, keys) as store:
        mapping = store.mapping.pseudonyms_for("trial", "north", "", "12345", DOE, STYLE)
        assert (mapping.id, mapping.pseudonyms.patient_id, mapping.pseudonyms.shift_days) == (1, "P-FIRST", 9)
        assert mapping.differs == frozenset()
        claims = claim(store, 9)
        assert [c.orthanc_id for c in claims] == ["o1", "o2", "o3"]
        assert store.queue.settle([delivery(mapping, claims[0])]).done == {1}
        assert store.audit.verify() == []


def test_an_upgrade_that_fails_leaves_the_earlier_version_whole(first_url, keys, monkeypatch):
    from deidgate.store import prepare

    def fails(connection, keys):
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(prepare, "_check_key", fails)
        with pytest.raises(InterruptedError):
            Store.open(first_url, keys)
    database = Database(first_url, 5)
    with database.read() as connection:
        assert upgrade.version(connection) == "0001"
        assert connection.execute(text("SELECT count(*) FROM items")).scalar_one() == 3
    database.close()
    Store.open(first_url, keys).close()
