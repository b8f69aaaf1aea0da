"""Reset at the panel: five seconds with the stop released all the time, and nothing shorter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware.gpio.buttons import HOLD_SECONDS, RESET_SECONDS, Level, Press, StartButton
from firmware.gpio.lamp import Counting, lit, until_change

STEP = 0.025


def presses(levels: list[tuple[bool, bool, float]]) -> list[Press]:
    """Sample (down, resets, seconds) after a moment in which the button was seen open."""
    button, now, found = StartButton(), 100.0, []
    for down, resets, seconds in [(False, False, 0.2), *levels, (False, False, 0.2)]:
        for _ in range(round(seconds / STEP)):
            press = button.sample(Level.CLOSED if down else Level.OPEN, now, resets=resets)
            found += [press] if press is not None else []
            now += STEP
    return found


def test_five_seconds_reset_once_and_do_not_pause() -> None:
    assert presses([(True, True, 5.1)]) == [Press.RESET]
    assert presses([(True, True, 30.0)]) == [Press.RESET]


def test_less_resets_nothing() -> None:
    assert presses([(True, True, 4.9)]) == []
    assert presses([(True, True, 0.3)]) == [Press.SHORT]
    assert presses([(True, True, 4.9), (False, True, 0.2), (True, True, 4.9)]) == []


def test_the_stop_must_be_released_before_and_all_the_time() -> None:
    assert presses([(True, False, 1.0), (True, True, 10.0)]) == []
    assert presses([(True, True, 4.0), (True, False, 0.1), (True, True, 10.0)]) == []


def test_without_a_stop_it_pauses_and_lights_the_lamps() -> None:
    assert presses([(True, False, 2.0)]) == [Press.LONG]
    assert presses([(True, False, 20.0)]) == [Press.LONG, Press.TEST]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.025, 8.0)), max_size=12))
def test_no_sequence_resets_without_five_whole_seconds(
    levels: list[tuple[bool, bool, float]],
) -> None:
    longest = run = 0.0
    for down, resets, seconds in levels:
        run = run + round(seconds / STEP) * STEP if down and resets else 0.0
        longest = max(longest, run)
    if Press.RESET in presses(levels):
        assert longest >= RESET_SECONDS - 2 * STEP
    assert HOLD_SECONDS < RESET_SECONDS


def test_the_fault_lamp_counts_seconds() -> None:
    """Five flashes in five seconds, each begun on the second."""
    pattern, now, flashes, before = Counting(10.0), 10.0, 0, False
    while now < 14.99:
        now_lit = lit(pattern, now)
        flashes += now_lit and not before
        before = now_lit
        now += until_change(pattern, now) + 1e-6
    assert flashes == 5
