# SPDX-License-Identifier: Apache-2.0
"""When to stop taking instances in, and when to begin again: not at the same mark, or senders would see a flutter."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """Where to stop and where to begin again.

    Attributes
    ----------
    stop_free_bytes, resume_free_bytes : int
        Free space of the storage.
    stop_backlog, resume_backlog : int
        Instances that wait for a worker.
    """

    stop_free_bytes: int
    resume_free_bytes: int
    stop_backlog: int
    resume_backlog: int

    @classmethod
    def of(cls, disk_low_mb: int, backlog_high: int) -> Limits:
        """Limits with a margin of a quarter of the disk mark and a fifth of the backlog mark."""
        low = disk_low_mb * 1_000_000
        return cls(low, low + low // 4, backlog_high, backlog_high * 4 // 5)


@dataclass(frozen=True, slots=True)
class Watermarks:
    """Which of the two marks is reached."""

    limits: Limits
    disk_full: bool = False
    backlog_full: bool = False

    @property
    def is_open(self) -> bool:
        """True while instances may come in."""
        return not (self.disk_full or self.backlog_full)

    def seen(self, free_bytes: int, backlog: int) -> Watermarks:
        """The marks after another look."""
        limits = self.limits
        free_mark = limits.resume_free_bytes if self.disk_full else limits.stop_free_bytes
        backlog_mark = limits.resume_backlog if self.backlog_full else limits.stop_backlog
        return replace(self, disk_full=free_bytes < free_mark, backlog_full=backlog > backlog_mark)
