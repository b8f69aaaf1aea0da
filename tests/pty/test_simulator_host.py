"""The simulator on real pseudo-terminals, driven by an ordinary serial program."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import serial

from firmware.clock import SystemClock
from firmware.simulator.host import Simulation, simulated_lines
from firmware.simulator.network.scenario import (
    Answer,
    Fault,
    FaultKind,
    IncomingCall,
    KeyPress,
    NumberRule,
    Scenario,
)
from firmware.simulator.ports import SimulatedLine

pytestmark = pytest.mark.pty

NUMBER = "+33639980001"
SPEED = 20.0
LISTENS = Answer(rings_in=1, after=1, keys=(KeyPress(key="1", heard=1.0),), hangs_up_after=4)
TONE = (6000 * np.sin(2 * np.pi * 500 * np.arange(160) / 8000)).astype("<i2").tobytes()


def world(behaviour: Answer = LISTENS, *faults: Fault) -> Scenario:
    return Scenario(numbers=(NumberRule(number="*", behaviours=(behaviour,), faults=faults),))


class Terminal:
    """As much of a serial program as these tests need."""

    def __init__(self, path: str) -> None:
        self.port = serial.Serial(path, 115200, timeout=0.01, exclusive=True)
        self.seen = b""

    def send(self, line: str) -> None:
        self.port.write(line.encode() + b"\r")

    def until(self, text: bytes, seconds: float = 5.0) -> bytes:
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < deadline, (text, self.seen)
            self.seen += self.port.read(4096)
        seen, self.seen = self.seen, b""
        return seen

    def close(self) -> None:
        self.port.close()


@pytest.fixture
def threads_end() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def stream(path: str, clock: SystemClock, seconds: float, received: bytearray) -> int:
    """Play a tone in real time; return how many milliseconds of it were sent."""
    with serial.Serial(path, 115200, timeout=0, write_timeout=1) as port:
        start, sent = clock.monotonic(), 0
        while clock.monotonic() - start < seconds:
            while sent * 0.02 < clock.monotonic() - start:
                port.write(TONE)
                sent += 1
            received += port.read(65536)
            time.sleep(0.001)
    return sent * 20


def test_a_call_with_audio_both_ways(tmp_path: Path, threads_end: None) -> None:
    clock = SystemClock(SPEED)
    log = tmp_path / "network.jsonl"
    with Simulation(["sim7600"], world(), clock, log=log) as simulation:
        line = simulation.lines[0]
        assert line.audio_path is not None
        terminal = Terminal(line.at_path)
        terminal.send("ATE0")
        terminal.until(b"OK")
        terminal.send(f"ATD{NUMBER};")
        terminal.until(b"BEGIN")
        terminal.send("AT+CPCMREG=1")
        terminal.until(b"OK")
        received = bytearray()
        sent = stream(line.audio_path, clock, 3.0, received)
        seen = terminal.until(b"NO CARRIER")
        assert b"+RXDTMF: 1" in seen
        terminal.close()
    events = [json.loads(text) for text in log.read_text().splitlines()]
    assert {event["port"] for event in events} == {line.port_name}
    names = [event["event"] for event in events if event["event"] not in ("sound", "hung_up")]
    assert names == ["dialled", "ringing", "answered", "key", "audio", "ended"]
    by_name = {event["event"]: event for event in events}
    assert by_name["dialled"]["number"] == NUMBER
    assert by_name["key"]["key"] == "1"
    assert 1000 <= by_name["audio"]["milliseconds"] <= sent
    assert by_name["dialled"]["at"].endswith("Z")
    assert np.abs(np.frombuffer(bytes(received[: len(received) & ~1]), "<i2")).max() > 8000


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[SimulatedLine]:
    lost = Fault(kind=FaultKind.USB_LOSS, after=2, seconds=2)
    scenario = world(Answer(rings_in=1, after=60), lost)
    with simulated_lines(
        ["sim7600"], scenario, SystemClock(SPEED), links=tmp_path / "dev"
    ) as lines:
        yield lines[0]


def test_usb_loss_and_return_under_the_same_link(linked: SimulatedLine) -> None:
    link = Path(linked.at_path)
    terminal = Terminal(linked.at_path)
    terminal.send(f"ATD{NUMBER};")
    with pytest.raises(serial.SerialException):
        terminal.until(b"never")
    terminal.close()
    assert not link.exists()
    deadline = time.monotonic() + 5
    while not link.exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    terminal = Terminal(linked.at_path)
    terminal.send("AT")
    terminal.until(b"OK")
    terminal.close()


def test_two_interfaces_of_one_modem() -> None:
    with simulated_lines(["sim7600"], world(), SystemClock(SPEED)) as lines:
        assert lines[0].second_at_path is not None
        first, second = Terminal(lines[0].at_path), Terminal(lines[0].second_at_path)
        first.send(f"ATD{NUMBER};")
        first.until(b"OK")
        second.send("AT+CHUP")
        second.until(b"OK")
        second.send("AT+CLCC")
        assert b"+CLCC" not in second.until(b"OK").replace(b"AT+CLCC", b"")
        first.close()
        second.close()


def test_an_incoming_call_from_the_test() -> None:
    with Simulation(["generic"], world(), SystemClock(SPEED)) as simulation:
        terminal = Terminal(simulation.lines[0].at_path)
        simulation.call_line(1, IncomingCall(at=0, number=NUMBER))
        terminal.until(b"RING")
        assert simulation.live_calls() == ["line-1"]
        terminal.send("AT+CHUP")
        terminal.until(b"OK")
        assert simulation.live_calls() == []
        terminal.close()


def test_a_host_that_never_reads_costs_nothing_but_its_own_bytes() -> None:
    with simulated_lines(["sim7600"], world(), SystemClock(SPEED)) as lines:
        terminal = Terminal(lines[0].at_path)
        for _ in range(300):
            terminal.send("AT+CLAC")
        time.sleep(0.05)
        terminal.port.reset_input_buffer()
        terminal.until(b"OK")
        terminal.close()


def test_mixed_families_each_with_its_own_ports() -> None:
    families = ["sim7600", "generic", "a76xx", "sim800", "quectel", "huawei"]
    with simulated_lines(families, world(), SystemClock(SPEED)) as lines:
        assert [line.audio_path is not None for line in lines] == [
            True,
            True,
            False,
            False,
            True,
            True,
        ]
        models = []
        for line in lines:
            terminal = Terminal(line.at_path)
            terminal.send("ATE0")
            terminal.until(b"OK")
            terminal.send("AT+CGMM")
            models.append(terminal.until(b"OK").split()[0].decode())
            terminal.close()
        assert len(set(models)) == 6


COMMAND = (
    "import sys; from appliance.cli.main import main; sys.exit(main(['simulate', *sys.argv[1:]]))"
)


def run_command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    links = tmp_path / "dev"
    log = tmp_path / "log"
    process = run_command(
        *("--family", "sim7600,generic", "--lines", "3", "--json"),
        *("--link", str(links), "--log", str(log), "--speed", "20"),
    )
    assert process.stdout is not None
    described = [json.loads(process.stdout.readline()) for _ in range(3)]
    assert [line["family"] for line in described] == ["sim7600", "generic", "sim7600"]
    terminal = Terminal(described[2]["at"])
    terminal.send(f"ATD{NUMBER};")
    terminal.until(b"OK")
    terminal.close()
    process.send_signal(number)
    out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (0, "", "")
    assert list(links.iterdir()) == []
    first = json.loads(log.read_text().splitlines()[0])
    assert (first["event"], first["port"]) == ("dialled", str(links / "line-3.at"))


@pytest.mark.process
def test_the_command_in_plain_words() -> None:
    process = run_command("--family", "a76xx")
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words[:3] == ["line-1", "a76xx", "at"]
    assert words[4:] == ["audio", "none"]
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--family", "nokia"), "unknown family 'nokia'"),
        (("--lines", "0"), "--lines must be from 1 to 64"),
        (("--speed", "0"), "--speed must be from 0.01 to 1000"),
        (("--scenario", "/nowhere.yaml"), "/nowhere.yaml:1:1: cannot be read"),
    ],
)
def test_mistakes_on_the_command_line(arguments: tuple[str, ...], message: str) -> None:
    process = run_command(*arguments)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert message in errors
