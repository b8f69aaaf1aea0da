"""The machine of one call near its end: tones of the network, lost voices, keys told late."""

from __future__ import annotations

import pytest

from appliance.call.state import AttemptInput, Closing, Greeting, Keys, Withdrawn
from appliance.effects import Send
from appliance.model import Outcome
from firmware import events
from firmware.events import Cause, Machine, Witness
from firmware.orders import Dial
from tests.support.playbook import Playbook


def confirmed(at: float, key: str, witness: Witness) -> events.KeyConfirmed:
    return events.KeyConfirmed(
        line="line-1", at=at, attempt="a1", key=key, witness=witness, sureness=0.9
    )


def test_the_witness_of_two_quick_presses_confirms_the_first() -> None:
    book = Playbook().to_greeting()
    book.key(12, "5")
    book.key(12.25, "5")
    book.take(12.6, confirmed(112.6, "5", Witness.MODULE))
    # A confirmation by whoever told of the press is none.
    book.take(12.7, confirmed(112.7, "5", Witness.HOST))
    book.take(
        14,
        events.KeyUnconfirmed(
            line="line-1",
            at=114.0,
            attempt="a1",
            key="5",
            witness=Witness.HOST,
            missed_by=Witness.MODULE,
        ),
    )
    book.ended(20, Cause.REMOTE_HANG_UP)
    assert book.row("call.ended").data["evidence"]["keys"] == [
        {"key": "5", "witness": "host", "confirmed_by": "module", "confirmed_sureness": 0.9},
        {"key": "5", "witness": "host", "missed_by": "module"},
    ]


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (Cause.LOCAL_HANG_UP, Outcome.NO_ANSWER),
        (Cause.REMOTE_HANG_UP, Outcome.NO_ANSWER),
        (Cause.BUSY, Outcome.BUSY),
        (Cause.LINE_LOST, Outcome.FAILED),
    ],
)
def test_ringback_after_an_answer_is_nobody_and_no_reason_to_leave(
    cause: Cause, outcome: Outcome
) -> None:
    book = Playbook().to_greeting()
    assert book.machine(14, Machine.RINGBACK) == []
    assert isinstance(book.state, Greeting)
    assert book.ended(40, cause) is outcome
    found = book.row("call.ended").data["evidence"]
    assert (found["machine"], found["machine_evidence"]) == ("ringback", "425 Hz")


def test_a_busy_tone_after_an_answer_is_busy() -> None:
    book = Playbook().to_greeting()
    assert book.machine(14, Machine.BUSY_TONE) == ["HangUp"]
    assert book.ended(15, Cause.LOCAL_HANG_UP) is Outcome.BUSY


@pytest.mark.parametrize("cause", [Cause.REMOTE_HANG_UP, Cause.LOCAL_HANG_UP])
@pytest.mark.parametrize(
    ("whole", "tone", "outcome"),
    [
        # Playbook answers at 10.
        (None, 16.0, Outcome.BUSY),
        (None, 16.1, Outcome.DECLINED),
        (15.0, 15.5, Outcome.DECLINED),
        (15.6, 15.5, Outcome.DECLINED),
        (22.0, 25.0, Outcome.DECLINED),
    ],
)
def test_a_busy_tone_is_nobody_only_soon_and_before_the_greeting_was_heard(
    whole: float | None, tone: float, outcome: Outcome, cause: Cause
) -> None:
    book = Playbook().to_greeting()
    told = sorted(t for t in (whole, tone) if t is not None)
    for seconds in told:
        if seconds == tone:
            assert book.machine(seconds, Machine.BUSY_TONE) == ["HangUp"]
        else:
            book.finished(seconds, "greeting")
    assert book.ended(27, cause) is outcome


@pytest.mark.parametrize("cause", [Cause.REMOTE_HANG_UP, Cause.LOCAL_HANG_UP])
@pytest.mark.parametrize(
    ("tone", "prompted", "outcome"),
    [
        (14, False, Outcome.DECLINED),
        (23, False, Outcome.NO_ANSWER),
        (23, True, Outcome.DECLINED),
        (36, True, Outcome.NO_ANSWER),
    ],
)
def test_whoever_may_have_heard_the_question_after_the_ringback_declines(
    tone: int, prompted: bool, outcome: Outcome, cause: Cause
) -> None:
    book = Playbook().to_greeting()
    steps = {tone: lambda: book.machine(tone, Machine.RINGBACK)}
    steps[22] = lambda: book.finished(22, "greeting")
    if prompted:
        steps[30] = lambda: book.time(30)
        steps[35] = lambda: book.finished(35, "prompt")
    for seconds in sorted(steps):
        steps[seconds]()
    assert book.ended(37, cause) is outcome


def test_a_key_after_the_ringback_is_a_person() -> None:
    book = Playbook().to_greeting()
    book.machine(14, Machine.RINGBACK)
    book.key(16, "5")
    assert book.ended(20, Cause.REMOTE_HANG_UP) is Outcome.DECLINED


@pytest.mark.parametrize("tone", [Machine.RINGBACK, Machine.BUSY_TONE])
@pytest.mark.parametrize(
    ("key", "outcome"), [("1", Outcome.PARTIAL), ("9", Outcome.OPTED_OUT), ("5", Outcome.DECLINED)]
)
def test_a_key_wins_over_the_tones_of_the_network(
    tone: Machine, key: str, outcome: Outcome
) -> None:
    book = Playbook().to_greeting()
    book.key(13, key)
    book.machine(14, tone)
    assert book.ended(20, Cause.REMOTE_HANG_UP) is outcome


def test_whoever_talks_after_the_ringback_is_told_with_it() -> None:
    book = Playbook().to_greeting()
    book.machine(12, Machine.RINGBACK)
    book.machine(18, Machine.MONOLOGUE)
    book.machine(19, Machine.MONOLOGUE)
    assert book.ended(30, Cause.REMOTE_HANG_UP) is Outcome.VOICEMAIL
    assert book.row("call.ended").data["evidence"]["machine_evidence"] == "425 Hz; 425 Hz"


@pytest.mark.parametrize("clip", ["greeting", "prompt"])
def test_a_voice_that_breaks_off_is_a_failure(clip: str) -> None:
    book = Playbook().to_greeting()
    if clip == "prompt":
        book.finished(20, "greeting")
        book.time(28)
    assert book.finished(30, clip, complete=False) == ["HangUp"]
    assert book.ended(31, Cause.LOCAL_HANG_UP) is Outcome.FAILED
    found = book.row("call.ended").data["evidence"]
    assert found["audio_failure"] == "the voice broke off 1.2 s into a clip"


def test_the_line_tells_after_the_cut_why_the_voice_broke_off() -> None:
    book = Playbook().to_greeting()
    book.finished(12, "greeting", complete=False)
    assert book.audio_failed(12) == []
    assert book.audio_failed(13) == []
    book.ended(14, Cause.LOCAL_HANG_UP)
    failure = book.row("call.ended").data["evidence"]["audio_failure"]
    assert failure == "the voice broke off 1.2 s into a clip: blocked"


def test_whoever_hangs_up_during_the_greeting_declines() -> None:
    book = Playbook().to_greeting()
    assert book.finished(13, "greeting", complete=False, cut=True) == []
    assert book.ended(13.1, Cause.REMOTE_HANG_UP) is Outcome.DECLINED


def lingering() -> Playbook:
    """The last clip is over on a line that may tell keys 1.2 s late."""
    book = Playbook(linger=1.2).to_greeting()
    book.key(14, "1")
    book.finished(44, "message")
    book.started(44, "farewell")
    assert book.finished(46, "farewell") == []
    return book


def test_a_line_that_tells_keys_late_is_given_time_before_the_hang_up() -> None:
    book = lingering()
    assert isinstance(book.state, Closing)
    assert book.time(47.1) == []
    assert book.time(47.2) == ["HangUp"]
    assert book.ended(48, Cause.LOCAL_HANG_UP) is Outcome.LISTENED


def test_a_nine_told_late_is_confirmed_and_waited_for_no_more() -> None:
    book = lingering()
    told = book.key(46.9, "9")
    assert told == ["consent.revoked", "store revocation", "call.key", "play confirmation"]
    book.started(47, "confirmation")
    assert book.finished(50, "confirmation") == ["HangUp"]
    assert book.ended(51, Cause.LOCAL_HANG_UP) is Outcome.OPTED_OUT


@pytest.mark.parametrize(
    "event",
    [
        events.StopRaised(at=146.1, source="button"),
        Withdrawn(by="sms"),
        events.AudioFailed(line="line-1", at=146.1, attempt="a1", detail="blocked"),
    ],
)
def test_nothing_else_waits_for_late_keys(event: AttemptInput) -> None:
    assert lingering().take(46.1, event) == ["HangUp"]


def test_a_farewell_whose_end_nobody_told_leaves_time_for_late_keys_too() -> None:
    book = Playbook(linger=1.2).to_greeting()
    book.key(14, "1")
    book.finished(44, "message")
    state = book.state
    assert isinstance(state, Closing)
    over = state.deadline - 100.0
    assert book.time(over) == []
    assert book.time(over + 1.1) == []
    assert book.time(over + 1.3) == ["HangUp"]


def test_the_window_ends_while_late_keys_are_waited_for() -> None:
    book = Playbook(window=46.5, linger=1.2).to_greeting()
    book.key(14, "1")
    book.finished(44, "message")
    book.started(44, "farewell")
    assert book.finished(46, "farewell") == []
    assert book.time(46.5) == ["HangUp"]


def test_the_keys_on_offer_go_with_the_dial() -> None:
    book = Playbook(keys=Keys(listen="2", object="8", other="5"))
    (dial,) = [e.order for e in book.out if isinstance(e, Send) and isinstance(e.order, Dial)]
    assert dial.keys == "285"
