# SPDX-License-Identifier: Apache-2.0
"""What all destinations have in common: they take instances, and say of each what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from deidgate.store.forward_model import Confirmed, Parcel, Refused

Fetch = Callable[[Parcel], bytes]
"""The file of an instance, as it was verified and delivered; raises `Gone` or `Unavailable`."""


class Gone(Exception):
    """Research does not have the instance in this form (any more): it is not to be handed on."""


@dataclass(frozen=True, slots=True)
class NotNow:
    """It may be there another time; the others may go on."""

    parcel: Parcel
    code: str
    path: str = ""


Ending = Confirmed | Refused | NotNow


class Hand:
    """The instance that a sender is just handing on. When that fails it is still there: so it is known which it was."""

    def __init__(self) -> None:
        self.parcel: Parcel | None = None

    @contextmanager
    def holding(self, parcel: Parcel) -> Iterator[None]:
        """Have `parcel` in hand, and nothing afterwards, unless the block raises."""
        self.parcel = parcel
        yield
        self.parcel = None


class Sender(Protocol):
    """One destination, used by one thread.

    Attributes
    ----------
    hand : Hand
        What is in it when `send` raises may be why; nothing, if it has nothing to do with one instance.
    takes_back : bool
        Whether there is a way to take anything back.
    """

    hand: Hand
    takes_back: bool

    def send(self, parcels: Sequence[Parcel], fetch: Fetch) -> Iterator[Ending]:
        """Hand on; one ending for each, as soon as it is known. Those without an ending are tried again.

        Raises
        ------
        Unavailable
            The destination is away: what has no ending yet is tried again later.
        """
        ...

    def take_back(self, parcel: Parcel) -> bool:
        """Whether the destination does not have the instance any more; False where there is no way to do that.

        Raises
        ------
        Unavailable
        """
        ...

    def close(self) -> None:
        """Give back ports and connections; it is not used again."""
        ...
