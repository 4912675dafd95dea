# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: S608 (the statements are a forger's, and ours)
"""Whoever touches the audit trail without the keys is found out, wherever they touch it."""

import json

import pytest
from sqlalchemy import text
from tests.unit.store.making import patient

from deidgate.errors import ConfigurationError
from deidgate.store import Store
from deidgate.store.database import Database


@pytest.fixture
def trail(store):
    for number in range(1, 6):
        store.audit.record("ann", "policy-change", [f"policy:{number}"], f"reason {number}")
    return store


@pytest.fixture
def forge(url):
    """Run statements as somebody who may do anything in the database but has no keys."""

    def run(*statements: str) -> None:
        database = Database(url, 5)
        with database.write() as connection:
            if database.dialect == "postgresql":
                connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
            else:
                query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
                for name in connection.execute(text(query)).scalars().all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            for statement in statements:
                connection.execute(text(statement))
        database.close()

    return run


def found(store, noted=None):
    return [(finding.code, finding.seq) for finding in store.audit.verify(noted)]


def test_an_untouched_trail_is_clean(trail):
    assert found(trail) == []
    assert [entry.objects for entry in trail.audit.entries()] == [(f"policy:{n}",) for n in range(1, 6)]
    assert [entry.seq for entry in trail.audit.entries(after=3)] == [4, 5]


def test_an_empty_trail_is_clean(store):
    assert found(store) == []
    assert store.audit.head() == (0, "00" * 32)


def test_a_changed_line_is_found(trail, forge):
    forge("UPDATE audit SET body = replace(body, 'ann', 'bob') WHERE seq = 3")
    assert found(trail) == [("changed", 3)]


def test_a_changed_link_is_found(trail, forge):
    forge("UPDATE audit SET previous = (SELECT seal FROM audit WHERE seq = 1) WHERE seq = 3")
    assert ("reordered", 3) in found(trail)


@pytest.mark.parametrize("missing", [1, 3])
def test_a_missing_line_is_found(trail, forge, missing):
    forge(f"DELETE FROM audit WHERE seq = {missing}")
    assert ("missing", missing) in found(trail)


def test_a_missing_line_is_found_even_if_the_others_move_up(trail, forge):
    forge(
        "DELETE FROM audit WHERE seq = 3",
        "UPDATE audit SET seq = 3 WHERE seq = 4",
        "UPDATE audit SET seq = 4 WHERE seq = 5",
        "UPDATE audit_head SET seq = 4",
    )
    assert ("reordered", 3) in found(trail)


def test_lines_that_changed_places_are_found(trail, forge):
    forge(
        "UPDATE audit SET seq = 99 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 3",
        "UPDATE audit SET seq = 3 WHERE seq = 99",
    )
    assert {("reordered", 2), ("reordered", 3)} <= set(found(trail))


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_trail_that_was_cut_off_is_found(trail, forge, kept):
    forge(f"DELETE FROM audit WHERE seq > {kept}")
    assert found(trail) == [("truncated", kept + 1)]


def test_a_cut_off_trail_with_a_head_made_to_fit_is_found(trail, forge):
    forge(
        "DELETE FROM audit WHERE seq > 3",
        "UPDATE audit_head SET seq = 3, seal = (SELECT seal FROM audit WHERE seq = 3)",
    )
    assert found(trail) == [("head-changed", 3)]
    with pytest.raises(ConfigurationError, match="audit-head-changed"):
        trail.audit.record("ann", "policy-change")


def test_a_missing_head_is_found_and_nothing_audited_is_done_any_more(trail, forge):
    patient(trail)
    forge("DELETE FROM audit_head")
    assert found(trail) == [("head-missing", 5)]
    with pytest.raises(ConfigurationError, match="audit-head-missing"):
        trail.custody.look_up("12345", "ann", "test")


def test_an_old_copy_put_back_whole_is_found_by_a_head_that_was_noted(trail, forge):
    database_then = trail.audit.head()
    for _ in range(3):
        trail.audit.record("ann", "policy-change")
    noted = trail.audit.head()
    assert found(trail, noted) == []
    assert found(trail, database_then) == []
    database = trail._context.database
    with database.read() as connection:
        anchor = trail._context.trail.anchor(database_then[0], bytes.fromhex(database_then[1]))
        assert connection.execute(text("SELECT anchor FROM audit_head")).scalar_one() != anchor
    quoted = ("'\\x{}'" if database.dialect == "postgresql" else "X'{}'").format
    forge(
        "DELETE FROM audit WHERE seq > 5",
        f"UPDATE audit_head SET seq = 5, seal = {quoted(database_then[1])}, anchor = {quoted(anchor.hex())}",
    )
    assert found(trail) == []
    assert found(trail, noted) == [("truncated", 6)]


def test_a_line_appended_without_the_keys_is_found(trail, forge):
    body = json.dumps({"action": "x", "at": "2026-01-01T00:00:00+00:00", "objects": [], "seq": 6, "who": "", "why": ""})
    forge(
        f"INSERT INTO audit (seq, previous, body, seal) SELECT 6, seal, '{body.replace(':', chr(92) + ':')}', seal"
        " FROM audit WHERE seq = 5"
    )
    assert ("changed", 6) in found(trail)


def test_two_stores_append_to_one_chain(trail, url, keys):
    with Store.open(url, keys) as other:
        for _ in range(3):
            other.audit.record("bob", "policy-change")
            trail.audit.record("ann", "policy-change")
    assert found(trail) == []
    assert trail.audit.head()[0] == 11


def test_a_trail_longer_than_a_page_is_verified_whole(store, forge, monkeypatch):
    from deidgate.store import audit as module

    monkeypatch.setattr(module, "_PAGE", 2)
    for _ in range(5):
        store.audit.record("ann", "policy-change")
    assert found(store) == []
    forge("UPDATE audit SET body = replace(body, 'ann', 'bob') WHERE seq = 5")
    assert found(store) == [("changed", 5)]
