"""Caps and rests: how long earlier calls keep the next one away. Pure.

Besides those of the law profile stands the product's own floor against nuisance, which no
configuration lowers: a profile may know no cap at all, and a person is rung by people, not by
profiles. Where the profile is stricter, the profile decides, since every rule must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from appliance.law import CapRule, Confidence, RestRule
from appliance.model import Attempt, History, Outcome
from appliance.windows import local_instant
from firmware.wording import plural, worded

RING_FLOOR = timedelta(seconds=15)
"""A phone that rings for less is a nuisance call: nobody can reach it."""

_ANSWERED = frozenset(
    {
        Outcome.LISTENED,
        Outcome.PARTIAL,
        Outcome.DECLINED,
        Outcome.OPTED_OUT,
        Outcome.VOICEMAIL,
        # Nobody knows how far these came.
        Outcome.UNKNOWN,
    }
)
PastRule = CapRule | RestRule

FLOOR: tuple[PastRule, ...] = (
    CapRule(
        name="floor.attempts",
        text=worded("At most 4 attempts at one person in 30 days."),
        source=worded("the product itself"),
        dated="2026-11",
        confidence=Confidence.HIGH,
        attempts=4,
        days=30,
    ),
    RestRule(
        name="floor.busy",
        text=worded("15 minutes of rest after a busy line."),
        source=worded("the product itself"),
        dated="2026-11",
        confidence=Confidence.HIGH,
        after=frozenset({Outcome.BUSY}),
        minutes=15,
    ),
    RestRule(
        name="floor.pause",
        text=worded("One hour of rest after any other attempt."),
        source=worded("the product itself"),
        dated="2026-11",
        confidence=Confidence.HIGH,
        after=frozenset(Outcome) - {Outcome.BUSY},
        hours=1,
    ),
    RestRule(
        name="floor.answered",
        text=worded("A day of rest after any call that was answered."),
        source=worded("the product itself"),
        dated="2026-11",
        confidence=Confidence.HIGH,
        answered=True,
        hours=24,
    ),
)
"""What holds under every profile. The ring is :data:`RING_FLOOR`."""


def floor_beside(own: Iterable[PastRule]) -> list[PastRule]:
    """Return what the floor adds to a profile's *own* rules; its cap where none is as strict."""
    caps = [rule for rule in own if isinstance(rule, CapRule)]
    return [
        rule
        for rule in FLOOR
        if not isinstance(rule, CapRule)
        or not any(cap.attempts <= rule.attempts and cap.days >= rule.days for cap in caps)
    ]


def freed(rules: Iterable[PastRule], history: History, zone: ZoneInfo) -> datetime | None:
    """Return when every cap and rest has ended; None where none was ever due."""
    ends = [past_ends(rule, history.attempts, zone) for rule in rules]
    return max((end for end in ends if end is not None), default=None)


def past_ends(rule: PastRule, attempts: Sequence[Attempt], zone: ZoneInfo) -> datetime | None:
    """Return when *rule* lets the next attempt come; None where it holds nothing back."""
    if isinstance(rule, CapRule):
        return cap_ends(rule, attempts)
    return rest_ends(rule, attempts, zone)


def cap_ends(rule: CapRule, attempts: Sequence[Attempt]) -> datetime | None:
    """Return when one more attempt is within the cap, or None where none was ever missing."""
    if len(attempts) < rule.attempts:
        return None
    times = sorted(attempt.authorised_at for attempt in attempts)
    return times[-rule.attempts] + timedelta(days=rule.days)


def rest_ends(rule: RestRule, attempts: Sequence[Attempt], zone: ZoneInfo) -> datetime | None:
    """Return when the rest after the last such call ends, or None where there was none.

    Calendar days are counted by the callee's clock: the day of the call is none of them.
    """
    ends = [attempt.ended_at or attempt.authorised_at for attempt in _followed(rule, attempts)]
    if not ends:
        return None
    last = max(ends)
    if not rule.days:
        return last + timedelta(hours=rule.hours, minutes=rule.minutes)
    day = last.astimezone(zone).date() + timedelta(days=rule.days + 1)
    return datetime.fromtimestamp(local_instant(zone, day, 0), UTC)


def _followed(rule: RestRule, attempts: Sequence[Attempt]) -> list[Attempt]:
    return [
        attempt
        for attempt in attempts
        if attempt.outcome in rule.after
        or (rule.answered and (attempt.answered or attempt.outcome in _ANSWERED))
    ]


def rest_length(rule: RestRule) -> str:
    """Return how long the rest lasts, for people."""
    return worded("{days} whole days", days=rule.days) if rule.days else spoken(_span(rule))


_DAY = 86_400
_UNITS: tuple[tuple[Callable[[int], str], int], ...] = (
    (lambda count: plural("{count} day", "{count} days", count), _DAY),
    (lambda count: plural("{count} hour", "{count} hours", count), 3600),
    (lambda count: plural("{count} minute", "{count} minutes", count), 60),
)


def spoken(length: timedelta) -> str:
    """Return a duration in the largest unit that leaves no rest: ``15 minutes``."""
    seconds = length.total_seconds()
    for counted, size in _UNITS:
        # A day is still 24 hours: two are days.
        if seconds >= size * (2 if size == _DAY else 1) and seconds % size == 0:
            return counted(int(seconds // size))
    return worded("{seconds:g} seconds", seconds=seconds)


def rest_after(outcome: Outcome, rules: Iterable[PastRule]) -> timedelta:
    """Return the shortest pause that *rules* leave after a call that ended so; calendar days as
    days."""
    rests = (
        timedelta(days=rule.days) + _span(rule)
        for rule in rules
        if isinstance(rule, RestRule)
        and (outcome in rule.after or (rule.answered and outcome in _ANSWERED))
    )
    return max(rests, default=timedelta())


def longest(rules: Iterable[PastRule]) -> timedelta:
    """Return how long after its end an attempt may still hold back the next one."""
    lengths = (
        # A calendar day more on each side, and the hours by which a clock may be moved.
        timedelta(days=rule.days + 2 if rule.days else 0)
        + (timedelta() if isinstance(rule, CapRule) else _span(rule))
        for rule in rules
    )
    return max(lengths, default=timedelta())


def _span(rule: RestRule) -> timedelta:
    return timedelta(hours=rule.hours, minutes=rule.minutes)
