"""A second opinion on the law: independent code that asks one instant at a time.

Nothing here uses the project's interval arithmetic, holiday calendar, or profile files: the
rules are written down again from their published texts, Easter is computed by hand, and the
wall clock comes from the standard library. Random instants over three years, denser around what
is easily got wrong: changes of the clock, holidays, ballots, edges of hours.
"""

from __future__ import annotations

import functools
import os
import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.law import Ballot, LawCalendar, load_profile
from appliance.windows import parse_windows

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
COMPARISONS = 104_000 if os.environ.get("THOROUGH") else 16_000
"""All of them in ``make check``."""


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


def silent(instant: datetime, zone: str) -> bool:
    """Between the eve's first minute on either clock and the close on the later one."""
    clocks = {ZoneInfo(zone), ZoneInfo("Europe/Paris")}
    for day, closes in BALLOTS:
        eve = day - timedelta(days=1)
        begun = any(
            instant.astimezone(z).replace(tzinfo=None) >= datetime.combine(eve, time())
            for z in clocks
        )
        over = all(
            instant.astimezone(z).replace(tzinfo=None) >= datetime.combine(day, closes)
            for z in clocks
        )
        if begun and not over:
            return True
    return False


def open_by_law(profile: str, instant: datetime, zone: str, territory: str) -> bool:
    local = instant.astimezone(ZoneInfo(zone))
    weekend = local.weekday() >= 5
    clock = local.hour * 60 + local.minute
    if profile == "strict":
        return all(open_by_law(p, instant, zone, territory) for p in PROFILES if p != "strict")
    if profile == "fr":
        hours = not weekend and (600 <= clock < 780 or 840 <= clock < 1200)
        return (
            hours
            and not french_holiday(local.date(), zone, territory)
            and not silent(instant, zone)
        )
    if profile == "us":
        return 480 <= clock < 1260
    if profile == "ca":
        return 600 <= clock < 1080 if weekend else 540 <= clock < 1290
    return True


def candidates(draw: random.Random, count: int) -> list[datetime]:
    """Random minutes of three years, a third of them near what is easily got wrong."""
    minutes = int((END - START).total_seconds()) // 60
    tricky = [datetime.combine(day, closes, UTC) for day, closes in BALLOTS]
    tricky += [datetime.combine(easter(y), time(), UTC) for y in (2027, 2028, 2029)]
    tricky += [datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2028, 12, 25, tzinfo=UTC)]
    for year in (2027, 2028, 2029):
        tricky += [
            datetime(year, 3, 11, tzinfo=UTC),
            datetime(year, 3, 28, tzinfo=UTC),
            datetime(year, 10, 29, tzinfo=UTC),
            datetime(year, 11, 5, tzinfo=UTC),
            datetime(year, 7, 14, tzinfo=UTC),
            datetime(year, 12, 20, tzinfo=UTC),
        ]
    found = []
    for index in range(count):
        if index % 3:
            found.append(START + timedelta(minutes=draw.randrange(minutes)))
        else:
            near = draw.choice(tricky) + timedelta(minutes=draw.randrange(-4320, 4320))
            found.append(near)
    return found


@functools.cache
def calendar(profile: str, territory: str) -> LawCalendar:
    known = load_profile(profile)
    ballots = tuple(Ballot(day=day, closes=closes) for day, closes in BALLOTS)
    # Where no territory is named, strict has no polling stations of its own; France has them.
    return LawCalendar(known, "fr" if profile == "strict" and not territory else territory, ballots)


@pytest.mark.parametrize("profile", PROFILES)
def test_intervals_agree_with_the_oracle(profile: str) -> None:
    draw = random.Random(f"law {profile}")
    whole = (int(START.timestamp()) - 8 * 86_400, int(END.timestamp()) + 8 * 86_400)
    pairs = [(zone, "") for zone in ZONES]
    if profile in ("fr", "strict"):
        pairs.append(("Europe/Paris", "alsace-moselle"))
    each = COMPARISONS // len(PROFILES) // len(pairs) + 1
    opened = compared = 0
    for zone, territory in pairs:
        spans = calendar(profile, territory).spans(ZoneInfo(zone), *whole)
        index = 0
        for instant in sorted(candidates(draw, each)):
            second = int(instant.timestamp())
            while index < len(spans) and spans[index][1] <= second:
                index += 1
            ours = index < len(spans) and spans[index][0] <= second
            theirs = open_by_law(profile, instant, zone, territory)
            assert ours == theirs, (profile, zone, territory, instant)
            opened += ours
            compared += 1
    assert compared >= COMPARISONS // len(PROFILES)
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
    assert law == open_by_law(profile, instant, zone, "")
    windows = parse_windows(text).spans(ZoneInfo(zone), second - 60, second + 60)
    local = instant.astimezone(ZoneInfo(zone))
    assert any(a <= second < b for a, b in windows) == parse_windows(text).contains(local)
