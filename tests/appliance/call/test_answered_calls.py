"""Who has answered rests: no words of a call's end make somebody busy who was greeted."""

from __future__ import annotations

import pytest

from appliance.call.state import ShutDown
from appliance.model import Outcome
from firmware.events import Cause, Machine
from tests.support.playbook import Playbook

WORDS = [Cause.BUSY, Cause.NO_ANSWER, Cause.REJECTED, Cause.UNREACHABLE, Cause.REMOTE_HANG_UP]


@pytest.mark.parametrize("cause", WORDS)
@pytest.mark.parametrize("code", [None, 17, 19, 21])
@pytest.mark.parametrize("seconds", [0.5, 4.0, 25.0])
def test_an_answered_call_is_declined_whatever_its_last_words(
    cause: Cause, code: int | None, seconds: float
) -> None:
    book = Playbook().to_greeting()
    if seconds > 12:
        book.finished(22, "greeting")
    assert book.ended(10 + seconds, cause, code=code) is Outcome.DECLINED


@pytest.mark.parametrize("cause", WORDS)
def test_whoever_chose_and_left_has_heard_a_part(cause: Cause) -> None:
    book = Playbook().to_greeting()
    book.key(12, "1")
    book.started(12, "message")
    assert book.ended(20, cause) is Outcome.PARTIAL


@pytest.mark.parametrize(
    ("cause", "seconds", "talked", "outcome"),
    [
        # What counts is how long it stood, not the word at its end.
        (Cause.BUSY, 1.0, False, Outcome.DECLINED),
        (Cause.NO_ANSWER, 5.0, False, Outcome.DECLINED),
        (Cause.REJECTED, 12.0, False, Outcome.DECLINED),
        (Cause.UNREACHABLE, 30.0, False, Outcome.DECLINED),
        # A network that reports its ringback as an answer, and the reason at once.
        (Cause.BUSY, 0.9, False, Outcome.BUSY),
        (Cause.REJECTED, 0.5, False, Outcome.REJECTED),
        (Cause.BUSY, 0.5, True, Outcome.DECLINED),
        # No reason at all, or cause 16: in doubt they have declined.
        (Cause.REMOTE_HANG_UP, 0.2, False, Outcome.DECLINED),
        (Cause.REMOTE_HANG_UP, 20.0, False, Outcome.DECLINED),
        (Cause.LINE_LOST, 5.0, False, Outcome.FAILED),
        (Cause.EMERGENCY, 5.0, False, Outcome.STOPPED),
    ],
)
def test_an_answer_without_visible_ringing(
    cause: Cause, seconds: float, talked: bool, outcome: Outcome
) -> None:
    book = Playbook()
    book.dialled(1)
    book.answered(3, weak=True)
    book.started(3.1, "greeting")
    assert book.ended(3 + seconds, cause, talked=talked) is outcome
    assert book.told.count("call.answered") == (outcome is Outcome.DECLINED)


def test_talk_that_only_the_module_has_seen_is_an_answer() -> None:
    book = Playbook()
    book.dialled(1)
    book.ringing(3)
    assert book.ended(12, Cause.REMOTE_HANG_UP, talked=True) is Outcome.DECLINED
    evidence = book.row("call.ended").data["evidence"]
    assert evidence["answer"] == "the modem counted seconds of talk"


def test_tones_that_show_nobody_leave_the_word_to_the_network() -> None:
    book = Playbook().to_greeting()
    book.machine(14, Machine.RINGBACK)
    assert book.ended(15, Cause.BUSY) is Outcome.BUSY


def test_the_greeting_is_played_twice_at_most_whatever_comes() -> None:
    book = Playbook()
    book.answered(3, weak=True)
    book.started(3.2, "greeting")
    book.machine(4, Machine.RINGBACK)
    seconds = 13.2
    while book.told[-1] != "HangUp":
        book.started(seconds, "greeting")
        book.finished(seconds, "greeting")
        seconds += 8
        book.time(seconds)
    assert book.told.count("play greeting") == 1


def test_a_late_answer_restarts_the_greeting_once_only() -> None:
    book = Playbook()
    book.answered(3, weak=True)
    book.started(3.2, "greeting")
    assert book.answered(9) == ["call.answered", "play greeting"]
    assert book.answered(15) == []


@pytest.mark.parametrize("reached", ["dialling", "greeting", "waiting", "message"])
def test_the_end_of_the_program_is_nobodys_refusal(reached: str) -> None:
    book = Playbook()
    book.dialled(1)
    if reached != "dialling":
        book = Playbook().to_greeting()
    if reached == "waiting":
        book.finished(22, "greeting")
    if reached == "message":
        book.key(12, "1")
    assert book.take(24, ShutDown()) == ["HangUp"]
    assert book.take(24, ShutDown()) == []
    assert book.ended(25, Cause.LOCAL_HANG_UP) is Outcome.STOPPED
    assert book.row("call.ended").data["evidence"]["stop"] == "shutdown"


@pytest.mark.parametrize("end", [True, False])
def test_a_nine_as_the_program_ends_is_an_objection(end: bool) -> None:
    book = Playbook().to_greeting()
    if end:
        book.take(12, ShutDown())
    book.key(12.1, "9")
    if not end:
        book.take(12, ShutDown())
    assert book.ended(13, Cause.LOCAL_HANG_UP) is Outcome.OPTED_OUT


def test_a_message_heard_whole_was_heard_although_the_program_ends() -> None:
    book = Playbook().to_greeting()
    book.key(12, "1")
    book.finished(42, "message")
    book.take(43, ShutDown())
    assert book.ended(44, Cause.LOCAL_HANG_UP) is Outcome.LISTENED
