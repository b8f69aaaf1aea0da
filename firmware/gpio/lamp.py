"""The words for lamps, and when a pattern is lit: a pure function of time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Lamp(StrEnum):
    """The lamps of the panel; ``HEARTBEAT`` is optional and driven by the decision loop."""

    READY = "ready"
    LINE = "line"
    CALL = "call"
    FAULT = "fault"
    HEARTBEAT = "heartbeat"


@unique
class Blink(StrEnum):
    """Patterns that carry one meaning each."""

    OFF = "off"
    ON = "on"
    SLOW = "slow"
    """One second lit, one second dark."""
    FAST = "fast"
    """Four times a second."""


@dataclass(frozen=True, slots=True)
class Flashes:
    """A code: *long* long flashes, *count* short ones, then a pause long enough to count them."""

    count: int
    long: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 9 or not 0 <= self.long <= 2:
            raise ValueError("nobody counts more than two long and nine short flashes")

    @property
    def period(self) -> float:
        """Seconds from the beginning of one code to the next."""
        return self.long * LONG_PERIOD + self.count * FLASH_PERIOD + FLASH_PAUSE


@dataclass(frozen=True, slots=True)
class Counting:
    """One flash a second, counted from *since* (real monotonic seconds): how long a finger held."""

    since: float


Pattern = Blink | Flashes | Counting
COUNT_PERIOD = 1.0

SLOW_PERIOD = 2.0
FAST_PERIOD = 0.25
FLASH_PERIOD = 0.5
LONG_PERIOD = 1.5
LONG_LIT = 1.0
FLASH_PAUSE = 1.5
"""Seconds of darkness after the last flash's own dark half."""


def lit(pattern: Pattern, now: float) -> bool:
    """Tell whether a lamp with *pattern* is lit at *now* (real monotonic seconds).

    All lamps share the time axis, so lamps with one pattern blink together.
    """
    match pattern:
        case Blink.OFF:
            return False
        case Blink.ON:
            return True
        case Blink.SLOW:
            return now % SLOW_PERIOD < SLOW_PERIOD / 2
        case Blink.FAST:
            return now % FAST_PERIOD < FAST_PERIOD / 2
        case Flashes(count, long):
            place = now % pattern.period
            if place < long * LONG_PERIOD:
                return place % LONG_PERIOD < LONG_LIT
            place -= long * LONG_PERIOD
            return place < count * FLASH_PERIOD and place % FLASH_PERIOD < FLASH_PERIOD / 2
        case Counting(since):
            return (now - since) % COUNT_PERIOD < COUNT_PERIOD / 2


def until_change(pattern: Pattern, now: float) -> float:
    """Return how many seconds after *now* the lamp may change; infinity for a steady one."""
    match pattern:
        case Blink.OFF | Blink.ON:
            return math.inf
        case Blink.SLOW:
            step = SLOW_PERIOD / 2
            return step - now % step
        case Blink.FAST:
            step = FAST_PERIOD / 2
            return step - now % step
        case Flashes(long=long):
            place = now % pattern.period
            if place < long * LONG_PERIOD:
                place %= LONG_PERIOD
                return (LONG_LIT if place < LONG_LIT else LONG_PERIOD) - place
            if place >= pattern.period - FLASH_PAUSE:
                return pattern.period - place
            step = FLASH_PERIOD / 2
            return step - (place - long * LONG_PERIOD) % step
        case Counting(since):
            step = COUNT_PERIOD / 2
            return step - (now - since) % step


def describe(pattern: Pattern) -> str:
    """Return the pattern in words, for tables and screens."""
    match pattern:
        case Blink.OFF:
            return "off"
        case Blink.ON:
            return "steady"
        case Blink.SLOW:
            return "slow blink"
        case Blink.FAST:
            return "fast blink"
        case Flashes(count, 0):
            return f"{count} flash{'es' if count > 1 else ''}"
        case Flashes(count, long):
            return f"{long} long, {count} short"
        case Counting():
            return "one flash a second"
