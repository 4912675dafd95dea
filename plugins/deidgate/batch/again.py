# SPDX-License-Identifier: Apache-2.0
"""A run over what an earlier run has made: it stays as it is.

What an instance says of itself proves nothing. It is taken for a result of ours only when the mapping table has drawn
its Patient ID and made its three UIDs for that patient. Even then the whole policy is carried out on it, with the same
pseudonyms: only if that changes nothing is the instance left alone. Everything else, a result under another policy
too, is an original like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from deidgate.apply.elements import apply
from deidgate.apply.finish import finished
from deidgate.batch.identities import Book, KnownPatient
from deidgate.errors import CannotDeidentify
from deidgate.gateway.original import Original
from deidgate.gateway.picture import cleaned
from deidgate.gateway.ports import PixelStep
from deidgate.pixels.clean import PixelOutcome
from deidgate.plan.model import Plan
from deidgate.pseudonym import Pseudonyms

_CLAIMS = (0x00120062, 0x00120063)
"""Patient Identity Removed is not judged anew: the manufacturer, one sign of what may be burned in, may be gone."""

_OURS = "Deidgate "


@dataclass(frozen=True, slots=True)
class Kept(Pseudonyms):
    """Pseudonyms for what has them already: UIDs stay, and dates."""

    def uid(self, original: str) -> str:
        """`original`."""
        return original


def kept(pseudonyms: Pseudonyms) -> Kept:
    """The pseudonyms under which a result of ours is carried through its policy once more."""
    return Kept(pseudonyms.patient_id, pseudonyms.patient_name, 0, pseudonyms.uid_key)


def maker_of(original: Original, identities: Book) -> KnownPatient | None:
    """The patient for whom `original` was made by an earlier run with the same mapping table; None if it was not."""
    methods = original.header.get("DeidentificationMethod") or ""
    values = [methods] if isinstance(methods, str) else methods
    if not any(str(value).startswith(_OURS) for value in values):
        return None
    uids = [original.text(name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
    return identities.made(original.text("PatientID"), uids)


def carried_out(data: bytes, original: Original, plan: Plan, picture: PixelOutcome | None, pixels: PixelStep) -> bytes:
    """What `plan` makes of the file `data`, not verified yet.

    Raises
    ------
    CannotDeidentify
    """
    try:
        dataset = dcmread(BytesIO(data))
    except (InvalidDicomError, ValueError, TypeError, LookupError, NotImplementedError, EOFError):
        raise CannotDeidentify("unreadable-file") from None
    buffer = BytesIO()
    apply(dataset, plan).save_as(buffer, enforce_file_format=True)
    return cleaned(finished(buffer.getvalue()), original, picture, pixels)


def is_same(data: bytes, result: bytes) -> bool:
    """True if two files hold the same but for whether identity is removed, and by which methods."""
    return _without_claims(data) == _without_claims(result)


def _without_claims(data: bytes) -> bytes:
    dataset = dcmread(BytesIO(data))
    for tag in _CLAIMS:
        if tag in dataset:
            del dataset[tag]
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
