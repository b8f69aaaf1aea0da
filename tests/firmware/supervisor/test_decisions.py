"""What the supervisor does about what it sees, as tables of facts and actions."""

from __future__ import annotations

import pytest

from firmware.supervisor import decisions as d

UP = {"line-1 a": 100.0}
"""A call that may last until then."""


def supervised(calls: dict[str, float], at: float = 0.0) -> d.Supervision:
    supervision = d.Supervision()
    supervision.step(d.Connected(7, 25.0), at)
    supervision.step(d.Beat(2.0 if calls else 25.0, calls), at)
    return supervision


def kinds(actions: list[d.Action]) -> list[str]:
    return [type(action).__name__ for action in actions]


def test_a_press_with_nobody_there_hangs_up_at_once_and_is_kept() -> None:
    actions = d.Supervision().step(d.Pressed("button"), 1.0)
    assert kinds(actions) == ["WriteHangUp", "TakePorts", "LightFault", "CutPower", "Latch"]


def test_a_press_is_told_to_the_box_before_anything_else() -> None:
    actions = supervised(UP).step(d.Pressed("button", began=1.0), 1.005)
    assert actions == [d.TellStop("button"), d.Latch("button")]


def test_a_confirmed_press_needs_nothing_more() -> None:
    supervision = supervised(UP)
    supervision.step(d.Pressed("button", began=1.0), 1.005)
    supervision.step(d.Silenced(), 1.01)
    assert supervision.step(d.Tick(), 1.5) == []


def test_an_unconfirmed_press_is_written_beside_the_box_and_then_ends_it() -> None:
    supervision = supervised(UP)
    supervision.step(d.Pressed("button", began=1.0), 1.005)
    assert supervision.wake_at() == pytest.approx(1.0 + d.NUDGE_SECONDS)
    assert supervision.step(d.Tick(), 1.039) == []
    assert kinds(supervision.step(d.Tick(), 1.04)) == ["WriteHangUp"]
    assert supervision.wake_at() == pytest.approx(1.0 + d.CONFIRM_SECONDS)
    assert kinds(supervision.step(d.Tick(), 1.1)) == ["Kill", "WriteHangUp", "LightFault"]
    # Once it is dead the ports are free: proof, and the supply where one can be cut.
    actions = supervision.step(d.Gone(), 1.11)
    assert kinds(actions) == ["WriteHangUp", "TakePorts", "LightFault", "CutPower"]


@pytest.mark.parametrize(
    ("what", "fact", "at", "told"),
    [
        ("dead", d.Gone(), 0.5, ["WriteHangUp", "TakePorts", "LightFault", "Latch"]),
        ("frozen", d.Tick(), 2.0, ["Kill", "WriteHangUp", "LightFault", "Latch"]),
        ("deaf", d.Detached(), 0.5, ["Kill", "WriteHangUp", "LightFault", "Latch"]),
        ("alive", d.Tick(), 1.9, []),
    ],
)
def test_a_call_without_a_box_is_ended_and_the_stop_kept(
    what: str, fact: d.Fact, at: float, told: list[str]
) -> None:
    assert kinds(supervised(UP).step(fact, at)) == told, what


def test_a_call_that_outlives_its_longest_length_ends_the_box() -> None:
    supervision = supervised({"line-1 a": 10.0})
    for at in range(1, 10):
        assert supervision.step(d.Beat(2.0, {"line-1 a": 10.0}), float(at)) == []
    assert kinds(supervision.step(d.Beat(2.0, {"line-1 a": 10.0}), 10.0))[0] == "Kill"


def test_no_beat_makes_a_call_longer_and_another_call_has_its_own_length() -> None:
    supervision = supervised({"line-1 a": 10.0})
    supervision.step(d.Beat(2.0, {"line-1 a": 99.0}), 1.0)
    assert supervision.wake_at() == 3.0
    supervision.step(d.Beat(20.0, {"line-1 a": 99.0}), 2.0)
    assert supervision.wake_at() == 10.0
    supervision.step(d.Beat(20.0, {"line-1 b": 99.0}), 9.0)
    assert supervision.wake_at() == 29.0


def test_after_a_stop_no_call_stays_longer_than_the_ladder_takes() -> None:
    supervision = supervised({"line-1 a": 500.0})
    supervision.step(d.Pressed("button", began=1.0), 1.0)
    supervision.step(d.Silenced(), 1.01)
    told: list[str] = []
    for tenth in range(11, 250):
        told += kinds(supervision.step(d.Beat(2.0, {"line-1 a": 500.0}), tenth / 10))
        if told:
            break
    assert told[0] == "Kill"
    assert tenth / 10 == pytest.approx(1.0 + d.STOPPED_CALL_SECONDS, abs=0.2)


def test_a_box_that_dies_outside_a_call_is_not_latched() -> None:
    actions = supervised({}).step(d.Gone(), 1.0)
    assert kinds(actions) == ["WriteHangUp", "TakePorts", "LightFault"]


def test_a_box_that_says_farewell_leaves_nothing_to_do() -> None:
    supervision = supervised(UP)
    supervision.step(d.Beat(25.0, {}), 1.0)
    supervision.step(d.Farewell(), 1.1)
    assert supervision.step(d.Detached(), 1.2) == []
    # No port is touched and nothing is latched; that the box does not run is shown all the same.
    assert supervision.step(d.Gone(), 1.3) == [d.LightFault()]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ([], None),
        ([d.Told(5)], 5),
        ([d.Told(5), d.Told(2)], 2),
        ([d.Told(5), d.Told(None)], None),
        ([d.Told(d.SAFE_MODE)], d.SAFE_MODE),
        # What the supervisor cannot write, the box could not either.
        ([d.Kept(well=False)], d.STORAGE),
        ([d.Told(5), d.Kept(well=False)], d.STORAGE),
        ([d.Told(d.SAFE_MODE), d.Kept(well=False), d.Kept(well=True)], d.SAFE_MODE),
    ],
)
def test_the_fault_that_stood_is_known_when_the_box_is_gone(
    facts: list[d.Fact], code: int | None
) -> None:
    supervision = supervised({})
    for fact in (*facts, d.Gone()):
        supervision.step(fact, 1.0)
    assert supervision.code == code


def test_a_box_that_comes_back_begins_without_a_fault() -> None:
    supervision = supervised({})
    supervision.step(d.Told(5), 1.0)
    supervision.step(d.Gone(), 1.1)
    supervision.step(d.Connected(8, 25.0), 2.0)
    assert supervision.code is None


def test_a_killed_box_that_does_not_die_loses_its_ports_all_the_same() -> None:
    supervision = supervised(UP)
    supervision.step(d.Tick(), 2.0)
    assert supervision.wake_at() == pytest.approx(2.0 + d.DEATH_SECONDS)
    assert kinds(supervision.step(d.Tick(), 2.3)) == ["TakePorts", "LightFault"]
    assert supervision.step(d.Tick(), 2.4) == []


def test_a_latch_outlasts_the_box_until_a_ledger_has_it() -> None:
    supervision = d.Supervision(latched="button")
    assert supervision.step(d.Connected(8, 25.0), 0.0) == [
        d.GivePorts(),
        d.Welcome(open_now=False, latched="button"),
    ]
    assert supervision.step(d.Recorded(), 0.1) == [d.Unlatch()]
    assert supervision.step(d.Connected(9, 25.0), 1.0)[-1] == d.Welcome(
        open_now=False, latched=None
    )


def test_a_contact_that_is_open_when_the_box_starts_is_told() -> None:
    supervision = d.Supervision()
    supervision.step(d.Pressed("button"), 0.0)
    assert supervision.step(d.Connected(8, 25.0), 1.0)[-1] == d.Welcome(
        open_now=True, latched="button"
    )
    assert supervision.step(d.Released(), 2.0) == [d.TellReleased()]


def test_power_is_cut_where_a_modem_cannot_be_proven_silent() -> None:
    supervision = supervised(UP)
    supervision.step(d.Gone(), 1.0)
    assert supervision.step(d.Unproven("line-1"), 4.0) == [d.CutPower("line-1")]
    # A box that has come back has the pin again.
    supervision.step(d.Connected(9, 25.0), 5.0)
    assert supervision.step(d.Unproven("line-1"), 5.1) == []


def test_a_technicians_stop_leaves_the_contact_as_it_is() -> None:
    supervision = d.Supervision()
    supervision.step(d.Pressed("command"), 0.0)
    assert not supervision.open_now
    assert supervision.latched == "command"


@pytest.mark.parametrize(
    ("fact", "nobody", "dying"),
    [
        (d.Beat(2.0, UP), [], []),
        (d.Silenced(), [], []),
        (d.Kept(well=True), [], []),
        (d.Farewell(), [], []),
        (d.Detached(), [], []),
        # What killed it has latched already.
        (d.Gone(), [], ["WriteHangUp", "TakePorts", "LightFault"]),
        (d.Tick(), [], []),
        (d.Proven(), [], []),
        (d.Unproven("line-1"), [], []),
        (
            d.Pressed("button"),
            ["WriteHangUp", "TakePorts", "LightFault", "CutPower", "Latch"],
            ["WriteHangUp", "TakePorts", "LightFault", "CutPower"],
        ),
    ],
)
def test_what_comes_while_no_box_is_there_and_while_one_dies(
    fact: d.Fact, nobody: list[str], dying: list[str]
) -> None:
    """A late word of a box that is gone or killed changes nothing; a press counts always."""
    assert kinds(d.Supervision().step(fact, 1.0)) == nobody
    supervision = supervised(UP)
    assert kinds(supervision.step(d.Tick(), 2.0))[0] == "Kill"
    assert kinds(supervision.step(fact, 2.1)) == dying
