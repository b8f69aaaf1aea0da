"""The processes of the demonstration: simulated modems and the box, as people start them."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from appliance.control.protocol import ControlClient
from appliance.errors import NobodyListens, Refused
from firmware.simulator.families.table import PERSONALITIES
from firmware.simulator.modem.personality import VoicePath
from firmware.wording import worded
from firmware.yaml_document import read_document

START_WITHIN = 30.0
"""Real seconds that a process may take until it can be talked to."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one demonstration keeps its files, all below its state directory."""

    state: Path

    @property
    def directory(self) -> Path:
        return self.state / "demo"

    @property
    def config(self) -> Path:
        return self.directory / "config.yaml"

    @property
    def contacts(self) -> Path:
        return self.directory / "contacts.csv"

    @property
    def rejects(self) -> Path:
        return self.directory / "rejects.csv"

    @property
    def scenario(self) -> Path:
        return self.directory / "scenario.yaml"

    @property
    def network_log(self) -> Path:
        return self.directory / "network.jsonl"

    @property
    def recordings(self) -> Path:
        """The campaign's clips, as the simulated network is told them."""
        return self.directory / "recordings"

    @property
    def links(self) -> Path:
        return self.directory / "lines"

    @property
    def log(self) -> Path:
        return self.directory / "box.log"


def write_config(
    stage: Stage,
    shipped: Path,
    *,
    lines: int,
    speed: float,
    families: Sequence[str] = ("sim7600",),
) -> None:
    """Write the shipped configuration with *lines* simulated modems and the demo's speed.

    *families* are given out in turn; one without a voice port plays clips from its own store.
    """
    settings: Any = read_document(shipped).value
    base = shipped.resolve().parent
    settings["box"]["state"] = str(stage.state)
    for group in settings["campaign"]["clips"].values():
        for role, place in group.items():
            group[role] = str(base / place)
    settings["lines"] = [
        {
            "name": f"line-{number}",
            "port": str(stage.links / f"line-{number}.at"),
            "emergency_port": str(stage.links / f"line-{number}.at2"),
            "audio": "module"
            if PERSONALITIES[families[(number - 1) % len(families)]].voice_path is VoicePath.NONE
            else str(stage.links / f"line-{number}.audio"),
            "family": "auto",
            "bench": True,
        }
        for number in range(1, lines + 1)
    ]
    settings["clock"]["speed"] = speed
    text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
    stage.config.write_text(text, encoding="utf-8")


def autodialer(*arguments: str) -> list[str]:
    """Return the command line of this very installation."""
    return [sys.executable, "-m", "appliance.cli.main", *arguments]


def run_command(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the box to its end, as a technician would."""
    return subprocess.run(
        autodialer("--config", str(stage.config), *arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


class Process:
    """A child process whose output goes to a file."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self._log: IO[bytes] = log.open("ab")
        self._child = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # A Ctrl-C at the terminal ends the demonstration, which then ends its children.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        return self._child.poll()

    def signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def kill(self) -> None:
        """Cut its power, as far as a program can."""
        self._child.kill()
        self._child.wait()

    def end(self, within: float = 15.0) -> int:
        """Ask it to end, and make it end; returns its exit code."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(timeout=within)
            except subprocess.TimeoutExpired:
                self._child.kill()
        code = self._child.wait()
        self._log.close()
        return code


def start_modems(
    stage: Stage,
    *,
    lines: int,
    speed: float,
    seed: int,
    families: Sequence[str] = ("sim7600",),
    recordings: Sequence[Path] = (),
) -> Process:
    """Start the simulated modems, *families* in turn, and wait until their ports exist.

    The callees recognise *recordings* when they hear them.
    """
    recognise = ("--recognise", *map(str, recordings)) if recordings else ()
    process = Process(
        autodialer(
            "simulate",
            *("--lines", str(lines), "--speed", str(speed), "--seed", str(seed)),
            *("--scenario", str(stage.scenario), "--log", str(stage.network_log)),
            *("--link", str(stage.links), "--family", ",".join(families)),
            *recognise,
        ),
        stage.directory / "modems.log",
    )
    # The last port that a simulation makes: its modems' second, or the voice of the last one.
    voiced = PERSONALITIES[families[(lines - 1) % len(families)]].voice_path is not VoicePath.NONE
    last = stage.links / f"line-{lines}.{'audio' if voiced else 'at2'}"
    _wait(process, last.exists, stage, "modems.log")
    return process


class BoxProcess:
    """The box as its own process, and the connection to its control socket."""

    def __init__(self, stage: Stage, *, until_idle: bool = True) -> None:
        self._stage = stage
        options = ("--until-idle",) if until_idle else ()
        self._process = Process(
            autodialer("--config", str(stage.config), "run", *options), stage.log
        )
        self._client: ControlClient | None = None
        _wait(self._process, self._connect, stage, "box.log")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.exit_code

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Ask the running box; returns None where it has just ended."""
        if self._client is None:
            return None
        try:
            return self._client.ask(operation, arguments)
        except NobodyListens:
            return None

    def kill(self) -> None:
        self._disconnect()
        self._process.kill()

    def end(self) -> int:
        self._disconnect()
        return self._process.end()

    def _connect(self) -> bool:
        with contextlib.suppress(NobodyListens, FileNotFoundError, Refused):
            self._client = ControlClient(self._stage.state)
        return self._client is not None

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _wait(process: Process, ready: Any, stage: Stage, log: str) -> None:
    deadline = time.monotonic() + START_WITHIN
    while not ready():
        code = process.exit_code
        if code is not None or time.monotonic() > deadline:
            what = (
                worded("ended with {code}", code=code)
                if code is not None
                else worded("did not start in time")
            )
            process.end(within=1.0)
            raise Refused(
                worded("a part of the demonstration {what}", what=what),
                worded("see {directory}", directory=stage.directory / log),
            )
        time.sleep(0.02)
