# SPDX-License-Identifier: Apache-2.0
"""Policies by name or by path."""

from __future__ import annotations

import sys
from pathlib import Path

from deidgate.errors import ConfigurationError
from deidgate.policy.load import load_policy
from deidgate.policy.model import Policy


def folders() -> list[Path]:
    """Where shipped policies are: in a checkout, else where the installation put them."""
    checkout = Path(__file__).parents[3] / "orthanc-ingest" / "policies"
    installed = Path(sys.prefix) / "share" / "deidgate" / "policies"
    beside = Path(__file__).parents[4] / "share" / "deidgate" / "policies"
    return [folder for folder in (checkout, installed, beside) if folder.is_dir()]


def shipped() -> dict[str, Path]:
    """Shipped policies by name, sorted."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def find(name: str) -> Path:
    """The file of the policy `name`: a shipped one, or a path that ends in ``.toml``.

    Raises
    ------
    ConfigurationError
        ``policy-unknown``, naming the shipped ones.
    """
    if name.endswith(".toml") or "/" in name:
        return Path(name)
    known = shipped()
    if name not in known:
        raise ConfigurationError(
            "policy-unknown", f"{name} (shipped: {', '.join(known) or 'none'}; or a path to a .toml)"
        )
    return known[name]


def load(name: str) -> Policy:
    """The policy `name`, checked."""
    return load_policy(find(name))
