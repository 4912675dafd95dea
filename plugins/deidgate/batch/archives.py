# SPDX-License-Identifier: Apache-2.0
"""An archive in, an archive of results out: the members one by one, nested archives too.

With layouts other than the mirrored one, the results of members lie free, as those of plain files do.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from deidgate.batch.pending import STOPPING, Pending, identity_of, told
from deidgate.errors import DeidgateError
from deidgate.files.archive import ArchiveWriter, Budget, Member, PassedMember, TooMuchError, members, writer_like
from deidgate.files.journal import Line
from deidgate.files.kind import Kind
from deidgate.files.limits import Limits
from deidgate.files.names import safe_name
from deidgate.files.staging import Staging

_TOGETHER = 64
"""Members that are numbered at once."""


class Steps(Protocol):
    """What is done with one member; `deidgate.batch.worker.Worker` has this form."""

    def member(self, path: Path, size: int, pending: Pending) -> Pending | Kind | tuple[Line, ...]:
        """The unfinished result, the kind of archive that it is, or its lines."""
        ...

    def numbered(self, pending: list[Pending]) -> dict[int, int]:
        """Image numbers by the identity of the pending; raises DeidgateError."""
        ...

    def finished(self, pending: list[Pending]) -> list[Line]:
        """Name results that lie free; their lines."""
        ...

    def discard(self, pending: Pending) -> None:
        """Remove what is unfinished."""
        ...


@dataclass(slots=True)
class _Walk:
    """One archive under way, and what its members said so far."""

    path: Path
    shown: str
    kind: Kind
    budget: Budget
    writer: ArchiveWriter | None
    outer: Pending
    lines: list[Line] = field(default_factory=list)
    words: set[str] = field(default_factory=set)


class Archives:
    """Goes through archives for one worker.

    Parameters
    ----------
    steps : Steps
    staging : Staging or None
        None writes nothing.
    limits : Limits
    key : bytes
        For names.
    keep : bool
        Results of members go into an archive like the original.
    identities : bool
        Lines carry the original identity.
    """

    def __init__(
        self, steps: Steps, staging: Staging | None, limits: Limits, key: bytes, *, keep: bool, identities: bool
    ) -> None:
        self._steps = steps
        self._staging = staging
        self._limits = limits
        self._key = key
        self._keep = keep
        self._identities = identities

    def run(self, path: Path, kind: Kind, pending: Pending) -> tuple[Line, list[Line], str, frozenset[str] | None]:
        """The archive's line, its members' lines, the unfinished result archive (or empty), words for its name.

        The words are None when some of what it holds is of nobody knows whom.
        """
        with tempfile.TemporaryDirectory(prefix="deidgate-") as room:
            budget = Budget(self._limits, max(pending.line.size, 1))
            return self._archive(path, str(path), kind, budget, pending, Path(room))

    def _archive(
        self, path: Path, shown: str, kind: Kind, budget: Budget, outer: Pending, room: Path
    ) -> tuple[Line, list[Line], str, frozenset[str] | None]:
        walk = _Walk(path, shown, kind, budget, None, outer)
        if not self._keep or self._staging is None:
            code = self._members(walk, room)
            return _summed(outer.line, walk.lines, code), walk.lines, "", frozenset(walk.words)
        partial, descriptor = self._staging.create()
        with os.fdopen(descriptor, "w+b") as stream:
            try:
                walk.writer = writer_like(path, kind, stream)
            except (OSError, EOFError) as error:
                code = told(outer.line, error).code
            else:
                code = self._written(walk, walk.writer, room)
        line = _summed(outer.line, walk.lines, code)
        if line.status == "failed":
            # The whole archive is done again: nothing of it is named now.
            walk.lines = [_not_written(one) for one in walk.lines]
        if not any(one.status in ("done", "copied") for one in walk.lines):
            Path(partial).unlink()
            partial = ""
        return line, walk.lines, partial, _words_of(walk)

    def _written(self, walk: _Walk, writer: ArchiveWriter, room: Path) -> str:
        """As `_members`, with the end of the result archive."""
        try:
            code = self._members(walk, room)
        except BaseException:
            # A writer that is left open would write when it is thrown away.
            with contextlib.suppress(Exception):
                writer.close()
            raise
        writer.close()
        return code

    def _members(self, walk: _Walk, room: Path) -> str:
        """Go through all members; the code of what ended it early, or nothing.

        Raises
        ------
        OSError
            The result archive cannot be written: one of which a member is cut off is no archive any more.
        """
        waiting: list[Pending] = []
        ended: list[str] = []
        for member in _readable(walk, room, ended):
            spelled = f"{walk.shown}!/{'/'.join(member.relative)}" if member.relative else walk.shown
            line = Line(spelled, "held")
            if isinstance(member, PassedMember):
                if not member.relative:
                    # It is the archive itself.
                    ended.append(member.code)
                    continue
                status = "skipped" if member.code == "not-a-regular-file" else "held"
                walk.lines.append(replace(line, status=status, code=member.code))
                continue
            try:
                one = self._member(walk, member, replace(line, status="failed", size=member.size), room)
            except TooMuchError as error:
                ended.append(told(walk.outer.line, error).code)
                break
            if isinstance(one, Pending):
                waiting.append(one)
            else:
                walk.lines.extend(one)
            if len(waiting) >= _TOGETHER:
                together, waiting = waiting, []
                self._settle(walk, together)
        self._settle(walk, waiting)
        return ended[-1] if ended else ""

    def _member(self, walk: _Walk, member: Member, line: Line, room: Path) -> Pending | tuple[Line, ...]:
        inside = walk.writer is not None or (self._keep and self._staging is not None)
        relative = member.relative if inside else (*walk.outer.relative, *member.relative)
        pending = Pending(line, relative, root=walk.outer.root, beside=walk.outer.beside, stored=member.stored)
        found = self._steps.member(member.path, member.size, pending)
        if not isinstance(found, Kind):
            return found
        deeper = walk.budget.nested()
        result, inner, partial, words = self._archive(member.path, line.source, found, deeper, pending, room)
        walk.words |= words or frozenset()
        if partial and walk.writer is not None:
            names = tuple(safe_name(name, self._key, words) for name in member.relative)
            used = walk.writer.add(names, Path(partial), True)
            result = replace(result, destination="/".join(used), result_size=Path(partial).stat().st_size)
            Path(partial).unlink()
        return (result, *inner)

    def _settle(self, walk: _Walk, waiting: list[Pending]) -> None:
        """Number the results and put them into the archive; without an archive, name them."""
        if not waiting:
            return
        if walk.writer is None:
            walk.lines += self._steps.finished(waiting)
            return
        try:
            numbers = self._steps.numbered(waiting)
        except DeidgateError as error:
            for one in waiting:
                self._steps.discard(one)
                walk.lines.append(told(one.line, error))
            return
        for one in waiting:
            walk.lines.append(self._put(walk, walk.writer, one, numbers.get(id(one), 0)))

    def _put(self, walk: _Walk, writer: ArchiveWriter, one: Pending, number: int) -> Line:
        words = one.made.words if one.made is not None else None
        walk.words |= words or frozenset()
        names = tuple(safe_name(name, self._key, words) for name in one.relative)
        try:
            used = writer.add(names, Path(one.partial), one.stored)
        finally:
            self._steps.discard(one)
        line = replace(one.line, destination="/".join(used))
        if one.made is None:
            return replace(line, status="copied", code="copied-other", result_size=one.line.size)
        return identity_of(replace(line, status="done", result_size=one.made.size), one, number, self._identities)


def _words_of(walk: _Walk) -> frozenset[str] | None:
    """What the archive's own name may not hold; None unless each patient in it is known."""
    if not walk.words or any(line.status in ("held", "failed") for line in walk.lines):
        return None
    return frozenset(walk.words)


def _readable(walk: _Walk, room: Path, ended: list[str]) -> Iterator[Member | PassedMember]:
    """Members until one cannot be read; the code of why not is then in `ended`."""
    try:
        yield from members(walk.path, walk.kind, room, walk.budget)
    except (TooMuchError, OSError, EOFError) as error:
        ended.append(told(walk.outer.line, error).code)


def _not_written(line: Line) -> Line:
    if line.status not in ("done", "copied"):
        return line
    return replace(line, status="failed", code="archive-not-written", destination="", result_size=0)


def _summed(line: Line, inner: list[Line], code: str) -> Line:
    """The archive's own line, from those of its members."""
    good = any(one.status in ("done", "copied", "planned", "archive") for one in inner)
    bad = any(one.status in ("held", "failed") for one in inner)
    stopped = next((one.code for one in inner if one.code in STOPPING), "")
    if stopped:
        # Held is not tried again, and this has to be.
        return replace(line, status="failed", code=stopped)
    if code:
        return replace(line, status="held" if code.startswith(("archive", "damaged")) else "failed", code=code)
    if bad:
        return replace(line, status="held", code="archive-incomplete")
    return replace(line, status="archive" if good else "skipped", code="" if good else "archive-without-dicom")
