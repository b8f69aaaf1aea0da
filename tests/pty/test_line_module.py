"""A line whose module plays the clips itself: what the callee's ear got, and how it stops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware.events import (
    Answered,
    Cause,
    ClipFinished,
    ClipStarted,
    Ended,
    KeyHeard,
    LineFault,
    Witness,
)
from firmware.orders import HangUp, Play, Silence
from firmware.simulator.network.scenario import Answer, KeyPress
from tests.support.line_bench import Bench, bench, rule

pytestmark = pytest.mark.pty

LISTENS = Answer(rings_in=1.0, after=1.0, patience=60.0, keys=(KeyPress(key="1", heard=1.5),))
STORING = ("sim7600", "a76xx", "quectel", "sim800")


def heard_ms(tmp_path: Path) -> int:
    rows: list[dict[str, Any]] = [
        json.loads(line) for line in (tmp_path / "log").read_text().splitlines()
    ]
    return sum(int(row["milliseconds"]) for row in rows if row["event"] == "audio")


def hang_up(b: Bench) -> Ended:
    b.line.order(HangUp(line="one", attempt="a1"))
    return b.wait(Ended)


@pytest.mark.parametrize("family", STORING)
def test_the_callee_hears_the_stored_greeting(tmp_path: Path, family: str) -> None:
    with bench(tmp_path, family=family, scenario=rule(LISTENS), audio="module") as b:
        b.dial()
        started = b.wait(ClipStarted)
        finished = b.wait(ClipFinished)
        assert (started.clip, finished.clip) == ("greeting", "greeting")
        assert (finished.played_ms, finished.complete) == (2000, True)
        assert started.at >= b.wait(Answered).at
        if family != "a76xx":
            key = b.wait(KeyHeard)
            assert (key.key, key.witness) == ("1", Witness.MODULE)
        assert hang_up(b).confirmed
        assert b.line.describe()["audio"] == "module-file"
    assert heard_ms(tmp_path) == pytest.approx(2000, abs=100)


def test_the_next_clip_replaces_the_one_that_plays(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=rule(LISTENS), audio="module") as b:
        b.dial()
        b.wait(ClipStarted)
        b.line.order(Play(line="one", attempt="a1", clip="message"))
        first, second = b.wait(ClipFinished), b.wait(ClipFinished, count=2)
        assert (first.clip, first.complete) == ("greeting", False)
        assert (second.clip, second.played_ms, second.complete) == ("message", 3000, True)
        hang_up(b)


def test_silence_stops_the_player(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=rule(LISTENS), audio="module") as b:
        b.dial()
        b.wait(ClipStarted)
        b.line.order(Silence(line="one", attempt="a1"))
        assert not b.wait(ClipFinished).complete
        hang_up(b)
    assert heard_ms(tmp_path) < 2000


def test_the_emergency_stop_ends_the_clip_with_the_call(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=rule(LISTENS), audio="module") as b:
        b.dial()
        b.wait(ClipStarted)
        b.line.emergency_hang_up()
        ended = b.wait(Ended)
        assert (ended.cause, ended.confirmed) == (Cause.EMERGENCY, True)
        assert not [event for event in b.of(ClipFinished) if event.complete]
        # The line is of use afterwards, and speaks again.
        b.dial("a2")
        assert b.wait(ClipFinished, attempt="a2").complete
        b.line.order(HangUp(line="one", attempt="a2"))
        b.wait(Ended, attempt="a2")


def test_clips_are_sent_once_for_many_starts(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=rule(LISTENS), audio="module") as b:
        stored = dict(b.simulation.lines[0].modem.storage.names())
    assert len(stored) == 2
    assert all(name.startswith(("E:/greeting-", "E:/message-")) for name in stored)


@pytest.mark.parametrize("family", STORING)
def test_clips_that_shall_not_stay_go_with_the_line(tmp_path: Path, family: str) -> None:
    with bench(tmp_path, family=family, audio="module", clips_stay=False) as b:
        storage = b.simulation.lines[0].modem.storage
        assert len(storage.names()) == 2
        storage.store("ringtone.wav", b"x")
    assert [name for name, _ in storage.names()] == ["ringtone.wav"]


def test_a_family_that_plays_nothing_says_so(tmp_path: Path) -> None:
    with bench(tmp_path, family="huawei", audio="module", ready=False) as b:
        fault = b.wait(LineFault)
        assert fault.fault == "audio-unusable"
        assert "alsa:CARD" in fault.detail
