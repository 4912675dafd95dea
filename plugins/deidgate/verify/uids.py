# SPDX-License-Identifier: Apache-2.0
"""Do old and new UIDs form one consistent mapping?

Within an instance the same UID must become the same new UID everywhere, and two must not become one; else an RTSTRUCT,
SEG, SR or PR loses its images. Source: PS3.15 Table E.1-1a, action U; PS3.5 9.1 (form of a UID).
"""

from __future__ import annotations

from collections.abc import Iterator

from deidgate.plan.model import Plan
from deidgate.standard.uids import is_registered
from deidgate.verify.facts import is_uid, names_definition
from deidgate.verify.model import Finding
from deidgate.verify.view import View
from deidgate.verify.walk import Element

_IDENTITY = {0x00080018: "sop_instance_uid", 0x0020000D: "study_instance_uid", 0x0020000E: "series_instance_uid"}


def check(original: View, result: View, plan: Plan | None) -> Iterator[Finding]:
    """The mapping from old to new is a function, is one-to-one, and leaves UIDs of the standard alone."""
    forward: dict[str, str] = {}
    backward: dict[str, str] = {}
    for element in result.elements:
        if element.vr != "UI":
            continue
        new = _values(result, element)
        before = original.get(element.tag, element.parents)
        old = _values(original, before) if before is not None and before.vr in ("UI", "UN") else []
        for uid in new:
            if uid and uid not in old and not is_uid(uid):
                yield Finding("uid-malformed", element.path)
        if not any(old) or not any(new) or names_definition(element.tag):
            continue
        if len(old) != len(new):
            yield Finding("uid-count-changed", element.path)
            continue
        for was, now in zip(old, new, strict=True):
            if is_registered(was):
                if was != now:
                    yield Finding("standard-uid-changed", element.path)
                continue
            if forward.setdefault(was, now) != now:
                yield Finding("uid-not-consistent", element.path)
            elif backward.setdefault(now, was) != was:
                yield Finding("uid-not-unique", element.path)
    if plan is not None:
        for tag, name in _IDENTITY.items():
            if result.text(tag) != getattr(plan, name):
                yield Finding("identity-not-as-planned", f"({tag >> 16:04X},{tag & 0xFFFF:04X})", name)


def _values(view: View, element: Element) -> list[str]:
    return [uid.strip(" \0") for uid in view.value(element).decode("latin_1").split("\\")]
