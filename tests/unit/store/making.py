# SPDX-License-Identifier: Apache-2.0
"""Rows, outcomes and times for the tests of the store, from as few words as a test needs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deidgate.pseudonym import PseudonymStyle
from deidgate.store import (
    Claim,
    Deliver,
    Delivered,
    Facts,
    Hold,
    Identity,
    PatientMapping,
    Received,
    Reject,
    Retry,
    Store,
    UidKind,
    UidPair,
)
from deidgate.store.model import Outcome

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STYLE = PseudonymStyle()
DOE = Identity("DOE^JANE", "19700102")


@dataclass
class Clock:
    """A clock that goes on by a step with every look at it."""

    now: datetime
    step: timedelta

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


def received(
    number: int, *, site: str = "north", source: str = "ingest", generation: int | None = None, at: datetime = NOON
) -> Received:
    return Received(
        source=source,
        orthanc_id=f"orthanc-{number}",
        site=site,
        calling_aet="MODALITY",
        called_aet="GATEWAY",
        received_at=at + timedelta(seconds=number),
        generation=number + 1 if generation is None else generation,
        study_instance_uid="1.2.3",
        sop_instance_uid=f"1.2.3.4.{number}",
    )


def feed(store: Store, number: int, **more: object) -> int:
    """Record that many instances."""
    return store.feeder.record_received([received(n, **more) for n in range(number)])


def claim(
    store: Store, limit: int = 1, *, owner: str = "worker", at: datetime = NOON, lease_s: float = 60
) -> list[Claim]:
    """Claim when all that was fed is due."""
    return store.queue.claim(owner, limit, lease_s, at + timedelta(days=1))


def patient(store: Store, patient_id: str = "12345", *, project: str = "trial", site: str = "north") -> PatientMapping:
    return store.mapping.pseudonyms_for(project, site, "", patient_id, DOE, STYLE)


def delivery(
    mapping: PatientMapping, claimed: Claim, *, sop: str | None = None, digest: str = "sha256:a", study: str = "1.2.3"
) -> Deliver:
    """An outcome with everything that a delivery must name."""
    sop = sop or f"{study}.4.{claimed.item_id}"
    new = mapping.pseudonyms.uid
    return Deliver(
        claim=claimed,
        delivered=Delivered(f"research-{claimed.item_id}", new(study), new(study + ".4"), new(sop), "sha256:result"),
        facts=Facts(
            site="north",
            project=mapping.project,
            policy_name="basic",
            policy_version="1",
            policy_hash="sha256:policy",
            digest=digest,
            patient=mapping.id,
            study_instance_uid=study,
            sop_instance_uid=sop,
        ),
        uid_pairs=(
            UidPair(UidKind.STUDY, study, new(study)),
            UidPair(UidKind.SERIES, study + ".4", new(study + ".4")),
            UidPair(UidKind.INSTANCE, sop, new(sop)),
        ),
    )


def delivered(store: Store, number: int = 1, **more: object) -> list[Deliver]:
    """Feed, claim and deliver that many instances of one patient."""
    mapping = patient(store)
    feed(store, number)
    outcomes = [delivery(mapping, claimed, **more) for claimed in claim(store, number)]
    settled = store.queue.settle(outcomes)
    assert settled.done == {outcome.claim.item_id for outcome in outcomes}
    return outcomes


def hold(store: Store, claimed: Claim, code: str, path: str = "", facts: Facts | None = None) -> None:
    """Settle one item, which is still ours, as held."""
    _settle(store, Hold(claimed, code, path, facts or Facts()))


def reject(store: Store, claimed: Claim, code: str) -> None:
    """Settle one item, which is still ours, as rejected by a rule."""
    _settle(store, Reject(claimed, code, "", Facts()))


def retry(store: Store, claimed: Claim, not_before: datetime) -> None:
    """Give one item, which is still ours, back."""
    _settle(store, Retry(claimed, not_before, "unavailable"))


def _settle(store: Store, outcome: Outcome) -> None:
    assert store.queue.settle([outcome]).done == {outcome.claim.item_id}
