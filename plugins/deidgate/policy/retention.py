# SPDX-License-Identifier: Apache-2.0
"""How long each project's originals stay at ingest: ``retention.toml``. What it does not name is kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deidgate.policy.tomlfile import Section, read_toml


def load_retention(path: Path) -> Mapping[str, int]:
    """Days after confirmed delivery, by project, of the projects whose originals are purged; empty without a file.

    Raises
    ------
    ConfigurationError
        The file is not TOML, has an unknown key, names a project twice or by too long a name, or counts fewer than
        0 days.
    """
    if not path.exists():
        return {}
    content, _ = read_toml(path)
    days: dict[str, int] = {}
    with Section(content, path.name) as top:
        for part in top.sections("project"):
            with part:
                name = part.ledger_name("name")
                number = part.get("purge_after_days", int)
                if name in days:
                    raise part.error("name", "project-twice", ["each project once"])
                if number < 0:
                    raise part.error("purge_after_days", "negative", ["0 or more"])
                days[name] = number
    return days
