# SPDX-License-Identifier: Apache-2.0
"""A person's choices about elements, as lines of a policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from deidgate.convert.listing import rows
from deidgate.errors import ConfigurationError
from deidgate.plan.model import Action
from deidgate.plan.planner import plan
from deidgate.policy.load import IDENTITY
from deidgate.policy.model import Policy
from deidgate.pseudonym import Pseudonyms


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
    """The policy file `policy` with a line for each of `chosen` in its section ``[elements]``, under another name."""
    text = policy.decode("utf-8")
    text = re.sub(r'(?m)^name\s*=\s*".*"', f'name = "{_plain(name)}"', text, count=1)
    quoted = {f'"{key}"' if "." in key else key: word for key, word in chosen.items()}
    for key in quoted:
        # A line of the policy about the same element gives way: TOML has each key once.
        text = re.sub(rf"(?m)^{re.escape(key)}\s*=.*\n", "", text)
    lines = "".join(f'{key} = "{word}"\n' for key, word in sorted(quoted.items()))
    if re.search(r"(?m)^\[elements\]\s*$", text):
        text = re.sub(
            r"(?m)^\[elements\]\s*\n", lambda match: f"{match[0]}# Chosen by a person.\n{lines}", text, count=1
        )
    else:
        text += f"\n[elements]\n# Chosen by a person.\n{lines}"
    return text.encode("utf-8")


def _keyword(tag: int) -> str:
    from pydicom.datadict import keyword_for_tag

    return "" if (tag >> 16) & 1 else keyword_for_tag(tag)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", name) or "chosen"
