"""What to tell a log of something that does not change for hours. Pure.

A line whose modem is gone is tried again each minute; the same words each time would bury what
else the log has to say, and a card wears out.
"""

from __future__ import annotations

from collections.abc import Hashable

FIRST_AGAIN = 300.0
"""Seconds after which the same is told a second time; each further time waits twice as long."""
LONGEST = 86_400.0


class Repeats:
    """Times are seconds of one monotonic clock."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[Hashable, tuple[float, float]] = {}
        """When each was told, and how long it is then kept quiet about."""

    def due(self, what: Hashable, now: float) -> bool:
        """Return whether to tell *what* now, and take it for told then."""
        told = self._told.get(what)
        if told is None:
            self._told[what] = now, FIRST_AGAIN
            return True
        at, quiet = told
        if now - at < quiet:
            return False
        self._told[what] = now, min(2 * quiet, LONGEST)
        return True

    def over(self) -> bool:
        """Begin anew; return whether anything had been told."""
        had = bool(self._told)
        self._told.clear()
        return had
