# SPDX-License-Identifier: Apache-2.0
"""What one process of a run does: some tasks in, what became of them out.

Results are made under temporary names, flushed to the disk together, and only then named; numbers and pairs of UIDs
are asked for together too. Whatever goes wrong with one file becomes its line; the rest goes on.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Self

from deidgate import marks
from deidgate.batch.identities import Identities
from deidgate.batch.instance import HEAD, Instances, Made
from deidgate.batch.job import Directory, Done, Job, Layout, Task
from deidgate.batch.naming import Identity, Namer, deidentified
from deidgate.batch.rehearsal import RehearsedIdentities
from deidgate.errors import CannotDeidentify, ConfigurationError, DeidgateError, Unavailable
from deidgate.files import dicomdir_redact
from deidgate.files.archive import ArchiveWriter, Budget, Member, PassedMember, TooMuchError, members, writer_like
from deidgate.files.atomic import PARTIAL, AlreadyThereError, Staging, copy_bytes
from deidgate.files.journal import Line
from deidgate.files.kind import SNIFFED, Kind, sniff
from deidgate.files.names import safe_name, token
from deidgate.log import where
from deidgate.policy.load import load_policy
from deidgate.store.store import Store
from deidgate.worker.pixels import LazyPixels

_TOGETHER = 64
"""Members of an archive that are numbered at once."""

_NOT_DICOM = {
    Kind.EMPTY: "empty-file",
    Kind.PICTURE: "not-dicom-picture",
    Kind.NIFTI: "not-dicom-nifti",
    Kind.PDF: "not-dicom-pdf",
    Kind.ARCHIVE_UNSUPPORTED: "archive-unsupported",
}


@dataclass(slots=True)
class _Pending:
    """A file under way: its line so far, and its unfinished result."""

    line: Line
    relative: tuple[str, ...]
    alone: bool
    medium: int
    root: str
    beside: Path | None
    made: Made | None = None
    copied: str = ""
    stored: bool = False


class Worker:
    """Works on tasks of one job; opened once in each process.

    Parameters
    ----------
    job : Job
    store : Store or None
        The open mapping table; None for a dry run.
    """

    def __init__(self, job: Job, store: Store | None) -> None:
        self._job = job
        policy = load_policy(job.policy)
        self._identities: Identities | RehearsedIdentities = (
            RehearsedIdentities(policy.pseudonym)
            if store is None
            else Identities(store.mapping, job.project, job.site, policy.pseudonym)
        )
        self._staging = None if job.dry_run else Staging(job.output)
        mark_key = marks.load_private_key(job.mark_key.read_bytes()) if job.mark_key else None
        self.instances = Instances(policy, self._identities, LazyPixels(), self._staging, job.verify_every, mark_key)
        self._namer = Namer(job.layout, job.directory, self._identities.key)
        self._room: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Throw away what was not finished."""
        if self._staging is not None:
            self._staging.close()
        if self._room is not None:
            shutil.rmtree(self._room, ignore_errors=True)

    def work(self, tasks: Sequence[Task]) -> list[Done]:
        """What became of `tasks`, in their order.

        Never raises for what is in a file. A full disk is told of in the line of each file that met it.
        """
        done: dict[int, tuple[Line, ...]] = {}
        pending: list[tuple[int, _Pending]] = []
        for number, task in enumerate(tasks):
            made = self._guarded(task)
            if isinstance(made, _Pending):
                pending.append((number, made))
            else:
                done[number] = made
        for number, line in self._finished(pending):
            done[number] = (line,)
        return [Done(task.key, done[number]) for number, task in enumerate(tasks)]

    # -- one file ------------------------------------------------------------------------

    def _guarded(self, task: Task) -> _Pending | tuple[Line, ...]:
        """The file's unfinished result, or all its lines: the outermost catch of a run."""
        line = Line(str(task.path), "failed", size=task.size)
        try:
            return self._one(task, line)
        except Exception as error:  # noqa: BLE001 - one bad file never stops the rest
            return (told(line, error),)

    def _one(self, task: Task, line: Line) -> _Pending | tuple[Line, ...]:
        pending = _Pending(
            line,
            task.relative,
            task.alone,
            task.medium,
            self._job.roots[task.root],
            task.path.parent if self._job.beside and task.alone else None,
        )
        descriptor = os.open(task.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            head = os.pread(descriptor, HEAD, 0)
            kind = sniff(head[:SNIFFED])
            if kind.is_archive:
                return tuple(self._archive(task, kind, pending))
            return self._file(descriptor, head, kind, os.fstat(descriptor).st_size, pending)
        finally:
            os.close(descriptor)

    def _file(
        self, descriptor: int, head: bytes, kind: Kind, size: int, pending: _Pending
    ) -> _Pending | tuple[Line, ...]:
        if kind is Kind.DICOM:
            pending.made = self.instances.make(descriptor, head, size)
            return pending
        if kind is Kind.DICOMDIR:
            return self._directory(descriptor, size, pending)
        code = _NOT_DICOM.get(kind, "not-dicom")
        if not self._job.copy_other or kind is Kind.EMPTY or self._staging is None:
            return (replace(pending.line, status="skipped", code=code),)
        pending.copied, target = self._staging.create()
        try:
            copy_bytes(descriptor, target, 0, size)
        finally:
            os.close(target)
        return pending

    def _directory(self, descriptor: int, size: int, pending: _Pending) -> _Pending | tuple[Line, ...]:
        if self._job.directory is not Directory.REDACT or self._staging is None:
            return (replace(pending.line, status="skipped", code="dicomdir"),)
        content, _ = dicomdir_redact.redact(
            os.pread(descriptor, size, 0), dicomdir_redact.DEFAULT_ATTRIBUTES, self._identities.key
        )
        pending.copied, target = self._staging.create()
        try:
            os.write(target, content)
        finally:
            os.close(target)
        return pending

    # -- many results --------------------------------------------------------------------

    def _finished(self, pending: list[tuple[int, _Pending]]) -> Iterator[tuple[int, Line]]:
        """Number, flush and name the results of `pending`; the line of each."""
        if self._staging is None:
            for number, one in pending:
                yield number, replace(one.line, status="planned", **_identity_of(one, 0, self._job.identities))
            return
        try:
            numbers = self._numbered([one for _, one in pending])
            self._staging.flush()
        except (DeidgateError, OSError) as error:
            # Nothing is named before it is on the disk and known in the mapping table.
            for number, one in pending:
                self._discard(one)
                yield number, told(one.line, error)
            return
        for number, one in pending:
            try:
                yield number, self._named(one, numbers.get(id(one), 0))
            except (DeidgateError, OSError) as error:
                self._discard(one)
                yield number, told(one.line, error)

    def _numbered(self, pending: list[_Pending]) -> dict[int, int]:
        """Write pairs of UIDs down, and ask for image numbers: by the identity of the pending."""
        by_patient: dict[int, list[_Pending]] = {}
        for one in pending:
            if one.made is not None:
                by_patient.setdefault(one.made.patient.id, []).append(one)
        self._identities.record()
        numbers: dict[int, int] = {}
        for patient, some in by_patient.items():
            uids = [one.made.original_sop_uid for one in some if one.made is not None]
            given = self._identities.image_numbers(patient, uids)
            numbers.update({id(one): number for one, number in zip(some, given, strict=True)})
        return numbers

    def _named(self, one: _Pending, number: int) -> Line:
        made = one.made
        if made is not None:
            identity = Identity(
                made.patient_id,
                made.study_instance_uid,
                made.series_instance_uid,
                made.sop_instance_uid,
                made.patient.index,
                number,
            )
            place = self._namer.place(one.relative, identity, made.words, alone=one.alone, medium=one.medium)
            partial, size = made.partial, made.size
            line = replace(one.line, status="done", result_size=size, **_identity_of(one, number, self._job.identities))
        else:
            place = self._namer.place(one.relative, None, frozenset(), alone=False, medium=-1)
            if one.medium >= 0 and one.relative[-1].upper() == "DICOMDIR":
                place = (*place[:-1], "DICOMDIR")
            partial, size = one.copied, os.stat(one.copied).st_size  # noqa: PTH116 - hot path
            line = replace(one.line, status="copied", code="copied-other", result_size=size)
        base = str(one.beside) if one.beside is not None else str(self._job.output)
        return self._at(partial, base, ((one.root,) if one.root and one.beside is None else ()) + place, one, line)

    def _at(self, partial: str, base: str, place: tuple[str, ...], one: _Pending, line: Line) -> Line:
        """Name the finished `partial`; when the name is taken, see by what."""
        assert self._staging is not None
        final = os.path.join(base, *place)  # noqa: PTH118 - hot path
        line = replace(line, destination=self._shown(one, place), medium=self._medium(one, place))
        try:
            self._staging.name(partial, final)
            return line
        except AlreadyThereError:
            pass
        mirrored = self._job.layout is Layout.MIRROR or one.made is None
        if filecmp.cmp(partial, final, shallow=False):
            # The same result: of a run that was ended between two steps, or of a copy of the same instance.
            self._discard(one)
            return line if mirrored else replace(line, code="duplicate")
        if not mirrored:
            raise CannotDeidentify("same-uid-different-content", "SOPInstanceUID")
        other = self._other_name(place, one)
        final = os.path.join(base, *other)  # noqa: PTH118 - hot path
        line = replace(line, destination=self._shown(one, other))
        try:
            self._staging.name(partial, final)
        except AlreadyThereError:
            if not filecmp.cmp(partial, final, shallow=False):
                raise CannotDeidentify("destination-exists") from None
            self._discard(one)
        return line

    def _other_name(self, place: tuple[str, ...], one: _Pending) -> tuple[str, ...]:
        """Two originals can meet in one name (two spellings on a medium): the second gets a token of its whole path."""
        _, dot, extension = place[-1].partition(".")
        return (*place[:-1], token("/".join(one.relative), self._identities.key) + dot + extension)

    def _shown(self, one: _Pending, place: tuple[str, ...]) -> str:
        if one.beside is not None:
            return str(one.beside.joinpath(*place))
        return "/".join(((one.root,) if one.root and (not place or place[0] != one.root) else ()) + place)

    def _medium(self, one: _Pending, place: tuple[str, ...]) -> str:
        """The folder of the output that is the medium of this result, with a slash behind it; empty if it is on none."""
        if one.made is None:
            return ""
        if self._job.directory is Directory.ALWAYS:
            return "/"
        if one.medium < 0 or self._job.directory is not Directory.REBUILD or self._job.layout is not Layout.MIRROR:
            return ""
        depth = one.medium + (1 if one.root else 0)
        return "/".join(place[:depth]) + "/"

    def _discard(self, one: _Pending) -> None:
        for partial in (one.copied, one.made.partial if one.made is not None else ""):
            if partial:
                with contextlib.suppress(OSError):
                    os.unlink(partial)  # noqa: PTH108 - a string, hot path

    # -- archives ------------------------------------------------------------------------

    def _archive(self, task: Task, kind: Kind, pending: _Pending) -> list[Line]:
        """All lines of an archive: its own, then its members'."""
        if self._room is None:
            self._room = tempfile.mkdtemp(prefix="deidgate-")
        budget = Budget(self._job.limits, max(task.size, 1))
        keeps = self._job.layout is Layout.MIRROR and self._staging is not None
        if not keeps:
            lines: list[Line] = []
            code = self._members(task.path, str(task.path), kind, budget, pending, None, lines, set())
            return [_archive_line(pending.line, lines, code), *lines]
        assert self._staging is not None
        partial, descriptor = self._staging.create()
        words: set[str] = set()
        lines = []
        with os.fdopen(descriptor, "w+b") as stream:
            code = self._packed(task.path, str(task.path), kind, budget, pending, stream, lines, words)
        line = _archive_line(pending.line, lines, code)
        if not any(one.status in ("done", "copied") for one in lines):
            os.unlink(partial)  # noqa: PTH108 - a string
            return [line, *lines]
        self._staging.flush()
        place = tuple(safe_name(name, self._identities.key, words) for name in task.relative)
        if task.alone:
            place = (*place[:-1], deidentified(place[-1]))
        base = str(pending.beside) if pending.beside is not None else str(self._job.output)
        if pending.root and pending.beside is None:
            place = (pending.root, *place)
        pending.copied = partial
        line = replace(line, result_size=os.stat(partial).st_size)  # noqa: PTH116 - a string
        try:
            line = self._at(partial, base, place, pending, line)
        except (DeidgateError, OSError) as error:
            self._discard(pending)
            return [told(line, error), *(replace(one, status="failed", code="archive-not-written") for one in lines)]
        return [line, *lines]

    def _packed(
        self,
        path: Path,
        shown: str,
        kind: Kind,
        budget: Budget,
        pending: _Pending,
        stream: BinaryIO,
        lines: list[Line],
        words: set[str],
    ) -> str:
        """Write an archive like `path` with the results of its members to `stream`; the code of what ended it early."""
        try:
            writer = writer_like(path, kind, stream)
        except (OSError, EOFError):
            return "damaged-archive"
        code = self._members(path, shown, kind, budget, pending, writer, lines, words)
        writer.close()
        return code

    def _members(
        self,
        path: Path,
        shown: str,
        kind: Kind,
        budget: Budget,
        pending: _Pending,
        writer: ArchiveWriter | None,
        lines: list[Line],
        words: set[str],
    ) -> str:
        waiting: list[_Pending] = []
        code = ""
        assert self._room is not None
        try:
            for member in members(path, kind, Path(self._room), budget):
                spelled = f"{shown}!/{'/'.join(member.relative)}" if member.relative else shown
                line = Line(spelled, "failed")
                if isinstance(member, PassedMember):
                    lines.append(replace(line, status="held", code=member.code))
                    continue
                one = self._member(member, spelled, line, budget, pending, writer, lines, words)
                if isinstance(one, _Pending):
                    waiting.append(one)
                else:
                    lines.extend(one)
                if len(waiting) >= _TOGETHER:
                    self._settled(waiting, writer, lines, words)
                    waiting = []
        except TooMuchError:
            code = "archive-too-large"
        except (OSError, EOFError) as error:
            code = _code_of(error)
        self._settled(waiting, writer, lines, words)
        return code

    def _member(
        self,
        member: Member,
        spelled: str,
        line: Line,
        budget: Budget,
        pending: _Pending,
        writer: ArchiveWriter | None,
        lines: list[Line],
        words: set[str],
    ) -> _Pending | tuple[Line, ...]:
        line = replace(line, size=member.size)
        relative = member.relative if writer is not None else (*pending.relative, *member.relative)
        one = _Pending(line, relative, False, -1, pending.root, pending.beside, stored=member.stored)
        try:
            with member.path.open("rb") as stream:
                descriptor = stream.fileno()
                head = os.pread(descriptor, HEAD, 0)
                kind = sniff(head[:SNIFFED])
                if kind.is_archive:
                    return self._nested(member, kind, spelled, line, budget, one, writer, words)
                return self._file(descriptor, head, kind, member.size, one)
        except TooMuchError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad member never stops the rest
            return (told(line, error),)

    def _nested(
        self,
        member: Member,
        kind: Kind,
        spelled: str,
        line: Line,
        budget: Budget,
        one: _Pending,
        writer: ArchiveWriter | None,
        words: set[str],
    ) -> tuple[Line, ...]:
        deeper = budget.nested()
        inner: list[Line] = []
        if writer is None:
            code = self._members(member.path, spelled, kind, deeper, one, None, inner, words)
            return (_archive_line(line, inner, code), *inner)
        assert self._staging is not None
        partial, descriptor = self._staging.create()
        with os.fdopen(descriptor, "w+b") as stream:
            code = self._packed(member.path, spelled, kind, deeper, one, stream, inner, words)
        result = _archive_line(line, inner, code)
        if any(each.status in ("done", "copied") for each in inner):
            names = tuple(safe_name(name, self._identities.key, words) for name in member.relative)
            used = writer.add(names, Path(partial), True)
            result = replace(result, destination="/".join(used), result_size=Path(partial).stat().st_size)
        Path(partial).unlink()
        return (result, *inner)

    def _settled(
        self, waiting: list[_Pending], writer: ArchiveWriter | None, lines: list[Line], words: set[str]
    ) -> None:
        """Number the members' results and put them into the archive, or name them if results lie free."""
        if not waiting:
            return
        if writer is None:
            lines += [line for _, line in self._finished(list(enumerate(waiting)))]
            return
        try:
            numbers = self._numbered(waiting)
        except DeidgateError as error:
            for one in waiting:
                self._discard(one)
                lines.append(told(one.line, error))
            return
        for one in waiting:
            made = one.made
            if made is not None:
                words |= made.words
            names = tuple(
                safe_name(name, self._identities.key, made.words if made is not None else ()) for name in one.relative
            )
            partial = made.partial if made is not None else one.copied
            try:
                used = writer.add(names, Path(partial), one.stored)
            except OSError as error:
                lines.append(told(one.line, error))
                continue
            finally:
                self._discard(one)
            if made is not None:
                known = _identity_of(one, numbers[id(one)], self._job.identities)
                line = replace(one.line, status="done", result_size=made.size, **known)
            else:
                line = replace(one.line, status="copied", code="copied-other", result_size=one.line.size)
            lines.append(replace(line, destination="/".join(used)))


def told(line: Line, error: BaseException) -> Line:
    """`line` with what `error` says; nothing of its message that could be a value."""
    if isinstance(error, ConfigurationError):
        code = "pixels-need-extra" if error.code == "text-model-missing" else error.code
        return replace(line, status="failed", code=code, place=error.path)
    if isinstance(error, Unavailable):
        return replace(line, status="failed", code=error.code, place=error.path)
    if isinstance(error, DeidgateError):
        return replace(line, status="held", code=error.code, place=error.path)
    if isinstance(error, TooMuchError):
        return replace(line, status="held", code="archive-too-large")
    if isinstance(error, OSError):
        return replace(line, status="failed", code=_code_of(error))
    if isinstance(error, MemoryError):
        return replace(line, status="failed", code="out-of-memory")
    places = where(error.__traceback__)
    return replace(
        line, status="failed", code="internal-error", place=f"{type(error).__name__} {places[-1] if places else ''}"
    )


def _code_of(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "disk-full"
    if number == errno.EROFS or (
        number in (errno.EACCES, errno.EPERM) and PARTIAL in str(getattr(error, "filename", ""))
    ):
        return "output-not-writable"
    return "vanished" if number == errno.ENOENT else "unreadable-file"


def _archive_line(line: Line, inner: list[Line], code: str) -> Line:
    """The archive's own line, from those of its members."""
    good = sum(one.status in ("done", "copied", "planned") for one in inner)
    bad = any(one.status in ("held", "failed") for one in inner)
    if code == "disk-full":
        return replace(line, status="failed", code=code)
    if code:
        return replace(line, status="held", code=code)
    if bad:
        return replace(line, status="held", code="archive-incomplete")
    return replace(line, status="archive" if good else "skipped", code="" if good else "archive-without-dicom")


def _identity_of(one: _Pending, number: int, identities: bool) -> dict[str, object]:
    made = one.made
    if made is None:
        return {}
    known: dict[str, object] = {"patient": made.patient.index, "image": number}
    if identities:
        known |= {"name": made.name, "patient_id": made.original_id}
    return known
