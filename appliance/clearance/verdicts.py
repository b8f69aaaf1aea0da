"""What each rule says about one person at one instant, in sentences. Pure.

:func:`~appliance.clearance.gate.decide` asks all of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from appliance.clearance.circumstances import Circumstances
from appliance.clearance.consent import ConsentState, Standing
from appliance.clearance.openings import Person, span_end
from appliance.clearance.rests import past_ends, rest_length
from appliance.clearance.rules import Rules
from appliance.law import CapRule, HolidayRule, HoursRule, Place, holiday_name
from appliance.law.calendar import WEEK
from appliance.model import Contact, History, Verdict
from appliance.numbers import NumberClass, number_class, refusal
from appliance.windows import Span
from firmware.wording import plural, worded


@lru_cache(maxsize=1024)
def _verdict(rule: str, allowed: bool, yes: str, no: str, until: datetime | None = None) -> Verdict:
    return Verdict(rule=rule, allowed=allowed, reason=yes if allowed else no, until=until)


def box_verdicts(circumstances: Circumstances, rules: Rules) -> list[Verdict]:
    now = circumstances.now
    attended = _verdict(
        "attended",
        not rules.attended or circumstances.pressed,
        worded("The start button was pressed for this call.")
        if rules.attended
        else worded("The campaign runs by itself."),
        worded("In attended mode each call waits for a press of the start button."),
    )
    limit = (
        []
        if circumstances.limit is None
        else [
            _verdict(
                "limit",
                not circumstances.limit,
                worded("The line's limits leave room for a call."),
                worded("The limits of the lines are reached: {limit}.", limit=circumstances.limit),
            )
        ]
    )
    return [
        *limit,
        _verdict(
            "stop",
            not circumstances.stopped,
            worded("The emergency stop is not set."),
            worded("The emergency stop is latched until a deliberate reset."),
        ),
        _verdict(
            "pause",
            not circumstances.paused,
            worded("Dialling runs."),
            worded("Dialling is paused."),
        ),
        _verdict(
            "clock",
            now.trusted,
            worded("The clock is trusted ({source}).", source=now.source),
            worded(
                "The clock is not trusted ({source}), so no hour can be told.", source=now.source
            ),
        ),
        _verdict(
            "storage",
            circumstances.storage_ok and not circumstances.doubt,
            worded("The ledger can be written."),
            worded("A person must look first: {doubt}.", doubt=circumstances.doubt)
            if circumstances.doubt
            else worded("The ledger cannot be written, so no call could be proven."),
        ),
        _verdict(
            "line",
            circumstances.line_ready,
            worded("The line is ready."),
            worded("No line is ready for a call."),
        ),
        attended,
    ]


def number_verdicts(contact: Contact, circumstances: Circumstances, rules: Rules) -> list[Verdict]:
    fiction = number_class(contact.number) is NumberClass.FICTION
    refused = None if fiction else refusal(contact.number)
    if circumstances.bench:
        suits, yes, no = (
            fiction,
            worded("The line is a bench line and the number is reserved for fiction."),
            worded("The line is a bench line and dials only numbers reserved for fiction."),
        )
    else:
        suits, yes, no = (
            not fiction,
            worded("The line is a real one and so is the number."),
            worded("The number is reserved for fiction and only bench lines dial those."),
        )
    verdicts = [
        Verdict(
            rule="number",
            allowed=refused is None,
            reason=worded("The number may be dialled.")
            if refused is None
            else worded("The number may never be dialled: {reason}.", reason=refused.reason),
        ),
        _verdict("line_kind", suits, yes, no),
    ]
    verdicts += rules.caller_verdicts(circumstances.bench)
    return verdicts


def consent_verdict(state: ConsentState) -> Verdict:
    match state.standing:
        case Standing.LIVE:
            until = None if state.consent is None else state.consent.valid_until
            return Verdict(
                rule="consent",
                allowed=True,
                reason=worded("A consent for this purpose holds."),
                until=until,
            )
        case Standing.NONE:
            reason = worded("There is no consent for this purpose.")
        case Standing.FUTURE:
            reason = worded("The consent is dated later than now.")
        case Standing.UNPROVEN:
            reason = worded("The consent was recorded without its source or evidence.")
        case Standing.REVOKED:
            reason = worded(
                "The person withdrew; only a consent given later, with its own proof, counts."
            )
        case Standing.EXPIRED:
            reason = worded("The latest consent has expired.")
    until = state.since if state.standing is Standing.FUTURE else None
    return Verdict(rule="consent", allowed=False, reason=reason, until=until)


def time_verdicts(person: Person, place: Place, now: datetime) -> list[Verdict]:
    """Judge the hour at *place*, which stands in where the person's own is not known."""
    rules = person.rules
    at = int(now.timestamp() // 1)
    verdicts: list[Verdict] = []
    if person.place is None:
        verdicts.append(
            Verdict(
                rule="zone",
                allowed=False,
                reason=worded("The person's time zone is not known, or no place keeps it."),
            )
        )
    week = at // WEEK
    if person.windows is None:
        reason = (
            worded("The windows of the consent cannot be read.")
            if person.unreadable
            else worded("Without a live consent there is no window.")
        )
        verdicts.append(Verdict(rule="window", allowed=False, reason=reason))
    else:
        wished = rules.wished_ahead(place, person.windows, week)
        yes = worded("It is inside a window that the person chose.")
        no = worded("It is outside the windows that the person chose.")
        verdicts.append(_open_verdict("window", wished, at, yes, no))
    local = now.astimezone(place.zone)
    for rule, spans in rules.calendar.ahead(place, week):
        if isinstance(rule, HoursRule):
            yes, no = worded("The law's hours are open."), _closed_hours(local)
        elif isinstance(rule, HolidayRule):
            yes, no = worded("It is not a public holiday."), worded("It is a public holiday.")
        else:
            yes = worded("No ballot imposes silence.")
            no = worded("Before a ballot, and until its polls close, serial calls are silent.")
        verdict = _open_verdict(rule.name, spans, at, yes, no)
        if not verdict.allowed and isinstance(rule, HolidayRule):
            name = holiday_name(rule, place, local.date())
            verdict = replace(verdict, reason=worded("It is a public holiday ({name}).", name=name))
        verdicts.append(verdict)
    return verdicts


_DAYS = (
    worded("Mon"),
    worded("Tue"),
    worded("Wed"),
    worded("Thu"),
    worded("Fri"),
    worded("Sat"),
    worded("Sun"),
)


def _closed_hours(local: datetime) -> str:
    return worded(
        "{day} {time} lies outside the hours that the law leaves open.",
        day=_DAYS[local.weekday()],
        time=f"{local:%H:%M}",
    )


def _open_verdict(rule: str, spans: Sequence[Span], at: int, yes: str, no: str) -> Verdict:
    index = bisect_right(spans, at, key=span_end)
    if index == len(spans):
        return Verdict(rule=rule, allowed=False, reason=no)
    start, end = spans[index]
    if start > at:
        return Verdict(
            rule=rule, allowed=False, reason=no, until=datetime.fromtimestamp(start, UTC)
        )
    while index + 1 < len(spans) and spans[index + 1][0] == end:
        index += 1
        end = spans[index][1]
    until = datetime.fromtimestamp(end, UTC) if index + 1 < len(spans) else None
    return Verdict(rule=rule, allowed=True, reason=yes, until=until)


def history_verdicts(
    history: History, rules: Rules, now: datetime, zone: ZoneInfo
) -> list[Verdict]:
    attempts = history.attempts
    made = len(history.attempts_for(rules.purpose))
    verdicts = [
        _verdict(
            "message",
            not history.waiting,
            worded("No text message from this number waits to be read."),
            worded(
                "A text message from this number may be an objection and waits for a person to "
                "read it: autodialer messages list."
            ),
        ),
        _verdict(
            "in_call",
            all(attempt.outcome is not None for attempt in attempts),
            worded("No call to this person is under way."),
            worded("A call to this person is under way, or its end is not known yet."),
        ),
        _verdict(
            "attempts",
            made < rules.max_attempts,
            plural(
                "{made} of the campaign's {count} attempt is used.",
                "{made} of the campaign's {count} attempts are used.",
                rules.max_attempts,
                made=made,
            ),
            plural(
                "The campaign's {count} attempt is used.",
                "All {count} attempts of the campaign are used.",
                rules.max_attempts,
            ),
        ),
    ]
    for rule in rules.past:
        ends = past_ends(rule, attempts, zone)
        held = ends is not None and ends > now
        if isinstance(rule, CapRule):
            days = plural("the last day", "the last {count} days", rule.days)
            reason = (
                plural(
                    "{count} attempt was made in {days}.",
                    "{count} attempts were made in {days}.",
                    rule.attempts,
                    days=days,
                )
                if held
                else plural(
                    "No attempt was made in {days}.",
                    "Fewer than {count} attempts were made in {days}.",
                    rule.attempts,
                    days=days,
                )
            )
        elif held:
            reason = worded(
                "After an earlier call the person is left in peace for {rest_length}.",
                rest_length=rest_length(rule),
            )
        else:
            reason = worded("No rest is due after an earlier call.")
        verdicts.append(
            Verdict(rule=rule.name, allowed=not held, reason=reason, until=ends if held else None)
        )
    return verdicts


def fit_verdict(span: Span | None, now: datetime, call_seconds: float) -> Verdict:
    if span is None:
        return Verdict(
            rule="fit",
            allowed=True,
            reason=worded("Judged when a span is open: the call must end in it."),
        )
    end = datetime.fromtimestamp(span[1], UTC)
    return _verdict(
        "fit",
        now.timestamp() + call_seconds <= span[1],
        worded("The longest call ends before the open span does."),
        worded(
            "The open span ends too soon for a call of up to {call_seconds} seconds.",
            call_seconds=round(call_seconds),
        ),
        end,
    )
