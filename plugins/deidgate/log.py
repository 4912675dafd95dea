# SPDX-License-Identifier: Apache-2.0
"""One line of JSON for each event, on standard error: a constant name and ids, never a value of an instance."""

from __future__ import annotations

import json
import logging
import sys
import traceback
import warnings
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

_OWN = Path(__file__).parent


class JsonLines(logging.Formatter):
    """Time, level, event and the ids that were given as ``extra={"ids": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "from": record.name,
            # What a library says may hold an element's value: that it spoke, and where, has to do.
            "event": record.getMessage() if record.name.startswith("deidgate") else f"{record.module}:{record.lineno}",
        }
        line.update(getattr(record, "ids", {}))
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["where"] = where(record.exc_info[2])
        return json.dumps(line, ensure_ascii=True)


def where(trace: TracebackType | None) -> list[str]:
    """The places in Deidgate's own code that an exception went through, outermost first.

    The exception's message is left out on purpose: a library may have put an element's value into it.
    """
    frames = traceback.extract_tb(trace)
    return [
        f"{_own_name(frame.filename)}:{frame.lineno}" for frame in frames if Path(frame.filename).is_relative_to(_OWN)
    ]


def start(level: str) -> None:
    """Send all logging of this process to standard error as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for talkative in ("urllib3", "pydicom", "pynetdicom", "alembic", "sqlalchemy", "py.warnings"):
        logging.getLogger(talkative).setLevel(logging.ERROR)


def silence() -> None:
    """Let nobody in this process hear what libraries warn of: their warnings quote values of elements."""
    warnings.simplefilter("ignore")


def _own_name(filename: str) -> str:
    return str(Path(filename).relative_to(_OWN.parent))
