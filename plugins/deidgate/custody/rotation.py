# SPDX-License-Identifier: Apache-2.0
"""The files of a change of the encryption key: begin, and finish when nothing needs the old key any more.

Usage: python -m deidgate.custody.rotation begin|finish FOLDER OWNER

In between both keys are there: the present one, and the old one as ``encryption-earlier.key``, which the containers
are given, and under its own name. `begin` in the middle of a change goes on with it and makes no third key. It prints
the ids of the old key and of the new one. The pseudonym key does not change, ever.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deidgate.custody.generate import EARLIER
from deidgate.errors import DeidgateError
from deidgate.store.keys import Keys, key_id

_PRESENT = "encryption.key"


def begin(folder: Path, owner: int) -> tuple[str, str]:
    """Ids of the old and of the new key; both are in their places."""
    old = _old(folder)
    if old is None:
        before = key_id((folder / _PRESENT).read_bytes())
        Keys.rotate(folder)
        old = folder / f"encryption-{before}.key"
    _replace(folder / EARLIER, old.read_bytes())
    for path in (old, folder / EARLIER, folder / _PRESENT):
        path.chmod(0o400)
        os.chown(path, owner, owner)
    return key_id(old.read_bytes()), key_id((folder / _PRESENT).read_bytes())


def finish(folder: Path, owner: int) -> None:
    """Destroy the old key: nothing is encrypted with it any more."""
    _replace(folder / EARLIER, (folder / _PRESENT).read_bytes())
    (folder / EARLIER).chmod(0o400)
    os.chown(folder / EARLIER, owner, owner)
    old = _old(folder)
    if old is not None:
        old.unlink()


def _old(folder: Path) -> Path | None:
    named = [path for path in sorted(folder.glob("encryption-*.key")) if path.name != EARLIER]
    return named[0] if named else None


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


if __name__ == "__main__":
    what, where, number = sys.argv[1:]
    try:
        if what == "begin":
            print(*begin(Path(where), int(number)))  # noqa: T201 -- read by the operator's command
        else:
            finish(Path(where), int(number))
    except DeidgateError as error:
        sys.exit(str(error))
