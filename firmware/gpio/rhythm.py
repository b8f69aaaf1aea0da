"""When a lamp is lit: seconds lit and dark by turns, again and again. Pure, and small.

All lamps share the time axis, so lamps with one rhythm blink together. It stands apart from
:mod:`firmware.gpio.lamp` for the supervisor, which counts every module that it loads.
"""

from __future__ import annotations

import math

Rhythm = tuple[float, ...]
"""Seconds lit, dark, lit, dark …; nothing for a steady lamp."""

STEADY: Rhythm = ()
SLOW: Rhythm = (1.0, 1.0)
FAST: Rhythm = (0.125, 0.125)
FLASH: Rhythm = (0.25, 0.25)
LONG_FLASH: Rhythm = (1.0, 0.5)
PAUSE = 1.5
"""Seconds of darkness after the last flash's own dark half: long enough to count by."""


def code(count: int, long: int = 0) -> Rhythm:
    """Return *long* long flashes, *count* short ones, and a pause."""
    *flashes, dark = LONG_FLASH * long + FLASH * count
    return (*flashes, dark + PAUSE)


def lit(rhythm: Rhythm, now: float) -> bool:
    """Tell whether a lamp is lit at *now* (real monotonic seconds)."""
    return _step(rhythm, now)[0]


def until_change(rhythm: Rhythm, now: float) -> float:
    """Return how many seconds after *now* the lamp changes; infinity for a steady one."""
    return _step(rhythm, now)[1]


def _step(rhythm: Rhythm, now: float) -> tuple[bool, float]:
    if not rhythm:
        return True, math.inf
    place = now % math.fsum(rhythm)
    for number, seconds in enumerate(rhythm):
        if place < seconds:
            return number % 2 == 0, seconds - place
        place -= seconds
    # The sum's rounding: the very end of the last darkness.
    return True, rhythm[0]
