# SPDX-License-Identifier: Apache-2.0
"""Write the ledger that a version of the program makes, and what that version reads in it: once for each new schema.

    git worktree add ../older COMMIT
    PYTHONPATH=../older/plugins python tests/data/older_ledgers/write.py

writes ``NUMBER.json`` beside this file. The COMMIT is the last one whose newest migration has this number.
"""

import json
import sqlite3
import sys
import tempfile
from pathlib import Path

from deidgate.store import Keys, Store

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from life import Clock, live, says  # noqa: E402


def rows(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table."""
    ledger = sqlite3.connect(path)
    ledger.row_factory = sqlite3.Row
    tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {
        table: [
            {
                key: {"hex": value.hex()} if isinstance(value, bytes) else value
                for key, value in dict(row).items()
                if value is not None
            }
            for row in ledger.execute(f"SELECT * FROM {table}")  # noqa: S608 -- a name that the database gave
        ]
        for table in tables
        if not table.startswith("sqlite_")
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        clock = Clock()
        with Store.open(f"sqlite:///{path}", Keys.of(b"m" * 32, b"e" * 32), clock=clock) as store:
            live(store, clock)
            tables = rows(path)
            said = says(store, clock)
    [version] = tables.pop("alembic_version")
    text = json.dumps({"tables": tables, "said": said}, indent=1, ensure_ascii=False)
    (HERE / f"{version['version_num']}.json").write_text(text + "\n", encoding="utf-8")
