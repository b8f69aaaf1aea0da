"""Rhythms: what a lamp does in one period, and that no change is slept through."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.gpio import rhythm

RHYTHMS = [
    rhythm.SLOW,
    rhythm.FAST,
    *(rhythm.code(n, long) for long in range(3) for n in range(10) if n + long),
]


def flashes(shown: rhythm.Rhythm) -> list[float]:
    """The lengths for which a lamp is lit in one period, seen as a sleeper sees it."""
    now, lengths = 0.0, []
    while now < math.fsum(shown) - 1e-6:
        wait = rhythm.until_change(shown, now)
        if rhythm.lit(shown, now + wait / 2):
            lengths.append(round(wait, 6))
        now += wait
    return lengths


@pytest.mark.parametrize(("count", "long"), [(1, 0), (9, 0), (1, 1), (0, 2), (1, 2), (9, 2)])
def test_a_code_is_its_long_flashes_then_its_short_ones(count: int, long: int) -> None:
    shown = rhythm.code(count, long)
    assert flashes(shown) == [1.0] * long + [0.25] * count
    # The darkness that ends it is longer than any between two flashes.
    assert shown[-1] >= rhythm.PAUSE > max(shown[1:-1:2], default=0.0)


def test_a_steady_lamp_never_changes() -> None:
    assert rhythm.lit(rhythm.STEADY, 7.0)
    assert rhythm.until_change(rhythm.STEADY, 7.0) == math.inf


@given(shown=st.sampled_from(RHYTHMS), now=st.floats(0, 1e6), part=st.floats(0, 0.999))
def test_between_two_changes_nothing_changes(shown: rhythm.Rhythm, now: float, part: float) -> None:
    wait = rhythm.until_change(shown, now)
    assert 0 < wait <= max(shown)
    assert rhythm.lit(shown, now) == rhythm.lit(shown, now + part * wait * (1 - 1e-6))


@pytest.mark.parametrize(
    ("shown", "lengths"),
    [
        (rhythm.STEADY, ()),
        (rhythm.SLOW, (1.0, 1.0)),
        (rhythm.FAST, (0.125, 0.125)),
        (rhythm.FLASH, (0.25, 0.25)),
        (rhythm.LONG_FLASH, (1.0, 0.5)),
        (rhythm.code(1), (0.25, 1.75)),
        (rhythm.code(2, 1), (1.0, 0.5, 0.25, 0.25, 0.25, 1.75)),
        (rhythm.code(0, 1), (1.0, 2.0)),
    ],
)
def test_the_lengths_on_the_card(shown: rhythm.Rhythm, lengths: tuple[float, ...]) -> None:
    assert shown == lengths


@pytest.mark.parametrize(
    ("now", "lit", "wait"),
    [
        (0.0, True, 1.0),
        (0.75, True, 0.25),
        # A change belongs to what it changes to.
        (1.0, False, 0.5),
        (1.25, False, 0.25),
        (1.5, True, 0.25),
        (1.75, False, 1.75),
        (3.5, True, 1.0),
        (7.0 + 1.5, True, 0.25),
    ],
)
def test_a_lamp_at_each_change(now: float, lit: bool, wait: float) -> None:
    shown = rhythm.code(1, 1)
    assert shown == (1.0, 0.5, 0.25, 1.75)
    assert rhythm.lit(shown, now) is lit
    assert rhythm.until_change(shown, now) == wait


def test_the_very_end_of_a_rhythm_is_the_beginning_of_the_next() -> None:
    # 0.3 and 0.7 are 1.0 together, and yet nothing of 0.7 is left at the last number before it.
    last = math.nextafter(1.0, 0.0)
    assert rhythm.lit((0.3, 0.7), last)
    assert rhythm.until_change((0.3, 0.7), last) == 0.3
