# SPDX-License-Identifier: Apache-2.0
"""What ingest admits, and that everything it stores has one row in the ledger."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian
from tests.data.fake_orthanc import FakeOrthanc
from tests.data.instances import dataset, file_bytes
from tests.unit.store.making import reject

from deidgate.dicom.status import NOT_AUTHORIZED, OUT_OF_RESOURCES, SUCCESS
from deidgate.orthanc_io.ingest.admission import Admission, Senders
from deidgate.orthanc_io.ingest.conflicts import PROCESSING_FAILURE
from deidgate.orthanc_io.ingest.feeder import Feeder
from deidgate.orthanc_io.ingest.plugin import install
from deidgate.orthanc_io.ingest.report import Report
from deidgate.orthanc_io.ingest.rows import LedgerRows, site_of
from deidgate.orthanc_io.ingest.stored import IngestIndex
from deidgate.orthanc_io.ingest.watermarks import Limits, Watermarks
from deidgate.policy.routes import Route
from deidgate.settings import Settings
from deidgate.store.reports import Reports

ROUTES = (
    Route("a", "site-a", "project", "basic", calling=("DEMO", "CT_*")),
    Route("b", "site-b", "project", "basic", calling=("MR",), called=("DEIDGATE",)),
)


def a_file(*numbers, **keywords):
    return file_bytes(dataset(*numbers, **keywords))


@pytest.fixture
def orthanc():
    return FakeOrthanc()


@pytest.fixture
def feeder(orthanc, store):
    return Feeder(IngestIndex(orthanc), LedgerRows(store, "ingest", ROUTES))


def received(store):
    return sum(count.number for count in store.reports.counts())


# -- admission ----------------------------------------------------------------------------


class Ct:
    def __init__(self, aet="DEMO"):
        self.aet = aet

    def GetInstanceRemoteAet(self):
        return self.aet


def admission(**more):
    return Admission(Senders.of([("DEMO", "CT_*")]), **more)


def test_a_known_sender_is_admitted_when_there_is_room():
    door = admission()
    door.update(True)
    assert door.c_store(Ct("DEMO")) == SUCCESS
    assert door.c_store(Ct("CT_7")) == SUCCESS


@pytest.mark.parametrize("aet", ["", "demo", "DEMO2", "XCT_7", "STORESCU"])
def test_an_unknown_sender_is_refused(aet):
    door = admission()
    door.update(True)
    assert door.c_store(Ct(aet)) == NOT_AUTHORIZED
    assert door.refused_sender == 1


def test_nobody_is_admitted_before_the_first_look_at_the_disk():
    assert admission().c_store(Ct()) == OUT_OF_RESOURCES


def test_nobody_is_admitted_when_the_last_look_is_too_old():
    now = [0.0]
    door = admission(stale_s=60, clock=lambda: now[0])
    door.update(True)
    now[0] = 59
    assert door.c_store(Ct()) == SUCCESS
    now[0] = 61
    assert door.c_store(Ct()) == OUT_OF_RESOURCES


def test_names_that_strangers_try_do_not_fill_the_memory():
    door = admission()
    for number in range(5000):
        door.c_store(Ct(f"STRANGER{number}"))
    assert len(door._known) <= 1000


def test_a_route_without_callers_is_open_to_all():
    assert Senders.of([()]).know("ANYBODY")


def test_without_any_route_nobody_is_known():
    assert not Senders.of([]).know("ANYBODY")


@pytest.mark.parametrize("aet", [" DEMO", "DEMO ", "  CT_7  "])
def test_spaces_around_the_name_of_a_sender_are_not_significant(aet):
    assert Senders.of([("DEMO", "CT_*")]).know(aet)
    assert not Senders.of([("DEMO", "CT_*")]).know(aet.replace("M", " M").replace("T", " T"))


def test_refusing_and_accepting_begin_at_different_marks():
    marks = Watermarks(Limits(100, 125, 1000, 800))
    assert marks.seen(100, 1000).is_open
    full = marks.seen(99, 0)
    assert not full.is_open
    assert not full.seen(124, 0).is_open
    assert full.seen(125, 0).is_open
    busy = marks.seen(500, 1001)
    assert not busy.is_open
    assert not busy.seen(500, 801).is_open
    assert busy.seen(500, 800).is_open


# -- feeding --------------------------------------------------------------------------------


def test_every_stored_instance_gets_one_row(orthanc, feeder, store):
    for number in range(5):
        orthanc.c_store(a_file(1, 1, 1, number))
    feeder.drain()
    feeder.drain()
    assert received(store) == 5


def test_the_row_says_who_sent_and_what_was_stored(orthanc, feeder, store):
    orthanc.c_store(a_file(), "CT_7")
    feeder.drain()
    [claim] = store.queue.claim("me", 1, 60, store_now())
    assert (claim.site, claim.calling_aet, claim.called_aet) == ("site-a", "CT_7", "DEIDGATE")
    assert claim.digest.startswith("md5:")


def store_now():
    return datetime.now(UTC)


def test_a_restart_goes_on_where_the_ledger_is(orthanc, feeder, store):
    orthanc.c_store(a_file(1, 1, 1, 1))
    feeder.drain()
    orthanc.c_store(a_file(1, 1, 1, 2))
    again = Feeder(IngestIndex(orthanc), LedgerRows(store, "ingest", ROUTES))
    again.drain()
    assert received(store) == 2
    assert store.feeder.cursor("ingest") == orthanc.changes[-1][0]


def test_a_crash_between_rows_and_cursor_counts_nothing_twice(orthanc, feeder, store):
    orthanc.c_store(a_file())
    feeder.drain()
    store.feeder.set_cursor("ingest", 0)
    feeder.drain()
    assert received(store) == 1


def test_an_instance_that_was_deleted_meanwhile_stops_nobody(orthanc, feeder, store):
    orthanc.c_store(a_file(1, 1, 1, 1))
    orthanc.c_store(a_file(1, 1, 1, 2))
    del orthanc.instances[orthanc.changes[0][2]]
    feeder.drain()
    assert received(store) == 1


def test_what_was_deleted_and_sent_again_is_received_again(orthanc, feeder, store):
    orthanc.c_store(a_file())
    feeder.drain()
    [claim] = store.queue.claim("me", 1, 60, store_now())
    reject(store, claim, "by-person")
    orthanc.c_store(a_file(1, 1, 1, 2))
    orthanc.delete(claim.orthanc_id)
    orthanc.c_store(a_file())
    feeder.drain()
    assert received(store) == 3


def test_a_listing_finds_what_the_change_log_lost(orthanc, feeder, store):
    orthanc.c_store(a_file(1, 1, 1, 1))
    orthanc.c_store(a_file(1, 1, 1, 2))
    orthanc.changes = orthanc.changes[2:]
    feeder.drain()
    assert received(store) == 1
    assert feeder.reconcile() == 1
    assert feeder.reconcile() == 0
    assert received(store) == 2


def test_a_listing_takes_nothing_for_lost_that_is_only_on_its_way(orthanc, feeder, store):
    orthanc.c_store(a_file())
    assert feeder.reconcile() == 0
    assert received(store) == 1


def test_an_index_that_was_made_anew_is_read_from_its_beginning(orthanc, feeder, store):
    store.feeder.set_cursor("ingest", 1000)
    orthanc.c_store(a_file())
    feeder.drain()
    assert received(store) == 1
    assert store.feeder.cursor("ingest") == orthanc.changes[-1][0]


def test_what_is_sent_again_after_the_index_was_lost_is_received_again(orthanc, feeder, store):
    orthanc.c_store(a_file(1, 1, 1, 1))
    orthanc.c_store(a_file(1, 1, 1, 2))
    feeder.drain()
    orthanc.instances.clear()
    orthanc.changes.clear()
    orthanc.received = "20260116T101500"
    orthanc.c_store(a_file(1, 1, 1, 1))
    feeder.drain()
    assert received(store) == 3
    feeder.drain()
    feeder.reconcile()
    assert received(store) == 3


def test_many_changes_are_read_page_by_page(orthanc, feeder, store):
    for number in range(1500):
        orthanc.changes.append((number * 2 + 1, "NewSeries", "x"))
    orthanc.c_store(a_file())
    feeder.drain()
    assert received(store) == 1


def test_the_site_is_left_open_where_two_routes_disagree():
    routes = (*ROUTES, Route("c", "site-c", "project", "basic", calling=("DEMO",), modality=("MR",)))
    assert site_of(routes, "DEMO", "DEIDGATE") == ""
    assert site_of(routes, "MR", "DEIDGATE") == "site-b"
    assert site_of(routes, " MR ", "DEIDGATE ") == "site-b"
    assert site_of(routes, "MR", "ELSE") == ""


# -- the plugin as a whole -------------------------------------------------------------------


@pytest.fixture
def running(tmp_path):
    for name in ("pseudonym", "encryption"):
        (tmp_path / f"{name}.key").write_bytes(name[:1].encode() * 32)
    config = Path(__file__).parents[3] / "orthanc-ingest"
    settings = Settings(
        data=tmp_path,
        config=config,
        pseudonym_key_file=tmp_path / "pseudonym.key",
        encryption_key_file=tmp_path / "encryption.key",
        storage=tmp_path,
        disk_low_mb=0,
    )
    orthanc = FakeOrthanc()
    install(orthanc, settings)
    orthanc.callbacks["change"](orthanc.ChangeType.ORTHANC_STARTED, 0, "")
    yield orthanc
    orthanc.callbacks["change"](orthanc.ChangeType.ORTHANC_STOPPED, 0, "")


def eventually(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def status(orthanc):
    return json.loads(orthanc.ask("/deidgate/status"))


def test_every_sender_that_a_route_names_may_associate_and_only_store(running):
    told = {row["AET"]: row for row in running.put.values()}
    assert {"DEMO", "DEMO2"} <= set(told)
    for row in told.values():
        assert row["AllowStore"]
        assert not any(row[name] for name in ("AllowFind", "AllowGet", "AllowMove"))
        assert "*" not in row["AET"]


TWO_ROUTES_OF_ONE_SENDER = """
[[route]]
name = "ct"
calling = ["NORTH_CT"]
modality = ["CT"]
commitment = "10.1.2.3:11112"
site = "north"
project = "trial"
policy = "basic"

[[route]]
name = "sr"
calling = ["NORTH_CT"]
modality = ["SR"]
site = "north"
project = "trial"
policy = "basic"
"""


def test_a_later_route_without_an_address_takes_none_away(tmp_path, request, monkeypatch):
    (tmp_path / "routes.toml").write_text(TWO_ROUTES_OF_ONE_SENDER, encoding="utf-8")
    monkeypatch.setattr(Settings, "routes", tmp_path / "routes.toml")
    (told,) = request.getfixturevalue("running").put.values()
    assert (told["Host"], told["Port"]) == ("10.1.2.3", 11112)


def test_room_is_looked_for_without_counting_all_that_was_ever_received(request, monkeypatch):
    monkeypatch.setattr(Reports, "counts", None)
    running = request.getfixturevalue("running")
    eventually(lambda: running.c_store(a_file()) == SUCCESS)


def test_a_stored_instance_is_in_the_ledger_soon(running):
    eventually(lambda: status(running)["open"])
    assert running.c_store(a_file()) == SUCCESS
    eventually(lambda: status(running)["states"] == {"received": 1} and status(running)["unread"] == 0)


def test_a_lost_callback_costs_time_and_no_data(running):
    eventually(lambda: status(running)["open"])
    running.deaf = True
    running.c_store(a_file())
    eventually(lambda: status(running)["in_flight"] == 1)


def test_metrics_are_text_for_prometheus_and_name_no_patient(running):
    eventually(lambda: status(running)["open"])
    running.c_store(a_file())
    eventually(lambda: status(running)["in_flight"] == 1)
    text = running.ask("/deidgate/metrics")
    assert 'deidgate_items{code="",project="",site="demo",state="received"} 1.0' in text
    assert "deidgate_admission_open 1.0" in text
    for secret in ("HOSP-0001", "Doe", "1.2.826"):
        assert secret not in text


def test_a_second_content_that_cannot_be_kept_is_counted_as_refused(running):
    eventually(lambda: status(running)["open"])
    running.c_store(a_file())
    deflated = file_bytes(dataset(PatientComments="changed"), DeflatedExplicitVRLittleEndian)
    assert running.c_store(deflated) == PROCESSING_FAILURE
    assert status(running)["refused_conflict"] == 1
    assert 'deidgate_refused_total{reason="conflict"} 1.0' in running.ask("/deidgate/metrics")


@pytest.fixture
def report(orthanc, store):
    service = SimpleNamespace(watermarks=Watermarks(Limits(100, 125, 1000, 800)))
    rows = LedgerRows(store, "ingest", ROUTES)
    return Report(store, IngestIndex(orthanc), rows, admission(), SimpleNamespace(refused=0), service)


def owed_by_status(report):
    told = report.status()
    return told["unread"] + told["in_flight"]


def owed_by_metrics(report):
    found = {family.name: family.samples for family in report.families()}
    return found["deidgate_unread_changes"][0].value + found["deidgate_in_flight"][0].value


@pytest.mark.parametrize("owed", [owed_by_status, owed_by_metrics])
def test_what_gets_its_row_while_the_state_is_looked_at_is_owed(orthanc, feeder, report, monkeypatch, owed):
    orthanc.c_store(a_file())

    def counts(self, real=Reports.counts):
        found = real(self)
        feeder.drain()
        return found

    monkeypatch.setattr(Reports, "counts", counts)
    assert owed(report) > 0
    assert owed(report) == 1
