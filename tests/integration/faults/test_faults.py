# SPDX-License-Identifier: Apache-2.0
"""Whatever breaks, and however often: what was answered with success is delivered once, or held with a reason.

Believed are the gateway's own reconciliation and the lists of both Orthancs, nothing else.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass

from tests.integration.faults.account import account
from tests.integration.faults.catalogue import CATALOGUE, SHORT
from tests.integration.faults.clinic import Clinic
from tests.integration.faults.rig import Watch, within

SEED = int(os.environ.get("DEIDGATE_FAULTS_SEED", "20261121"))
SHORT_INSTANCES, WHOLE_INSTANCES, WHOLE_FAULTS = 600, 5000, 66
RATES = {"DEMO": 9.0, "DEMO2": 6.0}
PATIENCE_S = 120.0
SETTLED = 40
"""As many instances are under way at this load when nothing is wrong."""


@dataclass(frozen=True)
class Recovery:
    """How long it took after one fault until everything flowed again."""

    fault: str
    seconds: float | None


def chosen(whole: bool, chance: random.Random) -> list[str]:
    """The faults in their order: each kind equally often, in a mixed order."""
    if not whole:
        return chance.sample(SHORT, len(SHORT))
    names = [name for _ in range(WHOLE_FAULTS // len(CATALOGUE) + 1) for name in CATALOGUE][:WHOLE_FAULTS]
    chance.shuffle(names)
    return names


def flows(watch: Watch, clinics: list[Clinic], since: float) -> bool:
    """Every clinic was answered with success, research has got more, and no more is under way than usual."""
    samples = [sample for sample in watch.since(since) if sample.research is not None]
    backlog = watch.latest.backlog
    return (
        all(clinic.last > since for clinic in clinics)
        and len(samples) > 1
        and samples[-1].research > samples[0].research
        and backlog is not None
        and backlog <= SETTLED
    )


def test_nothing_is_lost_or_doubled_whatever_breaks(broken, whole, tmp_path, capsys):
    chance = random.Random(SEED)
    watch = Watch(broken.name_of("witness"))
    first = time.time_ns() // 1_000_000 % 10**9 * 10
    clinics = [
        Clinic(broken.dicom_port, aet, first + number * 5_000_000, tmp_path / aet, rate)
        for number, (aet, rate) in enumerate(RATES.items())
    ]
    for clinic in clinics:
        clinic.start()
    assert within(60, lambda: flows(watch, clinics, time.time() - 5)) is not None

    recoveries = []
    for name in chosen(whole, chance):
        time.sleep(chance.uniform(0, 2))
        with CATALOGUE[name](broken, chance):
            ended = time.time()
            seconds = within(PATIENCE_S, lambda since=ended: flows(watch, clinics, since))
        recoveries.append(Recovery(name, seconds))
        with capsys.disabled():
            print(f"\n  {name:<42} {'no recovery' if seconds is None else f'{seconds:5.1f} s'}", end="", flush=True)
    wanted = WHOLE_INSTANCES if whole else SHORT_INSTANCES
    within(900, lambda: sum(len(clinic.confirmed) for clinic in clinics) >= wanted)
    for clinic in clinics:
        clinic.stop()
    watch.close()

    broken.healthy()
    broken.settle(300)
    sent = {one.uid for clinic in clinics for one in clinic.confirmed}
    figures = account(broken, sent) | recovered(recoveries)
    with capsys.disabled():
        print("\n" + "\n".join(f"{name:<24}{value}" for name, value in figures.items()))
    assert figures["lost"] == figures["duplicated"] == figures["unverified"] == 0
    assert figures["adds up"]
    assert figures["instances sent"] >= wanted


def recovered(recoveries):
    """How long it took after the faults: told and not asserted, for other work on the machine counts too."""
    took = sorted(one.seconds for one in recoveries if one.seconds is not None)
    return {
        "faults injected": len(recoveries),
        "recovery, median": f"{took[len(took) // 2]:.1f} s",
        "recovery, longest": f"{took[-1]:.1f} s",
        f"not within {PATIENCE_S:.0f} s": len(recoveries) - len(took),
        "seed": SEED,
    }
