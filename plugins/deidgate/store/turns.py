# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is: sites are served one after the other, each in its own order of arrival.

An item's turn is a number given when it is received: one more than that of the site's last
waiting item, and never less than the turn that is being served. A site with a hundred thousand
items waiting and a site that sends its first one are both next. An item that failed goes back by
some turns, and one that is processed again comes after all that waits; nobody has to wait behind
these, which are the waiting items that have a reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from deidgate.store.schema import items


def served(connection: Connection, now: datetime) -> int:
    """The turn of the item that is claimed next; 0 if nothing is due."""
    query = select(items.c.turn).where(items.c.due_at <= now).order_by(items.c.turn, items.c.id).limit(1)
    return connection.execute(query).scalar_one_or_none() or 0


def turns(connection: Connection, sites: Iterable[str], now: datetime) -> list[int]:
    """The turns of items of `sites`, received in this order."""
    present = served(connection, now)
    last: dict[str, int] = {}
    given: list[int] = []
    for site in sites:
        if site not in last:
            waiting = (
                select(items.c.turn)
                .where(items.c.site == site, items.c.due_at.is_not(None), items.c.reason_code.is_(None))
                .order_by(items.c.turn.desc())
                .limit(1)
            )
            last[site] = max(connection.execute(waiting).scalar_one_or_none() or 0, present - 1)
        last[site] += 1
        given.append(last[site])
    return given
