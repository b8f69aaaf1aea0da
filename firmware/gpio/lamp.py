"""The words for lamps, and when a pattern is lit: a pure function of time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum, unique

from firmware.gpio import rhythm
from firmware.wording import joined, plural, worded


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
        if not 0 <= self.count <= 9 or not 0 <= self.long <= 2 or self.count + self.long == 0:
            raise ValueError("nobody counts more than two long and nine short flashes")


@dataclass(frozen=True, slots=True)
class Counting:
    """One flash a second, counted from *since* (real monotonic seconds): how long a finger held."""

    since: float


Pattern = Blink | Flashes | Counting
COUNT_PERIOD = 1.0


def lit(pattern: Pattern, now: float) -> bool:
    """Tell whether a lamp with *pattern* is lit at *now* (real monotonic seconds)."""
    match pattern:
        case Blink.OFF:
            return False
        case Counting(since):
            return (now - since) % COUNT_PERIOD < COUNT_PERIOD / 2
        case _:
            return rhythm.lit(_rhythm(pattern), now)


def until_change(pattern: Pattern, now: float) -> float:
    """Return how many seconds after *now* the lamp may change; infinity for a steady one."""
    match pattern:
        case Blink.OFF:
            return math.inf
        case Counting(since):
            step = COUNT_PERIOD / 2
            return step - (now - since) % step
        case _:
            return rhythm.until_change(_rhythm(pattern), now)


_BLINKS = {Blink.ON: rhythm.STEADY, Blink.SLOW: rhythm.SLOW, Blink.FAST: rhythm.FAST}


def _rhythm(pattern: Blink | Flashes) -> rhythm.Rhythm:
    if isinstance(pattern, Flashes):
        return rhythm.code(pattern.count, pattern.long)
    return _BLINKS[pattern]


def describe(pattern: Pattern) -> str:
    """Return the pattern in words, for tables and screens."""
    match pattern:
        case Blink.OFF:
            return worded("off")
        case Blink.ON:
            return worded("steady")
        case Blink.SLOW:
            return worded("slow blink")
        case Blink.FAST:
            return worded("fast blink")
        case Flashes(count, 0):
            return plural("{count} flash", "{count} flashes", count)
        case Flashes(0, long):
            return plural("{count} long", "{count} long", long)
        case Flashes(count, long):
            # Two counts, each with its own form: French says "1 long, 2 courts".
            counts = [
                plural("{count} long", "{count} long", long),
                plural("{count} short", "{count} short", count),
            ]
            return joined(", ", counts)
        case Counting():
            return worded("one flash a second")
