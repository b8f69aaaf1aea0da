"""The contract suite: every simulated modem family against every fault, on real pseudo-terminals.

Six families (variants of the standard aside) are six lines of one simulation, driven by six real
:class:`~firmware.line.line.Line`, a fault at a time, with a clock faster than life. What a line
must keep whatever happens:

* each Dial is answered by exactly one Ended, of an honest cause;
* after an Ended that claims proven silence, the modem holds no call of ours;
* at the end the line is in service, or out of service with a fault and a remedy;
* nobody hears anything but the greeting (again, where an answer was taken back), since nothing
  else was ordered here.

``python -m tests.rigs.contract`` prints the matrix and fails if anything is not as it must be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from firmware.clock import SystemClock
from firmware.dtmf.listener import DownlinkDetector
from firmware.simulator.families.table import PERSONALITIES
from firmware.simulator.host import Simulation
from firmware.simulator.network.scenario import LineScenario, NumberRule, Scenario
from tests.rigs.contract_driver import GREETING_SECONDS, NUMBERS, Cell, Driver
from tests.rigs.contract_scenes import LISTENS, SCENES, Begins, Scene

SPEED = 12.0
WORKERS = 3
"""Scenes at once: most of a scene is waiting for deadlines."""
SEED = 1
PLAYED = tuple(name for name, family in PERSONALITIES.items() if not family.variant)
"""Variants of the standard share its code and differ by words that their own tests know."""


def play(
    scene: Scene, families: Sequence[str], *, seed: int = SEED, speed: float = SPEED
) -> list[Cell]:
    """Play one scene on every family at once; returns a cell for each."""
    clock = SystemClock(speed if scene.speed is None else min(speed, scene.speed))
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
            for number in NUMBERS
        ),
        lines=tuple(
            LineScenario(line=index, faults=always) for index in range(1, len(families) + 1)
        ),
    )
    # The detector's tables are worked out once per process: by six lines at once, six times.
    DownlinkDetector()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        log = place / "network.jsonl"
        with Simulation(families, scenario, clock, links=place / "lines", log=log) as simulation:
            drivers = [
                Driver(scene, simulation, index, clock, place / f"state-{index}")
                for index in range(1, len(families) + 1)
            ]
            for driver in drivers:
                driver.thread.start()
            for driver in drivers:
                driver.thread.join()
        heard = _heard(log)
    cells = [driver.cell for driver in drivers if driver.cell is not None]
    return [_with_ears(cell, heard.get(f"line-{i}", 0)) for i, cell in enumerate(cells, start=1)]


def _cast(scene: Scene, families: Sequence[str]) -> Sequence[str]:
    """All families of a scene that concerns the variants too, unless some were named."""
    everybody = scene.everywhere and tuple(families) == PLAYED
    return tuple(PERSONALITIES) if everybody else families


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
            pool.submit(play, scene, _cast(scene, families), seed=options.seed, speed=options.speed)
            for scene in scenes
        ]
        cells = [cell for job in jobs for cell in job.result()]
    shown = [name for name in PERSONALITIES if any(cell.family == name for cell in cells)]
    print(matrix(cells, shown))
    red = [cell for cell in cells if not cell.ok]
    for cell in red if not options.stories else cells:
        print(f"\n{cell.scene} on {cell.family}: {'; '.join(cell.broken) or 'ok'}")
        print("\n".join(f"    {line}" for line in cell.story))
    seconds = time.monotonic() - began
    print(f"\n{len(cells)} cells, {len(red)} red, seed {options.seed}, {seconds:.0f} s")
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
