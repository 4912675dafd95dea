# SPDX-License-Identifier: Apache-2.0
"""The values that go into the store and come out of it. All frozen; times are aware.

Identifying values are in `Identity` and `UidPair.original` only, and hidden from every
representation. Everything else may be logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from deidgate.errors import DeidgateError
from deidgate.pseudonym import Pseudonyms
from deidgate.store.states import Original, State

# -- the feeder ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Received:
    """One instance that an ingest server has stored."""

    source: str  # name of the ingest server
    orthanc_id: str
    site: str  # the sending clinic; "" where no site is configured for the sender
    calling_aet: str
    called_aet: str
    received_at: datetime
    generation: int = 0  # number of the NewInstance change; 0 if unknown (a callback, a full listing)
    digest: str | None = None  # of the stored file, where the feeder knows it
    study_instance_uid: str | None = field(default=None, repr=False)  # kept as a keyed index only
    sop_instance_uid: str | None = field(default=None, repr=False)  # kept as a keyed index only


# -- the worker ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """An item that is ours until its lease runs out, and no longer if another `token` was given out."""

    item_id: int
    token: int  # fencing token: settling with an old one is refused
    owner: str
    source: str
    orthanc_id: str
    site: str
    calling_aet: str
    called_aet: str
    digest: str | None
    attempts: int  # this one included
    lapses: int  # leases in a row that ran out before this claim: an item that kills its worker shows here
    received_at: datetime
    accepted: frozenset[str]  # reason codes that a person accepted when releasing this item
    instructions: Mapping[str, object]  # what the person decided, e.g. rectangles to blank; {} if never released


@dataclass(frozen=True, slots=True)
class Facts:
    """What the worker learned about an item. None leaves what the ledger has."""

    site: str | None = None
    project: str | None = None
    policy_name: str | None = None
    policy_version: str | None = None
    policy_hash: str | None = None
    digest: str | None = None  # of the original as it was read
    patient: int | None = None  # `PatientMapping.id`
    study_instance_uid: str | None = field(default=None, repr=False)  # kept as a keyed index only
    sop_instance_uid: str | None = field(default=None, repr=False)  # kept as a keyed index only


class NotApproved(DeidgateError):
    """A second person has to approve first; the code says what is missing."""


class UidKind(StrEnum):
    """The level whose UID was replaced."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class UidPair:
    """An original UID and the one that stands for it in a project."""

    kind: UidKind
    original: str = field(repr=False)
    new: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """Where an item is now, in the words of the research server."""

    research_id: str  # Orthanc ID there
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    result_digest: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """Outcome: stored and confirmed at research.

    A differing `facts.digest` under a SOP Instance UID that was delivered before turns the
    outcome into a hold, `content-changed`, unless a person accepted that code.

    Raises
    ------
    ValueError
        `facts` lacks what every delivery must be traceable by, or `uid_pairs` the instance.
    """

    claim: Claim
    delivered: Delivered
    facts: Facts
    uid_pairs: tuple[UidPair, ...]

    def __post_init__(self) -> None:
        for name in ("project", "patient", "policy_hash", "digest", "study_instance_uid", "sop_instance_uid"):
            if getattr(self.facts, name) is None:
                raise ValueError(f"a delivery without {name}")
        if not any(pair.kind is UidKind.INSTANCE for pair in self.uid_pairs):
            raise ValueError("a delivery without the UID pair of its instance")


@dataclass(frozen=True, slots=True)
class Hold:
    """Outcome: a person has to look, for a reason; never a value."""

    claim: Claim
    code: str
    path: str = ""
    facts: Facts = Facts()
    left: Delivered | None = None  # what research was given before the ledger refused it


@dataclass(frozen=True, slots=True)
class Reject:
    """Outcome: a written rule says that this is not delivered."""

    claim: Claim
    code: str
    path: str = ""
    facts: Facts = Facts()


@dataclass(frozen=True, slots=True)
class Retry:
    """Outcome: something was unavailable; not again before `not_before`."""

    claim: Claim
    not_before: datetime
    code: str = "unavailable"
    path: str = ""
    facts: Facts = Facts()
    turns: int = 0  # that every site has before it is this item's again; 0 leaves its place


Outcome = Deliver | Hold | Reject | Retry


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a batch of outcomes."""

    done: frozenset[int]  # item ids that are now in the state asked for
    lost: frozenset[int]  # item ids that were no longer ours: nothing was written for them
    conflicts: frozenset[int]  # item ids that were held instead of delivered: content changed or patient purged


# -- the mapping table --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """What names a patient. Kept encrypted, for the honest broker's look-ups."""

    patient_name: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)  # DA


@dataclass(frozen=True, slots=True)
class PatientMapping:
    """One patient of one project, and the pseudonyms of that patient."""

    id: int
    project: str
    pseudonyms: Pseudonyms
    differs: frozenset[str] = frozenset()  # "patient_name", "birth_date": seen differently before under this Patient ID


@dataclass(frozen=True, slots=True)
class Bound:
    """The study belongs to this patient."""

    study: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """The study already belongs to another patient of the project."""

    study: int
    other: int  # `PatientMapping.id` of that patient


@dataclass(frozen=True, slots=True)
class PatientRow:
    """One line of an import of pre-assigned pseudonyms."""

    number: int  # line in the file, for the report
    project: str
    site: str
    patient_id: str = field(repr=False)
    pseudonym: str
    issuer: str = ""
    pseudonym_name: str = ""  # "" takes the pseudonym
    shift_days: int | None = None  # None draws one
    identity: Identity = Identity()


@dataclass(frozen=True, slots=True)
class Approval:
    """Something that one person asks for and another approves."""

    id: int
    action: str
    project: str | None
    asked_by: str
    asked_at: datetime
    why: str
    approved_by: str | None
    approved_at: datetime | None


@dataclass(frozen=True, slots=True)
class ImportFinding:
    """Why a line of an import cannot be, or (`already-mapped`) has nothing to do."""

    number: int
    code: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import would do (dry run) or did. Written only if `problems` is empty."""

    new: int
    unchanged: int
    problems: tuple[ImportFinding, ...]
    written: bool


@dataclass(frozen=True, slots=True)
class Found:
    """One answer to a look-up: both sides of the mapping."""

    project: str
    site: str
    pseudonym: str
    patient_id: str = field(repr=False)
    issuer: str = field(repr=False)
    identity: Identity = field(repr=False)
    shift_days: int
    uid: UidPair | None = None  # where a UID was looked up


# -- people's decisions and views -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item as a person sees it. Names no patient."""

    id: int
    token: int  # hand it back when deciding, so that two people cannot overwrite each other
    source: str
    orthanc_id: str
    site: str
    calling_aet: str
    called_aet: str
    project: str | None
    policy_name: str | None
    policy_version: str | None
    policy_hash: str | None
    state: State
    original: Original
    reason_code: str | None
    reason_path: str | None
    attempts: int
    received_at: datetime
    not_before: datetime | None
    claimed_at: datetime | None
    delivered_at: datetime | None
    changed_at: datetime
    digest: str | None
    result_digest: str | None
    patient: int | None
    study_key: str | None  # equal for all items of one original study; hexadecimal
    research_id: str | None
    research_study_uid: str | None
    research_series_uid: str | None
    research_sop_uid: str | None


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items. None and empty mean all."""

    states: frozenset[State] = frozenset()
    site: str | None = None
    project: str | None = None
    code: str | None = None
    study_key: str | None = None
    policy_name: str | None = None
    policy_version: str | None = None
    original: Original | None = None
    pseudonym: str | None = None
    research_study_uid: str | None = None
    research_series_uid: str | None = None
    received_before: datetime | None = None
    received_since: datetime | None = None
    item_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Count:
    """How many items are alike."""

    state: State
    site: str
    project: str | None
    code: str | None
    number: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Received against what became of it, for a site and, if `study_key` is given, one study."""

    site: str
    study_key: str | None
    received: int
    delivered: int
    held: int
    rejected: int
    recalled: int
    in_flight: int
    research_study_uid: str | None = None
    codes: Mapping[str, int] = field(default_factory=dict)  # reasons of what is held or rejected

    @property
    def balanced(self) -> bool:
        """Whether every received item is accounted for."""
        return self.received == self.delivered + self.held + self.rejected + self.recalled + self.in_flight


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Where the audit trail is not what was written."""

    code: str  # changed | missing | reordered | truncated | head-missing | head-changed
    seq: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit trail."""

    seq: int
    at: datetime
    who: str
    action: str
    objects: tuple[str, ...]
    why: str
