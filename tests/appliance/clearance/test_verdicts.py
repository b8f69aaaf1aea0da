"""Everything that the gate says of one person at one instant, whole and in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clearance.circumstances import FleetStanding, fleet_verdicts
from appliance.clearance.gate import CLEARANCE, LawGate
from appliance.clearance.openings import HORIZON, Person, next_chance, next_hours
from appliance.clearance.rules import Rules
from appliance.clearance.verdicts import _open_verdict, fit_verdict
from appliance.law import Place, load_profile
from appliance.law.calendar import WEEK
from appliance.model import NO_HISTORY, History, Outcome, Verdict
from appliance.windows import Windows, parse_windows
from tests.appliance.clearance.test_gate import (
    BARE,
    BENCH,
    CONSENT,
    EVENING,
    OLD,
    PERSON,
    RULES,
    WINDOW,
    ask,
    at,
    attempt,
)

LATER = datetime(2028, 9, 1, tzinfo=UTC)
HOLDS = [
    ("stop", "The emergency stop is not set.", None),
    ("pause", "Dialling runs.", None),
    ("clock", "The clock is trusted (ntp).", None),
    ("storage", "The ledger can be written.", None),
    ("line", "The line is ready.", None),
    ("attended", "The campaign runs by itself.", None),
    ("number", "The number may be dialled.", None),
    (
        "line_kind",
        "The line is a bench line and the number is reserved for fiction.",
        None,
    ),
    ("fr.FR-10", "On this bench a fiction number stands for a lawful caller number.", None),
    ("consent", "A consent for this purpose holds.", LATER),
    ("window", "It is inside a window that the person chose.", WINDOW.end),
    ("fr.FR-6.hours", "The law's hours are open.", WINDOW.end),
    ("fr.FR-6.holidays", "It is not a public holiday.", None),
    ("fr.FR-13", "No ballot imposes silence.", None),
    ("message", "No text message from this number waits to be read.", None),
    ("in_call", "No call to this person is under way.", None),
    ("attempts", "0 of the campaign's 3 attempts are used.", None),
    ("fr.FR-6.attempts", "Fewer than 4 attempts were made in the last 30 days.", None),
    ("fr.FR-6.rest", "No rest is due after an earlier call.", None),
    ("floor.busy", "No rest is due after an earlier call.", None),
    ("floor.pause", "No rest is due after an earlier call.", None),
    ("floor.answered", "No rest is due after an earlier call.", None),
    ("fit", "The longest call ends before the open span does.", WINDOW.end),
]


def holding(**changes: Verdict) -> tuple[Verdict, ...]:
    told = {r: Verdict(rule=r, allowed=True, reason=text, until=u) for r, text, u in HOLDS}
    return tuple((told | changes).values())


def no(rule: str, reason: str, until: datetime | None = None) -> Verdict:
    return Verdict(rule=rule, allowed=False, reason=reason, until=until)


def test_what_is_said_where_everything_agrees() -> None:
    assert ask().verdicts == holding()
    clearance = ask().clearance
    assert clearance is not None
    assert clearance.expires_at == EVENING + timedelta(seconds=60) == EVENING + CLEARANCE
    assert (clearance.language, clearance.window) == ("fr", WINDOW)
    last = ask(at(WINDOW.end - timedelta(seconds=30), call_seconds=10.0)).clearance
    assert last is not None
    assert last.expires_at == WINDOW.end, "a clearance does not outlive its window"


@pytest.mark.parametrize(
    ("changes", "refusals"),
    [
        (
            {"stopped": True},
            [no("stop", "The emergency stop is latched until a deliberate reset.")],
        ),
        ({"paused": True}, [no("pause", "Dialling is paused.")]),
        (
            {"now": replace(BENCH.now, trusted=False)},
            [no("clock", "The clock is not trusted (ntp), so no hour can be told.")],
        ),
        (
            {"storage_ok": False},
            [no("storage", "The ledger cannot be written, so no call could be proven.")],
        ),
        ({"doubt": "rows are gone"}, [no("storage", "A person must look first: rows are gone.")]),
        ({"line_ready": False}, [no("line", "No line is ready for a call.")]),
    ],
)
def test_what_is_said_of_the_box(changes: dict[str, object], refusals: list[Verdict]) -> None:
    decision = ask(replace(BENCH, **changes))  # type: ignore[arg-type]
    assert decision.verdicts == holding(**{verdict.rule: verdict for verdict in refusals})
    assert decision.next_chance == WINDOW, "that is not of the calendar"


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (None, None),
        (
            "",
            Verdict(rule="limit", allowed=True, reason="The line's limits leave room for a call."),
        ),
        ("full", no("limit", "The limits of the lines are reached: full.")),
    ],
)
def test_what_is_said_of_limits(limit: str | None, said: Verdict | None) -> None:
    decision = ask(replace(BENCH, limit=limit))
    assert decision.verdicts == (holding() if said is None else (said, *holding()))


@pytest.mark.parametrize(
    ("history", "said"),
    [
        (
            History(waiting=True),
            no(
                "message",
                "A text message from this number may be an objection and waits for a person to "
                "read it: autodialer messages list.",
            ),
        ),
        (
            History(attempts=(replace(attempt(EVENING), ended_at=EVENING),)),
            no(
                "floor.pause",
                "After an earlier call the person is left in peace for 1 hour.",
                EVENING + timedelta(hours=1),
            ),
        ),
        (
            History(attempts=(replace(attempt(EVENING, Outcome.BUSY), ended_at=EVENING),)),
            no(
                "floor.busy",
                "After an earlier call the person is left in peace for 15 minutes.",
                EVENING + timedelta(minutes=15),
            ),
        ),
        (
            History(attempts=tuple(attempt(EVENING - timedelta(days=n)) for n in (29, 9, 8, 7))),
            no(
                "fr.FR-6.attempts",
                "4 attempts were made in the last 30 days.",
                EVENING + timedelta(days=1),
            ),
        ),
        (
            History(attempts=(attempt(EVENING - timedelta(days=2), Outcome.DECLINED),)),
            no(
                "fr.FR-6.rest",
                "After an earlier call the person is left in peace for 60 whole days.",
                datetime(2027, 5, 7, 22, tzinfo=UTC),
            ),
        ),
    ],
)
def test_what_is_said_of_the_past(history: History, said: Verdict) -> None:
    rules = replace(RULES, max_attempts=9)
    used = len(history.attempts)
    count = Verdict(
        rule="attempts", allowed=True, reason=f"{used} of the campaign's 9 attempts are used."
    )
    decision = ask(history=history, rules=rules)
    changes = {said.rule: said, "attempts": count}
    if said.until is not None:
        # What holds for a while leaves no open span, in which a call would have to fit.
        reason = "Judged when a span is open: the call must end in it."
        changes["fit"] = Verdict(rule="fit", allowed=True, reason=reason)
    assert decision.verdicts == holding(**changes)
    # To the second: a rest that ends now holds no more.
    if said.until is not None and said.rule.startswith("floor"):
        assert not ask(at(said.until), history=history, rules=rules).refusals


@pytest.mark.parametrize(("used", "allowed"), [(2, True), (3, False), (4, False)])
def test_the_campaigns_own_limit(used: int, allowed: bool) -> None:
    past = tuple(attempt(OLD - timedelta(days=40 * n)) for n in range(used))
    (said,) = (v for v in ask(history=History(attempts=past)).verdicts if v.rule == "attempts")
    words = f"{used} of the campaign's 3" if allowed else "All 3"
    reason = f"{words} attempts {'' if allowed else 'of the campaign '}are used."
    assert (said.allowed, said.reason) == (allowed, reason)
    chance = next_chance(PERSON, [CONSENT], History(attempts=past), RULES, EVENING)
    assert (chance is not None) is allowed


@pytest.mark.parametrize(
    ("after_end", "allowed"), [(-1.0, True), (0.0, True), (0.5, False), (1.0, False)]
)
def test_a_call_may_end_with_its_span_and_no_later(after_end: float, allowed: bool) -> None:
    span = (int(WINDOW.start.timestamp()), int(WINDOW.end.timestamp()))
    now = WINDOW.end - timedelta(seconds=100)
    verdict = fit_verdict(span, now, 100.0 + after_end)
    assert (verdict.allowed, verdict.until) == (allowed, WINDOW.end)
    assert fit_verdict(None, now, 1e9).allowed


SPANS = [(10, 20), (20, 30), (40, 50)]


@pytest.mark.parametrize(
    ("second", "allowed", "until"),
    [
        (9, False, 10),
        (10, True, 30),
        (19, True, 30),
        (20, True, 30),
        (29, True, 30),
        (30, False, 40),
        (39, False, 40),
        (40, True, None),  # nobody looked any further
        (49, True, None),
        (50, False, None),
    ],
)
def test_what_an_open_span_says(second: int, allowed: bool, until: int | None) -> None:
    end = None if until is None else datetime.fromtimestamp(until, UTC)
    assert _open_verdict("r", SPANS, second, "y", "n") == Verdict(
        rule="r", allowed=allowed, reason="y" if allowed else "n", until=end
    )


def test_spans_that_touch_at_the_end_of_what_was_looked_at_say_no_end() -> None:
    for second in (10, 15, 20, 29):
        assert _open_verdict("r", SPANS[:2], second, "y", "n").until is None


def test_a_fleet_that_bars_is_asked_again_in_a_minute() -> None:
    standing = FleetStanding(barred="no link", objected=False)
    assert fleet_verdicts(replace(BENCH, fleet=standing)) == [
        no("fleet", "Nobody is called because no link.", EVENING + timedelta(minutes=1))
    ]


# -- chances, against windows laid end to end -----------------------------------------------------

ANYWHERE = Rules(purpose="news", profile=load_profile("de"))
UTC_PLACE = Place(ZoneInfo("UTC"))
weekly = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 1430), st.integers(1, 600)), min_size=1, max_size=5
).map(lambda items: Windows.of((d, start, min(1440, start + n)) for d, start, n in items))
START = int(EVENING.timestamp()) // WEEK * WEEK


@given(
    windows=weekly,
    after=st.integers(0, 3 * WEEK),
    since=st.one_of(st.just(0.0), st.floats(0.0, 2.0 * WEEK)),
    until=st.one_of(st.just(float("inf")), st.floats(0.0, 5.0 * WEEK)),
    seconds=st.sampled_from([0.0, 60.0, 3600.0, 50_000.0]),
    asked_before=st.booleans(),
)
def test_a_chance_is_the_first_span_with_room(
    windows: Windows, after: int, since: float, until: float, seconds: float, asked_before: bool
) -> None:
    """Also where the answer for somebody with the same hours is remembered."""
    rules = replace(ANYWHERE)
    now = float(START + after)
    begins, ends = START + since, START + until
    if asked_before:
        Person(rules, UTC_PLACE, windows, 0.0, float("inf"), False).open_span(now - 5.0, seconds)
    found = Person(rules, UTC_PLACE, windows, begins, ends, False).open_span(now, seconds)
    horizon = now + HORIZON.total_seconds()
    first, last = -int(-begins // 1), int(min(ends, horizon) // 1)
    expected = None
    for start, end in windows.spans(UTC_PLACE.zone, START - 2 * WEEK, int(horizon) + WEEK):
        a, b = max(start, first), min(end, last)
        if a < b and b > now and b - max(a, now) >= seconds:
            expected = a, b
            break
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert found[1] == expected[1] or windows == parse_windows("mon-sun 00:00-24:00")
    assert max(found[0], now) == max(expected[0], now)
    assert found[0] >= expected[0]


def test_hours_alone_are_asked_for_as_of_somebody_without_a_past() -> None:
    place = RULES.place(PERSON.number, PERSON.timezone)
    assert place is not None
    gate = LawGate(RULES)
    for after in (EVENING, WINDOW.end - timedelta(seconds=60), WINDOW.end):
        hours = next_hours(place, CONSENT.windows, RULES, after, 60.0)
        assert hours == next_chance(PERSON, [CONSENT], NO_HISTORY, RULES, after, call_seconds=60.0)
        assert gate.next_hours(place, CONSENT.windows, after, 60.0) == hours
        assert gate.next_chance(PERSON, [CONSENT], NO_HISTORY, after, 60.0) == hours
    assert next_hours(place, "nonsense", RULES, EVENING, 60.0) is None


@pytest.mark.parametrize(
    ("windows", "reason"),
    [
        ("nonsense", "The windows of the consent cannot be read."),
        (CONSENT.windows, "It is inside a window that the person chose."),
    ],
)
def test_what_is_said_of_windows(windows: str, reason: str) -> None:
    decision = LawGate(RULES).decide(PERSON, [replace(CONSENT, windows=windows)], NO_HISTORY, BENCH)
    assert [v.reason for v in decision.verdicts if v.rule == "window"] == [reason]


@pytest.mark.parametrize(
    ("rules", "days"), [(RULES, 62), (BARE, 32), (replace(BARE, each_asked_for=True), 0)]
)
def test_how_far_back_a_past_matters(rules: Rules, days: int) -> None:
    assert LawGate(rules).lookback == timedelta(days=days)
