"""What a session refuses or learns, and that it goes on afterwards: whole runs of a line."""

from __future__ import annotations

import pytest

from firmware.call.context import CallResult
from firmware.events import AddressKind, Cause, IncomingRejected, WaitingGone
from firmware.families import FAMILIES
from firmware.faults import Fault
from firmware.line.session import NAME_EVERY, NAME_EVERY_LATER, UNNAMED_FOR
from firmware.modem.identity import Identity
from tests.firmware.line.test_session import ASKS, RINGS, WITHHELD, Rig, dial, order

NOBODY = Identity(
    family=FAMILIES["generic"],
    maker="",
    model="",
    revision="",
    imei=None,
    iccid=None,
    certain=False,
)
CALLER = "+33639980007"
WAITER = ("+33639980008", AddressKind.INTERNATIONAL)


def unnamed(*items: object, until: float) -> Rig:
    rig = Rig(*items, until=until)  # type: ignore[arg-type]
    rig.identity = NOBODY
    return rig


def test_a_modem_without_a_name_is_asked_less_often_after_a_minute_and_then_used() -> None:
    assert (NAME_EVERY, NAME_EVERY_LATER, UNNAMED_FOR) == (5.0, 300.0, 60.0)
    rig = unnamed((50.0, order(dial("early"))), (70.0, order(dial("late"))), until=700.0).serve()
    assert sorted(set(rig.modem.when("AT+CGMI"))) == [
        *(5.0 * n for n in range(1, 13)),
        360.0,
        660.0,
    ]
    assert rig.faults() == [(0.0, Fault.UNNAMED)]
    assert rig.parts.times("ready") == [60.0]
    assert rig.ended() == [(Cause.FAILED, "the line is not in service")]
    assert rig.parts.times("dial late") == [70.0]


def test_a_modem_that_says_a_name_that_nobody_knows_is_used_at_once() -> None:
    rig = unnamed(until=40.0)
    rig.modem.later[19.0] = {"AT+CGMI": ("ACME",), "AT+CGMM": ("X1",)}
    rig.serve()
    assert sorted(set(rig.modem.when("AT+CGMI"))) == [5.0, 10.0, 15.0, 20.0]
    assert rig.modem.when(ASKS) == [20.0]
    assert rig.parts.times("ready") == [20.0]
    named = Identity(
        family=FAMILIES["generic"],
        maker="ACME",
        model="X1",
        revision="",
        imei=None,
        iccid=None,
        certain=True,
    )
    assert rig.parts.identity == named  # type: ignore[attr-defined]


def test_a_modem_that_turns_out_to_be_of_a_family_is_set_up_anew() -> None:
    rig = unnamed(until=40.0)
    rig.modem.later[9.0] = {"AT+CGMI": ("QUECTEL",), "AT+CGMM": ("EC25",)}
    down = rig.down()
    assert down.fault is Fault.NAMED_LATE
    assert str(down.detail) == "the modem is a Quectel EC2x / EG2x / EG9x after all"
    assert rig.clock.at == 10.0


def test_a_dial_that_is_refused_is_not_the_last() -> None:
    """Stopped, too late: the next order that may be placed is placed."""
    rig = Rig(
        (5.0, order(dial("old"), emergencies=0)),
        (6.0, order(dial("late", dial_by=5.9), emergencies=1)),
        (7.0, order(dial("good"), emergencies=1)),
        until=8.0,
    )
    rig.line.emergencies = 1
    rig.serve()
    assert rig.ended() == [
        (Cause.EMERGENCY, "stopped before the dial"),
        (Cause.FAILED, "the permission ended before the dial"),
    ]
    assert rig.parts.times("dial good") == [7.0]


def test_a_line_out_of_service_refuses_and_goes_on() -> None:
    rig = Rig((5.0, order(dial("a"))), (40.0, order(dial("b"))), until=41.0)
    rig.modem.answers[ASKS] = ("+CREG: 0,2",)
    rig.line.ready = False
    rig.serve()
    # In service from the start; the network is looked for at half a minute.
    assert rig.parts.times("dial a") == [5.0]
    assert rig.faults() == [(30.0, Fault.NOT_REGISTERED)]
    assert rig.ended() == [(Cause.FAILED, "the line is not in service")]


@pytest.mark.parametrize(
    ("row", "waiter", "received"),
    [
        (RINGS, None, CALLER),
        (RINGS, WAITER, CALLER),
        # The list hides the number that the notice has shown.
        (WITHHELD, WAITER, WAITER[0]),
        (WITHHELD, None, None),
    ],
)
@pytest.mark.parametrize("rings_at", [5.0, 7.7])
def test_who_waited_while_a_call_was_up_is_taken_next(
    row: str, waiter: tuple[str, AddressKind] | None, received: str | None, rings_at: float
) -> None:
    rig = Rig((5.0, order(dial())), (9.0, order(dial("b"))), until=10.0, incoming="answer")
    rig.parts.results = [CallResult(waited=True, waiter=waiter)]
    rig.modem.later[rings_at] = {"AT+CLCC": (row,)}
    rig.serve()
    (at,) = rig.parts.times(f"receive {received}")
    assert at == pytest.approx(rings_at, abs=0.25)
    assert not [e for e in rig.posted if isinstance(e, WaitingGone | IncomingRejected)]
    assert rig.parts.times("dial b") == [9.0]


@pytest.mark.parametrize(
    ("incoming", "at", "why"),
    [
        ("answer", 8.0, "they were gone when the call was over"),
        ("reject", 5.0, "this line is set to reject callers"),
        ("ignore", 5.0, "this line is set to ignore callers"),
    ],
)
@pytest.mark.parametrize("waiter", [None, WAITER])
def test_whoever_waited_in_vain_is_told(
    incoming: str, at: float, why: str, waiter: tuple[str, AddressKind] | None
) -> None:
    rig = Rig((5.0, order(dial())), (9.0, order(dial("b"))), until=10.0, incoming=incoming)
    rig.parts.results = [CallResult(waited=True, waiter=waiter)]
    rig.serve()
    (gone,) = [e for e in rig.posted if isinstance(e, WaitingGone)]
    number, kind = waiter or (None, AddressKind.UNKNOWN)
    assert gone.attempt.startswith("in-")
    assert gone == WaitingGone(
        line="one", at=at, attempt=gone.attempt, number=number, kind=kind, why=why
    )
    assert rig.parts.times("dial b") == [9.0]
