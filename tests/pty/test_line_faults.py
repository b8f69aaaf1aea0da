"""What goes wrong around a call on a pty: one end each, no call left behind, the line heals."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from firmware.events import (
    Answered,
    Cause,
    Ended,
    IncomingRejected,
    KeyHeard,
    KeyUnconfirmed,
    LineFault,
    LineReady,
    SmsReceived,
    Witness,
)
from firmware.orders import DeleteSms, Dial, HangUp
from firmware.simulator.network.scenario import (
    Answer,
    Fault,
    FaultKind,
    IncomingCall,
    IncomingSms,
    LineScenario,
    NoAnswer,
    NumberRule,
    Scenario,
    SimSettings,
)
from tests.support.line_bench import ANSWERS, NUMBER, PATIENCE, Bench, bench, rule

pytestmark = pytest.mark.pty

K = FaultKind
FAMILIES = ("sim7600", "generic")


def call_and_hang_up(b: Bench, attempt: str = "a1") -> Ended:
    b.dial(attempt)
    b.wait(Answered, attempt=attempt)
    b.line.order(HangUp(line="one", attempt=attempt))
    return b.wait(Ended, attempt=attempt)


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("sim7600", K.ECHO),
        ("generic", K.GARBAGE_BYTES),
        ("sim7600", K.SPLIT_LINES),
        ("generic", K.LATE_OK),
        ("sim7600", K.NO_OK),
        ("generic", K.NO_OK),
        ("sim7600", K.NOTICES_BEFORE_OK),
        ("sim7600", K.IGNORE_HANG_UP),
        ("generic", K.IGNORE_HANG_UP),
        ("sim7600", K.NEVER_ALERTING),
        ("sim7600", K.LOST_NOTICES),
        ("generic", K.LOST_NOTICES),
        ("sim7600", K.DOUBLE_NOTICES),
        ("sim7600", K.FALSE_ANSWER),
        ("generic", K.FALSE_ANSWER),
        ("sim7600", K.INCOMING_AFTER_END),
        ("generic", K.MALFORMED_CREG),
        ("generic", K.NOT_SUPPORT),
    ],
)
def test_a_call_survives(tmp_path: Path, family: str, kind: FaultKind) -> None:
    """The call is answered, ended by us, proven silent, and the next one works."""
    scenario = rule(ANSWERS, faults=(Fault(kind=kind, call=1),))
    with bench(tmp_path, family=family, scenario=scenario) as b:
        ended = call_and_hang_up(b)
        assert (ended.cause, ended.confirmed) == (Cause.LOCAL_HANG_UP, True)
        if kind in (K.FALSE_ANSWER, K.NEVER_ALERTING):
            assert b.of(Answered)[0].weak
        if kind is K.IGNORE_HANG_UP:
            # Only the radio ended it: the line registers anew.
            b.wait(LineReady, count=2 if b.of(LineFault) else 1)
        second = call_and_hang_up(b, "a2")
        assert (second.cause, second.confirmed) == (Cause.LOCAL_HANG_UP, True)
        assert len(b.of(Ended)) == 2


@pytest.mark.parametrize(
    ("family", "kind"),
    [("sim7600", K.USB_LOSS), ("generic", K.RESET), ("sim7600", K.UNDERVOLTAGE)],
)
def test_a_modem_that_vanishes_in_a_call_comes_back(
    tmp_path: Path, family: str, kind: FaultKind
) -> None:
    fault = Fault(kind=kind, call=1, after=3.0, seconds=3.0)
    scenario = rule(NoAnswer(rings_in=1.0), ANSWERS, faults=(fault,))
    with bench(tmp_path, family=family, scenario=scenario, speed=20.0) as b:
        b.dial()
        ended = b.wait(Ended)
        assert ended.cause is Cause.LINE_LOST
        assert b.wait(LineFault).remedy
        b.wait(LineReady, count=2)
        assert call_and_hang_up(b, "a2").confirmed


@pytest.mark.parametrize(
    ("family", "fault", "code"),
    [
        # Without USB nothing but the module's own words tells of the restart.
        ("sim800", Fault(kind=K.RESET, call=1, after=2.0), "module-restarted"),
        ("sim7600", Fault(kind=K.IGNORE_HANG_UP, call=1, times=50), "not-registered"),
    ],
)
def test_a_line_that_cannot_take_the_next_call_says_so_before_the_end_of_this_one(
    tmp_path: Path, family: str, fault: Fault, code: str
) -> None:
    """The next Dial follows the end at once; refused, it would use up somebody's attempt."""
    with bench(tmp_path, family=family, scenario=rule(ANSWERS, faults=(fault,))) as b:
        b.dial()
        if code == "not-registered":
            b.wait(Answered)
            b.line.order(HangUp(line="one", attempt="a1"))
        ended = b.wait(Ended)
        told = [event for event in b.events if isinstance(event, LineFault | Ended)]
        assert isinstance(told[0], LineFault)
        assert (told[0].fault, told[1]) == (code, ended)
        b.wait(LineReady, count=2)


def test_the_emergency_beats_a_silent_command(tmp_path: Path) -> None:
    """Stop while the modem is deaf to ATD: nobody waits for it, and silence is confirmed."""
    fault = Fault(kind=K.DEAF, call=1, after=0.5, seconds=0.5)
    with bench(tmp_path, scenario=rule(NoAnswer(rings_in=1.0), faults=(fault,))) as b:
        b.dial()
        time.sleep(0.1)
        b.line.emergency_hang_up()
        ended = b.wait(Ended)
        assert (ended.cause, ended.confirmed) == (Cause.EMERGENCY, True)
        assert b.simulation.live_calls() == []


@pytest.mark.parametrize(
    ("kind", "witness", "missed_by"),
    [
        (K.NO_KEY_NOTICES, Witness.HOST, Witness.MODULE),
        (K.NO_KEY_TONES, Witness.MODULE, Witness.HOST),
    ],
)
def test_a_press_that_one_witness_missed_is_told(
    tmp_path: Path, kind: FaultKind, witness: Witness, missed_by: Witness
) -> None:
    with bench(tmp_path, scenario=rule(ANSWERS, faults=(Fault(kind=kind, call=1),))) as b:
        b.dial()
        assert b.wait(KeyHeard).witness is witness
        missed = b.wait(KeyUnconfirmed)
        assert (missed.key, missed.witness, missed.missed_by) == ("1", witness, missed_by)
        b.line.order(HangUp(line="one", attempt="a1"))
        b.wait(Ended)
        assert len(b.of(KeyUnconfirmed)) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_the_emergency_in_a_talk(tmp_path: Path, family: str) -> None:
    with bench(tmp_path, family=family, scenario=rule(Answer(rings_in=1.0, after=1.0))) as b:
        b.dial()
        b.wait(Answered)
        b.line.emergency_hang_up()
        ended = b.wait(Ended)
        assert (ended.cause, ended.confirmed) == (Cause.EMERGENCY, True)


def test_a_dial_before_the_stop_is_void(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=rule(ANSWERS)) as b:
        b.dial()
        b.line.emergency_hang_up()
        b.dial("a2")
        assert b.wait(Ended).cause is Cause.EMERGENCY
        # It was ordered after the stop: whether that is allowed is the decider's business.
        b.wait(Answered, attempt="a2")


def test_hanging_up_while_the_dial_command_is_outstanding(tmp_path: Path) -> None:
    fault = Fault(kind=K.DROP_REPLIES, call=1, command="ATD")
    scenario = rule(NoAnswer(rings_in=1.0), faults=(fault,))
    with bench(tmp_path, scenario=scenario) as b:
        b.dial()
        time.sleep(0.15)
        b.line.order(HangUp(line="one", attempt="a1"))
        ended = b.wait(Ended)
        assert (ended.cause, ended.confirmed) == (Cause.LOCAL_HANG_UP, True)


def test_nothing_but_a_number_reaches_the_port(tmp_path: Path) -> None:
    numbers = ["0639980001", "+33639980001;+CMGD=1,4", "+33639980001\rAT", "*21#", "", "+1٢٣٤٥٦٧٨"]
    with bench(tmp_path) as b:
        for attempt, number in enumerate(numbers):
            b.dial(str(attempt), number=number)
            ended = b.wait(Ended, attempt=str(attempt))
            assert (ended.cause, ended.confirmed) == (Cause.FAILED, True)
        log = tmp_path / "log"
        assert "dialled" not in (log.read_text(encoding="utf-8") if log.exists() else "")


def test_a_second_dial_in_a_call_is_refused(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=rule(ANSWERS)) as b:
        b.dial()
        b.wait(Answered)
        b.dial("a2")
        refused = b.wait(Ended)
        assert (refused.attempt, refused.cause) == ("a2", Cause.FAILED)
        b.line.order(HangUp(line="one", attempt="a1"))
        assert b.wait(Ended, count=2).attempt == "a1"


def test_second_call_audio_rot_resets_the_module_between_calls(tmp_path: Path) -> None:
    scenario = Scenario(
        numbers=(NumberRule(number=NUMBER, behaviours=(ANSWERS,)),),
        lines=(LineScenario(line=1, faults=(Fault(kind=K.AUDIO_ROT),)),),
    )
    with bench(tmp_path, scenario=scenario, speed=20.0) as b:
        call_and_hang_up(b)
        call_and_hang_up(b, "a2")
        assert b.wait(LineFault).fault == "module-resetting"
        b.wait(LineReady, count=2)
        assert call_and_hang_up(b, "a3").confirmed


def test_an_incoming_call_is_turned_away(tmp_path: Path) -> None:
    lines = (LineScenario(line=1, incoming=(IncomingCall(at=6.0, number="+33639980007"),)),)
    with bench(tmp_path, scenario=Scenario(lines=lines)) as b:
        assert b.wait(IncomingRejected).number == "+33639980007"
        # The caller is told before the hang-up.
        until = time.monotonic() + PATIENCE
        while b.simulation.live_calls() and time.monotonic() < until:
            time.sleep(0.02)
        assert b.simulation.live_calls() == []


def test_messages_are_read_once(tmp_path: Path) -> None:
    sms = (
        IncomingSms(at=0.0, number="+33639980007", text="STOP"),
        IncomingSms(at=6.0, number="+33639980008", text="OK\nRING\narrêt"),
    )
    with bench(tmp_path, scenario=Scenario(lines=(LineScenario(line=1, sms=sms),))) as b:
        first = b.wait(SmsReceived)
        b.line.order(DeleteSms(line="one", places=first.places))
        b.wait(SmsReceived, count=2)
        assert [(m.number, m.text) for m in b.of(SmsReceived)] == [
            ("+33639980007", "STOP"),
            ("+33639980008", "OK\nRING\narrêt"),
        ]


def test_a_message_stays_until_it_is_ordered_away(tmp_path: Path) -> None:
    sms = (IncomingSms(at=0.0, number="+33639980007", text="STOP"),)
    with bench(tmp_path, scenario=Scenario(lines=(LineScenario(line=1, sms=sms),))) as b:
        message = b.wait(SmsReceived)
        messages = b.simulation.lines[0].modem.messages
        (place,) = message.places
        # Places are used again: one whose message is another by now is left alone.
        for attempt, found in (("a", replace(place, pdu=place.pdu[:-2] + "00")), ("b", place)):
            assert messages.used == 1
            b.line.order(DeleteSms(line="one", places=(found,)))
            b.line.order(Dial(line="one", attempt=attempt, number=NUMBER, greeting="greeting"))
            b.wait(Ended, attempt=attempt)
        assert messages.used == 0


def sim(pin: str | None, **settings: object) -> Scenario:
    return Scenario(
        lines=(LineScenario(line=1, sim=SimSettings(pin=pin, **settings)),)  # type: ignore[arg-type]
    )


def test_the_right_pin_opens_the_sim(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=sim("1234"), pin="1234") as b:
        assert b.wait(LineReady).iccid
        assert b.simulation.lines[0].modem.card.pin_tries == 3


def test_a_wrong_pin_is_tried_once_ever(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=sim("1234"), pin="4321", ready=False) as b:
        fault = b.wait(LineFault)
        assert (fault.fault, fault.final) == ("sim-pin-refused", True)
        assert b.simulation.lines[0].modem.card.pin_tries == 2


def test_two_tries_left_are_too_few(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=sim("1234", tries=2), pin="1234", ready=False) as b:
        assert b.wait(LineFault).fault == "sim-pin-unsafe"
        assert b.simulation.lines[0].modem.card.pin_tries == 2


@pytest.mark.parametrize(
    ("kind", "fault"), [(K.NO_NETWORK, "not-registered"), (K.SMS_ONLY, "sms-only")]
)
def test_a_network_that_goes_and_comes(tmp_path: Path, kind: FaultKind, fault: str) -> None:
    with bench(tmp_path, speed=20.0) as b:
        b.simulation.inject(1, Fault(kind=kind, seconds=16.0))
        assert b.wait(LineFault).fault == fault
        b.line.order(Dial(line="one", attempt="a1", number=NUMBER, greeting="greeting"))
        assert b.wait(Ended).cause is Cause.FAILED
        b.wait(LineReady, count=2)


@pytest.mark.parametrize(
    ("port", "code"),
    [
        # Relative to wherever the program runs, as pyserial opens it.
        ("no-such-port", "port-missing"),
        ("hwgrep://no-such-port-anywhere", "port-unusable"),
    ],
)
def test_a_port_that_is_no_path(tmp_path: Path, port: str, code: str) -> None:
    with bench(tmp_path, ready=False, port=port) as b:
        assert b.wait(LineFault).fault == code


def test_a_port_that_does_not_exist(tmp_path: Path) -> None:
    with bench(tmp_path, ready=False, missing=True) as b:
        fault = b.wait(LineFault)
        assert fault.fault == "port-missing"
        assert not fault.final
        b.dial()
        assert b.wait(Ended).confirmed
