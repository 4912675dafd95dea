# SPDX-License-Identifier: Apache-2.0
"""A person's choices about elements, as lines of a policy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from deidgate.convert.listing import rows
from deidgate.errors import ConfigurationError
from deidgate.plan.model import Action
from deidgate.plan.planner import plan
from deidgate.policy.load import IDENTITY, tag_named
from deidgate.policy.model import Policy
from deidgate.pseudonym import Pseudonyms

_TABLE = re.compile(r"""\s*\[\s*(?:elements|"elements"|'elements')\s*\]\s*(?:#.*)?$""")
_KEY = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*=""")


@dataclass(frozen=True, slots=True)
class Choice:
    """An element that a policy's line can name.

    Attributes
    ----------
    name : str
        As the policy file spells it: ``PatientAge``, or ``RequestAttributesSequence.ScheduledProcedureStepID``.
    action : str
        What the policy does now: the code of Table E.1-1a.
    value : str
        For reading.
    """

    name: str
    action: str
    value: str


def choices(content: bytes, policy: Policy, *, keep_kept: bool) -> list[Choice]:
    """What can be chosen about the DICOM file `content`, in the order of the file.

    Left out are private elements (they have a section of their own in policies), the identity, and, unless `keep_kept`,
    what the policy keeps.

    Raises
    ------
    ConfigurationError
        ``not-dicom``.
    CannotDeidentify
        The policy holds the file.
    """
    try:
        header = dcmread(BytesIO(content), stop_before_pixels=True)
    except (InvalidDicomError, ValueError, TypeError, LookupError, NotImplementedError):
        raise ConfigurationError("not-dicom") from None
    made = plan(header, policy, Pseudonyms("PSEUDONYM", "PSEUDONYM", 30, b"only to look at it"))
    values = {row.path: row.value for row in rows(header)}
    found: dict[str, Choice] = {}
    for decision in made.decisions:
        path = decision.path
        names = [_keyword(tag) for tag in (*path.parent_tags, path.tag)]
        if "" in names or path.tag in IDENTITY or decision.vr == "SQ":
            continue
        if decision.action is Action.KEEP and not keep_kept:
            continue
        name = ".".join(names)
        found.setdefault(name, Choice(name, decision.action.value, values.get(path, "")))
    return list(found.values())


def with_choices(policy: bytes, chosen: Mapping[str, str], name: str) -> bytes:
    """The policy file `policy` with a line for each of `chosen` in its section ``[elements]``, under another name.

    Comments stay, as lines are edited and not values; that the lines say what was meant is read back from them.

    Raises
    ------
    ConfigurationError
        ``policy-shape``: the file spells its elements in a way that lines cannot be added to.
    """
    text = policy.decode("utf-8")
    wanted = tomllib.loads(text)
    elements = wanted.setdefault("elements", {}) if chosen else wanted.get("elements", {})
    paths = {_path(key) for key in chosen}
    # A line of the policy about the same element gives way, however it spells its name.
    stale = {key for key in elements if _path(key) in paths}
    for key in stale:
        del elements[key]
    elements.update(chosen)
    wanted["name"] = _plain(name)
    text = re.sub(r"""(?m)^name\s*=\s*(?:"[^"]*"|'[^']*')""", f'name = "{_plain(name)}"', text, count=1)
    edited = _with_lines(text, stale, {f'"{key}"' if "." in key else key: word for key, word in chosen.items()})
    try:
        fits = tomllib.loads(edited) == wanted
    except tomllib.TOMLDecodeError:
        fits = False
    if not fits:
        raise ConfigurationError("policy-shape", "[elements]")
    return edited.encode("utf-8")


def _with_lines(text: str, stale: set[str], added: Mapping[str, str]) -> str:
    """`text` with lines for `added`, and without those for `stale`, in its table ``[elements]``."""
    new = [f'{key} = "{word}"\n' for key, word in sorted(added.items())]
    new = ["# Chosen by a person.\n", *new] if new else []
    result: list[str] = []
    inside = seen = False
    for line in text.splitlines(keepends=True):
        if re.match(r"\s*\[", line):
            inside = _TABLE.match(line) is not None
            result.append(line)
            if inside and not seen:
                result += new
                seen = True
            continue
        key = _KEY.match(line) if inside else None
        if key is None or (key[1] or key[2] or key[3]) not in stale:
            result.append(line)
    if new and not seen:
        result += ["" if not text or text.endswith("\n") else "\n", "\n[elements]\n", *new]
    return "".join(result)


def _path(key: str) -> tuple[int | None, ...]:
    return tuple(tag_named(part) for part in key.split("."))


def _keyword(tag: int) -> str:
    from pydicom.datadict import keyword_for_tag

    return "" if (tag >> 16) & 1 else keyword_for_tag(tag)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", name)[:20] or "chosen"
