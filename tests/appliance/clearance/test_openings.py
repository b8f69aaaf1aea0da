"""The arithmetic of one person at its edges; what it says together, ``test_gate.py`` tells."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from zoneinfo import ZoneInfo

import pytest

from appliance.clearance import rules as clearance_rules
from appliance.clearance.openings import HORIZON, Person, next_chance, next_hours
from appliance.clearance.rules import Rules
from appliance.law import LawCalendar, Place, load_profile
from appliance.model import NO_HISTORY, Consent, Contact
from appliance.windows import Span, intersect, parse_windows

AFTER = datetime(2027, 3, 10, 12, tzinfo=UTC)
ALWAYS = parse_windows("mon-sun 00:00-24:00")
RULES = Rules(purpose="news", profile=load_profile("strict"))


@pytest.mark.parametrize(
    ("begins", "found"),
    [
        (timedelta(0), True),
        (timedelta(days=390), True),
        (timedelta(days=399), True),
        (timedelta(days=400, hours=1), False),
        (timedelta(days=402), False),
    ],
)
def test_a_chance_is_looked_for_up_to_the_horizon(begins: timedelta, found: bool) -> None:
    """A person whose rest ends beyond it has none, as ``HORIZON`` says: it is 400 days."""
    assert timedelta(days=400) == HORIZON
    since = (AFTER + begins).timestamp()
    place = Place(ZoneInfo("UTC"))
    person = Person(RULES, place, ALWAYS, since, float("inf"), exhausted=False)
    chance = person.next_chance(AFTER.timestamp(), 60.0)
    assert (chance is not None) is found
    if chance is not None:
        assert AFTER + begins <= chance.start + timedelta(days=1)


@pytest.mark.parametrize(
    ("exhausted", "seconds", "found"), [(False, 60.0, True), (True, 60.0, False)]
)
def test_used_up_is_no_chance_at_any_hour(exhausted: bool, seconds: float, found: bool) -> None:
    person = Person(RULES, Place(ZoneInfo("UTC")), ALWAYS, 0.0, float("inf"), exhausted)
    assert (person.next_chance(AFTER.timestamp(), seconds) is not None) is found


LONG_AGO, FAR = AFTER - timedelta(days=60), AFTER + timedelta(days=520)
FREE = replace(load_profile("fr"), enforced=())
"""A law without hours: windows alone decide."""
HOURS = (
    "mon-fri 10:00-12:00",
    "wed 22:00-24:00; thu 00:00-02:00",  # over the end of a week of UTC
    "mon-sun 00:00-24:00",
    "mon-wed 00:00-24:00; thu 01:00-24:00; fri-sun 00:00-24:00",
    "sun 11:00-11:10",
    "sun 03:00-04:00",  # which no law leaves
)
ZONES = ("UTC", "Europe/Paris", "Pacific/Auckland")


@cache
def all_spans(profile: str, zone: str, hours: str) -> list[Span]:
    """Every span of nineteen months in one piece."""
    law = LawCalendar(load_profile(profile) if profile else FREE)
    place = Place(ZoneInfo(zone))
    start, end = int(LONG_AGO.timestamp()), int(FAR.timestamp())
    open_ = parse_windows(hours).spans(place.zone, start, end)
    return intersect(open_, law.spans(place, start, end))


def plainly(
    spans: list[Span], since: float, until: float, after: float, seconds: float
) -> Span | None:
    """The first span with room, found by looking at each."""
    first = math.ceil(since)
    last = math.floor(min(until, after + HORIZON.total_seconds()))
    for start, end in spans:
        begin, over = max(start, first), min(end, last)
        now = max(begin, after)
        if begin < over and over > now and over - now >= seconds:
            return begin, over
    return None


def test_the_next_span_is_the_one_that_looking_at_each_finds() -> None:
    """Of many people who share hours, one after the other, so that what was found for one is
    remembered for the next."""
    chance = random.Random(3)
    base = AFTER.timestamp()
    for profile in ("", "fr"):
        rules = Rules(purpose="news", profile=load_profile(profile) if profile else FREE)
        for _ in range(2500):
            zone, hours = chance.choice(ZONES), chance.choice(HOURS)
            seconds = chance.choice((0.0, 60.0, 600.0, 7200.0, 14_400.0))
            spans = all_spans(profile, zone, hours)
            after = base + chance.choice((0.0, 0.5, 1800.0, 86_400.0 * chance.randrange(30)))
            edges = [edge for span in spans for edge in span if edge < base + 100 * 86_400]
            near = chance.choice(edges or [int(base)])
            if chance.random() < 0.5:
                after = max(base, near + chance.choice((-seconds, -1.0, -0.5, 0.0, 0.5)))
            since = chance.choice(
                (0.0, base - 86_400.0, after, after + 0.5, near, near + 0.25, near + 60.0)
            )
            until = chance.choice(
                (float("inf"), float("inf"), near + 30.0, near + 0.5, near, after + seconds)
            )
            person = Person(
                rules, Place(ZoneInfo(zone)), parse_windows(hours), since, until, exhausted=False
            )
            found = person.open_span(after, seconds)
            expected = plainly(spans, since, until, after, seconds)
            told = (profile, zone, hours, since - base, until - base, after - base, seconds)
            if found is None or expected is None:
                assert found == expected, told
                continue
            if expected[1] == math.floor(after + HORIZON.total_seconds()):
                # As far as was looked when it was remembered.
                assert expected[1] - 100 * 86_400 < found[1] <= expected[1], told
            else:
                assert found[1] == expected[1], told
            # A span that never closes is followed back by one week at least, and no further.
            back = 7 * 86_400
            assert found[0] == expected[0] or expected[0] < found[0] <= after - back, told


@pytest.mark.parametrize(
    ("after", "seconds", "found"),
    [
        # The last week that may hold a chance is the one of the horizon's end, up to that end.
        (0.0, 60.0, True),
        (0.0, 61.0, False),
        (1.0, 61.0, True),
    ],
)
def test_the_horizon_ends_at_its_very_second(after: float, seconds: float, found: bool) -> None:
    rules = Rules(purpose="news", profile=FREE)
    base = AFTER.timestamp()
    since = base + HORIZON.total_seconds() - 60.0
    person = Person(rules, Place(ZoneInfo("UTC")), ALWAYS, since, float("inf"), exhausted=False)
    assert (person.open_span(base + after, seconds) is not None) is found


def test_nobody_without_a_place_or_with_damaged_windows_has_a_chance() -> None:
    utc = Place(ZoneInfo("UTC"))
    for place, windows in ((None, ALWAYS), (utc, None), (None, None)):
        person = Person(RULES, place, windows, 0.0, float("inf"), exhausted=False)
        assert person.open_span(AFTER.timestamp(), 60.0) is None
    assert next_hours(utc, "noon", RULES, AFTER, 60.0) is None


def test_hours_that_lead_nowhere_are_asked_about_again_in_another_week() -> None:
    """What was not found up to one horizon may be found up to a later one."""
    rules = Rules(purpose="news", profile=FREE)
    utc = Place(ZoneInfo("UTC"))
    windows = parse_windows("mon 10:00-10:10")
    person = Person(rules, utc, windows, 0.0, float("inf"), exhausted=False)
    base = AFTER.timestamp()
    rules.note_first(utc, windows, 60.0, base, None)
    assert person.open_span(base, 60.0) is None
    assert person.open_span(base + 1.0, 60.0) is None, "the same week: the same answer"
    assert person.open_span(base - 1.0, 60.0) is not None, "before it nothing is known"
    rules.note_first(utc, windows, 60.0, base, None)
    assert person.open_span(base + 7 * 86_400.0, 60.0) is not None
    assert rules.first(utc, windows, 60.0) != (base, None)


@pytest.mark.parametrize("windows", ["mon-fri 10:00-12:00", "sun 03:00-04:00"])
def test_what_binds_one_person_is_remembered_for_nobody(windows: str) -> None:
    rules = Rules(purpose="news", profile=load_profile("fr"))
    utc, hours = Place(ZoneInfo("UTC")), parse_windows(windows)
    base = AFTER.timestamp()
    for since, until in ((base + 1.0, float("inf")), (0.0, base + 86_400.0)):
        Person(rules, utc, hours, since, until, exhausted=False).open_span(base, 60.0)
        assert rules.first(utc, hours, 60.0) is None
    Person(rules, utc, hours, base, float("inf"), exhausted=False).open_span(base, 60.0)
    known = rules.first(utc, hours, 60.0)
    assert known is not None
    assert known[0] == base
    assert (known[1] is None) is (windows == "sun 03:00-04:00")


def test_no_more_is_remembered_than_has_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clearance_rules._REMEMBERED == 20_000
    monkeypatch.setattr(clearance_rules, "_REMEMBERED", 3)
    rules = Rules(purpose="news", profile=FREE)
    utc = Place(ZoneInfo("UTC"))
    most = [0, 0, 0, 0]
    for week in range(2900, 2909):
        rules.open(utc, ALWAYS, week)
        rules.wished_ahead(utc, ALWAYS, week)
        rules.note_first(utc, ALWAYS, float(week), 0.0, None)
        sizes = map(len, (rules._open, rules._wished, rules._ahead)), (len(rules._first),)
        most = [max(n, size) for n, size in zip(most, chain(*sizes), strict=True)]
    assert most == [3, 3, 3, 3]


def test_what_was_worked_out_is_remembered() -> None:
    rules = Rules(purpose="news", profile=load_profile("fr"))
    utc = Place(ZoneInfo("UTC"))
    for ask in (rules.open, rules.wished, rules.wished_ahead):
        assert ask(utc, ALWAYS, 2984) is ask(utc, ALWAYS, 2984)
    start = 2984 * 7 * 86_400
    assert rules.wished(utc, ALWAYS, 2984) == [(start, start + 7 * 86_400)]
    assert rules.wished_ahead(utc, ALWAYS, 2984) == [(start, start + 3 * 7 * 86_400)]
    assert rules.open(utc, ALWAYS, 2984) == rules.calendar.week(utc, 2984).open


def test_a_chance_without_a_length_needs_no_room() -> None:
    contact = Contact(
        subject="s",
        number="+33639980001",
        number_hash="h",
        name="",
        language="fr",
        timezone="Europe/Paris",
    )
    end = datetime(2027, 3, 10, 11, tzinfo=UTC)
    agreed = Consent(
        id="c",
        subject="s",
        purpose="news",
        given_at=LONG_AGO,
        source="form",
        evidence="sheet",
        windows="mon-fri 11:00-12:00",
        valid_until=None,
        recorded_at=LONG_AGO,
    )
    rules = Rules(purpose="news", profile=load_profile("fr"))
    for early, found in ((0.5, end), (0.0, end + timedelta(days=1))):
        after = end - timedelta(seconds=early)
        chance = next_chance(contact, [agreed], NO_HISTORY, rules, after)
        assert chance is not None
        assert chance.end == found
