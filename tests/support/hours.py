"""Windows and law asked in the ways that make a table easy to read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from appliance.law import Ballot, LawCalendar, Place, Profile
from appliance.model import Interval
from appliance.windows import Windows, interval


def outer_seconds(start: datetime, end: datetime) -> tuple[int, int]:
    """Return the whole seconds inside ``[start, end)``."""
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("times must carry a zone")
    a, b = start.timestamp(), end.timestamp()
    return -int(-a // 1), int(b // 1)


def inside(windows: Windows, local: datetime) -> bool:
    """Tell whether the wall clock that shows *local* is inside a window, minute by minute."""
    minute = local.hour * 60 + local.minute
    return any(a <= minute < b for a, b in windows.days[local.weekday()])


def open_intervals(
    profile: Profile, place: Place, ballots: Sequence[Ballot], start: datetime, end: datetime
) -> list[Interval]:
    """Return the intervals of ``[start, end)`` in which the profile's rules of time all agree."""
    calendar = LawCalendar(profile, "", tuple(ballots))
    return [interval(span) for span in calendar.spans(place, *outer_seconds(start, end))]
