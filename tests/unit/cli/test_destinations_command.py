# SPDX-License-Identifier: Apache-2.0
"""What `deidgate gateway destinations` says and decides, from the settings to the ledger."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from tests.unit.store.making import NOON, delivered

from deidgate.cli.balance_commands import as_data, lines
from deidgate.cli.gateway_commands import gateway
from deidgate.orthanc_io.balance import Comparison, Reconciliation
from deidgate.orthanc_io.ledger import open_store
from deidgate.settings import Settings
from deidgate.store.forward_model import Confirmed, Refused, by_destination
from deidgate.store.model import ItemFilter

FILE = '[[destination]]\nname = "share"\nprojects = ["trial"]\nkind = "folder"\npath = "/mnt/share"\n'
FILE += FILE.replace("share", "new").replace("trial", "other")


@pytest.fixture
def run(tmp_path, monkeypatch):
    for name in ("pseudonym", "encryption"):
        path = tmp_path / f"{name}.key"
        path.write_bytes(name[:1].encode() * 32)
        monkeypatch.setenv(f"DEIDGATE_{name.upper()}_KEY_FILE", str(path))
    monkeypatch.setenv("DEIDGATE_DATA", str(tmp_path))
    monkeypatch.setenv("DEIDGATE_CONFIG", str(tmp_path))
    (tmp_path / "destinations.toml").write_text(FILE, encoding="utf-8")

    def command(*words, status=0):
        done = CliRunner().invoke(gateway, ["destinations", *words])
        assert done.exit_code == status, done.output
        return done.output

    def opened():
        return open_store(
            Settings(
                data=tmp_path,
                pseudonym_key_file=tmp_path / "pseudonym.key",
                encryption_key_file=tmp_path / "encryption.key",
            )
        )

    command.store = opened
    with opened() as store:
        delivered(store, 3)
        store.forward_sync.everything({"share": ("trial",)})
        one, two, _ = store.forwards.claim("share", "courier", 9, 60, NOON + timedelta(days=9999))
        store.forwards.settle([Confirmed(one, "read-back"), Refused(two, "other-content-there")])
    return command


def test_the_list_names_each_destination_its_counts_and_what_a_person_has_to_look_at(run):
    said = run("list")
    assert "to share: 1 claimed, 1 confirmed, 1 held" in said
    assert "to new: nothing yet" in said
    assert "other-content-there" in said
    found = json.loads(run("list", "--json"))
    assert {one["name"]: one["states"].get("confirmed") for one in found["destinations"]} == {"new": None, "share": 1}
    (row,) = found["to_look_at"]
    assert (row["item_id"], row["state"], row["code"]) == (2, "held", "other-content-there")


def test_no_place_and_no_secret_of_a_destination_is_told(run):
    assert "/mnt" not in run("list") + run("list", "--json")


def test_what_was_refused_is_tried_again_when_somebody_says_so(run):
    assert run("retry", "share", "2", "77", "--why", "repaired", "--by", "me", status=3) == "1 to be tried again\n"
    with run.store() as store:
        assert by_destination(store.forwards.counts())["share"] == {"claimed": 1, "confirmed": 1, "waiting": 1}


def test_what_was_removed_by_hand_is_recorded(run):
    with run.store() as store:
        store.review.recall(ItemFilter(item_ids=frozenset({1})), "broker", "consent withdrawn")
        store.forward_sync.everything({"share": ("trial",)})
    assert "recall-by-hand" in run("list")
    assert run("withdrawn", "share", "1", "--why", "removed", "--by", "me") == "1 recorded as removed\n"
    with run.store() as store:
        assert by_destination(store.forwards.counts())["share"]["withdrawn"] == 1


def test_a_recall_by_hand_that_is_not_done_does_not_add_up():
    nothing = Comparison((), ())
    done = Reconciliation((), nothing, nothing, 0, {"share": {"confirmed": 2, "waiting": 1}})
    owed = Reconciliation((), nothing, nothing, 0, {"share": {"confirmed": 2, "recalled": 1}})
    assert (done.adds_up, owed.adds_up) == (True, False)
    assert "to share: 2 confirmed, 1 waiting" in lines(done)
    assert any("removed by hand: 1" in line for line in lines(owed))
    assert as_data(owed)["to_recall_by_hand"] == 1
