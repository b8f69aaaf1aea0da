"""When a person may be called next: consent, windows, law, caps and rests as one arithmetic.

Built to be asked for 100,000 people at once. The open spans of a week are worked out once for
each (place, windows) that occur and remembered in :class:`Rules`; what is left for one person is
to find the first span after the consent began and every rest and cap ended.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.clearance.consent import ConsentState, standing
from appliance.clearance.rests import freed
from appliance.clearance.rules import Rules
from appliance.law import Place
from appliance.law.calendar import WEEK
from appliance.model import Consent, Contact, History, Interval
from appliance.windows import (
    Span,
    Windows,
    WindowsInvalid,
    interval,
    known_windows,
)

HORIZON = timedelta(days=400)
"""How far ahead a next chance is looked for; beyond every rest, ballot and yearly holiday."""

_HORIZON_SECONDS = int(HORIZON.total_seconds())


def next_chance(
    contact: Contact,
    consents: Sequence[Consent],
    history: History,
    rules: Rules,
    after: datetime,
    *,
    call_seconds: float = 0.0,
) -> Interval | None:
    """Return the next span in which all rules of time agree, with room for a whole call.

    Consent, windows, law, caps and rests as they are known now. The span may have begun before
    *after*. None where there is none within :data:`HORIZON`, or never: no live consent, the
    campaign's attempts are used up, or a message of theirs waits for a person. What does not
    depend on the calendar (stop, line, clock) is not asked here.
    """
    if history.waiting:
        return None
    state = standing(consents, rules.purpose, history.revocation, after)
    return Person.of(contact, state, history, rules).next_chance(after.timestamp(), call_seconds)


def next_hours(
    place: Place, windows: str, rules: Rules, after: datetime, call_seconds: float
) -> Interval | None:
    """Return :func:`next_chance` of somebody whose consent holds for ever and who has no past.

    Nobody at that place with these windows has a chance that opens or ends sooner, unless their
    consent ends before this one does.
    """
    person = Person(rules, place, _windows(windows), 0.0, float("inf"), False)
    return person.next_chance(after.timestamp(), call_seconds)


@dataclass(frozen=True, slots=True)
class Person:
    """One person's share in the arithmetic, in UTC seconds."""

    rules: Rules
    place: Place | None
    windows: Windows | None
    since: float
    """The consent began, and every rest and cap has ended."""
    until: float
    """The consent ends."""
    exhausted: bool
    unreadable: bool = False
    """The consent's windows are damaged."""

    @classmethod
    def of(cls, contact: Contact, state: ConsentState, history: History, rules: Rules) -> Person:
        consent = state.consent
        place = rules.place(contact.number, contact.timezone)
        if consent is None:
            return cls(rules, place, None, 0.0, 0.0, True)
        since = consent.given_at.timestamp()
        exhausted = False
        if history.attempts:
            exhausted = len(history.attempts_for(rules.purpose)) >= rules.max_attempts
            rested = freed(rules.past, history, (place or rules.somewhere).zone)
            if rested is not None:
                since = max(since, rested.timestamp())
        ends = consent.valid_until
        until = float("inf") if ends is None else ends.timestamp()
        windows = _windows(consent.windows)
        return cls(rules, place, windows, since, until, exhausted, windows is None)

    def open_span(self, after: float, seconds: float) -> Span | None:
        """Return the first span that ends after *after* and holds *seconds* from then on."""
        if self.place is None or self.windows is None:
            return None
        known = self.rules.first(self.place, self.windows, seconds)
        if known is not None and known[0] <= after:
            # What was passed over then is passed over now.
            if known[1] is None:
                if _last_week(after) == _last_week(known[0]):
                    return None
            else:
                start, end = known[1]
                # It still has the room, and nothing of this person's own cuts into it.
                room = end - max(start, after) >= seconds and end > after
                if room and self.since <= start and end <= self.until:
                    return known[1]
        span = self._open_span(self.place, self.windows, after, seconds)
        start, end = span or (int(after) + 1, int(after) + _HORIZON_SECONDS + 1)
        since = -int(-self.since // 1)
        if since < start and since <= after and end < self.until:
            self.rules.note_first(self.place, self.windows, seconds, after, span)
        return span

    def _open_span(
        self, place: Place, windows: Windows, after: float, seconds: float
    ) -> Span | None:
        # Whole seconds, rounded inwards: a span begins no earlier and ends no later than it may.
        first = -int(-self.since // 1)
        until = min(self.until, after + _HORIZON_SECONDS)
        from_ = max(after, first)
        week, last = int(from_ // WEEK), int(until // WEEK)
        while week <= last:
            spans = self.rules.open(place, windows, week)
            index = bisect_right(spans, from_, key=span_end)
            while index < len(spans):
                start, end = spans[index]
                if end == (week + 1) * WEEK:
                    end = self._end(place, windows, week + 1, end, last)
                start, end = max(start, first), min(end, int(until // 1))
                if end - max(start, from_) >= seconds and end > from_ and start < end:
                    return (self._start(place, windows, week, start, first), end)
                index += 1
            week += 1
        return None

    def _end(self, place: Place, windows: Windows, week: int, end: int, last: int) -> int:
        """Follow a span over the ends of weeks."""
        while week <= last:
            spans = self.rules.open(place, windows, week)
            if not spans or spans[0][0] != end:
                break
            end = spans[0][1]
            if end != (week + 1) * WEEK:
                break
            week += 1
        return end

    def _start(self, place: Place, windows: Windows, week: int, start: int, first: int) -> int:
        """Follow a span back over the start of its week; no further than one week."""
        spans = self.rules.open(place, windows, week - 1) if start == week * WEEK else ()
        return max(spans[-1][0], first) if spans and spans[-1][1] == start else start

    def next_chance(self, after: float, seconds: float) -> Interval | None:
        if self.exhausted:
            return None
        span = self.open_span(after, seconds)
        return None if span is None else interval(span)


def _last_week(after: float) -> int:
    return int((after + _HORIZON_SECONDS) // WEEK)


def span_end(span: Span) -> int:
    return span[1]


def _windows(text: str) -> Windows | None:
    try:
        return known_windows(text)
    except WindowsInvalid:
        return None
