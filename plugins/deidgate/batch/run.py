# SPDX-License-Identifier: Apache-2.0
"""A run over many inputs: walk, give out, write down, report."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from deidgate.batch.job import Directory, Job, Layout, Task
from deidgate.batch.once import Once
from deidgate.batch.pending import STOPPING
from deidgate.batch.pool import Pool, Processes, SameProcess
from deidgate.batch.recorder import Recorder
from deidgate.batch.reopened import reopened
from deidgate.errors import ConfigurationError
from deidgate.files import dicomdir
from deidgate.files.guard import check_place, check_writable
from deidgate.files.journal import Journal, Line, key_of, state_of
from deidgate.files.report import write_reports
from deidgate.files.staging import remove_leftovers
from deidgate.files.walk import Found, Passed, has_settled, walk
from deidgate.policy.load import load_policy
from deidgate.pseudonym.uids import new_uid

CHUNK_FILES = 512
CHUNK_BYTES = 64 << 20
"""A chunk is full with so many files, or so many bytes."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    files: int
    size: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended.

    Attributes
    ----------
    counts : dict of str to int
        Files by status, of this run and of those that it resumed.
    codes : dict of str to int
        Held and failed files by reason, of this run, and results that no DICOMDIR lists.
    resumed : int
        Files that an earlier run had finished.
    stopped : str
        Why it ended early (``disk-full``); empty if it did not.
    reports : tuple of Path
    media : tuple of Path
        DICOMDIR files that were written.
    unlisted : int
        Results that should be listed in one and are not; `codes` has the reasons.
    """

    counts: dict[str, int]
    codes: dict[str, int]
    resumed: int = 0
    stopped: str = ""
    reports: tuple[Path, ...] = ()
    media: tuple[Path, ...] = ()
    unlisted: int = 0

    @property
    def complete(self) -> bool:
        """True when nothing is held or failed, and every result is listed where it should be."""
        return not self.stopped and not self.unlisted and not self.counts.get("held") and not self.counts.get("failed")


@dataclass
class _Under:
    """A run under way."""

    journal: Journal
    recorder: Recorder
    tell: Callable[[Progress], None]
    files: int = 0
    size: int = 0
    resumed: int = 0
    stopped: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)


def run(
    inputs: Sequence[Path],
    job: Job,
    *,
    jobs: int,
    state: Path | None = None,
    pool: Pool | None = None,
    settled: float | None = None,
    tell: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """De-identify everything below `inputs`.

    Parameters
    ----------
    inputs : sequence of Path
        Files and folders.
    job : Job
        Its `roots` are set here.
    jobs : int
        Processes; 0 is none but this one.
    state : Path, optional
        Folder of journal and reports; beside the output by default.
    pool : Pool, optional
        Where to work instead, for example a `deidgate.batch.cluster.Cluster` that was made for the same job.
    settled : float, optional
        Leave files for a later run that somebody wrote to since that moment (seconds since the epoch).
    tell : callable
        Hears about progress, now and then.

    Raises
    ------
    ConfigurationError
        Refused before anything was touched.
    """
    # Whoever reads the report is elsewhere, and later: `deidgate verify` too.
    inputs = [path.absolute() for path in inputs]
    job, state = prepared(inputs, job, state)
    policy = load_policy(job.policy)
    settings = {
        "policy": policy.digest,
        "layout": job.layout.value,
        "project": job.project,
        "site": job.site,
        "mode": "dry-run" if job.dry_run else "run",
        "dicomdir": job.directory.value,
        "signed": "yes" if job.mark_key is not None else "no",
        # What was not written down about a file that is done cannot be reported later.
        "report-identities": "yes" if job.identities else "no",
    }
    with Journal(state / ("dry-run.sqlite" if job.dry_run else "journal.sqlite"), settings) as journal:
        under = _Under(journal, Recorder(journal), tell)
        journal.reopen(reopened(job))
        chosen = pool or (Processes(job, jobs) if jobs > 0 else SameProcess(job))
        unlisted: Counter[str] = Counter()
        media: list[Path] = []
        reports: list[Path] = []
        try:
            with (
                closing(under.recorder) as recorder,
                closing(chosen.results(_chunks(inputs, job.output, state, under, settled))) as results,  # type: ignore[type-var]
            ):
                for done in results:
                    recorder.record((one.key, list(one.lines)) for one in done)
                    for one in done:
                        _count(under, one.lines)
                    tell(Progress(under.files, under.size, dict(under.counts)))
        except OSError as error:
            _stop_if_full(under, error)
        finally:
            if not job.dry_run:
                remove_leftovers(job.output)
        try:
            journal.forget_replaced()
            media = _directories(job, journal, unlisted) if not job.dry_run else []
            reports = write_reports(journal.lines, state, job.identities)
        except OSError as error:
            _stop_if_full(under, error)
        return Summary(
            journal.counts(),
            dict(under.codes + unlisted),
            under.resumed,
            under.stopped,
            tuple(reports),
            tuple(media),
            unlisted.total(),
        )


def _stop_if_full(under: _Under, error: OSError) -> None:
    """Journal and reports lie beside the results, often on the disk that is full: then the run has stopped early."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    under.stopped = "disk-full"


def prepared(inputs: Sequence[Path], job: Job, state: Path | None) -> tuple[Job, Path]:
    """The job with a place for each input, its output ready, and the folder of journal and reports.

    Raises
    ------
    ConfigurationError
        See `deidgate.files.guard`; ``layout-needs-file-ids``: a DICOMDIR cannot refer to names that are UIDs.
    """
    if job.directory is Directory.ALWAYS and job.layout is Layout.UID:
        raise ConfigurationError("layout-needs-file-ids", "--dicomdir always")
    if state is None:
        state = state_of(job.output)
    folders = [path for path in inputs if path.is_dir()]
    if job.beside:
        if folders:
            raise ConfigurationError("beside-is-for-files", str(folders[0]))
    else:
        check_place(inputs, job.output)
    check_writable(state)
    if not job.dry_run:
        check_writable(job.output)
        remove_leftovers(job.output)
    several = len(folders) > 1
    # Several folders may have files of one name. Whoever works on them has the key that makes names of these paths: the
    # same folder gets the same name, whatever else is given with it, and none tells its own.
    roots = tuple(os.path.realpath(path) if several and path.is_dir() else "" for path in inputs)
    return replace(job, roots=roots, output=job.output.absolute()), state


def _chunks(
    inputs: Sequence[Path], output: Path, state: Path, under: _Under, settled: float | None
) -> Iterator[list[Task]]:
    """Tasks in the order of the walk; what is finished already, and what was not read, is accounted for on the way."""
    once = Once(inputs)
    resumed = not under.journal.is_new
    chunk: list[Task] = []
    size = 0
    for found in walk(inputs, skip=(state,)):
        if under.stopped:
            return
        if isinstance(found, Passed):
            line = Line(str(found.path), _status_of(found), found.code)
            key = key_of(found.path, 0, 0)
            if once.is_new(found.path, key):
                under.recorder.record([(key, [line])])
                _count(under, (line,))
            continue
        if settled is not None and not has_settled(found, settled):
            continue
        task = _task(found)
        if not once.is_new(task.path, task.key):
            continue
        # Results of a folder that is watched are often taken away by whoever needs them, and not to be made again.
        watched = settled is not None
        if resumed and under.journal.is_done(task.key) and (watched or _is_there(under.journal, task.key, output)):
            under.resumed += 1
            under.files += 1
            under.size += task.size
            continue
        if chunk and (len(chunk) >= CHUNK_FILES or size + task.size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(task)
        size += task.size
    if chunk and not under.stopped:
        yield chunk


def _is_there(journal: Journal, key: bytes, output: Path) -> bool:
    """False if a result of the file was taken away: only then is it worth a second look at what is done."""
    return all(os.path.lexists(output / destination) for destination in journal.destinations(key))


def _task(found: Found) -> Task:
    key = key_of(found.path, found.size, found.changed_ns)
    return Task(key, found.path, found.relative, found.root, found.size, found.alone, found.medium)


def _status_of(passed: Passed) -> str:
    return "failed" if passed.code.startswith(("unreadable", "input", "vanished")) else "skipped"


def _count(under: _Under, lines: Sequence[Line]) -> None:
    under.files += 1
    under.size += lines[0].size
    for line in lines:
        under.counts[line.status] += 1
        if line.status in ("held", "failed"):
            under.codes[line.code] += 1
        if line.code in STOPPING:
            under.stopped = line.code


def _directories(job: Job, journal: Journal, codes: Counter[str]) -> list[Path]:
    """Write the DICOMDIR of each medium; count in `codes` what is on none, which the journal then says of it."""
    written = []
    for medium in journal.media():
        folder = job.output / medium.strip("/") if medium != "/" else job.output
        # The same medium gets the same directory: no time, no random number.
        uid = new_uid(b"deidgate dicomdir", f"{medium} {load_policy(job.policy).digest}")
        target = folder / "DICOMDIR"
        if os.path.lexists(target) and dicomdir.uid_of(target) != uid:
            unlisted, code = list(journal.on_medium(medium)), "dicomdir-of-another"
        else:
            files = (job.output / name for name in journal.on_medium(medium))
            listed, left_out = dicomdir.rebuild(folder, files, uid, replace=True)
            unlisted, code = [path.relative_to(job.output).as_posix() for path in left_out], "not-in-dicomdir"
            if listed:
                written.append(target)
        journal.tell_unlisted(medium, unlisted, code)
        if unlisted:
            codes[code] += len(unlisted)
    return written


def count_files(inputs: Sequence[Path], tell: Callable[[int, int], bool]) -> None:
    """Count files and bytes ahead of a run, for the time that is left; stops when `tell` answers False."""
    files = size = 0
    for found in walk(inputs):
        if isinstance(found, Found):
            files += 1
            size += found.size
            if files % 1000 == 0 and not tell(files, size):
                return
    tell(files, size)


def default_jobs() -> int:
    """As many processes as this process may use processors."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1
