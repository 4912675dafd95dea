# SPDX-License-Identifier: Apache-2.0
"""What holds for any instance: every element decided, one graph of UIDs, equal intervals, nothing by chance."""

from __future__ import annotations

import dataclasses
import datetime
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from tests.data.instances import dataset, elements, file_bytes, read, uid
from tests.data.policies import PSEUDONYMS, SHIPPED, shipped, with_options

from deidgate.apply.elements import apply
from deidgate.plan.claims import finish_claims
from deidgate.plan.model import Action
from deidgate.plan.planner import plan
from deidgate.policy.load import NOT_IMPLEMENTED
from deidgate.policy.model import Option

UIDS = st.integers(0, 5).map(lambda number: uid(9, number))
DATES = st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)).map(lambda day: f"{day:%Y%m%d}")
OPTIONS = st.sets(
    st.sampled_from(sorted(set(Option) - NOT_IMPLEMENTED - {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}))
)

LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "ReferencedSOPInstanceUID": UIDS,
        "FrameOfReferenceUID": UIDS,
        "CreatorVersionUID": UIDS,
        "SeriesDate": DATES,
        "ScheduledProcedureStepStartDate": DATES,
        "StudyDescription": st.text("abc äö", max_size=12),
        "PatientName": st.just("Doe^Jane"),
        "SliceThickness": st.sampled_from(["1", "2.5"]),
        "CodeMeaning": st.just("Knee"),
    },
)
SEQUENCES = st.sampled_from(["ReferencedSeriesSequence", "ReferencedImageSequence", "RequestAttributesSequence"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(LEAVES, SEQUENCES, st.lists(inner, min_size=1, max_size=3)).map(
        lambda made: {**made[0], made[1]: made[2]}
    ),
    max_leaves=8,
)


def built(tree: dict) -> Dataset:
    return elements(**{k: [built(one) for one in v] if isinstance(v, list) else v for k, v in tree.items()})


def header_of(tree: dict) -> Dataset:
    made = dataset(SpecificCharacterSet="ISO_IR 192", ReferencedSeriesSequence=[built(tree)])
    return read(file_bytes(made))


def every(dataset: Dataset, *vrs: str) -> list[str]:
    """Values of these VRs at every depth, in order."""
    return [str(element.value) for element in dataset.iterall() if element.VR in vrs and element.value]


@settings(deadline=None, max_examples=60)
@given(TREES, st.sampled_from(SHIPPED))
def test_every_element_has_exactly_one_decision(tree, name):
    header = header_of(tree)
    made = plan(header, shipped(name), PSEUDONYMS)
    decided = [decision.path for decision in made.decisions]
    assert len(set(decided)) == len(decided)
    removed = {(d.path.parents, d.path.tag) for d in made.decisions if d.action in (Action.REMOVE, Action.EMPTY)}

    def walk(current, parents):
        for element in current:
            tag = int(element.tag)
            yield parents, tag
            if element.VR == "SQ" and (parents, tag) not in removed:
                for number, item in enumerate(element.value):
                    yield from walk(item, (*parents, (tag, number)))

    assert {(path.parents, path.tag) for path in decided} == set(walk(header, ()))


@settings(deadline=None, max_examples=60)
@given(TREES, st.sampled_from(SHIPPED))
def test_a_plan_is_no_matter_of_chance(tree, name):
    assert plan(header_of(tree), shipped(name), PSEUDONYMS) == plan(header_of(tree), shipped(name), PSEUDONYMS)


@settings(deadline=None, max_examples=60)
@given(TREES, OPTIONS)
def test_the_graph_of_uids_keeps_its_shape(tree, options):
    header = header_of(tree)
    policy = with_options(options)
    result = apply(header, plan(header, policy, PSEUDONYMS))
    uids = every(header, "UI")
    new = {one: one if Option.RETAIN_UIDS in options else PSEUDONYMS.uid(one) for one in uids}
    assert len(set(new.values())) == len(new)
    assert set(every(result, "UI")) <= set(new.values())
    for keyword in ("ReferencedSOPInstanceUID", "FrameOfReferenceUID", "CreatorVersionUID"):
        before = [element.value for element in header.iterall() if element.keyword == keyword]
        after = [element.value for element in result.iterall() if element.keyword == keyword]
        if len(before) == len(after):
            # Nothing around them was removed: each stands for the one in its place.
            assert after == [new[one] for one in before]


@settings(deadline=None, max_examples=60)
@given(TREES, st.integers(-4000, 4000))
def test_a_shift_keeps_every_interval(tree, days):
    header = header_of(tree)
    pseudonyms = dataclasses.replace(PSEUDONYMS, shift_days=days)
    made = plan(header, shipped("longitudinal"), pseudonyms)
    dates = [d for d in made.decisions if d.vr == "DA" and d.action is Action.CLEAN]
    assert dates
    result = apply(header, made)
    for decision in dates:
        before, after = header, result
        for tag, number in decision.path.parents:
            before, after = before[tag].value[number], after[tag].value[number]
        moved = _day(before[decision.path.tag].value) - _day(after[decision.path.tag].value)
        assert moved == datetime.timedelta(days=days)


def _day(value: str) -> datetime.date:
    return datetime.datetime.strptime(str(value), "%Y%m%d").date()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_second_run_changes_nothing_but_identities_and_dates(name):
    def run(header):
        made = finish_claims(plan(header, shipped(name), PSEUDONYMS), pixels_checked=True)
        return apply(header, made)

    header = read(file_bytes(dataset(StudyDescription="knee right for Patient1 Doe", ProtocolName="ABD 3mm")))
    again = read(file_bytes(run(header)))
    second = run(again)
    differing = {
        element.VR for element in second if element.tag not in again or again[element.tag].value != element.value
    }
    assert differing <= {"UI", "DA", "DT"}
    assert {element.tag for element in again} == {element.tag for element in second}


def test_a_second_run_that_retains_uids_and_dates_changes_nothing():
    options = [Option.RETAIN_UIDS, Option.RETAIN_FULL_DATES, Option.CLEAN_DESCRIPTORS]
    policy = with_options(options)
    header = read(file_bytes(dataset(StudyDescription="knee right for Patient1 Doe")))
    first = read(file_bytes(apply(header, plan(header, policy, PSEUDONYMS))))
    second = read(file_bytes(apply(first, plan(first, policy, PSEUDONYMS))))
    assert file_bytes(first) == file_bytes(second)


def test_all_subsets_of_options_make_a_plan_for_a_nested_instance():
    header = header_of({"ReferencedImageSequence": [{"ReferencedSOPInstanceUID": uid(9, 1), "SeriesDate": "20190101"}]})
    choices = [o for o in Option if o not in NOT_IMPLEMENTED | {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}]
    for mask in itertools.product((False, True), repeat=len(choices)):
        made = plan(header, with_options(itertools.compress(choices, mask)), PSEUDONYMS)
        assert apply(header, made).PatientIdentityRemoved == "YES"
