# SPDX-License-Identifier: Apache-2.0
"""Policies from TOML files."""

from __future__ import annotations

from pathlib import Path

from deidgate.policy.model import Policy


def load_policy(path: Path) -> Policy:
    """The policy that the TOML file `path` describes.

    Raises
    ------
    ConfigurationError
        The file is missing or not TOML, has an unknown key or value (the message names file, key and what is
        accepted), or asks for an option that is not implemented.
    """
    raise NotImplementedError
