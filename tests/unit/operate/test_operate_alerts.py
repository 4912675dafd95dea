# SPDX-License-Identifier: Apache-2.0
"""Every metric that an alert asks for is one that the gateway exports."""

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from tests.data.fake_orthanc import FakeOrthanc

from deidgate.dimse.associate import Refusal
from deidgate.dimse.gate import Gate, GateLimits
from deidgate.dimse.gate_service import GateFigures
from deidgate.gateway.outcome import Held, Learned
from deidgate.orthanc_io.balance import Comparison, Reconciliation
from deidgate.orthanc_io.ingest.plugin import install
from deidgate.settings import Settings
from deidgate.worker.meter import Meter
from deidgate.worker.steward import Figures

ROOT = Path(__file__).parents[3]
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]


def of_ingest(folder):
    for name in ("pseudonym", "encryption"):
        (folder / f"{name}.key").write_bytes(name[:1].encode() * 32)
    orthanc = FakeOrthanc()
    install(
        orthanc,
        Settings(
            data=folder,
            config=ROOT / "orthanc-ingest",
            pseudonym_key_file=folder / "pseudonym.key",
            encryption_key_file=folder / "encryption.key",
            storage=folder,
        ),
    )
    return set(re.findall(r"^# TYPE (\w+) ", orthanc.ask("/deidgate/metrics"), flags=re.MULTILINE))


def of_worker():
    registry = CollectorRegistry()
    Meter(registry).ended(Held(Learned(), "code", alert=True), 1.0)
    nothing = Comparison((), ())
    Figures(registry).take(Reconciliation((), nothing, nothing, 0))
    return {sample.name for family in registry.collect() for sample in family.samples}


def of_gate():
    gate = Gate(lambda *_: Refusal.NO_REASON_GIVEN, ("127.0.0.1", 1), GateLimits())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in GateFigures(gate).collect()
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return of_ingest(tmp_path_factory.mktemp("ingest")) | of_worker() | {name for name, *_ in of_gate()}


def test_a_figure_that_an_alert_wants_to_see_grow_is_there_before_it_has_grown():
    registry = CollectorRegistry()
    Meter(registry)
    assert registry.get_sample_value("deidgate_checks_failed_total") == 0
    wanted = {
        word for rule in RULES for word in re.findall(r"[a-z-]{8,}", rule["expr"]) if "gate_refused" in rule["expr"]
    }
    codes = {refusal.code for refusal in Refusal}
    assert wanted & codes
    assert {code: of_gate().get(("deidgate_gate_refused_total", code)) for code in codes} == dict.fromkeys(codes, 0)
    grown = [name for rule in RULES for name in re.findall(r"increase\((deidgate_\w+)", rule["expr"])]
    assert set(grown) == {"deidgate_checks_failed_total", "deidgate_refused_total", "deidgate_gate_refused_total"}


def test_what_is_still_to_be_withdrawn_and_since_when_nothing_was_compared_is_known_from_the_start():
    registry = CollectorRegistry()
    figures = Figures(registry)
    assert registry.get_sample_value("deidgate_reconciled_at_seconds") > 0
    figures.take_unwithdrawn(3)
    assert registry.get_sample_value("deidgate_unwithdrawn") == 3


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_asks_for_what_is_exported(rule, exported):
    asked = set(re.findall(r"deidgate_\w+", rule["expr"]))
    assert asked
    assert asked <= exported


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule):
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["to_do"]


def test_a_difference_of_either_server_is_a_figure():
    registry = CollectorRegistry()
    Figures(registry).take(Reconciliation((), Comparison(("a", "b"), ()), Comparison((), ("c",)), 4))
    for server, kind, number in (("ingest", "missing", 2), ("research", "extra", 1), ("research", "missing", 0)):
        labels = {"server": server, "kind": kind}
        assert registry.get_sample_value("deidgate_reconcile_differences", labels) == number
    assert registry.get_sample_value("deidgate_unwithdrawn") == 4
