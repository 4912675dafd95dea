# SPDX-License-Identifier: Apache-2.0
"""The mapping table in people's hands: audited first, encrypted always, all or nothing."""

import pytest
from tests.unit.store.making import DOE, STYLE, delivered, patient

from deidgate.errors import ConfigurationError
from deidgate.store import Identity, Keys, Store
from deidgate.store.model import Bound, PatientRow


def row(number, patient_id, pseudonym, **more):
    return PatientRow(number=number, project="trial", site="north", patient_id=patient_id, pseudonym=pseudonym, **more)


def load(store, rows, *, dry_run=False):
    return store.custody.import_patients(rows, STYLE, "ann", "trial start", dry_run=dry_run)


def codes(report):
    return [(finding.number, finding.code) for finding in report.problems]


def actions(store):
    return [entry.action for entry in store.audit.entries()]


# -- look-up ------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["patient_id", "pseudonym", "original_uid", "new_uid", "accession", "bound_study"])
def test_a_patient_is_found_by_whatever_a_person_has_in_hand(store, what):
    (outcome,) = delivered(store)
    mapping = patient(store)
    store.mapping.bind_study("trial", "north", "1.2.777", mapping.id, "ACC-1")
    asked = {
        "patient_id": " 12345 ",
        "pseudonym": mapping.pseudonyms.patient_id,
        "original_uid": "1.2.3.4.1",
        "new_uid": outcome.delivered.sop_instance_uid,
        "accession": "ACC-1",
        "bound_study": "1.2.777",
    }[what]
    (found,) = store.custody.look_up(asked, "ann", "a question from the clinic")
    assert (found.patient_id, found.pseudonym, found.identity) == ("12345", mapping.pseudonyms.patient_id, DOE)
    assert found.shift_days == mapping.pseudonyms.shift_days
    if "uid" in what:
        assert (found.uid.original, found.uid.new) == ("1.2.3.4.1", outcome.delivered.sop_instance_uid)


def test_equal_patient_ids_of_two_sites_are_both_found(store):
    patient(store, site="north")
    patient(store, site="south")
    assert {f.site for f in store.custody.look_up("12345", "ann", "test")} == {"north", "south"}


def test_a_look_up_can_be_kept_to_one_project(store):
    patient(store, project="one")
    patient(store, project="two")
    assert [f.project for f in store.custody.look_up("12345", "ann", "test", project="two")] == ["two"]


def test_a_look_up_is_audited_whether_it_finds_or_not_and_tells_no_identity(store):
    mapping = patient(store)
    store.custody.look_up("12345", "ann", "consent form")
    assert store.custody.look_up("DOE-54321", "ann", "typing error") == []
    entries = list(store.audit.entries())
    assert [(e.who, e.action, e.why) for e in entries] == [
        ("ann", "look-up", "consent form"),
        ("ann", "look-up", "typing error"),
    ]
    assert entries[0].objects == (f"patient:trial:{mapping.pseudonyms.patient_id}",)
    assert "12345" not in repr(entries)
    assert "54321" not in repr(entries)


@pytest.mark.parametrize(("by", "why"), [("", "reason"), ("ann", ""), (" ", "reason"), ("ann", "\t")])
def test_who_and_why_must_be_stated(store, by, why):
    patient(store)
    for act in (
        lambda: store.custody.look_up("12345", by, why),
        lambda: store.custody.export_patients(by, why),
        lambda: store.custody.export_uids(by, why),
        lambda: store.custody.import_patients([], STYLE, by, why, dry_run=False),
        lambda: store.custody.purge_patient("trial", "P-1", by, why),
        lambda: store.custody.rotate_encryption_key("a", "b", by, why),
        lambda: store.review.release(1, by, why),
        lambda: store.review.reject(1, by, why),
    ):
        with pytest.raises(ValueError, match="stated"):
            act()
    assert actions(store) == []


# -- export -------------------------------------------------------------------------------


def test_an_export_gives_every_old_and_new_and_is_audited_before_the_first_line(store):
    (outcome,) = delivered(store)
    mapping = patient(store)
    patients, uids = store.custody.export_patients("ann", "share"), store.custody.export_uids("ann", "share")
    assert actions(store) == ["export-patients", "export-uids"]
    assert list(patients) == [("12345", mapping.pseudonyms.patient_id)]
    assert dict(uids) == {pair.original: pair.new for pair in outcome.uid_pairs}


def test_an_export_of_more_rows_than_a_page_loses_none(store):
    mapping = patient(store)
    from deidgate.store import UidKind, UidPair

    pairs = [UidPair(UidKind.INSTANCE, f"1.{n}", mapping.pseudonyms.uid(f"1.{n}")) for n in range(4100)]
    store.mapping.record_uids("trial", mapping.id, pairs)
    assert len(dict(store.custody.export_uids("ann", "test"))) == 4100


def test_an_export_can_be_kept_to_one_project(store):
    patient(store, project="one")
    mapping = patient(store, project="two")
    assert list(store.custody.export_patients("ann", "t", "two")) == [("12345", mapping.pseudonyms.patient_id)]


# -- import -------------------------------------------------------------------------------


def test_imported_pseudonyms_are_used_from_then_on(store):
    report = load(store, [row(1, "12345", "TRIAL-001", pseudonym_name="TRIAL^001", shift_days=-3, identity=DOE)])
    assert (report.new, report.unchanged, report.problems, report.written) == (1, 0, (), True)
    pseudonyms = patient(store).pseudonyms
    assert (pseudonyms.patient_id, pseudonyms.patient_name, pseudonyms.shift_days) == ("TRIAL-001", "TRIAL^001", -3)


def test_a_shift_that_the_file_does_not_give_is_drawn(store):
    load(store, [row(1, "12345", "TRIAL-001")])
    assert 1 <= patient(store).pseudonyms.shift_days <= 365


def test_a_dry_run_reports_and_writes_nothing(store):
    report = load(store, [row(1, "12345", "TRIAL-001")], dry_run=True)
    assert (report.new, report.written) == (1, False)
    assert patient(store).pseudonyms.patient_id != "TRIAL-001"
    assert "import-patients" not in actions(store)


def test_an_import_that_is_repeated_changes_nothing(store):
    rows = [row(1, "12345", "TRIAL-001"), row(2, "23456", "TRIAL-002")]
    load(store, rows)
    report = load(store, rows)
    assert (report.new, report.unchanged, report.written) == (0, 2, True)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row(1, " ", "T-1")], [(1, "patient-id-blank")]),
        ([row(1, "12345", " ")], [(1, "pseudonym-blank"), (1, "pseudonym-unfit")]),
        ([row(1, "12345", "T\u00c4-1")], [(1, "pseudonym-unfit")]),
        ([row(1, "12345", "T\\1")], [(1, "pseudonym-unfit")]),
        ([row(1, "12345", "T" * 65)], [(1, "pseudonym-unfit")]),
        ([row(1, "12345", "T-1 ")], [(1, "pseudonym-unfit")]),
        ([row(1, "12345", "T-12345")], [(1, "pseudonym-is-identity")]),
        ([row(1, "12345", "12345")], [(1, "pseudonym-is-identity")]),
        ([row(1, "12345", "T-1", pseudonym_name="Mrs Doe", identity=DOE)], [(1, "pseudonym-is-identity")]),
        ([row(1, "12345", "T-1"), row(2, "12345 ", "T-2")], [(1, "duplicate-patient"), (2, "duplicate-patient")]),
        ([row(1, "12345", "T-1"), row(2, "23456", "T-1")], [(1, "duplicate-pseudonym"), (2, "duplicate-pseudonym")]),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_is_reported_and_nothing_is_written(store, rows, expected):
    for dry_run in (True, False):
        report = load(store, [*rows, row(9, "98765", "T-9")], dry_run=dry_run)
        assert codes(report) == expected
        assert not report.written
    assert list(store.custody.export_patients("ann", "test")) == []


def test_collisions_with_the_mapping_table_are_reported_and_nothing_is_written(store):
    load(store, [row(1, "12345", "T-1", shift_days=5), row(2, "23456", "T-2")])
    clashes = [
        row(1, "12345", "T-9"),
        row(2, "34567", "T-2"),
        row(3, "45678", "T-4"),
        row(4, "12345", "T-1", shift_days=6),
    ]
    for clash, code in zip(
        clashes, ["patient-has-another", "pseudonym-taken", None, "patient-has-another"], strict=True
    ):
        expected = [(clash.number, code)] if code else []
        assert codes(load(store, [clash], dry_run=True)) == expected
    report = load(store, clashes[:3])
    assert codes(report) == [(1, "patient-has-another"), (2, "pseudonym-taken")]
    assert not report.written
    assert len(list(store.custody.export_patients("ann", "test"))) == 2


def test_an_import_is_audited_with_its_number_of_patients(store):
    load(store, [row(1, "12345", "T-1"), row(2, "23456", "T-2")])
    (entry,) = store.audit.entries()
    assert (entry.action, entry.objects) == ("import-patients", ("project:trial", "patients:2"))


def test_a_large_import_crosses_the_pieces_of_its_queries(store):
    rows = [row(n, f"{n:06}", f"T-{n}") for n in range(1, 1300)]
    assert load(store, rows).new == 1299
    assert load(store, rows).unchanged == 1299


# -- purge --------------------------------------------------------------------------------


def test_a_purged_patient_is_found_no_more_and_comes_back_as_another(store, url, keys):
    delivered(store, 2)
    before = patient(store)
    store.mapping.bind_study("trial", "north", "1.2.3", before.id)
    with Store.open(url, keys) as other:
        patient(other)
        assert store.custody.purge_patient("trial", before.pseudonyms.patient_id, "ann", "consent withdrawn") == 4
        for asked in ("12345", "1.2.3", "1.2.3.4.1", before.pseudonyms.patient_id):
            assert store.custody.look_up(asked, "ann", "test") == []
        assert list(store.custody.export_uids("ann", "test")) == []
        assert list(store.custody.export_patients("ann", "test")) == []
        store._context.epoch._looked = other._context.epoch._looked = float("-inf")
        after = patient(other)
    assert after.pseudonyms.patient_id != before.pseudonyms.patient_id
    assert patient(store) == after


def purged_behind(store, part, read, purge):
    """Let `purge` happen, and another thread notice it, just after `part` has read by its method `read`."""
    original = getattr(part, read)

    def and_then(*arguments):
        answer = original(*arguments)
        setattr(part, read, original)
        purge()
        store._context.epoch._looked = float("-inf")
        store._context.epoch.look()
        return answer

    setattr(part, read, and_then)


def test_a_patient_who_is_purged_while_being_read_is_not_remembered(store):
    def purge():
        [(_, pseudonym)] = store.custody.export_patients("ann", "test")
        store.custody.purge_patient("trial", pseudonym, "ann", "consent withdrawn")

    purged_behind(store, store.mapping._patients, "_stored", purge)
    before = patient(store)
    assert patient(store).pseudonyms.patient_id != before.pseudonyms.patient_id


def test_a_study_that_is_purged_while_being_read_is_not_remembered(store):
    before = patient(store)

    def purge():
        store.custody.purge_patient("trial", before.pseudonyms.patient_id, "ann", "consent withdrawn")

    purged_behind(store, store.mapping._bindings, "_bound", purge)
    store.mapping.bind_study("trial", "north", "1.2.3", before.id)
    after = patient(store)
    assert isinstance(store.mapping.bind_study("trial", "north", "1.2.3", after.id), Bound)


def test_the_pseudonym_of_a_purged_patient_is_not_given_again(store):
    load(store, [row(1, "12345", "T-1")])
    store.custody.purge_patient("trial", "T-1", "ann", "consent withdrawn")
    assert codes(load(store, [row(1, "23456", "T-1")])) == [(1, "pseudonym-taken")]


def test_purging_whom_nobody_knows_is_nothing(store):
    assert store.custody.purge_patient("trial", "P-UNKNOWN", "ann", "test") is None
    assert actions(store) == []


# -- rotation of the encryption key -------------------------------------------------------


def test_after_a_rotation_the_old_key_is_needed_no_more_and_everything_is_found(store, url, keys):
    delivered(store, 3)
    mapping = patient(store)
    store.mapping.bind_study("trial", "north", "1.2.3", mapping.id, "ACC-1")
    both = Keys.of(keys.pseudonym, b"n" * 32, b"e" * 32)
    only_new = Keys.of(keys.pseudonym, b"n" * 32)
    with Store.open(url, both) as rotating:
        assert rotating.custody.values_under(keys.encryption_id) == 7
        rotated = rotating.custody.rotate_encryption_key(keys.encryption_id, both.encryption_id, "ann", "yearly")
        assert rotated == 7
        assert rotating.custody.values_under(keys.encryption_id) == 0
        assert rotating.custody.rotate_encryption_key(keys.encryption_id, both.encryption_id, "ann", "again") == 0
        assert rotating.audit.verify() == []
    with Store.open(url, only_new) as fresh:
        assert patient(fresh) == mapping
        (found,) = fresh.custody.look_up("ACC-1", "ann", "test")
        assert (found.patient_id, found.identity) == ("12345", Identity("DOE^JANE", "19700102"))
        assert len(dict(fresh.custody.export_uids("ann", "test"))) == 5
    with Store.open(url, keys) as stale, pytest.raises(ConfigurationError, match="encryption-key-missing"):
        stale.custody.look_up("ACC-1", "ann", "test")


def test_a_rotation_that_was_interrupted_goes_on(store, url, keys, monkeypatch):
    from deidgate.store import rotation

    delivered(store, 5)
    both = Keys.of(keys.pseudonym, b"n" * 32, b"e" * 32)
    with Store.open(url, both) as rotating:
        monkeypatch.setattr(rotation, "_BATCH", 2)
        whole, calls = rotation._batch, iter(range(100))

        def stops(*arguments):
            if next(calls) == 3:
                raise InterruptedError
            return whole(*arguments)

        monkeypatch.setattr(rotation, "_batch", stops)
        with pytest.raises(InterruptedError):
            rotating.custody.rotate_encryption_key(keys.encryption_id, both.encryption_id, "ann", "yearly")
        left = rotating.custody.values_under(keys.encryption_id)
        assert 0 < left < 8
        assert len(list(rotating.custody.export_uids("ann", "test"))) == 7
        monkeypatch.setattr(rotation, "_batch", whole)
        assert rotating.custody.rotate_encryption_key(keys.encryption_id, both.encryption_id, "ann", "on") == left
        assert rotating.custody.values_under(keys.encryption_id) == 0


def test_a_rotation_to_a_key_that_is_not_there_changes_nothing(store, keys):
    patient(store)
    with pytest.raises(ConfigurationError, match="encryption-key-missing"):
        store.custody.rotate_encryption_key(keys.encryption_id, "ffffffff", "ann", "test")
    assert store.custody.values_under(keys.encryption_id) == 1
