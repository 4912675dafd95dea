# SPDX-License-Identifier: Apache-2.0
"""Policies for tests: the shipped ones, and the basic one with something changed."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from deidgate.policy.load import load_policy
from deidgate.policy.model import DateAction, DateRule, Option, Policy
from deidgate.pseudonym.model import Pseudonyms

POLICIES = Path(__file__).parents[2] / "orthanc-ingest" / "policies"
SHIPPED = ("basic", "full-dates", "keep-list", "longitudinal", "mammography", "safe-harbor")

PSEUDONYMS = Pseudonyms(patient_id="P-2345", patient_name="P-2345", shift_days=100, uid_key=b"k" * 32)


@cache
def shipped(name: str) -> Policy:
    """A policy as shipped."""
    return load_policy(POLICIES / f"{name}.toml")


def header_only(folder: Path, name: str) -> Path:
    """A file of the shipped policy `name` without Clean Pixel Data, whose pictures would go the long way."""
    text = (POLICIES / f"{name}.toml").read_text(encoding="utf-8")
    path = folder / f"{name}.toml"
    path.write_text(text.replace('  "clean-pixel-data",\n', ""), encoding="utf-8")
    return path


def changed(**fields: Any) -> Policy:
    """The basic policy with some fields replaced; equal fields give an equal policy."""
    digest = hashlib.sha256(repr(sorted((k, _spelled(v)) for k, v in fields.items())).encode()).hexdigest()
    return dataclasses.replace(shipped("basic"), **fields, digest=digest)


def with_options(options: Iterable[Option], **fields: Any) -> Policy:
    """The basic policy with these options, and dates as they claim."""
    chosen = frozenset(options)
    if Option.RETAIN_FULL_DATES in chosen:
        rule = DateRule(DateAction.KEEP)
    elif Option.RETAIN_MODIFIED_DATES in chosen:
        rule = DateRule(DateAction.SHIFT)
    else:
        rule = DateRule(DateAction.REMOVE)
    dates = dataclasses.replace(shipped("basic").dates, study=rule, other=rule)
    return changed(options=chosen, dates=dates, **fields)


def _spelled(value: Any) -> str:
    return repr(sorted(value)) if isinstance(value, (set, frozenset)) else repr(value)
