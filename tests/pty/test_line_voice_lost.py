"""A voice port that dies while the AT port lives: nobody is called into silence, the line heals."""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from firmware.call.live_call import LiveCall
from firmware.events import (
    AudioFailed,
    Cause,
    ClipFinished,
    ClipStarted,
    Dialled,
    Ended,
    LineFault,
    LineReady,
    Ringing,
)
from firmware.orders import HangUp
from firmware.simulator.network.scenario import Answer, NoAnswer, Scenario
from tests.support.line_bench import PATIENCE, Bench, bench, rule

pytestmark = pytest.mark.pty

ANSWERS = rule(Answer(rings_in=1.0, after=1.0, patience=1e6))


class VoicePort:
    """A port between the line and the simulated modem's voice, which can be pulled by itself."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self._ours, theirs = os.openpty()
        tty.setraw(theirs)
        name.symlink_to(os.ttyname(theirs))
        self._theirs = theirs
        self._pulled = threading.Event()
        self._simulated = -1
        self._carriers: list[threading.Thread] = []

    def join(self, simulated: str | None) -> None:
        assert simulated is not None
        end = self._simulated = os.open(simulated, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(end)
        for ends in ((self._ours, end), (end, self._ours)):
            carrier = threading.Thread(target=self._carry, args=ends, daemon=True)
            carrier.start()
            self._carriers.append(carrier)

    def pull(self) -> None:
        """The port is gone, name and all."""
        if self._pulled.is_set():
            return
        self._pulled.set()
        # A descriptor that somebody still reads stays open behind its close.
        for carrier in self._carriers:
            carrier.join(PATIENCE)
        self.name.unlink()
        for descriptor in (self._theirs, self._ours, self._simulated):
            os.close(descriptor)

    def plug(self, simulated: str | None) -> None:
        """The port is back under its name."""
        assert simulated is not None
        self.name.symlink_to(simulated)

    def _carry(self, source: int, sink: int) -> None:
        while not self._pulled.is_set():
            if select.select([source], [], [], 0.02)[0]:
                os.write(sink, os.read(source, 4096))


@contextmanager
def pulled(tmp_path: Path, scenario: Scenario) -> Iterator[tuple[Bench, VoicePort]]:
    port = VoicePort(tmp_path / "voice")
    try:
        with bench(tmp_path, scenario=scenario, audio=str(port.name)) as b:
            port.join(b.simulation.lines[0].audio_path)
            yield b, port
    finally:
        port.pull()


def test_a_port_that_dies_between_calls_takes_the_line_down_until_it_is_back(
    tmp_path: Path,
) -> None:
    with pulled(tmp_path, ANSWERS) as (b, port):
        port.pull()
        fault = b.wait(LineFault)
        assert fault.fault == "audio-unusable"
        assert "cable" in fault.remedy
        assert b.line.describe()["ready"] is False
        b.dial()
        assert b.wait(Ended).cause is Cause.FAILED
        assert b.of(Dialled) == []
        port.plug(b.simulation.lines[0].audio_path)
        b.wait(LineReady, count=2)
        b.dial("a2")
        assert b.wait(ClipStarted).attempt == "a2"
        b.line.order(HangUp(line="one", attempt="a2"))
        b.wait(Ended, attempt="a2")


def test_a_port_that_dies_while_the_greeting_plays_is_told_and_keeps_the_next_call_away(
    tmp_path: Path,
) -> None:
    with pulled(tmp_path, ANSWERS) as (b, port):
        b.dial()
        b.wait(ClipStarted)
        port.pull()
        assert "lost" in b.wait(AudioFailed).detail
        b.line.order(HangUp(line="one", attempt="a1"))
        ended = b.wait(Ended)
        assert ended.confirmed
        told = [event for event in b.events if isinstance(event, LineFault | Ended)]
        assert isinstance(told[0], LineFault), "the next Dial waits for the end only"
        assert (told[0].fault, told[1]) == ("audio-unusable", ended)
        b.dial("a2")
        assert b.wait(Ended, attempt="a2").cause is Cause.FAILED
        assert len(b.of(Dialled)) == 1


def test_a_port_that_dies_while_it_rings_is_told_before_anybody_answers(tmp_path: Path) -> None:
    with pulled(tmp_path, rule(NoAnswer(rings_in=1.0))) as (b, port):
        b.dial()
        b.wait(Ringing)
        port.pull()
        assert "lost" in b.wait(AudioFailed).detail
        b.line.order(HangUp(line="one", attempt="a1"))
        assert b.wait(Ended).confirmed
        assert b.wait(LineFault).fault == "audio-unusable"


def test_a_box_that_fails_at_listening_says_so_and_keeps_the_next_call_away(
    tmp_path: Path, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody may have objected, and nobody heard it."""
    mocker.patch.object(LiveCall, "downlink", side_effect=RuntimeError("detector broke"))
    with bench(tmp_path, scenario=ANSWERS) as b:
        b.dial()
        # Speech comes both ways from the start; by the end of the clip some of it has failed.
        b.wait(ClipFinished)
        b.line.order(HangUp(line="one", attempt="a1"))
        ended = b.wait(Ended)
        told = [event for event in b.events if isinstance(event, LineFault | Ended)]
        assert isinstance(told[0], LineFault)
        assert (told[0].fault, told[1]) == ("internal-error", ended)
        b.wait(LineReady, count=2)
        voice = b.line.describe()["voice"]
        assert isinstance(voice, dict)
        assert voice["callback_errors"] > 0, "also once the line is back"
        assert caplog.text.count("RuntimeError: detector broke") == 1
