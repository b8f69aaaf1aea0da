"""The law's calendar: what it remembers, where its weeks end, and minutes that a clock repeats."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from appliance.law import Ballot, BallotRule, LawCalendar, Place, Profile, load_profile
from appliance.law import calendar as law_calendar
from appliance.law.calendar import WEEK, ballot_silence, load_holidays
from appliance.windows import merge

PARIS = Place(ZoneInfo("Europe/Paris"))


@pytest.fixture
def fr() -> Profile:
    return load_profile("fr")


def second(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("day", "closes", "end"),
    [
        # 02:00 to 03:00 comes twice in Paris, by its summer and by its winter time.
        (date(2027, 10, 31), time(1, 59), "2027-10-30 23:59"),
        (date(2027, 10, 31), time(2, 0), "2027-10-31 01:00"),
        (date(2027, 10, 31), time(2, 30), "2027-10-31 01:30"),
        (date(2027, 10, 31), time(2, 59), "2027-10-31 01:59"),
        (date(2027, 10, 31), time(3, 0), "2027-10-31 02:00"),
        # It does not come at all.
        (date(2027, 3, 28), time(1, 59), "2027-03-28 00:59"),
        (date(2027, 3, 28), time(2, 0), "2027-03-28 01:00"),
        (date(2027, 3, 28), time(2, 30), "2027-03-28 01:00"),
        (date(2027, 3, 28), time(3, 1), "2027-03-28 01:01"),
        (date(2027, 3, 28), time(0, 0), "2027-03-28 22:00"),
    ],
)
def test_a_silence_ends_when_the_clock_leaves_the_minute_for_good(
    fr: Profile, day: date, closes: time, end: str
) -> None:
    (rule,) = (rule for rule in fr.enforced if isinstance(rule, BallotRule))
    silence = ballot_silence(rule, Ballot(day=day, closes=closes), PARIS)
    assert silence is not None
    assert silence[1] == second(end)


def test_a_ballot_of_another_territory_silences_nobody(fr: Profile) -> None:
    (rule,) = (rule for rule in fr.enforced if isinstance(rule, BallotRule))
    there = Ballot(day=date(2027, 3, 18), closes=time(18), territory="reunion")
    assert ballot_silence(rule, there, PARIS) is None
    with pytest.raises(KeyError):
        LawCalendar(fr, ballots=[replace(there, territory="atlantis")])


def test_a_week_is_cut_at_its_ends_and_the_next_two_are_looked_ahead_at(fr: Profile) -> None:
    made = LawCalendar(fr)
    number = second("2027-03-18") // WEEK
    assert WEEK == 7 * 86_400
    for week in range(number, number + 3):
        found = made.week(PARIS, week)
        start, end = week * WEEK, (week + 1) * WEEK
        assert found.open == made.spans(PARIS, start, end)
        assert found.by_rule == made.by_rule(PARIS, start, end)
        assert made.week(PARIS, week) is found, "remembered"
    ahead = made.ahead(PARIS, number)
    assert made.ahead(PARIS, number) is ahead, "remembered"
    whole = made.by_rule(PARIS, number * WEEK, (number + 3) * WEEK)
    assert ahead == [(found.rule, merge(found.open)) for found in whole]


def test_no_more_is_remembered_than_has_its_place(
    fr: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert law_calendar._REMEMBERED == 4_000
    monkeypatch.setattr(law_calendar, "_REMEMBERED", 4)
    made = LawCalendar(fr)
    most = ahead = 0
    for week in range(2900, 2912):
        made.week(PARIS, week)
        most = max(most, len(made._weeks))
        made.ahead(PARIS, week)
        ahead = max(ahead, len(made._ahead))
    assert (most, ahead) == (4, 4)


@pytest.mark.parametrize(
    ("start", "end", "found"), [(5, 6, [(5, 6)]), (5, 5, []), (6, 5, []), (0, 9, [(0, 9)])]
)
def test_a_law_without_hours_is_open_at_any_time(
    fr: Profile, start: int, end: int, found: list[tuple[int, int]]
) -> None:
    made = LawCalendar(replace(fr, enforced=()))
    assert made.spans(PARIS, start, end) == found
    assert LawCalendar(fr).spans(PARIS, end, start) == []


def test_the_days_of_a_year_are_read_before_anybody_waits_for_them() -> None:
    law_calendar._holidays.cache_clear()
    load_holidays("")
    assert law_calendar._holidays.cache_info().currsize == 0
    load_holidays("FR")
    assert law_calendar._holidays.cache_info().currsize == 1
    days = law_calendar._holidays("FR", None, 2027)
    assert {day.year for day in days} == {2027}
    assert days[date(2027, 7, 14)] == "National Day"
