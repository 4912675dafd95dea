# SPDX-License-Identifier: Apache-2.0
"""C-STORE of many files over several associations, with another try for what was lost on the way.

A presentation context is asked for each pair of SOP Class and Transfer Syntax that the files have, also for SOP Classes
that nobody knows: whether they are taken is the receiver's matter. Files go out as they are on the disk: no dataset is
decoded, converted or decompressed, and none is in memory as a whole while it is sent.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from queue import Empty, Queue

from pydicom.uid import UID
from pynetdicom import build_context
from pynetdicom.association import Association

from deidgate.dicom.status import may_pass
from deidgate.dimse.link import MAX_CONTEXTS, Peer, associated
from deidgate.dimse.send import Letter, Sent, accepted, leave_answers, read_letter, store
from deidgate.errors import Unavailable

_GROUP = 200
"""Files of one association: what is lost with it is tried again on the next."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try.

    Attributes
    ----------
    associations : int
        At a time.
    tries : int
        For each file; refusals that say that they are final are not tried again.
    wait_s : float
        Before the second try; doubled before each further one.
    """

    associations: int = 1
    tries: int = 3
    wait_s: float = 2.0


@dataclass(frozen=True, slots=True)
class _Open:
    """A file that has to be sent (again)."""

    letter: Letter
    status: int | None = None
    """What the last try was answered."""


@dataclass(slots=True)
class _Progress:
    """What the threads of one dispatch know together."""

    over: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)
    unsent: list[Letter] = field(default_factory=list)
    """Of batches that were given up, because nobody had reached the peer until then."""
    unreached: list[Unavailable] = field(default_factory=list)
    """Why, for each of these batches."""
    broken: list[Exception] = field(default_factory=list)
    """What nobody foresaw."""

    @property
    def hopeless(self) -> bool:
        """Whether there is no use in going on."""
        return bool(self.broken) or bool(self.unreached and not self.reached.is_set())


def dispatch(
    peer: Peer, paths: Iterable[Path], effort: Effort, tell: Callable[[Sent], None], tls: ssl.SSLContext | None = None
) -> None:
    """Send every file that `paths` name; `tell` hears once of each, from any thread, one at a time.

    Raises
    ------
    Unavailable
        The peer could not be reached at all, by any try; `tell` has heard of no DICOM file then.
    """
    work: Queue[list[Letter]] = Queue(maxsize=2 * effort.associations)
    lock = threading.Lock()
    progress = _Progress()

    def told(sent: Sent) -> None:
        with lock:
            tell(sent)

    def carry() -> None:
        while not progress.over.is_set() or not work.empty():
            try:
                batch = work.get(timeout=0.2)
            except Empty:
                continue
            try:
                _deliver(peer, batch, effort, told, tls, progress)
            except Exception as error:  # noqa: BLE001 -- raised again in the thread that waits for all
                progress.broken.append(error)

    threads = [threading.Thread(target=carry, daemon=True) for _ in range(effort.associations)]
    for thread in threads:
        thread.start()
    batches = iter(_batches(paths, told))
    try:
        for batch in batches:
            if progress.hopeless:
                progress.unsent += batch
                break
            work.put(batch)
    finally:
        progress.over.set()
        for thread in threads:
            thread.join()
    if progress.broken:
        raise progress.broken[0]
    if progress.hopeless:
        raise progress.unreached[0]
    for letter in chain(progress.unsent, chain.from_iterable(batches)):
        told(Sent(letter.path, None, "no-answer"))


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """All files that `paths` name, those in folders in order of their names."""
    for path in paths:
        if path.is_dir():
            yield from (child for child in sorted(path.rglob("*")) if child.is_file())
        else:
            yield path


def _batches(paths: Iterable[Path], tell: Callable[[Sent], None]) -> Iterable[list[Letter]]:
    """Files in their order, as many as fit into one association."""
    batch: list[Letter] = []
    kinds: set[tuple[str, str]] = set()
    for path in files_in(paths):
        letter = read_letter(path)
        if letter is None:
            tell(Sent(path, None, "not-dicom"))
            continue
        if len(batch) == _GROUP or (letter.kind not in kinds and len(kinds) == MAX_CONTEXTS):
            yield batch
            batch, kinds = [], set()
        kinds.add(letter.kind)
        batch.append(letter)
    if batch:
        yield batch


def _deliver(
    peer: Peer,
    batch: list[Letter],
    effort: Effort,
    tell: Callable[[Sent], None],
    tls: ssl.SSLContext | None,
    progress: _Progress,
) -> None:
    """Send a batch, again and again with growing pauses, until all is told of, or nobody has ever reached the peer."""
    left = [_Open(letter) for letter in batch]
    wait = effort.wait_s
    last: Unavailable | None = None
    for number in range(effort.tries):
        if progress.hopeless:
            break
        if number:
            time.sleep(wait)
            wait *= 2
        try:
            left = _try(peer, left, tell, tls, progress.reached)
        except Unavailable as error:
            last = error
        if not left:
            return
    if not progress.reached.is_set():
        progress.unsent += [one.letter for one in left]
        if last is not None:
            progress.unreached.append(last)
        return
    for one in left:
        tell(Sent(one.letter.path, one.status, "no-answer"))


def _try(
    peer: Peer,
    letters: list[_Open],
    tell: Callable[[Sent], None],
    tls: ssl.SSLContext | None,
    reached: threading.Event,
) -> list[_Open]:
    """Send over one association; those that have to be tried again."""
    kinds = dict.fromkeys(one.letter.kind for one in letters)
    again: list[_Open] = []
    with associated(peer, [build_context(sop, UID(syntax)) for sop, syntax in kinds], tls) as association:
        leave_answers(association)
        reached.set()
        contexts = accepted(association)
        for one in letters:
            if one.letter.kind not in contexts:
                tell(Sent(one.letter.path, None, "context-refused"))
            elif not association.is_established:
                again.append(one)
            else:
                sent = _one(association, one.letter, contexts[one.letter.kind])
                if isinstance(sent, _Open):
                    again.append(sent)
                else:
                    tell(sent)
    return again


def _one(association: Association, letter: Letter, context: int) -> Sent | _Open:
    """What became of one file, if it is not worth another try."""
    try:
        status = store(association, letter, context)
    except (ValueError, OSError):
        return Sent(letter.path, None, "not-dicom")
    except RuntimeError:
        # The association went away under the call.
        return _Open(letter)
    if status is None or may_pass(status):
        return _Open(letter, status)
    sent = Sent(letter.path, status, "sent")
    return sent if sent.ok else Sent(letter.path, status, "refused")
