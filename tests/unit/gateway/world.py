# SPDX-License-Identifier: Apache-2.0
"""A world for the story: two servers and a mapping table in memory, real policies, plans, marks and verification."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.data.fake_orthanc import modify, orthanc_id_of
from tests.data.policies import shipped

from deidgate.dicom.box import Box
from deidgate.errors import CannotDeidentify, Unavailable, VerificationFailed
from deidgate.gateway.outcome import Outcome
from deidgate.gateway.ports import Patient, Person, Ports
from deidgate.gateway.story import carry
from deidgate.marks import check
from deidgate.pixels.clean import PixelOutcome, PixelStatus
from deidgate.plan.model import PixelPlan
from deidgate.policy.model import Policy
from deidgate.policy.routes import Route, Routes
from deidgate.pseudonym import Pseudonyms, PseudonymStyle

CLEAN = PixelOutcome(PixelStatus.CLEAN, (), (0,), ())
ROUTES = Routes(
    (
        Route("one", "site-one", "project", "policy", calling=("DEMO",)),
        Route("two", "site-two", "project", "policy", calling=("DEMO_TWO",)),
        Route("elsewhere", "site-one", "other", "policy", calling=("OTHER",)),
    )
)
MARK_KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)


@dataclass
class Claimed:
    """An item as the ledger hands it out."""

    orthanc_id: str
    site: str = ""
    calling_aet: str = "DEMO"
    called_aet: str = "DEIDGATE"
    digest: str | None = None
    accepted: frozenset[str] = frozenset()
    instructions: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Ingest:
    """Originals by Orthanc ID."""

    files: dict[str, bytes] = field(default_factory=dict)
    away: bool = False
    spoil: Callable[[bytes], bytes] = bytes
    """What happens to a result before it is answered."""

    def add(self, file: bytes) -> Claimed:
        name = orthanc_id_of(file)
        self.files[name] = file
        return Claimed(name, digest=f"md5:{hashlib.md5(file, usedforsecurity=False).hexdigest()}")

    def read(self, orthanc_id: str) -> bytes:
        if self.away:
            raise Unavailable("ingest-unavailable")
        if orthanc_id not in self.files:
            raise CannotDeidentify("original-missing")
        return self.files[orthanc_id]

    def modify(self, orthanc_id: str, request: Mapping[str, Any]) -> bytes:
        return self.spoil(modify(self.files[orthanc_id], dict(request)))


@dataclass
class Research:
    """Delivered files by Orthanc ID; takes only what is marked."""

    files: dict[str, bytes] = field(default_factory=dict)
    posts: int = 0
    away: bool = False

    def deliver(self, file: bytes, orthanc_id: str, md5: str) -> None:
        if self.away:
            raise Unavailable("research-unavailable")
        self.posts += 1
        check(file, MARK_KEY.public_key())
        if orthanc_id_of(file) != orthanc_id or hashlib.md5(file, usedforsecurity=False).hexdigest() != md5:
            raise VerificationFailed("research-stored-other")
        self.files[orthanc_id] = file


@dataclass
class Table:
    """A mapping table in memory."""

    known: dict[tuple[str, str, str], Patient] = field(default_factory=dict)
    studies: dict[tuple[str, str], int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    differs: frozenset[str] = frozenset()

    def patient(self, project: str, site: str, person: Person, style: PseudonymStyle) -> Patient:
        key = (project, site, person.patient_id)
        number = len(self.known) + 1
        new = Pseudonyms(f"PSEUDO{number}", f"PSEUDO{number}", 100 + number, project.encode().ljust(32, b"k"))
        return replace(self.known.setdefault(key, Patient(number, new)), differs=self.differs)

    def binds(self, project: str, site: str, study_uid: str, patient: int, accession: str) -> bool:
        return self.studies.setdefault((project, study_uid), patient) == patient

    def delivered_digest(self, project: str, sop_instance_uid: str) -> str | None:
        return self.digests.get(sop_instance_uid)


@dataclass
class Pixels:
    """A pixel step that says what it is told to."""

    says: PixelOutcome = CLEAN
    asked: int = 0
    masked: list[tuple[Box, ...]] = field(default_factory=list)

    def assess(self, original: bytes, plan: PixelPlan) -> PixelOutcome:
        self.asked += 1
        return self.says

    def mask(self, result: bytes, boxes: tuple[Box, ...]) -> bytes:
        self.masked.append(boxes)
        return result


@dataclass
class World:
    """Everything that the story touches."""

    policy: Policy = field(default_factory=lambda: shipped("basic"))
    ingest: Ingest = field(default_factory=Ingest)
    research: Research = field(default_factory=Research)
    table: Table = field(default_factory=Table)
    pixels: Pixels = field(default_factory=Pixels)
    routes: Routes = ROUTES

    def carry(self, item: Claimed) -> Outcome:
        """How the story of `item` ends."""
        ports = Ports(
            originals=self.ingest,
            research=self.research,
            patients=self.table,
            routes=self.routes,
            policies={"policy": self.policy},
            pixels=self.pixels,
            mark_key=MARK_KEY,
        )
        return carry(item, ports)
