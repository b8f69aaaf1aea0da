"""One call as all threads see it: which keys count and until when, and which clips were cut."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from firmware.at.calls import CallRow, call_list
from firmware.call.live_call import LiveCall
from firmware.clips.clip import Clip
from firmware.clock import SystemClock
from firmware.events import (
    Answered,
    ClipFinished,
    ClipStarted,
    Event,
    KeyConfirmed,
    KeyHeard,
    KeyUnconfirmed,
    Witness,
)
from firmware.families import FAMILIES
from firmware.simulator.network.sounds import FRAME_BYTES, key_tone
from firmware.voice.path import AudioCallbacks, SilentPath
from tests.support.line_context import line_context

ALERTS = '+CLCC: 1,0,3,0,0,"+33639980001",145,""'
(ACTIVE,) = call_list((ALERTS.replace("0,3,0", "0,0,0"),)).rows
CLAIM = "VOICE CALL: BEGIN"
NINE = "+RXDTMF: 9"
END = ("VOICE CALL: END: 000002", "NO CARRIER")


class Told(LiveCall):
    """A call that rings, and what it told."""

    events: list[Event]


def ringing(*witnesses: Witness, keys: str = "19") -> Told:
    told: list[Event] = []
    quiet = AudioCallbacks(
        on_started=lambda *_: None,
        on_finished=lambda *_: None,
        on_downlink=lambda *_: None,
        on_failed=lambda *_: None,
    )
    call = Told(
        line=line_context(post=told.append),
        attempt="a1",
        greeting="greeting",
        keys=keys,
        family=FAMILIES["sim7600"],
        path=SilentPath(clock=SystemClock(), callbacks=quiet),
        clips={name: Clip(name=name, pcm=bytes(320)) for name in ("greeting", "message")},
        witnesses=witnesses or (Witness.MODULE,),
        began=0.0,
    )
    call.events = told
    call.dial_final("OK", 0.1)
    call.urc(ALERTS, 1.0)
    return call


def answered(*witnesses: Witness, keys: str = "19") -> Told:
    call = ringing(*witnesses, keys=keys)
    call.urc(CLAIM, 5.0)
    call.rows((ACTIVE,), 5.05)
    call.events.clear()
    return call


def hear(call: LiveCall, key: str, at: float) -> None:
    tone = bytes(1600) + key_tone(key, 120) + bytes(1600)
    for start in range(0, len(tone), FRAME_BYTES):
        call.downlink(tone[start : start + FRAME_BYTES], at)


def keys(call: Told) -> list[tuple[str, Witness]]:
    return [(e.key, e.witness) for e in call.events if isinstance(e, KeyHeard)]


@pytest.mark.parametrize("emergency", [False, True])
def test_a_key_counts_until_the_end_is_told(emergency: bool) -> None:
    call = answered(Witness.MODULE, Witness.HOST)
    call.hang_up_ordered(9.0, emergency=emergency)
    call.urc("+RXDTMF: 5", 9.3)
    hear(call, "9", 9.6)
    assert keys(call) == [("5", Witness.MODULE), ("9", Witness.HOST)]
    call.close()
    call.urc(NINE, 9.9)
    hear(call, "1", 9.9)
    assert len(keys(call)) == 2


def test_a_key_counts_although_an_end_was_claimed_falsely() -> None:
    call = answered()
    for text in END:
        call.urc(text, 7.0)
    call.rows((), 7.1)
    assert call.is_over()
    call.urc(NINE, 7.3)
    assert keys(call) == [("9", Witness.MODULE)]


def kinds(events: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


@pytest.mark.parametrize("late", [False, True])
def test_a_key_proves_an_answer_that_no_list_agreed_with(late: bool) -> None:
    """*late* tells of a key that comes once the call is over."""
    call = ringing()
    call.urc(CLAIM, 5.0)
    call.clip_started("greeting", 5.02)
    if not late:
        call.urc(NINE, 6.2)
    for text in END:
        call.urc(text, 7.0)
    call.rows((), 7.1)
    if late:
        assert not keys(call)
        call.urc(NINE, 7.2)
    assert kinds(call.events) == ["Dialled", "Ringing", "Answered", "ClipStarted", "KeyHeard"]
    (answer,) = [event for event in call.events if isinstance(event, Answered)]
    assert (answer.at, answer.weak) == (5.0, False)
    assert answer.evidence == "VOICE CALL: BEGIN, key 9"


def test_an_unproven_answer_without_a_key_stays_untold() -> None:
    call = ringing()
    call.urc(CLAIM, 5.0)
    call.clip_started("greeting", 5.02)
    for text in END:
        call.urc(text, 7.0)
    call.rows((), 7.1)
    assert kinds(call.events) == ["Dialled", "Ringing"]


def test_a_denied_answer_leaves_no_key() -> None:
    call = ringing()
    call.urc(CLAIM, 5.0)
    call.urc(NINE, 5.01)
    alerting: tuple[CallRow, ...] = call_list((ALERTS,)).rows
    call.rows(alerting, 5.05)
    call.urc(NINE, 5.5)
    call.hang_up_ordered(6.0)
    assert kinds(call.events) == ["Dialled", "Ringing"]


def test_the_host_reports_only_the_keys_on_offer_and_the_module_all() -> None:
    call = answered(Witness.MODULE, Witness.HOST, keys="28")
    for at, key in ((6.0, "2"), (7.0, "5"), (8.0, "8")):
        hear(call, key, at)
    assert keys(call) == [("2", Witness.HOST), ("8", Witness.HOST)]
    call.urc("+RXDTMF: 5", 9.0)
    call.urc("+RXDTMF: 8", 9.1)
    assert ("5", Witness.MODULE) in keys(call)
    assert [e.key for e in call.events if isinstance(e, KeyConfirmed)] == ["8"]
    call.judge_keys(20.0)
    missed = [(e.key, e.missed_by) for e in call.events if isinstance(e, KeyUnconfirmed)]
    # The host was no witness of the 5.
    assert missed == [("2", Witness.MODULE)]


def test_without_keys_on_offer_all_are_reported() -> None:
    call = answered(Witness.HOST, keys="")
    for at, key in ((6.0, "5"), (7.0, "#")):
        hear(call, key, at)
    assert [key for key, _ in keys(call)] == ["5", "#"]


@pytest.mark.parametrize("why", ["played", "again", "silence", "hang-up", "end", "stop", "fault"])
def test_a_clip_that_nobody_cut_is_told_apart(why: str) -> None:
    call = answered()
    call.clip_started("greeting", 5.1)
    match why:
        case "played":
            call.play("message")
        case "again":
            call.play("greeting")
        case "silence":
            call.silence()
        case "hang-up":
            call.hang_up_ordered(6.0)
        case "end":
            call.link_lost("gone", 6.0)
        case _:
            pass
    call.clip_finished("greeting", 900, False, 6.0, stopped=why == "stop")
    call.rows((ACTIVE,), 7.0)
    (finished,) = [event for event in call.events if isinstance(event, ClipFinished)]
    assert not finished.complete
    assert finished.cut is (why != "fault")


def test_a_clip_played_to_its_end_was_not_cut() -> None:
    call = answered()
    call.clip_started("greeting", 5.1)
    call.play("message")
    call.clip_finished("greeting", 2000, True, 7.1)
    call.clip_started("message", 7.1)
    call.clip_finished("message", 100, False, 7.3)
    call.rows((ACTIVE,), 8.3)
    told = [(e.clip, e.complete, e.cut) for e in call.events if isinstance(e, ClipFinished)]
    assert told == [("greeting", True, False), ("message", False, False)]
    assert [e.clip for e in call.events if isinstance(e, ClipStarted)] == ["greeting", "message"]


def breaks_off() -> Told:
    """A module said that its file has stopped, and nobody had ordered it to."""
    call = answered()
    call.clip_started("greeting", 5.1)
    call.clip_finished("greeting", 2400, False, 7.5)
    assert kinds(call.events) == ["ClipStarted"]
    return call


def breaks(call: Told) -> list[tuple[float, bool]]:
    return [(e.at, e.cut) for e in call.events if isinstance(e, ClipFinished)]


@pytest.mark.parametrize("listed", [False, True])
def test_a_clip_that_ends_just_before_the_call_was_cut_by_its_end(listed: bool) -> None:
    """*listed* where the modem's list shows the call for a while after its end was told."""
    call = breaks_off()
    for text in END:
        call.urc(text, 8.4)
    if listed:
        call.rows((ACTIVE,), 8.6)
        assert not breaks(call)
    call.rows((), 8.7)
    assert call.is_over()
    assert breaks(call) == [(7.5, True)]


def test_a_clip_that_ends_in_a_call_that_goes_on_broke_off() -> None:
    call = breaks_off()
    call.rows((ACTIVE,), 8.4)
    assert not breaks(call)
    call.rows((ACTIVE,), 8.5)
    call.hang_up_ordered(8.6)
    call.close()
    assert breaks(call) == [(7.5, False)]


@pytest.mark.parametrize("what", ["reason", "next clip", "defect"])
def test_a_break_is_told_before_what_follows_it(what: str) -> None:
    call = breaks_off()
    match what:
        case "reason":
            call.audio_failed("blocked", 7.6)
        case "next clip":
            call.clip_started("message", 7.6)
        case _:
            call.close()
    follows = {"reason": ["AudioFailed"], "next clip": ["ClipStarted"]}.get(what, [])
    assert kinds(call.events) == ["ClipStarted", "ClipFinished", *follows]
    assert breaks(call) == [(7.5, False)]


def test_a_break_in_a_greeting_to_nobody_is_not_told() -> None:
    call = ringing()
    call.urc(CLAIM, 5.0)
    call.clip_started("greeting", 5.02)
    call.clip_finished("greeting", 100, False, 5.1)
    call.rows(call_list((ALERTS,)).rows, 5.2)
    call.urc(CLAIM, 9.0)
    call.rows((ACTIVE,), 9.05)
    assert not breaks(call)


@pytest.mark.parametrize("state", ["claimed", "answered", "over"])
def test_a_key_is_told_at_once_where_its_event_has_to_wait(state: str) -> None:
    """The objection is noted on the thread that hears it, before the call list was asked."""
    call = ringing()
    noted: list[str] = []
    call._line.key_heard = lambda event: noted.append(event.key)
    call.urc(CLAIM, 5.0)
    if state != "claimed":
        call.rows((ACTIVE,), 5.05)
    if state == "over":
        call.hang_up_ordered(6.0)
    call.urc(NINE, 6.3)
    assert noted == ["9"]
    assert bool(keys(call)) is (state != "claimed")


def test_the_line_begins_the_greeting_twice_at_most() -> None:
    """A claim that was denied has begun it once: the next waits for the call list."""
    call = ringing()
    begun: list[str] = []
    call._path.play = lambda clip: begun.append(clip.name)  # type: ignore[method-assign]
    (alerts,) = call_list((ALERTS,)).rows
    for at in (5.0, 6.0, 7.0, 8.0):
        call.urc(CLAIM, at)
        call.rows((alerts,), at + 0.1)
    assert begun == ["greeting"]
    call.urc(CLAIM, 9.0)
    call.rows((ACTIVE,), 9.1)
    assert begun == ["greeting", "greeting"]
    (answer,) = (event for event in call.events if isinstance(event, Answered))
    assert answer.greetings == 2
