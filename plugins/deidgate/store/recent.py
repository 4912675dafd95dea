# SPDX-License-Identifier: Apache-2.0
"""What was used last, up to a number: memory stays flat however many patients pass."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A mapping that forgets what was not used for the longest time. Safe between threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()
        self._cleared = 0

    @property
    def cleared(self) -> int:
        """How often everything was forgotten; taken before what is `put` is read."""
        return self._cleared

    def get(self, key: K) -> V | None:
        """The value, or None if it is not remembered."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key]

    def put(self, key: K, value: V, cleared: int | None = None) -> None:
        """Remember `value`; not if everything was forgotten since `cleared`, because what was read may be gone."""
        with self._lock:
            if cleared not in (None, self._cleared):
                return
            self._entries[key] = value
            self._entries.move_to_end(key)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._cleared += 1
