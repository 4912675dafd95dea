# SPDX-License-Identifier: Apache-2.0
"""Table E.1-1 of two editions, row by row."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydicom.datadict import tag_for_keyword

from deidgate.errors import ConfigurationError
from deidgate.standard.resource import table

Rows = Mapping[str, Mapping[str, str]]


def own_table() -> Rows:
    """The rows of the built-in edition by tag."""
    return _by_tag(table("table_e_1_1")["rows"])


def other_table(content: bytes, named: str) -> Rows:
    """The rows of another edition, from JSON of the same form.

    Raises
    ------
    ConfigurationError
        ``not-a-table``.
    """
    try:
        loaded = json.loads(content)
        return _by_tag(loaded["rows"] if isinstance(loaded, dict) else loaded)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError("not-a-table", named) from None


def find_row(rows: Rows, attribute: str) -> Mapping[str, str] | None:
    """The row for a keyword, or a tag with or without parentheses."""
    number = tag_for_keyword(attribute)
    tag = f"({number >> 16:04X},{number & 0xFFFF:04X})" if number is not None else f"({attribute.strip('()')})"
    return rows.get(tag.upper())


def differences(first: Rows, second: Rows) -> list[tuple[str, str, str, str]]:
    """Tag, column, text in the first and in the second, of every cell that differs; by tag."""
    found = []
    for tag in sorted({*first, *second}):
        before, after = first.get(tag, {}), second.get(tag, {})
        if not before or not after:
            row = before or after
            name = row.get("name", "")
            found.append((tag, "row", name if before else "", name if after else ""))
            continue
        # Other spellings of the table have columns of their own, such as an anchor.
        for column in sorted({*before} & {*after}):
            if before.get(column, "") != after.get(column, ""):
                found.append((tag, column, before.get(column, ""), after.get(column, "")))
    return found


def _by_tag(rows: list[dict[str, str]]) -> Rows:
    return {row["tag"].upper(): row for row in rows}
