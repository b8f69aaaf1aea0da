"""How long hostile requests and files keep a running box from its calls, and how much they hold.

The box runs in a process of its own on a simulated modem. A metronome in that process wakes each
few milliseconds, and notes by how much it came late: whoever holds the interpreter, the decision
loop or a technician's thread, holds up the metronome as he holds up the calls. A quiet spell
gives the floor of the machine. The loop's own longest turn is noted besides.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from appliance.config.paths import sample_config
from appliance.control.protocol import SOCKET_NAME, ControlClient
from appliance.demo.processes import Stage, start_modems, write_config
from appliance.errors import NobodyListens, Refused
from appliance.people.contacts_format import COLUMNS
from bench.process_usage import resident_mib

Row = dict[str, object]
Hostile = Callable[[Path], None]

_BOX = """
import json, signal, sys, threading, time
from pathlib import Path
from appliance.cli.main import main
from appliance.daemon.daemon import Daemon

where, latest = Path(sys.argv[1]), [0.0, 0.0]
began = [0.0]

def metronome():
    while True:
        before = time.monotonic()
        time.sleep(0.002)
        latest[0] = max(latest[0], time.monotonic() - before - 0.002)

def tell(*_):
    where.write_text(json.dumps(latest))
    latest[:] = [0.0, 0.0]

collect = Daemon._collect
def timed(self):
    if began[0]:
        latest[1] = max(latest[1], time.monotonic() - began[0])
    batch = collect(self)
    began[0] = time.monotonic()
    return batch
Daemon._collect = timed
signal.signal(signal.SIGUSR1, tell)
threading.Thread(target=metronome, daemon=True).start()
sys.exit(main(["--config", sys.argv[2], "run"]))
"""


def _import(contents: bytes) -> Hostile:
    def send(state: Path) -> None:
        with ControlClient(state) as client:
            client.ask("contacts.import", {"file": "x", "contents": contents, "dry_run": True})

    return send


def _raw(*parts: bytes) -> Hostile:
    def send(state: Path) -> None:
        with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            connection.connect(str(state / SOCKET_NAME))
            for part in parts:
                connection.sendall(part)
            connection.recv(1 << 16)

    return send


def _crowd(state: Path) -> None:
    clients = []
    for _ in range(60):
        client = ControlClient(state)
        client.ask("status")
        clients.append(client)
    for client in clients:
        client.close()


def _people(count: int) -> bytes:
    row = "Ada,fr,Europe/Paris,neighbourhood-news,2026-09-01,form,form 3,mon-fri 18:00-20:00,"
    rows = (f"+3363998{number % 10000:04d},{row}" for number in range(count))
    return "\n".join([",".join(COLUMNS), *rows]).encode()


HEADER = ",".join(COLUMNS).encode()
HOSTILE: dict[str, Hostile] = {
    "nothing": lambda _: time.sleep(1.0),
    "header of 10 MB": _import(b"x" * (10 << 20)),
    "header of 300,000 separators": _import(b"," * 300_000 + b"\n"),
    "a million empty rows": _import(HEADER + b"\n" + b",,,,,,,,,\n" * 1_000_000),
    "23 MB without a line end": _import(HEADER + b"\n" + b"x" * (23 << 20)),
    "23 MB that are no UTF-8": _import(HEADER + b"\n" + b"a" * (23 << 20) + b"\xff\n"),
    "100,000 rows, each twice": _import(_people(100_000)),
    "a quoted cell without end": _import(HEADER + b'\n"' + b"a,\n" * 300_000),
    "2 MB of brackets": _raw(b"[" * (2 << 20) + b"\n"),
    "an integer of 2 million digits": _raw(
        b'{"operation":"status","arguments":{"a":' + b"9" * 2_000_000 + b"}}\n"
    ),
    "200,000 keys": _raw(
        json.dumps(
            {"operation": "status", "arguments": dict.fromkeys(map(str, range(150_000)), 1)}
        ).encode()
        + b"\n"
    ),
    "a line without end": _raw(b"x" * (3 << 20)),
    "60 clients": _crowd,
}


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        stage = Stage(Path(directory) / "box")
        stage.directory.mkdir(parents=True)
        write_config(stage, sample_config(), lines=1, speed=1.0)
        stage.scenario.write_text(
            yaml.safe_dump([{"number": "*", "behaviour": {"answer": {"patience": 600}}}]),
            encoding="utf-8",
        )
        modems = start_modems(stage, lines=1, speed=1.0, seed=1)
        notes = Path(directory) / "notes.json"
        box = subprocess.Popen([sys.executable, "-c", _BOX, str(notes), str(stage.config)])
        try:
            _wait_for(lambda: (stage.state / SOCKET_NAME).exists())
            time.sleep(3)
            return [row for name in HOSTILE for row in _measured(name, stage.state, box, notes)]
        finally:
            box.terminate()
            box.wait(30)
            modems.end()


def _measured(name: str, state: Path, box: subprocess.Popen[bytes], notes: Path) -> list[Row]:
    _told(box, notes)
    with contextlib.suppress(Refused, NobodyListens):
        HOSTILE[name](state)
    late, turn = _told(box, notes)
    return [
        {"name": f"hostile: {name}, interpreter held", "value": late, "unit": "ms", "n": 1},
        {"name": f"hostile: {name}, longest turn", "value": turn, "unit": "ms", "n": 1},
        {
            "name": f"hostile: {name}, memory afterwards",
            "value": resident_mib(box.pid),
            "unit": "MiB",
            "n": 1,
        },
    ]


def _told(box: subprocess.Popen[bytes], notes: Path) -> tuple[float, float]:
    import signal

    notes.unlink(missing_ok=True)
    box.send_signal(signal.SIGUSR1)
    _wait_for(lambda: notes.exists() and notes.stat().st_size > 0)
    late, turn = (round(1000 * seconds, 1) for seconds in json.loads(notes.read_text()))
    return late, turn


def _wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("waited in vain")
        time.sleep(0.02)
