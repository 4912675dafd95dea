# SPDX-License-Identifier: Apache-2.0
"""Wait until every part answers, or say which one does not and why."""

from __future__ import annotations

import time
from collections.abc import Callable

from deidgate.operate.compose import Compose, Container
from deidgate.operate.problem import Exit, Problem

WITHIN_S = 180.0
STOPPED = ("exited", "dead", "restarting")
PATIENCE = 2
"""Restarts after which a service is not waited for: it will not come up by itself."""


def settled(containers: tuple[Container, ...], expected: frozenset[str]) -> bool:
    """Whether all services that are expected run and are healthy."""
    up = {one.service for one in containers if one.is_up}
    return expected <= up and all(one.is_up for one in containers if one.service in expected)


def hopeless(containers: tuple[Container, ...], before: dict[str, int]) -> Container | None:
    """The first container for which there is no use in waiting: it stopped, failed its check, or starts over and over.

    Parameters
    ----------
    before : dict of str to int
        How often each container, by id, had restarted when the waiting began.
    """
    for one in containers:
        restarts = one.restarts - before.get(one.id, 0)
        if one.health == "unhealthy" or restarts > PATIENCE or one.state in ("exited", "dead"):
            return one
    return None


def wait(
    compose: Compose,
    expected: frozenset[str],
    within_s: float = WITHIN_S,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Come back when all expected services are healthy.

    Raises
    ------
    Problem
        One stopped or failed its check, or it took too long; with the end of its log.
    """
    end = clock() + within_s
    before = {one.id: one.restarts for one in compose.containers()}
    while True:
        containers = tuple(one for one in compose.containers() if one.service in expected)
        if settled(containers, expected):
            return
        bad = hopeless(containers, before)
        if bad is None and clock() >= end:
            late = [one for one in containers if not one.is_up]
            if not late:
                absent = sorted(expected - {one.service for one in containers})
                raise Problem(
                    f"no container of {', '.join(absent)} was started",
                    "look at ./gateway status and try again",
                    Exit.UNHEALTHY,
                )
            bad = late[0]
        if bad is not None:
            how = bad.health if bad.state == "running" else bad.state
            raise Problem(
                f"the service {bad.service} does not come up ({how}); its last lines are above",
                f"put right what they name, see all with ./gateway logs {bad.service}, and try ./gateway up again",
                Exit.UNHEALTHY,
                compose.last_log_lines(bad),
            )
        sleep(1.0)
