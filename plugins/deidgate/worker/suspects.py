# SPDX-License-Identifier: Apache-2.0
"""Which instances it may lie in that the way to a destination breaks, and when that is certain enough to hold one.

A server that fails on one instance says the same as one that fails on all: 500, or nothing. What tells them apart is
whether others get through meanwhile. An instance in whose sending the way broke is a suspect from then on:

* it is tried alone, and does not stand before the others again;
* it is held when it has been tried often enough, and others got through between its tries, more than once;
* it is a suspect no more when the destination says anything of it.

So while a destination is away as a whole nobody is held, for nobody gets through. All of it is in memory: a process
that is started again begins with nobody suspected.
"""

from __future__ import annotations

from dataclasses import dataclass

from deidgate.worker.patience import Patience

_BETWEEN = 2
"""So often others must have got through: once may be a destination that was away for a moment."""
_AT_MOST = 200
"""While a destination is away, one after the other is tried and suspected: the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is known against one instance.

    Attributes
    ----------
    tries : int
        So often the way broke while it was sent.
    between : int
        Before so many of these tries others had got through since the try before.
    """

    tries: int
    between: int

    @property
    def is_new(self) -> bool:
        """Whether it was not suspected before."""
        return self.tries == 1


class Suspects:
    """Those of one destination, by the number of their parcel.

    Parameters
    ----------
    patience : Patience
        How often one is tried.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._known: dict[int, tuple[Suspicion, int]] = {}
        self._through = 0

    def ids(self) -> tuple[int, ...]:
        """Who they are, the longest suspected first."""
        return tuple(self._known)

    def spoken_of(self, parcel: int, *, through: bool) -> None:
        """The destination said something of it, and whether the matter has come to an end by that."""
        self._known.pop(parcel, None)
        self._through += through

    def broke(self, parcel: int, *, away: bool) -> Suspicion:
        """The way broke while it was sent; `away` if it was broken before that."""
        before, seen = self._known.pop(parcel, (Suspicion(0, 0), self._through))
        others = self._through > seen and not away
        suspicion = Suspicion(before.tries + 1, before.between + others)
        self._known[parcel] = suspicion, self._through
        if len(self._known) > _AT_MOST:
            del self._known[next(iter(self._known))]
        return suspicion

    def is_certain(self, suspicion: Suspicion) -> bool:
        """Whether it lies in the instance: a person has to look."""
        return suspicion.between >= _BETWEEN and self._patience.is_over(suspicion.tries)
