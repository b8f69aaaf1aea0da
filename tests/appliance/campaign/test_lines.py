"""The box's lines: which may take a call, in which order, and what their faults write."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.campaign.scheduler import Scheduler
from appliance.effects import Record
from firmware import events
from firmware.events import MODULE_LAG, Cause, Witness
from tests.support.engine_bench import Box, Registry, hours


def box(lines: int = 3, people: int = 9) -> Box:
    return Box(Registry(**{f"p{n}": hours(-1, 40) for n in range(people)}), lines=lines)


def test_the_longest_unused_line_calls_next() -> None:
    made = box()
    assert list(made.engine.calls) == ["line-1", "line-2", "line-3"]
    for attempt, line in (("a2", "line-2"), ("a3", "line-3"), ("a1", "line-1")):
        made.take(events.LineFault(line=line, at=0.0, fault="x", detail="", remedy="", final=False))
        made.end(attempt, Cause.NO_ANSWER, line=line)
    assert made.engine.calls == {}
    assert made.engine.ready_lines == ()
    made.trusted = False
    for line in ("line-1", "line-2", "line-3"):
        made.ready(line)
    made.trusted = True
    made.tick()
    placed = [e.data["line"] for e in made.entries if e.kind == "call.authorised"][-3:]
    assert placed == ["line-2", "line-3", "line-1"]


def fault(line: str = "line-1", name: str = "x", *, final: bool = False) -> events.LineFault:
    return events.LineFault(line=line, at=0.0, fault=name, detail="d", remedy="r", final=final)


def test_a_fault_is_written_where_it_is_another() -> None:
    made = box(1, 0)
    told = []
    for one in (fault(), fault(), fault(name="y"), fault(name="y", final=True), fault("line-9")):
        made.take(one)
        told.append([(e.kind, e.data) for e in made.effects if isinstance(e, Record)])
    about = {"line": "line-1", "detail": "d", "remedy": "r"}
    assert told == [
        [("line.fault", about | {"fault": "x", "final": False})],
        [],
        [("line.fault", about | {"fault": "y", "final": False})],
        [("line.fault", about | {"fault": "y", "final": True})],
        [],
    ]
    assert set(made.engine.line_faults) == {"line-1"}
    made.ready("line-1")
    healed = {"line": "line-1", "fault": "y"}
    assert made.effects == [Record(kind="line.healed", data=healed)]
    assert made.engine.line_faults == {}
    made.ready("line-1")
    assert made.effects == []


@pytest.mark.parametrize(
    ("witnesses", "linger"),
    [
        ((), MODULE_LAG),
        ((Witness.MODULE,), MODULE_LAG),
        ((Witness.HOST,), 0.0),
        ((Witness.HOST, Witness.MODULE), 0.0),
    ],
)
def test_a_line_whose_keys_only_the_module_hears_tells_them_late(
    witnesses: tuple[Witness, ...], linger: float
) -> None:
    made = Box(Registry(anna=hours(-1, 9)), ready=False)
    made.take(
        events.LineReady(
            line="line-1",
            at=0.0,
            family="f",
            model="m",
            imei=None,
            iccid=None,
            witnesses=witnesses,
            audio="none",
        )
    )
    assert made.engine.calls["line-1"].call.linger == linger


def test_a_line_that_confirms_no_end_takes_nobody_until_it_does() -> None:
    made = box(1)
    made.end("a1", Cause.NO_ANSWER, confirmed=False)
    assert made.engine.unconfirmed_lines == {"line-1"}
    assert made.tick(60.0) == []
    made.end("a9", Cause.NO_ANSWER)
    assert made.engine.unconfirmed_lines == {"line-1"}, "that was another call"
    made.end("a1", Cause.NO_ANSWER, confirmed=False)
    assert made.engine.unconfirmed_lines == {"line-1"}
    told = made.end("a1", Cause.NO_ANSWER)
    assert told == ["call.authorised", "Dial"]
    assert made.engine.unconfirmed_lines == set()


@pytest.mark.parametrize(
    ("key", "effects"),
    [("1", []), ("5", []), ("9", ["consent.revoked", "store revocation", "call.key"])],
)
def test_only_an_objection_counts_after_an_unconfirmed_end(key: str, effects: list[str]) -> None:
    made = box(1, 1)
    made.end("a1", Cause.NO_ANSWER, confirmed=False)
    assert made.key("a1", key) == effects
    assert made.key("a1", key) == [], "once"
    assert made.engine.unconfirmed_lines == {"line-1"}


def test_events_of_a_line_that_is_not_configured_change_nothing() -> None:
    made = box(1, 0)
    assert made.ready("line-9") == []
    assert made.engine.ready_lines == ("line-1",)
    assert made.end("a1", line="line-9") == []


def test_whoever_objects_after_an_unconfirmed_end_has_no_place_any_more() -> None:
    made = box(1, 1)
    made.end("a1", Cause.BUSY, confirmed=False)
    made.tick()
    assert made.engine.planned == 1, "busy is tried again"
    made.key("a1", "9")
    made.tick()
    assert made.engine.planned == 0


@pytest.mark.parametrize(("seconds", "told"), [(-0.001, []), (0.0, ["HangUp"]), (0.5, ["HangUp"])])
def test_a_call_moves_on_at_its_very_deadline(seconds: float, told: list[str]) -> None:
    made = box(1, 1)
    deadline = getattr(made.engine.calls["line-1"], "deadline", 0.0)
    assert made.engine.wake_at(made.now()) == deadline
    assert made.tick(deadline - made.seconds + seconds) == told


def test_a_line_is_well_until_it_says_otherwise() -> None:
    made = Box(Registry(), lines=2, ready=False)
    assert made.engine.audio_ok
    seen = [made.engine.ready_lines]
    for tell in (made.ready, made.fault):
        tell("line-2")
        seen.append(made.engine.ready_lines)
    assert seen == [(), ("line-2",), ()]


# -- the order of people --------------------------------------------------------------------------


def test_whoever_looks_ahead_sees_both_heaps_in_order_and_no_more_than_asked() -> None:
    scheduler = Scheduler()
    places: list[tuple[float, float, int, Any]] = [
        (0.0, 50.0, 1, "retry"),
        (0.0, 90.0, 0, "late"),
        (0.0, 10.0, 0, "soon"),
        (70.0, 99.0, 0, "second"),
        (60.0, 99.0, 0, "first"),
    ]
    for opens, closes, attempts, subject in places:
        scheduler.place(subject, opens, closes, attempts)
    scheduler.next_opening(datetime.fromtimestamp(0, UTC))
    order = ["soon", "late", "retry", "first", "second"]
    for most in range(7):
        assert [place[3] for place in scheduler.upcoming(most)] == order[:most]
    scheduler.drop("soon")
    assert [place[3] for place in scheduler.upcoming(2)] == ["late", "retry"]
    assert ("late" in scheduler, "soon" in scheduler, len(scheduler)) == (True, False, 4)
    scheduler.clear()
    assert (scheduler.upcoming(9), len(scheduler)) == ([], 0)
    assert scheduler.take(datetime.fromtimestamp(99, UTC)) is None


def test_a_chance_opens_at_its_very_second() -> None:
    scheduler = Scheduler()
    scheduler.place("s", 5.0, 9.0, 0)
    assert scheduler.take(datetime.fromtimestamp(4.999, UTC)) is None
    assert scheduler.next_opening(datetime.fromtimestamp(4, UTC)) == datetime.fromtimestamp(5, UTC)
    assert scheduler.take(datetime.fromtimestamp(5, UTC)) == (5.0, 9.0, 0, "s")
    assert scheduler.next_opening(datetime.fromtimestamp(5, UTC)) is None


@pytest.mark.parametrize("count", [1, 100])
def test_heaps_hold_at_most_twice_the_people_and_a_thousand(count: int) -> None:
    """Places that were replaced are thrown out by then; whoever has one keeps it."""
    scheduler = Scheduler()
    most = 0
    for turn in range(3000 // count + 30):
        for subject in range(count):
            scheduler.place(subject, 1000.0 + turn, 2000.0 + turn, 0)
            most = max(most, len(scheduler._later) + len(scheduler._open))
    assert most == 2 * count + 1024
    found = []
    while (place := scheduler.take(datetime.fromtimestamp(9999, UTC))) is not None:
        found.append(place[3])
    assert found == list(range(count))
