# SPDX-License-Identifier: Apache-2.0
"""What `deidgate gateway` recall, reprocess and hold do to the ledger and to research."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from click.testing import CliRunner
from tests.data.instances import dataset, file_bytes, read
from tests.data.policies import shipped
from tests.unit.gateway.world import World
from tests.unit.orthanc_io.servers import Listing
from tests.unit.store.making import claim, delivered, feed, hold

from deidgate.cli import decision_commands
from deidgate.cli.exits import Exit
from deidgate.cli.gateway_commands import gateway
from deidgate.gateway.outcome import Delivered
from deidgate.pixels.lazy import LazyPixels
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
            hold(store, held, "sop-class-held")
    run("hold", "reject", "5")
    run("hold", "release", "6", "--accept")
    assert states(run)[4:] == [State.REJECTED, State.RECEIVED]
    said = run("hold", "reject", "5", "6", status=Exit.INCOMPLETE)
    assert "0 rejected" in said


@pytest.fixture
def doubtful(run):
    """Two items, 5 and 6, of whose pictures nobody can be sure."""
    with run.store() as store:
        feed(store, 6)
        for held in claim(store, 2):
            hold(store, held, "pixels-uncertain", "text-found")


@pytest.mark.parametrize(
    ("words", "boxes"),
    [
        ("--box 0 0 60 512", [[0, 60, 0, 512, None]]),
        ("--box 0 0 60 512 --box 400 10 512 200", [[0, 60, 0, 512, None], [400, 512, 10, 200, None]]),
        ("--box 0 0 60 512 --frame 3", [[0, 60, 0, 512, 2]]),
    ],
)
def test_what_a_person_drew_reaches_the_worker_and_the_audit_trail_and_lets_nothing_else_pass(
    run, doubtful, words, boxes
):
    run("hold", "release", "5", *words.split())
    with run.store() as store:
        [again] = claim(store)
        [*_, last] = store.audit.entries()
    assert (again.item_id, again.instructions, again.accepted) == (5, {"boxes": boxes}, frozenset())
    assert (last.who, last.action, last.why) == ("me", "release", "test")
    assert last.objects[:2] == ("item:5", "pixels-uncertain")
    assert [json.loads(one.removeprefix("boxes:")) for one in last.objects[2:]] == [boxes]


@pytest.mark.parametrize(
    "words",
    [
        "5 6 --box 0 0 60 512",
        "5 --box 60 0 60 512",
        "5 --box 60 0 0 512",
        "5 --box 0 512 60 512",
        "5 --box -1 0 60 512",
        "5 --box 0 0 60",
        "5 --box 0 0 60 512 --frame 0",
        "5 --frame 1",
    ],
)
def test_rectangles_that_cannot_be_meant_are_a_wrong_command_line(run, doubtful, words):
    run("hold", "release", *words.split(), status=Exit.USAGE)
    assert states(run)[4:] == [State.HELD, State.HELD]


def test_a_rectangle_that_a_person_drew_is_black_in_what_is_delivered_and_the_rest_is_as_it_was(run, doubtful):
    run("hold", "release", "5", "--box", "1", "2", "3", "6")
    with run.store() as store:
        [again] = claim(store)
    pixels = np.arange(1, 33, dtype="<u2").reshape(4, 8)
    world = World(policy=shipped("mammography"), pixels=LazyPixels())
    item = world.ingest.add(file_bytes(dataset(Rows=4, Columns=8, PixelData=pixels.tobytes())))
    end = world.carry(replace(item, accepted=again.accepted, instructions=again.instructions))
    assert isinstance(end, Delivered), end
    [file] = world.research.files.values()
    pixels[1:3, 2:6] = 1
    result = read(file)
    assert result.pixel_array.tolist() == pixels.tolist()
    assert result.BurnedInAnnotation == "NO"
    assert "113101" in [item.CodeValue for item in result.DeidentificationMethodCodeSequence]


def test_who_decided_and_why_is_in_the_audit_trail(run):
    run("recall", "--project", "trial", "--yes")
    with run.store() as store:
        last = list(store.audit.entries())[-1]
    assert (last.who, last.action, last.why) == ("me", "recall", "test")
