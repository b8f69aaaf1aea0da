"""Earliest deadline first, and each person in one place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.model import Interval
from appliance.scheduler import Scheduler

T0 = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return T0 + timedelta(minutes=count)


def chance(start: float, end: float) -> Interval:
    return Interval(minutes(start), minutes(end))


def taken(scheduler: Scheduler, now: datetime) -> list[str]:
    found = []
    while (next_one := scheduler.take(now)) is not None:
        found.append(next_one[0])
    return found


def test_whose_chance_ends_soonest_comes_first() -> None:
    scheduler = Scheduler(60.0)
    for subject, end in (("late", 90), ("soon", 10), ("middle", 30)):
        scheduler.plan(subject, chance(0, end), T0, 0)
    assert taken(scheduler, T0) == ["soon", "middle", "late"]


def test_nobody_comes_before_their_chance_opens() -> None:
    scheduler = Scheduler(60.0)
    scheduler.plan("s", chance(5, 10), T0, 0)
    assert scheduler.take(minutes(4.99)) is None
    assert scheduler.next_opening(T0) == minutes(5)
    assert scheduler.next_opening(minutes(6)) == minutes(6)
    assert scheduler.take(minutes(6)) == ("s", True)


def test_a_retry_pause_delays_an_open_chance() -> None:
    scheduler = Scheduler(60.0)
    scheduler.plan("s", chance(-60, 60), minutes(15), 1)
    assert scheduler.take(minutes(14)) is None
    assert scheduler.take(minutes(15)) == ("s", True)


def test_first_attempts_go_before_retries() -> None:
    scheduler = Scheduler(60.0)
    scheduler.plan("second retry", chance(0, 20), T0, 2)
    scheduler.plan("retry", chance(0, 30), T0, 1)
    scheduler.plan("first", chance(0, 60), T0, 0)
    assert taken(scheduler, T0) == ["first", "retry", "second retry"]


def test_a_chance_with_no_room_left_is_reported_as_passed() -> None:
    scheduler = Scheduler(120.0)
    scheduler.plan("s", chance(0, 10), T0, 0)
    assert scheduler.take(minutes(8.5)) == ("s", False)
    assert len(scheduler) == 0


def test_planning_anew_replaces_and_dropping_forgets() -> None:
    scheduler = Scheduler(60.0)
    scheduler.plan("s", chance(0, 10), T0, 0)
    scheduler.take(minutes(-1))
    scheduler.plan("s", chance(20, 30), T0, 0)
    assert len(scheduler) == 1
    assert scheduler.take(minutes(5)) is None
    assert taken(scheduler, minutes(20)) == ["s"]
    scheduler.plan("s", chance(20, 30), T0, 0)
    scheduler.drop("s")
    scheduler.drop("s")
    assert scheduler.take(minutes(21)) is None
    assert scheduler.next_opening(minutes(21)) is None


def test_replaced_places_do_not_pile_up() -> None:
    scheduler = Scheduler(60.0)
    for n in range(10_000):
        scheduler.plan("s", chance(1000 + n, 2000 + n), T0, 0)
    assert len(scheduler._later) < 2000
    assert taken(scheduler, minutes(10_999)) == ["s"]


@settings(max_examples=40)
@given(
    spans=st.dictionaries(
        st.text("abcdef", min_size=1, max_size=2),
        st.tuples(st.integers(0, 50), st.integers(2, 50), st.integers(0, 3)),
        max_size=12,
    ),
    instants=st.lists(st.integers(0, 110), max_size=8),
)
def test_agrees_with_sorting_everybody(
    spans: dict[str, tuple[int, int, int]], instants: list[int]
) -> None:
    scheduler = Scheduler(60.0)
    left = {s: (start, start + length, used) for s, (start, length, used) in spans.items()}
    for subject, (start, end, used) in left.items():
        scheduler.plan(subject, chance(start, end), T0, used)
    for instant in sorted(instants):
        expected = sorted(
            (used, end, start, subject)
            for subject, (start, end, used) in left.items()
            if start <= instant
        )
        found = scheduler.take(minutes(instant))
        if not expected:
            assert found is None
            continue
        assert found is not None
        assert found == (expected[0][3], expected[0][1] - 1 >= instant)
        del left[found[0]]
    assert len(scheduler) == len(left)
