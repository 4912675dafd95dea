# SPDX-License-Identifier: Apache-2.0
"""What one process of a run does: some tasks in, what became of them out.

Results are made under temporary names, flushed to the disk together, and only then named; numbers and pairs of UIDs
are asked for together too. Whatever goes wrong with one file becomes its line; the rest goes on.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from deidgate import marks
from deidgate.batch.archives import Archives
from deidgate.batch.identities import Book, Identities, Noted
from deidgate.batch.instance import Instances
from deidgate.batch.job import Directory, Done, Job, Layout, Task
from deidgate.batch.naming import ADDED, Identity, Namer, deidentified
from deidgate.batch.pending import Pending, identity_of, told
from deidgate.batch.rehearsal import RehearsedIdentities
from deidgate.errors import CannotDeidentify, DeidgateError
from deidgate.files import dicomdir_redact
from deidgate.files.archive import TooMuchError
from deidgate.files.atomic import AlreadyThereError
from deidgate.files.journal import Line
from deidgate.files.kind import SNIFFED, Kind, code_of, sniff
from deidgate.files.names import safe_name, token
from deidgate.files.source import Source
from deidgate.files.staging import Staging
from deidgate.pixels.lazy import LazyPixels
from deidgate.policy.load import load_policy
from deidgate.store.store import Store

_REDACTED = "dicomdir-redacted"

_NAMES_TRIED = 16
"""Each is taken only by what somebody else has put there, or by an earlier result of another content."""


@dataclass(frozen=True, slots=True)
class MadeChunk:
    """Tasks, for each its unfinished result or all its lines, and the pairs of UIDs to be written down."""

    tasks: Sequence[Task]
    made: list[Pending | tuple[Line, ...]]
    noted: Noted


class Worker:
    """Works on tasks of one job; opened once in each process. Satisfies `deidgate.batch.archives.Steps`.

    Parameters
    ----------
    job : Job
    store : Store or None
        The open mapping table; None for a dry run.
    """

    def __init__(self, job: Job, store: Store | None) -> None:
        self._job = job
        policy = load_policy(job.policy)
        self._book: Book = (
            RehearsedIdentities(policy.pseudonym)
            if store is None
            else Identities(store.mapping, job.project, job.site, policy.pseudonym)
        )
        mark_key = marks.load_private_key(job.mark_key.read_bytes()) if job.mark_key else None
        self._staging = None if job.dry_run else Staging(job.output)
        self.instances = Instances(
            policy, self._book, LazyPixels(), self._staging, job.verify_every, mark_key, job.accepted
        )
        self._namer = Namer(job.layout, job.directory, self._book.key)
        self._roots = [token(root, self._book.key) if root else "" for root in job.roots]
        self._archives = Archives(
            self,
            self._staging,
            job.limits,
            self._book.key,
            keep=job.layout is Layout.MIRROR,
            identities=job.identities,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Throw away what was not finished."""
        if self._staging is not None:
            self._staging.close()

    def work(self, tasks: Sequence[Task]) -> list[Done]:
        """What became of `tasks`, in their order.

        Never raises for what is in a file. A full disk is told of in the line of each file that met it.
        """
        return self.finish([self.make(tasks)])[0]

    def make(self, tasks: Sequence[Task]) -> MadeChunk:
        """Unfinished results of `tasks`, to be given to `finish`."""
        return MadeChunk(tasks, [self._guarded(task) for task in tasks], self._book.noted())

    def finish(self, chunks: Sequence[MadeChunk]) -> list[list[Done]]:
        """Flush, number and name the results of some chunks together; what became of each chunk, in their order.

        Another thread may call `make` for the next ones meanwhile.
        """
        noted: Noted = {}
        for chunk in chunks:
            for patient, pairs in chunk.noted.items():
                noted.setdefault(patient, {}).update(pairs)
        waiting = [one for chunk in chunks for one in chunk.made if isinstance(one, Pending)]
        lines = iter(self.finished(waiting, noted))
        return [
            [
                Done(task.key, (next(lines),) if isinstance(one, Pending) else one)
                for task, one in zip(chunk.tasks, chunk.made, strict=True)
            ]
            for chunk in chunks
        ]

    def _guarded(self, task: Task) -> Pending | tuple[Line, ...]:
        """The file's unfinished result, or all its lines: the outermost catch of a run."""
        try:
            return self._one(task)
        except Exception as error:  # noqa: BLE001 - one bad file never stops the rest
            return (told(Line(str(task.path), "failed", size=task.size), error),)

    def _one(self, task: Task) -> Pending | tuple[Line, ...]:
        pending = Pending(
            Line(str(task.path), "failed", size=task.size),
            task.relative,
            task.alone,
            task.medium,
            self._roots[task.root],
            task.path.parent if self._job.beside and task.alone else None,
        )
        descriptor = os.open(task.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            found = self._file(Source.of(descriptor), pending)
        finally:
            os.close(descriptor)
        return self._archive(task, found, pending) if isinstance(found, Kind) else found

    def member(self, path: Path, size: int, pending: Pending) -> Pending | Kind | tuple[Line, ...]:
        """See `deidgate.batch.archives.Steps`."""
        try:
            with path.open("rb") as stream:
                found = self._file(Source.of(stream.fileno()), pending)
            if isinstance(found, Pending) and self._staging is not None:
                # Its archive takes it over from here.
                self._staging.settle(found.partial)
            return found
        except TooMuchError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad member never stops the rest
            self.discard(pending)
            return (told(pending.line, error),)

    def _file(self, source: Source, pending: Pending) -> Pending | Kind | tuple[Line, ...]:
        head = os.pread(source.descriptor, self.instances.looked_at, 0)
        kind = sniff(head[:SNIFFED])
        if kind is Kind.DICOM:
            pending.made = self.instances.make(source, head)
            return pending
        if kind.is_archive:
            return kind
        if kind is Kind.DICOMDIR:
            return self._directory(source, pending)
        if not self._job.copy_other or kind is Kind.EMPTY:
            return (replace(pending.line, status="skipped", code=code_of(kind)),)
        if self._staging is None:
            return (replace(pending.line, status="planned", code="copied-other"),)
        pending.copied = self._staging.copy(source)
        return pending

    def _directory(self, source: Source, pending: Pending) -> Pending | tuple[Line, ...]:
        if self._job.directory is not Directory.REDACT or pending.medium < 0:
            code = "dicomdir" if self._is_made_anew(pending) else "dicomdir-dropped"
            return (replace(pending.line, status="skipped", code=code),)
        if self._staging is None:
            return (replace(pending.line, status="planned", code=_REDACTED),)
        pending.redacted = True
        content, _ = dicomdir_redact.redact(source.read(), dicomdir_redact.DEFAULT_ATTRIBUTES, self._book.key)
        pending.copied = self._staging.write(content)
        return pending

    def _is_made_anew(self, pending: Pending) -> bool:
        """True if the results of a medium get a DICOMDIR: those in an archive get none."""
        if self._job.directory is Directory.ALWAYS:
            return pending.medium >= 0 or pending.alone
        return self._is_rebuilt(pending)

    def _is_rebuilt(self, pending: Pending) -> bool:
        """True if the medium is one in the output too."""
        mirrored = self._job.directory is Directory.REBUILD and self._job.layout is Layout.MIRROR
        return mirrored and pending.medium >= 0

    # -- from made to named --------------------------------------------------------------

    def finished(self, pending: list[Pending], noted: Noted | None = None) -> list[Line]:
        """Number, flush and name results; the line of each. Pairs of UIDs as for `numbered`."""
        noted = self._book.noted() if noted is None else noted
        if self._staging is None:
            return [identity_of(replace(one.line, status="planned"), one, 0, self._job.identities) for one in pending]
        lines: dict[int, Line] = {}
        for one in pending:
            try:
                self._staging.settle(one.partial)
            except Exception as error:  # noqa: BLE001 - it was raised behind, of one file, and does not stop the rest
                lines[id(one)] = self._lost(one, error)
        written = [one for one in pending if id(one) not in lines]
        try:
            if written:
                self._staging.flush()
            numbers = self.numbered(written, noted)
        except (DeidgateError, OSError) as error:
            # Nothing is named before it is on the disk and known in the mapping table.
            lines.update((id(one), self._lost(one, error)) for one in written)
            return [lines[id(one)] for one in pending]
        for one in written:
            try:
                lines[id(one)] = self._named(self._staging, one, numbers.get(id(one), 0))
            except (DeidgateError, OSError) as error:
                lines[id(one)] = self._lost(one, error)
        return [lines[id(one)] for one in pending]

    def _lost(self, one: Pending, error: Exception) -> Line:
        """The line of a result that cannot be kept; what there is of it is removed."""
        self.discard(one)
        return told(one.line, error)

    def numbered(self, pending: list[Pending], noted: Noted | None = None) -> dict[int, int]:
        """Write pairs of UIDs down, and ask for image numbers: by the identity of the pending.

        Without `noted`, the pairs are those that were noted since the last time.
        """
        self._book.record(self._book.noted() if noted is None else noted)
        by_patient: dict[int, list[tuple[int, str]]] = {}
        for one in pending:
            if one.made is not None:
                by_patient.setdefault(one.made.patient.id, []).append((id(one), one.made.original_sop_uid))
        numbers: dict[int, int] = {}
        for patient, some in by_patient.items():
            given = self._book.image_numbers(patient, [uid for _, uid in some])
            numbers.update({key: number for (key, _), number in zip(some, given, strict=True)})
        return numbers

    def discard(self, pending: Pending) -> None:
        """Remove what is unfinished."""
        if pending.partial:
            with contextlib.suppress(OSError):
                os.unlink(pending.partial)  # noqa: PTH108 - hot path

    def _named(self, staging: Staging, one: Pending, number: int) -> Line:
        made = one.made
        if made is None:
            place = self._namer.place(one.relative, None, frozenset(), alone=False, medium=one.medium)
            if one.medium >= 0 and one.relative[-1].upper() == "DICOMDIR":
                place = (*place[:-1], "DICOMDIR")
            status, code = ("redacted", _REDACTED) if one.redacted else ("copied", "copied-other")
            line = replace(one.line, status=status, code=code, result_size=one.line.size)
            return self._at(staging, place, one, line)
        identity = Identity(
            made.patient_id,
            made.study_instance_uid,
            made.series_instance_uid,
            made.sop_instance_uid,
            made.patient.index,
            number,
        )
        place = self._namer.place(one.relative, identity, made.words, alone=one.alone, medium=one.medium)
        line = replace(one.line, status="done", result_size=made.size)
        return self._at(staging, place, one, identity_of(line, one, number, self._job.identities))

    def _at(self, staging: Staging, place: tuple[str, ...], one: Pending, line: Line) -> Line:
        """Name what is finished; when the name is taken, see by what."""
        if one.root and one.beside is None:
            place = (one.root, *place)
        base = one.beside or self._job.output
        line = replace(line, destination=_shown(one, place), medium=self._medium(one, place))
        mirrored = self._job.layout is Layout.MIRROR or one.made is None
        try:
            staging.name(one.partial, os.path.join(base, *place))  # noqa: PTH118 - hot path
            return line
        except AlreadyThereError:
            if filecmp.cmp(one.partial, base.joinpath(*place), shallow=False):
                # The same result: of a run that was ended between two steps, or of a copy of the same instance.
                self.discard(one)
                return line if mirrored else replace(line, code="duplicate")
        if not mirrored:
            raise CannotDeidentify("same-uid-different-content", "SOPInstanceUID")
        # Originals can meet in one name (two spellings on a medium, files of several folders): further ones get a token
        # of where they come from, which no two share.
        stem, dot, extension = place[-1].partition(".")
        for number in range(_NAMES_TRIED):
            spelled = f"{os.path.abspath(one.line.source)}\0{number}"  # noqa: PTH100 - hot path
            name = token(spelled, self._book.key) + dot + extension
            other = (*place[:-1], deidentified(name) if stem.endswith(ADDED) else name)
            try:
                staging.name(one.partial, os.path.join(base, *other))  # noqa: PTH118 - hot path
            except AlreadyThereError:
                if not filecmp.cmp(one.partial, base.joinpath(*other), shallow=False):
                    continue
                self.discard(one)
            return replace(line, destination=_shown(one, other))
        raise CannotDeidentify("destination-exists")

    def _medium(self, one: Pending, place: tuple[str, ...]) -> str:
        """Folder of the output that is the medium of this result, with a slash behind it; empty if it is on none."""
        if one.made is None:
            return ""
        if self._job.directory is Directory.ALWAYS:
            return "/"
        if not self._is_rebuilt(one):
            return ""
        return "/".join(place[: one.medium + (1 if one.root else 0)]) + "/"

    def _archive(self, task: Task, kind: Kind, pending: Pending) -> tuple[Line, ...]:
        """All lines of an archive: its own, then its members'."""
        line, inner, partial, words = self._archives.run(task.path, kind, pending)
        if not partial or self._staging is None:
            return (line, *inner)
        place = tuple(safe_name(name, self._book.key, words) for name in task.relative)
        if task.alone:
            place = (*place[:-1], deidentified(place[-1]))
        pending.copied = partial
        try:
            line = replace(line, result_size=Path(partial).stat().st_size)
            self._staging.flush()
            return (self._at(self._staging, place, pending, line), *inner)
        except (DeidgateError, OSError) as error:
            self.discard(pending)
            return (told(line, error), *(replace(one, status="failed", code="archive-not-written") for one in inner))


def _shown(one: Pending, place: tuple[str, ...]) -> str:
    return str(one.beside.joinpath(*place)) if one.beside is not None else "/".join(place)
