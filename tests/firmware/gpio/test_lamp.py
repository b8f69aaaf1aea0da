"""Lamp patterns as functions of time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.gpio.lamp import Blink, Flashes, Pattern, describe, lit, until_change

PATTERNS: list[Pattern] = [*Blink, *(Flashes(count) for count in range(1, 10))]


def timeline(pattern: Pattern, seconds: float, step: float = 0.0625) -> str:
    count = round(seconds / step)
    return "".join("#" if lit(pattern, place * step) else "." for place in range(count))


def test_steady_patterns_never_change() -> None:
    assert set(timeline(Blink.ON, 10)) == {"#"}
    assert set(timeline(Blink.OFF, 10)) == {"."}


def test_slow_is_a_second_lit_and_a_second_dark() -> None:
    assert timeline(Blink.SLOW, 4) == ("#" * 16 + "." * 16) * 2


def test_fast_is_four_times_a_second() -> None:
    assert timeline(Blink.FAST, 1) == "##.." * 4


@pytest.mark.parametrize("count", range(1, 10))
def test_a_code_can_be_counted(count: int) -> None:
    """Exactly *count* equal flashes, then a pause at least three times the gap between them."""
    seconds = count * 0.5 + 1.5
    flashes = ("#" * 4 + "." * 4) * count
    assert timeline(Flashes(count), 2 * seconds) == (flashes + "." * 24) * 2


@pytest.mark.parametrize("count", [0, 10, -1])
def test_a_code_nobody_counts_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="nine"):
        Flashes(count)


@given(st.sampled_from(PATTERNS), st.floats(0, 1e5))
def test_a_lamp_may_sleep_until_its_next_change(pattern: Pattern, now: float) -> None:
    """Between now and the announced moment the lamp looks the same."""
    pause = until_change(pattern, now)
    assert pause > 0
    if math.isinf(pause):
        assert pattern in (Blink.ON, Blink.OFF)
        return
    before = lit(pattern, now)
    for share in (0.25, 0.5, 0.99):
        moment = now + pause * share
        if moment < now + pause - 1e-6:
            assert lit(pattern, moment) == before
    if isinstance(pattern, Blink):
        assert lit(pattern, now + pause + 1e-6) != before


def test_patterns_have_words() -> None:
    words = [describe(pattern) for pattern in PATTERNS]
    assert len(set(words)) == len(words)
    assert describe(Flashes(1)) == "1 flash"
    assert describe(Flashes(3)) == "3 flashes"
