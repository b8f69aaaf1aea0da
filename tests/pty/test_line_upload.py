"""A clip that is cut off on its way to the module: the module must not stay deaf."""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import firmware.modem.modem
from firmware.clock import SystemClock
from firmware.errors import CommandAborted, CommandTimeout
from firmware.events import LineReady
from firmware.modem.modem import VoiceModem
from firmware.modem.port_users import Holder
from firmware.modem.port_writer import HANG_UP, PortWriter
from firmware.simulator.host import Simulation
from firmware.simulator.network.scenario import Answer, Fault, FaultKind, LineScenario, Scenario
from tests.support.line_bench import Bench, bench, rule, tone

pytestmark = pytest.mark.pty

STORING = ("sim7600", "a76xx", "quectel", "sim800")
ANSWERS = Answer(rings_in=1.0, after=1.0, patience=1e6)
CUT = {"sim800": 3000}
"""Bytes of a payload after which it is cut off; SIM800 takes parts of 4096."""


def declared(family: str, size: int = 60_000) -> str:
    upload = {
        "sim7600": f'AT+CFTRANRX="E:/x.wav",{size}',
        "a76xx": f'AT+CFTRANRX="C:/x.wav",{size}',
        "quectel": f'AT+QFUPL="x.wav",{size}',
        "sim800": "AT+FSWRITE=C:\\User\\x.wav,1,4096,10",
    }
    return upload[family]


@pytest.mark.parametrize("family", STORING)
def test_a_stop_during_an_upload_leaves_a_line_that_serves(
    tmp_path: Path, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[int] = []
    whole = PortWriter.write

    def write(self: PortWriter, data: bytes, epoch: int, label: str) -> None:
        size = CUT.get(family, 20_000)
        if label == "filler" and len(cut) < 3:
            # Pressed again and again.
            cut.append(0)
            place[0].line.emergency_hang_up()
        if cut or len(data) < 4000:
            whole(self, data, epoch, label)
            return
        cut.append(size)
        whole(self, data[:size], epoch, label)
        assert started.wait(10)
        place[0].line.emergency_hang_up()
        whole(self, data[size:], epoch, label)

    place: list[Bench] = []
    started = threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(PortWriter, "write", write)
        with bench(
            tmp_path, family=family, scenario=rule(ANSWERS), audio="module", ready=False
        ) as b:
            place.append(b)
            started.set()
            b.wait(LineReady)
            assert cut
            # What was filled up has the right length, and is no clip.
            modem = b.simulation.lines[0].modem
            clips = {bytes(tone(2.0).pcm), bytes(tone(3.0).pcm)}
            stored = [modem.storage.read(name) for name, _ in modem.storage.names()]
            kept = {data[44:] for data in stored if data is not None}
            assert kept == clips


@contextmanager
def simulated(family: str, tmp_path: Path, scenario: Scenario) -> Iterator[str]:
    with Simulation(
        [family], scenario, SystemClock(8.0), links=tmp_path / "links", log=tmp_path / "log"
    ) as simulation:
        yield simulation.lines[0].at_path


@pytest.mark.parametrize("family", STORING)
def test_a_start_frees_a_module_that_waits_for_the_rest_of_a_file(
    tmp_path: Path, family: str
) -> None:
    """The box was killed while it sent a clip; the module kept its power."""
    with simulated(family, tmp_path, Scenario()) as port:
        if family == "sim800":
            said(port, b"AT+FSCREATE=C:\\User\\x.wav\r")
        assert (
            b">" in (answer := said(port, declared(family).encode() + b"\r")) or b"CONN" in answer
        )
        said(port, bytes(1000), wait=0)
        modem = opened(port, 80_000)
        modem.open(timeout=0.3)
        try:
            assert modem.command("AT").final.ok
        finally:
            modem.close()


def opened(port: str, largest_file: int) -> VoiceModem:
    return VoiceModem(
        port, on_urc=lambda _: None, on_lost=lambda _: None, largest_file=largest_file
    )


def test_a_module_that_is_dead_is_fed_no_more_than_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firmware.modem.modem, "FED_SECONDS", 0.05)
    dead = Scenario(lines=(LineScenario(line=1, faults=(Fault(kind=FaultKind.DEAD),)),))
    fed: list[int] = []
    whole = PortWriter.write

    def write(self: PortWriter, data: bytes, epoch: int, label: str) -> None:
        if label == "filler":
            fed.append(len(data))
        whole(self, data, epoch, label)

    monkeypatch.setattr(PortWriter, "write", write)
    with simulated("sim7600", tmp_path, dead) as port:
        with pytest.raises(CommandTimeout, match="nothing on"):
            opened(port, 10_000).open(timeout=0.2)
        assert sum(fed) == 3 * 4096
        fed.clear()
        with pytest.raises(CommandTimeout):
            opened(port, 0).open(timeout=0.2)
        assert fed == []


def test_a_port_that_another_program_has_open_is_not_fed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be who takes the answers, and the filler would go into its session."""
    rival = Holder(pid=4242, name="minicom")
    monkeypatch.setattr("firmware.modem.port_users.holders", lambda _port: (rival,))
    dead = Scenario(lines=(LineScenario(line=1, faults=(Fault(kind=FaultKind.DEAD),)),))
    labels: list[str] = []
    whole = PortWriter.write

    def write(self: PortWriter, data: bytes, epoch: int, label: str) -> None:
        labels.append(label)
        whole(self, data, epoch, label)

    monkeypatch.setattr(PortWriter, "write", write)
    with simulated("sim7600", tmp_path, dead) as port:
        with pytest.raises(CommandTimeout, match="nothing on") as silent:
            opened(port, 10_000).open(timeout=0.2)
        assert labels
        assert "filler" not in labels
        assert silent.value.remedy.startswith("it is also open in minicom (pid 4242)")


def test_a_stop_ends_the_feeding_and_is_the_last_on_the_wire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    whole = PortWriter.write

    def write(self: PortWriter, data: bytes, epoch: int, label: str) -> None:
        whole(self, data, epoch, label)
        if label == "filler" and len(sent) < 40:
            modem.emergency_hang_up()

    monkeypatch.setattr(PortWriter, "write", write)
    with simulated("sim7600", tmp_path, Scenario()) as port:
        said(port, declared("sim7600").encode() + b"\r")
        modem = VoiceModem(
            port,
            on_urc=lambda _: None,
            on_lost=lambda _: None,
            trace=lambda way, data, _: sent.append(data) if way == "tx" else None,
            largest_file=80_000,
        )
        with pytest.raises(CommandAborted):
            modem.open(timeout=0.2)
        assert sent[-1].endswith(HANG_UP)


def said(port: str, data: bytes, wait: float = 5.0) -> bytes:
    """Write like a program that dies then; return what came first."""
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(descriptor)
        os.write(descriptor, data)
        answer = b""
        while wait and select.select([descriptor], [], [], wait)[0]:
            answer += os.read(descriptor, 4096)
            if answer.endswith((b"OK\r\n", b">", b"CONNECT\r\n")):
                break
        return answer
    finally:
        os.close(descriptor)
