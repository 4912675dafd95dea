# SPDX-License-Identifier: Apache-2.0
"""How long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Patience:
    """Growing, bounded delays with chance in them, so that what failed together does not come back together.

    Attributes
    ----------
    first_s, longest_s : float
        Seconds before the second try, and the bound: short enough that the flow is back soon after a server is.
    tries : int
        After so many failures that count against the instance, a person has to look.
    chance : callable
        Numbers from 0 to 1.
    """

    first_s: float = 1.0
    longest_s: float = 15.0
    tries: int = 20
    chance: Callable[[], float] = random.random

    def delay(self, attempts: int) -> timedelta:
        """Time to wait after the failure of attempt number `attempts` (from 1)."""
        # The exponent is bounded as well: 2.0 ** 2000 is an error.
        longest = min(self.longest_s, self.first_s * 2.0 ** min(attempts - 1, 20))
        return timedelta(seconds=longest * (0.5 + 0.5 * self.chance()))

    def turns(self, attempts: int) -> int:
        """How many turns others have after the failure of attempt number `attempts`.

        Time alone is not enough: with a few instances that always fail, one of them would be due at any moment, and
        the oldest is next. The number doubles, so that their share of the work falls; it is bounded, so that what a
        server that was away made wait is done soon.
        """
        return 1 << min(attempts, 10)

    def is_over(self, counted: int) -> bool:
        """Whether so many failures that count are enough."""
        return counted >= self.tries
