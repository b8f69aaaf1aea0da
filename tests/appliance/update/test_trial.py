"""When a new system is confirmed, and when it is given up: by table, and whatever it does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.update.trial import PARTS, STEADY, WITHIN, Health, Mode, Order, Trial, step

WELL = Health(mode="running", supervised=True)


def health(mode: Mode, *ails: str, supervised: bool = True) -> Health:
    return Health(mode=mode, supervised=supervised, ails=frozenset(ails))


@pytest.mark.parametrize(
    ("before", "now", "holds"),
    [
        (WELL, WELL, True),
        (WELL, health("safe_mode"), False),
        (WELL, health("silent"), False),
        (WELL, health("running", supervised=False), False),
        (WELL, health("running", "ledger"), False),
        (WELL, health("running", "configuration"), False),
        (health("running", "storage"), health("running", "storage"), True),
        (health("running", "storage"), health("running", "state"), False),
        (health("waiting"), health("waiting"), True),
        (health("waiting"), health("safe_mode"), False),
        (health("waiting"), health("running"), True),
        # Nobody is served by a way back to what was no better.
        (health("safe_mode"), health("safe_mode"), True),
        (health("safe_mode"), health("silent"), False),
        (health("safe_mode"), health("running"), True),
        (health("silent"), health("silent"), True),
        (health("silent", supervised=False), health("silent", supervised=False), False),
        # A configuration that is lost must not look like one that never was.
        (health("running"), health("waiting"), False),
    ],
)
def test_what_holds(before: Health, now: Health, *, holds: bool) -> None:
    trial, order, at = Trial(before=before), Order.LOOK_AGAIN, 20.0
    while order is Order.LOOK_AGAIN:
        trial, order = step(trial, now, at)
        at += 5.0
    assert (order is Order.CONFIRM) is holds, trial.lacks
    assert bool(trial.lacks) is not holds
    assert at <= WITHIN + 10 if not holds else at <= 20 + STEADY + 10


def test_a_break_begins_anew() -> None:
    trial, at = Trial(before=WELL), 0.0
    for now in (WELL, health("silent"), WELL):
        for _ in range(11):
            trial, order = step(trial, now, at)
            assert order is Order.LOOK_AGAIN
            at += 5.0


LOOKS = st.builds(
    Health,
    mode=st.sampled_from(("running", "waiting", "safe_mode", "silent")),
    supervised=st.booleans(),
    ails=st.frozensets(st.sampled_from(sorted(PARTS))),
)


@given(LOOKS, st.lists(LOOKS, max_size=400))
def test_whatever_it_does_it_ends_in_time_and_is_confirmed_only_while_well(
    before: Health, looks: list[Health]
) -> None:
    trial, at = Trial(before=before), 0.0
    for now in [*looks, *[health("silent", supervised=False)] * 200]:
        trial, order = step(trial, now, at)
        if order is Order.CONFIRM:
            assert now.supervised
            assert not now.falls_short_of(before)
            return
        if order is Order.GIVE_UP:
            assert at >= WITHIN
            return
        at += 5.0
        assert at < 900, "the card's own deadline comes first"
    pytest.fail("it never ended")


@pytest.mark.parametrize(
    ("well_since", "at", "well", "order", "since"),
    [
        (None, 100.0, True, Order.LOOK_AGAIN, 100.0),
        (100.0, 159.9, True, Order.LOOK_AGAIN, 100.0),
        (100.0, 160.0, True, Order.CONFIRM, 100.0),
        (600.0, 659.9, True, Order.LOOK_AGAIN, 600.0),
        (601.0, 660.0, True, Order.GIVE_UP, 601.0),
        (600.0, 660.0, True, Order.CONFIRM, 600.0),
        (None, 659.9, True, Order.LOOK_AGAIN, 659.9),
        (None, 660.0, True, Order.GIVE_UP, 660.0),
        (0.0, 59.9, True, Order.LOOK_AGAIN, 0.0),
        (100.0, 599.9, False, Order.LOOK_AGAIN, None),
        (100.0, 600.0, False, Order.GIVE_UP, None),
    ],
)
def test_one_look_at_the_edge_of_each_time(
    well_since: float | None, at: float, well: bool, order: Order, since: float | None
) -> None:
    assert (WITHIN, STEADY) == (600.0, 60.0)
    trial = Trial(before=WELL, well_since=well_since, lacks="x")
    lacks = "" if well else "the box does not answer"
    assert step(trial, WELL if well else health("silent"), at) == (
        Trial(before=WELL, well_since=since, lacks=lacks),
        order,
    )


@pytest.mark.parametrize(
    ("now", "lacks"),
    [
        (WELL, ""),
        (health("silent"), "the box does not answer"),
        (health("safe_mode"), "the box is in safe mode"),
        (health("waiting"), "the box has no configuration any more"),
        (health("silent", supervised=False), "its supervisor does not watch the stop button"),
        (health("running", "state", "ledger"), "doctor finds a fault in: ledger, state"),
    ],
)
def test_what_is_said_of_what_it_lacks(now: Health, lacks: str) -> None:
    assert now.falls_short_of(WELL) == lacks
    assert Trial(before=WELL).lacks == "nothing was seen of it"
    assert Health(mode="running", supervised=True).ails == frozenset()
    assert {"configuration", "state", "ledger", "storage"} == PARTS


@pytest.mark.parametrize("worse", range(4))
@pytest.mark.parametrize("before", range(4))
def test_each_mode_is_better_than_those_before_it(worse: int, before: int) -> None:
    modes: tuple[Mode, ...] = ("silent", "safe_mode", "waiting", "running")
    falls = health(modes[worse]).falls_short_of(health(modes[before]))
    assert bool(falls) is (worse < before)
