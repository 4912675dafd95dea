# SPDX-License-Identifier: Apache-2.0
"""When a process of the worker has to end: its parent tells it to, or is gone."""

from __future__ import annotations

import os
import signal
import threading


class Orders:
    """What the parent wants. Made in the process's main thread, before anything else.

    Attributes
    ----------
    stop : threading.Event
        Set when it is time to end; threads may wait for it.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._parent = os.getppid()
        signal.signal(signal.SIGTERM, lambda *_: self.stop.set())
        # Control-C reaches every process of the terminal; the parent tells us in its own time.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def go_on(self) -> bool:
        """Whether to go on: nobody told us to end, and the parent lives."""
        if os.getppid() != self._parent:
            self.stop.set()
        return not self.stop.is_set()
