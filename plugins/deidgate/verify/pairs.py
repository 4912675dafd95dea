# SPDX-License-Identifier: Apache-2.0
"""Which result belongs to which original, for a folder of each.

Reading files and walking folders is the caller's part; `sop_instance_uid` tells it what a file is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from deidgate.verify.walk import UnreadableError, walk

_SOP_INSTANCE_UID = 0x00080018


@dataclass(frozen=True, slots=True)
class Pairing:
    """How two folders belong together.

    Attributes
    ----------
    pairs : tuple of (str, str)
        Name of an original and name of its result, in the order of the originals.
    undelivered : tuple of str
        Originals without a result: held, or lost.
    unexpected : tuple of str
        Results that no original explains, or that share a SOP Instance UID with another result.
    """

    pairs: tuple[tuple[str, str], ...]
    undelivered: tuple[str, ...]
    unexpected: tuple[str, ...]


def sop_instance_uid(data: bytes) -> str:
    """SOP Instance UID of a DICOM file, empty when `data` is none, cannot be read, or has none."""
    try:
        parsed = walk(data)
    except UnreadableError:
        return ""
    for element in parsed.elements:
        if element.tag == _SOP_INSTANCE_UID and not element.parents:
            return parsed.value(element).decode("ascii", "replace").strip(" \0")
    return ""


def pair(originals: Mapping[str, str], results: Mapping[str, str], uids: Mapping[str, str]) -> Pairing:
    """Pair by the exported mapping.

    Parameters
    ----------
    originals, results : mapping of str to str
        File name to SOP Instance UID.
    uids : mapping of str to str
        Original UID to new UID; an original without an entry pairs with nothing.

    Returns
    -------
    Pairing
        Several originals may share a result (the same instance sent twice); a result has to be alone with its UID.
    """
    count = Counter(results.values())
    by_uid = {uid: name for name, uid in results.items() if uid and count[uid] == 1}
    pairs = []
    undelivered = []
    for name, uid in originals.items():
        result = by_uid.get(uids.get(uid, ""))
        if result is None:
            undelivered.append(name)
        else:
            pairs.append((name, result))
    used = {result for _, result in pairs}
    return Pairing(tuple(pairs), tuple(undelivered), tuple(name for name in results if name not in used))
