"""A stop in every phase of a call, on every modem family, while a command waits for its result.

The simulated modem swallows the result of the command that is outstanding in that phase, so that
the stop has something to overtake. What counts is when the modem has read the hang-up; its thread
shares the interpreter with the line's, so a figure holds that thread's wake-up too. After each
stop the call must be gone, ended as an emergency and proven silent. When the modem last read
sound is told too, and how often that was later than one frame and one batch of the simulator's
reader, which on a busy machine is the reader's doing (``bench.stop_silence`` measures sound to the
millisecond).
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import TypeVar

from firmware.clock import SystemClock
from firmware.events import (
    Answered,
    Cause,
    ClipStarted,
    Ended,
    Event,
    IncomingRinging,
    LineReady,
    Ringing,
)
from firmware.families import FAMILIES
from firmware.line.line import Line, LineSettings
from firmware.orders import AnswerCall, Dial, HangUp, Play
from firmware.simulator.host import Simulation
from firmware.simulator.network.scenario import (
    Answer,
    Fault,
    FaultKind,
    IncomingCall,
    NumberRule,
    Scenario,
)
from tests.rigs.contract import PLAYED
from tests.rigs.contract_driver import tone

SPEED = 4.0
STOPS = 4
"""For each family and phase."""
NUMBER = "+33639980001"
HANG_UP = b"ATH\rAT+CHUP\r"
SOUND_WITHIN = 45.0
"""Milliseconds after the stop: a frame of 20 ms, and the simulator reads sound every 20 ms."""
_PATIENCE = 30.0

E = TypeVar("E")
Row = dict[str, object]


@unique
class Phase(StrEnum):
    DIALLING = "dialling"
    RINGING = "ringing"
    GREETING = "greeting"
    MESSAGE = "message"
    HANGING_UP = "hanging_up"
    CALLED = "called"
    """Somebody calls the box, and it has not decided yet."""
    RECEIVED = "received"
    """A caller hears the clip."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Milliseconds after a stop."""

    hang_up: float
    """The modem had read it."""
    sound: float
    """The modem last read any; 0 where none came after the stop."""


class _Stage:
    """One simulated modem, its line, and the moments at which things happened."""

    def __init__(self, family: str, place: Path) -> None:
        self._new = threading.Condition()
        self._events: list[Event] = []
        self._wire = b""
        self._sound_at = 0.0
        self._hung_up_at = 0.0
        answers = Answer(rings_in=0.3, after=1.2, patience=120.0)
        rules = NumberRule(number=NUMBER, behaviours=(answers,))
        clock = SystemClock(SPEED)
        self.simulation = Simulation(
            [family],
            Scenario(seed=1, numbers=(rules,)),
            clock,
            links=place / "lines",
            received=self._received,
        )
        self._first_rung = FAMILIES[family].hang_up[0].command
        self.simulation.start()
        port = self.simulation.lines[0]
        self.line = Line(
            LineSettings(
                name="one",
                port=port.at_path,
                emergency_port=port.second_at_path,
                audio=port.audio_path or "module",
                bench=True,
                # What is judged here is calls, not who hears keys: A76xx modules promise none.
                tests_keys=True,
                incoming="answer",
            ),
            clips={"greeting": tone("greeting", 6.0), "message": tone("message", 30.0)},
            post=self._post,
            clock=clock,
            state_dir=place / "state",
        )
        self.line.start()
        self.wait(LineReady)

    def close(self) -> None:
        self.line.close()
        self.simulation.stop()

    def _post(self, event: Event) -> None:
        with self._new:
            self._events.append(event)
            self._new.notify_all()

    def _received(self, _line: str, kind: str, data: bytes) -> None:
        now = time.monotonic()
        with self._new:
            if kind == "audio":
                if any(data):
                    self._sound_at = now
                return
            self._wire += data
            if HANG_UP in self._wire and not self._hung_up_at:
                self._hung_up_at = now
            self._new.notify_all()

    def wait(self, kind: type[E], attempt: str | None = None) -> E:
        return self._until(
            lambda: next(
                (
                    event
                    for event in self._events
                    if isinstance(event, kind)
                    and (attempt is None or getattr(event, "attempt", None) == attempt)
                ),
                None,
            ),
            kind.__name__,
        )

    def _until(self, found: Callable[[], E | None], what: str) -> E:
        deadline = time.monotonic() + _PATIENCE
        with self._new:
            while (value := found()) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise RuntimeError(f"{what} did not come")
                self._new.wait(left)
            return value

    def _swallow(self, command: str | None) -> None:
        """The next result (of a command that begins so) is lost; wait until it was asked for."""
        self._wire = b""
        kind = FaultKind.DROP_REPLIES
        self.simulation.inject(1, Fault(kind=kind, times=1, command=command))

    def _seen(self, command: bytes) -> None:
        self._until(lambda: True if command in self._wire and self._ended_line() else None, "AT")

    def _ended_line(self) -> bool:
        return self._wire.endswith(b"\r")

    def stop_in(self, phase: Phase, attempt: str) -> Stop:
        """Call, stop in *phase*, and tell when the modem had read hang-up and last sound."""
        dial = Dial(line="one", attempt=attempt, number=NUMBER, greeting="greeting")
        if phase in (Phase.CALLED, Phase.RECEIVED):
            attempt = self._be_called(phase)
        elif phase is Phase.DIALLING:
            self._swallow("ATD")
            self.line.order(dial)
            self._seen(b"ATD")
        else:
            self.line.order(dial)
            self._reach(phase, attempt)
        time.sleep(0.005)
        with self._new:
            self._wire, self._hung_up_at = b"", 0.0
        stopped = time.monotonic()
        self.line.emergency_hang_up()
        read = self._until(lambda: self._hung_up_at or None, "the hang-up")
        ended = self.wait(Ended, attempt)
        allowed = {Cause.EMERGENCY}
        if phase is Phase.HANGING_UP:
            # Our own hang-up may have been through already.
            allowed.add(Cause.LOCAL_HANG_UP)
        if ended.cause not in allowed or not ended.confirmed:
            raise RuntimeError(f"{phase}: ended {ended.cause}, confirmed {ended.confirmed}")
        if self.simulation.live_calls():
            raise RuntimeError(f"{phase}: a call is up after the stop")
        with self._new:
            late = self._sound_at - stopped
            self._events.clear()
        return Stop(hang_up=(read - stopped) * 1000, sound=max(late, 0.0) * 1000)

    def _be_called(self, phase: Phase) -> str:
        caller = IncomingCall(at=0.0, number=NUMBER, rings_for=60.0, caller=Answer(patience=120.0))
        self.simulation.call_line(1, caller)
        ringing = self.wait(IncomingRinging)
        if phase is Phase.RECEIVED:
            order = AnswerCall(line="one", attempt=ringing.attempt, greeting="greeting")
            self.line.order(order)
            self.wait(ClipStarted, ringing.attempt)
        self._swallow("AT+CLCC")
        self._seen(b"AT+CLCC")
        return ringing.attempt

    def _reach(self, phase: Phase, attempt: str) -> None:
        if phase is Phase.RINGING:
            self.wait(Ringing, attempt)
            self._swallow("AT+CLCC")
            self._seen(b"AT+CLCC")
            return
        self.wait(Answered, attempt)
        self.wait(ClipStarted, attempt)
        match phase:
            case Phase.MESSAGE:
                self.line.order(Play(line="one", attempt=attempt, clip="message"))
                time.sleep(0.1)
                self._swallow("AT+CLCC")
                self._seen(b"AT+CLCC")
            case Phase.HANGING_UP:
                self._swallow(self._first_rung)
                self.line.order(HangUp(line="one", attempt=attempt))
                self._seen(self._first_rung.encode())
            case _:
                self._swallow("AT+CLCC")
                self._seen(b"AT+CLCC")


def run() -> list[Row]:
    taken: dict[Phase, list[Stop]] = {phase: [] for phase in Phase}
    for family in PLAYED:
        with tempfile.TemporaryDirectory() as directory:
            stage = _Stage(family, Path(directory))
            try:
                for phase in Phase:
                    for count in range(STOPS):
                        taken[phase].append(stage.stop_in(phase, f"{phase}-{count}"))
            finally:
                stage.close()
    rows: list[Row] = []
    everything = [stop for stops in taken.values() for stop in stops]
    for name, stops in (*taken.items(), ("any_phase", everything)):
        cuts = statistics.quantiles((stop.hang_up for stop in stops), n=100, method="inclusive")
        for label, value in (("p50", cuts[49]), ("p99", cuts[98])):
            rows.append(_row(f"stop.{name}_{label}", value, "ms", len(stops)))
    sounds = [stop.sound for stop in everything]
    late = sum(sound > SOUND_WITHIN for sound in sounds)
    rows.append(_row("stop.any_phase_last_sound_max", max(sounds), "ms", len(sounds)))
    rows.append(_row("stop.any_phase_sound_late", late, "stops", len(sounds)))
    return rows


def _row(name: str, value: float, unit: str, count: int) -> Row:
    return {"name": name, "value": round(value, 3), "unit": unit, "n": count}


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
