# SPDX-License-Identifier: Apache-2.0
"""Getting processes under way while the first one still reads its own modules."""

from __future__ import annotations

import multiprocessing
from typing import Any


def warmed_up() -> Any:
    """The context that processes of a run are started with; what all of them need is being loaded.

    Not by forking this process: a child would share its database connections and its threads.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing.forkserver import ensure_running

    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["deidgate.batch.worker"])
    ensure_running()
    return context
