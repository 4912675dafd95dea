# SPDX-License-Identifier: Apache-2.0
"""The same patient is the same pseudonym; nobody else is."""

import sqlite3

import pytest
from sqlalchemy import select
from tests.unit.store.making import DOE, STYLE, delivered

from deidgate.errors import CannotDeidentify, ConfigurationError
from deidgate.pseudonym import PseudonymStyle
from deidgate.pseudonym.draw import is_well_formed
from deidgate.store import Bound, Conflict, Identity, Store, UidKind, UidPair
from deidgate.store.database import Database
from deidgate.store.schema import metadata


def ask(store, patient_id="1", *, project="trial", site="north", issuer="", identity=DOE, style=STYLE):
    return store.mapping.pseudonyms_for(project, site, issuer, patient_id, identity, style)


def test_the_same_patient_gets_the_same_pseudonyms_in_this_process_and_the_next(store, url, keys):
    first = ask(store)
    with Store.open(url, keys) as other:
        assert ask(other) == first
    assert ask(store) == first


def test_equal_patient_ids_of_two_sites_are_two_patients(store):
    assert ask(store, site="north").id != ask(store, site="south").id


def test_equal_patient_ids_of_one_issuer_are_one_patient_whatever_site_sent_them(store):
    assert ask(store, site="north", issuer="NHS").id == ask(store, site="south", issuer="NHS ").id
    assert ask(store, issuer="NHS").id != ask(store).id


def test_a_site_is_never_taken_for_an_issuer_of_the_same_name(store):
    assert ask(store, site="NHS").id != ask(store, site="other", issuer="NHS").id


def test_a_patient_has_unrelated_pseudonyms_and_uids_in_two_projects(store):
    one, two = ask(store, project="one").pseudonyms, ask(store, project="two").pseudonyms
    assert one.patient_id != two.patient_id
    assert one.uid("1.2.3") != two.uid("1.2.3")


@pytest.mark.parametrize("padded", ["12345 ", " 12345", "12345\0", "12345\0\0 "])
def test_padding_makes_no_other_patient(store, padded):
    assert ask(store, padded).id == ask(store, "12345").id


def test_two_unicode_forms_of_an_id_are_one_patient(store):
    assert ask(store, "M\u00fcller").id == ask(store, "Mu\u0308ller").id


@pytest.mark.parametrize("blank", ["", " ", "\0", " \0 "])
def test_a_blank_patient_id_is_refused_with_a_code(store, blank):
    with pytest.raises(CannotDeidentify) as error:
        ask(store, blank)
    assert (error.value.code, error.value.path) == ("patient-id-blank", "PatientID")


def test_pseudonyms_have_the_style_of_the_policy(store):
    style = PseudonymStyle(prefix="MAMMO-", length=6, shift_min_days=7, shift_max_days=14, whole_weeks=True)
    pseudonyms = ask(store, style=style).pseudonyms
    assert is_well_formed(pseudonyms.patient_id, style)
    assert pseudonyms.patient_name == pseudonyms.patient_id
    assert pseudonyms.shift_days in (7, 14)


def test_pseudonyms_that_are_used_up_are_an_error_and_not_a_second_owner(store):
    style = PseudonymStyle(prefix="", alphabet="ABC", length=1, check=False)
    seen = {ask(store, str(n), style=style).pseudonyms.patient_id for n in range(2)}
    assert len(seen) == 2
    with pytest.raises(ConfigurationError, match="pseudonyms-exhausted"):
        for n in range(2, 9):
            ask(store, str(n), style=style)


def test_an_identity_that_differs_from_the_first_is_told(store):
    ask(store)
    assert ask(store, identity=Identity("DOE^JANE^^ ", "19700102")).differs == frozenset()
    assert ask(store, identity=Identity("doe^jane", "")).differs == frozenset()
    assert ask(store, identity=Identity("DOE^JANE", "19700103")).differs == {"birth_date"}
    assert ask(store, identity=Identity("ROE^RICHARD", "19300102")).differs == {"patient_name", "birth_date"}
    assert ask(store).differs == frozenset()


def test_an_identity_that_was_blank_is_completed_and_then_compared(store, url, keys):
    ask(store, identity=Identity())
    ask(store, identity=Identity("DOE^JANE", ""))
    with Store.open(url, keys) as other:
        assert ask(other, identity=Identity("ROE^JANE", "19700102")).differs == {"patient_name"}
        assert ask(other, identity=Identity("", "19700103")).differs == {"birth_date"}
    (found,) = store.custody.look_up("1", "ann", "test")
    assert found.identity == DOE


def test_a_study_belongs_to_the_patient_that_it_was_seen_with_first(store, url, keys):
    one, two = ask(store, "1"), ask(store, "2")
    bound = store.mapping.bind_study("trial", "north", "1.2.3", one.id, "ACC1")
    assert isinstance(bound, Bound)
    assert store.mapping.bind_study("trial", "north", "1.2.3 ", one.id) == bound
    assert store.mapping.bind_study("trial", "north", "1.2.3", two.id) == Conflict(bound.study, one.id)
    with Store.open(url, keys) as other:
        assert other.mapping.bind_study("trial", "north", "1.2.3", two.id) == Conflict(bound.study, one.id)


def test_a_study_is_bound_per_project(store):
    one, two = ask(store, project="one"), ask(store, project="two")
    assert isinstance(store.mapping.bind_study("one", "north", "1.2.3", one.id), Bound)
    assert isinstance(store.mapping.bind_study("two", "north", "1.2.3", two.id), Bound)


def test_known_instances_are_those_that_were_delivered(store):
    delivered(store, 2)
    assert store.mapping.known_instances("trial", ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"]) == {
        "1.2.3.4.1": "sha256:a", "1.2.3.4.2": "sha256:a"
    }  # fmt: skip
    assert store.mapping.known_instance("other", "1.2.3.4.1") is None


def test_uids_of_folders_are_recorded_once_with_their_digest(store):
    mapping = ask(store)
    new = mapping.pseudonyms.uid
    pairs = [UidPair(UidKind.STUDY, "1.2", new("1.2")), UidPair(UidKind.INSTANCE, "1.2.3", new("1.2.3"))]
    for _ in range(2):
        store.mapping.record_uids("trial", mapping.id, pairs, [None, "sha256:x"])
    assert dict(store.custody.export_uids("ann", "test")) == {"1.2": new("1.2"), "1.2.3": new("1.2.3")}
    assert store.mapping.known_instance("trial", "1.2.3") == "sha256:x"


def test_patient_indices_follow_the_order_of_first_question_and_stay(store, url, keys):
    patients = [ask(store, str(n)) for n in range(3)]
    order = [patients[2], patients[0], patients[1]]
    assert [store.mapping.patient_index("trial", p.id) for p in order] == [1, 2, 3]
    assert [store.mapping.patient_index("trial", p.id) for p in patients] == [2, 3, 1]
    with Store.open(url, keys) as other:
        assert [other.mapping.patient_index("trial", p.id) for p in patients] == [2, 3, 1]


def test_patient_indices_begin_at_one_in_every_project(store):
    assert [store.mapping.patient_index(p, ask(store, project=p).id) for p in ("one", "two")] == [1, 1]


def test_image_numbers_count_up_per_patient_and_stay(store):
    one, two = ask(store, "1"), ask(store, "2")
    assert store.mapping.image_numbers("trial", one.id, ["1.1", "1.2", "1.1"]) == [1, 2, 1]
    assert store.mapping.image_numbers("trial", one.id, ["1.3", "1.1"]) == [3, 1]
    assert store.mapping.image_numbers("trial", two.id, ["1.3"]) == [1]


def test_no_identifying_value_is_in_the_database_in_the_clear(store, url, keys):
    needles = ["DOE", "JANE", "19700102", "PATID-4711", "ACC-0815", "1.2.3.4.5.6.7", "ISSUER-XY"]
    mapping = store.mapping.pseudonyms_for("trial", "north", "ISSUER-XY", "PATID-4711", DOE, STYLE)
    store.mapping.bind_study("trial", "north", "1.2.3.4.5.6.7", mapping.id, "ACC-0815")
    pair = UidPair(UidKind.INSTANCE, "1.2.3.4.5.6.7.8", mapping.pseudonyms.uid("1.2.3.4.5.6.7.8"))
    store.mapping.record_uids("trial", mapping.id, [pair])
    delivered(store)
    store.custody.look_up("PATID-4711", "ann", "test")
    database = Database(url, 5)
    with database.read() as connection:
        content = repr([connection.execute(select(table)).all() for table in metadata.sorted_tables])
    database.close()
    assert mapping.pseudonyms.patient_id in content
    assert [needle for needle in needles if needle in content] == []


def test_no_identifying_value_is_in_the_files_of_the_database(tmp_path, keys):
    with Store.open(f"sqlite:///{tmp_path}/ledger.db", keys) as store:
        store.mapping.pseudonyms_for("trial", "north", "", "PATID-4711", DOE, STYLE)
        files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert "ledger.db-wal" in files
    assert not [name for name, content in files.items() if b"PATID-4711" in content or b"JANE" in content]


def test_neither_identity_nor_key_is_in_any_representation(store, keys):
    mapping = ask(store, "PATID-4711")
    shown = repr(
        [
            DOE,
            mapping,
            keys,
            UidPair(UidKind.STUDY, "1.2.3.4711", "2.25.1"),
            store.custody.look_up("PATID-4711", "a", "b"),
        ]
    )
    assert "JANE" not in shown
    assert "4711" not in shown
    assert repr(keys.pseudonym) not in shown
    assert repr(mapping.pseudonyms.uid_key) not in shown


def test_the_database_file_is_for_its_owner_only(tmp_path, keys):
    with Store.open(f"sqlite:///{tmp_path}/ledger.db", keys) as store:
        ask(store)
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert sqlite3.connect(tmp_path / "ledger.db").execute("PRAGMA journal_mode").fetchone() == ("wal",)
