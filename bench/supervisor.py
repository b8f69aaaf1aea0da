"""The supervisor: how soon it watches, how soon a press reaches the box, what it costs.

The press goes through the bench's pipe, which stands for the contact, and is taken by the box's own
end of the link; what follows there, one write to each port, is measured by ``bench.emergency``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from firmware.supervisor.link import SupervisorLink
from firmware.supervisor.messages import SOCKET
from firmware.supervisor.pins import CONTACT_PIPE
from firmware.supervisor.plan import Plan

STARTS = 7
PRESSES = 200
IDLE_SECONDS = 10.0
_PLAN = Plan(stop_pin=6, fault_pin=23, simulated=True)

Row = dict[str, object]


def run() -> list[Row]:
    """Return the figures."""
    with tempfile.TemporaryDirectory(prefix="supervisor-") as name:
        place = Path(name)
        bare = statistics.median(_bare() for _ in range(STARTS))
        watched = statistics.median(_start(place / str(count)) for count in range(STARTS))
        return [
            _row("exec to a watched contact", watched * 1000, "ms", STARTS),
            _row("the same, by bare Python", watched / bare, "times", STARTS),
            *_running(place / "running"),
        ]


def _row(name: str, value: float, unit: str, n: int) -> Row:
    return {"name": name, "value": round(value, 3), "unit": unit, "n": n}


def _bare() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - began


def _process(place: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "firmware.supervisor"]
    folders = ["--run", str(place / "run"), "--state", str(place / "state")]
    return subprocess.Popen([*command, *folders, "watch"])


def _start(place: Path) -> float:
    from firmware.supervisor.plan import Notes

    place.mkdir()
    Notes(place / "state").save_plan(_PLAN)
    began = time.perf_counter()
    process = _process(place)
    # The contact is taken before the socket is made.
    while not (place / "run" / SOCKET).exists():
        time.sleep(0.0005)
    took = time.perf_counter() - began
    process.kill()
    process.wait()
    return took


def _running(place: Path) -> list[Row]:
    place.mkdir()
    process = _process(place)
    while not (place / "run" / SOCKET).exists():
        time.sleep(0.01)
    stopped, released = threading.Event(), threading.Event()
    told: list[float] = []

    def stop(_source: str) -> None:
        told.append(time.monotonic())
        stopped.set()

    link = SupervisorLink(
        place / "run", _PLAN, stop=stop, released=released.set, fault=lambda _: None
    )
    try:
        link.start()
        link.beat({})
        pipe = place / "run" / CONTACT_PIPE
        late = []
        for _ in range(PRESSES):
            stopped.clear()
            released.clear()
            pressed = time.monotonic()
            pipe.write_text(f"open {pressed}\n")
            if not stopped.wait(5.0):
                raise RuntimeError("a press was not told")
            late.append((told[-1] - pressed) * 1000)
            pipe.write_text("closed\n")
            released.wait(5.0)
            link.recorded()
            link.beat({})
        late.sort()
        before, began = _processor(process.pid), time.monotonic()
        time.sleep(IDLE_SECONDS)
        idle = (_processor(process.pid) - before) / (time.monotonic() - began) * 100
        return [
            _row("press to the box's stop, median", statistics.median(late), "ms", PRESSES),
            _row("press to the box's stop, p99", late[int(PRESSES * 0.99) - 1], "ms", PRESSES),
            _row("memory", _memory(process.pid), "MiB", 1),
            _row("idle processor", idle, "%", 1),
        ]
    finally:
        link.farewell()
        process.kill()
        process.wait()


def _processor(pid: int) -> float:
    """Return the seconds that a process has computed for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024
