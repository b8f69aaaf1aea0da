"""The gate: may this phone ring now, and why not.

One function, :func:`decide`, evaluates every rule at one instant and answers with the verdict of
each, not only of the first that refuses. It is the only place that makes a
:class:`~appliance.model.Clearance`, and it makes one only where all verdicts allow.
:func:`next_chance` answers the scheduler's question, when all rules of time agree next, for many
people quickly; both rest on the same arithmetic, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from appliance.clearance.circumstances import Circumstances, fleet_verdicts, longest_call
from appliance.clearance.consent import standing
from appliance.clearance.openings import HORIZON, Person, next_chance, next_hours
from appliance.clearance.rests import longest
from appliance.clearance.rules import Rules
from appliance.clearance.verdicts import (
    box_verdicts,
    consent_verdict,
    fit_verdict,
    history_verdicts,
    number_verdicts,
    time_verdicts,
)
from appliance.law import Place
from appliance.model import Clearance, Consent, Contact, Decision, History, Interval
from appliance.windows import interval

__all__ = [
    "CLEARANCE",
    "HORIZON",
    "Circumstances",
    "Rules",
    "decide",
    "longest_call",
    "next_chance",
]

CLEARANCE = timedelta(seconds=60)
"""How long a clearance lasts unused: long enough for a slow disk, short enough to stay true."""


def decide(
    contact: Contact,
    consents: Sequence[Consent],
    history: History,
    rules: Rules,
    circumstances: Circumstances,
) -> Decision:
    """Evaluate every rule for *contact* at ``circumstances.now``.

    The call must end inside the open span.
    """
    now = circumstances.now.utc
    call_seconds = circumstances.call_seconds
    state = standing(consents, rules.purpose, history.revocation, now)
    person = Person.of(contact, state, history, rules)
    place = person.place or rules.somewhere
    verdicts = [
        *box_verdicts(circumstances, rules),
        *number_verdicts(contact, circumstances, rules),
        consent_verdict(state),
        *time_verdicts(person, place, now),
        *history_verdicts(history, rules, now, place.zone),
        *fleet_verdicts(circumstances),
    ]
    span = person.open_span(now.timestamp(), 0.0)
    if span is not None and span[0] > now.timestamp():
        span = None
    verdicts.append(fit_verdict(span, now, call_seconds))
    chance = person.next_chance(now.timestamp(), call_seconds)
    clearance: Clearance | None = None
    if (
        span is not None
        and state.consent is not None
        and all(verdict.allowed for verdict in verdicts)
    ):
        window = interval(span)
        clearance = Clearance(
            subject=contact.subject,
            number=contact.number,
            language=contact.language,
            consent=state.consent.id,
            window=window,
            profile=rules.profile.label,
            rules=tuple(verdict.rule for verdict in verdicts),
            clock=circumstances.now.source,
            granted_at=now,
            expires_at=min(now + CLEARANCE, window.end),
            bench=circumstances.bench,
        )
    return Decision(verdicts=tuple(verdicts), clearance=clearance, next_chance=chance)


class LawGate:
    """:mod:`appliance.clearance.gate` with one run's rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    @property
    def lookback(self) -> timedelta:
        return longest(self._rules.past)

    def decide(
        self,
        contact: Contact,
        consents: Sequence[Consent],
        history: History,
        circumstances: Circumstances,
    ) -> Decision:
        return decide(contact, consents, history, self._rules, circumstances)

    def next_chance(
        self,
        contact: Contact,
        consents: Sequence[Consent],
        history: History,
        after: datetime,
        call_seconds: float,
    ) -> Interval | None:
        return next_chance(
            contact, consents, history, self._rules, after, call_seconds=call_seconds
        )

    def place(self, number: str, timezone: str) -> Place | None:
        return self._rules.place(number, timezone)

    def next_hours(
        self, place: Place, windows: str, after: datetime, call_seconds: float
    ) -> Interval | None:
        return next_hours(place, windows, self._rules, after, call_seconds)
