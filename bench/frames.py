"""Frames late or dropped: eight lines that speak and listen for minutes, at the speed of life.

One daemon, eight modems with a voice stream of four families, calls one after another in which
the callee presses 1 and hears a long message. The callees count what they missed: frames that had
not come when they were due, so that silence stood in, and frames that came faster than they can
be played and were lost.

``python -m bench.frames`` takes ten minutes and keeps its figures in ``build/bench.json``;
``--minutes`` takes another time. In ``make bench`` the environment variable ``BENCH_MINUTES``
says how long.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from appliance.config.paths import sample_config
from appliance.demo.processes import BoxProcess, Stage, run_command, start_modems, write_config
from bench.__main__ import keep, show
from bench.eight_lines import wait_for_lines, write_people
from bench.process_usage import processor_percent, resident_mib
from firmware.clips.clip import Clip, encode_wav

LINES = 8
FAMILIES = ("sim7600", "quectel", "huawei", "generic")
MINUTES = 10.0
MESSAGE_REPEATS = 5
"""The message is played so often in one clip, so that most of the time is voice: 57 s."""

Row = dict[str, object]


def run() -> list[Row]:
    return measure(float(os.environ.get("BENCH_MINUTES", MINUTES)))


def measure(minutes: float) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        stage = Stage(Path(directory) / "box")
        stage.directory.mkdir(parents=True)
        return _measure(stage, minutes)


def _measure(stage: Stage, minutes: float) -> list[Row]:
    _write(stage, calls_each=round(minutes * 60 / 70) + 2)
    modems = start_modems(stage, lines=LINES, speed=1.0, seed=1, families=FAMILIES)
    try:
        box = BoxProcess(stage, until_idle=False)
        try:
            wait_for_lines(box, "ready")
            done = run_command(stage, "contacts", "import", str(stage.contacts))
            if done.returncode != 0:
                raise RuntimeError(done.stderr)
            wait_for_lines(box, "call")
            processor = processor_percent(box.pid, 60.0 * minutes)
            resident = resident_mib(box.pid)
            # The calls of the last moment end in the log too: a hang-up is counted, not cut off.
            box.ask("stop")
            time.sleep(3.0)
        finally:
            box.end()
    finally:
        modems.end()
    return _rows(stage, minutes, processor, resident)


def _write(stage: Stage, *, calls_each: int) -> None:
    write_config(stage, sample_config(), lines=LINES, speed=1.0, families=FAMILIES)
    settings: Any = yaml.safe_load(stage.config.read_text(encoding="utf-8"))
    clips = settings["campaign"]["clips"]["fr"]
    message = Clip.load(Path(clips["message"]), "message")
    long = stage.directory / "long.wav"
    long.write_bytes(encode_wav(message.pcm * MESSAGE_REPEATS))
    clips["message"] = str(long)
    stage.config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    person = {"rings_in": 0.5, "after": 1.0, "keys": [{"key": "1", "heard": 3}], "patience": 60}
    rules = [{"number": "*", "behaviour": {"answer": person}}]
    stage.scenario.write_text(yaml.safe_dump(rules), encoding="utf-8")
    write_people(stage, LINES * calls_each)


def _rows(stage: Stage, minutes: float, processor: float, resident: float) -> list[Row]:
    text = stage.network_log.read_text(encoding="utf-8").splitlines()
    calls = [row for row in map(json.loads, text) if row["event"] == "audio"]
    if not calls:
        raise RuntimeError("no call was heard")
    frames = sum(row["received_ms"] for row in calls) // 20
    late = sum(row["gap_ms"] for row in calls) // 20
    dropped = sum(row["dropped_ms"] for row in calls) // 20
    voice = sum(row["milliseconds"] for row in calls) / 1000
    worst = max(row["gap_ms"] + row["dropped_ms"] for row in calls)
    name = f"frames.{LINES}_lines"

    def row(what: str, value: float, unit: str, n: float) -> Row:
        return {"name": f"{name}.{what}", "value": value, "unit": unit, "n": n}

    return [
        row("length", minutes, "min", 1),
        row("calls", len(calls), "calls", len(calls)),
        row("voice_heard", round(voice), "s", len(calls)),
        row("late", late, "frames", frames),
        row("dropped", dropped, "frames", frames),
        row("late_or_dropped", round(1e6 * (late + dropped) / frames, 1), "per million", frames),
        row("worst_call", worst, "ms", len(calls)),
        row("processor", processor, "% of a core", 1),
        row("resident", resident, "MiB", 1),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    rows = measure(parser.parse_args().minutes)
    show(rows)
    keep(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
