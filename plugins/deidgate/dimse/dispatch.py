# SPDX-License-Identifier: Apache-2.0
"""C-STORE of many files over several associations, with another try for what was lost on the way.

Files go out as they are on the disk: nothing is decoded, converted or decompressed.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from queue import Empty, Queue

from pydicom.errors import InvalidDicomError
from pydicom.uid import UID
from pynetdicom import build_context

from deidgate.dimse.link import associated
from deidgate.dimse.send import MAX_CONTEXTS, Letter, Peer, Sent, files_in, leave_answers, read_letter
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


def _batches(paths: Iterable[Path], tell: Callable[[Sent], None]) -> Iterable[list[Letter]]:
    """Files in their order, as many as fit into one association."""
    batch: list[Letter] = []
    kinds: set[tuple[str, str]] = set()
    for path in files_in(paths):
        letter = read_letter(path)
        if letter is None:
            tell(Sent(path, None, "not-dicom"))
            continue
        kind = (letter.sop_class_uid, letter.transfer_syntax_uid)
        if len(batch) == _GROUP or (kind not in kinds and len(kinds) == MAX_CONTEXTS):
            yield batch
            batch, kinds = [], set()
        kinds.add(kind)
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
    left = batch
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
        progress.unsent += left
        if last is not None:
            progress.unreached.append(last)
        return
    for letter in left:
        tell(Sent(letter.path, None, "no-answer"))


def _try(
    peer: Peer,
    letters: list[Letter],
    tell: Callable[[Sent], None],
    tls: ssl.SSLContext | None,
    reached: threading.Event,
) -> list[Letter]:
    """Send over one association; those that have to be tried again."""
    kinds = dict.fromkeys((letter.sop_class_uid, letter.transfer_syntax_uid) for letter in letters)
    again: list[Letter] = []
    with associated(peer, [build_context(sop, UID(syntax)) for sop, syntax in kinds], tls) as association:
        leave_answers(association)
        reached.set()
        accepted = {(str(c.abstract_syntax), str(c.transfer_syntax[0])) for c in association.accepted_contexts}
        for letter in letters:
            if (letter.sop_class_uid, letter.transfer_syntax_uid) not in accepted:
                tell(Sent(letter.path, None, "context-refused"))
            elif not association.is_established:
                again.append(letter)
            else:
                sent = _one(association, letter)
                if sent is None:
                    again.append(letter)
                else:
                    tell(sent)
    return again


def _one(association: object, letter: Letter) -> Sent | None:
    """What became of one file; None if it is worth another try."""
    try:
        answer = association.send_c_store(letter.path)  # type: ignore[attr-defined]
    except (ValueError, AttributeError, InvalidDicomError, OSError):
        return Sent(letter.path, None, "not-dicom")
    except RuntimeError:
        # The association went away under the call.
        return None
    status = answer.get("Status")
    if status is None:
        return None
    sent = Sent(letter.path, int(status), "sent")
    if sent.ok:
        return sent
    # Out of resources may pass. Source: PS3.4 Table B.2-1.
    return None if int(status) >> 8 == 0xA7 else Sent(letter.path, int(status), "refused")
