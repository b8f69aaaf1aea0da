"""A second opinion on the law: independent code that judges every minute of three years.

Nothing here uses the project's interval arithmetic, holiday calendar, or profile files: the
rules are written down again from their published texts, Easter is computed by hand, and the
wall clock comes from the standard library. One minute is one element of an array; what is easily
got wrong (changes of the clock, holidays, ballots, edges of hours, a leap day, who votes on
Saturday, calendar days of rest) is all in there.
"""

from __future__ import annotations

import functools
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clearance.rests import freed
from appliance.clearance.rules import Rules
from appliance.law import Ballot, LawCalendar, load_profile
from appliance.model import Attempt, History, Outcome
from appliance.windows import parse_windows
from tests.support.hours import inside

Minutes = npt.NDArray[np.int32]
Truths = npt.NDArray[np.bool_]

START = datetime(2027, 1, 1, tzinfo=UTC)
END = datetime(2030, 1, 1, tzinfo=UTC)  # 2028 has a 29 February
PROFILES = ("fr", "uk", "us", "de", "es", "it", "ca", "strict")


@dataclass(frozen=True)
class Somebody:
    """A callee of a box that stands somewhere, with what the published texts say of their place."""

    zone: str
    number: str = ""
    box: str = ""
    feasts: tuple[str, ...] = ()
    """Places whose holidays count, by this file's own names."""
    clocks: tuple[str, ...] = ()
    """Besides their own, by which French ballots begin and end."""
    saturday: bool = False
    """Their part of France votes on the Saturday."""
    canary: bool = False


PARIS = Somebody("Europe/Paris")
PEOPLE = (
    PARIS,
    Somebody("Europe/London", clocks=("Europe/Paris",)),
    Somebody("Indian/Reunion", feasts=("reunion",)),
    # The box's place is not theirs, be it at home or overseas.
    Somebody("Europe/Paris", box="reunion"),
    Somebody("Europe/Paris", "+33199001234", box="alsace-moselle"),
    Somebody("Indian/Reunion", "+33639980012", box="alsace-moselle", feasts=("reunion",)),
    # A mobile number tells no more than the country.
    Somebody("Europe/Paris", "+33639980012", box="alsace-moselle", feasts=("alsace",)),
    Somebody("Europe/Paris", "+33388000000", feasts=("alsace",)),
    Somebody("America/Martinique", feasts=("martinique",), saturday=True),
    Somebody("Pacific/Tahiti", feasts=("polynesia",), saturday=True),
    Somebody("Pacific/Marquesas", feasts=("polynesia",), saturday=True),
    Somebody("Pacific/Gambier", box="martinique", feasts=("polynesia",), saturday=True),
    Somebody("Pacific/Noumea", feasts=("caledonia",)),
    Somebody("America/New_York", saturday=True),
    Somebody("America/St_Johns", saturday=True),
    # Zone and number point to two places, and both count.
    Somebody(
        "Europe/Paris",
        "+596696000000",
        feasts=("martinique",),
        clocks=("America/Martinique",),
        saturday=True,
    ),
    Somebody("Atlantic/Canary", canary=True, clocks=("Europe/Paris",)),
    Somebody("Europe/Madrid", "+34928000000", canary=True, clocks=("Europe/Paris",)),
)
ZONES = tuple(dict.fromkeys(one.zone for one in PEOPLE))
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
LOCAL = {"reunion": {(12, 20)}, "martinique": {(5, 22), (7, 21)}, "caledonia": {(9, 24)}}
# Missionary Day, and from 2025 Matāri'i in the place of Autonomy Day.
LOCAL["polynesia"] = {(3, 5), (11, 20)}
SPANISH = {(1, 1), (1, 6), (5, 1), (8, 15), (10, 12), (11, 1), (12, 6), (12, 8), (12, 25)}


def french_holiday(day: date, feasts: tuple[str, ...]) -> bool:
    since_easter = (day - easter(day.year)).days
    if (day.month, day.day) in FIXED or since_easter in (1, 39, 50):
        return True
    if "alsace" in feasts and (since_easter == -2 or (day.month, day.day) == (12, 26)):
        return True
    if "polynesia" in feasts and since_easter == -2:
        return True
    return any((day.month, day.day) in LOCAL.get(place, set()) for place in feasts)


# The Canaries' own days as their government publishes them: the day of the Canaries, Maundy
# Thursday, and the Monday after a national day that fell on a Sunday, in the years compared.
CANARIAN = {
    date(2027, 3, 25),
    date(2027, 5, 31),
    date(2027, 8, 16),
    date(2028, 4, 13),
    date(2028, 5, 30),
    date(2029, 3, 29),
    date(2029, 5, 30),
}


def spanish_holiday(day: date, *, canary: bool) -> bool:
    if (day.month, day.day) in SPANISH or (day - easter(day.year)).days == -2:
        return True
    return canary and day in CANARIAN


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


def silent(zones: tuple[str, ...], *, days_before: int = 1, whole_day: bool = False) -> Truths:
    """From the eve's first minute on the earliest clock to the close on the latest one."""
    clocks = [wall_clock(zone) for zone in zones]
    found = np.zeros(MINUTES, dtype=bool)
    for day, closes in BALLOTS:
        # A day's distance to UTC on both sides holds all that any clock calls these days.
        first = shown(day) - int(START.timestamp()) // 60 - 4 * 1440
        near = slice(first, first + 7 * 1440)
        eve = shown(day - timedelta(days=days_before))
        close = shown(day + timedelta(days=1)) if whole_day else shown(day, closes)
        begun = np.any([c[near] >= eve for c in clocks], axis=0)
        over = np.all([c[near] >= close for c in clocks], axis=0)
        found[near] |= begun & ~over
    return found


def by_day(is_holiday: Callable[[date], bool]) -> Truths:
    """For each day since 1970 whether it is a holiday."""
    first, last = (START.date() - EPOCH).days - 1, (END.date() - EPOCH).days + 1
    days = np.zeros(last + 1, dtype=bool)
    for number in range(first, last + 1):
        days[number] = is_holiday(EPOCH + timedelta(days=number))
    return days


@functools.cache
def open_by_law(profile: str, somebody: Somebody) -> Truths:
    """At each minute, whether the law's clock lets a phone ring."""
    if profile == "strict":
        others = [open_by_law(p, somebody) for p in PROFILES if p != "strict"]
        everybody: Truths = np.all(others, axis=0)
        return everybody
    day, clock = np.divmod(wall_clock(somebody.zone), 1440)
    weekend = (day + 3) % 7 >= 5  # 1970 began on a Thursday
    match profile:
        case "us":
            return within(clock, 480, 1260)
        case "ca":
            return np.where(weekend, within(clock, 600, 1080), within(clock, 540, 1290))
        case "fr":
            hours = within(clock, 600, 780) | within(clock, 840, 1200)
            feasts = by_day(lambda day: french_holiday(day, somebody.feasts))
            quiet = silent(
                (somebody.zone, *somebody.clocks), days_before=2 if somebody.saturday else 1
            )
        case "es":
            hours = within(clock, 540, 1260)
            feasts = by_day(lambda day: spanish_holiday(day, canary=somebody.canary))
            clocks = (somebody.zone, "Atlantic/Canary" if somebody.canary else "Europe/Madrid")
            quiet = silent(clocks, whole_day=True)
        case _:
            return np.ones(MINUTES, dtype=bool)
    return hours & ~weekend & ~feasts[day] & ~quiet


def within(clock: Minutes, first: int, last: int) -> Truths:
    return (clock >= first) & (clock < last)


@functools.cache
def calendar(profile: str, box: str) -> LawCalendar:
    known = load_profile(profile)
    ballots = tuple(Ballot(day=day, closes=closes) for day, closes in BALLOTS)
    return LawCalendar(known, box if box in known.territories else "", ballots)


def people(profile: str) -> Sequence[Somebody]:
    if THOROUGH or profile in ("fr", "strict"):
        return PEOPLE
    return [one for one in PEOPLE if one.canary] if profile == "es" else PEOPLE[::6]


@pytest.mark.parametrize("profile", PROFILES)
def test_intervals_agree_with_the_oracle(profile: str) -> None:
    begin, end = int(START.timestamp()), int(END.timestamp())
    compared = opened = 0
    for somebody in people(profile):
        ours = np.zeros(MINUTES, dtype=bool)
        known = calendar(profile, somebody.box)
        place = known.places.of(somebody.number, ZoneInfo(somebody.zone))
        for first, last in known.spans(place, begin, end):
            assert first % 60 == last % 60 == 0
            ours[(first - begin) // 60 : (last - begin) // 60] = True
        theirs = open_by_law(profile, somebody)
        wrong = np.flatnonzero(ours != theirs)
        assert not len(wrong), (somebody, START + timedelta(minutes=int(wrong[0])))
        compared += len(theirs)
        opened += int(theirs.sum())
    assert compared == MINUTES * len(people(profile))
    assert opened > compared // 10, "the comparison must meet open hours"


@given(
    st.sampled_from(PROFILES),
    st.sampled_from(PEOPLE),
    st.datetimes(datetime(2027, 1, 1), datetime(2029, 12, 31)),  # noqa: DTZ001
    st.sampled_from(
        ["mon-fri 18:00-20:00; sat 10:00-12:00", "sun 01:30-03:30", "mon-sun 00:00-24:00"]
    ),
)
def test_a_week_agrees_with_the_oracle(
    profile: str, somebody: Somebody, at: datetime, text: str
) -> None:
    """Windows and law together, through the weeks that the gate remembers."""
    instant = at.replace(tzinfo=UTC, second=0, microsecond=0)
    second = int(instant.timestamp())
    known, zone = calendar(profile, somebody.box), ZoneInfo(somebody.zone)
    week = known.week(known.places.of(somebody.number, zone), second // (7 * 86_400)).open
    law = any(a <= second < b for a, b in week)
    assert law == open_by_law(profile, somebody)[int((instant - START).total_seconds()) // 60]
    windows = parse_windows(text).spans(zone, second - 60, second + 60)
    local = instant.astimezone(zone)
    assert any(a <= second < b for a, b in windows) == inside(parse_windows(text), local)


# --- what earlier calls hold back -------------------------------------------------------------

BUSY, REFUSED = {"busy"}, {"declined", "opted_out"}
TAKEN = {"listened", "partial", "declined", "opted_out", "voicemail", "unknown"}


def kept_from(profile: str, zone: str, calls: Sequence[Attempt]) -> Truths:
    """At each minute, whether earlier calls keep the next one away, rule by rule."""
    utc = int(START.timestamp()) // 60 + np.arange(MINUTES)
    day = wall_clock(zone) // 1440
    kept = np.zeros(MINUTES, dtype=bool)
    made = np.zeros(MINUTES, dtype=np.int32)
    made_us = np.zeros(MINUTES, dtype=np.int32)
    for call in calls:
        assert call.ended_at is not None
        assert call.outcome is not None
        dialled = int(call.authorised_at.timestamp()) // 60
        over = int(call.ended_at.timestamp()) // 60
        made += utc < dialled + 30 * 1440
        made_us += utc < dialled + 30 * 1440
        outcome = call.outcome.value
        kept |= utc < over + (15 if outcome in BUSY else 60)
        if call.answered or outcome in TAKEN:
            kept |= utc < over + 1440
        if outcome in REFUSED and profile in ("fr", "strict"):
            refused_on = (call.ended_at.astimezone(ZoneInfo(zone)).date() - EPOCH).days
            kept |= day < refused_on + 61
        if outcome in ("failed", "unknown", "stopped") and profile in ("uk", "strict"):
            kept |= utc < over + 72 * 60
    kept |= made >= 4
    if profile in ("us", "strict"):
        kept |= made_us >= 3
    return kept


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("seed", range(8 if THOROUGH else 3))
def test_rests_and_caps_agree_with_the_oracle(profile: str, seed: int) -> None:
    """Of people with a past, every minute after it: the profile's rules and the product's own."""
    rules = Rules(purpose="news", profile=load_profile(profile), max_attempts=99)
    draw = random.Random(f"{profile} {seed}")
    held = 0
    for somebody in PEOPLE[seed::3]:
        zone = ZoneInfo(somebody.zone)
        # Near the changes of the clock as well: March, and the last days of October.
        start = START + timedelta(days=draw.choice([30, 75, 85, 290, 299, 420]))
        calls = []
        for _ in range(draw.randint(1, 6)):
            start += timedelta(minutes=draw.choice([16, 61, 300, 1441, 9000, 40_000]))
            calls.append(
                Attempt(
                    id=start.isoformat(),
                    authorised_at=start,
                    outcome=draw.choice(list(Outcome)),
                    ended_at=start + timedelta(minutes=draw.randint(1, 3)),
                    answered=draw.random() < 0.3,
                )
            )
        ends = freed(rules.past, History(attempts=tuple(calls)), zone)
        assert ends is not None
        last = int((calls[-1].ended_at or start).timestamp()) // 60 - int(START.timestamp()) // 60
        ours = np.arange(MINUTES) < (ends - START).total_seconds() / 60
        theirs = kept_from(profile, somebody.zone, calls)
        wrong = np.flatnonzero((ours != theirs)[last:])
        assert not len(wrong), (somebody, calls, START + timedelta(minutes=last + int(wrong[0])))
        held += int(theirs[last:].sum())
    assert held > 60
