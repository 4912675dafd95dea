# SPDX-License-Identifier: Apache-2.0
"""A ledger that everything has happened to, and what it says: of made-up patients, by the store's own API.

It runs under every version of the program since the first: what a version does not have is left out.
"""

from datetime import UTC, datetime, timedelta

from tests.data.histories import history

from deidgate.pseudonym import PseudonymStyle
from deidgate.store import Store
from deidgate.store.model import (
    Deliver,
    Delivered,
    Facts,
    Hold,
    Identity,
    ItemFilter,
    PatientRow,
    Received,
    Reject,
    Retry,
    UidKind,
    UidPair,
)
from deidgate.store.states import State

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STYLE = PseudonymStyle()
BROKER = "broker"
PATIENTS = {
    ("north", "12345"): Identity("DOE^JANE", "19700102"),
    ("south", "12345"): Identity("ROE^RICHARD", "19611203"),
    ("north", "777"): Identity("Müller^Jürgen", "19450607"),
}
OLD = Identity("OLD^ONE", "19500101")


class Clock:
    """Goes on by a second with every look at it."""

    def __init__(self) -> None:
        self.now = NOON + timedelta(days=1)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def study(number: int) -> str:
    return f"1.2.3.{number}"


def sop(number: int) -> str:
    return f"{study(number % 3)}.4.{number}"


def live(store: Store, clock: Clock) -> None:
    """Let everything happen that can."""
    for source, number in (("ingest", 16), ("ingest-2", 2)):
        rows = [_received(source, n) for n in range(number)]
        store.feeder.record_received(rows, cursor=(source, 1000 + number))
    store.feeder.record_received([_received("ingest", 16, generation=0)])
    people = {key: _patient(store, *key) for key in PATIENTS}
    assigned = PatientRow(1, "trial", "north", "old-1", "P-ASSIGNED", shift_days=-40, identity=OLD)
    store.custody.import_patients([assigned], STYLE, BROKER, "numbers of the trial office", dry_run=False)
    for site in ("north", "south"):
        mapping = people[site, "12345"]
        store.mapping.bind_study("trial", site, study(0 if site == "north" else 1), mapping.id, "A-1")
        store.mapping.patient_index("trial", mapping.id)
    store.mapping.image_numbers("trial", people["north", "12345"].id, [sop(0), sop(3), sop(6)])

    claims = {claim.orthanc_id: claim for claim in store.queue.claim("worker", 100, 600, clock())}
    mapping = people["north", "12345"]
    ends = [
        *(_delivery(mapping, claims[f"orthanc-{n}"], n) for n in (0, 3, 6)),
        *(_delivery(people["south", "12345"], claims[f"orthanc-{n}"], n) for n in (1, 4)),
        Hold(claims["orthanc-2"], "pixels-uncertain", "PixelData", _facts(mapping, 2)),
        Hold(claims["orthanc-5"], "no-route"),
        Hold(claims["orthanc-7"], "patient-id-collides", "PatientName", _facts(mapping, 7)),
        Hold(claims["orthanc-8"], "unreadable-file"),
        Reject(claims["orthanc-9"], "sop-class-rejected", "SOPClassUID"),
        *(Retry(claims[f"orthanc-{n}"], clock() + timedelta(minutes=2), "research-down") for n in (10, 11, 12)),
    ]
    assert store.queue.settle(ends).done == {end.claim.item_id for end in ends}
    item = {name: claim.item_id for name, claim in claims.items()}
    store.review.release(item["orthanc-5"], BROKER, "route added")
    store.review.release(
        item["orthanc-7"], BROKER, "one person", accept=True, instructions={"boxes": [[0, 10, 0, 20, 1]]}
    )
    store.review.reject(item["orthanc-8"], BROKER, "test object")
    store.review.recall(ItemFilter(item_ids=frozenset({item["orthanc-3"], item["orthanc-6"]})), BROKER, "consent")
    store.review.withdrawn([item["orthanc-6"]])
    store.retention.purging([item["orthanc-0"], item["orthanc-1"]], "30 days")
    store.retention.purged([item["orthanc-0"]])
    store.custody.look_up("12345", BROKER, "incidental finding")
    gone = _patient(store, "north", "777")
    store.custody.purge_patient("trial", gone.pseudonyms.patient_id, BROKER, "consent withdrawn")
    approvals = getattr(store, "approvals", None)
    if approvals is not None:
        asked = [approvals.ask("export-patients", "broker", "audit of the trial") for _ in range(2)]
        approvals.approve(asked[0], "second", "agreed")


def says(store: Store, clock: Clock) -> dict[str, object]:
    """What the ledger says, as JSON has it; the last questions change it."""
    found = {
        "audit": [[e.seq, e.at.isoformat(), e.who, e.action, list(e.objects), e.why] for e in store.audit.entries()]
    }
    found["audit-findings"] = [str(finding) for finding in store.audit.verify()]
    items = store.reports.items(ItemFilter(), limit=1000)
    found["items"] = [_view(one) for one in items]
    found["history"] = {str(one.id): [_event(event) for event in history(store, one.id)] for one in items}
    found["holds"] = [one.id for one in store.reports.holds()]
    found["balances"] = sorted(
        [b.site, b.study_key or "", b.received, b.delivered, b.held, b.rejected, b.recalled, b.in_flight]
        for b in store.reports.reconcile()
    )
    found["counts"] = sorted([c.state, c.site, c.project or "", c.code or "", c.number] for c in store.reports.counts())
    found["commitment"] = {
        uid: _latest(states).value
        for uid, states in sorted(store.reports.states_of([sop(n) for n in range(17)]).items())
    }
    found["cursors"] = {source: store.feeder.cursor(source) for source in ("ingest", "ingest-2")}
    found["fed-again"] = store.feeder.record_received([_received("ingest", n) for n in range(16)])
    found["to-withdraw"] = [one.id for one in store.review.to_withdraw(100)]
    digests = store.mapping.known_instances("trial", [sop(n) for n in range(17)])
    found["digests"] = dict(sorted(digests.items()))
    people = {(site, pid): _patient(store, site, pid) for site, pid in PATIENTS if pid != "777"}
    people["north", "old-1"] = store.mapping.pseudonyms_for("trial", "north", "", "old-1", OLD, STYLE)
    found["patients"] = {
        f"{site} {pid}": [
            mapping.id,
            mapping.pseudonyms.patient_id,
            mapping.pseudonyms.patient_name,
            mapping.pseudonyms.shift_days,
            sorted(mapping.differs),
            mapping.pseudonyms.uid("1.2.3"),
        ]
        for (site, pid), mapping in people.items()
    }
    north, south = (people[site, "12345"].id for site in ("north", "south"))
    found["studies"] = [
        type(store.mapping.bind_study("trial", "north", study(number), patient, "A-1")).__name__
        for number in (0, 1)
        for patient in (north, south)
    ]
    found["indices"] = [store.mapping.patient_index("trial", one) for one in (north, south)]
    found["images"] = store.mapping.image_numbers("trial", north, [sop(6), sop(0), sop(9)])
    found["found"] = [
        [f.project, f.site, f.pseudonym, f.patient_id, f.identity.patient_name, f.identity.birth_date, f.shift_days]
        for value in ("12345", "old-1", "777", sop(0), study(1))
        for f in sorted(store.custody.look_up(value, BROKER, "test"), key=lambda f: f.pseudonym)
    ]
    found["exported"] = [
        sorted(map(list, store.custody.export_patients(BROKER, "test"))),
        sorted(map(list, store.custody.export_uids(BROKER, "test"))),
    ]
    approvals = getattr(store, "approvals", None)
    if approvals is not None:
        found["approvals"] = [
            [a.id, a.action, a.project, a.asked_by, a.why, a.approved_by] for a in approvals.waiting()
        ]
    claims = store.queue.claim("another", 100, 60, clock() + timedelta(days=2))
    found["claims"] = [
        [c.orthanc_id, c.source, c.site, c.calling_aet, c.attempts, c.lapses, sorted(c.accepted), dict(c.instructions)]
        for c in claims
    ]
    found["then"] = [str(finding) for finding in store.audit.verify()]
    return found


def _received(source: str, number: int, generation: int | None = None) -> Received:
    return Received(
        source=source,
        orthanc_id=f"orthanc-{number}" if source == "ingest" else f"other-{number}",
        site="south" if number % 3 == 1 else "north",
        calling_aet="MODALITY",
        called_aet="GATEWAY",
        received_at=NOON + timedelta(seconds=number),
        generation=number + 1 if generation is None else generation,
        digest=f"md5:{number}",
        study_instance_uid=study(number % 3),
        sop_instance_uid=sop(number),
    )


def _patient(store: Store, site: str, patient_id: str):
    return store.mapping.pseudonyms_for("trial", site, "", patient_id, PATIENTS[site, patient_id], STYLE)


def _facts(mapping, number: int) -> Facts:
    return Facts(
        site="north",
        project="trial",
        policy_name="basic",
        policy_version="1",
        policy_hash="sha256:policy",
        digest=f"sha256:{number}",
        patient=mapping.id,
        study_instance_uid=study(number % 3),
        sop_instance_uid=sop(number),
    )


def _delivery(mapping, claim, number: int) -> Deliver:
    new = mapping.pseudonyms.uid
    here = study(number % 3)
    return Deliver(
        claim=claim,
        delivered=Delivered(f"research-{number}", new(here), new(here + ".4"), new(sop(number)), f"md5:r{number}"),
        facts=_facts(mapping, number),
        uid_pairs=(
            UidPair(UidKind.STUDY, here, new(here)),
            UidPair(UidKind.SERIES, here + ".4", new(here + ".4")),
            UidPair(UidKind.INSTANCE, sop(number), new(sop(number))),
        ),
    )


def _latest(states):
    """One state, as earlier versions say, or those of several contents of a UID."""
    return states if isinstance(states, State) else list(states.values())[-1]


def _view(one) -> list[object]:
    times = (one.received_at, one.not_before, one.claimed_at, one.delivered_at, one.changed_at)
    return [
        *(one.id, one.token, one.source, one.orthanc_id, one.site, one.calling_aet, one.project, one.policy_name),
        *(one.policy_version, one.policy_hash, State(one.state).value, str(one.original), one.reason_code),
        *(one.reason_path, one.attempts, one.digest, one.result_digest, one.patient, one.study_key, one.research_id),
        *(one.research_study_uid, one.research_series_uid, one.research_sop_uid),
        *(None if time is None else time.isoformat() for time in times),
    ]


def _event(event) -> list[object]:
    return [event.at.isoformat(), event.event, event.by, event.from_state, event.to_state, event.code, event.path]
