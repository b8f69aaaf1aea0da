"""Voice over a modem's serial PCM port: 8 kHz 16-bit samples both ways, without a header.

One thread per port, from :meth:`SerialPcmPath.open` to :meth:`SerialPcmPath.close`, wakes once
per frame: it writes the frame that is due, then empties the receive side. It never blocks in
the port, so that neither direction can hold up the other, and nothing else writes there.

The port is drained between calls too: bytes left over from one call would be taken for the
voice of the next, and a module whose buffer is full stops sending altogether.
"""

from __future__ import annotations

import errno
import logging
import math
import select
import threading
from collections.abc import Iterable
from typing import Any

import serial

from firmware.clips.clip import Clip
from firmware.clock import Clock
from firmware.errors import PortUnusable
from firmware.terminal import open_without_lines, refuses_lines
from firmware.voice.frames import (
    FRAME_SECONDS,
    Advanced,
    Began,
    EvenBytes,
    Finished,
    Notice,
    Player,
    PlayerState,
    Schedule,
)
from firmware.voice.path import AudioCallbacks, AudioCounters, Orders, Reporter
from firmware.wording import worded

WATCHDOG_SECONDS = 2.0
"""Box seconds without a received byte, or without the port taking one, that mean a dead path."""
WATCHDOG_REAL_SECONDS = 0.5
"""A floor in real seconds: on a fast bench 2 box seconds are shorter than an ordinary stall."""
SHORTEST_SLEEP = 0.01
"""Real seconds. Where two frames last less (a bench at speed 4 or more) several go out at once,
because a thread per line that wakes every millisecond would eat the machine."""
IDLE_POLL = 0.05
"""Real seconds between two drains while no call is up."""
READ_SIZE = 4096
MOST_READ = 16 * READ_SIZE
"""Bytes taken per wake-up at most, so that a flooding port cannot stop the voice."""

_log = logging.getLogger(__name__)


class SerialPcmPath:
    """The voice path of modules with a host PCM port (SIM7600, Quectel, Huawei dongles).

    *port* is a device path or any URL that pyserial takes. A port that dies reports
    ``on_failed`` once; the path is then closed and opened again by its line.
    """

    kind = "pcm-serial"
    hears = True

    def __init__(self, port: str, *, clock: Clock, callbacks: AudioCallbacks) -> None:
        self._name = port
        self._clock = clock
        self._callbacks = callbacks
        self.counters = AudioCounters()
        self._report = Reporter(worded("voice port {port}", port=port), self.counters)
        frame = clock.real(FRAME_SECONDS)
        self._batch = 1 if frame > SHORTEST_SLEEP / 2 else math.ceil(SHORTEST_SLEEP / frame)
        self._watchdog = max(WATCHDOG_SECONDS, WATCHDOG_REAL_SECONDS / clock.real(1.0))
        self._port: serial.Serial | None = None
        self._poll: select.poll | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        # What other threads ask for.
        self._orders = Orders()
        self._lock = self._orders.lock
        self._call = 0
        self._running = False
        self._closing = False
        # What the pacing thread knows.
        self._player = Player()
        self._even = EvenBytes()
        self._unsent = b""
        self._failure: str | None = None

    @property
    def lost(self) -> str | None:
        """Set before ``on_failed`` tells of it; the thread that paces the voice has ended then."""
        return self._failure if self._thread is not None else worded("the voice port is not open")

    # -- orders ------------------------------------------------------------------------------

    def prepare(self, clips: Iterable[Clip]) -> None:
        """Nothing to do: the clips stream from memory."""

    def open(self) -> None:
        """Take the port and begin to drain it. Raises PortUnusable; a second open does nothing."""
        if self._port is not None:
            return
        self._port = _open_port(self._name)
        self._poll = _poller(self._port)
        self._even = EvenBytes()
        self._unsent = b""
        self._failure = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"pcm {self._name}", daemon=True)
        self._thread.start()

    def start(self) -> None:
        """Begin the call's voice; see the protocol. While a call is up this does nothing."""
        lost = self.lost
        if lost is not None:
            self._callbacks.on_failed(lost, self._clock.monotonic())
            return
        with self._lock:
            if self._running:
                return
            self._orders.begin()
            self._call += 1
            self._running = True
        self._wake.set()

    def play(self, clip: Clip) -> None:
        """Play *clip* from the next frame on (asked before ``start``: with the first frame)."""
        self._orders.ask(clip)

    def silence(self) -> None:
        self._orders.ask(None)

    def mute(self) -> None:
        self._orders.mute()
        self._wake.set()

    def pause(self) -> None:
        """Quectel ``+QPCMV: 0``: the module's voice buffer is full."""
        self._orders.held = True

    def resume(self) -> None:
        """Quectel ``+QPCMV: 1``: the module takes voice again."""
        self._orders.held = False

    def played(self, *, failed: bool, at: float) -> None:
        """The module plays nothing by itself on this path."""

    def stop(self) -> None:
        with self._lock:
            self._running = False
            self._orders.forget()
        self._wake.set()

    def close(self) -> None:
        thread, port = self._thread, self._port
        self._closing = True
        self.stop()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2.0)
        self._thread = self._port = self._poll = None
        if port is not None:
            try:
                port.close()
            except (OSError, serial.SerialException):
                pass  # a port that was unplugged cannot be closed properly, nor need it be

    # -- the pacing thread -------------------------------------------------------------------

    def _run(self) -> None:
        port = self._port
        if port is None:
            return
        try:
            while not self._closing:
                if self._running:
                    self._speak(port)
                else:
                    leftover = self._drain(port)
                    if leftover:
                        self._even.feed(leftover)
                    else:
                        # The stream is off: whatever comes next begins with a whole sample.
                        self._even = EvenBytes()
                    self._wake.wait(IDLE_POLL)
                    self._wake.clear()
        except Exception as error:  # noqa: BLE001
            if not self._closing:
                # SerialException is an OSError; pyserial raises the others when a port is closed
                # or vanishes between two of its system calls.
                if not isinstance(error, OSError | TypeError | ValueError):
                    _log.exception("voice port %s: the box failed", self._name)
                self._failure = detail = worded(
                    "voice port {name} lost: {error}", name=self._name, error=error
                )
                self._finish_call()
                self._report(self._callbacks.on_failed, detail, self._clock.monotonic())

    def _speak(self, port: serial.Serial) -> None:
        """Pace one call until it is stopped, replaced by a newer one, or the path is closed."""
        clock, counters = self._clock, self.counters
        call = self._call
        self._player = Player()
        now = clock.monotonic()
        schedule = Schedule(now, FRAME_SECONDS * self._batch)
        heard_at = taken_at = now
        while self._running and self._call == call and not self._closing:
            if self._orders.muted and self._player.state is not PlayerState.MUTED:
                self._hush(port)
            now = clock.monotonic()
            wait = schedule.wait(now)
            if wait > 0:
                self._wake.wait(clock.real(wait))
                self._wake.clear()
                continue
            late = schedule.late
            schedule.advance(now)
            counters.late += schedule.late - late
            if self._send(port):
                taken_at = now
            received = self._drain(port)
            if received:
                heard_at = now
                counters.bytes_received += len(received)
                whole = self._even.feed(received)
                if whole:
                    self._report(self._callbacks.on_downlink, whole, now)
            if now - heard_at > self._watchdog:
                heard_at = now
                self._report(
                    self._callbacks.on_failed,
                    worded("no voice received for {watchdog:g} s", watchdog=self._watchdog),
                    now,
                )
            if now - taken_at > self._watchdog:
                taken_at = now
                self._report(
                    self._callbacks.on_failed,
                    worded("no voice taken for {watchdog:g} s", watchdog=self._watchdog),
                    now,
                )
        self._finish_call()

    def _send(self, port: serial.Serial) -> bool:
        """Write the frames due; return whether the port took any byte."""
        self._obey()
        if self._orders.held:
            return False
        if not self._writable():
            self.counters.blocked += 1
            return False
        notices: list[Notice] = []
        data = self._unsent
        if not data:
            frames = []
            for _ in range(self._batch):
                frame, said = self._player.next_frame()
                frames.append(frame)
                notices += said
            data = frames[0] if self._batch == 1 else b"".join(frames)
            self.counters.frames_sent += self._batch
        try:
            taken = port.write(data) or 0
        except serial.SerialTimeoutException:
            # Only ports without a file descriptor (URLs) still get here.
            self.counters.blocked += 1
            taken = 0
        # The rest of a frame that was cut off goes first next time, or the samples that follow
        # would be split in the middle.
        self._unsent = data[taken:]
        self._tell(notices)
        return taken > 0

    def _obey(self) -> None:
        """Carry out what was asked since the last frame."""
        wanted = self._orders.take()
        if wanted is not None:
            self._player.turn_to(wanted.clip)

    def _hush(self, port: serial.Serial) -> None:
        """Mute now: nothing that waits in the operating system's buffer may still be heard."""
        self._player.mute()
        self._unsent = bytes(len(self._unsent))
        port.reset_output_buffer()

    def _drain(self, port: serial.Serial) -> bytes:
        """Take whatever the far end sent so far."""
        if not self._readable():
            return b""
        data = port.read(READ_SIZE)
        if len(data) < READ_SIZE:
            return data
        parts = [data]
        total = len(data)
        while len(data) == READ_SIZE and total < MOST_READ:
            data = port.read(READ_SIZE)
            parts.append(data)
            total += len(data)
        return b"".join(parts)

    def _readable(self) -> bool:
        return self._ready(select.POLLIN)

    def _writable(self) -> bool:
        # Asked before each write because pyserial spins at full load in a write without
        # time-out to a port whose buffer is full, and with a time-out it does not say how much
        # was written. The kernel calls a serial port writable only while less than a frame waits
        # in its buffer, which also keeps old sound from queueing up there.
        return self._ready(select.POLLOUT)

    def _ready(self, event: int) -> bool:
        if self._poll is None:
            return True
        for _, events in self._poll.poll(0):
            if events & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
                raise OSError(errno.EIO, worded("the device is gone"))
            if events & event:
                return True
        return False

    def _finish_call(self) -> None:
        self._player.mute()
        self._unsent = b""
        self._tell(self._player.drain_notices())

    def _tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            now = self._clock.monotonic()
            match notice:
                case Began():
                    self._report(self._callbacks.on_started, notice.clip, now)
                case Advanced():
                    self._report(self._callbacks.on_advanced, notice.clip, notice.played_ms, now)
                case Finished():
                    self._report(
                        self._callbacks.on_finished,
                        notice.clip,
                        notice.played_ms,
                        notice.complete,
                        now,
                    )


def _open_port(name: str) -> serial.Serial:
    settings: dict[str, Any] = {
        "baudrate": 115200,
        "timeout": 0,
        "write_timeout": 0,
        "rtscts": False,
        "exclusive": True,
    }
    try:
        try:
            return serial.serial_for_url(name, **settings)
        except OSError as error:
            if not refuses_lines(name, error):
                raise
            return open_without_lines(name, **settings)
    except (serial.SerialException, OSError) as error:
        raise PortUnusable(
            worded("voice port {name}: {error}", name=name, error=error), remedy=_remedy(error)
        ) from error
    except ValueError as error:
        raise PortUnusable(
            worded("voice port {name}: {error}", name=name, error=error),
            remedy=worded("give a device path such as /dev/ttyUSB4"),
        ) from error


def _remedy(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return worded("check the cable, and the audio port's name with: autodialer modem list")
        case errno.EACCES | errno.EPERM:
            return worded("add the box's user to the group dialout, then log in again")
        case errno.EAGAIN | errno.EBUSY:
            return worded("another program holds the port (ModemManager?): stop it")
        case _:
            return worded("check the cable, and that no other program uses the port")


def _poller(port: serial.Serial) -> select.poll | None:
    """Return a poll over the port, or None where it has no descriptor (``rfc2217://``)."""
    try:
        descriptor = port.fileno()
    except (OSError, AttributeError):
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLOUT)
    return poll
