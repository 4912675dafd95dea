# SPDX-License-Identifier: Apache-2.0
"""The result claims what was done, and no more."""

import itertools

import pytest
from tests.data.instances import dataset, elements, file_bytes, instance, read
from tests.data.policies import PSEUDONYMS, SHIPPED, shipped, with_options

from deidgate.apply.elements import apply
from deidgate.plan.claims import finish_claims
from deidgate.plan.planner import plan
from deidgate.policy.load import NOT_IMPLEMENTED
from deidgate.policy.model import Option
from deidgate.standard.codes import CID_7050
from deidgate.verify.gate import verify

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
FULL, MODIFIED = Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES


def run(header, policy, *, checked=False):
    done = finish_claims(plan(header, policy, PSEUDONYMS), pixels_checked=checked)
    return read(file_bytes(apply(header, done), header.file_meta.TransferSyntaxUID))


def codes(result):
    return [item.CodeValue for item in result.DeidentificationMethodCodeSequence]


ON_OFF = [option for option in Option if option not in NOT_IMPLEMENTED | {FULL, MODIFIED, Option.CLEAN_PIXEL_DATA}]
SUBSETS = [
    frozenset(itertools.compress(ON_OFF, mask)) | dates
    for mask in itertools.product((False, True), repeat=len(ON_OFF))
    for dates in (frozenset(), frozenset({FULL}), frozenset({MODIFIED}))
]


def test_every_subset_of_options_gives_exactly_its_codes():
    header = instance()
    assert len(SUBSETS) >= 512
    for subset in SUBSETS:
        made = plan(header, with_options(subset), PSEUDONYMS)
        assert made.codes == ("113100", *sorted(option.value for option in subset))
        written = next(one.value for one in made.added if one.path.tag == 0x00120064)
        assert [item[0].value for item in written] == list(made.codes)
        expected = "UNMODIFIED" if FULL in subset else "MODIFIED" if MODIFIED in subset else "REMOVED"
        assert made.longitudinal == expected


@pytest.mark.parametrize("name", SHIPPED)
def test_claims_of_shipped_policies_are_complete_and_fit_their_vr(name):
    result = run(instance(), shipped(name), checked=shipped(name).cleans_pixels)
    assert result.PatientIdentityRemoved == "YES"
    assert result.LongitudinalTemporalInformationModified in ("UNMODIFIED", "MODIFIED", "REMOVED")
    assert codes(result)[0] == "113100"
    assert f"Deidgate {shipped(name).label}" in result.DeidentificationMethod
    assert all(len(value) <= 64 for value in result.DeidentificationMethod)
    assert all(
        item.CodingSchemeDesignator == "DCM" and item.CodeMeaning for item in result.DeidentificationMethodCodeSequence
    )


def test_nothing_is_claimed_about_pixels_that_were_not_checked():
    result = run(instance(), shipped("longitudinal"))
    assert "113101" not in codes(result)
    assert "BurnedInAnnotation" not in result


def test_checked_pixels_are_claimed():
    result = run(instance(BurnedInAnnotation="YES"), shipped("longitudinal"), checked=True)
    assert codes(result).count("113101") == 1
    assert result.BurnedInAnnotation == "NO"
    assert result.PatientIdentityRemoved == "YES"


def test_identity_is_not_claimed_to_be_removed_over_a_picture_that_nobody_looked_at():
    header = instance(sop_class=SECONDARY_CAPTURE, Modality="OT")
    assert run(header, shipped("basic")).PatientIdentityRemoved == "NO"
    assert run(header, shipped("longitudinal"), checked=True).PatientIdentityRemoved == "YES"


def test_earlier_methods_and_codes_stay_and_are_extended():
    earlier = elements(CodeValue="113105", CodingSchemeDesignator="DCM", CodeMeaning="Clean Descriptors Option")
    header = instance(
        PatientIdentityRemoved="YES",
        DeidentificationMethod=["Other tool 3.1"],
        DeidentificationMethodCodeSequence=[earlier],
    )
    result = run(header, shipped("basic"))
    assert codes(result) == ["113105", "113100"]
    assert result.DeidentificationMethod[0] == "Other tool 3.1"


def test_an_earlier_method_that_names_the_patient_does_not():
    header = instance(DeidentificationMethod=["cleaned for Patient1 Doe"])
    assert "Doe" not in str(run(header, shipped("basic")).DeidentificationMethod)


def test_a_code_of_another_vocabulary_is_not_taken_over():
    foreign = elements(CodeValue="Patient1", CodingSchemeDesignator="99HOSP", CodeMeaning="Doe")
    assert codes(run(instance(DeidentificationMethodCodeSequence=[foreign]), shipped("basic"))) == ["113100"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_second_run_repeats_no_claim_and_leaves_one_mark(name):
    first = run(instance(), shipped(name), checked=shipped(name).cleans_pixels)
    second = run(first, shipped(name), checked=shipped(name).cleans_pixels)
    assert sorted(set(codes(second))) == sorted(codes(second)) == sorted(codes(first))
    assert list(second.DeidentificationMethod) == list(first.DeidentificationMethod)


FORMER = {"113106": "UNMODIFIED", "113107": "MODIFIED"}


def deidentified_before(said=None, *codes):
    items = [elements(CodeValue=c, CodingSchemeDesignator="DCM", CodeMeaning=CID_7050[c]) for c in ("113100", *codes)]
    return dataset(
        PatientIdentityRemoved="YES",
        DeidentificationMethod="Other tool",
        DeidentificationMethodCodeSequence=items,
        **({"LongitudinalTemporalInformationModified": said} if said else {}),
    )


def passed(original, name):
    """The result of a policy, which the gate lets pass."""
    header = read(file_bytes(original))
    made = plan(header, shipped(name), PSEUDONYMS)
    data = file_bytes(apply(header, made))
    assert verify(file_bytes(original), data, made).findings == ()
    return read(data)


@pytest.mark.parametrize(("name", "own"), [("basic", 2), ("longitudinal", 1), ("full-dates", 0), ("mammography", 0)])
@pytest.mark.parametrize("before", ["UNMODIFIED", "MODIFIED", "REMOVED"])
def test_dates_that_were_moved_or_removed_before_are_never_said_to_be_true_again(name, own, before):
    order = ["UNMODIFIED", "MODIFIED", "REMOVED"]
    result = passed(deidentified_before(before), name)
    assert result.LongitudinalTemporalInformationModified == order[max(own, order.index(before))]


@pytest.mark.parametrize("former", ["113106", "113107"])
@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(
    ("name", "codes"),
    [("basic", set()), ("safe-harbor", None), ("longitudinal", {"113107"}), ("full-dates", {"113106"})],
)
def test_what_was_deidentified_before_passes_with_codes_that_are_true(name, codes, former, said):
    result = passed(deidentified_before(FORMER[former] if said else None, former), name)
    claimed = {item.CodeValue for item in result.DeidentificationMethodCodeSequence} & set(FORMER)
    if codes is None:
        codes = {option.value for option in shipped(name).options} & set(FORMER)
    kept = {former} if name == "full-dates" else set()
    assert claimed == codes | kept
    if "113107" in claimed:
        assert result.LongitudinalTemporalInformationModified == "MODIFIED"


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("former", ["113108", "113109", "113110", "113111", "113112"])
def test_what_was_retained_before_is_claimed_only_where_it_is_retained_now(name, former):
    own = {option.value for option in shipped(name).options}
    result = passed(deidentified_before("UNMODIFIED", former), name)
    assert (former in codes(result)) is (former in own)


@pytest.mark.parametrize("former", ["113101", "113103", "113104", "113105"])
def test_what_was_cleaned_before_is_still_claimed(former):
    assert former in codes(passed(deidentified_before("UNMODIFIED", former), "basic"))
