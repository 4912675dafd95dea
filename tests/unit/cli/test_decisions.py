# SPDX-License-Identifier: Apache-2.0
"""What `deidgate gateway` recall, reprocess and hold do to the ledger and to research."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from tests.unit.orthanc_io.servers import Listing
from tests.unit.store.making import claim, delivered, feed

from deidgate.cli import decision_commands
from deidgate.cli.exits import Exit
from deidgate.cli.gateway_commands import gateway
from deidgate.store import Keys, State, Store
from deidgate.store.model import ItemFilter

WHY = ("--why", "test", "--by", "me")


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def research():
    return Listing(f"research-{n}" for n in range(1, 5))


@pytest.fixture
def run(url, research, monkeypatch):
    def opened():
        return Store.open(url, Keys.of(b"p" * 32, b"e" * 32))

    monkeypatch.setattr(decision_commands, "open_ledger", opened)
    monkeypatch.setattr(decision_commands, "_research", lambda: research)
    with opened() as store:
        delivered(store, 4)

    def command(*words, status=0, given=None):
        done = CliRunner().invoke(gateway, [*words, *WHY], input=given)
        assert done.exit_code == status, done.output
        return done.output

    command.store = opened
    return command


def states(run):
    with run.store() as store:
        return [item.state for item in store.reports.items(ItemFilter())]


def test_a_count_decides_nothing(run, research):
    said = json.loads(run("recall", "--project", "trial", "--count", "--json"))
    assert said == {"instances": 4, "studies": 1}
    assert set(states(run)) == {State.DELIVERED}
    assert len(research.ids) == 4


def test_a_no_recalls_nothing(run, research):
    run("recall", "--project", "trial", given="n\n", status=1)
    assert len(research.ids) == 4


def test_what_names_nothing_is_a_wrong_command_line(run):
    run("recall", "--yes", status=2)


def test_a_policy_version_is_recalled_and_no_other(run, research):
    run("recall", "--policy", "basic:2", "--yes")
    assert len(research.ids) == 4
    run("recall", "--policy", "basic:1", "--yes")
    assert not research.ids
    assert set(states(run)) == {State.RECALLED}


def test_what_was_recalled_stays_away_unless_it_is_said(run):
    run("recall", "--project", "trial", "--yes")
    assert json.loads(run("reprocess", "--project", "trial", "--yes", "--json")) == {"again": 0}
    assert json.loads(run("reprocess", "--project", "trial", "--yes", "--json", "--recalled")) == {"again": 4}
    assert set(states(run)) == {State.RECEIVED}


def test_what_has_no_original_is_neither_recalled_nor_processed_again(run, research):
    with run.store() as store:
        [first, *_] = store.retention.purgeable(datetime.now(UTC) + timedelta(days=1), 1)
        store.retention.purging([first.id], "test")
        store.retention.purged([first.id])
    assert json.loads(run("reprocess", "--project", "trial", "--yes", "--json")) == {"again": 3}
    assert states(run).count(State.DELIVERED) == 1
    assert research.ids == {first.research_id}


def test_a_held_item_is_decided_once(run):
    with run.store() as store:
        feed(store, 6)
        for held in claim(store, 2):
            store.queue.hold(held, "sop-class-held")
    run("hold", "reject", "5")
    run("hold", "release", "6", "--accept")
    assert states(run)[4:] == [State.REJECTED, State.RECEIVED]
    said = run("hold", "reject", "5", "6", status=Exit.INCOMPLETE)
    assert "0 rejected" in said


def test_who_decided_and_why_is_in_the_audit_trail(run):
    run("recall", "--project", "trial", "--yes")
    with run.store() as store:
        last = list(store.audit.entries())[-1]
    assert (last.who, last.action, last.why) == ("me", "recall", "test")
