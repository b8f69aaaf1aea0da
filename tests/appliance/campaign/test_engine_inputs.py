"""Each input of the engine: the rows and orders that it causes, whole, and when to look again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from appliance.campaign import (
    engine,
    idleness,
    inputs,
    interruptions,
    line_limits,
    messages,
    placing,
    planner,
)
from appliance.campaign.doubts import RESET, Doubt
from appliance.campaign.inputs import Input
from appliance.campaign.line_limits import LineLimits, LineUsage, Reached
from appliance.campaign.options import Options
from appliance.clearance.circumstances import Circumstances
from appliance.effects import Effect, Entry, Record, Send, StoreRevocation
from appliance.model import HexId, Revocation
from firmware import events
from firmware.orders import HangUp, SendSms
from tests.support.engine_bench import T0, Box, Registry, hours

LINE = "line-1"


class Counted(Registry):
    """Says how often everybody was planned anew."""

    looks = 0

    def subjects(self) -> list[HexId]:
        self.looks += 1
        return super().subjects()


def row(kind: str, subject: str | None = None, **data: Any) -> Record:
    return Record(kind=kind, subject=subject, data=data)


def idle_box(**more: Any) -> Box:
    """Ready, with nobody to call before an hour is over."""
    return Box(Registry(anna=hours(1, 9)), **more)


def busy_box() -> Box:
    made = Box(Registry(anna=hours(-1, 9), ben=hours(-1, 9)))
    assert made.called() == ["anna"]
    return made


STOPPED = (events.StopRaised(at=0.0, source="command"),)
OPEN = (events.StopRaised(at=0.0, source="button"),)
PAUSED = (inputs.Pause(by="Alix"),)
HOST_DOUBT = Doubt(code="host-space", detail="the disk is nearly full")


@pytest.mark.parametrize(
    ("before", "given", "effects"),
    [
        ((), inputs.Tick(), []),
        ((), inputs.Pause(by="Alix"), [row("dialling.paused", by="Alix")]),
        (PAUSED, inputs.Pause(by="Alix"), []),
        ((), events.StartHeld(at=0.0), [row("dialling.paused", by="panel")]),
        (PAUSED, events.StartHeld(at=0.0), []),
        (PAUSED, inputs.Resume(by="Alix"), [row("dialling.resumed", by="Alix")]),
        ((), inputs.Resume(by="Alix"), []),
        (PAUSED, events.StartPressed(at=0.0), [row("dialling.resumed", by="panel")]),
        ((), events.StartPressed(at=0.0), []),
        ((*PAUSED, *STOPPED), events.StartPressed(at=0.0), []),
        ((), STOPPED[0], [row("stop.pressed", source="command")]),
        (STOPPED, STOPPED[0], []),
        ((), OPEN[0], [row("stop.pressed", source="button")]),
        (STOPPED, OPEN[0], []),
        ((), inputs.Reset(by="Alix", reason="r"), []),
        (STOPPED, inputs.Reset(by="Alix", reason="r"), [row("stop.reset", by="Alix", reason="r")]),
        (OPEN, inputs.Reset(by="Alix", reason="r"), []),
        (
            (*OPEN, events.StopReleased(at=1.0)),
            inputs.Reset(by="Alix", reason="r"),
            [row("stop.reset", by="Alix", reason="r")],
        ),
        (
            STOPPED,
            events.StartHeldToReset(at=1.0),
            [row("stop.reset", by="panel", reason="start held for five seconds")],
        ),
        ((), events.PanelFault(at=0.0, detail="lamp"), [row("panel.fault", detail="lamp")]),
        ((), events.PanelHealed(at=0.0), [row("panel.healed")]),
        (
            (),
            inputs.StateDoubted(doubt=HOST_DOUBT),
            [row("limit.reached", limit="space", detail="the disk is nearly full")],
        ),
        ((inputs.StateDoubted(doubt=HOST_DOUBT),), inputs.StateDoubted(doubt=HOST_DOUBT), []),
        ((), inputs.StateDoubted(doubt=Doubt(code="people", detail="d")), []),
        (
            (),
            events.LineFault(line=LINE, at=0.0, fault="no-sim", detail="d", remedy="r", final=True),
            [row("line.fault", line=LINE, fault="no-sim", detail="d", remedy="r", final=True)],
        ),
        ((), inputs.ShutDown(), []),
        (
            (),
            inputs.Revoke(subject=None, number_hash="h"),
            [row("consent.revoked", by="command", number_hash="h")],
        ),
        (
            (),
            inputs.Revoke(subject="anna", number_hash="hash-anna", by="incoming", call="c1"),
            [
                row(
                    "consent.revoked", "anna", by="incoming", number_hash="hash-anna", incoming="c1"
                ),
                StoreRevocation(
                    subject="anna",
                    revocation=Revocation(at=T0 + timedelta(milliseconds=1), by="incoming"),
                ),
            ],
        ),
        (
            (),
            events.WaitingGone(line=LINE, at=0.0, attempt="c1", number="+33639989999", why="gone"),
            [
                row(
                    "incoming.ended",
                    incoming="c1",
                    line=LINE,
                    outcome="missed",
                    evidence={"end": "gone", "code": None, "confirmed": True, "keys": []},
                    cause=None,
                    talk_seconds=0.0,
                    why="the line was in a call",
                )
            ],
        ),
    ],
)
def test_what_each_input_causes(
    before: Sequence[Input], given: Input, effects: list[Effect]
) -> None:
    made = idle_box()
    for one in before:
        made.take(one)
    made.take(given)
    assert made.effects == effects


@pytest.mark.parametrize(
    ("given", "effects"),
    [
        (STOPPED[0], ["HangUp", "stop.pressed"]),
        (OPEN[0], ["HangUp", "stop.pressed"]),
        (inputs.ShutDown(), ["HangUp"]),
        (inputs.StorageFailed(detail="full"), ["HangUp"]),
        (inputs.Pause(by="Alix"), ["dialling.paused"]),
        (inputs.StateDoubted(doubt=Doubt(code="people", detail="d")), []),
        (
            inputs.Revoke(subject="anna", number_hash="hash-anna"),
            ["consent.revoked", "store revocation", "HangUp"],
        ),
        (
            inputs.Revoke(subject="ben", number_hash="hash-ben"),
            ["consent.revoked", "store revocation"],
        ),
    ],
)
def test_what_ends_a_running_call(given: Input, effects: list[str]) -> None:
    made = busy_box()
    assert made.take(given) == effects
    for effect in made.effects:
        if isinstance(effect, Send):
            assert effect.order == HangUp(line=LINE, attempt="a1")


@pytest.mark.parametrize(
    ("source", "open_"), [("button", True), ("wire", True), ("command", False), ("fault", False)]
)
def test_only_the_contact_itself_holds_the_stop(source: str, open_: bool) -> None:
    made = idle_box()
    assert made.engine.reset_refusal() == "the emergency stop is not latched"
    made.take(events.StopRaised(at=0.0, source=source))
    assert made.engine.stop_contact_open is open_
    pressed = "the stop button is still pressed, or its wire is cut: release it first"
    assert made.engine.reset_refusal() == (pressed if open_ else None)
    made.take(events.StopReleased(at=1.0))
    assert made.engine.reset_refusal() is None
    assert not made.engine.stop_contact_open


def test_an_open_contact_bars_although_nothing_is_latched() -> None:
    """The latch was reset elsewhere; the level of the wire still says stop."""
    made = idle_box()
    made.take(OPEN[0])
    made.engine.observe(
        [Entry(seq=99, at=T0, kind="stop.reset", subject=None, data={})], made.now()
    )
    assert not made.engine.state.stopped
    assert made.tick(3600.0) == []
    assert made.take(events.StopReleased(at=1.0)) == ["call.authorised", "Dial"]


def test_the_panel_is_well_until_it_says_otherwise() -> None:
    made = idle_box()
    seen = [made.engine.panel_ok]
    for given in (events.PanelFault(at=0.0, detail="x"), events.PanelHealed(at=1.0)):
        made.take(given)
        seen.append(made.engine.panel_ok)
    assert seen == [True, False, True]


def test_the_first_failure_of_the_disk_is_the_one_that_is_told() -> None:
    made = idle_box()
    made.take(inputs.StorageFailed(detail="first"))
    made.take(inputs.StorageFailed(detail="second"))
    assert made.engine.storage_failure == "first"
    assert made.engine.why_idle(made.now()).code == "storage"
    assert made.take(inputs.Pause(by="Alix")) == [], "no row that could not be kept"


@pytest.mark.parametrize(
    ("step", "anew"), [(0.0, 0), (60.0, 0), (-60.0, 0), (60.001, 1), (-60.001, 1), (3600.0, 1)]
)
def test_a_step_of_the_clock_of_more_than_a_minute_voids_all_plans(step: float, anew: int) -> None:
    people = Counted(anna=hours(1, 9))
    made = Box(people)
    before = people.looks
    made.shift = timedelta(seconds=step)
    made.tick(10.0)
    assert people.looks - before == anew
    made.tick(10.0)
    assert people.looks - before == anew, "once for each step"


def test_the_clock_is_told_once_for_each_change() -> None:
    people = Counted(anna=hours(1, 9))
    made = Box(people, ready=False)
    made.tick()
    assert made.effects == [row("clock.trusted", source="ntp")]
    made.trusted = False
    made.tick()
    assert made.effects == [row("clock.lost", reason="ntp", clock="untrusted")]
    assert made.tick() == []
    before = people.looks
    made.trusted = True
    assert made.tick() == ["clock.trusted"]
    assert people.looks == before + 1, "everybody anew, by the time that is believed now"


# -- when to look again ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "wakes"),
    [
        ((), 3600.0),
        (PAUSED, None),
        (STOPPED, None),
        (OPEN, None),
        ((inputs.StateDoubted(doubt=Doubt(code="people", detail="d")),), None),
        ((inputs.StorageFailed(detail="full"),), None),
        (
            (
                events.LineFault(
                    line=LINE, at=0.0, fault="no-sim", detail="d", remedy="r", final=True
                ),
            ),
            None,
        ),
        ((*STOPPED, inputs.Reset(by="A", reason="r")), 3600.0),
    ],
)
def test_a_box_that_may_call_nobody_sleeps(before: Sequence[Input], wakes: float | None) -> None:
    made = idle_box()
    for one in before:
        made.take(one)
    assert made.engine.wake_at(made.now()) == wakes
    made.trusted = False
    assert made.engine.wake_at(made.now()) is None


def test_a_box_wakes_for_the_next_opening_or_deadline() -> None:
    made = Box(Registry(anna=hours(1, 9)), ready=False)
    assert made.engine.wake_at(made.now()) == 0.0, "people wait to be planned"
    made.tick()
    assert made.engine.wake_at(made.now()) is None, "no line"
    made.ready()
    made.tick(100.0)
    assert made.engine.wake_at(made.now()) == 3600.0
    made.tick(3500.0)
    assert made.engine.wake_at(made.now()) == getattr(made.engine.calls[LINE], "deadline", None)
    attended = Box(Registry(anna=hours(1, 9)), attended=True)
    assert attended.engine.wake_at(attended.now()) is None, "a press is the order to call"
    open_now = Box(Registry(anna=hours(-1, 9)), attended=True)
    assert open_now.engine.wake_at(open_now.now()) is None


@pytest.mark.parametrize(
    ("horizon", "finished"), [(None, False), (3601.0, False), (3600.0, False), (3599.0, True)]
)
def test_a_run_until_idle_ends_where_nobody_may_be_called_within_the_horizon(
    horizon: float | None, finished: bool
) -> None:
    made = idle_box()
    limit = None if horizon is None else timedelta(seconds=horizon)
    assert made.engine.finished(made.now(), limit) is finished
    made.take(inputs.StateDoubted(doubt=Doubt(code="people", detail="d")))
    assert not made.engine.finished(made.now(), limit), "somebody has to look"
    made.take(inputs.DoubtSettled(code="people"))
    assert made.engine.finished(made.now(), limit) is finished
    made.trusted = False
    assert not made.engine.finished(made.now(), limit)


def test_nothing_is_finished_before_it_has_begun_or_while_somebody_talks() -> None:
    made = Box(Registry(), ready=False)
    assert not made.engine.finished(made.now())
    made.tick()
    assert made.engine.finished(made.now())
    busy = Box(Registry(anna=hours(-1, 9)))
    assert not busy.engine.finished(busy.now())
    busy.end("a1", events.Cause.NO_ANSWER)
    assert busy.engine.finished(busy.now())
    caller = events.IncomingRinging(line=LINE, at=0.0, attempt="c1", number=None)
    assert busy.take(caller)[0] == "HangUp"
    assert not busy.engine.finished(busy.now()), "a caller is being turned away"


# -- what a person asks about ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        ((), {}),
        (PAUSED, {"paused": True}),
        (STOPPED, {"stopped": True}),
        (OPEN, {"stopped": True}),
        ((inputs.StorageFailed(detail="full"),), {"storage_ok": False}),
        ((inputs.StateDoubted(doubt=Doubt(code="people", detail="d")),), {"doubt": "d"}),
    ],
)
def test_how_the_box_stands_for_a_question(
    before: Sequence[Input], changes: dict[str, Any]
) -> None:
    made = idle_box()
    for one in before:
        made.take(one)
    asked = made.engine.circumstances(made.now(), bench=True, call_seconds=9.0)
    plain: dict[str, Any] = {
        "now": made.now(),
        "stopped": False,
        "paused": False,
        "storage_ok": True,
        "line_ready": True,
        "bench": True,
        "pressed": True,
        "doubt": "",
        "call_seconds": 9.0,
        "limit": None,
        "fleet": None,
    }
    assert asked == Circumstances(**plain | changes)


def test_a_question_hears_of_limits_only_where_every_idle_line_has_reached_one() -> None:
    limits = Options(limits={LINE: LineLimits(calls_per_day=1)})
    made = Box(Registry(anna=hours(-1, 9), ben=hours(-1, 9)), lines=2, options=limits)
    made.end("a1", events.Cause.NO_ANSWER, line=LINE)
    assert made.engine.calls.keys() == {"line-2"}
    told = f"{LINE}: 1 call in the last 24 hours, of 1"
    assert made.engine.circumstances(made.now(), bench=False, call_seconds=9.0).limit == told
    assert [one.line for one in made.engine.limits_reached(made.now())] == [LINE]
    made.end("a2", events.Cause.NO_ANSWER, line="line-2")
    assert made.engine.circumstances(made.now(), bench=False, call_seconds=9.0).limit == ""
    assert made.engine.limits_reached(made.now()) == ()


# -- people ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "subject", "called"),
    [
        ("consent.granted", "anna", True),
        ("message.read", "anna", True),
        ("message.deleted", "anna", True),
        ("message.read", None, True),
        ("message.deleted", None, True),
        ("consent.granted", None, False),
        ("contact.imported", "anna", False),
    ],
)
def test_a_row_of_the_shell_plans_whom_it_is_about(
    kind: str, subject: str | None, called: bool
) -> None:
    """Their hours changed in the registry meanwhile, which only a new plan finds out."""
    made = idle_box()
    made.registry.spans["anna"] = hours(-1, 9)
    entry = Entry(seq=50, at=T0, kind=kind, subject=subject, data={})
    assert made.engine.observe([entry], made.now()) == []
    made.tick()
    assert made.called() == ["anna"] * called


@pytest.mark.parametrize(
    ("changed", "called"), [(None, True), (("anna",), True), (("ben",), False), ((), False)]
)
def test_an_import_plans_those_whom_it_names(changed: tuple[str, ...] | None, called: bool) -> None:
    made = idle_box()
    made.registry.spans["anna"] = hours(-1, 9)
    made.take(inputs.PeopleChanged(subjects=changed))
    assert made.called() == ["anna"] * called


def test_a_withdrawal_of_the_shell_ends_the_call() -> None:
    made = busy_box()
    entry = Entry(seq=50, at=T0, kind="contact.erased", subject="anna", data={})
    assert made.engine.observe([entry], made.now()) == [
        Send(order=HangUp(line=LINE, attempt="a1")),
    ]


def test_who_is_likely_next() -> None:
    made = Box(Registry(anna=hours(2, 9), ben=hours(1, 9)))
    assert made.engine.upcoming(5) == [
        ("ben", T0 + timedelta(hours=1), 0),
        ("anna", T0 + timedelta(hours=2), 0),
    ]
    assert made.engine.planned == 2
    assert len(made.engine.upcoming(1)) == 1


@pytest.mark.parametrize(
    ("options", "before", "effects"),
    [
        (Options(), [], []),
        (Options(start_paused=True), [], ["dialling.paused"]),
        (Options(start_paused=True), ["dialling.paused"], []),
        (Options(), ["call.authorised"], ["call.ended"]),
    ],
)
def test_what_a_start_closes(options: Options, before: list[str], effects: list[str]) -> None:
    entries = [
        Entry(seq=n + 1, at=T0, kind=kind, subject="anna", data={"attempt": "b1", "line": LINE})
        for n, kind in enumerate(before)
    ]
    made = idle_box(options=options, entries=entries, ready=False)
    assert made.recovered == effects
    if effects == ["dialling.paused"]:
        assert made.effects == [row("dialling.paused", by="start")]
    if effects == ["call.ended"]:
        assert made.effects == [
            row(
                "call.ended",
                "anna",
                attempt="b1",
                line=LINE,
                outcome="unknown",
                evidence={"end": "found without an end at start", "confirmed": False},
                cause=None,
                ring_seconds=0.0,
                talk_seconds=0.0,
            )
        ]


@pytest.mark.parametrize("attended", [True, False])
def test_a_box_that_is_ending_begins_nothing(attended: bool) -> None:
    made = Box(Registry(anna=hours(1, 9)), attended=attended)
    made.engine.retire()
    assert "Dial" not in made.tick(3600.0)
    assert "Dial" not in made.take(events.StartPressed(at=0.0))


def test_a_box_that_is_ending_is_not_kept_awake_by_those_it_does_not_call() -> None:
    """It waits for its calls; a loop that turns without a pause would take the voice's time."""
    made = idle_box()
    made.engine.retire()
    made.tick(3600.0)
    assert made.engine.planned == 1
    assert made.engine.wake_at(made.now()) is None


# -- messages, limits, balances -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "told"), [(5.0, False), (4.999, True), (6.0, False), (0.0, True)]
)
def test_a_balance_under_the_alarm_is_told(amount: float, told: bool) -> None:
    made = idle_box(options=Options(limits={LINE: LineLimits(alarm_below=5.0)}))
    made.take(events.BalanceTold(line=LINE, at=0.0, amount=amount))
    detail = f"the SIM's balance is {amount:g}, under 5"
    assert made.effects == [row("limit.reached", line=LINE, limit="balance", detail=detail)] * told
    made.take(events.BalanceTold(line="line-9", at=0.0, amount=0.0))
    assert made.effects == []


@pytest.mark.parametrize(
    ("limit", "span"), [("calls_per_hour", 3600), ("calls_per_day", 86_400), ("balance", 86_400)]
)
def test_a_limit_is_told_again_after_its_own_span(limit: str, span: int) -> None:
    usage = LineUsage()
    data = {"line": LINE, "limit": limit}
    usage.told(Entry(seq=1, at=T0, kind="limit.reached", subject=None, data=data))
    one = Reached(line=LINE, limit=limit, detail="", until=T0)
    for seconds, known in ((0, True), (span - 1, True), (span, False)):
        assert usage.was_told(one, T0 + timedelta(seconds=seconds)) is known
    assert not usage.was_told(Reached(line=LINE, limit="x", detail="", until=T0), T0)
    assert not usage.was_told(Reached(line="l", limit=limit, detail="", until=T0), T0)


def test_a_reached_limit_is_recorded_whole() -> None:
    made = Box(
        Registry(anna=hours(-1, 9), ben=hours(-1, 9)),
        options=Options(limits={LINE: LineLimits(calls_per_hour=1)}),
    )
    made.end("a1", events.Cause.NO_ANSWER)
    assert made.last("limit.reached").data == {
        "line": LINE,
        "limit": "calls_per_hour",
        "detail": "1 call in the last hour, of 1",
        "until": (T0 + timedelta(hours=1)).isoformat(),
    }
    assert made.engine.wake_at(made.now()) == 3600.0
    assert made.engine.why_idle(made.now()) == idleness.Idle(
        code="limit",
        sentence="The limits of the lines are reached (line-1: 1 call in the last hour, of 1); "
        "the next call may happen at 2026-11-24 11:00+00:00.",
        next_at=T0 + timedelta(hours=1),
    )


@pytest.mark.parametrize(("confirmation", "answers"), [("ok", 1), ("", 0)])
def test_a_new_objection_is_answered_on_the_line_by_which_it_came(
    confirmation: str, answers: int
) -> None:
    made = idle_box(options=Options(confirmation=confirmation))
    anna = made.registry.contact("anna")
    assert anna is not None
    text = events.SmsReceived(line=LINE, at=0.0, number=anna.number, text="STOP")
    made.take(text)
    order = Send(order=SendSms(line=LINE, number=anna.number, text=confirmation))
    assert made.effects.count(order) == answers
    made.take(text)
    assert order not in made.effects, "nothing is new in saying it again"
    stranger = events.SmsReceived(line=LINE, at=0.0, number="+33639981234", text="STOP")
    made.take(stranger)
    assert len([e for e in made.effects if isinstance(e, Send) and e.order != order.order]) == (
        1 + answers
    )


# -- figures --------------------------------------------------------------------------------------


def test_documented_figures() -> None:
    """Each stands in docs/ or in the README, or bounds a step of the decision loop."""
    minute, hour, day = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
    figures: dict[ModuleType, dict[str, object]] = {
        engine: {"CLAIM_WAIT": 30.0, "CLOCK_STEP": 60.0},
        placing: {"DECISIONS_PER_STEP": 32, "RECONSIDER": 5 * minute},
        planner: {"PLANS_PER_STEP": 200, "SURVEYED_PER_STEP": 1000, "SETTLED_PER_STEP": 16},
        interruptions: {"PAUSES": (minute, 5 * minute), "MOST": 3, "WITHIN": hour},
        line_limits: {"HOUR": hour, "DAY": day},
        messages: {
            "LATEST_HELD": 30 * day,
            "ZONE_FAULT": 14 * hour,
            "STAMPS_SINCE": datetime(2025, 1, 1, tzinfo=UTC),
        },
    }
    for module, expected in figures.items():
        assert {name: getattr(module, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("code", "fault", "host", "storage", "accepted"),
    [
        ("rows", True, False, False, True),
        ("people", True, False, False, True),
        ("evidence", True, False, False, False),
        ("files", True, False, False, False),
        ("unverified", False, False, False, False),
        ("host-space", False, True, True, False),
        ("host-names", False, True, True, False),
        ("host-read-only", False, True, True, False),
        ("host-heat", False, True, False, False),
    ],
)
def test_what_each_doubt_is(
    code: str, fault: bool, host: bool, storage: bool, accepted: bool
) -> None:
    one = Doubt(code=code, detail="d")
    assert (one.is_fault, one.is_host, one.is_storage, one.can_be_accepted) == (
        fault,
        host,
        storage,
        accepted,
    )


def test_the_doubts_that_stand() -> None:
    held = Entry(seq=1, at=T0, kind="state.restored", subject=None, data={"why": "rows are gone"})
    made = idle_box(entries=[held])
    doubts = made.engine.doubts
    rows = Doubt(code="rows", detail="rows are gone", remedy=RESET)
    assert (doubts.all(), bool(doubts), doubts.sentence) == ((rows,), True, "rows are gone")
    more = Doubt(code="evidence", detail="a file is cut")
    doubts.raised(more)
    assert (doubts.all(), doubts.sentence) == ((rows, more), "rows are gone; a file is cut")
    doubts.settled("evidence")
    doubts.settled("evidence")
    made.engine.observe(
        [Entry(seq=2, at=T0, kind="state.accepted", subject=None, data={})], made.now()
    )
    assert (doubts.all(), bool(doubts), doubts.sentence) == ((), False, "")
