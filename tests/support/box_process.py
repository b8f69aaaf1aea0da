"""Simulated modems and a box, each a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.cli.main import main
from appliance.config.paths import sample_config
from appliance.demo.processes import Stage, write_config
from appliance.ledger import read_entries

SPEED = 8.0
"""A busy machine loses a fraction of a second, and the box this many times as much."""


def autodialer(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "appliance.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)


class Bench:
    """Simulated modems and a box, each its own process."""

    def __init__(self, directory: Path, speed: float = SPEED) -> None:
        self.speed = speed
        self.stage = Stage(directory)
        self.stage.directory.mkdir(parents=True)
        write_config(self.stage, sample_config(), lines=1, speed=speed)
        self.children: list[subprocess.Popen[str]] = []
        self._unread: int | None = None
        """A pipe's end that is kept open and never read."""

    def people(self, *rules: dict[str, Any]) -> None:
        """Register one person per rule and tell the network how each answers."""
        header = (
            "number,name,language,timezone,purpose,consent_given_at,consent_source,"
            "consent_evidence,windows,valid_until"
        )
        rows = [
            f"{rule['number']},P,fr,Europe/Paris,neighbourhood-news,2027-01-15,form,form 1,"
            "mon-fri 18:00-20:00,"
            for rule in rules
        ]
        self.stage.contacts.write_text("\n".join([header, *rows]) + "\n")
        self.stage.scenario.write_text(yaml.safe_dump(list(rules)))
        self.enrol()

    def enrol(self) -> None:
        """Import the contacts file; in this process, which is quicker."""
        arguments = ("--config", self.stage.config, "contacts", "import", self.stage.contacts)
        assert main([str(argument) for argument in arguments]) == 0

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return autodialer("--config", self.stage.config, *arguments)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "appliance.cli.main", *map(str, arguments)]
        log = (self.stage.directory / "output.log").open("a")
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True)
        log.close()
        self.children.append(child)
        return child

    def start_modems(self) -> None:
        self.start(
            *("simulate", "--lines", 1, "--speed", self.speed, "--scenario", self.stage.scenario),
            *("--log", self.stage.network_log, "--link", self.stage.links),
        )
        wait_for(lambda: (self.stage.links / "line-1.audio").exists())

    def start_box(self, *arguments: str) -> subprocess.Popen[str]:
        child = self.start("--config", self.stage.config, "run", *arguments)
        wait_for(lambda: (self.stage.state / "control.sock").exists() or child.poll() is not None)
        return child

    def start_unread_box(self) -> subprocess.Popen[str]:
        """A box whose standard error is a pipe that is full and that nobody empties."""
        ours, theirs = os.pipe()
        os.set_blocking(theirs, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(theirs, b"x" * 4096)
        os.set_blocking(theirs, True)
        command = [sys.executable, "-m", "appliance.cli.main", "--config", str(self.stage.config)]
        child = subprocess.Popen([*command, "run"], stderr=theirs, text=True)
        os.close(theirs)
        self.children.append(child)
        self._unread = ours
        return child

    def rows(self, kind: str) -> list[dict[str, Any]]:
        entries = read_entries(self.stage.state / "ledger")
        return [entry.data for entry in entries if entry.kind == kind]

    def outcomes(self) -> list[str]:
        return [row["outcome"] for row in self.rows("call.ended")]

    def status(self) -> dict[str, Any]:
        done = self.run("status", "--json")
        assert done.returncode == 0, done.stderr
        status: dict[str, Any] = json.loads(done.stdout)
        return status

    def network(self, event: str) -> list[dict[str, Any]]:
        # The last line may be half written yet.
        lines = self.stage.network_log.read_text().rpartition("\n")[0].splitlines()
        return [row for row in map(json.loads, lines) if row["event"] == event]


def wait_for(condition: Any, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "state")
    yield bench
    for child in reversed(bench.children):
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            child.wait(timeout=20)


LISTENER = {"behaviour": {"answer": {"keys": [{"key": "1", "heard": 3.0}], "patience": 120}}}
"""Waits ten real seconds for a sound: a busy machine makes pauses that nobody meant."""
