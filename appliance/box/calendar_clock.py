"""Calendar time, handed out together with the judgement whether it may be believed.

A Pi has no battery behind its clock: after a power cut it wakes in the past until something tells
it the time. Windows, legal hours and consent all hang on that time, so an untrusted clock dials
nobody. :mod:`appliance.box.clock` judges.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.box.clock import BUILD_FLOOR, Readings, Trust, judge, read_system
from appliance.effects import Now
from firmware.clock import Clock
from firmware.wording import worded

__all__ = [
    "BUILD_FLOOR",
    "CalendarClock",
    "Readings",
    "SimulatedCalendarClock",
    "judge",
    "read_system",
    "time_zone_database",
]

JUDGE_EVERY = 1.0
"""Real seconds between two looks at the sources."""


class CalendarClock:
    """Hands out :class:`~appliance.effects.Now`; the only place that reads calendar time."""

    def __init__(
        self,
        clock: Clock,
        sources: Sequence[str],
        floor: Callable[[], datetime],
        *,
        read: Callable[[], Readings] | None = None,
    ) -> None:
        self._clock = clock
        self._sources = tuple(sources)
        self._floor = floor
        self._read = read or read_system
        self._judged_at: float | None = None
        self._trust = Trust(trusted=False, source=worded("not judged yet"))
        self._last_utc: datetime | None = None

    def now(self) -> Now:
        """Read both clocks once; sources are looked at again at most once a second."""
        monotonic = self._clock.monotonic()
        utc = datetime.now(UTC)
        stepped = self._last_utc is not None and abs(utc - self._last_utc) > timedelta(seconds=60)
        self._last_utc = utc
        real = time.monotonic()
        if self._judged_at is None or stepped or real - self._judged_at >= JUDGE_EVERY:
            self._judged_at = real
            self._trust = judge(self._read(), self._sources, self._floor())
        return Now(
            monotonic=monotonic,
            utc=utc,
            trusted=self._trust.trusted,
            source=self._trust.source,
        )


class SimulatedCalendarClock:
    """A bench's calendar: starts on any day and runs at the bench's speed.

    It goes on from the newest ledger entry where that is later than *start*, so that a bench box
    that restarts does not travel back in time.
    """

    def __init__(self, clock: Clock, start: datetime, floor: datetime) -> None:
        self._clock = clock
        self._start = max(start.astimezone(UTC), floor)
        self._origin = clock.monotonic()

    def now(self) -> Now:
        monotonic = self._clock.monotonic()
        return Now(
            monotonic=monotonic,
            utc=self._start + timedelta(seconds=monotonic - self._origin),
            trusted=True,
            source=worded("simulated"),
        )


def time_zone_database() -> str:
    """Return the version of the IANA time zone rules in use, for the ledger."""
    from importlib.metadata import PackageNotFoundError, version

    for directory in os.environ.get("PYTHONTZPATH", "/usr/share/zoneinfo").split(os.pathsep):
        try:
            first = (Path(directory) / "tzdata.zi").read_text(encoding="ascii").split("\n", 1)[0]
        except (OSError, UnicodeDecodeError):
            continue
        if first.startswith("# version "):
            return first.removeprefix("# version ").strip()
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return "unknown"
