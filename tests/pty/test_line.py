"""Whole calls on pseudo-terminals: the line against simulated modems, clock ten times life."""

from __future__ import annotations

import math
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from firmware.audio.clip import Clip
from firmware.clock import SystemClock
from firmware.events import (
    Answered,
    Cause,
    ClipStarted,
    Dialled,
    Ended,
    Event,
    IncomingRejected,
    KeyHeard,
    LineFault,
    LineReady,
    Ringing,
    SmsReceived,
)
from firmware.line import Line, LineSettings
from firmware.orders import Dial, HangUp, Play
from firmware.simulator.host import Simulation
from firmware.simulator.scenario import (
    Answer,
    Busy,
    Fault,
    FaultKind,
    IncomingCall,
    IncomingSms,
    KeyPress,
    LineScenario,
    NoAnswer,
    NumberRule,
    Reject,
    Scenario,
    SimSettings,
    Unreachable,
)

pytestmark = pytest.mark.pty

NUMBER = "+33639980001"
SPEED = 10.0
PATIENCE = 10.0
"""Real seconds after which a test gives up; nothing here should need one."""

E = TypeVar("E")


def tone(seconds: float) -> Clip:
    count = int(8000 * seconds)
    samples = (int(8000 * math.sin(2 * math.pi * 300 * n / 8000)) for n in range(count))
    return Clip(name="greeting", pcm=struct.pack(f"<{count}h", *samples))


class Bench:
    """One simulated modem and one line, and what the line posted."""

    def __init__(self, simulation: Simulation, line: Line) -> None:
        self.simulation = simulation
        self.line = line
        self.events: list[Event] = []
        self._new = threading.Condition()

    def post(self, event: Event) -> None:
        with self._new:
            self.events.append(event)
            self._new.notify_all()

    def wait(self, kind: type[E], *, count: int = 1, since: int = 0) -> E:
        """Wait for the *count*-th event of *kind* and return it."""
        until = time.monotonic() + PATIENCE
        with self._new:
            while True:
                found = [event for event in self.events[since:] if isinstance(event, kind)]
                if len(found) >= count:
                    return found[count - 1]
                left = until - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {kind.__name__} in {self.events}")
                self._new.wait(left)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def dial(self, attempt: str = "a1", number: str = NUMBER) -> None:
        self.line.order(Dial(line="one", attempt=attempt, number=number, greeting="greeting"))


@contextmanager
def bench(
    tmp_path: Path,
    *,
    family: str = "sim7600",
    scenario: Scenario | None = None,
    pin: str | None = None,
    speed: float = SPEED,
    ready: bool = True,
) -> Iterator[Bench]:
    clock = SystemClock(speed)
    simulation = Simulation(
        [family], scenario or Scenario(), clock, links=tmp_path / "links", log=tmp_path / "log"
    )
    with simulation:
        port = simulation.lines[0]
        place: list[Bench] = []
        line = Line(
            LineSettings(name="one", port=port.at_path, audio=port.audio_path, pin=pin, bench=True),
            clips={"greeting": tone(2.0), "message": tone(3.0)},
            post=lambda event: place[0].post(event),
            clock=clock,
            state_dir=tmp_path / "state",
        )
        place.append(Bench(simulation, line))
        line.start()
        try:
            if ready:
                place[0].wait(LineReady)
            yield place[0]
        finally:
            line.close()
        assert simulation.live_calls() == []


def rule(*behaviours: object, faults: tuple[Fault, ...] = ()) -> Scenario:
    return Scenario(
        numbers=(NumberRule(number=NUMBER, behaviours=behaviours, faults=faults),)  # type: ignore[arg-type]
    )


ANSWERS = Answer(rings_in=1.0, after=1.0, keys=(KeyPress(key="1", heard=1.5),))


@pytest.mark.parametrize("family", ["sim7600", "generic"])
def test_bring_up(tmp_path: Path, family: str) -> None:
    """The family is recognised and the line reports what it has."""
    with bench(tmp_path, family=family) as b:
        ready = b.wait(LineReady)
        assert ready.family == family
        assert b.line.describe()["ready"] is True


def test_a_call_that_is_answered_keyed_and_hung_up(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=rule(ANSWERS)) as b:
        b.dial()
        b.wait(Answered)
        started = b.wait(ClipStarted)
        assert started.clip == "greeting"
        key = b.wait(KeyHeard)
        assert key.key == "1"
        b.line.order(Play(line="one", attempt="a1", clip="message"))
        b.wait(ClipStarted, count=2)
        b.line.order(HangUp(line="one", attempt="a1"))
        ended = b.wait(Ended)
        assert ended.cause is Cause.LOCAL_HANG_UP
        assert ended.confirmed
        kinds = [type(event) for event in b.events if getattr(event, "attempt", None)]
        assert kinds.index(Dialled) < kinds.index(Ringing) < kinds.index(Answered)
        assert kinds.index(Answered) < kinds.index(ClipStarted)
        assert len(b.of(KeyHeard)) == 1


@pytest.mark.parametrize("family", ["sim7600", "generic"])
@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (Busy(after=1.0), Cause.BUSY),
        (NoAnswer(rings_in=1.0, gives_up_after=4.0), Cause.NO_ANSWER),
        (Reject(rings_in=1.0, after=1.0), Cause.REJECTED),
        (Unreachable(after=1.0), Cause.UNREACHABLE),
        (Answer(rings_in=1.0, after=1.0, hangs_up_after=2.0), Cause.REMOTE_HANG_UP),
    ],
)
def test_how_calls_end(tmp_path: Path, family: str, behaviour: object, cause: Cause) -> None:
    with bench(tmp_path, family=family, scenario=rule(behaviour)) as b:
        b.dial()
        ended = b.wait(Ended)
        assert (ended.cause, ended.confirmed) == (cause, True)
        assert len(b.of(Ended)) == 1
