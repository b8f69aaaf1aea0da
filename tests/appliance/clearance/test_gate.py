from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clearance.circumstances import Circumstances, FleetStanding, longest_call
from appliance.clearance.gate import HORIZON, Rules, decide, next_chance
from appliance.effects import Now
from appliance.law import Ballot, Caller, Category, load_profile
from appliance.law.calendar import AHEAD, WEEK
from appliance.model import (
    NO_HISTORY,
    Attempt,
    Consent,
    Contact,
    Decision,
    History,
    Interval,
    Outcome,
    Revocation,
    Script,
    Timers,
)
from appliance.windows import parse_windows
from tests.support.hours import inside

PARIS = ZoneInfo("Europe/Paris")
# A Wednesday in winter: 18:30 in Paris.
EVENING = datetime(2027, 3, 10, 17, 30, tzinfo=UTC)
WINDOW = Interval(datetime(2027, 3, 10, 17, tzinfo=UTC), datetime(2027, 3, 10, 19, tzinfo=UTC))
PERSON = Contact(
    subject="a" * 32,
    number="+33639980012",
    number_hash="b" * 64,
    name="Ada",
    language="fr",
    timezone="Europe/Paris",
)
CONSENT = Consent(
    id="c" * 32,
    subject=PERSON.subject,
    purpose="news",
    given_at=datetime(2026, 9, 1, tzinfo=UTC),
    source="web",
    evidence="form 3",
    windows="mon-fri 18:00-20:00; sat 10:00-12:00",
    valid_until=datetime(2028, 9, 1, tzinfo=UTC),
    recorded_at=datetime(2026, 9, 2, tzinfo=UTC),
)
FICTION = Caller(number="+33199000001", category=Category.FICTION)
RULES = Rules(
    purpose="news",
    profile=load_profile("fr"),
    ballots=(Ballot(day=date(2027, 4, 11), closes=time(20)),),
    caller=FICTION,
)
UK = Rules(purpose="news", profile=load_profile("uk"), caller=FICTION)
BENCH = Circumstances(
    now=Now(monotonic=0.0, utc=EVENING, trusted=True, source="ntp"),
    stopped=False,
    paused=False,
    storage_ok=True,
    line_ready=True,
    bench=True,
    pressed=False,
    call_seconds=120.0,
)


def at(utc: datetime, **changes: object) -> Circumstances:
    now = replace(BENCH.now, utc=utc)
    return replace(BENCH, now=now, **changes)  # type: ignore[arg-type]


def attempt(when: datetime, outcome: Outcome | None = Outcome.NO_ANSWER) -> Attempt:
    return Attempt(
        id="x",
        authorised_at=when,
        outcome=outcome,
        ended_at=None if outcome is None else when + timedelta(minutes=1),
    )


def ask(
    circumstances: Circumstances = BENCH,
    *,
    contact: Contact = PERSON,
    consents: tuple[Consent, ...] = (CONSENT,),
    history: History = NO_HISTORY,
    rules: Rules = RULES,
) -> Decision:
    return decide(contact, consents, history, rules, circumstances)


def refused(decision: Decision) -> list[str]:
    assert (decision.clearance is None) == bool(decision.refusals)
    return [verdict.rule for verdict in decision.refusals]


def test_a_clearance_carries_what_it_stands_on() -> None:
    decision = ask()
    clearance = decision.clearance
    assert clearance is not None
    assert clearance.window == WINDOW == decision.next_chance
    assert (clearance.subject, clearance.number) == (PERSON.subject, PERSON.number)
    assert clearance.consent == CONSENT.id
    assert clearance.profile == "fr/2026-11"
    assert clearance.clock == "ntp"
    assert clearance.granted_at == EVENING
    assert EVENING < clearance.expires_at <= EVENING + timedelta(minutes=1)
    assert clearance.bench
    assert clearance.rules == tuple(verdict.rule for verdict in decision.verdicts)
    assert {"consent", "window", "fr.FR-6.hours", "fr.FR-13", "fr.FR-10", "fit"} <= set(
        clearance.rules
    )


OLD = EVENING - timedelta(days=90)
RECENT = EVENING - timedelta(days=50)


@pytest.mark.parametrize(
    ("decision", "rules"),
    [
        (ask(replace(BENCH, stopped=True)), ["stop"]),
        (ask(replace(BENCH, paused=True)), ["pause"]),
        (ask(replace(BENCH, storage_ok=False)), ["storage"]),
        (ask(replace(BENCH, line_ready=False)), ["line"]),
        (ask(replace(BENCH, now=replace(BENCH.now, trusted=False))), ["clock"]),
        (ask(replace(BENCH, stopped=True, paused=True)), ["stop", "pause"]),
        # Lines and numbers of different worlds.
        (ask(replace(BENCH, bench=False)), ["line_kind", "fr.FR-10"]),
        (ask(contact=replace(PERSON, number="+33162000001")), ["line_kind"]),
        (ask(contact=replace(PERSON, number="+33899123456")), ["number", "line_kind"]),
        (ask(contact=replace(PERSON, number="+33112")), ["number", "line_kind"]),
        (ask(contact=replace(PERSON, number="0639980012")), ["number", "line_kind"]),
        (ask(contact=replace(PERSON, timezone="Europe/Lutetia")), ["zone"]),
        # Consent.
        (ask(consents=()), ["consent", "window"]),
        (ask(consents=(replace(CONSENT, purpose="other"),)), ["consent", "window"]),
        (ask(consents=(replace(CONSENT, evidence=""),)), ["consent", "window"]),
        (ask(consents=(replace(CONSENT, valid_until=EVENING),)), ["consent", "window"]),
        (ask(history=History(revocation=Revocation(at=OLD, by="key"))), ["consent", "window"]),
        (ask(consents=(replace(CONSENT, windows="mon-fri 25:00"),)), ["window"]),
        # Time: outside the window; outside the law's hours too; holiday; eve of a ballot.
        (ask(at(EVENING - timedelta(hours=1))), ["window"]),
        (ask(at(EVENING + timedelta(hours=2))), ["window", "fr.FR-6.hours"]),
        (ask(at(datetime(2027, 3, 13, 9, 30, tzinfo=UTC))), ["fr.FR-6.hours"]),
        (ask(at(datetime(2027, 3, 29, 16, 30, tzinfo=UTC))), ["fr.FR-6.holidays"]),
        (ask(at(datetime(2027, 4, 10, 8, 30, tzinfo=UTC))), ["fr.FR-6.hours", "fr.FR-13"]),
        # Length: 120 seconds must end by 20:00.
        (ask(at(WINDOW.end - timedelta(seconds=120))), []),
        (ask(at(WINDOW.end - timedelta(seconds=119))), ["fit"]),
        (ask(at(EVENING, call_seconds=7201.0)), ["fit"]),
        # History.
        (ask(history=History(attempts=(attempt(OLD, None),))), ["in_call"]),
        (ask(history=History(attempts=(attempt(OLD),) * 3)), ["attempts"]),
        (ask(history=History(attempts=(attempt(OLD, Outcome.DECLINED),))), []),
        (
            ask(history=History(attempts=(attempt(RECENT, Outcome.DECLINED),))),
            ["fr.FR-6.rest"],
        ),
    ],
)
def test_refusals_are_exactly_these(decision: Decision, rules: list[str]) -> None:
    assert refused(decision) == rules
    for verdict in decision.verdicts:
        assert verdict.reason.endswith(".")
        assert PERSON.number not in verdict.reason
        assert PERSON.name not in verdict.reason


@pytest.mark.parametrize(
    ("rules", "pressed", "expected"),
    [
        (replace(RULES, attended=True), False, ["attended"]),
        (replace(RULES, attended=True), True, []),
        (replace(RULES, attended=True, caller=None), True, []),
        (replace(RULES, caller=None), False, ["fr.FR-10"]),
        (
            replace(RULES, caller=Caller(number="+33639980001", category=Category.MOBILE)),
            False,
            ["fr.FR-10"],
        ),
        (
            replace(
                RULES,
                attended=True,
                caller=Caller(number="+33639980001", category=Category.MOBILE),
            ),
            True,
            [],
        ),
    ],
)
def test_attended_mode_and_numbering_gate(rules: Rules, pressed: bool, expected: list[str]) -> None:
    assert refused(ask(replace(BENCH, pressed=pressed), rules=rules)) == expected


def test_every_rule_is_answered_even_after_a_refusal() -> None:
    everything = ask()
    nothing = ask(
        replace(BENCH, stopped=True, line_ready=False, now=replace(BENCH.now, trusted=False)),
        consents=(),
        history=History(attempts=(attempt(EVENING, None),) * 5),
    )
    assert {v.rule for v in nothing.verdicts} == {v.rule for v in everything.verdicts}
    assert len(nothing.refusals) >= 6


def test_cap_over_rolling_days_counts_whatever_happened() -> None:
    rules = replace(RULES, max_attempts=10)
    days = [EVENING - timedelta(days=n) for n in (29, 20, 10, 5)]
    outcomes = [Outcome.UNKNOWN, Outcome.FAILED, Outcome.NO_ANSWER, Outcome.BUSY]
    history = History(attempts=tuple(attempt(d, o) for d, o in zip(days, outcomes, strict=True)))
    decision = ask(history=history, rules=rules)
    assert refused(decision) == ["fr.FR-6.attempts"]
    (verdict,) = decision.refusals
    assert verdict.until == EVENING + timedelta(days=1)
    chance = decision.next_chance
    assert chance is not None
    assert chance.start == verdict.until
    assert refused(ask(at(EVENING + timedelta(days=1)), history=history, rules=rules)) == []
    assert refused(ask(at(EVENING + timedelta(hours=23)), history=history, rules=rules)) != []


def test_cap_forgets_what_lies_before_its_days() -> None:
    """Four attempts in the last days block, however many older ones there are."""
    rules = replace(RULES, max_attempts=10)
    days = (300, 200, 29, 20, 10, 5)
    past = tuple(attempt(EVENING - timedelta(days=n)) for n in days)
    assert refused(ask(history=History(attempts=past), rules=rules)) == ["fr.FR-6.attempts"]
    assert refused(ask(history=History(attempts=past[:-1]), rules=rules)) == []


def test_rest_after_refusal_moves_the_next_chance() -> None:
    history = History(attempts=(attempt(EVENING, Outcome.DECLINED),))
    chance = next_chance(PERSON, (CONSENT,), history, RULES, EVENING + timedelta(hours=1))
    assert chance is not None
    # The 61st day after Wednesday 10 March is Monday 10 May.
    assert chance.start == datetime(2027, 5, 10, 16, tzinfo=UTC)


def test_a_newer_consent_does_not_shorten_a_rest() -> None:
    history = History(attempts=(attempt(EVENING - timedelta(days=2), Outcome.DECLINED),))
    newer = replace(
        CONSENT, id="d" * 32, given_at=EVENING - timedelta(hours=1), recorded_at=EVENING
    )
    assert refused(ask(consents=(CONSENT, newer), history=history)) == ["fr.FR-6.rest"]


def test_the_latest_consent_narrows() -> None:
    newer = replace(
        CONSENT, id="d" * 32, given_at=EVENING - timedelta(days=1), windows="tue 18:00-19:00"
    )
    decision = ask(consents=(CONSENT, newer))
    assert refused(decision) == ["window"]
    assert decision.next_chance == Interval(
        datetime(2027, 3, 16, 17, tzinfo=UTC), datetime(2027, 3, 16, 18, tzinfo=UTC)
    )


def test_next_chance_skips_spans_too_short_for_the_call() -> None:
    late = WINDOW.end - timedelta(seconds=30)
    chance = next_chance(PERSON, (CONSENT,), NO_HISTORY, RULES, late, call_seconds=31)
    assert chance is not None
    assert chance.start == WINDOW.start + timedelta(days=1)
    chance = next_chance(PERSON, (CONSENT,), NO_HISTORY, RULES, late, call_seconds=30)
    assert chance == WINDOW
    assert next_chance(PERSON, (CONSENT,), NO_HISTORY, RULES, late, call_seconds=7201) is None


def test_consent_that_ends_inside_its_window_ends_the_span() -> None:
    ends = WINDOW.start + timedelta(minutes=45)
    decision = ask(consents=(replace(CONSENT, valid_until=ends),))
    assert decision.clearance is not None
    assert decision.clearance.window == Interval(WINDOW.start, ends)
    tight = ask(at(ends - timedelta(seconds=100)), consents=(replace(CONSENT, valid_until=ends),))
    assert refused(tight) == ["fit"]
    assert tight.next_chance is None


@pytest.mark.parametrize(
    ("consents", "history"),
    [
        ((), NO_HISTORY),
        ((CONSENT,), History(attempts=(attempt(OLD),) * 3)),
        ((CONSENT,), History(revocation=Revocation(at=OLD, by="sms"))),
        ((replace(CONSENT, windows="sun 10:00-12:00"),), NO_HISTORY),
        ((replace(CONSENT, windows="nonsense"),), NO_HISTORY),
    ],
)
def test_no_chance_at_all(consents: tuple[Consent, ...], history: History) -> None:
    assert next_chance(PERSON, consents, history, RULES, EVENING) is None


def test_a_span_that_never_closes_reaches_over_weeks() -> None:
    always = replace(CONSENT, windows="mon-sun 00:00-24:00", valid_until=None)
    chance = next_chance(PERSON, (always,), NO_HISTORY, UK, EVENING)
    assert chance is not None
    assert chance.start <= EVENING < chance.end
    assert chance.end == EVENING + HORIZON
    decision = ask(consents=(always,), rules=UK)
    assert decision.clearance is not None


def test_spans_over_the_end_of_a_remembered_week_are_whole() -> None:
    # Weeks are counted from Thursday 1970-01-01, 00:00 UTC.
    thursday = datetime(2027, 3, 11, tzinfo=UTC)
    windows = "wed 20:00-24:00; thu 00:00-06:00"
    night = replace(CONSENT, windows=windows)
    expected = Interval(thursday - timedelta(hours=5), thursday + timedelta(hours=5))
    for after in (thursday - timedelta(hours=8), thursday, thursday + timedelta(hours=2)):
        found = next_chance(PERSON, (night,), NO_HISTORY, UK, after, call_seconds=3600)
        assert found == expected


def test_verdicts_say_until_when() -> None:
    decision = ask(at(datetime(2027, 3, 13, 12, tzinfo=UTC)))
    until = {verdict.rule: verdict.until for verdict in decision.verdicts}
    assert until["window"] == datetime(2027, 3, 15, 17, tzinfo=UTC)
    assert until["fr.FR-6.hours"] == datetime(2027, 3, 15, 9, tzinfo=UTC)
    # Easter Monday begins in Paris.
    assert until["fr.FR-6.holidays"] == datetime(2027, 3, 28, 22, tzinfo=UTC)
    assert until["fr.FR-13"] is None
    eve = ask(at(datetime(2027, 4, 10, 8, 30, tzinfo=UTC)))
    until = {verdict.rule: verdict.until for verdict in eve.verdicts}
    assert until["fr.FR-13"] == datetime(2027, 4, 11, 18, tzinfo=UTC)


def test_a_decision_names_rules_and_the_next_moment() -> None:
    ballot = ask(at(datetime(2027, 4, 10, 8, 30, tzinfo=UTC)))
    assert "fr.FR-13" in {verdict.rule for verdict in ballot.refusals}
    assert ballot.next_chance is not None
    assert ballot.next_chance.start == datetime(2027, 4, 12, 18, tzinfo=PARIS)
    allowed = ask()
    assert (allowed.refusals, allowed.next_chance) == ((), WINDOW)
    never = ask(consents=())
    assert never.next_chance is None
    assert {verdict.rule for verdict in never.refusals} >= {"consent", "window"}
    stopped = ask(replace(BENCH, stopped=True))
    assert [verdict.rule for verdict in stopped.refusals] == ["stop"]
    assert stopped.next_chance is not None
    assert stopped.next_chance.start <= EVENING < stopped.next_chance.end


def test_holiday_is_named() -> None:
    decision = ask(at(datetime(2027, 3, 29, 16, 30, tzinfo=UTC)))
    assert any("Easter Monday" in verdict.reason for verdict in decision.refusals)


def test_longest_call_adds_everything_up() -> None:
    script = Script(
        language="fr",
        greeting="g",
        prompt="p",
        message="m",
        farewell="f",
        opted_out="o",
        durations={"g": 8.0, "p": 4.0, "m": 30.0, "f": 2.0, "o": 5.0},
    )
    timers = Timers(
        ring=timedelta(seconds=45),
        key_wait=timedelta(seconds=8),
        prompt_repeats=2,
        hang_up=timedelta(seconds=20),
        set_up=timedelta(seconds=15),
    )
    assert longest_call(script, timers) == 15 + 45 + 8 + 8 + 2 * (4 + 8) + 30 + 5 + 20


def test_the_whole_call_must_end_inside_the_window() -> None:
    late = at(WINDOW.end - timedelta(seconds=200))
    assert decide(PERSON, (CONSENT,), NO_HISTORY, RULES, late).clearance is not None
    longer = replace(late, call_seconds=300.0)
    assert decide(PERSON, (CONSENT,), NO_HISTORY, RULES, longer).clearance is None


instants = st.integers(0, 3 * 365 * 1440).map(
    lambda minute: datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
)
people = st.builds(
    lambda zone, windows, days: (
        replace(PERSON, timezone=zone),
        replace(
            CONSENT,
            windows=windows,
            given_at=datetime(2026, 1, 1, tzinfo=UTC),
            recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
            valid_until=datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=days),
        ),
    ),
    st.sampled_from(["Europe/Paris", "Indian/Reunion", "Pacific/Tahiti", "America/New_York"]),
    st.sampled_from(
        ["mon-fri 18:00-20:00", "mon-sun 00:00-24:00", "sat 10:00-12:00", "wed 23:00-24:00"]
    ),
    st.integers(30, 1200),
)
outcomes = st.sampled_from([Outcome.NO_ANSWER, Outcome.DECLINED, Outcome.UNKNOWN, Outcome.BUSY])
pasts = st.lists(st.tuples(st.integers(0, 1000), outcomes), max_size=6)
rule_sets = st.sampled_from([RULES, UK, replace(RULES, max_attempts=9)])


@given(people, pasts, rule_sets, instants, st.sampled_from([0.0, 120.0, 5400.0]))
def test_next_chance_and_decide_agree(
    person: tuple[Contact, Consent],
    past: list[tuple[int, Outcome]],
    rules: Rules,
    instant: datetime,
    seconds: float,
) -> None:
    """Where the chance opens the gate allows; a moment before it, and after its end, not."""
    contact, consent = person
    history = History(
        attempts=tuple(attempt(instant - timedelta(hours=h), o) for h, o in sorted(past)[::-1])
    )
    chance = next_chance(contact, (consent,), history, rules, instant, call_seconds=seconds)

    def allowed(when: datetime) -> bool:
        return (
            decide(contact, (consent,), history, rules, at(when, call_seconds=seconds)).clearance
            is not None
        )

    if chance is None:
        for hours in (0, 7, 31, 24 * 5 + 3, 24 * 40 + 9):
            assert not allowed(instant + timedelta(hours=hours))
        return
    opens = max(chance.start, instant)
    assert allowed(opens)
    assert (chance.end - opens).total_seconds() >= seconds
    for part in (0.0, 0.3, 0.7):
        before = instant + part * (opens - instant)
        assert before >= opens or not allowed(before)
    if chance.end < instant + HORIZON:
        assert not allowed(chance.end)


@given(people, instants)
def test_no_clearance_outside_windows_law_or_consent(
    person: tuple[Contact, Consent], instant: datetime
) -> None:
    contact, consent = person
    decision = decide(contact, (consent,), NO_HISTORY, RULES, at(instant))
    if decision.clearance is None:
        assert decision.refusals
        return
    end = instant + timedelta(seconds=BENCH.call_seconds)
    zone = ZoneInfo(contact.timezone)
    for when in (instant, end - timedelta(seconds=1)):
        local = when.astimezone(zone)
        assert inside(parse_windows(consent.windows), local)
        assert local.weekday() < 5
        assert 10 <= local.hour < 20
        assert consent.valid_until is None or when < consent.valid_until
    assert decision.clearance.window.end >= end


def test_only_attempts_for_the_same_purpose_use_up_the_campaigns_limit() -> None:
    others = tuple(
        replace(attempt(EVENING - timedelta(days=60 + n)), purpose="survey") for n in range(3)
    )
    assert not refused(ask(history=History(attempts=others)))
    ours = tuple(replace(one, purpose="news") for one in others)
    assert refused(ask(history=History(attempts=ours))) == ["attempts"]
    assert next_chance(PERSON, (CONSENT,), History(attempts=ours), RULES, EVENING) is None
    assert next_chance(PERSON, (CONSENT,), History(attempts=others), RULES, EVENING) == WINDOW
    # The law counts every call of the box.
    recent = tuple(replace(one, authorised_at=EVENING - timedelta(days=3)) for one in others)
    capped = refused(ask(history=History(attempts=(*recent, *recent))))
    assert capped
    assert "attempts" not in capped


def test_a_span_found_for_one_person_is_never_widened_for_another() -> None:
    """Each is asked with rules that remember the others and with rules that remember nobody."""
    begins = [EVENING - timedelta(days=400), EVENING - timedelta(minutes=20), EVENING]
    ends = [None, WINDOW.end, WINDOW.start + timedelta(minutes=90), EVENING + timedelta(days=9)]
    moments = [EVENING + timedelta(hours=h) for h in (0, 1.4, 1.9, 30, -26, 200)]
    for seconds in (0.0, 120.0):
        shared = replace(RULES)
        for after in moments:
            for start, end in itertools.product(begins, ends):
                consent = replace(CONSENT, given_at=start, valid_until=end)
                found, alone = (
                    next_chance(PERSON, (consent,), NO_HISTORY, rules, after, call_seconds=seconds)
                    for rules in (shared, replace(RULES))
                )
                assert found == alone


def test_hours_that_the_law_never_leaves_are_remembered_as_none() -> None:
    never = replace(CONSENT, windows="mon-fri 13:10-13:50")
    soon = replace(never, windows="mon-fri 10:10-13:50")
    rules = replace(RULES)
    for consent, expected in ((never, None), (soon, True), (never, None), (CONSENT, True)):
        for after in (EVENING, EVENING + timedelta(hours=1), EVENING + timedelta(days=30)):
            found = next_chance(PERSON, (consent,), NO_HISTORY, rules, after, call_seconds=60)
            assert (found is not None) is (expected is not None)


def first_day(zone: str, called: datetime) -> date:
    """The day, local to somebody in *zone* who refused at *called*, of the next call."""
    person = replace(PERSON, timezone=zone)
    consent = replace(CONSENT, windows="mon-sun 00:00-24:00")
    history = History(attempts=(attempt(called, Outcome.DECLINED),))
    chance = next_chance(person, (consent,), history, RULES, called + timedelta(hours=1))
    assert chance is not None
    return chance.start.astimezone(ZoneInfo(zone)).date()


@pytest.mark.parametrize(
    ("zone", "called", "first"),
    [
        # Thursday 11 March and sixty whole days: Tuesday 11 May is the 61st, from its first hour.
        ("Europe/Paris", datetime(2027, 3, 11, 9, 5, tzinfo=UTC), date(2027, 5, 11)),
        # However late the call came: not the same hour sixty days on.
        ("Europe/Paris", datetime(2027, 3, 11, 18, 59, tzinfo=UTC), date(2027, 5, 11)),
        # By the callee's calendar: 10 March, 15:00 in Tahiti, is the 11th in Paris.
        ("Pacific/Tahiti", datetime(2027, 3, 11, 1, 0, tzinfo=UTC), date(2027, 5, 10)),
        ("Indian/Reunion", datetime(2027, 3, 11, 8, 0, tzinfo=UTC), date(2027, 5, 11)),
    ],
)
def test_rest_counts_whole_calendar_days_of_the_callee(
    zone: str, called: datetime, first: date
) -> None:
    assert first_day(zone, called) == first


BARE = replace(RULES, profile=load_profile("de"), caller=None)
"""A profile without hours, cap or rest."""


@pytest.mark.parametrize(
    ("outcome", "answered", "minutes", "rules"),
    [
        (Outcome.BUSY, False, 14, ["floor.busy"]),
        (Outcome.BUSY, False, 16, []),
        (Outcome.NO_ANSWER, False, 16, ["floor.pause"]),
        (Outcome.NO_ANSWER, False, 59, ["floor.pause"]),
        (Outcome.NO_ANSWER, False, 61, []),
        (Outcome.REJECTED, False, 59, ["floor.pause"]),
        (Outcome.UNREACHABLE, False, 59, ["floor.pause"]),
        (Outcome.FAILED, False, 59, ["floor.pause"]),
        (Outcome.FAILED, False, 61, []),
        # A call that was answered, whatever became of it.
        (Outcome.FAILED, True, 61, ["floor.answered"]),
        (Outcome.STOPPED, True, 1439, ["floor.answered"]),
        (Outcome.STOPPED, False, 61, []),
        (Outcome.DECLINED, True, 1439, ["floor.answered"]),
        (Outcome.PARTIAL, True, 61, ["floor.answered"]),
        (Outcome.VOICEMAIL, False, 61, ["floor.answered"]),
        # Nobody knows whether it was answered.
        (Outcome.UNKNOWN, False, 1439, ["floor.answered"]),
        (Outcome.UNKNOWN, False, 1441, []),
    ],
)
def test_the_floor_holds_where_a_profile_has_no_rest(
    outcome: Outcome, answered: bool, minutes: int, rules: list[str]
) -> None:
    called = EVENING - timedelta(minutes=minutes)
    past = replace(attempt(called, outcome), ended_at=called, answered=answered)
    assert refused(ask(history=History(attempts=(past,)), rules=BARE)) == rules


@pytest.mark.parametrize(
    ("profile", "rule"),
    [
        ("de", "floor.attempts"),
        ("uk", "floor.attempts"),
        ("fr", "fr.FR-6.attempts"),
        ("us", "us.US-4.attempts"),
    ],
)
def test_five_calls_in_thirty_days_are_made_under_no_profile(profile: str, rule: str) -> None:
    rules = replace(RULES, profile=load_profile(profile), max_attempts=99)
    past = tuple(attempt(EVENING - timedelta(days=n)) for n in (28, 20, 10, 5))
    assert refused(ask(history=History(attempts=past), rules=rules)) == [rule]


def test_who_asks_for_each_call_is_under_the_law_and_under_no_floor() -> None:
    """A technician repeats a self-test at once; the profile's own cap holds all the same."""
    asked = replace(BARE, each_asked_for=True, max_attempts=99)
    just_now = attempt(EVENING - timedelta(minutes=1), Outcome.LISTENED)
    assert refused(ask(history=History(attempts=(just_now,)), rules=asked)) == []
    four = tuple(attempt(EVENING - timedelta(days=n)) for n in (28, 20, 10, 5))
    assert refused(ask(history=History(attempts=four), rules=asked)) == []
    french = replace(asked, profile=RULES.profile, caller=RULES.caller)
    assert refused(ask(history=History(attempts=four), rules=french)) == ["fr.FR-6.attempts"]


def test_the_weeks_ahead_are_looked_at_to_the_last() -> None:
    windows = parse_windows("mon-sun 18:00-19:00")
    week = int(EVENING.timestamp()) // WEEK
    spans = RULES.wished_ahead(RULES.somewhere, windows, week)
    assert week * WEEK <= spans[0][0] < week * WEEK + 86_400
    last = (week + AHEAD + 1) * WEEK
    assert last - 86_400 <= spans[-1][1] <= last


@pytest.mark.parametrize(
    ("fleet", "allowed", "says", "until"),
    [
        (FleetStanding(barred=None, objected=False), True, "can be asked", None),
        (FleetStanding(barred=None, objected=True), False, "objected at another box", None),
        (
            FleetStanding(barred="headquarters stopped all", objected=False),
            False,
            "Nobody is called because headquarters stopped all.",
            EVENING + timedelta(minutes=1),
        ),
        # Whoever objected stays away when headquarters is back.
        (FleetStanding(barred="no link", objected=True), False, "objected", None),
    ],
)
def test_how_a_box_and_a_person_stand_in_the_fleet(
    fleet: FleetStanding, allowed: bool, says: str, until: datetime | None
) -> None:
    asked = replace(BENCH, fleet=fleet)
    decision = decide(PERSON, [CONSENT], NO_HISTORY, RULES, asked)
    (verdict,) = (one for one in decision.verdicts if one.rule == "fleet")
    assert (verdict.allowed, verdict.until) == (allowed, until)
    assert says in verdict.reason
    assert (decision.clearance is not None) is allowed


def test_a_box_of_no_fleet_asks_none() -> None:
    decision = decide(PERSON, [CONSENT], NO_HISTORY, RULES, BENCH)
    assert all(verdict.rule != "fleet" for verdict in decision.verdicts)
