# SPDX-License-Identifier: Apache-2.0
"""Where two people are required, one alone gets no mapping table out."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from tests.unit.store.making import delivered

from deidgate.store import NotApproved, Store
from deidgate.store.schema import approvals


@pytest.fixture
def strict(store):
    delivered(store)
    store.approvals.require("chief", "our rule")
    return store


def refused(code, act):
    with pytest.raises(NotApproved) as error:
        act()
    assert error.value.code == code


def test_one_person_is_enough_until_two_are_required(store, url, keys):
    delivered(store)
    assert not store.approvals.required()
    assert len(list(store.custody.export_patients("ann", "share"))) == 1
    store.approvals.require("chief", "our rule")
    with Store.open(url, keys) as other:
        assert other.approvals.required()
        refused("approval-missing", lambda: other.custody.export_patients("ann", "share"))
        refused("approval-missing", lambda: other.custody.export_uids("ann", "share"))


def test_what_another_person_approved_is_done_once(strict):
    number = strict.approvals.ask("export-patients", "ann", "share with the trial")
    refused("approval-missing", lambda: strict.custody.export_patients("ann", "share", approval=number))
    strict.approvals.approve(number, "bob", "agreed")
    assert len(list(strict.custody.export_patients("ann", "share", approval=number))) == 1
    refused("approval-used", lambda: strict.custody.export_patients("ann", "share", approval=number))
    assert strict.approvals.waiting() == []
    trail = [(e.who, e.action) for e in strict.audit.entries()]
    assert trail == [("chief", "four-eyes-on"), ("ann", "ask"), ("bob", "approve"), ("ann", "export-patients")]
    assert list(strict.audit.entries())[-1].objects == ("all-projects", f"approval:{number}")


@pytest.mark.parametrize("name", ["ann", " ANN", "Ann "])
def test_nobody_approves_what_they_asked_for(strict, name):
    number = strict.approvals.ask("export-uids", "ann", "share")
    refused("approval-by-same-person", lambda: strict.approvals.approve(number, name, "agreed"))


def test_the_database_itself_refuses_one_person_as_two(strict):
    number = strict.approvals.ask("export-uids", "ann", "share")
    with pytest.raises(IntegrityError), strict._context.database.write() as connection:
        values = {"approved_by": "ann", "approved_at": strict._context.clock()}
        connection.execute(update(approvals).where(approvals.c.id == number).values(values))


def test_an_approval_is_for_one_person_one_action_and_one_project(strict):
    number = strict.approvals.ask("export-uids", "ann", "share", "trial")
    strict.approvals.approve(number, "bob", "agreed")
    for act in (
        lambda: strict.custody.export_uids("eve", "share", "trial", approval=number),
        lambda: strict.custody.export_uids("ann", "share", approval=number),
        lambda: strict.custody.export_patients("ann", "share", "trial", approval=number),
    ):
        refused("approval-for-other", act)
    assert len(list(strict.custody.export_uids("ann", "share", "trial", approval=number))) == 3


def test_an_approval_is_not_valid_for_ever(strict, clock):
    number = strict.approvals.ask("export-uids", "ann", "share")
    strict.approvals.approve(number, "bob", "agreed")
    clock.now += timedelta(hours=25)
    refused("approval-expired", lambda: strict.custody.export_uids("ann", "share", approval=number))


def test_it_takes_two_to_be_one_again(strict):
    number = strict.approvals.ask("four-eyes-off", "ann", "holidays")
    refused("approval-missing", lambda: strict.approvals.require_no_more("ann", "holidays", number))
    assert strict.approvals.required()
    strict.approvals.approve(number, "bob", "agreed")
    strict.approvals.require_no_more("ann", "holidays", number)
    assert not strict.approvals.required()
    strict.custody.export_uids("ann", "share")


def test_what_is_waiting_names_who_asked_and_why(strict):
    number = strict.approvals.ask("export-uids", "ann", "share", "trial")
    (waiting,) = strict.approvals.waiting()
    assert (waiting.id, waiting.asked_by, waiting.why, waiting.project) == (number, "ann", "share", "trial")
    assert waiting.approved_by is None


def test_an_approval_is_given_once_and_only_for_what_was_asked(strict):
    number = strict.approvals.ask("export-uids", "ann", "share")
    strict.approvals.approve(number, "bob", "agreed")
    refused("approval-given", lambda: strict.approvals.approve(number, "carl", "agreed"))
    refused("approval-unknown", lambda: strict.approvals.approve(99, "carl", "agreed"))
    with pytest.raises(ValueError, match="nothing that two people do"):
        strict.approvals.ask("delete-everything", "ann", "test")
