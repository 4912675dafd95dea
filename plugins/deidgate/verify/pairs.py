# SPDX-License-Identifier: Apache-2.0
"""Which result belongs to which original, for a folder of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pairing:
    """How two folders belong together.

    Attributes
    ----------
    pairs : tuple of (str, str)
        Name of an original and name of its result.
    undelivered : tuple of str
        Originals without a result: held, or lost.
    unexpected : tuple of str
        Results that no original explains.
    """

    pairs: tuple[tuple[str, str], ...]
    undelivered: tuple[str, ...]
    unexpected: tuple[str, ...]


def sop_instance_uid(data: bytes) -> str:
    """SOP Instance UID of a DICOM file, empty when `data` is none or has none."""
    raise NotImplementedError


def pair(originals: Mapping[str, str], results: Mapping[str, str], uids: Mapping[str, str]) -> Pairing:
    """Pair by the exported mapping.

    Parameters
    ----------
    originals, results : mapping of str to str
        File name to SOP Instance UID.
    uids : mapping of str to str
        Original UID to new UID.
    """
    raise NotImplementedError
