"""An objection while the box cannot come round: is it on disk?

The real box runs in a process of its own against a simulated modem. In each state of a call, and of
a received one, somebody presses 9, or calls back, while the loop's thread is stopped, or while the
whole process is; then the box is killed, as a person, the kernel or systemd's watchdog would. What
a start then finds in the ledger is what counts: one objection, not none, and not two.

``python -m tests.rigs.freeze`` prints the matrix and fails if an objection is lost.
``--without-notes`` removes the notes before the start, to show that the rig sees a loss.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum, unique
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import yaml

from appliance.box.state import BoxState
from appliance.control.protocol import ControlClient
from appliance.errors import NobodyListens, Unresponsive
from appliance.ledger import read_entries
from firmware.clock import SystemClock
from firmware.simulator.host import Simulation
from firmware.simulator.network.scenario import Answer, IncomingCall
from firmware.simulator.network.scenario_file import load_scenario
from tests.support.box_process import Bench, wait_for
from tests.support.stopped_thread import StoppedThread

SPEED = 4.0
NUMBER = "+33199001234"
HEARD_WITHIN = 3.0
"""Real seconds in which a press is heard by a busy machine."""
PATIENCE = 45.0
"""Real seconds for a box to start and to call on a busy machine."""
STOPPED_FOR = 0.5
"""Real seconds for which the whole process stands still after the press."""
TRIES = 2
WORKERS = 2


@unique
class Where(StrEnum):
    """The state of the call in which 9 is pressed."""

    GREETING = "greeting"
    WAITING = "waiting"
    PROMPT = "prompt"
    MESSAGE = "message"
    FAREWELL = "farewell"
    RECEIVED = "received"
    RECEIVED_WAITING = "received, waiting"
    CALLING_BACK = "calling back"
    """No key: people were told that calling the box objects, and its line turns callers away."""

    @property
    def received(self) -> bool:
        return self in (Where.RECEIVED, Where.RECEIVED_WAITING, Where.CALLING_BACK)

    @property
    def told(self) -> str:
        """The word by which ``status`` tells this state."""
        return _TOLD[self]


_TOLD = {
    Where.GREETING: "greeting",
    Where.WAITING: "waiting",
    Where.PROMPT: "reminding",
    Where.MESSAGE: "telling",
    Where.FAREWELL: "closing",
    Where.RECEIVED: "greeting",
    Where.RECEIVED_WAITING: "waiting",
    Where.CALLING_BACK: "",
}


@unique
class How(StrEnum):
    """What befalls the box at the press."""

    FROZEN = "loop frozen, kill -9"
    WATCHDOG = "loop frozen, watchdog"
    STOPPED = "SIGSTOP, SIGCONT, kill -9"
    KILLED = "kill -9"
    THAWED = "loop frozen, goes on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One state and one fate."""

    where: Where
    how: How
    objections: int
    """Rows in the ledger after the start, of which there is to be one."""
    milliseconds: float | None
    """From the network's key to the note on disk, where the loop was stopped meanwhile."""

    @property
    def kept(self) -> bool:
        return self.objections == 1


class _Stage:
    """One box, one modem, one call."""

    def __init__(self, directory: Path, where: Where) -> None:
        self.bench = Bench(directory / "state", SPEED)
        self.where = where
        settings: Any = yaml.safe_load(self.bench.stage.config.read_text())
        settings["campaign"]["retry"]["max_attempts"] = 1
        if where.received:
            rejects = where is Where.CALLING_BACK
            settings["lines"][0]["incoming"] = "reject" if rejects else "answer"
            settings["campaign"]["calling_back"] = "objects" if rejects else "may_object"
            settings["clock"]["simulated_start"] = "2027-03-09T17:30:00+01:00"
        self.bench.stage.config.write_text(yaml.safe_dump(settings))
        answer = {"rings_in": 0.5, "after": 1.0, "patience": 120}
        self.bench.people({"number": NUMBER, "behaviour": {"answer": answer}})

    @contextmanager
    def running(self) -> Iterator[tuple[subprocess.Popen[str], Simulation]]:
        """A box in a call that has come to the state in question just now."""
        bench = self.bench
        with Simulation(
            ["sim7600"],
            load_scenario(bench.stage.scenario),
            SystemClock(SPEED),
            links=bench.stage.links,
            log=bench.stage.network_log,
        ) as simulation:
            box = bench.start_box()
            try:
                with closing(ControlClient(bench.stage.state)) as client:
                    self._bring_about(simulation, client)
                yield box, simulation
            finally:
                if box.poll() is None:
                    box.kill()
                box.wait(timeout=20)

    def _bring_about(self, simulation: Simulation, client: ControlClient) -> None:
        def line() -> dict[str, Any]:
            told: dict[str, Any] = client.ask("status", {})["lines"][0]
            return told

        if self.where.received:
            wait_for(lambda: line()["ready"], PATIENCE)
            if self.where is Where.CALLING_BACK:
                return
            self._call(simulation)
            wait_for(lambda: line()["incoming"] == self.where.told, PATIENCE)
            return
        if self.where is Where.MESSAGE:
            wait_for(lambda: line()["call"] == Where.GREETING.told, PATIENCE)
            simulation.press(1, "1")
        wait_for(lambda: line()["call"] == self.where.told, PATIENCE)

    def object(self, simulation: Simulation) -> None:
        """Press 9, or call where that objects."""
        if self.where is Where.CALLING_BACK:
            self._call(simulation)
        else:
            simulation.press(1, "9")

    def _call(self, simulation: Simulation) -> None:
        caller = Answer(patience=120.0)
        simulation.call_line(1, IncomingCall(at=0.0, number=NUMBER, rings_for=60.0, caller=caller))

    def noted(self) -> bool:
        return any((self.bench.stage.state / "objections").glob("*.json"))

    def heard(self) -> bool:
        """It is noted, or so quickly folded that the note was not seen."""
        return self.noted() or bool(self.bench.rows("consent.revoked"))

    def objections(self) -> int:
        """Start once more, and again; return how many objections the ledger then has."""
        for _ in range(2):
            BoxState.open(self.bench.stage.state).close()
        rows = read_entries(self.bench.stage.state / "ledger")
        return sum(row.kind == "consent.revoked" for row in rows)


def play(where: Where, how: How, *, without_notes: bool = False) -> Cell | None:
    """Play one cell; None where the machine was too busy to bring it about, in all its tries."""
    for _ in range(TRIES):
        try:
            return _play(where, how, without_notes=without_notes)
        except (AssertionError, RuntimeError, NobodyListens, Unresponsive):
            continue
    return None


def _play(where: Where, how: How, *, without_notes: bool) -> Cell:
    milliseconds: float | None = None
    with tempfile.TemporaryDirectory() as directory:
        stage = _Stage(Path(directory), where)
        with stage.running() as (box, simulation):
            match how:
                case How.KILLED:
                    stage.object(simulation)
                    _until(stage.heard, time.monotonic() + HEARD_WITHIN)
                    box.kill()
                case How.STOPPED:
                    box.send_signal(signal.SIGSTOP)
                    stage.object(simulation)
                    time.sleep(STOPPED_FOR)
                    box.send_signal(signal.SIGCONT)
                    _until(stage.heard, time.monotonic() + HEARD_WITHIN)
                    box.kill()
                case How.FROZEN | How.WATCHDOG | How.THAWED:
                    with StoppedThread(box.pid):
                        stage.object(simulation)
                        pressed = time.monotonic()
                        milliseconds = _until(stage.noted, pressed + HEARD_WITHIN)
                        if how is not How.THAWED:
                            # What systemd sends where WATCHDOG=1 does not come in time.
                            fatal = signal.SIGKILL if how is How.FROZEN else signal.SIGABRT
                            os.kill(box.pid, fatal)
                    if how is How.THAWED:
                        time.sleep(1.0)
                        box.kill()
            box.wait(timeout=20)
        if without_notes:
            shutil.rmtree(stage.bench.stage.state / "objections")
        return Cell(where=where, how=how, objections=stage.objections(), milliseconds=milliseconds)


def _until(condition: Callable[[], bool], until: float) -> float | None:
    """Return the milliseconds until *condition* held, or None where it never did."""
    began = time.monotonic()
    while time.monotonic() < until:
        if condition():
            return (time.monotonic() - began) * 1000
        time.sleep(0.001)
    return None


def matrix(cells: Sequence[Cell]) -> str:
    """Return the table states by fates."""
    by_place = {(cell.where, cell.how): cell for cell in cells}
    width = max(len(how) for how in How) + 2
    rows = [f"{'9 pressed in':<20}" + "".join(f"{how:<{width}}" for how in How)]
    for where in sorted({cell.where for cell in cells}, key=list(Where).index):
        told = [_told(by_place.get((where, how))) for how in How]
        rows.append(f"{where:<20}" + "".join(f"{text:<{width}}" for text in told))
    return "\n".join(rows)


def _told(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    if cell.kept:
        return "kept"
    return "LOST" if cell.objections == 0 else f"{cell.objections} TIMES"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Press 9 while the box cannot come round.")
    parser.add_argument("states", nargs="*", choices=[*Where, []], help="states to play (all)")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--without-notes", action="store_true", help="show that a loss is seen")
    options = parser.parse_args(arguments)
    states = [Where(name) for name in options.states] or list(Where)
    began = time.monotonic()
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(play, where, how, without_notes=options.without_notes)
            for where in states
            for how in How
        ]
        cells = []
        for job in as_completed(jobs):
            cell = job.result()
            if cell is not None:
                cells.append(cell)
                print(f"{cell.where}, {cell.how}: {_told(cell)}", flush=True)
    print("\n" + matrix(cells))
    lost = [cell for cell in cells if not cell.kept]
    times = [cell.milliseconds for cell in cells if cell.milliseconds is not None]
    if times:
        print(
            f"\nfrom the press to the note on disk with the loop stopped: median "
            f"{statistics.median(times):.0f} ms, most {max(times):.0f} ms, n {len(times)}"
        )
    seconds = time.monotonic() - began
    missing = len(jobs) - len(cells)
    print(
        f"{len(cells)} cells, objections lost {len(lost)}, not brought about {missing}, "
        f"{seconds:.0f} s"
    )
    return 1 if lost or missing else 0


if __name__ == "__main__":
    sys.exit(main())
