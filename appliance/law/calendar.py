"""When the law lets a phone ring: interval arithmetic over hours, holidays and ballots.

Pure but for two memories that only save work: the holidays of a year, and, in a
:class:`LawCalendar`, the open spans of each (place, week).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from appliance.law.place import Place, Places, polling_zones
from appliance.law.rules import Ballot, BallotRule, HolidayRule, HoursRule, Profile
from appliance.windows import (
    Span,
    day_spans,
    intersect,
    local_days,
    local_instant,
    merge,
    subtract,
)

WEEK = 7 * 86_400
"""Seconds; spans are remembered by weeks of UTC, counted from 1970."""

AHEAD = 2
"""Weeks that a verdict looks ahead to say until when it holds: rules of hours change within one,
and holidays and silences in a row do not last three."""

_REMEMBERED = 4_000

TimeRule = HoursRule | HolidayRule | BallotRule


def holiday_name(rule: HolidayRule, place: Place, day: date) -> str | None:
    """Return the name of the holiday that *day* is for a person at *place*, or None.

    The national days, and those of the territories in which the person lives; what the box's own
    configuration names is no reason to spare or to disturb anybody elsewhere.
    """
    for territory, names in ((None, (None,)), *rule.subdivisions):
        if territory is not None and territory not in place.territories:
            continue
        for subdivision in names:
            found = _holidays(rule.country, subdivision, day.year).get(day)
            if found is not None:
                return found
    return None


def load_holidays(country: str) -> None:
    """Load the library of holidays before anybody waits for it: it takes a fifth of a second."""
    if country:
        _holidays(country, None, 2027)


@lru_cache(maxsize=512)
def _holidays(country: str, subdivision: str | None, year: int) -> dict[date, str]:
    # Imported here because it costs more than all the rest of the gate, and many commands never
    # ask what day it is.
    import holidays

    found = holidays.country_holidays(
        country, subdiv=subdivision, years=year, expand=False, language="en_US"
    )
    return dict(found.items())


def ballot_silence(rule: BallotRule, ballot: Ballot, place: Place) -> Span | None:
    """Return the silence that *ballot* imposes on a person at *place*; None where it does not.

    From 00:00 on the eve until the polls close where the person votes. A part of the country that
    votes on the eve has its own eve a day earlier, whether or not its ballot is configured too.
    For people abroad the silence lasts from the earlier beginning to the later end of their own
    clock and that of the country.
    """
    if ballot.territory and ballot.territory not in place.territories:
        return None
    homes = [home for home in rule.territories if home.name in place.territories]
    clocks = {place.zone}
    for home in homes:
        clocks.update(map(ZoneInfo, polling_zones(home, place.zone.key)))
    if not homes and place.zone.key != rule.zone:
        clocks.add(ZoneInfo(rule.zone))
    early = not ballot.territory and any(home.votes_on_eve for home in homes)
    eve = ballot.day - timedelta(days=2 if early else 1)
    closes = 1440 if rule.whole_day else ballot.closes.hour * 60 + ballot.closes.minute or 1440
    begin = min(local_instant(clock, eve, 0) for clock in clocks)
    end = max(_last_instant(clock, ballot.day, closes) for clock in clocks)
    return begin, end


def _last_instant(zone: ZoneInfo, day: date, minute: int) -> int:
    """Return when the clock leaves *minute* of *day* behind for good, even if shown twice."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
    # Of a minute that the clock skips, the second reading lies before the skip.
    return max(local_instant(zone, day, minute), int(local.replace(fold=1).timestamp()))


@dataclass(frozen=True, slots=True)
class RuleSpans:
    """When one rule of time lets calls through."""

    rule: TimeRule
    open: list[Span]


@dataclass(frozen=True, slots=True)
class LawWeek:
    """One week of UTC at one place: when each rule of time is open, and when all are."""

    by_rule: list[RuleSpans]
    open: list[Span]


class LawCalendar:
    """The open spans of a profile for one configuration of territory and ballots."""

    def __init__(
        self, profile: Profile, territory: str = "", ballots: Sequence[Ballot] = ()
    ) -> None:
        for ballot in ballots:
            profile.territory(ballot.territory)
        self.profile = profile
        self.territory = territory
        self.ballots = tuple(ballots)
        self.places = Places(profile, territory)
        self._weeks: dict[tuple[Place, int], LawWeek] = {}
        self._ahead: dict[tuple[Place, int], list[tuple[TimeRule, list[Span]]]] = {}

    def week(self, place: Place, week: int) -> LawWeek:
        """Return UTC week number *week*, its spans cut at its ends."""
        key = (place, week)
        found = self._weeks.get(key)
        if found is None:
            if len(self._weeks) >= _REMEMBERED:
                self._weeks.clear()
            start, end = week * WEEK, (week + 1) * WEEK
            by_rule = self.by_rule(place, start, end)
            found = LawWeek(by_rule, _agreed(by_rule, start, end))
            self._weeks[key] = found
        return found

    def ahead(self, place: Place, week: int) -> list[tuple[TimeRule, list[Span]]]:
        """Return for each rule of time when it is open in that week and the next :data:`AHEAD`."""
        key = (place, week)
        found = self._ahead.get(key)
        if found is None:
            if len(self._ahead) >= _REMEMBERED:
                self._ahead.clear()
            weeks = [self.week(place, week + n).by_rule for n in range(AHEAD + 1)]
            found = [
                (same[0].rule, merge(span for one in same for span in one.open))
                for same in zip(*weeks, strict=True)
            ]
            self._ahead[key] = found
        return found

    def spans(self, place: Place, start: int, end: int) -> list[Span]:
        """Return the open spans of ``[start, end)``, where every rule of time agrees."""
        return _agreed(self.by_rule(place, start, end), start, end)

    def by_rule(self, place: Place, start: int, end: int) -> list[RuleSpans]:
        """Return for each rule of time when it alone is open in ``[start, end)``."""
        found: list[RuleSpans] = []
        whole: list[Span] = [(start, end)]
        for rule in self.profile.enforced:
            if isinstance(rule, HoursRule):
                found.append(RuleSpans(rule, rule.hours.spans(place.zone, start, end)))
            elif isinstance(rule, HolidayRule):
                closed = _closed_days(rule, place, start, end)
                found.append(RuleSpans(rule, subtract(whole, closed)))
            elif isinstance(rule, BallotRule):
                silences = (ballot_silence(rule, ballot, place) for ballot in self.ballots)
                closed = merge(span for span in silences if span is not None)
                found.append(RuleSpans(rule, subtract(whole, closed)))
        return found


def _closed_days(rule: HolidayRule, place: Place, start: int, end: int) -> list[Span]:
    closed: list[Span] = []
    for ordinal in local_days(start, end):
        if holiday_name(rule, place, date.fromordinal(ordinal)) is not None:
            closed += day_spans(place.zone, ordinal)
    return merge(closed)


def _agreed(by_rule: list[RuleSpans], start: int, end: int) -> list[Span]:
    left: list[Span] = [(start, end)] if start < end else []
    for found in by_rule:
        left = intersect(left, found.open)
    return left
