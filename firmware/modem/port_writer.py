"""Bytes to one modem: guarded writes, and the hang-up that overtakes them.

The hang-up must be the last word on the wire. So a stop is counted before anything else, and every
write carries the count that its command began with, its *epoch*: once the count has moved on, no
write begins and one that is under way ends after the present chunk. The *byte lock* is held around
one chunk; the hang-up does not wait for it longer than a few milliseconds.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from firmware.at.resync import ESCAPE
from firmware.errors import CommandAborted, LinkLost
from firmware.modem.port import WRITE_SECONDS
from firmware.wording import worded

WRITE_CHUNK = 256
"""Payload bytes between two looks at the stop; 22 ms at 115200 baud."""
PAUSE_SECONDS = 10.0
"""How long a module may take no byte of a payload: it writes its flash meanwhile."""
_LOOK_SECONDS = 0.01
"""How often a payload that waits for room looks for the stop."""
LOCK_SECONDS = 0.005
"""How long the emergency path waits for a write that is under way."""
HANG_UP = b"ATH\rAT+CHUP\r"
"""V.250 hang-up, and 27.007 hang-up for modems whose ATH does nothing (AT+CVHU=1)."""
HANG_UP_FINALS = 2
"""Results that :data:`HANG_UP` will bring."""

_log = logging.getLogger(__name__)


class PortWriter:
    """What one modem is written to: its port, and a spare one for the hang-up where it has one.

    ``note`` sees the bytes before they go, ``lost`` is told that the port takes none any more.
    ``escape_needed`` says, without waiting, whether the modem may be in text entry.
    """

    def __init__(
        self,
        *,
        note: Callable[[bytes], None],
        lost: Callable[[str], None],
        escape_needed: Callable[[], bool],
    ) -> None:
        self.port: Any = None
        self.emergencies = 0
        """How often :meth:`hang_up` was called, over all ports so far."""
        self._second: Any = None
        self._note = note
        self._lost = lost
        self._escape_needed = escape_needed
        self._byte_lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._on_their_way = 0
        """Hang-ups that were counted and are not with the kernel yet."""
        self._passed = threading.Event()
        self._passed.set()

    @property
    def ports(self) -> tuple[Any, ...]:
        """The port, then the spare one; only those that were opened."""
        return tuple(port for port in (self.port, self._second) if port is not None)

    def attach(self, port: Any, second: Any) -> None:
        """Write to *port* from now on; hang up on *second* as well, unless it is None."""
        self.port, self._second = port, second

    def write(self, data: bytes, epoch: int, label: str) -> None:
        """Write *data* of the command *label* unless an emergency came since *epoch*.

        Raises CommandAborted, or LinkLost after ``lost``.
        """
        # Only a payload is so long. The module may pause while it writes its flash, and an upload
        # that is cut short leaves it waiting for the rest, deaf to commands.
        patience = WRITE_SECONDS if len(data) <= WRITE_CHUNK else PAUSE_SECONDS
        for start in range(0, len(data), WRITE_CHUNK):
            chunk = data[start : start + WRITE_CHUNK]
            with self._turn():
                if self.emergencies != epoch:
                    raise CommandAborted(
                        worded("{label} was thrown out by the hang-up", label=label)
                    )
                self._note(chunk)
                try:
                    self._put(chunk, epoch, patience)
                # SerialTimeoutException, SerialException, OSError; TypeError once closed.
                except Exception as error:
                    self._lost(worded("write failed: {error}", error=error))
                    raise LinkLost(worded("write failed: {error}", error=error)) from error

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the byte lock, behind every hang-up that was counted: whoever wakes because of one
        may be quicker here than its bytes."""
        while True:
            self._passed.wait()
            with self._byte_lock:
                if self._passed.is_set():
                    yield
                    return

    def _put(self, data: bytes, epoch: int, seconds: float) -> None:
        """Write *data*, waiting *seconds* for room, until a stop comes. Byte lock held.

        pyserial's own write also gives up where everything was taken but the process stood still
        for so long, and then a port in good order counts as lost.
        """
        try:
            descriptor = self.port.fileno()
        # No descriptor: loop:// and its like.
        except Exception:  # noqa: BLE001
            self.port.write(data)
            return
        until = time.monotonic() + seconds
        while data and self.emergencies == epoch:
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(descriptor, data) :]
            if data and time.monotonic() >= until:
                raise TimeoutError(
                    worded("the port took no byte for {seconds:g} s", seconds=seconds)
                )
            if data:
                select.select([], [descriptor], [], _LOOK_SECONDS)

    def hang_up(self) -> None:
        """Put :data:`HANG_UP` on both ports now, past a write that is under way.

        Any thread; never raises. Where a port has no room the rest follows from a thread of its
        own.
        """
        with self._count_lock:
            self.emergencies += 1
            self._on_their_way += 1
            self._passed.clear()
        try:
            self._overtake()
        finally:
            with self._count_lock:
                self._on_their_way -= 1
                if not self._on_their_way:
                    self._passed.set()

    def _overtake(self) -> None:
        # Read without its lock: a moment's doubt costs one harmless ESC, waiting might cost more.
        data = (ESCAPE if self._escape_needed() else b"") + HANG_UP
        locked = self._byte_lock.acquire(timeout=LOCK_SECONDS / 5)
        if not locked:
            # A write is stuck in there. Kick it out; its half line is ended by the CR.
            with contextlib.suppress(Exception):
                self.port.cancel_write()
            locked = self._byte_lock.acquire(timeout=LOCK_SECONDS)
            data = b"\r" + data
        full = self._write_now(data)
        if full:
            # The other lines of the box must not wait for this port's room.
            threading.Thread(
                target=self._write_rest, args=(full, locked), name="at-hang-up", daemon=True
            ).start()
        elif locked:
            self._byte_lock.release()

    def _write_now(self, data: bytes) -> list[tuple[Any, bytes]]:
        """Hand *data* to the kernel for both ports; return what found no room. Never raises."""
        full, others = [], []
        for port in self.ports:
            self._note(data)
            try:
                written = os.write(port.fileno(), data)
            except BlockingIOError:
                written = 0
            # No descriptor (loop://, rfc2217://), or closed.
            except Exception:  # noqa: BLE001
                others.append((port, data))
                continue
            if written < len(data):
                full.append((port, data[written:]))
        self._write_rest(others, locked=False)
        return full

    def _write_rest(self, ports: list[tuple[Any, bytes]], locked: bool) -> None:
        """Write what is left, waiting for room; *locked* hands the byte lock over to here."""
        try:
            for port, rest in ports:
                try:
                    port.write(rest)
                except Exception as error:  # noqa: BLE001
                    _log.warning("hang-up on %s failed: %s", getattr(port, "port", "?"), error)
                    if port is self.port:
                        self._lost(worded("write failed: {error}", error=error))
        finally:
            if locked:
                self._byte_lock.release()
