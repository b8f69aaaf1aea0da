"""The whole box in life: answer to greeting, processor, memory, and how fast a command starts.

Four simulated lines at the speed of life, in a process of their own; the box is the real daemon.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from appliance.config.paths import sample_config
from appliance.demo.processes import BoxProcess, Stage, start_modems, write_config
from bench.process_usage import processor_percent, resident_mib
from firmware.clips.clip import Clip
from firmware.clock import SystemClock
from firmware.events import Answered, ClipStarted, Ended, Event, LineReady
from firmware.line.line import Line, LineSettings
from firmware.orders import Dial, HangUp

LINES = 4
ANSWERS = 80
"""Answered calls over all lines for the greeting figures."""
OBSERVED = 20.0
"""Seconds over which the processor is watched."""
STARTS = 10

Row = dict[str, object]


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        rows = _greeting(Stage(Path(directory) / "greeting"))
        rows += _processor(Stage(Path(directory) / "processor"))
    return rows + _start()


def _scenario(stage: Stage, behaviour: dict[str, object]) -> None:
    stage.directory.mkdir(parents=True)
    write_config(stage, sample_config(), lines=LINES, speed=1.0)
    rules = [{"number": "*", "behaviour": behaviour}]
    stage.scenario.write_text(yaml.safe_dump(rules), encoding="utf-8")


def _greeting(stage: Stage) -> list[Row]:
    """From the answer's notice (last byte read) to the first greeting frame written."""
    _scenario(stage, {"answer": {"rings_in": 0.2, "after": 0.3, "patience": 30}})
    modems = start_modems(stage, lines=LINES, speed=1.0, seed=1)
    latencies: list[float] = []
    audio = sample_config().parent / "audio"
    clip = Clip.load(audio / "greeting.fr.wav", "greeting.fr")
    lines: dict[str, Line] = {}
    answered: dict[str, float] = {}
    begun = 0

    def dial(name: str) -> None:
        nonlocal begun
        begun += 1
        number = f"+3319900{begun:04d}"
        lines[name].order(
            Dial(line=name, attempt=f"{begun}", number=number, greeting="greeting.fr")
        )

    def post(event: Event) -> None:
        match event:
            case LineReady():
                dial(event.line)
            case Answered():
                answered[event.attempt] = event.at
            case ClipStarted() if event.attempt in answered:
                latencies.append((event.at - answered[event.attempt]) * 1000)
                lines[event.line].order(HangUp(line=event.line, attempt=event.attempt))
            case ClipStarted():
                # The greeting began before the notice was posted.
                lines[event.line].order(HangUp(line=event.line, attempt=event.attempt))
            case Ended() if len(latencies) < ANSWERS:
                dial(event.line)

    try:
        for number in range(1, LINES + 1):
            name = f"line-{number}"
            settings = LineSettings(
                name=name,
                port=str(stage.links / f"{name}.at"),
                audio=str(stage.links / f"{name}.audio"),
                bench=True,
            )
            lines[name] = Line(
                settings,
                clips={clip.name: clip},
                post=post,
                clock=SystemClock(),
                state_dir=stage.directory,
            )
        for line in lines.values():
            line.start()
        deadline = time.monotonic() + 180
        while len(latencies) < ANSWERS and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        for line in lines.values():
            line.close()
        modems.end()
    return _percentiles("answer notice to first greeting frame, 4 lines active", latencies)


def _processor(stage: Stage) -> list[Row]:
    _scenario(stage, {"answer": {"patience": 600}})
    settings = yaml.safe_load(stage.config.read_text(encoding="utf-8"))
    settings["campaign"]["timers"]["key_wait"] = "60 s"
    stage.config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    modems = start_modems(stage, lines=LINES, speed=1.0, seed=1)
    try:
        box = BoxProcess(stage, until_idle=False)
        try:
            _until(box, lambda status: all(line["ready"] for line in status["lines"]))
            idle = processor_percent(box.pid, OBSERVED)
            resident = resident_mib(box.pid)
            _import(stage)
            _until(box, lambda status: all(line["call"] for line in status["lines"]))
            time.sleep(8)
            busy = processor_percent(box.pid, OBSERVED)
            busy_resident = resident_mib(box.pid)
        finally:
            box.end()
    finally:
        modems.end()
    return [
        {"name": "processor, 4 lines idle", "value": idle, "unit": "% of a core", "n": 1},
        {"name": "processor, 4 lines in a call", "value": busy, "unit": "% of a core", "n": 1},
        {"name": "resident memory, idle", "value": resident, "unit": "MiB", "n": 1},
        {"name": "resident memory, 4 calls", "value": busy_resident, "unit": "MiB", "n": 1},
    ]


def _import(stage: Stage) -> None:
    header = "number,name,timezone,purpose,consent_given_at,consent_source,consent_evidence,windows"
    rows = [
        f"+3319900{number:04d},P,Europe/Paris,neighbourhood-news,2027-01-15,form,1,"
        "mon-fri 18:00-20:00"
        for number in range(2 * LINES)
    ]
    stage.contacts.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    command = ["--config", str(stage.config), "contacts", "import", str(stage.contacts)]
    subprocess.run([sys.executable, "-m", "appliance.cli.main", *command], check=True)


def _until(box: BoxProcess, reached: object) -> None:
    assert callable(reached)
    deadline = time.monotonic() + 60
    while not reached(box.ask("status")):
        if time.monotonic() > deadline:
            raise TimeoutError("the box did not come so far")
        time.sleep(0.2)


def _start() -> list[Row]:
    """How long ``autodialer status`` takes on a running box, and what of it are imports."""
    with tempfile.TemporaryDirectory() as directory:
        stage = Stage(Path(directory) / "start")
        _scenario(stage, {"busy": {}})
        box = BoxProcess(stage, until_idle=False)
        try:
            command = ["--config", str(stage.config), "status", "--json"]
            whole = _fastest([sys.executable, "-m", "appliance.cli.main", *command])
        finally:
            box.end()
    bare = _fastest([sys.executable, "-c", "pass"])
    imports = _fastest([sys.executable, "-c", "import appliance.cli.main, appliance.cli.running"])
    return [
        {"name": "autodialer status, whole command", "value": whole, "unit": "ms", "n": STARTS},
        {"name": "autodialer status, imports", "value": imports, "unit": "ms", "n": STARTS},
        {"name": "python -c pass, for comparison", "value": bare, "unit": "ms", "n": STARTS},
    ]


def _fastest(command: list[str]) -> float:
    times = []
    for _ in range(STARTS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return round(min(times) * 1000, 1)


def _percentiles(name: str, values: list[float]) -> list[Row]:
    if len(values) < 2:
        raise RuntimeError(f"{name}: nothing was measured")
    cuts = statistics.quantiles(values, n=100)
    return [
        {"name": f"{name}, p{p}", "value": round(cuts[p - 1], 2), "unit": "ms", "n": len(values)}
        for p in (50, 99)
    ]


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
