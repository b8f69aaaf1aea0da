"""Caps and rests to the second, and their lengths in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.clearance.rests import (
    FLOOR,
    RING_FLOOR,
    PastRule,
    cap_ends,
    floor_beside,
    freed,
    longest,
    past_ends,
    rest_after,
    rest_ends,
    rest_length,
    spoken,
)
from appliance.law import CapRule, Confidence, RestRule
from appliance.model import Attempt, History, Outcome

T0 = datetime(2027, 3, 10, 17, 30, tzinfo=UTC)
PARIS, TAHITI = ZoneInfo("Europe/Paris"), ZoneInfo("Pacific/Tahiti")


def cap(attempts: int, days: int, name: str = "x.cap") -> CapRule:
    return CapRule(
        name=name,
        text="t",
        source="s",
        dated="2026",
        confidence=Confidence.HIGH,
        attempts=attempts,
        days=days,
    )


def rest(
    *after: Outcome, answered: bool = False, hours: int = 0, minutes: int = 0, days: int = 0
) -> RestRule:
    return RestRule(
        name="x.rest",
        text="t",
        source="s",
        dated="2026",
        confidence=Confidence.HIGH,
        after=frozenset(after),
        answered=answered,
        hours=hours,
        minutes=minutes,
        days=days,
    )


def made(
    days: float,
    outcome: Outcome | None = Outcome.BUSY,
    *,
    lasted: float = 60.0,
    answered: bool = False,
) -> Attempt:
    at = T0 - timedelta(days=days)
    return Attempt(
        id="a",
        authorised_at=at,
        outcome=outcome,
        ended_at=None if outcome is None else at + timedelta(seconds=lasted),
        answered=answered,
    )


@pytest.mark.parametrize(
    ("attempts", "ends"),
    [
        ((), None),
        ((3,), None),
        ((3, 1), -3 + 30),  # the older of two drops out 30 days after it was made
        ((1, 3), -3 + 30),
        ((40, 3, 1), -3 + 30),
        ((40, 39, 38), -39 + 30),  # over already, and said all the same
    ],
)
def test_when_a_cap_of_two_in_thirty_days_has_room(
    attempts: tuple[float, ...], ends: float | None
) -> None:
    found = cap_ends(cap(2, 30), [made(days) for days in attempts])
    expected = None if ends is None else T0 + timedelta(days=ends)
    assert found == expected
    assert past_ends(cap(2, 30), [made(days) for days in attempts], PARIS) == expected


@pytest.mark.parametrize(
    ("rule", "attempts", "ends"),
    [
        (rest(Outcome.BUSY, minutes=15), [], None),
        (rest(Outcome.BUSY, minutes=15), [made(1, Outcome.NO_ANSWER)], None),
        # From the end of the call, not from its beginning.
        (rest(Outcome.BUSY, minutes=15), [made(0)], T0 + timedelta(minutes=16)),
        (rest(Outcome.BUSY, hours=2, minutes=1), [made(0)], T0 + timedelta(minutes=122)),
        (
            rest(Outcome.BUSY, minutes=15),
            [made(0), made(1), made(0, Outcome.NO_ANSWER, lasted=900.0)],
            T0 + timedelta(minutes=16),
        ),
        (rest(minutes=15), [made(0)], None),
        (rest(minutes=15), [made(0, answered=True)], None),
        (rest(answered=True, minutes=15), [made(0)], None),
        (rest(answered=True, minutes=15), [made(0, answered=True)], T0 + timedelta(minutes=16)),
        (rest(answered=True, minutes=15), [made(0, None)], None),  # still running
        # Whole days by the callee's clock: 10 March in Paris at 18:31, in Tahiti at 07:31.
        (rest(Outcome.BUSY, days=1), [made(0)], datetime(2027, 3, 11, 23, tzinfo=UTC)),
        (rest(Outcome.BUSY, days=60), [made(0)], datetime(2027, 5, 9, 22, tzinfo=UTC)),
    ],
)
def test_when_a_rest_is_over(
    rule: RestRule, attempts: list[Attempt], ends: datetime | None
) -> None:
    assert rest_ends(rule, attempts, PARIS) == ends
    assert past_ends(rule, attempts, PARIS) == ends


def test_days_of_rest_are_the_callees() -> None:
    assert rest_ends(rest(Outcome.BUSY, days=1), [made(0)], TAHITI) == datetime(
        2027, 3, 12, 10, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("outcome", "was_there"),
    [
        (Outcome.LISTENED, True),
        (Outcome.PARTIAL, True),
        (Outcome.DECLINED, True),
        (Outcome.OPTED_OUT, True),
        (Outcome.VOICEMAIL, True),
        (Outcome.UNKNOWN, True),
        (Outcome.BUSY, False),
        (Outcome.NO_ANSWER, False),
        (Outcome.REJECTED, False),
        (Outcome.UNREACHABLE, False),
        (Outcome.FAILED, False),
        (Outcome.STOPPED, False),
    ],
)
def test_after_which_calls_somebody_was_there(outcome: Outcome, was_there: bool) -> None:
    """A documented list: nobody knows how far an unknown one came."""
    rule = rest(answered=True, hours=24)
    assert (rest_ends(rule, [made(0, outcome)], PARIS) is not None) is was_there
    assert rest_after(outcome, [rule]) == timedelta(hours=24 * was_there)


def test_what_holds_longest_frees() -> None:
    rules: list[PastRule] = [cap(1, 2), rest(Outcome.BUSY, hours=1), rest(Outcome.FAILED, days=9)]
    assert freed(rules, History(attempts=(made(0),)), PARIS) == T0 + timedelta(days=2)
    assert freed(rules[1:], History(attempts=(made(0),)), PARIS) == T0 + timedelta(minutes=61)
    assert freed(rules, History(), PARIS) is None
    assert freed([], History(attempts=(made(0),)), PARIS) is None


@pytest.mark.parametrize(
    ("rules", "pause"),
    [
        ([], timedelta()),
        ([cap(1, 9)], timedelta()),
        ([rest(Outcome.NO_ANSWER, hours=9)], timedelta()),
        ([rest(Outcome.BUSY, hours=1, minutes=5)], timedelta(minutes=65)),
        ([rest(Outcome.BUSY, hours=1), rest(Outcome.BUSY, minutes=61)], timedelta(minutes=61)),
        ([rest(Outcome.BUSY, days=2)], timedelta(days=2)),
        ([rest(answered=True, hours=3)], timedelta()),
    ],
)
def test_the_pause_that_rules_leave_after_a_busy_line(
    rules: list[PastRule], pause: timedelta
) -> None:
    assert rest_after(Outcome.BUSY, rules) == pause


@pytest.mark.parametrize(
    ("rules", "length"),
    [
        ([], timedelta()),
        ([cap(1, 30)], timedelta(days=32)),
        ([rest(hours=24, minutes=1)], timedelta(hours=24, minutes=1)),
        ([rest(days=60), cap(1, 30)], timedelta(days=62)),
    ],
)
def test_how_long_an_attempt_may_hold_back_the_next(
    rules: list[PastRule], length: timedelta
) -> None:
    assert longest(rules) == length


@pytest.mark.parametrize(
    ("own", "cap_added"),
    [
        ([], True),
        ([cap(4, 30)], False),  # as strict as the product's own
        ([cap(3, 30)], False),
        ([cap(4, 31)], False),
        ([cap(5, 30)], True),
        ([cap(4, 29)], True),
        ([cap(5, 30), cap(2, 60)], False),
        ([rest(Outcome.BUSY, days=90)], True),
    ],
)
def test_the_products_own_cap_stands_beside_a_laxer_one(
    own: list[PastRule], cap_added: bool
) -> None:
    rests = ["floor.busy", "floor.pause", "floor.answered"]
    expected = ["floor.attempts", *rests] if cap_added else rests
    assert [rule.name for rule in floor_beside(own)] == expected


def test_the_floor_is_as_documented() -> None:
    assert timedelta(seconds=15) == RING_FLOOR
    attempts, busy, pause, answered = FLOOR
    assert isinstance(attempts, CapRule)
    assert (attempts.attempts, attempts.days) == (4, 30)
    told = []
    for rule in (busy, pause, answered):
        assert isinstance(rule, RestRule)
        told.append((rule.hours, rule.minutes, rule.days, rule.answered, len(rule.after)))
    assert told == [(0, 15, 0, False, 1), (1, 0, 0, False, 11), (24, 0, 0, True, 0)]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 seconds"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (61, "61 seconds"),
        (90, "90 seconds"),
        (900, "15 minutes"),
        (3599, "3599 seconds"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (86_400, "24 hours"),
        (2 * 86_400, "2 days"),
        (60 * 86_400, "60 days"),
        (2 * 86_400 + 3600, "49 hours"),
    ],
)
def test_a_length_in_words(seconds: int, words: str) -> None:
    assert spoken(timedelta(seconds=seconds)) == words


def test_the_length_of_a_rest_in_words() -> None:
    assert rest_length(rest(hours=1, minutes=30)) == "90 minutes"
    assert rest_length(rest(days=60)) == "60 whole days"
