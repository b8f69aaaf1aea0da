"""Simulated modems on pseudo-terminals, for any program that speaks to a serial port.

One thread serves every modem. AT bytes are answered as they come; samples move in batches paced
by the clock, so that a bench that runs twenty times faster than life still plays every frame.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from firmware.clock import Clock, SystemClock
from firmware.simulator.families.table import PERSONALITIES
from firmware.simulator.modem.modem import (
    Action,
    Logged,
    PluggedIn,
    Send,
    SendAudio,
    SimulatedModem,
    Unplugged,
)
from firmware.simulator.modem.personality import VoicePath
from firmware.simulator.network.clip_recognition import Recordings
from firmware.simulator.network.log import NetworkLog
from firmware.simulator.network.scenario import (
    DEFAULT_SCENARIO,
    Fault,
    IncomingCall,
    KeyPress,
    Scenario,
    Subscribers,
)
from firmware.simulator.ports import Pty, SimulatedLine

_MOST_BATCH = 0.1
"""Box seconds of samples times speed that one batch may hold: a pty buffers 4095 bytes."""


def _system_time() -> datetime:
    return datetime.now(UTC)


class Simulation:
    """Virtual modems, served by one thread between :meth:`start` and :meth:`stop`.

    *families* names one personality per line. *links* is a directory for stable symbolic links
    ``line-N.at``, ``line-N.at2`` and ``line-N.audio``. *wall* dates the network log and is the
    network's own time. *received* is told, on the serving thread, what a host wrote: the line's
    name, ``at``, ``at2`` or ``audio``, and the bytes. *recordings* are those that the callees
    recognise. Also a context manager.
    """

    def __init__(
        self,
        families: Sequence[str],
        scenario: Scenario = DEFAULT_SCENARIO,
        clock: Clock | None = None,
        *,
        log: Path | None = None,
        links: Path | None = None,
        wall: Callable[[], datetime] = _system_time,
        received: Callable[[str, str, bytes], None] | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        self._received = received
        self._clock: Clock = SystemClock() if clock is None else clock
        self._speed = 1.0 / self._clock.real(1.0)
        self._log = NetworkLog(log, wall)
        self._links = links
        self._lock = threading.RLock()
        self._poll = select.poll()
        self._by_descriptor: dict[int, tuple[SimulatedLine, Pty, int]] = {}
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._stopping = False
        self._thread: threading.Thread | None = None
        subscribers = Subscribers(scenario, recordings)
        now = self._clock.monotonic()
        self.lines: list[SimulatedLine] = []
        for index, family in enumerate(families, start=1):
            personality = PERSONALITIES[family]
            modem = SimulatedModem(
                personality=personality,
                subscribers=subscribers,
                now=now,
                index=index,
                speed=self._speed,
                calendar=wall,
            )
            self.lines.append(
                SimulatedLine(
                    name=f"line-{index}",
                    family=family,
                    modem=modem,
                    links=links,
                    has_audio=personality.voice_path is not VoicePath.NONE,
                )
            )

    def start(self) -> None:
        """Make the ports and serve them."""
        if self._links is not None:
            self._links.mkdir(parents=True, exist_ok=True)
        self._poll.register(self._wake_read, select.POLLIN)
        for line in self.lines:
            self._plug_in(line)
            line.port_name = line.at_path
        self._thread = threading.Thread(target=self._serve, name="simulator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close every port; calls in progress end in the log."""
        if self._thread is not None:
            self._stopping = True
            self._wake()
            self._thread.join()
            self._thread = None
        for line in self.lines:
            if line.modem.plugged_in:
                line.modem.calls.power_lost()
                self._carry_out(line, line.modem.advance(self._clock.monotonic()))
            self._unplug(line)
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._log.close()

    def __enter__(self) -> Simulation:
        self.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self.stop()

    def call_line(self, index: int, incoming: IncomingCall) -> None:
        """Let somebody call line *index* (from 1) now; from any thread."""
        line = self.lines[index - 1]
        with self._lock:
            self._carry_out(line, line.modem.advance(self._clock.monotonic()))
            line.modem.calls.ring(incoming)
        self._wake()

    def press(self, index: int, key: str) -> None:
        """Let the far end of the call on line *index* (from 1) press *key* now; from any thread.

        Without an answered call nothing happens.
        """
        line = self.lines[index - 1]
        with self._lock:
            self._carry_out(line, line.modem.advance(self._clock.monotonic()))
            line.modem.calls.press(KeyPress(key=key))
            self._carry_out(line, line.modem.advance(self._clock.monotonic()))
        self._wake()

    def unplug(self, index: int, *, away: float = 5.0) -> None:
        """Pull the modem of line *index* out for *away* box seconds; from any thread.

        One that is out already comes back after *away*, if not sooner.
        """
        line = self.lines[index - 1]
        with self._lock:
            self._carry_out(line, line.modem.advance(self._clock.monotonic()))
            line.modem.restart(away=away)
        self._wake()

    def inject(self, index: int, fault: Fault) -> None:
        """Let *fault* begin on line *index* (from 1) now, whatever goes on; from any thread."""
        line = self.lines[index - 1]
        with self._lock:
            self._carry_out(line, line.modem.advance(self._clock.monotonic()))
            line.modem.begin_fault(fault)
            self._carry_out(line, line.modem.advance(self._clock.monotonic()))
        self._wake()

    def dialled_calls(self, index: int) -> bool:
        """Whether the modem of line *index* (from 1) holds a call that its host placed."""
        with self._lock:
            call = self.lines[index - 1].modem.calls.call
            return call is not None and call.outgoing

    def live_calls(self) -> list[str]:
        """Names of the lines whose modem holds a call at this moment."""
        with self._lock:
            return [line.name for line in self.lines if line.modem.calls.call is not None]

    # -- the serving thread -----------------------------------------------------------------

    def _serve(self) -> None:
        while not self._stopping:
            events = self._poll.poll(self._timeout_ms())
            with self._lock:
                for descriptor, event in events:
                    self._serve_port(descriptor, event)
                now = self._clock.monotonic()
                for line in self.lines:
                    self._advance(line, now)

    def _serve_port(self, descriptor: int, event: int) -> None:
        if descriptor == self._wake_read:
            os.read(self._wake_read, 4096)
            return
        if descriptor not in self._by_descriptor:
            return
        line, pty, number = self._by_descriptor[descriptor]
        if event & select.POLLOUT:
            pty.flush()
            if not pty.pending:
                self._poll.modify(descriptor, select.POLLIN)
        if event & select.POLLIN and pty is not line.audio:
            data = pty.read()
            self._tell(line, "at" if number == 0 else "at2", data)
            self._carry_out(line, line.modem.receive(data, self._clock.monotonic(), number))
        elif event & select.POLLIN:
            self._take_audio(line)

    def _advance(self, line: SimulatedLine, now: float) -> None:
        if line.modem.streaming:
            self._take_audio(line)
        wake_at = line.modem.wake_at()
        if wake_at is not None and wake_at <= now:
            was_streaming = line.modem.streaming
            self._carry_out(line, line.modem.advance(now))
            if line.modem.streaming != was_streaming:
                self._watch_audio(line)

    def _take_audio(self, line: SimulatedLine) -> None:
        if line.audio is not None:
            data = line.audio.read()
            if data:
                self._tell(line, "audio", data)
                now = self._clock.monotonic()
                self._carry_out(line, line.modem.receive_audio(data, now))

    def _tell(self, line: SimulatedLine, kind: str, data: bytes) -> None:
        if self._received is not None and data:
            self._received(line.name, kind, data)

    def _watch_audio(self, line: SimulatedLine) -> None:
        # While samples flow they are collected at each batch: a wake-up per frame is wasted.
        if line.audio is not None:
            mask = 0 if line.modem.streaming else select.POLLIN
            self._poll.modify(line.audio.master, mask)

    def _timeout_ms(self) -> float | None:
        with self._lock:
            times = [line.modem.wake_at() for line in self.lines]
            soonest = min((time for time in times if time is not None), default=None)
            streaming = any(line.modem.streaming for line in self.lines)
        if soonest is None:
            return None
        wait = self._clock.real(max(0.0, soonest - self._clock.monotonic()))
        if streaming:
            batch = min(0.02, _MOST_BATCH / self._speed)
            wait = min(max(wait, batch), 0.02)
        return max(1.0, wait * 1000)

    def _carry_out(self, line: SimulatedLine, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Send(port=number, data=data):
                    if number < len(line.at):
                        self._write(line.at[number], data)
                case SendAudio(data=data):
                    if line.audio is not None:
                        line.audio.write_or_lose(data)
                case Unplugged():
                    self._unplug(line)
                case PluggedIn():
                    self._plug_in(line)
                case Logged(event=event, at=at, facts=facts):
                    self._log.write(port=line.port_name, event=event, monotonic=at, facts=facts)
        if line.audio is not None:
            self._watch_audio(line)

    def _write(self, pty: Pty, data: bytes) -> None:
        pty.write(data)
        if pty.pending:
            self._poll.modify(pty.master, select.POLLIN | select.POLLOUT)

    def _plug_in(self, line: SimulatedLine) -> None:
        if line.at:
            return
        line.at = [Pty(), Pty()]
        line.audio = Pty() if line.has_audio else None
        for number, pty in enumerate(line.at):
            self._by_descriptor[pty.master] = (line, pty, number)
            self._poll.register(pty.master, select.POLLIN)
        if line.audio is not None:
            self._by_descriptor[line.audio.master] = (line, line.audio, 0)
            self._poll.register(line.audio.master, select.POLLIN)
        for kind, pty in line.ports():
            self._link(line, kind, pty.path)

    def _unplug(self, line: SimulatedLine) -> None:
        for kind, pty in line.ports():
            self._link(line, kind, None)
            with contextlib.suppress(KeyError):
                self._poll.unregister(pty.master)
            self._by_descriptor.pop(pty.master, None)
            pty.close()
        line.at = []
        line.audio = None

    def _link(self, line: SimulatedLine, kind: str, target: str | None) -> None:
        if self._links is None:
            return
        link = self._links / f"{line.name}.{kind}"
        if target is None:
            link.unlink(missing_ok=True)
            return
        # Renamed into place, so that nobody ever finds half a link.
        fresh = self._links / f".{line.name}.{kind}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b".")


@contextlib.contextmanager
def simulated_lines(
    families: Sequence[str],
    scenario: Scenario = DEFAULT_SCENARIO,
    clock: Clock | None = None,
    *,
    log: Path | None = None,
    links: Path | None = None,
    wall: Callable[[], datetime] = _system_time,
) -> Iterator[list[SimulatedLine]]:
    """Serve virtual modems for the length of a ``with`` block; yields the lines."""
    with Simulation(families, scenario, clock, log=log, links=links, wall=wall) as simulation:
        yield simulation.lines
