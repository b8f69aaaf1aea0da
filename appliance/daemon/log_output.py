"""The log on standard error, which never holds up what it tells of.

Whoever reads it may stop reading: a journal that hangs, a terminal that was paused, a pipe that
nobody empties. A write would then wait for ever, in the loop, or on the way of a SIGTERM. So
lines are put into a queue, a thread writes them, and what finds the queue full is counted and
told of once there is room again.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from typing import Any

from appliance.numbers import said_by_a_person, without_numbers

FORMAT = "%(levelname)s %(name)s: %(message)s"
MOST = 2000
"""Lines that wait; a burst of a start with eight lines is some hundred."""
LEAVE_WITHIN = 1.0
"""Real seconds that the end of the program waits for what is still in the queue."""


class MaskingFormatter(logging.Formatter):
    """Writes no telephone number, and one line for one message.

    Whoever logs masks what it knows to be a number. This is for what nobody knew: the text of an
    error names the value that was wrong, and a modem's reply may hold line ends of its own.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        text = str(without_numbers(super().formatMessage(record)))
        return text.replace("\r", "\\r").replace("\n", "\\n")

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return said_by_a_person(super().formatException(ei))


class PatientHandler(logging.Handler):
    """Writes to the descriptor *fd* from a thread of its own. Never blocks, never raises.

    Straight to the descriptor: a thread that is stuck in a stream's own lock would keep the
    interpreter from ending.
    """

    def __init__(self, fd: int, *, most: int = MOST) -> None:
        super().__init__()
        self._fd = fd
        self._lines: queue.Queue[str] = queue.Queue(most)
        self._lost = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def createLock(self) -> None:  # noqa: N802
        """None is needed: the queue has its own, and a signal's handler may log as well."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Filter and emit, without the lock that the library's own takes.

        CPython 3.13 takes it whether there is one or not, and logged nothing but a TypeError.
        """
        kept = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._lost += 1
        except Exception:  # noqa: BLE001
            self.handleError(record)

    def flush(self) -> None:
        """Wait for what was logged so far, and no longer than :data:`LEAVE_WITHIN`."""
        until = time.monotonic() + LEAVE_WITHIN
        while self._lines.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.005)

    def _run(self) -> None:
        while True:
            line = self._lines.get()
            lost, self._lost = self._lost, 0
            if lost:
                line = f"WARNING {__name__}: {lost} lines of the log were lost here\n{line}"
            try:
                _write(self._fd, f"{line}\n".encode(errors="backslashreplace"))
            except OSError:
                pass  # nobody reads any more: there is nobody to tell
            finally:
                self._lines.task_done()


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def log_to_stderr(level: str) -> None:
    """Log from *level* on, unless somebody has set the log up already."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler: logging.Handler
    try:
        handler = PatientHandler(sys.stderr.fileno())
    except (OSError, AttributeError, ValueError):
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(MaskingFormatter(FORMAT))
    root.addHandler(handler)
    root.setLevel(level.upper())
