# SPDX-License-Identifier: Apache-2.0
"""Processes that are killed between any two statements, and processes that race."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from tests.data.histories import history
from tests.unit.store.making import feed, patient

from deidgate.store import State, Store
from deidgate.store.model import ItemFilter

ROOT = Path(__file__).parents[3]

# Works through the ledger: claims, creates patients and studies, settles in batches with every
# outcome, releases and looks up. Kills itself before the statement whose number it is given,
# counted over everything that it sends to the database, COMMIT included.
WORKER = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from deidgate.store import Hold, Keys, Reject, Retry, Store
from tests.unit.store.making import NOON, claim, delivery, feed, patient

url, fatal = sys.argv[1], int(sys.argv[2])
seen = 0

def count(*_):
    global seen
    seen += 1
    if seen == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", count)
event.listen(Engine, "commit", count)
with Store.open(url, Keys.of(b"m" * 32, b"e" * 32), clock=lambda: NOON) as store:
    seen = 0
    feed(store, 12)
    while True:
        claims = claim(store, 5, lease_s=-1)
        if not claims:
            break
        outcomes = []
        for c in claims:
            mapping = patient(store, f"patient-{c.item_id % 3}")
            store.mapping.bind_study("trial", "north", f"1.2.{c.item_id % 3}", mapping.id)
            match c.item_id % 4:
                case 0 if c.attempts < 3:
                    outcomes.append(Retry(c, NOON))
                case 1 if not c.accepted:
                    outcomes.append(Hold(c, "burned-in-text"))
                case 2:
                    outcomes.append(Reject(c, "not-wanted"))
                case _:
                    outcomes.append(delivery(mapping, c, study=f"1.2.{c.item_id % 3}"))
        store.queue.settle(outcomes)
        for item in store.reports.holds():
            store.review.release(item.id, "ann", "fine", accept=True)
    store.custody.look_up("patient-1", "ann", "test")
    print(seen)
"""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugins"), str(ROOT)])}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_sound(store: Store) -> None:
    """What must hold at any moment, whoever was killed when."""
    assert store.audit.verify() == []
    assert all(balance.balanced for balance in store.reports.reconcile())
    exported = dict(store.custody.export_uids("test", "test"))
    releases = Counter(o for e in store.audit.entries() if e.action == "release-accepting" for o in e.objects[:1])
    for item in store.reports.items(ItemFilter(), limit=1000):
        found = history(store, item.id)
        assert found[0].event == "received"
        assert found[-1].to_state == item.state
        assert all(before.to_state == after.from_state for before, after in pairwise(found))
        # State, mapping and audit are of one transaction: none of them is there without the others.
        sop = f"1.2.{item.id % 3}.4.{item.id}"
        assert (item.state is State.DELIVERED) == (sop in exported)
        assert sum(event.event == "released" for event in found) == releases[f"item:{item.id}"]


@pytest.fixture(scope="module")
def lengths() -> dict[str, int]:
    """Number of statements of the whole story, by database; measured once."""
    return {}


@pytest.fixture
def statements(request: pytest.FixtureRequest, url: str, tmp_path: Path, lengths: dict[str, int]) -> int:
    """How many statements the story takes on this database if nobody is killed."""
    kind = url.partition(":")[0]
    if kind not in lengths:
        if kind == "postgresql":
            spare = request.getfixturevalue("cluster").database(request.getfixturevalue("template"))
        else:
            spare = f"sqlite:///{tmp_path}/whole.db"
        done = run(WORKER, spare, "0")
        assert done.returncode == 0, done.stderr
        lengths[kind] = int(done.stdout)
    return lengths[kind]


# Spread over the whole story.
@pytest.mark.parametrize("part", range(9))
def test_a_process_killed_before_any_statement_leaves_the_ledger_sound(url, keys, statements, part):
    with Store.open(url, keys):
        pass
    fatal = 1 + part * (statements - 1) // 8
    done = run(WORKER, url, str(fatal))
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Store.open(url, keys) as store:
        assert_sound(store)
    done = run(WORKER, url, "0")
    assert done.returncode == 0, done.stderr
    with Store.open(url, keys) as store:
        assert_sound(store)
        states = Counter(item.state for item in store.reports.items(ItemFilter(), limit=1000))
        assert states == {State.DELIVERED: 9, State.REJECTED: 3}
        assert len(list(store.custody.export_patients("test", "test"))) == 3


CLAIMS = """
import json, sys
from deidgate.store import Keys, Store
from tests.unit.store.making import claim
with Store.open(sys.argv[1], Keys.of(b"m" * 32, b"e" * 32)) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    got = []
    while claims := claim(store, 7, owner=sys.argv[2], lease_s=9999):
        got += [c.item_id for c in claims]
    print(json.dumps(got))
"""

PSEUDONYMS = """
import json, sys
from deidgate.store import Keys, Store
from tests.unit.store.making import STYLE, DOE
with Store.open(sys.argv[1], Keys.of(b"m" * 32, b"e" * 32)) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    answer = {}
    for n in range(40):
        mapping = store.mapping.pseudonyms_for("trial", "north", "", str(n), DOE, STYLE)
        store.mapping.bind_study("trial", "north", f"1.{n}", mapping.id)
        answer[n] = [
            mapping.id, mapping.pseudonyms.patient_id, mapping.pseudonyms.shift_days,
            store.mapping.patient_index("trial", mapping.id),
            store.mapping.image_numbers("trial", mapping.id, [f"2.{n}", f"3.{n}.{sys.argv[2]}"])[0],
        ]
        store.audit.record(sys.argv[2], "test")
    print(json.dumps(answer))
"""


def race(script: str, url: str, number: int = 3) -> list[object]:
    """Run `script` in processes that all begin at once; what each printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugins"), str(ROOT)])}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, url, f"racer-{n}"],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for n in range(number)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=120) for process in processes]
    assert [error for _, error in answers] == [""] * number
    return [json.loads(out) for out, _ in answers]


def test_no_item_is_claimed_by_two_processes(url, keys):
    with Store.open(url, keys) as store:
        feed(store, 300)
    claims = race(CLAIMS, url)
    assert sorted(item for got in claims for item in got) == list(range(1, 301))


def test_processes_that_meet_a_patient_at_once_agree_on_everything(url, keys):
    with Store.open(url, keys):
        pass
    answers = race(PSEUDONYMS, url)
    assert answers[0] == answers[1] == answers[2]
    rows = list(answers[0].values())
    assert sorted(row[3] for row in rows) == list(range(1, 41))
    assert len({row[1] for row in rows}) == 40
    with Store.open(url, keys) as store:
        assert store.audit.verify() == []
        assert store.audit.head()[0] == 120


def test_two_processes_that_deliver_two_contents_of_one_instance_do_not_both_succeed(url, keys):
    script = """
import json, sys
from deidgate.store import Keys, Store
from tests.unit.store.making import claim, delivery, patient
with Store.open(sys.argv[1], Keys.of(b"m" * 32, b"e" * 32)) as store:
    mapping = patient(store)
    mine = claim(store, 20, owner=sys.argv[2], lease_s=9999)
    print("ready", flush=True)
    sys.stdin.readline()
    done = []
    for n, c in enumerate(mine):
        done += store.queue.settle([delivery(mapping, c, sop=f"1.9.{n}", digest=sys.argv[2])]).done
    print(json.dumps([n for n, c in enumerate(mine) if c.item_id in done]))
"""
    with Store.open(url, keys) as store:
        feed(store, 40)
        patient(store)
    one, two = race(script, url, 2)
    assert sorted(one + two) == list(range(20))
    with Store.open(url, keys) as store:
        codes = Counter(item.reason_code for item in store.reports.holds())
        assert codes == {"content-changed": 20}
