"""Eight modems of six families in one daemon, all in an answered call, at the speed of life.

The modems are a process of their own. Frames that came late are what the callees missed: the
simulator counts the milliseconds in which it had to send silence because no frame was there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from appliance.config.paths import sample_config
from appliance.demo.processes import BoxProcess, Stage, start_modems, write_config
from bench.process_usage import processor_percent, resident_mib

LINES = 8
FAMILIES = ("sim7600", "quectel", "huawei", "generic", "zte", "sim800", "sim7600", "quectel")
"""No a76xx: nobody hears keys on it, so a box calls nobody there."""
OBSERVED = 20.0
"""Seconds over which the processor is watched."""
READY_WITHIN = 120.0
"""Clips are copied to one module first."""

Row = dict[str, object]


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        stage = Stage(Path(directory) / "box")
        stage.directory.mkdir(parents=True)
        return _measure(stage)


def _measure(stage: Stage) -> list[Row]:
    write_config(stage, sample_config(), lines=LINES, speed=1.0, families=FAMILIES)
    settings: Any = yaml.safe_load(stage.config.read_text(encoding="utf-8"))
    settings["campaign"]["timers"]["key_wait"] = "60 s"
    stage.config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    rules = [{"number": "*", "behaviour": {"answer": {"patience": 600}}}]
    stage.scenario.write_text(yaml.safe_dump(rules), encoding="utf-8")
    write_people(stage, 2 * LINES)
    modems = start_modems(stage, lines=LINES, speed=1.0, seed=1, families=FAMILIES)
    try:
        box = BoxProcess(stage, until_idle=False)
        try:
            wait_for_lines(box, "ready")
            idle, resident = processor_percent(box.pid, OBSERVED), resident_mib(box.pid)
            command = ["--config", str(stage.config), "contacts", "import", str(stage.contacts)]
            subprocess.run(
                [sys.executable, "-m", "appliance.cli.main", *command],
                check=True,
                capture_output=True,
            )
            wait_for_lines(box, "call")
            time.sleep(5)
            busy, in_calls = processor_percent(box.pid, OBSERVED), resident_mib(box.pid)
            status: Any = box.ask("status")
            calls = sum(bool(line["call"]) for line in status["lines"])
        finally:
            box.end()
    finally:
        modems.end()
    sent, missed = _frames(stage.network_log)
    return [
        _row("processor, 8 lines of 6 families idle", idle, "% of a core"),
        _row(f"processor, {calls} of 8 lines in a call", busy, "% of a core"),
        _row("resident memory, 8 lines idle", resident, "MiB"),
        _row("resident memory, 8 calls", in_calls, "MiB"),
        _row("frames missed by the callees, 8 calls", missed, "frames", sent),
    ]


def _row(name: str, value: float, unit: str, n: int = 1) -> Row:
    return {"name": name, "value": value, "unit": unit, "n": n}


def write_people(stage: Stage, count: int) -> None:
    """Write a contacts file of *count* people who may be called at the same hours."""
    header = "number,name,timezone,purpose,consent_given_at,consent_source,consent_evidence,windows"
    rows = [
        f"+3319900{number:04d},P,Europe/Paris,neighbourhood-news,2027-01-15,form,1,"
        "mon-fri 18:00-20:00"
        for number in range(count)
    ]
    stage.contacts.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def wait_for_lines(box: BoxProcess, what: str) -> None:
    """Wait until the status says *what* of every line. Raises TimeoutError."""
    deadline = time.monotonic() + READY_WITHIN
    while True:
        status: Any = box.ask("status")
        if all(line[what] for line in status["lines"]):
            return
        if time.monotonic() > deadline:
            missing = [line["name"] for line in status["lines"] if not line[what]]
            raise TimeoutError(f"not {what}: {missing}")
        time.sleep(0.2)


def _frames(log: Path) -> tuple[int, int]:
    """Return (frames received from the host, frames that were not there in time)."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    heard = [row for row in rows if row["event"] == "audio" and row["received_ms"]]
    if not heard:
        raise RuntimeError("no call was heard")
    return sum(row["received_ms"] for row in heard) // 20, sum(row["gap_ms"] for row in heard) // 20


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
