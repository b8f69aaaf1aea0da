"""The supervisor's actions word by word, at the edge of each time and with each fact alone."""

from __future__ import annotations

import pytest

from firmware.supervisor import decisions as d
from tests.firmware.supervisor.test_decisions import UP, supervised

TAKEN: list[d.Action] = [d.TakePorts(), d.LightFault()]


def killed(why: str, *more: d.Action) -> list[d.Action]:
    return [d.Kill(why), d.WriteHangUp(), d.LightFault(), *more]


def test_the_times_and_codes_are_those_that_others_count_on() -> None:
    assert (d.NUDGE_SECONDS, d.CONFIRM_SECONDS, d.DEATH_SECONDS) == (0.04, 0.1, 0.3)
    assert d.STOPPED_CALL_SECONDS == 20.0
    assert (d.SAFE_MODE, d.STORAGE) == (0, 1)


def test_nobody_is_watched_at_first_and_nothing_is_due() -> None:
    supervision = d.Supervision()
    assert not supervision.watching
    assert not supervision.open_now
    assert not supervision.taken
    assert supervision.latched is None
    assert supervision.code is None
    assert supervision.wake_at() is None
    assert supervision.step(d.Released(), 1.0) == []
    assert supervision.step(d.Recorded(), 1.0) == []


def test_a_box_is_watched_from_its_word_to_its_end() -> None:
    supervision = supervised({})
    assert (supervision.watching, supervision.taken) == (True, False)
    assert supervision.step(d.Gone(), 1.0) == [d.WriteHangUp(), *TAKEN]
    assert (supervision.watching, supervision.taken) == (False, True)
    assert supervision.wake_at() is None
    assert supervision.step(d.Gone(), 1.1) == []
    assert supervision.step(d.Connected(8, 25.0), 2.0) == [d.GivePorts(), d.Welcome(False, None)]
    assert not supervision.taken
    assert supervision.wake_at() == 27.0


@pytest.mark.parametrize(("source", "open_now"), [
    ("button", True), ("wire", True), ("contacts", True), ("command", False),
])  # fmt: skip
def test_a_press_with_nobody_there_is_carried_out_and_kept(source: str, open_now: bool) -> None:
    supervision = d.Supervision()
    assert supervision.step(d.Pressed(source), 1.0) == [
        d.WriteHangUp(),
        *TAKEN,
        d.CutPower(None),
        d.Latch(source),
    ]
    assert (supervision.open_now, supervision.latched) == (open_now, source)
    # A second press is carried out again; what is latched, is latched.
    assert supervision.step(d.Pressed("wire"), 2.0) == [d.WriteHangUp(), *TAKEN, d.CutPower(None)]
    assert supervision.latched == source
    supervision.step(d.Released(), 3.0)
    assert not supervision.open_now


@pytest.mark.parametrize(
    ("began", "counted_from"), [(None, 1.0), (0.99, 0.99), (1.0, 1.0), (1.5, 1.0)]
)
def test_the_time_to_confirm_counts_from_the_opening_and_never_from_later(
    began: float | None, counted_from: float
) -> None:
    supervision = supervised({})
    assert supervision.step(d.Pressed("button", began), 1.0) == [
        d.TellStop("button"),
        d.Latch("button"),
    ]
    assert supervision.wake_at() == pytest.approx(counted_from + 0.04)
    assert supervision.step(d.Tick(), counted_from + 0.0399) == []
    assert supervision.step(d.Tick(), counted_from + 0.0401) == [d.WriteHangUp()]
    assert supervision.wake_at() == pytest.approx(counted_from + 0.1)
    # Once: the nudge is not repeated.
    assert supervision.step(d.Tick(), counted_from + 0.0999) == []
    assert supervision.step(d.Tick(), counted_from + 0.1001) == killed(
        "it did not confirm the stop"
    )


def test_a_second_press_does_not_begin_the_count_anew() -> None:
    supervision = supervised({})
    supervision.step(d.Pressed("button", 1.0), 1.0)
    assert supervision.step(d.Pressed("wire", 1.03), 1.03) == [d.TellStop("wire")]
    assert supervision.wake_at() == pytest.approx(1.04)
    assert supervision.latched == "button"
    supervision.step(d.Silenced(), 1.035)
    assert supervision.wake_at() == 25.0
    assert supervision.step(d.Pressed("wire", 1.05), 1.05) == [d.TellStop("wire")]
    assert supervision.wake_at() == pytest.approx(1.09)


@pytest.mark.parametrize("at", [1.1, 5.0])
def test_a_stop_that_is_never_confirmed_ends_the_box_without_a_nudge_where_that_is_late(
    at: float,
) -> None:
    supervision = supervised({})
    supervision.step(d.Pressed("button", 1.0), 1.0)
    assert supervision.step(d.Tick(), at) == killed("it did not confirm the stop")


def test_a_box_that_dies_of_an_unconfirmed_stop_costs_its_modems_their_power() -> None:
    supervision = supervised({})
    supervision.step(d.Pressed("button", 1.0), 1.0)
    assert supervision.step(d.Gone(), 1.01) == [d.WriteHangUp(), *TAKEN, d.CutPower(None)]
    # The press is over with the box that it concerned.
    supervision.step(d.Connected(8, 25.0), 2.0)
    assert supervision.step(d.Tick(), 3.0) == []
    assert supervision.step(d.Gone(), 3.1) == [d.WriteHangUp(), *TAKEN]


def test_a_press_is_no_concern_of_the_box_that_comes_back_without_a_word() -> None:
    supervision = supervised({})
    supervision.step(d.Pressed("button", 1.0), 1.0)
    assert supervision.step(d.Connected(8, 25.0), 1.02) == [
        d.GivePorts(),
        d.Welcome(True, "button"),
    ]
    assert supervision.step(d.Tick(), 1.2) == []


def test_a_press_that_no_ledger_has_stays_latched_when_the_box_dies() -> None:
    supervision = supervised({})
    supervision.step(d.Pressed("button", 1.0), 1.0)
    assert supervision.step(d.Recorded(), 1.01) == [d.Unlatch()]
    assert supervision.latched is None
    assert supervision.step(d.Recorded(), 1.02) == []
    assert supervision.step(d.Gone(), 1.03) == [
        d.WriteHangUp(),
        *TAKEN,
        d.CutPower(None),
        d.Latch("supervisor"),
    ]


@pytest.mark.parametrize(("calls", "latched"), [({}, False), (UP, True)])
def test_a_dead_box_is_latched_for_the_calls_that_were_up(
    calls: dict[str, float], latched: bool
) -> None:
    supervision = supervised(calls)
    latch = [d.Latch("supervisor")] if latched else []
    assert supervision.step(d.Gone(), 1.0) == [d.WriteHangUp(), *TAKEN, *latch]


@pytest.mark.parametrize(
    ("calls", "press", "latched"),
    [({}, False, False), (UP, False, True), ({}, True, True), (UP, True, True)],
)
def test_a_box_that_closes_its_connection_is_ended_and_latched_where_something_was_up(
    calls: dict[str, float], press: bool, latched: bool
) -> None:
    supervision = supervised(calls)
    if press:
        supervision.step(d.Pressed("button", 1.0), 1.0)
        supervision.step(d.Recorded(), 1.0)
    latch = [d.Latch("supervisor")] if latched else []
    assert supervision.step(d.Detached(), 1.01) == killed(
        "it closed its connection to the supervisor", *latch
    )


@pytest.mark.parametrize(("at", "still"), [(24.9, None), (25.0, "25.0"), (26.24, "26.2")])
def test_silence_ends_the_box_at_its_deadline(at: float, still: str | None) -> None:
    supervision = supervised({})
    assert supervision.wake_at() == 25.0
    why = f"its decisions stood still for {still} s"
    expected = [] if still is None else killed(why, d.Latch("supervisor"))
    assert supervision.step(d.Tick(), at) == expected


@pytest.mark.parametrize(("at", "ended"), [(9.9, False), (10.0, True)])
def test_a_call_has_its_longest_length(at: float, ended: bool) -> None:
    supervision = supervised({"one": 10.0, "two": 50.0})
    supervision.step(d.Beat(20.0, {"one": 10.0, "two": 50.0}), 1.0)
    assert supervision.wake_at() == 10.0
    expected = killed("a call outlived its longest length", d.Latch("supervisor"))
    assert supervision.step(d.Tick(), at) == (expected if ended else [])


def test_a_stop_shortens_only_what_is_longer() -> None:
    supervision = supervised({"short": 5.0, "long": 500.0})
    supervision.step(d.Pressed("button", 1.0), 1.0)
    supervision.step(d.Silenced(), 1.01)
    supervision.step(d.Beat(90.0, {"short": 5.0, "long": 500.0}), 1.02)
    assert supervision.wake_at() == 5.0
    supervision.step(d.Beat(90.0, {"long": 500.0}), 1.03)
    assert supervision.wake_at() == 21.0
    supervision.step(d.Beat(90.0, {}), 1.04)
    assert supervision.wake_at() == pytest.approx(91.04)


def test_a_farewell_ends_the_calls_that_the_box_had() -> None:
    supervision = supervised(UP)
    assert supervision.step(d.Farewell(), 1.0) == []
    # Neither silence nor the end of the connection matters any more.
    assert supervision.step(d.Tick(), 99.0) == []
    assert supervision.step(d.Tick(), 101.0) == []
    assert supervision.step(d.Detached(), 101.0) == []
    assert supervision.step(d.Gone(), 101.1) == [d.LightFault()]
    assert not supervision.taken
    assert not supervision.watching


def test_a_farewell_with_a_call_after_it_is_none() -> None:
    supervision = supervised({})
    supervision.step(d.Farewell(), 1.0)
    supervision.step(d.Beat(2.0, UP), 1.1)
    assert supervision.step(d.Detached(), 1.2) == killed(
        "it closed its connection to the supervisor", d.Latch("supervisor")
    )


def test_a_press_after_a_farewell_is_carried_out() -> None:
    supervision = supervised({})
    supervision.step(d.Farewell(), 1.0)
    supervision.step(d.Pressed("button", 1.1), 1.1)
    supervision.step(d.Tick(), 1.15)
    assert supervision.step(d.Tick(), 1.21) == killed("it did not confirm the stop")
    supervision = supervised({})
    supervision.step(d.Farewell(), 1.0)
    supervision.step(d.Pressed("button", 1.1), 1.1)
    assert supervision.step(d.Gone(), 1.11) == [d.WriteHangUp(), *TAKEN, d.CutPower(None)]


def test_a_killed_box_is_waited_for_and_then_its_ports_are_taken() -> None:
    supervision = supervised(UP)
    supervision.step(d.Pressed("button", 1.0), 1.0)
    assert supervision.step(d.Tick(), 1.2)[0] == d.Kill("it did not confirm the stop")
    # Neither its silence nor the press is counted any more: only its death is.
    assert supervision.wake_at() == pytest.approx(1.5)
    assert supervision.step(d.Beat(2.0, {}), 1.3) == []
    assert supervision.wake_at() == pytest.approx(1.5)
    assert supervision.step(d.Tick(), 1.49) == []
    assert supervision.step(d.Tick(), 1.51) == TAKEN
    assert supervision.wake_at() is None
    assert supervision.step(d.Tick(), 2.0) == []
    assert supervision.step(d.Unproven("one"), 2.1) == [d.CutPower("one")]
    assert supervision.step(d.Proven(), 2.2) == []
    assert supervision.step(d.Gone(), 3.0) == [d.WriteHangUp(), *TAKEN, d.CutPower(None)]


def test_a_press_while_the_box_dies_is_carried_out_at_once() -> None:
    supervision = supervised({})
    supervision.step(d.Detached(), 1.0)
    assert supervision.step(d.Pressed("button", 1.1), 1.1) == [
        d.WriteHangUp(),
        *TAKEN,
        d.CutPower(None),
        d.Latch("button"),
    ]


def test_nothing_is_cut_while_the_ports_are_the_boxes() -> None:
    supervision = supervised(UP)
    assert supervision.step(d.Unproven("one"), 1.0) == []
    assert supervision.step(d.Unproven("one"), 2.5)[0] == d.Kill(
        "its decisions stood still for 2.5 s"
    )


def test_the_storage_is_the_fault_only_while_nothing_can_be_written() -> None:
    supervision = supervised({})
    assert supervision.step(d.Told(7), 1.0) == []
    assert supervision.code == 7
    assert supervision.step(d.Kept(well=False), 1.0) == []
    assert supervision.code == 1
    assert supervision.step(d.Kept(well=True), 1.0) == []
    assert supervision.code == 7
    supervision.step(d.Told(None), 1.0)
    assert supervision.code is None
