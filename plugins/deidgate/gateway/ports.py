# SPDX-License-Identifier: Apache-2.0
"""What the story needs from the world, as Protocols; adapters in the layers above satisfy them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deidgate.dicom.box import Box
from deidgate.pixels.clean import PixelOutcome
from deidgate.plan.model import PixelPlan
from deidgate.policy.model import Policy
from deidgate.policy.routes import Routes
from deidgate.pseudonym import Pseudonyms, PseudonymStyle


class Item(Protocol):
    """One instance to be carried; the ledger's claim has this form."""

    @property
    def orthanc_id(self) -> str:
        """Its Orthanc ID at ingest."""
        ...

    @property
    def site(self) -> str:
        """The sending clinic as admission knew it; may be empty."""
        ...

    @property
    def calling_aet(self) -> str:
        """AE title of the sender."""
        ...

    @property
    def called_aet(self) -> str:
        """AE title that the sender asked for."""
        ...

    @property
    def digest(self) -> str | None:
        """What ingest says that it stored, as ``md5:…``, or what an earlier attempt read; None if unknown."""
        ...

    @property
    def accepted(self) -> frozenset[str]:
        """Reason codes that a person let pass for this instance."""
        ...

    @property
    def instructions(self) -> Mapping[str, object]:
        """What a person decided when releasing it, for example rectangles to blank."""
        ...


class Originals(Protocol):
    """The ingest server."""

    def read(self, orthanc_id: str) -> bytes:
        """The stored file.

        Raises
        ------
        CannotDeidentify
            ``original-missing`` or ``original-changed``.
        Unavailable
        """
        ...

    def modify(self, orthanc_id: str, request: Mapping[str, Any]) -> bytes:
        """The file as Orthanc modifies it; nothing is stored.

        Raises
        ------
        CannotDeidentify
            ``modify-refused``.
        Unavailable
        """
        ...


class Research(Protocol):
    """The place that instances are delivered to."""

    def deliver(self, file: bytes, orthanc_id: str, md5: str) -> None:
        """Return when the place holds exactly `file` under `orthanc_id`, and has said so when asked for its MD5.

        Another rendering of the same original under that ID, by an earlier policy, is replaced.

        Raises
        ------
        VerificationFailed
            ``research-stored-other`` or ``research-refused``.
        Unavailable
        """
        ...


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient of one project, as the mapping table knows it."""

    id: int
    pseudonyms: Pseudonyms
    differs: frozenset[str] = frozenset()
    """Keywords of what was another when this Patient ID was first seen at this site."""


@dataclass(frozen=True, slots=True)
class Person:
    """What the header says of the patient. Shown nowhere."""

    patient_id: str = field(repr=False)
    issuer: str = field(repr=False)
    name: str = field(repr=False)
    birth_date: str = field(repr=False)


class Patients(Protocol):
    """The mapping table."""

    def patient(self, project: str, site: str, person: Person, style: PseudonymStyle) -> Patient:
        """The patient's pseudonyms, drawn and stored before they are answered for the first time."""
        ...

    def binds(self, project: str, site: str, study_uid: str, patient: int, accession: str) -> bool:
        """Whether the study belongs to this patient; the first one who asks makes it so."""
        ...

    def delivered_digest(self, project: str, sop_instance_uid: str) -> str | None:
        """Digest of the original that was delivered under this SOP Instance UID last."""
        ...


class PixelStep(Protocol):
    """Looks for text that is burned into pixels, and hides it."""

    def assess(self, original: bytes, plan: PixelPlan) -> PixelOutcome:
        """What has to be masked in the file `original`, and whether that is certain."""
        ...

    def mask(self, result: bytes, boxes: tuple[Box, ...]) -> bytes:
        """The file `result` with `boxes` blanked, and nothing left in unused bits or beside the codestreams.

        Raises
        ------
        CannotDeidentify
            The pixels cannot be written back.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that the story touches."""

    originals: Originals
    research: Research
    patients: Patients
    routes: Routes
    policies: Mapping[str, Policy]
    pixels: PixelStep
    mark_key: Ed25519PrivateKey = field(repr=False)
