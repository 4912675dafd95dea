# SPDX-License-Identifier: Apache-2.0
"""Getting processes under way while the first one still reads its own modules."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deidgate.errors import Unavailable

_ALGEBRA_THREADS = "OPENBLAS_NUM_THREADS"

UNGUARDED = (
    "processes begin by importing the script that asks for them: put what it does below"
    ' `if __name__ == "__main__":`, or work in one process with jobs=0'
)
"""What an error says to whoever wrote such a script."""


def no_import_of_the_script() -> None:
    """Refuse to begin processes in one that has not begun itself: it is importing the script that began it.

    Raises
    ------
    Unavailable
        ``worker-cannot-start``.
    """
    # As multiprocessing tells it, which ends in its own words about freeze_support.
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise cannot_start()


def cannot_start() -> Unavailable:
    """``worker-cannot-start``, with a note for a script."""
    error = Unavailable("worker-cannot-start")
    error.add_note(UNGUARDED)
    return error


@contextmanager
def loading() -> Iterator[None]:
    """Import in this block what stays for good.

    The collector would look through all that a module brings again and again, and find nothing: a third of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def warmed_up() -> Any:
    """The context that processes of a run are started with; what all of them need is being loaded.

    Not by forking this process: a child would share its database connections and its threads.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing.forkserver import ensure_running

    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["deidgate.batch.preload"])
    with _one_thread_each():
        ensure_running()
    return context


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that begin in this block do their algebra in one thread: there is one process per processor."""
    before = os.environ.get(_ALGEBRA_THREADS)
    os.environ[_ALGEBRA_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ALGEBRA_THREADS]
        else:
            os.environ[_ALGEBRA_THREADS] = before
