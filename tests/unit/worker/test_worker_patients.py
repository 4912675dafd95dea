# SPDX-License-Identifier: Apache-2.0
"""A worker without the present encryption key puts its work off: nothing is wrong with the instances."""

import threading

import pytest
from prometheus_client import CollectorRegistry
from tests.data.instances import dataset, file_bytes
from tests.unit.gateway.world import World
from tests.unit.store.making import STYLE, feed

from deidgate.errors import ConfigurationError
from deidgate.gateway.outcome import Delivered, Postponed
from deidgate.gateway.ports import Person
from deidgate.store import Keys, State, Store
from deidgate.worker.line import Line, Shape
from deidgate.worker.meter import Meter
from deidgate.worker.patience import Patience
from deidgate.worker.patients import MappedPatients

OLD = Keys.of(b"p" * 32, b"e" * 32)
BOTH = Keys.of(b"p" * 32, b"n" * 32, b"e" * 32)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def stale(url):
    """The store of a worker that has the old key alone."""
    with Store.open(url, OLD) as opened:
        yield opened


@pytest.fixture
def fresh(url, stale):
    """The store of a worker that has the new key too."""
    with Store.open(url, BOTH) as opened:
        yield opened


def end_of(store, file):
    world = World(table=MappedPatients(store.mapping))
    return world.carry(world.ingest.add(file))


def test_a_patient_under_a_key_that_is_not_here_is_put_off_and_not_held(stale, fresh):
    file = file_bytes(dataset())
    assert isinstance(end_of(fresh, file), Delivered)
    end = end_of(stale, file)
    assert isinstance(end, Postponed)
    assert (end.code, end.path) == ("encryption-key-missing", f"encryption-{BOTH.encryption_id}.key")


def test_a_new_patient_is_put_off_once_a_change_has_begun(stale, fresh):
    fresh.custody.rotate_encryption_key(OLD.encryption_id, BOTH.encryption_id, "ann", "yearly")
    end = end_of(stale, file_bytes(dataset()))
    assert isinstance(end, Postponed)
    assert end.code == "encryption-key-retired"


def test_other_faults_of_the_mapping_table_are_not_taken_for_a_missing_key(stale, monkeypatch):
    def damaged(*_arguments):
        raise ConfigurationError("ciphertext-damaged", "patients.patient_name")

    monkeypatch.setattr(stale.mapping, "pseudonyms_for", damaged)
    with pytest.raises(ConfigurationError, match="ciphertext-damaged"):
        MappedPatients(stale.mapping).patient("trial", "north", Person("1", "", "DOE", ""), STYLE)


def test_a_line_without_the_present_key_holds_nothing(stale, fresh):
    file = file_bytes(dataset())
    end_of(fresh, file)
    feed(stale, 5)
    told, stop = threading.Semaphore(0), threading.Event()

    def tell(_claim):
        told.release()
        return end_of(stale, file)

    shape = Shape(threads=2, batch=5, lease_s=20, idle_s=0.02, gather_s=0.01, drain_s=5)
    line = Line("stale", stale.queue, tell, Meter(CollectorRegistry()), shape, Patience(first_s=60))
    thread = threading.Thread(target=line.run, args=(stop, lambda: None))
    thread.start()
    try:
        assert all(told.acquire(timeout=30) for _ in range(5))
    finally:
        stop.set()
        thread.join(30)
    counts = [(count.state, count.code, count.number) for count in stale.reports.counts()]
    assert counts == [(State.RECEIVED, "encryption-key-missing", 5)]
