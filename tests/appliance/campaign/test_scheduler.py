"""Earliest deadline first, and each person in one place."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.campaign.scheduler import Place, Scheduler
from appliance.model import HexId

T0 = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return T0 + timedelta(minutes=count)


def put(scheduler: Scheduler, subject: str, opens: float, closes: float, used: int = 0) -> None:
    """Place *subject*, in minutes after T0; a call takes one."""
    scheduler.place(subject, minutes(opens).timestamp(), minutes(closes - 1).timestamp(), used)


def taken(scheduler: Scheduler, now: datetime) -> list[HexId]:
    found = []
    while (next_one := scheduler.take(now)) is not None:
        found.append(next_one[3])
    return found


def test_whose_chance_ends_soonest_comes_first() -> None:
    scheduler = Scheduler()
    for subject, end in (("late", 90), ("soon", 10), ("middle", 30)):
        put(scheduler, subject, 0, end)
    assert taken(scheduler, T0) == ["soon", "middle", "late"]


def test_nobody_comes_before_their_chance_opens() -> None:
    scheduler = Scheduler()
    put(scheduler, "s", 5, 10)
    assert scheduler.take(minutes(4.99)) is None
    assert scheduler.next_opening(T0) == minutes(5)
    assert scheduler.next_opening(minutes(6)) == minutes(6)
    assert taken(scheduler, minutes(6)) == ["s"]


def test_first_attempts_go_before_retries() -> None:
    scheduler = Scheduler()
    put(scheduler, "second retry", 0, 20, 2)
    put(scheduler, "retry", 0, 30, 1)
    put(scheduler, "first", 0, 60)
    assert taken(scheduler, T0) == ["first", "retry", "second retry"]


def test_a_place_that_closed_unused_is_handed_out_as_it_was() -> None:
    scheduler = Scheduler()
    put(scheduler, "s", 0, 10, 2)
    place = (minutes(0).timestamp(), minutes(9).timestamp(), 2, "s")
    assert scheduler.take(minutes(9.5)) == place
    assert len(scheduler) == 0


def test_planning_anew_replaces_and_dropping_forgets() -> None:
    scheduler = Scheduler()
    put(scheduler, "s", 0, 10)
    scheduler.take(minutes(-1))
    put(scheduler, "s", 20, 30)
    assert len(scheduler) == 1
    assert scheduler.take(minutes(5)) is None
    assert taken(scheduler, minutes(20)) == ["s"]
    put(scheduler, "s", 20, 30)
    scheduler.drop("s")
    scheduler.drop("s")
    assert scheduler.take(minutes(21)) is None
    assert scheduler.next_opening(minutes(21)) is None


def test_replaced_places_do_not_pile_up() -> None:
    scheduler = Scheduler()
    for n in range(10_000):
        put(scheduler, "s", 1000 + n, 2000 + n)
    assert len(scheduler._later) < 2000
    assert taken(scheduler, minutes(10_999)) == ["s"]


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
    scheduler = Scheduler()
    left = {s: (start, start + length, used) for s, (start, length, used) in spans.items()}
    for subject, (start, end, used) in left.items():
        put(scheduler, subject, start, end, used)
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
        used, end, start, subject = expected[0]
        assert found == (
            minutes(start).timestamp(),
            minutes(end - 1).timestamp(),
            used,
            subject,
        )
        del left[subject]
    assert len(scheduler) == len(left)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=60),
    st.integers(0, 50),
    st.integers(0, 12),
)
def test_the_upcoming_are_the_first_of_both_heaps(
    places: list[tuple[int, int]], now: int, most: int
) -> None:
    """Looking changes nothing, and nobody is named who has no place."""
    scheduler = Scheduler()
    for subject, (opens, length) in enumerate(places):
        scheduler.place(subject, opens, opens + length, 0)
    instant = datetime.fromtimestamp(now, UTC)
    scheduler.next_opening(instant)
    before = len(scheduler)
    named = scheduler.upcoming(most)
    assert len(named) == min(most, before)
    assert len(scheduler) == before
    ready = sorted((p for p in named if p[0] <= now), key=lambda p: p[1])
    assert [p[1] for p in named[: len(ready)]] == [p[1] for p in ready]


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize(
    ("most", "replaced", "named"), [(1, 7, 1), (1, 8, 0), (3, 21, 3), (3, 22, 2), (3, 24, 0)]
)
def test_looking_ahead_looks_at_eight_times_as_many_and_no_further(
    opened: bool, most: int, replaced: int, named: int
) -> None:
    """Replaced places still lie in a heap, and are looked at in vain."""
    scheduler = Scheduler()
    for subject in range(replaced):
        scheduler.place(subject, 1.0, 5.0, 0)
    for subject in range(1000, 1000 + most):
        scheduler.place(subject, 2.0, 6.0, 0)
    if opened:
        scheduler.next_opening(datetime.fromtimestamp(3, UTC))
    for subject in range(replaced):
        scheduler.drop(subject)
    assert [place[3] for place in scheduler.upcoming(most)] == [1000, 1001, 1002][:named]


@pytest.mark.parametrize("opened", [False, True])
def test_who_was_forgotten_hides_nobody_who_came_later(opened: bool) -> None:
    scheduler = Scheduler()
    for subject in range(50):
        scheduler.place(subject, 1.0, 5.0, 0)
    if opened:
        scheduler.next_opening(datetime.fromtimestamp(3, UTC))
    scheduler.clear()
    scheduler.place("new", 2.0, 6.0, 0)
    assert scheduler.upcoming(1) == [(2.0, 6.0, 0, "new")]


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 40, 300])
def test_whoever_looks_ahead_sees_every_place_once_and_in_order(count: int, opened: bool) -> None:
    scheduler = Scheduler()
    chance = random.Random(count)
    places: list[Place] = [
        (float(chance.randrange(100)), 200.0 + chance.randrange(900), chance.randrange(3), subject)
        for subject in range(count)
    ]
    for opens, closes, attempts, subject in places:
        scheduler.place(subject, opens, closes, attempts)
    expected = sorted(places)
    if opened:
        expected = sorted(places, key=lambda place: (place[2], place[1], place))
        scheduler.next_opening(datetime.fromtimestamp(100, UTC))
    for most in {1, 2, 7, count - 1, count, count + 1}:
        assert scheduler.upcoming(most) == expected[:most]


def test_a_replaced_place_at_the_top_of_a_heap_is_no_opening() -> None:
    scheduler = Scheduler()
    for subject, opens in (("open", 1.0), ("later", 8.0), ("last", 9.0)):
        scheduler.place(subject, opens, 20.0, 0)
    three = datetime.fromtimestamp(3, UTC)
    assert scheduler.next_opening(three) == three
    scheduler.drop("open")
    scheduler.drop("later")
    assert scheduler.next_opening(three) == datetime.fromtimestamp(9, UTC)
    scheduler.drop("last")
    assert scheduler.next_opening(three) is None


@pytest.mark.parametrize("opened", [False, True])
def test_throwing_out_what_was_replaced_keeps_everybody_in_order(opened: bool) -> None:
    """What is left of a heap is none before it is made one again."""
    scheduler = Scheduler()
    chance = random.Random(7)
    now = datetime.fromtimestamp(1000, UTC)
    known: dict[HexId, Place] = {}
    for turn in range(6000):
        subject = chance.randrange(200)
        # Each place is better than the one before, so that the old ones never surface.
        at = 100_000.0 - turn
        opens, closes = (float(turn % 900), at) if opened else (at, 200_000.0)
        scheduler.place(subject, opens, closes, 0)
        known[subject] = (opens, closes, 0, subject)
        before = len(scheduler._later) + len(scheduler._open)
        if opened:
            assert scheduler.next_opening(now) == now
        else:
            scheduler.upcoming(1)
        assert before <= 2 * 200 + 1024
    at_last = datetime.fromtimestamp(100_000, UTC)
    found = []
    while (place := scheduler.take(at_last)) is not None:
        found.append(place)
    assert found == sorted(known.values(), key=lambda place: (place[2], place[1], place))


def test_who_was_never_placed_is_in_no_heap() -> None:
    scheduler = Scheduler()
    scheduler.drop("nobody")
    assert ("nobody" in scheduler, len(scheduler)) == (False, 0)
    assert scheduler.next_opening(T0) is None
    assert scheduler.take(T0) is None
