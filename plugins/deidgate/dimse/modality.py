# SPDX-License-Identifier: Apache-2.0
"""Which SOP Classes images of a modality have, for a PACS that does not tell.

Source: PS3.3 C.7.3.1.1.1 (Modality) and PS3.4 Table B.5-1 (standard storage classes).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SECONDARY_CAPTURE = ("7", "7.2", "7.3", "7.4")

_CLASSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CR": ("1",),
        "CT": ("2", "2.1", "2.2"),
        "DX": ("1.1", "1.1.1"),
        "ECG": ("9.1.1", "9.1.2"),
        "ES": ("77.1.1", "77.1.1.1"),
        "GM": ("77.1.2", "77.1.4"),
        "IO": ("1.3", "1.3.1"),
        "MG": ("1.2", "1.2.1", "13.1.3"),
        "MR": ("4", "4.1", "4.3", "4.4"),
        "NM": ("20",),
        "OP": ("77.1.5.1", "77.1.5.2"),
        "OPT": ("77.1.5.4",),
        "PR": ("11.1", "11.2"),
        "PT": ("128", "130"),
        "PX": ("1.1", "1.1.1"),
        "RF": ("12.2", "12.2.1"),
        "RTDOSE": ("481.2",),
        "RTIMAGE": ("481.1",),
        "RTPLAN": ("481.5", "481.8"),
        "RTSTRUCT": ("481.3",),
        "SEG": ("66.4",),
        "SM": ("77.1.6",),
        "SR": ("88.11", "88.22", "88.33", "88.67"),
        "US": ("6.1", "3.1", "6.2"),
        "XA": ("12.1", "12.1.1", "13.1.1"),
        "XC": ("77.1.4", "77.1.4.1"),
    }
)


def usual_classes(modality: str) -> tuple[str, ...]:
    """SOP Class UIDs that instances of `modality` usually have; of one that is not known, Secondary Capture."""
    return tuple(_STORAGE + suffix for suffix in _CLASSES.get(modality.strip().upper(), _SECONDARY_CAPTURE))
