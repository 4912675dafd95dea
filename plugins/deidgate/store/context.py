# SPDX-License-Identifier: Apache-2.0
"""What the parts of the store share: the database, the keys at work, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from deidgate.pseudonym import ProjectKey
from deidgate.store.crypto import Cipher, LedgerIndex, ProjectIndex
from deidgate.store.database import Database
from deidgate.store.epoch import Epoch
from deidgate.store.keys import Keys
from deidgate.store.trail import Trail


@dataclass(frozen=True, slots=True)
class Project:
    """A project's keys, ready for use."""

    key: ProjectKey
    index: ProjectIndex


@dataclass(frozen=True)
class Context:
    """One open store, as its parts see it."""

    database: Database
    keys: Keys = field(repr=False)
    cipher: Cipher
    ledger_index: LedgerIndex
    trail: Trail
    epoch: Epoch
    clock: Callable[[], datetime]
    _projects: dict[str, Project] = field(default_factory=dict, repr=False)

    def project(self, name: str) -> Project:
        """The keys of a project; derived once per process."""
        if name not in self._projects:
            key = ProjectKey.of(self.keys.pseudonym, name)
            self._projects[name] = Project(key, ProjectIndex(key))
        return self._projects[name]
