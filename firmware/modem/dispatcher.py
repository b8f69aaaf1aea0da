"""Hands notices out in order on one thread, and the loss of the port after the last of them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from firmware.at.outcomes import Urc

MAX_QUEUED = 4096
"""Notices kept while a callback is stuck; beyond it the oldest are dropped and counted."""
JOIN_SECONDS = 1.0

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Dispatcher:
    """One ordered queue with its thread. Callbacks may do anything but block for long.

    An error in a callback is logged and ends nothing. Notices queued before :meth:`stop` are
    still handed out; a loss is reported once, whatever else happens afterwards.
    """

    def __init__(self, notified: Callable[[Urc], None], lost: Callable[[str], None]) -> None:
        self.dropped = 0
        self._told_urc = notified
        self._lost = lost
        self._queue: deque[Urc] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._loss: str | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="at-dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, urc: Urc) -> None:
        """Queue a notice; never blocks."""
        with self._changed:
            if len(self._queue) >= MAX_QUEUED:
                self._queue.popleft()
                self.dropped += 1
            self._queue.append(urc)
            self._changed.notify()

    def lose(self, reason: str) -> None:
        """Report the loss of the port once the queue is empty, then end the thread."""
        with self._changed:
            self._loss = self._loss or reason
            self._changed.notify()

    def stop(self) -> None:
        """End the thread once the queue is empty; from any thread, also from a callback."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(JOIN_SECONDS)

    def _loop(self) -> None:
        while True:
            with self._changed:
                while not self._queue and self._loss is None and not self._stopping:
                    self._changed.wait()
                urc = self._queue.popleft() if self._queue else None
                loss = self._loss
            if urc is not None:
                self._call(self._told_urc, urc)
                continue
            if loss is not None:
                self._call(self._lost, loss)
            return

    @staticmethod
    def _call(callback: Callable[[_T], None], value: _T) -> None:
        try:
            callback(value)
        except Exception:  # noqa: BLE001
            _log.exception("callback of the modem port failed")
