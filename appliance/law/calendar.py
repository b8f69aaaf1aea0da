"""When the law lets a phone ring: interval arithmetic over hours, holidays and ballots.

Pure but for two memories that only save work: the holidays of a year, and, in a
:class:`LawCalendar`, the open spans of each (zone, week).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from appliance.law.rules import Ballot, BallotRule, HolidayRule, HoursRule, Profile, Territory
from appliance.model import Interval
from appliance.windows import (
    Span,
    day_spans,
    intersect,
    interval,
    local_days,
    local_instant,
    merge,
    outer_seconds,
    subtract,
)

WEEK = 7 * 86_400
"""Seconds; spans are remembered by weeks of UTC, counted from 1970."""

AHEAD = 2
"""Weeks that a verdict looks ahead to say until when it holds: rules of hours change within one,
and holidays and silences in a row do not last three."""

_REMEMBERED = 4_000

TimeRule = HoursRule | HolidayRule | BallotRule


def holiday_name(rule: HolidayRule, territory: str, zone: ZoneInfo, day: date) -> str | None:
    """Return the name of the holiday that *day* is for a person in *zone*, or None.

    Besides the national days: those of the configured territory, and those of the territories
    that have the person's zone to themselves (a box in Paris that calls La Réunion).
    """
    names = dict(rule.subdivisions).get(territory, ())
    names += tuple(n for n in dict(rule.zones).get(zone.key, ()) if n not in names)
    for subdivision in (None, *names):
        found = _holidays(rule.country, subdivision, day.year).get(day)
        if found is not None:
            return found
    return None


@lru_cache(maxsize=512)
def _holidays(country: str, subdivision: str | None, year: int) -> dict[date, str]:
    # Imported here because it costs more than all the rest of the gate, and many commands never
    # ask what day it is.
    import holidays

    found = holidays.country_holidays(
        country, subdiv=subdivision, years=year, expand=False, language="en_US"
    )
    return dict(found.items())


def ballot_silence(ballot: Ballot, profile: Profile, territory: str, zone: ZoneInfo) -> Span | None:
    """Return the silence that *ballot* imposes on a person in *zone*; None where it does not.

    From 00:00 on the eve until the polls close. Where the person's clock and that of the
    polling stations differ, the silence lasts from the earlier beginning to the later end.
    """
    concerned = profile.territory(territory if ballot.territory is None else ballot.territory)
    if ballot.territory not in (None, "", territory) and concerned.zone != zone.key:
        return None
    closes = ballot.closes.hour * 60 + ballot.closes.minute or 1440
    eve = ballot.day - timedelta(days=1)
    clocks = (zone, _zone(concerned))
    begin = min(local_instant(clock, eve, 0) for clock in clocks)
    end = max(_last_instant(clock, ballot.day, closes) for clock in clocks)
    return (begin, end) if begin < end else None


def _zone(territory: Territory) -> ZoneInfo:
    return ZoneInfo(territory.zone)


def _last_instant(zone: ZoneInfo, day: date, minute: int) -> int:
    """Return when the clock leaves *minute* of *day* behind for good, even if shown twice."""
    first = local_instant(zone, day, minute)
    again = _second_coming(zone, day, minute)
    return first if again is None else again


def _second_coming(zone: ZoneInfo, day: date, minute: int) -> int | None:
    """Return the second coming of a minute that the clock shows twice, or None."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
    first, second = local.replace(fold=0).timestamp(), local.replace(fold=1).timestamp()
    return int(second) if second > first else None


@dataclass(frozen=True, slots=True)
class RuleSpans:
    """When one rule of time lets calls through."""

    rule: TimeRule
    open: list[Span]


@dataclass(frozen=True, slots=True)
class LawWeek:
    """One week of UTC in one zone: when each rule of time is open, and when all are."""

    by_rule: list[RuleSpans]
    open: list[Span]


class LawCalendar:
    """The open spans of a profile for one configuration of territory and ballots."""

    def __init__(
        self, profile: Profile, territory: str = "", ballots: Sequence[Ballot] = ()
    ) -> None:
        profile.territory(territory)
        for ballot in ballots:
            profile.territory(ballot.territory)
        self.profile = profile
        self.territory = territory
        self.ballots = tuple(ballots)
        self._weeks: dict[tuple[ZoneInfo, int], LawWeek] = {}
        self._ahead: dict[tuple[ZoneInfo, int], list[tuple[TimeRule, list[Span]]]] = {}

    def week(self, zone: ZoneInfo, week: int) -> LawWeek:
        """Return UTC week number *week*, its spans cut at its ends."""
        key = (zone, week)
        found = self._weeks.get(key)
        if found is None:
            if len(self._weeks) >= _REMEMBERED:
                self._weeks.clear()
            start, end = week * WEEK, (week + 1) * WEEK
            by_rule = self.by_rule(zone, start, end)
            found = LawWeek(by_rule, _agreed(by_rule, start, end))
            self._weeks[key] = found
        return found

    def ahead(self, zone: ZoneInfo, week: int) -> list[tuple[TimeRule, list[Span]]]:
        """Return for each rule of time when it is open in that week and the next :data:`AHEAD`."""
        key = (zone, week)
        found = self._ahead.get(key)
        if found is None:
            if len(self._ahead) >= _REMEMBERED:
                self._ahead.clear()
            weeks = [self.week(zone, week + n).by_rule for n in range(AHEAD + 1)]
            found = [
                (same[0].rule, merge(span for one in same for span in one.open))
                for same in zip(*weeks, strict=True)
            ]
            self._ahead[key] = found
        return found

    def spans(self, zone: ZoneInfo, start: int, end: int) -> list[Span]:
        """Return the open spans of ``[start, end)``, where every rule of time agrees."""
        return _agreed(self.by_rule(zone, start, end), start, end)

    def by_rule(self, zone: ZoneInfo, start: int, end: int) -> list[RuleSpans]:
        """Return for each rule of time when it alone is open in ``[start, end)``."""
        found: list[RuleSpans] = []
        whole: list[Span] = [(start, end)] if start < end else []
        for rule in self.profile.enforced:
            if isinstance(rule, HoursRule):
                found.append(RuleSpans(rule, rule.hours.spans(zone, start, end)))
            elif isinstance(rule, HolidayRule):
                closed = self._holidays(rule, zone, start, end)
                found.append(RuleSpans(rule, subtract(whole, closed)))
            elif isinstance(rule, BallotRule):
                silences = (
                    ballot_silence(ballot, self.profile, self.territory, zone)
                    for ballot in self.ballots
                )
                closed = merge(span for span in silences if span is not None)
                found.append(RuleSpans(rule, subtract(whole, closed)))
        return found

    def _holidays(self, rule: HolidayRule, zone: ZoneInfo, start: int, end: int) -> list[Span]:
        closed: list[Span] = []
        for ordinal in local_days(start, end):
            if holiday_name(rule, self.territory, zone, date.fromordinal(ordinal)) is not None:
                closed += day_spans(zone, ordinal)
        return merge(closed)


def _agreed(by_rule: list[RuleSpans], start: int, end: int) -> list[Span]:
    left: list[Span] = [(start, end)] if start < end else []
    for found in by_rule:
        left = intersect(left, found.open)
    return left


def open_intervals(
    profile: Profile,
    zone: ZoneInfo,
    territory: str,
    ballots: Sequence[Ballot],
    start: datetime,
    end: datetime,
) -> list[Interval]:
    """Return the intervals of ``[start, end)`` in which the profile's rules of time all agree."""
    calendar = LawCalendar(profile, territory, ballots)
    return [interval(span) for span in calendar.spans(zone, *outer_seconds(start, end))]
