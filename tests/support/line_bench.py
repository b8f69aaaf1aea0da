"""One simulated modem, one line, and what the line posted: the bench of the line's pty tests."""

from __future__ import annotations

import math
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from firmware.clips.clip import Clip
from firmware.clock import SystemClock
from firmware.events import Event, LineReady
from firmware.line.line import Line, LineSettings
from firmware.line_settings import BalanceQuery
from firmware.orders import Dial
from firmware.simulator.host import Simulation
from firmware.simulator.network.scenario import (
    Answer,
    Fault,
    KeyPress,
    NumberRule,
    Scenario,
)

NUMBER = "+33639980001"
SPEED = 8.0
PATIENCE = 10.0
"""Real seconds after which a test gives up; nothing here should need one."""

E = TypeVar("E")


class Power:
    """A switch in the modem's supply, and what was done with it."""

    simulation: Simulation

    def __init__(self) -> None:
        self.log: list[str] = []

    def off(self) -> None:
        self.log.append("off")
        self.simulation.unplug(1, away=8.0)

    def on(self) -> None:
        self.log.append("on")


def tone(seconds: float, name: str = "greeting") -> Clip:
    count = int(8000 * seconds)
    samples = (int(8000 * math.sin(2 * math.pi * 300 * n / 8000)) for n in range(count))
    return Clip(name=name, pcm=struct.pack(f"<{count}h", *samples))


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

    def wait(self, kind: type[E], *, count: int = 1, attempt: str | None = None) -> E:
        """Wait for the *count*-th event of *kind* and return it."""
        until = time.monotonic() + PATIENCE
        with self._new:
            while True:
                found = [
                    event
                    for event in self.events
                    if isinstance(event, kind)
                    and (attempt is None or getattr(event, "attempt", None) == attempt)
                ]
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
    missing: bool = False,
    port: str | None = None,
    audio: str | None = None,
    incoming: str = "reject",
    tests_keys: bool = True,
    power: Power | None = None,
    proven: bool = False,
    clips_stay: bool = True,
    balance: BalanceQuery | None = None,
) -> Iterator[Bench]:
    clock = SystemClock(speed)
    simulation = Simulation(
        [family], scenario or Scenario(), clock, links=tmp_path / "links", log=tmp_path / "log"
    )
    with simulation:
        simulated = simulation.lines[0]
        place: list[Bench] = []
        line = Line(
            LineSettings(
                name="one",
                port=port or (str(tmp_path / "none") if missing else simulated.at_path),
                audio=audio or simulated.audio_path,
                pin=pin,
                bench=True,
                incoming=incoming,
                tests_keys=tests_keys,
                clips_stay=clips_stay,
                balance=balance,
                power_pin=None if power is None else 16,
            ),
            power=power,
            proven=lambda _identity, _audio: proven,
            clips={"greeting": tone(2.0), "message": tone(3.0, "message")},
            post=lambda event: place[0].post(event),
            clock=clock,
            state_dir=tmp_path / "state",
        )
        place.append(Bench(simulation, line))
        if power is not None:
            power.simulation = simulation
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


ANSWERS = Answer(rings_in=1.0, after=1.0, keys=(KeyPress(key="1", heard=1.5),), patience=1e6)
"""Ends no call for want of a sound: on a busy machine that would come before what is tested."""
