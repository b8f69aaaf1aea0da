"""One line driven through one scene of the contract suite, and judged.

The driver orders two calls, gives the fault its moment, hangs up, and notes what the line tells;
:mod:`tests.rigs.contract` names what must hold.
"""

from __future__ import annotations

import logging
import math
import queue
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.call.outcome import End, Facts, outcome
from appliance.model import Outcome
from firmware.clips.clip import Clip
from firmware.clock import Clock
from firmware.events import (
    Answered,
    Cause,
    ClipFinished,
    ClipStarted,
    Dialled,
    Ended,
    Event,
    LineFault,
    LineReady,
    Ringing,
)
from firmware.line.line import Line, LineSettings
from firmware.orders import Dial, HangUp
from firmware.simulator.host import Simulation
from tests.rigs.contract_scenes import Begins, Comes, Scene

GREETING_SECONDS = 2.0
ANSWER_WITHIN = 12.0
"""Box seconds after the dial was accepted at which a call that nobody answered is hung up."""
DIALLED_WITHIN = 36.0
"""Box seconds for that; a busy machine may need some of them."""
LISTEN_FOR = 3.0
"""Box seconds after the answer at which the driver hangs up, with a key or without."""
ENDED_WITHIN = 60.0
"""Real seconds for the one Ended; the longest ladder of AT deadlines fits."""
SETTLED_WITHIN = 60.0
"""Real seconds until the line is in service or out; a busy machine needs most of them."""
OUT_FOR = 4.0
"""Real seconds that a line which cannot come back is watched, if it does."""
_CLEAN = {
    Cause.FAILED: Outcome.FAILED,
    Cause.UNREACHABLE: Outcome.UNREACHABLE,
    Cause.NO_ANSWER: Outcome.NO_ANSWER,
}
"""Ends of a call of which the modem told nothing, and that nobody heard anything of."""
_QUIET = logging.getLogger("tests.rigs.contract_driver")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False
NUMBERS = [f"+336399800{index:02d}" for index in range(1, 10)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One family under one fault."""

    scene: str
    family: str
    causes: tuple[str, ...]
    """How the calls ended, in order."""
    state: str
    """``ready``, or the code of the fault at the end."""
    broken: tuple[str, ...]
    """Laws that did not hold, in words."""
    story: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.broken


class Driver:
    """Drives one line through one scene and judges it, on a thread of its own."""

    def __init__(
        self, scene: Scene, simulation: Simulation, index: int, clock: Clock, state: Path
    ) -> None:
        self._scene = scene
        self._simulation = simulation
        self._index = index
        self._clock = clock
        self.family = simulation.lines[index - 1].family
        self._events: queue.Queue[Event] = queue.Queue()
        self._seen: list[Event] = []
        self._broken: list[str] = []
        self._fault: LineFault | None = None
        self._ready = False
        self._dials: list[str] = []
        port = simulation.lines[index - 1]
        # Families without a voice stream play from their own store; the others stream.
        audio = port.audio_path or "module"
        self.line = Line(
            LineSettings(
                name=port.name,
                port=port.at_path,
                emergency_port=port.second_at_path,
                audio=audio,
                bench=True,
                # What is judged here is calls, not who hears keys: A76xx modules promise none.
                tests_keys=True,
            ),
            clips={
                "greeting": tone("greeting", GREETING_SECONDS),
                "message": tone("message", 10 * GREETING_SECONDS),
            },
            post=self._events.put,
            clock=clock,
            state_dir=state,
            log=_QUIET,
        )
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.cell: Cell | None = None

    def _run(self) -> None:
        try:
            self.line.start()
            self._play()
        except Exception as error:  # noqa: BLE001
            self._broken.append(f"the driver failed: {error!r}")
        finally:
            self.line.close()
            self._take_all()
            self._judge()

    def _play(self) -> None:
        scene = self._scene
        if not self._settle(start=True) and scene.begins is not Begins.START:
            self._broken.append("never in service before the fault")
            return
        if scene.begins is Begins.IDLE:
            self._inject()
        self._call("a1", first=True)
        self._settle()
        self._call("a2", first=False)
        self._settle()

    def _inject(self) -> None:
        for fault in self._scene.faults:
            self._simulation.inject(self._index, fault)

    def _settle(self, *, start: bool = False) -> bool:
        """Wait until the line is in service; False where it stays out for good."""
        comes = self._scene.comes is Comes.BACK or (
            start and self._scene.begins is not Begins.START
        )
        patience = SETTLED_WITHIN if comes else OUT_FOR
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if self._ready:
                return True
            if self._fault is not None and self._fault.final:
                return False
            self._take(0.05)
        return False

    def _call(self, attempt: str, *, first: bool) -> None:
        self._dials.append(attempt)
        began = self._clock.monotonic()
        until = time.monotonic() + ENDED_WITHIN
        number = NUMBERS[self._index - 1]
        name = self.line.settings.name
        self.line.order(Dial(line=name, attempt=attempt, number=number, greeting="greeting"))
        hang_up_at = began + DIALLED_WITHIN
        ordered = injected = False
        while time.monotonic() < until:
            event = self._take(0.02)
            match event:
                case Dialled(attempt=attempt_) if attempt_ == attempt:
                    hang_up_at = self._clock.monotonic() + ANSWER_WITHIN
                case Ringing() if first and self._scene.begins is Begins.RINGING:
                    self._inject()
                    injected = True
                case Answered(attempt=attempt_) if attempt_ == attempt:
                    hang_up_at = self._clock.monotonic() + LISTEN_FOR
                    # On a busy machine the ringing may be over before anybody has seen it.
                    late = self._scene.begins is Begins.RINGING and not injected
                    if first and (late or self._scene.begins is Begins.ANSWERED):
                        self._inject()
                case Ended(attempt=attempt_) if attempt_ == attempt:
                    return
                case _:
                    pass
            if not ordered and self._clock.monotonic() >= hang_up_at:
                ordered = True
                self.line.order(HangUp(line=name, attempt=attempt))
        self._broken.append(f"no Ended of {attempt} within {ENDED_WITHIN:g} s")

    def _take(self, wait: float) -> Event | None:
        try:
            event = self._events.get(timeout=wait)
        except queue.Empty:
            return None
        self._seen.append(event)
        match event:
            case LineReady():
                self._ready, self._fault = True, None
            case LineFault():
                self._ready, self._fault = False, event
                if not event.remedy:
                    self._broken.append(f"{event.fault} has no remedy")
            case Ended(confirmed=True):
                # Before the next Dial goes out: whatever call is up now was not ended.
                if self._simulation.dialled_calls(self._index):
                    self._broken.append(f"{event.attempt} ended, but its call is up")
            case Ended() if self._fault is None:
                self._broken.append(f"{event.attempt} ended unproven without a fault")
            case ClipStarted(clip=clip) if clip != "greeting":
                self._broken.append(f"clip {clip} was played")
            case _:
                pass
        return event

    def _take_all(self) -> None:
        while self._take(0.0) is not None:
            pass

    def _judge(self) -> None:
        scene = self._scene
        ended = [event for event in self._seen if isinstance(event, Ended)]
        for attempt in self._dials:
            count = sum(event.attempt == attempt for event in ended)
            if count > 1:
                self._broken.append(f"{count} Ended of {attempt}")
        refused = Comes.BACK is not scene.comes
        for event in ended:
            fair = scene.causes if event.attempt == "a1" else frozenset({Cause.LOCAL_HANG_UP})
            if event.attempt == "a2" and refused:
                fair |= {Cause.FAILED, Cause.LINE_LOST}
            if event.attempt == "a1" and scene.begins is Begins.START and refused:
                fair |= {Cause.FAILED}
            if event.attempt == "a1" and self.family in scene.mute:
                fair |= frozenset(_CLEAN)
            if event.cause not in fair:
                self._broken.append(f"{event.attempt} ended {event.cause}: {event.evidence}")
        self._judge_outcome(ended)
        match scene.comes:
            case Comes.BACK if not self._ready:
                self._broken.append(f"not back in service: {self._state()}")
            case Comes.OUT if self._ready:
                self._broken.append("in service, which cannot be")
            case _ if not self._ready and self._fault is None:
                self._broken.append("neither in service nor out of it")
            case _:
                pass
        self.cell = Cell(
            scene=scene.name,
            family=self.family,
            causes=tuple(str(event.cause) for event in ended),
            state=self._state(),
            broken=tuple(self._broken),
            story=tuple(map(_told, self._seen)),
        )

    def _judge_outcome(self, ended: Sequence[Ended]) -> None:
        """What the box would write of the first call, from what the line has told it."""
        wanted = self._scene.outcomes
        end = next((event for event in ended if event.attempt == "a1"), None)
        if wanted is None or end is None:
            return
        facts = Facts()
        for event in self._seen:
            if getattr(event, "attempt", "") != "a1":
                continue
            match event:
                case Dialled():
                    facts = replace(facts, dialled_at=event.at)
                case Ringing():
                    facts = replace(facts, ringing_at=event.at)
                case Answered(weak=True):
                    facts = replace(facts, weak_at=event.at, weak_answer=event.evidence)
                case Answered():
                    facts = replace(facts, answered_at=event.at, answer=event.evidence)
                case ClipStarted():
                    facts = replace(facts, greeting_at=event.at)
                case ClipFinished(complete=True):
                    facts = replace(facts, introduced=True, asked_at=event.at)
                case _:
                    pass
        found = outcome(facts, End.told(end))
        if self.family in self._scene.mute:
            wanted |= frozenset(_CLEAN.values())
        if found not in wanted:
            self._broken.append(f"a1 is {found}: {end.evidence}")

    def _state(self) -> str:
        if self._ready:
            return "ready"
        return "nothing" if self._fault is None else self._fault.fault


def tone(name: str, seconds: float) -> Clip:
    """A clip of one plain tone."""
    count = int(8000 * seconds)
    samples = (int(8000 * math.sin(2 * math.pi * 300 * n / 8000)) for n in range(count))
    return Clip(name=name, pcm=struct.pack(f"<{count}h", *samples))


def _told(event: Event) -> str:
    names = ("attempt", "fault", "detail", "cause", "evidence", "confirmed", "key", "clip")
    facts = [f"{name}={getattr(event, name)}" for name in names if hasattr(event, name)]
    return f"{event.at:9.2f} {' '.join((type(event).__name__, *facts))}"
