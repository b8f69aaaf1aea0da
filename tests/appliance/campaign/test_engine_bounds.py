"""The engine where two things meet: a pause that is just over, a limit and nobody left, a caller
whose number may be read in two ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from appliance.call.incoming import ANSWER_WITHIN
from appliance.campaign import inputs
from appliance.campaign.doubts import Doubt
from appliance.campaign.inputs import Input
from appliance.campaign.line_limits import LineLimits
from appliance.campaign.options import Options
from appliance.campaign.placing import DECISIONS_PER_STEP
from appliance.effects import Entry, Send
from firmware import events
from firmware.events import AddressKind, Cause
from firmware.orders import HangUp
from tests.support.engine_bench import SCRIPT, T0, Box, OpenFleet, Registry, hours

LINE = "line-1"
STOP = events.StopRaised(at=0.0, source="command")
BUTTON = events.StopRaised(at=0.0, source="button")


def cut_off(times: int, *, attended: bool = False, minutes_ago: float = 10.0) -> Box:
    """A box that was cut off *times* times in a call, and has just started again."""
    entries: list[Entry] = []

    def row(kind: str, subject: str | None = None, **data: object) -> None:
        at = T0 - timedelta(minutes=minutes_ago)
        seq = len(entries) + 1
        entries.append(Entry(seq=seq, at=at, kind=kind, subject=subject, data=dict(data)))

    row("box.started")
    for count in range(times):
        row("call.authorised", f"gone{count}", attempt=f"b{count}", line=LINE)
        row("box.started")
    return Box(Registry(ada=hours(0, 8)), entries=entries, attended=attended)


@pytest.mark.parametrize(("times", "seconds"), [(1, 60.0), (2, 300.0)])
def test_the_pause_after_a_cut_ends_at_its_very_second(times: int, seconds: float) -> None:
    made = cut_off(times)
    made.tick(seconds - 0.5)
    idle = made.engine.why_idle(made.now())
    assert idle.code == "interrupted"
    assert "0 s more" in idle.sentence
    assert made.called() == [f"gone{n}" for n in range(times)]
    assert made.tick(0.5) == ["call.authorised", "Dial"]
    assert made.engine.why_idle(made.now()).code == "busy"


def test_a_pause_that_is_over_wakes_nobody_up() -> None:
    made = cut_off(1)
    made.take(inputs.Pause(by="Alix"))
    assert made.engine.wake_at(made.now()) == 60.0
    made.tick(60.0)
    assert made.engine.wake_at(made.now()) is None
    assert made.engine.why_idle(made.now()).code == "paused"


def test_an_order_to_go_on_is_written_where_something_held_the_box() -> None:
    made = cut_off(1)
    made.tick(59.0)
    assert made.take(inputs.Resume(by="Alix"))[0] == "dialling.resumed"
    made = cut_off(1)
    made.tick(60.0)
    assert "dialling.resumed" not in made.take(inputs.Resume(by="Alix"))


@pytest.mark.parametrize("times", [1, 3])
def test_in_attended_mode_a_cut_holds_nobody_up(times: int) -> None:
    made = cut_off(times, attended=True)
    assert made.recovered == ["call.ended"] * times
    assert made.engine.why_idle(made.now()).code == "press"
    assert made.take(events.StartPressed(at=1.0)) == ["panel.pressed", "call.authorised", "Dial"]


def test_what_is_held_already_is_not_written_again() -> None:
    first = cut_off(3)
    assert first.recovered.count("dialling.paused") == 1
    again = Box(Registry(ada=hours(0, 8)), entries=first.entries)
    assert again.recovered == []


def test_whoever_waits_for_room_on_a_line_that_nobody_may_use_wakes_nobody() -> None:
    """The limit is reached and nobody is left: no time at which to look again."""
    limits = Options(limits={LINE: LineLimits(calls_per_day=1)})
    made = Box(Registry(anna=hours(-1, 9)), options=limits)
    made.end("a1", Cause.REJECTED)
    assert made.engine.wake_at(made.now()) is None
    assert made.engine.limits_reached(made.now()) != ()
    reached = made.engine.line_limit(LINE, made.now())
    assert reached is not None
    assert reached.limit == "calls_per_day"
    assert made.engine.line_limit("line-2", made.now()) is None


@pytest.mark.parametrize(("minutes", "wakes"), [(10, 3600.0), (90, 5401.0)])
def test_a_box_at_its_limit_wakes_for_the_later_of_room_and_chance(
    minutes: int, wakes: float
) -> None:
    limits = Options(limits={LINE: LineLimits(calls_per_hour=1)})
    made = Box(Registry(anna=hours(-1, 9)), options=limits, retry_minutes=minutes)
    made.end("a1", Cause.BUSY)
    assert made.engine.wake_at(made.now()) == wakes


def test_a_limit_of_a_line_that_is_not_there_keeps_nobody() -> None:
    limits = Options(limits={"line-9": LineLimits(calls_per_day=0)})
    made = Box(Registry(anna=hours(-1, 9)), options=limits)
    assert made.called() == ["anna"]
    assert made.engine.line_limit("line-9", made.now()) is None


def test_whoever_could_not_be_asked_about_in_this_step_is_in_the_next_at_once() -> None:
    """Of a bench line the gate of this bench lets nobody be called."""
    people = {f"p{n:03}": hours(1, 9) for n in range(DECISIONS_PER_STEP + 1)}
    made = Box(Registry(**people), bench=True)
    made.tick(3600.0)
    assert made.engine.wake_at(made.now()) == 3600.0
    made.tick(5.0)
    assert made.engine.wake_at(made.now()) is None


def test_a_box_that_still_reads_its_registry_is_not_finished() -> None:
    made = Box(Registry(**{f"s{n}": hours(20, 21) for n in range(1500)}), ready=False)
    made.tick()
    assert not made.engine.finished(made.now(), timedelta(hours=1))
    assert made.engine.why_idle(made.now()).code == "lines"
    made.tick()
    assert made.engine.finished(made.now(), timedelta(hours=1))


def test_a_call_and_a_caller_at_once_are_two_calls() -> None:
    made = Box(Registry(anna=hours(-1, 9)), lines=3)
    called = next(iter(made.engine.calls))
    other = next(line for line in made.engine.ready_lines if line != called)
    made.take(events.IncomingRinging(line=other, at=0.0, attempt="c1", number=None))
    idle = made.engine.why_idle(made.now())
    assert (idle.code, idle.sentence) == ("busy", "The last calls are running.")


# -- what ends what -------------------------------------------------------------------------------


ANSWERS = replace(SCRIPT, incoming="in.fr", durations={**SCRIPT.durations, "in.fr": 7.0})
RINGING = events.IncomingRinging(line=LINE, at=0.0, attempt="c1", number="+33639980000")


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ((), ["AnswerCall"]),
        ((inputs.Pause(by="Alix"),), ["AnswerCall"]),
        ((STOP,), ["HangUp"]),
        ((BUTTON, "reset elsewhere"), ["HangUp"]),
        ((inputs.ShutDown(),), ["HangUp"]),
        ((inputs.StorageFailed(detail="full"),), ["HangUp"]),
    ],
)
def test_a_caller_of_a_silent_box_is_turned_away(before: Sequence[Any], told: list[str]) -> None:
    """Each alone: the latch without the button, the button without the latch, the box's end."""
    made = Box(Registry(anna=hours(5, 9)), script=ANSWERS)
    for one in before:
        if one == "reset elsewhere":
            row = Entry(seq=99, at=T0, kind="stop.reset", subject=None, data={})
            made.engine.observe([row], made.now())
        else:
            made.take(one)
    assert made.take(RINGING) == told


def test_a_caller_whose_call_never_stands_is_given_up_in_time() -> None:
    made = Box(Registry(anna=hours(5, 9)), script=ANSWERS)
    assert made.take(RINGING) == ["AnswerCall"]
    assert made.engine.wake_at(made.now()) == ANSWER_WITHIN
    assert made.tick(ANSWER_WITHIN - 0.001) == []
    assert made.take(inputs.Pause(by="Alix"), after=0.001) == ["dialling.paused"]
    assert made.tick() == ["HangUp"], "no deadline passes before all that has happened is taken"


@pytest.mark.parametrize(
    "given", [STOP, BUTTON, inputs.ShutDown(), inputs.StorageFailed(detail="full")]
)
def test_what_ends_a_call_turns_a_caller_away_too(given: Input) -> None:
    made = Box(Registry(anna=hours(-1, 9)), lines=2)
    caller = next(line for line in made.engine.ready_lines if line not in made.engine.calls)
    made.take(events.IncomingRinging(line=caller, at=0.0, attempt="c1", number=None))
    made.end("c1", line=caller)
    assert made.engine.incoming_calls == {}
    made.take(inputs.Pause(by="Alix"))
    made.take(events.IncomingRinging(line=caller, at=0.0, attempt="c2", number="+33639980000"))
    assert list(made.engine.incoming_calls) == [caller]
    told = made.take(given)
    orders = [e.order for e in made.effects if isinstance(e, Send)]
    ended = [order.attempt for order in orders if isinstance(order, HangUp)]
    assert (ended, told.count("HangUp")) == (["a1", "c2"], 2)


def test_a_press_while_the_fleet_is_asked_or_a_call_runs_asks_for_no_second_one() -> None:
    people = Registry(anna=hours(-1, 9), ben=hours(-1, 9))
    made = Box(people, lines=2, attended=True, fleet=OpenFleet())
    press = events.StartPressed(at=0.0)
    assert made.take(press) == ["panel.pressed", "fleet.claim_asked", "ask claim"]
    assert made.take(press) == []
    assert made.engine.claims_running == 1


def test_another_doubt_about_the_computer_is_told_beside_those_that_stand() -> None:
    made = Box(Registry(), ready=False)
    made.tick()
    for code, told in (
        ("people", []),
        ("host-space", ["limit.reached"]),
        ("host-space", []),
        ("host-heat", ["limit.reached"]),
    ):
        assert made.take(inputs.StateDoubted(doubt=Doubt(code=code, detail="d"))) == told
    made.take(inputs.DoubtSettled(code="host-heat"))
    again = inputs.StateDoubted(doubt=Doubt(code="host-heat", detail="d"))
    assert made.take(again) == ["limit.reached"]


class TwoReadings(Registry):
    """A national number may be of two countries; only the second is registered."""

    def possible(self, number: str, _kind: AddressKind, _iccid: str | None) -> tuple[str, ...]:
        return {
            "0639980000": ("+990639980000", "+33639980000"),
            "0639980009": ("+990639980009", "+33639980009"),
            "9": (),
        }.get(number, (number,))


@pytest.mark.parametrize(
    ("number", "caller"),
    [
        ("0639980000", "+33639980000"),
        ("0639980009", "+990639980009"),
        ("9", None),
        (None, None),
        ("+33639980000", "+33639980000"),
    ],
)
def test_a_caller_is_the_one_whom_somebody_registered(
    number: str | None, caller: str | None
) -> None:
    made = Box(TwoReadings(anna=hours(5, 9)), options=Options(incoming_call_objects=True))
    rejected = events.IncomingRejected(line=LINE, at=0.0, attempt="c1", number=number)
    assert made.engine.objector(rejected) == caller
    told = made.take(rejected)
    assert ("consent.revoked" in told) is (caller is not None)
    silent = Box(TwoReadings(anna=hours(5, 9)))
    assert silent.engine.objector(rejected) is None, "calling is no objection there"


def test_what_is_no_input_is_never_passed_over() -> None:
    made = Box(Registry(), ready=False)
    with pytest.raises(AssertionError):
        made.take("start")  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [1, 2])
def test_each_step_numbers_its_rows_as_the_ledger_does(most: int) -> None:
    made = Box(Registry(anna=hours(-1, 9)), lines=most)
    made.end("a1", line=next(iter(made.engine.calls)))
    made.take(inputs.Pause(by="Alix"))
    assert made.engine.state.seq == len(made.entries)
