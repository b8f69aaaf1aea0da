"""SIGTERM and SIGINT, also where the loop does not come round.

Python runs a signal's handler on the main thread, and only between two steps of the program: a
loop that hangs in a disk, or waits for a lock, hears nothing. So the interpreter's own handler
writes the signal into a socket (:func:`signal.set_wakeup_fd`), and a thread reads it there. It
tells the loop; where the loop has not begun to end in time, it acts beside it.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable
from typing import Self

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
WITHIN = 2.0
"""Real seconds in which the loop begins to end; a step that takes longer is no reason to let a call
go on that nobody watches."""


class EndSignals:
    """Listens while it is entered, on the main thread only.

    *told* is called with each signal, *overdue* once where :meth:`begun` was not called in time;
    both on a thread of their own.
    """

    def __init__(
        self,
        *,
        told: Callable[[int], None],
        overdue: Callable[[], None],
        within: float = WITHIN,
    ) -> None:
        self._told = told
        self._overdue = overdue
        self._within = within
        self._begun = threading.Event()
        self._reader, self._writer = socket.socketpair()
        self._thread = threading.Thread(target=self._watch, name="end signals", daemon=True)

    def __enter__(self) -> Self:
        self._writer.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        # A handler must be there, or the signal's default ends the process at once.
        self._handlers = [signal.signal(signum, lambda *_: None) for signum in SIGNALS]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.begun()
        signal.set_wakeup_fd(self._wakeup)
        for signum, handler in zip(SIGNALS, self._handlers, strict=True):
            signal.signal(signum, handler)
        self._writer.close()
        self._thread.join(timeout=self._within)
        self._reader.close()

    def begun(self) -> None:
        """The loop has heard of it and ends, or is over."""
        self._begun.set()

    def _watch(self) -> None:
        acted = False
        while data := self._reader.recv(64):
            for signum in data:
                if signum not in SIGNALS:
                    continue
                self._told(signum)
                if not self._begun.wait(self._within) and not acted:
                    acted = True
                    log.error("the loop does not come round: ending the calls beside it")
                    self._overdue()
