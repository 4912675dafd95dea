# SPDX-License-Identifier: Apache-2.0
"""How far a run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from deidgate.batch.run import Progress as Far
from deidgate.batch.run import count_files
from deidgate.cli.counted import counted

_LINE_EVERY_S = 10.0
_RATE_OVER_S = 5.0
_MARK_EVERY_S = 0.5


class Meter:
    """Shows progress on standard error; use it as a context.

    Parameters
    ----------
    inputs : sequence of Path
        Counted in a second thread, for the time that is left; only on a terminal.
    stream : text stream
    quiet : bool
        Show nothing.
    clock : callable
        Seconds.
    """

    def __init__(
        self,
        inputs: Sequence[Path],
        stream: TextIO = sys.stderr,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inputs = inputs
        self._stream = stream
        self._quiet = quiet
        self._bar: Progress | None = None
        self._clock = clock
        self._said = clock()
        self._marks = deque([(self._said, 0, 0)])
        """Moments of the last seconds, with files and bytes until then."""
        self._over = False

    def __enter__(self) -> Self:
        if not self._quiet and self._stream.isatty():
            self._bar = Progress(
                TextColumn("{task.fields[rate]}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[counts]}"),
                console=Console(file=self._stream),
                transient=False,
            )
            self._task = self._bar.add_task("", total=None, rate="", counts="")
            self._bar.start()
            threading.Thread(target=count_files, args=(self._inputs, self._counted), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        if self._bar is not None:
            self._bar.stop()

    def tell(self, far: Far) -> None:
        """Show how far it is."""
        if self._quiet:
            return
        now = self._clock()
        rate = self._rate(now, far)
        counts = ", ".join(f"{number} {status}" for status, number in sorted(far.counts.items()) if status != "done")
        if self._bar is not None:
            self._bar.update(self._task, completed=far.files, rate=rate, counts=counts)
        elif now - self._said >= _LINE_EVERY_S:
            self._said = now
            self._stream.write(f"{counted(far.files, 'file')}, {rate}{', ' + counts if counts else ''}\n")
            self._stream.flush()

    def _rate(self, now: float, far: Far) -> str:
        """Files and bytes in a second, over the last seconds."""
        while len(self._marks) > 1 and now - self._marks[1][0] >= _RATE_OVER_S:
            self._marks.popleft()
        then, files, size = self._marks[0]
        elapsed = max(now - then, 1e-3)
        if now - self._marks[-1][0] >= _MARK_EVERY_S:
            self._marks.append((now, far.files, far.size))
        rate = (far.files - files) / elapsed
        return f"{rate:,.{0 if rate >= 10 else 1}f} files/s {(far.size - size) / elapsed / 1e6:,.0f} MB/s"

    def _counted(self, files: int, size: int) -> bool:
        if self._bar is not None and not self._over:
            self._bar.update(self._task, total=files)
        return not self._over
