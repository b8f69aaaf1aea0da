"""The stop and start buttons, from sampled levels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.gpio.buttons import (
    HOLD_SECONDS,
    RELEASE_SECONDS,
    Level,
    Press,
    Raised,
    Released,
    StartButton,
    StopButton,
)

LEVELS = {"_": Level.CLOSED, "^": Level.OPEN, "?": Level.UNREADABLE}
STEP = 0.03125
"""A poll of about the real rate that a float holds exactly."""


def stop_story(levels: str) -> list[tuple[int, Raised | Released]]:
    button = StopButton()
    story = []
    for place, letter in enumerate(levels):
        change = button.sample(LEVELS[letter], place * STEP)
        if change is not None:
            story.append((place, change))
    return story


BUTTON, WIRE, RELEASED = Raised(wire=False), Raised(wire=True), Released.RELEASED


@pytest.mark.parametrize(
    ("levels", "story"),
    [
        ("____", []),
        ("^", [(0, BUTTON)]),
        ("?", [(0, WIRE)]),
        ("__^^^^", [(2, BUTTON)]),
        ("__?", [(2, WIRE)]),
        ("_^?^?^", [(1, BUTTON)]),
        ("_^______", [(1, BUTTON), (6, RELEASED)]),
        ("_^___^______", [(1, BUTTON), (10, RELEASED)]),
        ("_^___?______", [(1, BUTTON), (10, RELEASED)]),
        ("_^_____^", [(1, BUTTON), (6, RELEASED), (7, BUTTON)]),
    ],
)
def test_stop(levels: str, story: list[tuple[int, Raised | Released]]) -> None:
    """Opening counts at once and once; closing only after it stayed closed."""
    assert stop_story(levels) == story


@given(st.text("_^?", max_size=60))
def test_stop_never_misses_a_level(levels: str) -> None:
    """Whatever the contact does, it is raised from any open sample until a steady release."""
    button = StopButton()
    closed = 0
    for place, letter in enumerate(levels):
        button.sample(LEVELS[letter], place * STEP)
        closed = closed + 1 if letter == "_" else 0
        if letter != "_":
            assert button.open
        if button.open and letter == "_":
            assert (closed - 1) * STEP < RELEASE_SECONDS + 1e-9


def start_story(levels: str) -> list[tuple[int, Press]]:
    button = StartButton()
    story = []
    for place, letter in enumerate(levels):
        press = button.sample(LEVELS[letter], place * STEP)
        if press is not None:
            story.append((place, press))
    return story


HELD = round(HOLD_SECONDS / STEP) + 1


@pytest.mark.parametrize(
    ("levels", "story"),
    [
        ("^^^^^^^^", []),
        ("^^^____^^^^", [(9, Press.SHORT)]),
        ("^^^_^^^^", [(6, Press.SHORT)]),
        ("^^^__^__^_^^^^", [(12, Press.SHORT)]),
        ("^^^_^^^^^___^^", [(6, Press.SHORT)]),
        ("^^^_^^^^^___^^^^", [(6, Press.SHORT), (14, Press.SHORT)]),
        ("^^^" + "_" * HELD + "^^^^", [(3 + HELD - 1, Press.LONG)]),
        ("^^^" + "_" * HELD * 3 + "^^^^", [(3 + HELD - 1, Press.LONG)]),
        ("_" * HELD * 2 + "^^^^^", []),
        ("____^^^^^__^^^^", [(13, Press.SHORT)]),
        ("^^^__?__^^^^", []),
        ("^^^__?^^^^__^^^^", [(14, Press.SHORT)]),
    ],
)
def test_start(levels: str, story: list[tuple[int, Press]]) -> None:
    """Short on letting go, long once while held; stuck at boot or unreadable mean nothing."""
    assert start_story(levels) == story
