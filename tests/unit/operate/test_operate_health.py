# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from deidgate.operate import health
from deidgate.operate.compose import Container
from deidgate.operate.problem import Exit, Problem

UP = Container("1", "ingest", "running", "healthy", 0, "/x")
PLAIN = Container("2", "worker", "running", "", 0, "/x")
STARTING = replace(UP, health="starting")


class Stack:
    """Compose as far as waiting needs it: one list of containers after the other."""

    def __init__(self, *states: tuple[Container, ...]) -> None:
        self.states = list(states)
        self.now = 0.0

    def containers(self) -> tuple[Container, ...]:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def last_log_lines(self, container: Container) -> tuple[str, ...]:
        return (f"the end of {container.service}",)

    def wait(self, *services: str) -> None:
        health.wait(self, frozenset(services), 10, self.sleep, lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_comes_back_when_all_are_healthy():
    stack = Stack((STARTING, PLAIN), (STARTING, PLAIN), (UP, PLAIN))
    stack.wait("ingest", "worker")
    assert stack.now == 1


@pytest.mark.parametrize(
    "bad",
    [replace(UP, health="unhealthy"), replace(UP, state="exited", health=""), replace(STARTING, restarts=3)],
    ids=["unhealthy", "exited", "starts over and over"],
)
def test_what_will_not_come_up_is_named_at_once_with_its_last_lines(bad):
    stack = Stack((STARTING,), (bad,))
    with pytest.raises(Problem, match="service ingest does not come up") as caught:
        stack.wait("ingest")
    assert stack.now < 10
    assert caught.value.details == ("the end of ingest",)
    assert caught.value.code == Exit.UNHEALTHY


def test_restarts_of_an_earlier_day_are_no_reason_to_give_up():
    Stack((replace(STARTING, restarts=7),), (replace(UP, restarts=7),)).wait("ingest")


def test_what_takes_too_long_is_named_with_its_last_lines():
    with pytest.raises(Problem, match=r"ingest does not come up \(starting\)") as caught:
        Stack((STARTING, PLAIN)).wait("ingest", "worker")
    assert caught.value.details == ("the end of ingest",)


def test_a_service_without_a_container_is_named():
    with pytest.raises(Problem, match="no container of worker"):
        Stack((UP,)).wait("ingest", "worker")


def test_a_container_that_is_not_expected_is_not_waited_for():
    Stack((UP, replace(PLAIN, service="tools", state="exited"))).wait("ingest")
