# SPDX-License-Identifier: Apache-2.0
"""Work in groups behind the caller's back: what comes while one group is under way is the next.

For what costs as much for many as for one, such as a flush or a transaction: when it is slow the groups grow, and not
the waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gather(Generic[Item, Result]):
    """One thread that works on groups of items, in the order in which they were given.

    Parameters
    ----------
    work : callable
        Called with a list of items, by one thread.
    most_waiting : int
        Items; who gives more than can wait waits.
    """

    def __init__(self, work: Callable[[list[Item]], Result], most_waiting: int) -> None:
        self._work = work
        self._most_waiting = most_waiting
        self._thread = ThreadPoolExecutor(1)
        self._under: Future[Result] | None = None
        self._waiting: list[Item] = []

    def give(self, items: Iterable[Item]) -> list[Result]:
        """Let `items` be worked on soon; the result of a group given before, if it was waited for.

        Raises what the work on that group raised.
        """
        self._waiting.extend(items)
        if self._waiting and (self._under is None or self._under.done() or len(self._waiting) > self._most_waiting):
            return self._turn()
        return []

    def rest(self) -> Iterator[Result]:
        """The result of each group not told of yet, as its work is done. Raises what the work on one raised."""
        while self._waiting or self._under is not None:
            yield from self._turn()

    def close(self) -> None:
        """End the thread, after the group that is under way; what waits is not worked on: see `rest`."""
        self._thread.shutdown()

    def _turn(self) -> list[Result]:
        """Wait for the group that is under way, then begin the next."""
        under, self._under = self._under, None
        ended = [under.result()] if under is not None else []
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._under = self._thread.submit(self._work, waiting)
        return ended
