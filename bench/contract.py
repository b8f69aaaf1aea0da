"""The contract suite: every simulated modem family against every fault, on real pseudo-terminals.

Six families (variants of the standard aside) are six lines of one simulation, driven by six real
:class:`~firmware.line.Line`, a fault at a time, with a clock faster than life. What a line must
keep whatever happens:

* each Dial is answered by exactly one Ended, of an honest cause;
* after an Ended that claims proven silence, the modem holds no call of ours;
* at the end the line is in service, or out of service with a fault and a remedy;
* nobody hears anything but the greeting (again, where an answer was taken back), since nothing
  else was ordered here.

``python -m bench.contract`` prints the matrix and fails if anything is not as it must be.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import queue
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from bench.contract_scenes import LISTENS, SCENES, Begins, Comes, Scene
from firmware.audio.clip import Clip
from firmware.clock import Clock, SystemClock
from firmware.dtmf.ears import Ears
from firmware.events import (
    Answered,
    Cause,
    ClipStarted,
    Dialled,
    Ended,
    Event,
    LineFault,
    LineReady,
    Ringing,
)
from firmware.line import Line, LineSettings
from firmware.live_call import CAREFUL_KEYS
from firmware.orders import Dial, HangUp
from firmware.simulator.host import Simulation
from firmware.simulator.personalities import PERSONALITIES
from firmware.simulator.scenario import LineScenario, NumberRule, Scenario

SPEED = 12.0
WORKERS = 3
"""Scenes at once: most of a scene is waiting for deadlines."""
SEED = 1
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
_QUIET = logging.getLogger("bench.contract")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False
PLAYED = tuple(name for name, family in PERSONALITIES.items() if not family.variant)
"""Variants of the standard share its code and differ by words that their own tests know."""
_NUMBERS = [f"+336399800{index:02d}" for index in range(1, 9)]


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


class _Driver:
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
        number = _NUMBERS[self._index - 1]
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
            if event.cause not in fair:
                self._broken.append(f"{event.attempt} ended {event.cause}: {event.evidence}")
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

    def _state(self) -> str:
        if self._ready:
            return "ready"
        return "nothing" if self._fault is None else self._fault.fault


def tone(name: str, seconds: float) -> Clip:
    """A clip of one plain tone."""
    count = int(8000 * seconds)
    samples = (int(8000 * math.sin(2 * math.pi * 300 * n / 8000)) for n in range(count))
    return Clip(name=name, pcm=struct.pack(f"<{count}h", *samples))


def play(
    scene: Scene, families: Sequence[str], *, seed: int = SEED, speed: float = SPEED
) -> list[Cell]:
    """Play one scene on every family at once; returns a cell for each."""
    clock = SystemClock(speed)
    in_call = scene.faults if scene.begins is Begins.CALL else ()
    always = scene.faults if scene.begins is Begins.START else ()
    scenario = Scenario(
        seed=seed,
        numbers=tuple(
            NumberRule(
                number=number,
                behaviours=(scene.behaviour, LISTENS),
                faults=tuple(replace(fault, call=1) for fault in in_call),
            )
            for number in _NUMBERS
        ),
        lines=tuple(
            LineScenario(line=index, faults=always) for index in range(1, len(families) + 1)
        ),
    )
    # The detector's tables are worked out once per process: by six lines at once, six times.
    Ears(careful=CAREFUL_KEYS)
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        log = place / "network.jsonl"
        with Simulation(families, scenario, clock, links=place / "lines", log=log) as simulation:
            drivers = [
                _Driver(scene, simulation, index, clock, place / f"state-{index}")
                for index in range(1, len(families) + 1)
            ]
            for driver in drivers:
                driver.thread.start()
            for driver in drivers:
                driver.thread.join()
        heard = _heard(log)
    cells = [driver.cell for driver in drivers if driver.cell is not None]
    return [_with_ears(cell, heard.get(f"line-{i}", 0)) for i, cell in enumerate(cells, start=1)]


def _with_ears(cell: Cell, heard_ms: int) -> Cell:
    """Add the law that only the callee's ears can tell."""
    most = 2 * GREETING_SECONDS * 1000 + 100
    if heard_ms <= most:
        return cell
    return replace(cell, broken=(*cell.broken, f"{heard_ms} ms of sound in one call"))


def _heard(log: Path) -> dict[str, int]:
    """The most milliseconds of sound that any callee of each line heard in one call."""
    heard: dict[str, int] = {}
    for text in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        row = json.loads(text)
        if row["event"] == "audio":
            heard[row["line"]] = max(heard.get(row["line"], 0), int(row["milliseconds"]))
    return heard


def _told(event: Event) -> str:
    names = ("attempt", "fault", "detail", "cause", "evidence", "confirmed", "key", "clip")
    facts = [f"{name}={getattr(event, name)}" for name in names if hasattr(event, name)]
    return f"{event.at:9.2f} {' '.join((type(event).__name__, *facts))}"


def matrix(cells: Iterable[Cell], families: Sequence[str]) -> str:
    """Return the table families by faults: ``ok`` and where the line ended, or what is wrong."""
    by_scene: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        by_scene.setdefault(cell.scene, {})[cell.family] = cell
    width = max(len(name) for name in by_scene)
    rows = [" ".join([" " * width, *(f"{family:<22}" for family in families)])]
    for name, row in by_scene.items():
        texts = [_short(row[family]) if family in row else "-" for family in families]
        rows.append(" ".join([f"{name:<{width}}", *(f"{text:<22}" for text in texts)]))
    return "\n".join(rows)


def _short(cell: Cell) -> str:
    cause = cell.causes[0] if cell.causes else "no end"
    if not cell.ok:
        return f"RED {cause}"
    return f"ok {cause}" if cell.state == "ready" else f"ok {cause}, out"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Play every fault on every modem family.")
    parser.add_argument("names", nargs="*", help="beginnings of the faults to play (all)")
    parser.add_argument("--families", default=",".join(PLAYED))
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--speed", type=float, default=SPEED)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--stories", action="store_true", help="tell every line's events")
    options = parser.parse_args(arguments)
    families = options.families.split(",")
    names = tuple(options.names) or ("",)
    scenes = [scene for scene in SCENES if scene.name.startswith(names)]
    began = time.monotonic()
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(play, scene, families, seed=options.seed, speed=options.speed)
            for scene in scenes
        ]
        cells = [cell for job in jobs for cell in job.result()]
    print(matrix(cells, families))
    red = [cell for cell in cells if not cell.ok]
    for cell in red if not options.stories else cells:
        print(f"\n{cell.scene} on {cell.family}: {'; '.join(cell.broken) or 'ok'}")
        print("\n".join(f"    {line}" for line in cell.story))
    seconds = time.monotonic() - began
    print(f"\n{len(cells)} cells, {len(red)} red, seed {options.seed}, {seconds:.0f} s")
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
