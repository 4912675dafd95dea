# SPDX-License-Identifier: Apache-2.0
"""Failures are the servers' when everything fails, and an instance's own when others get through."""

from dataclasses import replace
from datetime import UTC, datetime

from deidgate.gateway.outcome import Delivered, Held, Learned, Postponed
from deidgate.store import Claim
from deidgate.worker.trouble import Trouble

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILED = Postponed(Learned(), "research-error", "500")
DELIVERED = Delivered(Learned(), plan=None, research_id="research", result_digest="md5:r")
HELD = Held(Learned(), "no-route")


def claim(number, attempts=1):
    return Claim(
        item_id=number,
        token=attempts,
        owner="me",
        source="ingest",
        orthanc_id=f"id-{number}",
        site="north",
        calling_aet="CT",
        called_aet="GATEWAY",
        digest=None,
        attempts=attempts,
        lapses=0,
        received_at=NOW,
        accepted=frozenset(),
        instructions={},
    )


def fail(trouble, item, attempts):
    counted = trouble.counted(claim(item, attempts))
    trouble.note([(claim(item, attempts), FAILED)])
    return counted


def test_several_instances_that_fail_in_a_row_are_a_server_that_is_away():
    trouble = Trouble()
    for number in range(7):
        fail(trouble, number, 1)
    assert not trouble.is_general
    fail(trouble, 7, 1)
    assert trouble.is_general


def test_one_instance_that_fails_again_and_again_is_no_server_that_is_away():
    trouble = Trouble()
    for attempt in range(1, 100):
        fail(trouble, 1, attempt)
    assert not trouble.is_general


def test_the_servers_are_back_when_anything_ends():
    for end in (DELIVERED, HELD):
        trouble = Trouble()
        trouble.note([(claim(number), FAILED) for number in range(20)])
        assert trouble.is_general
        trouble.note([(claim(30), end)])
        assert not trouble.is_general


def test_of_what_ended_together_one_that_got_through_speaks_for_the_servers():
    trouble = Trouble()
    trouble.note([(claim(99), DELIVERED), *((claim(number), FAILED) for number in range(20))])
    assert not trouble.is_general


def test_failures_count_when_another_was_delivered_between():
    trouble = Trouble()
    counted = []
    for attempt in range(1, 6):
        counted.append(fail(trouble, 1, attempt))
        trouble.note([(claim(100 + attempt), DELIVERED)])
    assert counted == [0, 1, 2, 3, 4]


def test_failures_do_not_count_while_nothing_is_delivered():
    trouble = Trouble()
    trouble.note([(claim(99), DELIVERED)])
    for attempt in range(1, 1000):
        assert fail(trouble, 1, attempt) == 0
        # A hold is no proof: whoever is held did not go to research.
        trouble.note([(claim(98, attempt), HELD)])


def test_what_counted_before_a_server_went_away_still_counts_when_it_is_back():
    trouble = Trouble()
    fail(trouble, 1, 1)
    trouble.note([(claim(99), DELIVERED)])
    assert [fail(trouble, 1, attempt) for attempt in (2, 3, 4)] == [1, 1, 1]
    trouble.note([(claim(99), DELIVERED)])
    assert fail(trouble, 1, 5) == 2


def test_asking_twice_counts_once():
    trouble = Trouble()
    fail(trouble, 1, 1)
    trouble.note([(claim(99), DELIVERED)])
    assert [trouble.counted(claim(1, 2)) for _ in range(3)] == [1, 1, 1]


def test_what_a_person_released_begins_anew():
    trouble = Trouble()
    for attempt in range(1, 10):
        fail(trouble, 1, attempt)
        trouble.note([(claim(99), DELIVERED)])
    released = replace(claim(1, 10), attempts=1)
    assert trouble.counted(released) == 0
