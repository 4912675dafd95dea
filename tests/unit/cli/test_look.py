# SPDX-License-Identifier: Apache-2.0
"""Who a held instance is of is shown after the audit trail has it, and what was received is given out as it came."""

import json

import pytest
from click.testing import CliRunner
from tests.data.instances import dataset, file_bytes, uid
from tests.fuzz.mutate import mutated
from tests.unit.store.making import claim, received

from deidgate.cli import look_commands
from deidgate.cli.gateway_commands import gateway
from deidgate.dicom.second import stand_in
from deidgate.errors import CannotDeidentify
from deidgate.store import Facts, Hold, Keys, State, Store

FIRST = file_bytes(dataset(PatientName="Yamada^Tarou", PatientComments="one"))
SECOND = file_bytes(dataset(PatientName="Yamada^Tarou", PatientComments="two", ImageComments="new"))
SOP = uid(1, 1, 1, 1)


class Originals:
    """What ingest has, by Orthanc ID."""

    def __init__(self):
        self.files = {"orthanc-1": FIRST, "orthanc-2": stand_in(SECOND), "orthanc-3": FIRST[:300]}

    def read(self, orthanc_id):
        if orthanc_id not in self.files:
            raise CannotDeidentify("original-missing")
        return self.files[orthanc_id]


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    """Three held items, the first two of one SOP Instance UID, and one that is not held."""

    def opened():
        return Store.open(f"sqlite:///{tmp_path}/ledger.db", Keys.of(b"p" * 32, b"e" * 32))

    with opened() as store:
        store.feeder.record_received([received(number) for number in range(1, 5)])
        one, two, three, _ = claim(store, 4)
        facts = Facts(sop_instance_uid=SOP, study_instance_uid=uid(1, 1))
        store.queue.settle(
            [
                Hold(one, "patient-id-collides", "PatientID", facts),
                Hold(two, "content-changed", "SOPInstanceUID", facts),
                Hold(three, "length-beyond-end"),
            ]
        )
    monkeypatch.setattr(look_commands, "open_ledger", opened)
    return opened


@pytest.fixture
def at_ingest(monkeypatch):
    there = Originals()
    monkeypatch.setattr(look_commands, "_originals", lambda: there)
    return there.files


def typed(*words, status=0):
    done = CliRunner().invoke(gateway, ["hold", *map(str, words), "--why", "test", "--by", "me"])
    assert done.exit_code == status, done.output
    return done


def seen(ledger):
    with ledger() as store:
        return [(line.who, line.objects[0]) for line in store.audit.entries() if line.action == "see-original"]


def test_it_is_said_who_it_is_and_what_differs(ledger, at_ingest):
    [shown] = json.loads(typed("show", 2, "--json").stdout)
    assert shown["attributes"]["PatientID"] == "HOSP-0001"
    assert shown["attributes"]["PatientName"] == "Yamada^Tarou"
    assert shown["attributes"]["SOPInstanceUID"] == SOP
    assert shown["code"] == "content-changed"
    [first] = shown["same_instance"]
    assert (first["item"], first["state"]) == (1, State.HELD)
    assert first["differs"] == ["PatientComments", "ImageComments"]


def test_it_is_said_in_lines_too(ledger, at_ingest):
    said = typed("show", 1, 2).stdout
    assert "patient-id-collides at PatientID" in said
    assert "the same SOP Instance UID: item 1, held" in said
    assert "differs in: PatientComments, ImageComments" in said


def test_what_cannot_be_read_is_said_and_the_rest_is_shown(ledger, at_ingest):
    del at_ingest["orthanc-1"]
    cut, second = json.loads(typed("show", 3, 2, "--json").stdout)
    assert cut["attributes"].get("PatientName", "") == ""
    assert cut["code"] == "length-beyond-end"
    [gone] = second["same_instance"]
    assert (gone["unreadable"], gone["differs"]) == ("original-missing", None)


@pytest.mark.parametrize("hostile", ["\x1b[2JDoe", "Doe\r\n17 north: released"])
def test_no_value_writes_to_the_terminal_what_is_not_a_value(ledger, at_ingest, hostile):
    at_ingest["orthanc-1"] = FIRST.replace(b"Yamada^Tarou", hostile.encode().ljust(12)[:12])
    said = typed("show", 1).stdout
    assert "\x1b" not in said
    assert not any(line.startswith("17 north") for line in said.splitlines())


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_hides_nothing_of_the_others(ledger, at_ingest, seed):
    at_ingest["orthanc-1"] = mutated(FIRST, seed)
    one, two = json.loads(typed("show", 1, 2, "--json").stdout)
    assert (one["code"], one["item"]) == ("patient-id-collides", 1)
    assert two["attributes"]["PatientID"] == "HOSP-0001"


def test_what_nobody_can_read_is_said_to_be_so(ledger, at_ingest):
    at_ingest["orthanc-1"] = nested(3000)
    said = typed("show", 1, 2).stdout
    assert "1 north: " in said
    assert "2 north: " in said


def nested(depth):
    """A file with sequences in sequences."""
    opened = bytes.fromhex("08001511 53510000 ffffffff feff00e0 ffffffff")
    start = FIRST.index(b"\x10\x00\x10\x00PN")
    return FIRST[:start] + opened * depth


def test_what_is_shown_is_in_the_audit_trail_before(ledger, at_ingest):
    typed("show", 1, 3)
    typed("original", 2)
    assert seen(ledger) == [("me", "item:1"), ("me", "item:3"), ("me", "item:2")]


def test_what_cannot_be_recorded_is_not_shown(ledger, at_ingest):
    done = CliRunner().invoke(gateway, ["hold", "show", "1", "--why", " ", "--by", "me"])
    assert done.exit_code == 2
    assert "HOSP" not in done.output
    assert seen(ledger) == []


def test_what_is_not_held_is_not_shown(ledger, at_ingest):
    done = typed("show", 4, 99, status=3)
    assert done.stdout.strip() == ""
    assert done.stderr.splitlines() == ["4 is not held", "99 is not held"]
    typed("original", 4, status=3)
    assert seen(ledger) == []


def test_an_original_is_given_out_as_it_was_received(ledger, at_ingest):
    assert typed("original", 1).stdout_bytes == FIRST
    assert typed("original", 2).stdout_bytes == SECOND


def test_an_original_that_ingest_has_lost_is_a_failure(ledger, at_ingest):
    at_ingest.clear()
    done = typed("original", 1, status=1)
    assert (done.stdout_bytes, done.stderr.strip()) == (b"", "original-missing")
