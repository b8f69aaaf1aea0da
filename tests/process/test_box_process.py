"""The installed command as its users run it: real processes, files, sockets and ptys."""

from __future__ import annotations

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
from appliance.ledger import read_entries, verify

pytestmark = pytest.mark.process

SPEED = 8.0
"""A busy machine loses a fraction of a second, and the box this many times as much."""


def autodialer(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "appliance.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)


class Bench:
    """Simulated modems and a box, each its own process."""

    def __init__(self, directory: Path) -> None:
        self.stage = Stage(directory)
        self.stage.directory.mkdir(parents=True)
        write_config(self.stage, sample_config(), lines=1, speed=SPEED)
        self.children: list[subprocess.Popen[str]] = []

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
            *("simulate", "--lines", 1, "--speed", SPEED, "--scenario", self.stage.scenario),
            *("--log", self.stage.network_log, "--link", self.stage.links),
        )
        wait_for(lambda: (self.stage.links / "line-1.audio").exists())

    def start_box(self, *arguments: str) -> subprocess.Popen[str]:
        child = self.start("--config", self.stage.config, "run", *arguments)
        wait_for(lambda: (self.stage.state / "control.sock").exists() or child.poll() is not None)
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


def test_one_person_is_called_and_the_box_ends_by_itself(bench: Bench) -> None:
    bench.people({"number": "+33199001234", **LISTENER})
    bench.start_modems()

    box = bench.start_box("--until-idle")

    assert box.wait(timeout=40) == 0
    assert bench.outcomes() == ["listened"]
    assert verify(bench.stage.state / "ledger").ok
    assert [row["number"] for row in bench.network("dialled")] == ["+33199001234"]
    assert not (bench.stage.state / "control.sock").exists()


def test_a_silent_greeting_reaches_nobody(bench: Bench) -> None:
    """The simulated callee presses 1 only after it heard; mute clips must not pass."""
    import wave

    settings = yaml.safe_load(bench.stage.config.read_text())
    for place in settings["campaign"]["clips"]["fr"].values():
        with wave.open(place) as clip:
            frames = clip.readframes(clip.getnframes())
        name = bench.stage.directory / Path(place).name
        with wave.open(str(name), "wb") as quiet:
            quiet.setnchannels(1)
            quiet.setsampwidth(2)
            quiet.setframerate(8000)
            # A clip without words is refused; half a second of them is not.
            quiet.writeframes(frames[:8000] + bytes(len(frames) - 8000))
    for role, place in settings["campaign"]["clips"]["fr"].items():
        settings["campaign"]["clips"]["fr"][role] = str(bench.stage.directory / Path(place).name)
    bench.stage.config.write_text(yaml.safe_dump(settings))
    bench.people({"number": "+33199001234", **LISTENER})
    bench.start_modems()

    box = bench.start_box("--until-idle")

    assert box.wait(timeout=40) == 0
    assert bench.outcomes() == ["declined"]


def test_the_stop_command_ends_the_call_and_is_latched_across_a_restart(bench: Bench) -> None:
    bench.people(
        {"number": "+33199001234", "behaviour": {"answer": {"patience": 60}}},
        {"number": "+33199001235", **LISTENER},
    )
    bench.start_modems()
    box = bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))

    assert bench.run("stop").returncode == 0
    wait_for(lambda: bench.outcomes() == ["stopped"])
    wait_for(lambda: bench.network("ended"))
    box.send_signal(signal.SIGTERM)
    assert box.wait(timeout=20) == 0
    bench.start_box()
    wait_for(lambda: any(line["ready"] for line in bench.status()["lines"]))

    status = bench.status()
    assert status["stopped"]
    assert status["why"]["code"] == "stopped"
    assert bench.run("resume").returncode == 1
    assert len(bench.network("dialled")) == 1
    assert bench.run("reset", "--by", "Alix", "--reason", "tested").returncode == 0
    wait_for(lambda: len(bench.outcomes()) == 2, 40)


def test_a_killed_box_calls_nobody_twice_and_leaves_no_call_behind(bench: Bench) -> None:
    bench.people({"number": "+33199001234", "behaviour": {"answer": {"patience": 600}}})
    bench.start_modems()
    box = bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))

    os.kill(box.pid, signal.SIGKILL)
    box.wait(timeout=5)
    box = bench.start_box("--until-idle")

    assert box.wait(timeout=30) == 0
    assert bench.outcomes() == ["unknown"]
    assert len(bench.network("dialled")) == 1
    assert len(bench.network("ended")) == 1


def test_a_second_box_on_the_same_state_is_refused(bench: Bench) -> None:
    bench.people({"number": "+33199001234", **LISTENER})
    bench.start_box()

    second = bench.run("run")

    assert second.returncode == 1
    assert "in use by process" in second.stderr


def test_ending_the_box_hangs_up_and_records_it(bench: Bench) -> None:
    bench.people({"number": "+33199001234", "behaviour": {"answer": {"patience": 600}}})
    bench.start_modems()
    box = bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))

    box.send_signal(signal.SIGTERM)

    assert box.wait(timeout=20) == 0
    assert len(bench.outcomes()) == 1
    assert len(bench.rows("box.stopped")) == 1
    wait_for(lambda: bench.network("ended"))


def test_pausing_and_revoking_a_running_box(bench: Bench) -> None:
    bench.people({"number": "+33199001234", "behaviour": {"answer": {"patience": 600}}})
    bench.start_modems()
    bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))

    assert bench.run("pause", "--by", "Alix").returncode == 0
    assert bench.status()["paused"]
    assert bench.run("contacts", "revoke", "0199001234").returncode == 0

    wait_for(lambda: bench.outcomes())
    assert bench.rows("consent.revoked")[0]["by"] == "command"
    answer = json.loads(bench.run("why", "0199001234", "--json").stdout)
    assert not answer["may_be_called"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "usage"),
        (("fly",), 2, "not a command"),
        (("status", "--nonsense"), 2, "unrecognized"),
        (("--config", "/nowhere/config.yaml", "check"), 2, "No such file"),
        (("--state", "/proc/nowhere", "contacts", "list"), 1, "/proc"),
        (("--state", "/nowhere/at/all", "ledger", "verify"), 1, "does not exist"),
        (("why", "112"), 1, "emergency"),
        (("contacts", "import", "/nowhere.csv"), 2, "No such file"),
        (("reset", "--by", "Alix"), 2, "--reason"),
        (("why", "0199001234", "--at", "tomorrow"), 2, "not a date and time"),
    ],
)
def test_what_is_wrong_is_said_with_the_exit_code_of_the_contract(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    if "--state" not in arguments and "--config" not in arguments:
        arguments = ("--state", str(tmp_path), *arguments)
    done = autodialer(*arguments)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
