"""How loud both directions are, as the watching person sees it."""

from __future__ import annotations

import numpy as np
import pytest

from firmware.clips.clip import Clip
from firmware.line.levels import OVER, STALE, CallLevels
from firmware.modem.network import read_signal

RATE = 8000


def tone(amplitude: float, seconds: float) -> bytes:
    wave = amplitude * 32767 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE)) / RATE)
    return wave.astype("<i2").tobytes()


def test_what_is_sent_is_the_clip_where_it_stands_now() -> None:
    clip = Clip(name="greeting", pcm=tone(0.5, 1.0) + tone(0.05, 1.0))
    levels = CallLevels()
    assert levels.sent(10.0) is None
    levels.started(clip, 10.0)
    assert levels.sent(10.8) == pytest.approx(-9.0, abs=0.1)
    assert levels.sent(11.9) == pytest.approx(-29.0, abs=0.1)
    assert levels.sent(12.6) is None, "the clip is at its end"
    levels.started(clip, 20.0)
    levels.finished()
    assert levels.sent(20.2) is None
    levels.started(None, 21.0)
    assert levels.sent(21.1) is None


def test_what_is_heard_is_of_half_a_second_and_grows_old() -> None:
    levels = CallLevels()
    for frame in range(int(OVER / 0.02) - 1):
        levels.heard(tone(0.1, 0.02), 0.02 * frame)
    assert levels.received(0.5) is None
    levels.heard(tone(0.1, 0.02), OVER)
    assert levels.received(OVER) == pytest.approx(-23.0, abs=0.2)
    assert levels.received(OVER + STALE + 0.1) is None
    for _ in range(100):
        levels.heard(bytes(320), 5.0)
    assert levels.received(5.0) == -96.0
    levels.forget()
    assert levels.received(5.0) is None


@pytest.mark.parametrize(
    ("line", "dbm"),
    [
        ("+CSQ: 31,99", -51),
        ("+CSQ: 20,0", -73),
        ("+CSQ: 0,0", -113),
        ("+CSQ:7,99", -99),
        ("+CSQ: 99,99", None),
        ("+CSQ: 199,99", None),
        ("+CSQ: ,", None),
        ("ERROR", None),
    ],
)
def test_a_signal_is_read_as_the_standard_says(line: str, dbm: int | None) -> None:
    assert read_signal(["", line]) == dbm
