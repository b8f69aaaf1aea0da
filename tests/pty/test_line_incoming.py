"""Somebody calls the box: answered on order, heard, proven silent, and never in a dial's way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware.call.outgoing import CALLED
from firmware.events import (
    Answered,
    Cause,
    ClipFinished,
    ClipStarted,
    Dialled,
    Ended,
    IncomingRejected,
    IncomingRinging,
    KeyConfirmed,
    KeyHeard,
    LineFault,
    LineReady,
    SmsReceived,
    WaitingGone,
    Witness,
)
from firmware.orders import AnswerCall, HangUp
from firmware.simulator.families.table import PERSONALITIES
from firmware.simulator.modem.personality import VoicePath
from firmware.simulator.network.scenario import (
    Answer,
    Fault,
    FaultKind,
    IncomingCall,
    IncomingSms,
    KeyPress,
    LineScenario,
    NumberRule,
    Scenario,
)
from tests.support.line_bench import ANSWERS, NUMBER, SPEED, Bench, bench, rule

pytestmark = pytest.mark.pty

K = FaultKind
CALLER = "+33639980007"
OBJECTS = Answer(keys=(KeyPress(key="9", heard=1.0),), patience=60.0)


def calls(
    caller: Answer = OBJECTS, number: str | None = CALLER, rings: float = 20.0
) -> IncomingCall:
    return IncomingCall(at=0.0, number=number, rings_for=rings, caller=caller)


@contextmanager
def answering(
    tmp_path: Path,
    family: str = "sim7600",
    scenario: Scenario | None = None,
    speed: float = SPEED,
) -> Iterator[Bench]:
    voiced = PERSONALITIES[family].voice_path is not VoicePath.NONE
    audio = None if voiced else "module"
    with bench(
        tmp_path, family=family, scenario=scenario, incoming="answer", audio=audio, speed=speed
    ) as b:
        yield b


def take(b: Bench) -> str:
    """Wait for the ring and answer it; returns the call's id."""
    ringing = b.wait(IncomingRinging)
    b.line.order(AnswerCall(line="one", attempt=ringing.attempt, greeting="greeting"))
    return ringing.attempt


@pytest.mark.parametrize("family", PERSONALITIES)
def test_a_caller_is_answered_and_heard(tmp_path: Path, family: str) -> None:
    with answering(tmp_path, family) as b:
        b.simulation.call_line(1, calls())
        assert b.wait(IncomingRinging).number == CALLER
        attempt = take(b)
        answered = b.wait(Answered, attempt=attempt)
        assert not answered.weak
        if family == "a76xx":
            # No source tells of key notices, and its voice never comes to the host.
            b.wait(ClipFinished, attempt=attempt)
        else:
            assert b.wait(KeyHeard, attempt=attempt).key == "9"
        b.line.order(HangUp(line="one", attempt=attempt))
        ended = b.wait(Ended, attempt=attempt)
        assert (ended.cause, ended.confirmed) == (Cause.LOCAL_HANG_UP, True)
        assert b.simulation.live_calls() == []
        assert b.of(LineFault) == []


def test_both_witnesses_listen_to_a_caller(tmp_path: Path) -> None:
    with answering(tmp_path) as b:
        b.simulation.call_line(1, calls())
        attempt = take(b)
        heard = b.wait(KeyHeard)
        other = b.wait(KeyConfirmed)
        assert {heard.witness, other.witness} == {Witness.MODULE, Witness.HOST}
        b.line.order(HangUp(line="one", attempt=attempt))
        b.wait(Ended)


def test_a_caller_may_be_rejected(tmp_path: Path) -> None:
    with answering(tmp_path) as b:
        b.simulation.call_line(1, calls())
        ringing = b.wait(IncomingRinging)
        b.line.order(HangUp(line="one", attempt=ringing.attempt))
        ended = b.wait(Ended, attempt=ringing.attempt)
        assert (ended.cause, ended.confirmed) == (Cause.LOCAL_HANG_UP, True)
        assert b.of(Answered) == []


def test_a_withheld_number_is_told_as_none(tmp_path: Path) -> None:
    with answering(tmp_path) as b:
        b.simulation.call_line(1, calls(number=None))
        ringing = b.wait(IncomingRinging)
        assert ringing.number is None
        b.line.order(HangUp(line="one", attempt=ringing.attempt))
        b.wait(Ended)


@pytest.mark.parametrize("family", ["sim7600", "generic"])
def test_a_caller_who_gives_up_is_no_call(tmp_path: Path, family: str) -> None:
    with answering(tmp_path, family) as b:
        b.simulation.call_line(1, calls(rings=8.0))
        ringing = b.wait(IncomingRinging)
        assert b.wait(Ended, attempt=ringing.attempt).confirmed
        # The order comes too late: there is nobody to answer.
        b.line.order(AnswerCall(line="one", attempt=ringing.attempt, greeting="greeting"))
        b.dial()
        b.wait(Ended, attempt="a1")
        assert b.of(Answered) == []


def test_a_caller_about_whom_nobody_decides_is_rejected(tmp_path: Path) -> None:
    with answering(tmp_path, speed=40.0) as b:
        b.simulation.call_line(1, calls(rings=40.0))
        ended = b.wait(Ended)
        assert (ended.cause, ended.confirmed) == (Cause.LOCAL_HANG_UP, True)


def test_a_caller_who_hangs_up_ends_the_call(tmp_path: Path) -> None:
    with answering(tmp_path) as b:
        b.simulation.call_line(1, calls(Answer(hangs_up_after=1.0)))
        attempt = take(b)
        ended = b.wait(Ended, attempt=attempt)
        assert (ended.cause, ended.confirmed) == (Cause.REMOTE_HANG_UP, True)


@pytest.mark.parametrize("answered", [False, True])
def test_the_stop_ends_an_incoming_call(tmp_path: Path, answered: bool) -> None:
    with answering(tmp_path) as b:
        b.simulation.call_line(1, calls())
        ringing = b.wait(IncomingRinging)
        if answered:
            take(b)
            b.wait(ClipStarted)
        b.line.emergency_hang_up()
        ended = b.wait(Ended, attempt=ringing.attempt)
        assert (ended.cause, ended.confirmed) == (Cause.EMERGENCY, True)
        assert b.simulation.live_calls() == []


def test_an_order_to_answer_from_before_the_stop_is_void(tmp_path: Path) -> None:
    with answering(tmp_path) as b:
        b.simulation.call_line(1, calls())
        attempt = take(b)
        b.line.emergency_hang_up()
        ended = b.wait(Ended, attempt=attempt)
        assert (ended.cause, ended.confirmed) == (Cause.EMERGENCY, True)


def test_nothing_is_dialled_in_an_incoming_call(tmp_path: Path) -> None:
    with answering(tmp_path, scenario=rule(ANSWERS)) as b:
        b.simulation.call_line(1, calls(Answer(patience=60.0)))
        attempt = take(b)
        b.wait(Answered, attempt=attempt)
        b.dial()
        refused = b.wait(Ended, attempt="a1")
        assert (refused.cause, refused.confirmed) == (Cause.FAILED, True)
        b.line.order(HangUp(line="one", attempt=attempt))
        b.wait(Ended, attempt=attempt)
        b.dial("a2")
        b.wait(Answered, attempt="a2")
        b.line.order(HangUp(line="one", attempt="a2"))
        b.wait(Ended, attempt="a2")
        assert '"dialled"' in (tmp_path / "log").read_text(encoding="utf-8")


def test_a_dial_gives_way_to_a_caller_who_rings_already(tmp_path: Path) -> None:
    """The order came before the line's worker had heard the ring."""
    with answering(tmp_path, scenario=rule(ANSWERS)) as b:
        modem = b.simulation.lines[0].modem
        modem.as_sent = lambda lines: []  # type: ignore[method-assign]  # noqa: ARG005
        b.simulation.call_line(1, calls())
        b.dial()
        refused = b.wait(Ended, attempt="a1")
        assert (refused.cause, refused.evidence) == (Cause.FAILED, CALLED)
        del modem.as_sent
        attempt = take(b)
        b.wait(KeyHeard, attempt=attempt)
        b.line.order(HangUp(line="one", attempt=attempt))
        b.wait(Ended, attempt=attempt)


def test_a_box_that_rejects_dials_all_the_same(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=rule(ANSWERS)) as b:
        modem = b.simulation.lines[0].modem
        modem.as_sent = lambda lines: []  # type: ignore[method-assign]  # noqa: ARG005
        b.simulation.call_line(1, calls())
        del modem.as_sent
        b.dial()
        b.wait(Answered, attempt="a1")
        b.line.order(HangUp(line="one", attempt="a1"))
        b.wait(Ended, attempt="a1")


def test_a_box_that_ignores_callers_lets_them_ring(tmp_path: Path) -> None:
    with bench(tmp_path, incoming="ignore") as b:
        b.simulation.call_line(1, calls(rings=2.0))
        time.sleep(0.5)
        assert b.of(IncomingRejected) == []
        assert b.of(IncomingRinging) == []


@pytest.mark.parametrize("fault", [K.USB_LOSS, K.RESET])
def test_a_modem_that_vanishes_in_an_incoming_call(tmp_path: Path, fault: K) -> None:
    with answering(tmp_path) as b:
        b.simulation.call_line(1, calls(Answer(patience=60.0)))
        attempt = take(b)
        b.wait(Answered, attempt=attempt)
        b.simulation.inject(1, Fault(kind=fault, seconds=3.0))
        assert b.wait(Ended, attempt=attempt).cause is Cause.LINE_LOST
        b.wait(LineReady, count=2)
        assert len([event for event in b.of(Ended) if event.attempt == attempt]) == 1


def test_a_line_on_which_nobody_hears_keys_answers_and_calls_nobody(tmp_path: Path) -> None:
    message = IncomingSms(at=0.0, number=CALLER, text="STOP")
    with bench(
        tmp_path,
        family="a76xx",
        audio="module",
        incoming="answer",
        tests_keys=False,
        ready=False,
        scenario=Scenario(lines=(LineScenario(line=1, sms=(message,)),)),
    ) as b:
        fault = b.wait(LineFault)
        assert (fault.fault, fault.final) == ("keys-unheard", True)
        b.dial()
        refused = b.wait(Ended)
        assert (refused.cause, refused.confirmed) == (Cause.FAILED, True)
        b.simulation.call_line(1, calls())
        assert b.wait(IncomingRejected).number == CALLER
        # Objecting by text message works all the same.
        assert b.wait(SmsReceived).text == "STOP"
        assert b.of(LineReady) == []


def test_a_self_test_that_heard_the_keys_puts_such_a_line_into_service(tmp_path: Path) -> None:
    with bench(tmp_path, family="a76xx", audio="module", tests_keys=False, proven=True) as b:
        assert b.wait(LineReady).witnesses == (Witness.MODULE,)


WAITS = Scenario(
    numbers=(NumberRule(number=NUMBER, behaviours=(ANSWERS,)),),
    lines=(LineScenario(line=1, call_waiting=True),),
)


@pytest.mark.parametrize("family", ["sim7600", "generic", "quectel"])
def test_a_caller_who_waits_does_not_end_our_call(tmp_path: Path, family: str) -> None:
    with answering(tmp_path, family, scenario=WAITS) as b:
        b.simulation.lines[0].modem.memory["+CCWA"] = "1"
        b.dial()
        b.wait(Dialled, attempt="a1")
        b.simulation.call_line(1, calls(rings=60.0))
        b.wait(Answered, attempt="a1")
        # The key of our callee: the call goes on beside the one that waits.
        assert b.wait(KeyHeard, attempt="a1").key == "1"
        assert b.of(Ended) == []
        b.line.order(HangUp(line="one", attempt="a1"))
        ended = b.wait(Ended, attempt="a1")
        assert (ended.cause, ended.confirmed) == (Cause.LOCAL_HANG_UP, True)
        # Our own call alone was ended: whoever waited rings now, and is heard.
        ringing = b.wait(IncomingRinging)
        assert ringing.number == CALLER
        b.line.order(AnswerCall(line="one", attempt=ringing.attempt, greeting="greeting"))
        assert b.wait(KeyHeard, attempt=ringing.attempt).key == "9"
        b.line.order(HangUp(line="one", attempt=ringing.attempt))
        b.wait(Ended, attempt=ringing.attempt)
        assert b.simulation.live_calls() == []


@pytest.mark.parametrize("callers", ["answer", "reject"])
def test_a_caller_who_waited_in_vain_is_told_with_the_reason(tmp_path: Path, callers: str) -> None:
    with bench(tmp_path, scenario=WAITS, incoming=callers) as b:
        b.simulation.lines[0].modem.memory["+CCWA"] = "1"
        b.dial()
        b.wait(Answered, attempt="a1")
        b.simulation.call_line(1, calls(rings=0.5))
        b.wait(KeyHeard, attempt="a1")
        time.sleep(0.2)
        b.line.order(HangUp(line="one", attempt="a1"))
        b.wait(Ended, attempt="a1")
        gone = b.wait(WaitingGone)
        assert gone.number == CALLER
        assert ("gone" if callers == "answer" else "reject") in gone.why
        assert b.of(IncomingRinging) == []


def test_the_stop_ends_whoever_waits_too(tmp_path: Path) -> None:
    with answering(tmp_path, scenario=WAITS) as b:
        b.simulation.lines[0].modem.memory["+CCWA"] = "1"
        b.dial()
        b.wait(Answered, attempt="a1")
        b.simulation.call_line(1, calls(rings=60.0))
        b.wait(KeyHeard, attempt="a1")
        b.line.emergency_hang_up()
        b.wait(Ended, attempt="a1")
        assert b.simulation.live_calls() == []


@pytest.mark.parametrize("family", ["sim7600", "quectel", "sim800"])
def test_a_caller_after_an_earlier_stop_hears_the_box(tmp_path: Path, family: str) -> None:
    """The stop muted the voice hours ago; this answer comes before the voice is on."""
    with answering(tmp_path, family) as b:
        b.line.emergency_hang_up()
        time.sleep(0.05)
        while not b.of(IncomingRinging):
            # The stop's own hang-up may hit the first ring.
            b.simulation.call_line(1, calls())
            time.sleep(0.1)
        attempt = take(b)
        assert b.wait(ClipStarted, attempt=attempt).clip == "greeting"
        b.line.order(HangUp(line="one", attempt=attempt))
        b.wait(Ended, attempt=attempt)
