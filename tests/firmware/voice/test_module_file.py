"""Playing stored clips: orders, notices and their races, with a scripted module."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from firmware.at.outcomes import Reply
from firmware.at.results import Final, FinalKind
from firmware.clips.clip import Clip
from firmware.errors import CommandAborted, CommandTimeout, LinkLost
from firmware.families.a76xx import A76XX
from firmware.families.sim7600 import SIM7600
from firmware.voice import module_file
from firmware.voice.module_file import ModuleFilePath
from firmware.voice.path import AudioCallbacks, AudioPath

WAIT = 5.0
GREETING = Clip(name="greeting", pcm=b"\1\2" * 8000)
MESSAGE = Clip(name="message", pcm=b"\3\4" * 16000)
OK = Final(kind=FinalKind.OK, code=None, text="OK")
ERROR = Final(kind=FinalKind.ERROR, code=None, text="ERROR")


class StillClock:
    """Time moves when the test says so; waits are short."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def real(self, seconds: float) -> float:
        return seconds / 1000


class Module:
    """Answers commands as scripted; tells the test of each."""

    def __init__(self) -> None:
        self.emergency_count = 0
        self.sent: queue.Queue[str] = queue.Queue()
        self.answers: dict[str, list[Final | Exception]] = {}
        self.gate = threading.Event()
        self.gate.set()

    def command(
        self,
        text: str,
        *,
        timeout: float = 2.0,
        dial: bool = False,
        payload: bytes | None = None,
        epoch: int | None = None,
    ) -> Reply:
        if payload is not None or text.startswith(("AT+FS", "AT+CFTRANRX")):
            return Reply(final=ERROR if text.startswith("AT+FSA") else OK)
        if epoch is not None and epoch != self.emergency_count:
            raise CommandAborted("thrown out")
        self.sent.put(text.partition("=")[0])
        self.gate.wait(WAIT)
        waiting = self.answers.get(text.partition("=")[0])
        answer = waiting.pop(0) if waiting else OK
        if isinstance(answer, Exception):
            raise answer
        return Reply(final=answer)

    def emergency_hang_up(self) -> None: ...

    def next(self) -> str:
        return self.sent.get(timeout=WAIT).removeprefix("AT+CCMX").removesuffix("WAV")


class Rig:
    def __init__(self) -> None:
        self.module = Module()
        self.clock = StillClock()
        self.told: queue.Queue[tuple[Any, ...]] = queue.Queue()
        assert SIM7600.stored_clips is not None
        self.path = ModuleFilePath(
            self.module,
            SIM7600.stored_clips,
            clock=self.clock,
            callbacks=AudioCallbacks(
                on_started=lambda *what: self.told.put(("started", *what[:-1])),
                on_finished=lambda *what: self.told.put(("finished", *what[:-1])),
                on_downlink=lambda *what: self.told.put(("heard", *what[:-1])),
                on_failed=lambda *what: self.told.put(("failed", *what[:-1])),
            ),
        )
        self.path.prepare([GREETING, MESSAGE])
        self.path.open()

    def next(self) -> tuple[Any, ...]:
        return self.told.get(timeout=WAIT)

    def ended(self, *, failed: bool = False) -> None:
        self.path.played(failed=failed, at=self.clock.now)

    def playing(self, clip: Clip = GREETING) -> None:
        self.path.play(clip)
        self.path.start()
        assert self.module.next() == "PLAY"
        assert self.next() == ("started", clip.name)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(module_file, "SETTLE", 0.02)
    rig = Rig()
    yield rig
    rig.module.gate.set()
    rig.path.close()


def test_it_is_a_path_that_hears_nothing(rig: Rig) -> None:
    path: AudioPath = rig.path
    assert (path.kind, path.hears) == ("module-file", False)


def test_a_clip_asked_for_before_the_voice_is_on_plays_when_it_is(rig: Rig) -> None:
    rig.path.play(GREETING)
    assert rig.module.sent.empty()
    rig.path.start()
    assert rig.module.next() == "PLAY"
    assert rig.next() == ("started", "greeting")
    rig.clock.now += 1.0
    rig.ended()
    assert rig.next() == ("finished", "greeting", 1000, True)


def test_an_end_before_its_time_is_not_complete(rig: Rig) -> None:
    rig.playing()
    rig.clock.now += 0.4
    rig.ended()
    assert rig.next() == ("finished", "greeting", 400, False)


def test_the_next_clip_stops_the_first_and_its_late_notice_ends_nothing(rig: Rig) -> None:
    rig.playing()
    rig.clock.now += 0.3
    rig.path.play(MESSAGE)
    assert rig.module.next() == "STOP"
    assert rig.next() == ("finished", "greeting", 300, False)
    assert rig.module.next() == "PLAY", "also where no notice of the stop came"
    assert rig.next() == ("started", "message")
    rig.clock.now += 0.1
    rig.ended()
    assert rig.told.empty(), "that was the greeting's"
    rig.clock.now += 1.9
    rig.ended()
    assert rig.next() == ("finished", "message", 2000, True)


def test_silence_stops_the_clip(rig: Rig) -> None:
    rig.playing()
    rig.path.silence()
    assert rig.module.next() == "STOP"
    assert rig.next() == ("finished", "greeting", 0, False)
    rig.ended()
    assert rig.told.empty()


def test_mute_lets_nothing_start_until_the_next_call(rig: Rig) -> None:
    rig.playing()
    rig.module.emergency_count += 1
    rig.path.mute()
    assert rig.module.next() == "STOP"
    assert rig.next() == ("finished", "greeting", 0, False)
    rig.path.play(MESSAGE)
    rig.path.stop()
    rig.path.start()
    rig.path.play(GREETING)
    assert rig.module.next() == "PLAY"
    assert rig.next() == ("started", "greeting")


def test_a_clip_asked_for_after_an_idle_emergency_is_played(rig: Rig) -> None:
    rig.path.mute()
    rig.path.play(GREETING)
    rig.path.start()
    assert rig.next() == ("started", "greeting")


def test_mute_and_play_never_wait_for_a_command(rig: Rig) -> None:
    rig.module.gate.clear()
    rig.path.play(GREETING)
    rig.path.start()
    assert rig.module.next() == "PLAY"

    def all_orders() -> None:
        rig.path.play(MESSAGE)
        rig.path.silence()
        rig.path.mute()
        rig.path.stop()

    ordering = threading.Thread(target=all_orders)
    ordering.start()
    ordering.join(WAIT)
    assert not ordering.is_alive()


def test_a_play_order_from_before_the_hang_up_never_goes_out(rig: Rig) -> None:
    rig.path.play(GREETING)
    rig.module.emergency_count += 1
    rig.path.start()
    rig.path.play(MESSAGE)
    assert rig.module.next() == "PLAY"
    assert rig.next() == ("started", "message")
    assert rig.told.empty()


def test_a_module_that_is_not_ready_yet_is_asked_again(rig: Rig) -> None:
    rig.module.answers["AT+CCMXPLAYWAV"] = [ERROR, ERROR, OK]
    rig.path.play(GREETING)
    rig.path.start()
    assert rig.next() == ("started", "greeting")
    assert rig.module.sent.qsize() == 3


def test_a_module_that_refuses_for_good_is_a_dead_voice(rig: Rig) -> None:
    rig.module.answers["AT+CCMXPLAYWAV"] = [ERROR] * 99
    rig.path.play(GREETING)
    rig.path.start()
    kind, detail = rig.next()
    assert kind == "failed"
    assert "did not play greeting: ERROR" in detail


@pytest.mark.parametrize("error", [CommandTimeout("no result"), LinkLost("gone")])
def test_no_result_of_the_play_command(rig: Rig, error: Exception) -> None:
    rig.module.answers["AT+CCMXPLAYWAV"] = [error]
    rig.path.play(GREETING)
    rig.path.start()
    assert rig.module.next() == "PLAY"
    if isinstance(error, CommandTimeout):
        assert rig.module.next() == "STOP", "it may play all the same"
        assert rig.next()[0] == "failed"
    rig.path.play(MESSAGE)
    assert rig.next() == ("started", "message"), "the thread lives on"


def test_a_clip_that_the_module_gives_up_is_a_failure(rig: Rig) -> None:
    rig.playing()
    rig.clock.now += 0.2
    rig.ended(failed=True)
    assert rig.next() == ("finished", "greeting", 200, False)
    assert rig.next()[0] == "failed"


def test_a_notice_that_overtakes_the_result_counts(rig: Rig) -> None:
    rig.module.gate.clear()
    rig.path.play(GREETING)
    rig.path.start()
    assert rig.module.next() == "PLAY"
    rig.clock.now += 1.0
    rig.ended()
    rig.module.gate.set()
    assert rig.next() == ("started", "greeting")
    assert rig.next() == ("finished", "greeting", 1000, True)


def test_the_end_of_the_call_finishes_the_clip_at_once_and_stops_the_player(rig: Rig) -> None:
    rig.playing()
    rig.clock.now += 0.5
    rig.path.stop()
    assert rig.told.get_nowait() == ("finished", "greeting", 500, False)
    assert rig.module.next() == "STOP"


def test_a_clip_that_was_never_stored_is_refused(rig: Rig) -> None:
    rig.path.play(Clip(name="other", pcm=b"\1\2"))
    rig.path.start()
    assert rig.next() == ("failed", "other is not stored on the module")
    assert rig.module.sent.empty()


def test_both_simcom_players_announce_their_stop() -> None:
    for family in (SIM7600, A76XX):
        assert family.stored_clips is not None
        assert family.stored_clips.stop_announced
