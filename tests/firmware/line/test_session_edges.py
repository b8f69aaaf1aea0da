"""How long a session waits, what it asks with which patience, and callers whose number is late."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from firmware.at.outcomes import Reply
from firmware.call.context import CallResult
from firmware.call.inbox import Emergency
from firmware.errors import CommandTimeout
from firmware.events import AddressKind, Cause, IncomingRejected, LineFault
from firmware.families.base import Sign
from firmware.faults import Fault
from firmware.line import session as module
from firmware.line.session import Session
from tests.firmware.line.test_session import (
    ASKS,
    FAMILY,
    REGISTERED,
    RINGS,
    SEARCHING,
    UP,
    WITHHELD,
    Rig,
    dial,
    heard,
    order,
)

HANG_UP = FAMILY.hang_up[0].command
TIME = FAMILY.network_time.query


def test_the_times_of_a_session() -> None:
    assert (module.SERVICE_EVERY, module.SERVICE_SETTLES, module.TIME_EVERY) == (30.0, 1.0, 600.0)
    assert (module.NAME_EVERY, module.NAME_EVERY_LATER, module.UNNAMED_FOR) == (5.0, 300.0, 60.0)
    assert module.POWER_WARNING_LASTS == 30.0
    assert datetime(2025, 1, 1, tzinfo=UTC) == module.BUILT_AFTER


def made(rig: Rig) -> Session:
    parts = cast(Any, rig.parts)
    return Session(
        line=rig.line,
        status=parts,
        recovery=parts,
        calls=parts,
        voice=parts,
        messages=parts,
        modem=cast(Any, rig.modem),
        identity=rig.identity,
    )


@pytest.mark.parametrize(
    ("service", "sms", "time", "name", "certain", "waits"),
    [
        (3.0, 9.0, 9.0, 9.0, True, 3.0),
        (9.0, 3.0, 9.0, 9.0, True, 3.0),
        (9.0, 9.0, 3.0, 9.0, True, 3.0),
        (9.0, 9.0, 9.0, 3.0, False, 3.0),
        (9.0, 9.0, 9.0, 3.0, True, 5.0),
        (9.0, 9.0, 9.0, 9.0, False, 5.0),
        (5.5, 9.0, 9.0, 9.0, True, 5.0),
        (4.5, 9.0, 9.0, 9.0, True, 4.5),
        (0.0, 9.0, 9.0, 9.0, True, 0.0),
        (-2.0, 9.0, 9.0, 9.0, True, 0.0),
        (9.0, 9.0, 9.0, -2.0, False, 0.0),
    ],
)
def test_a_session_waits_for_its_next_duty_and_five_seconds_at_most(
    service: float, sms: float, time: float, name: float, certain: bool, waits: float
) -> None:
    rig = Rig()
    rig.clock.at = 100.0
    rig.identity.certain = certain
    session = made(rig)
    rig.clock.real = lambda box_seconds: box_seconds  # type: ignore[method-assign]
    session._service_at, session._sms_at = 100.0 + service, 100.0 + sms
    session._time_at, session._name_at = 100.0 + time, 100.0 + name
    assert session._wait() == waits


def test_a_question_has_its_patience() -> None:
    patience: dict[str, object] = {}
    rig = Rig(until=31.0)
    asks = rig.modem.command

    def command(text: str, **options: object) -> Reply:
        patience[text] = options.get("timeout")
        return asks(text, **options)

    rig.modem.command = command  # type: ignore[method-assign]
    rig.serve()
    assert patience["AT+CSQ"] == 3.0
    assert patience[ASKS] == 3.0


def test_without_a_network_nobody_asks_how_strong_it_is() -> None:
    rig = Rig(until=40.0)
    rig.modem.answers[ASKS] = (SEARCHING,)
    rig.serve()
    assert rig.modem.when("AT+CSQ") == []


def test_no_answer_about_the_signal_is_no_fault_and_no_figure() -> None:
    rig = Rig(until=40.0)
    rig.modem.answers["AT+CSQ"] = CommandTimeout("none")
    rig.serve()
    assert rig.parts.signal is None
    assert rig.faults() == []
    assert rig.modem.when(ASKS) == [30.0]


def test_no_answer_about_the_operator_asks_for_the_service_at_once() -> None:
    rig = Rig(until=2.0)
    rig.modem.answers[TIME] = ('+CCLK: "25/01/01,01:00:00+04"',)
    rig.modem.answers["AT+COPS?"] = CommandTimeout("none")
    rig.serve()
    assert rig.parts.network_time == (datetime(2025, 1, 1, tzinfo=UTC), 0.0)
    assert rig.parts.operator is None
    assert rig.modem.when(ASKS) == [0.0]


def test_a_stop_at_the_very_beginning_that_cost_the_network_is_over_when_it_is_back() -> None:
    rig = Rig((0.0, Emergency()), until=5.0)
    rig.modem.answers["AT+CLCC"] = (UP,)
    rig.modem.ends_at = FAMILY.last_resort[0].command
    rig.serve()
    (asked,) = rig.modem.when(ASKS)
    (fault,) = rig.faults()
    assert asked == fault[0]
    # No warning of the supply stands in the way from the start.
    assert rig.parts.times("ready") == [0.0, asked]


def test_a_network_that_is_lost_and_found_within_the_first_second() -> None:
    rig = Rig((0.2, heard(Sign.REGISTRATION)), until=1.9)
    rig.modem.answers[ASKS] = (SEARCHING,)
    rig.modem.later = {1.1: {ASKS: (REGISTERED,)}}
    rig.serve()
    assert rig.modem.when(ASKS) == [0.2, 1.2]
    assert rig.parts.times("ready") == [0.0, 1.2]


@pytest.mark.parametrize(("at", "ready"), [(34.9, [0.0]), (35.0, [0.0, 35.0])])
def test_a_warning_of_the_supply_stands_for_its_time(at: float, ready: list[float]) -> None:
    rig = Rig((5.0, heard(Sign.POWER_LOW)), (at, heard(Sign.REGISTRATION)), until=40.0)
    rig.serve()
    assert rig.parts.times("ready") == ready
    assert [e.fault for e in rig.posted if isinstance(e, LineFault)] == [Fault.POWER_LOW]


@pytest.mark.parametrize(
    ("list_shows", "notice_at", "number", "at"),
    [
        # The call list shows by and by who rings.
        (5.5, None, "+33639980007", 6.0),
        (8.5, None, "+33639980007", 9.0),
        # A notice that comes after several looks is waited for as well.
        (None, 8.4, "+33639980009", 8.4),
        (None, None, None, 12.0),
    ],
)
def test_a_number_that_comes_late_is_waited_for_while_they_ring(
    list_shows: float | None, notice_at: float | None, number: str | None, at: float
) -> None:
    items: list[Any] = [(5.0, heard(Sign.INCOMING, 5.0))]
    if notice_at is not None:
        items.append((notice_at, heard(Sign.CALLER, notice_at, number="+33639980009")))
    rig = Rig(*items, until=20.0)
    rig.modem.answers["AT+CLCC"] = (WITHHELD,)
    if list_shows is not None:
        rig.modem.later = {list_shows: {"AT+CLCC": (RINGS,)}}
    rig.modem.ends_at = HANG_UP
    rig.serve()
    (told,) = [e for e in rig.posted if isinstance(e, IncomingRejected)]
    assert told.number == number
    assert told.at == pytest.approx(at, abs=0.01)


@pytest.mark.parametrize(("number", "told"), [("+33639980009", 1), ("", 0)])
def test_whoever_gives_up_while_their_number_is_waited_for(number: str, told: int) -> None:
    rig = Rig(
        (5.0, heard(Sign.INCOMING, 5.0)),
        (5.4, heard(Sign.CALLER, 5.4, number=number)),
        until=20.0,
    )
    rig.modem.answers["AT+CLCC"] = (WITHHELD,)
    rig.modem.later = {5.3: {"AT+CLCC": ()}}
    rig.serve()
    rejected = [e.number for e in rig.posted if isinstance(e, IncomingRejected)]
    assert rejected == [number] * told
    assert rig.modem.when(HANG_UP) == []


@pytest.mark.parametrize("at", [5.0, 4.0, 3.9])
def test_one_who_rang_once_and_is_gone_has_called(at: float) -> None:
    rig = Rig((5.0, heard(Sign.CALLER, at, number="+33639980007")), until=6.0)
    rig.serve()
    (told,) = [e for e in rig.posted if isinstance(e, IncomingRejected)]
    assert told.number == "+33639980007"
    assert told.attempt.startswith("in-")


@pytest.mark.parametrize(
    ("incoming", "lost", "received"),
    [("answer", None, True), ("reject", None, False)],
)
def test_a_caller_is_received_where_the_line_answers(
    incoming: str, lost: str | None, received: bool
) -> None:
    rig = Rig((5.0, heard(Sign.INCOMING, 5.0)), until=6.0, incoming=incoming)
    rig.modem.answers["AT+CLCC"] = (RINGS,)
    rig.modem.ends_at = HANG_UP
    rig.parts.lost = lost
    rig.serve()
    assert bool(rig.parts.times("receive +33639980007")) is received
    assert bool([e for e in rig.posted if isinstance(e, IncomingRejected)]) is not received


def test_a_caller_is_turned_away_where_the_voice_is_lost() -> None:
    rig = Rig(incoming="answer")
    rig.modem.answers["AT+CLCC"] = (RINGS,)
    rig.modem.ends_at = HANG_UP
    rig.parts.lost = "voice port gone"
    session = made(rig)
    assert session._called(heard(Sign.INCOMING, 0.0)) is False
    assert rig.parts.times("receive +33639980007") == []
    (told,) = [e for e in rig.posted if isinstance(e, IncomingRejected)]
    assert told.number == "+33639980007"


@pytest.mark.parametrize("closing", [True, False])
def test_a_received_call_in_which_the_box_is_closed_is_the_last(closing: bool) -> None:
    rig = Rig((5.0, heard(Sign.INCOMING, 5.0)), (6.0, order(dial())), until=7.0, incoming="answer")
    rig.modem.answers["AT+CLCC"] = (RINGS,)
    rig.parts.results = [CallResult(closing=closing)]
    rig.serve()
    assert bool(rig.parts.times("dial a")) is not closing


def test_a_line_that_is_not_in_service_refuses_before_it_looks_at_anything_else() -> None:
    rig = Rig((31.0, order(dial(dial_by=1.0))), until=32.0)
    rig.modem.answers[ASKS] = (SEARCHING,)
    rig.serve()
    assert rig.ended() == [(Cause.FAILED, "the line is not in service")]


class Balance:
    """A question for the credit, under way or not."""

    def __init__(self, *, asking: bool) -> None:
        self.is_asking = asking
        self.done: list[str] = []

    def end(self, _modem: object) -> None:
        self.done.append("end")

    def duty(self, _modem: object) -> None:
        self.done.append("duty")


@pytest.mark.parametrize(("asking", "done"), [(True, ["end"]), (False, [])])
def test_a_question_for_the_credit_is_ended_before_a_dial(asking: bool, done: list[str]) -> None:
    rig = Rig()
    session = made(rig)
    balance = Balance(asking=asking)
    session.balance = cast(Any, balance)
    assert session._dial(order(dial()), dial()) is False
    assert rig.parts.times("dial a") == [0.0]
    assert balance.done == done
    session._duties()
    assert balance.done == [*done, "duty"]


def test_the_list_s_number_counts_before_that_of_a_notice() -> None:
    rig = Rig((5.0, heard(Sign.CALLER, 5.0, number="+33639980008")), until=20.0)
    rig.modem.answers["AT+CLCC"] = (RINGS,)
    rig.modem.ends_at = HANG_UP
    rig.serve()
    (told,) = [e for e in rig.posted if isinstance(e, IncomingRejected)]
    assert (told.number, told.at) == ("+33639980007", 5.0)


def test_behind_a_notice_that_is_too_old_the_number_is_waited_for() -> None:
    rig = Rig((5.0, heard(Sign.CALLER, 3.0, number="+33639980008")), until=20.0)
    rig.modem.answers["AT+CLCC"] = (WITHHELD,)
    rig.modem.later = {6.5: {"AT+CLCC": (RINGS,)}}
    rig.modem.ends_at = HANG_UP
    rig.serve()
    (told,) = [e for e in rig.posted if isinstance(e, IncomingRejected)]
    assert told.number == "+33639980007"


@pytest.mark.parametrize(
    ("number", "at", "told"),
    [
        ("+33639980007", 4.9, False),
        ("+33639980007", 5.0, False),
        ("+33639980007", 5.1, True),
        ("+33639980008", 4.9, True),
        (None, 4.9, False),
        (None, 5.1, False),
    ],
)
def test_a_late_word_of_the_call_that_was_turned_away_is_no_other_call(
    number: str | None, at: float, told: bool
) -> None:
    rig = Rig()
    session = made(rig)
    kind = AddressKind.INTERNATIONAL
    session._turned = (("+33639980007", kind), 5.0)
    assert session._gave_up(None if number is None else (number, kind), at) is False
    assert bool([e for e in rig.posted if isinstance(e, IncomingRejected)]) is told
