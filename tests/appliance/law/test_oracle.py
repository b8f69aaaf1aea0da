"""A second opinion on the law: independent code that judges every minute of three years.

Nothing here uses the project's interval arithmetic, holiday calendar, or profile files: the
rules are written down again from their published texts, Easter is computed by hand, and the
wall clock comes from the standard library. One minute is one element of an array; what is easily
got wrong (changes of the clock, holidays, ballots, edges of hours, a leap day) is all in there.
"""

from __future__ import annotations

import functools
import os
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.law import Ballot, LawCalendar, load_profile
from appliance.windows import parse_windows

Minutes = npt.NDArray[np.int32]
Truths = npt.NDArray[np.bool_]

START = datetime(2027, 1, 1, tzinfo=UTC)
END = datetime(2030, 1, 1, tzinfo=UTC)  # 2028 has a 29 February
PROFILES = ("fr", "uk", "us", "de", "es", "it", "ca", "strict")
ZONES = (
    "Europe/Paris",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Martinique",
    "Indian/Reunion",
    "Pacific/Tahiti",
    "Pacific/Noumea",
)
BALLOTS = (
    (date(2027, 4, 11), time(20)),
    (date(2027, 4, 25), time(20)),
    (date(2028, 3, 12), time(18)),
    # An ordinary Thursday, so that silence meets open hours, and the day the clocks change.
    (date(2028, 6, 15), time(18, 30)),
    (date(2029, 10, 28), time(19)),
)
THOROUGH = bool(os.environ.get("THOROUGH"))
"""All zones: some hundred million comparisons, in ``make check``."""
MINUTES = int((END - START).total_seconds()) // 60
EPOCH = date(1970, 1, 1)


@functools.cache
def easter(year: int) -> date:
    """Anonymous Gregorian computus."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return date(year, month, day + 1)


FIXED = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
ISLANDS = {
    "Indian/Reunion": {(12, 20)},
    "America/Martinique": {(5, 22), (7, 21)},
    "Pacific/Noumea": {(9, 24)},
}


def french_holiday(day: date, zone: str, territory: str) -> bool:
    if (day.month, day.day) in FIXED | ISLANDS.get(zone, set()):
        return True
    since_easter = (day - easter(day.year)).days
    if since_easter in (1, 39, 50):
        return True
    if territory == "alsace-moselle":
        return since_easter == -2 or (day.month, day.day) == (12, 26)
    if zone == "Pacific/Tahiti":
        # Missionary Day, Good Friday, and from 2025 Matāri'i in the place of Autonomy Day.
        return since_easter == -2 or (day.month, day.day) in {(3, 5), (11, 20)}
    return False


@functools.cache
def wall_clock(zone: str) -> Minutes:
    """What the clock on the wall shows at each minute, in minutes since 1970."""
    tz = ZoneInfo(zone)

    def offset(minute: int) -> int:
        seconds = (START + timedelta(minutes=minute)).astimezone(tz).utcoffset()
        assert seconds is not None
        return int(seconds.total_seconds()) // 60

    offsets = np.empty(MINUTES, dtype=np.int32)
    for first in range(0, MINUTES, 360):
        # No zone changes its offset twice in six hours.
        last = min(first + 360, MINUTES)
        if offset(first) == offset(last):
            offsets[first:last] = offset(first)
        else:
            offsets[first:last] = [offset(minute) for minute in range(first, last)]
    first_minute = int(START.timestamp()) // 60
    utc: Minutes = np.arange(first_minute, first_minute + MINUTES, dtype=np.int32)
    clock: Minutes = np.add(utc, offsets, dtype=np.int32)
    return clock


def shown(day: date, at: time = time()) -> int:
    return (day - EPOCH).days * 1440 + at.hour * 60 + at.minute


@functools.cache
def silent(zone: str) -> Truths:
    """Between the eve's first minute on either clock and the close on the later one."""
    clocks = [wall_clock(z) for z in {zone, "Europe/Paris"}]
    found = np.zeros(MINUTES, dtype=bool)
    for day, closes in BALLOTS:
        # A day's distance to UTC on both sides holds all that any clock calls these two days.
        first = shown(day) - int(START.timestamp()) // 60 - 3 * 1440
        near = slice(first, first + 6 * 1440)
        begun = np.any([c[near] >= shown(day - timedelta(days=1)) for c in clocks], axis=0)
        over = np.all([c[near] >= shown(day, closes) for c in clocks], axis=0)
        found[near] |= begun & ~over
    return found


@functools.cache
def holidays(zone: str, territory: str) -> Truths:
    """For each day since 1970 whether it is a French holiday there."""
    first, last = (START.date() - EPOCH).days - 1, (END.date() - EPOCH).days + 1
    days = np.zeros(last + 1, dtype=bool)
    for number in range(first, last + 1):
        days[number] = french_holiday(EPOCH + timedelta(days=number), zone, territory)
    return days


@functools.cache
def open_by_law(profile: str, zone: str, territory: str) -> Truths:
    """At each minute, whether the law's clock lets a phone ring."""
    if profile == "strict":
        others = [open_by_law(p, zone, territory) for p in PROFILES if p != "strict"]
        everybody: Truths = np.all(others, axis=0)
        return everybody
    if profile not in ("fr", "us", "ca"):
        return np.ones(MINUTES, dtype=bool)
    day, clock = np.divmod(wall_clock(zone), 1440)
    if profile == "us":
        return within(clock, 480, 1260)
    weekend = (day + 3) % 7 >= 5  # 1970 began on a Thursday
    if profile == "ca":
        return np.where(weekend, within(clock, 600, 1080), within(clock, 540, 1290))
    hours = within(clock, 600, 780) | within(clock, 840, 1200)
    return hours & ~weekend & ~holidays(zone, territory)[day] & ~silent(zone)


def within(clock: Minutes, first: int, last: int) -> Truths:
    return (clock >= first) & (clock < last)


@functools.cache
def calendar(profile: str, territory: str) -> LawCalendar:
    known = load_profile(profile)
    ballots = tuple(Ballot(day=day, closes=closes) for day, closes in BALLOTS)
    # Where no territory is named, strict has no polling stations of its own; France has them.
    return LawCalendar(known, "fr" if profile == "strict" and not territory else territory, ballots)


@pytest.mark.parametrize("profile", PROFILES)
def test_intervals_agree_with_the_oracle(profile: str) -> None:
    begin, end = int(START.timestamp()), int(END.timestamp())
    pairs = [(zone, "") for zone in (ZONES if THOROUGH else ZONES[::3])]
    if profile in ("fr", "strict"):
        pairs.append(("Europe/Paris", "alsace-moselle"))
    compared = opened = 0
    for zone, territory in pairs:
        ours = np.zeros(MINUTES, dtype=bool)
        for first, last in calendar(profile, territory).spans(ZoneInfo(zone), begin, end):
            assert first % 60 == last % 60 == 0
            ours[(first - begin) // 60 : (last - begin) // 60] = True
        theirs = open_by_law(profile, zone, territory)
        wrong = np.flatnonzero(ours != theirs)
        assert not len(wrong), (zone, territory, START + timedelta(minutes=int(wrong[0])))
        compared += len(theirs)
        opened += int(theirs.sum())
    assert compared == MINUTES * len(pairs)
    assert opened > compared // 10, "the comparison must meet open hours"


@given(
    st.sampled_from(PROFILES),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2027, 1, 1), datetime(2029, 12, 31)),  # noqa: DTZ001
    st.sampled_from(
        ["mon-fri 18:00-20:00; sat 10:00-12:00", "sun 01:30-03:30", "mon-sun 00:00-24:00"]
    ),
)
def test_a_week_agrees_with_the_oracle(profile: str, zone: str, at: datetime, text: str) -> None:
    """Windows and law together, through the weeks that the gate remembers."""
    instant = at.replace(tzinfo=UTC, second=0, microsecond=0)
    second = int(instant.timestamp())
    week = calendar(profile, "").week(ZoneInfo(zone), second // (7 * 86_400)).open
    law = any(a <= second < b for a, b in week)
    assert law == open_by_law(profile, zone, "")[int((instant - START).total_seconds()) // 60]
    windows = parse_windows(text).spans(ZoneInfo(zone), second - 60, second + 60)
    local = instant.astimezone(ZoneInfo(zone))
    assert any(a <= second < b for a, b in windows) == parse_windows(text).contains(local)
