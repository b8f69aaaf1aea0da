"""The machine of one call, as scripts: what comes in, what goes out, what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.call import attempt
from appliance.call.keys import MAX_PRESS_ROWS
from appliance.call.state import (
    AttemptInput,
    Call,
    Closing,
    Concluded,
    Dialling,
    Greeting,
    HangingUp,
    Keys,
    Live,
    Reminding,
    Ringing,
    ShutDown,
    Step,
    Telling,
    TimeReached,
    Waiting,
    Withdrawn,
)
from appliance.effects import Now, Record, Send, StoreRevocation
from appliance.model import Clearance, Interval, Outcome, Timers
from firmware import events
from firmware.events import Cause, Machine, Witness
from firmware.orders import Dial, HangUp, Play
from tests.support.playbook import SCRIPT, T0, Playbook, at


def test_begins_with_the_clearance_on_disk_and_then_the_dial() -> None:
    book = Playbook()
    assert book.told == ["call.authorised", "Dial"]
    row = book.row("call.authorised")
    assert row.subject == "s" * 32
    assert row.data["window_end"] == "2026-11-24T19:00:00+00:00"
    assert {"attempt", "line", "consent", "window_start", "profile", "clock", "bench"} <= set(
        row.data
    )
    dial = book.out[1]
    assert dial == Send(
        order=Dial(
            line="line-1",
            attempt="a1",
            number="+33639980001",
            greeting="greeting",
            keys="19",
            dial_by=book.state.call.dial_by,
        )
    )


def test_no_row_holds_the_number_or_a_clip() -> None:
    book = Playbook().to_greeting()
    book.key(12, "1")
    book.finished(45, "message")
    book.key(46, "9")
    book.ended(50, Cause.LOCAL_HANG_UP)
    written = repr(book.rows)
    assert "+33" not in written
    assert "greeting" not in written


def test_listens_to_the_end() -> None:
    book = Playbook().to_greeting()
    assert book.key(14, "1") == ["call.key", "play message"]
    book.started(14, "message")
    assert book.finished(44, "message") == ["play farewell"]
    assert book.finished(46, "farewell") == ["HangUp"]
    assert book.ended(47, Cause.LOCAL_HANG_UP) is Outcome.LISTENED
    ended = book.row("call.ended").data
    assert (ended["ring_seconds"], ended["talk_seconds"]) == (7.0, 37.0)
    assert ended["cause"] == "local_hang_up"
    assert ended["evidence"]["keys"] == [{"key": "1", "witness": "host"}]
    assert book.row("call.key").data["offset_ms"] == 4000


def test_hangs_up_during_the_message() -> None:
    book = Playbook().to_greeting()
    book.key(14, "1")
    assert book.ended(20, Cause.REMOTE_HANG_UP) is Outcome.PARTIAL


def test_silence_gets_one_reminder_and_a_farewell() -> None:
    book = Playbook(Timers(prompt_repeats=1)).to_greeting()
    assert book.finished(20, "greeting") == []
    assert book.time(27.9) == []
    assert book.time(28) == ["play prompt"]
    book.started(28, "prompt")
    book.finished(33, "prompt")
    assert book.time(41) == ["play farewell"]
    assert book.time(60) == ["HangUp"]
    assert book.ended(61, Cause.LOCAL_HANG_UP) is Outcome.DECLINED


def test_an_incomplete_greeting_is_repeated_instead_of_the_prompt() -> None:
    """Cut by a silence of the line's own, while it doubted the answer."""
    book = Playbook().to_greeting()
    assert book.finished(12, "greeting", complete=False, cut=True) == []
    book.time(25)
    assert book.time(40) == ["play greeting"]


@pytest.mark.parametrize("seconds", [10.0, 19.0, 25.0, 30.0, 34.0])
def test_nine_is_written_before_it_is_confirmed(seconds: float) -> None:
    """During greeting, waiting, reminder: at any moment."""
    book = Playbook().to_greeting()
    book.finished(20, "greeting")
    book.time(28)
    assert book.key(seconds, "9") == [
        "consent.revoked",
        "store revocation",
        "call.key",
        "play confirmation",
    ]
    assert book.row("consent.revoked").data == {
        "by": "key",
        "number_hash": "hash",
        "attempt": "a1",
    }
    assert book.finished(seconds + 3, "confirmation") == ["HangUp"]
    assert book.ended(seconds + 4, Cause.LOCAL_HANG_UP) is Outcome.OPTED_OUT


def test_nine_during_the_message_wins_over_having_listened() -> None:
    book = Playbook().to_greeting()
    book.key(12, "1")
    book.finished(42, "message")
    book.key(43, "9")
    assert book.ended(44, Cause.REMOTE_HANG_UP) is Outcome.OPTED_OUT


def test_nine_while_hanging_up_is_recorded_without_confirmation() -> None:
    book = Playbook().to_greeting()
    book.machine(12, Machine.BEEP)
    assert book.key(12.1, "9") == ["consent.revoked", "store revocation", "call.key"]
    assert book.ended(13, Cause.LOCAL_HANG_UP) is Outcome.OPTED_OUT


def test_nine_before_any_answer_was_told_counts() -> None:
    book = Playbook()
    book.dialled(1)
    assert book.key(5, "9")[0] == "consent.revoked"
    assert book.ended(9, Cause.REMOTE_HANG_UP) is Outcome.OPTED_OUT


def test_a_second_nine_changes_nothing() -> None:
    book = Playbook().to_greeting()
    book.key(12, "9")
    assert book.key(13, "9") == ["call.key"]


def test_a_lost_clock_cannot_date_the_no_before_the_clearance() -> None:
    book = Playbook().to_greeting()
    lost = Now(monotonic=112.0, utc=datetime(2000, 1, 1, tzinfo=UTC), trusted=False, source="none")
    nine = events.KeyHeard(
        line="line-1", at=112.0, attempt="a1", key="9", witness=Witness.MODULE, sureness=1.0
    )
    effects = attempt.step(book.state, nine, lost).effects
    (stored,) = [effect for effect in effects if isinstance(effect, StoreRevocation)]
    assert stored.revocation.at == T0


def test_key_one_before_the_greeting_is_ignored() -> None:
    book = Playbook()
    book.dialled(1)
    book.answered(5)
    assert book.key(5.5, "1") == ["call.key"]
    assert book.row("call.key").data["counted"] is False
    book.started(6, "greeting")
    assert book.key(6, "1") == ["call.key", "play message"]


@pytest.mark.parametrize("key", ["0", "2", "8", "*", "#"])
def test_other_keys_are_written_and_ignored(key: str) -> None:
    book = Playbook().to_greeting()
    assert book.key(12, key) == ["call.key"]
    assert isinstance(book.state, Greeting)


def test_one_again_during_the_message_is_ignored() -> None:
    book = Playbook().to_greeting()
    book.key(12, "1")
    assert book.key(15, "1") == ["call.key"]
    assert isinstance(book.state, Telling)


def test_a_wild_detector_does_not_fill_the_disk() -> None:
    book = Playbook().to_greeting()
    for _ in range(500):
        book.key(12, "4")
    assert book.told.count("call.key") == MAX_PRESS_ROWS
    assert book.key(13, "1") == ["call.key", "play message"]
    assert book.key(14, "9")[:3] == ["consent.revoked", "store revocation", "call.key"]


def test_the_second_witness_is_named_in_the_evidence() -> None:
    book = Playbook().to_greeting()
    book.key(12, "9")
    book.take(
        12.3,
        events.KeyConfirmed(
            line="line-1", at=112.3, attempt="a1", key="9", witness=Witness.MODULE, sureness=1.0
        ),
    )
    book.ended(20, Cause.LOCAL_HANG_UP)
    assert book.row("call.ended").data["evidence"]["keys"] == [
        {"key": "9", "witness": "host", "confirmed_by": "module", "confirmed_sureness": 1.0}
    ]


def test_a_press_that_only_one_witness_heard_counts_and_is_named_in_the_evidence() -> None:
    book = Playbook().to_greeting()
    assert book.key(12, "1") == ["call.key", "play message"]
    missed = events.KeyUnconfirmed(
        line="line-1",
        at=113.3,
        attempt="a1",
        key="1",
        witness=Witness.HOST,
        missed_by=Witness.MODULE,
    )
    assert book.take(13.3, missed) == []
    book.ended(20, Cause.REMOTE_HANG_UP)
    assert book.row("call.ended").data["evidence"]["keys"] == [
        {"key": "1", "witness": "host", "missed_by": "module"}
    ]


@pytest.mark.parametrize(
    ("machine", "outcome"),
    [
        (Machine.BEEP, Outcome.VOICEMAIL),
        (Machine.FAX, Outcome.VOICEMAIL),
        (Machine.SIT, Outcome.UNREACHABLE),
    ],
)
def test_a_machine_is_hung_up_on(machine: Machine, outcome: Outcome) -> None:
    book = Playbook().to_greeting()
    assert book.machine(15, machine) == ["HangUp"]
    assert book.ended(16, Cause.LOCAL_HANG_UP) is outcome


def test_a_tone_during_the_message_does_not_cut_a_proven_person_off() -> None:
    book = Playbook().to_greeting()
    book.key(12, "1")
    assert book.machine(15, Machine.BEEP) == []
    assert isinstance(book.state, Telling)


def test_a_monologue_shortens_the_wait_and_ends_as_voicemail() -> None:
    book = Playbook().to_greeting()
    book.machine(15, Machine.MONOLOGUE)
    book.finished(20, "greeting")
    assert book.time(22) == ["play farewell"]
    assert book.ended(23, Cause.REMOTE_HANG_UP) is Outcome.VOICEMAIL


@pytest.mark.parametrize(("heard", "until"), [(21, 23), (24, 26), (27, 28)])
def test_a_monologue_while_a_key_is_waited_for_leaves_two_seconds(
    heard: float, until: float
) -> None:
    """From its own moment on, and never longer than without it."""
    book = Playbook().to_greeting()
    book.finished(20, "greeting")
    assert isinstance(book.state, Waiting)
    assert book.state.deadline == at(28).monotonic
    book.machine(heard, Machine.MONOLOGUE)
    assert isinstance(book.state, Waiting)
    assert book.state.deadline == at(until).monotonic


def test_a_dead_voice_path_is_a_failure() -> None:
    book = Playbook().to_greeting()
    assert book.audio_failed(12) == ["HangUp"]
    assert book.ended(13, Cause.LOCAL_HANG_UP) is Outcome.FAILED


def test_a_greeting_that_never_starts_is_a_failure() -> None:
    book = Playbook()
    book.answered(5)
    assert book.time(10) == ["HangUp"]
    assert book.ended(11, Cause.LOCAL_HANG_UP) is Outcome.FAILED


def test_audio_lost_in_the_farewell_takes_nothing_back() -> None:
    book = Playbook().to_greeting()
    book.key(12, "1")
    book.finished(42, "message")
    book.audio_failed(43)
    assert book.ended(44, Cause.LOCAL_HANG_UP) is Outcome.LISTENED


def test_a_phone_that_rings_too_long_is_given_up() -> None:
    book = Playbook(Timers(ring=timedelta(seconds=30)))
    book.dialled(1)
    book.ringing(4)
    assert book.time(33.9) == []
    assert book.time(34) == ["HangUp"]
    assert book.ended(35, Cause.LOCAL_HANG_UP) is Outcome.NO_ANSWER
    assert book.row("call.ended").data["evidence"]["hung_up_because"] == "ring_timeout"


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (Cause.BUSY, Outcome.BUSY),
        (Cause.NO_ANSWER, Outcome.NO_ANSWER),
        (Cause.REJECTED, Outcome.REJECTED),
        (Cause.UNREACHABLE, Outcome.UNREACHABLE),
        (Cause.FAILED, Outcome.FAILED),
        (Cause.LINE_LOST, Outcome.FAILED),
        (Cause.EMERGENCY, Outcome.STOPPED),
        (Cause.LOCAL_HANG_UP, Outcome.FAILED),
        (Cause.REMOTE_HANG_UP, Outcome.REJECTED),
    ],
)
def test_ends_before_an_answer(cause: Cause, outcome: Outcome) -> None:
    book = Playbook()
    book.dialled(1)
    book.ringing(3)
    assert book.ended(9, cause) is outcome


def test_a_network_that_gives_up_ringing_with_a_normal_release_is_no_answer() -> None:
    book = Playbook()
    book.ringing(3)
    assert book.ended(33, Cause.REMOTE_HANG_UP) is Outcome.NO_ANSWER


def test_a_release_without_ringing_is_unreachable() -> None:
    book = Playbook()
    book.dialled(1)
    assert book.ended(3, Cause.REMOTE_HANG_UP) is Outcome.UNREACHABLE


def test_a_dial_that_never_began_is_a_failure() -> None:
    book = Playbook()
    assert book.time(59) == []
    assert book.time(60) == ["HangUp"]
    assert book.ended(61, Cause.LOCAL_HANG_UP) is Outcome.FAILED
    assert book.row("call.ended").data["evidence"]["hung_up_because"] == "clearance_expired"


def test_a_dial_after_the_clearance_expired_is_called_off() -> None:
    book = Playbook(Timers(ring=timedelta(seconds=200)))
    assert book.dialled(61) == ["HangUp"]


def test_a_call_never_outlasts_its_window() -> None:
    book = Playbook(window=30).to_greeting()
    book.key(12, "1")
    assert book.time(29.9) == []
    assert book.time(30) == ["HangUp"]
    assert book.ended(31, Cause.LOCAL_HANG_UP) is Outcome.PARTIAL


def test_a_step_of_the_wall_clock_moves_no_deadline() -> None:
    book = Playbook(window=600).to_greeting()
    stepped = replace(at(12), utc=T0 + timedelta(days=1))
    assert attempt.step(book.state, TimeReached(), stepped) == Step(book.state)


@pytest.mark.parametrize("seconds", [2.0, 5.0, 12.0])
def test_stop_hangs_up_and_ends_as_stopped(seconds: float) -> None:
    book = Playbook()
    book.dialled(1)
    if seconds > 10:
        book.to_greeting()
    assert book.take(seconds, events.StopRaised(at=100 + seconds, source="button")) == ["HangUp"]
    assert book.ended(seconds + 1, Cause.EMERGENCY) is Outcome.STOPPED


def test_a_withdrawal_by_other_means_hangs_up() -> None:
    book = Playbook().to_greeting()
    assert book.take(12, Withdrawn(by="sms")) == ["HangUp"]
    assert book.ended(13, Cause.LOCAL_HANG_UP) is Outcome.DECLINED
    assert book.row("call.ended").data["evidence"]["withdrawn"] == "sms"


def test_an_end_that_is_never_confirmed_is_still_one_end() -> None:
    book = Playbook().to_greeting()
    book.key(12, "1")
    book.finished(42, "message")
    book.time(60)
    assert isinstance(book.state, HangingUp)
    assert book.time(80) == ["call.ended"]
    assert book.outcome is Outcome.LISTENED
    ended = book.row("call.ended").data
    assert ended["cause"] is None
    assert ended["evidence"]["confirmed"] is False
    late = events.Ended(
        line="line-1",
        at=190.0,
        attempt="a1",
        cause=Cause.LOCAL_HANG_UP,
        evidence="",
        code=None,
        confirmed=True,
    )
    assert book.take(90, late) == []


def test_a_message_whose_end_was_not_reported_is_partial() -> None:
    book = Playbook().to_greeting()
    book.key(12, "1")
    book.started(12, "message")
    assert book.time(46) == ["HangUp"]
    assert book.ended(47, Cause.LOCAL_HANG_UP) is Outcome.PARTIAL


def test_a_weak_answer_is_nobody_until_a_key_proves_it() -> None:
    book = Playbook()
    book.dialled(1)
    assert book.answered(3, weak=True) == []
    book.started(3.2, "greeting")
    assert book.key(9, "1") == ["call.answered", "call.key", "play message"]
    assert book.row("call.answered").data["evidence"] == "key 1"


def test_a_weak_answer_over_which_the_greeting_was_played_whole_is_one() -> None:
    book = Playbook(Timers(ring=timedelta(seconds=20), set_up=timedelta(seconds=10)))
    book.dialled(1)
    book.answered(3, weak=True)
    book.started(3.2, "greeting")
    assert book.finished(13.2, "greeting") == ["call.answered"]
    assert book.row("call.answered").data["evidence"] == "CLCC 0, the greeting was played whole"
    assert book.time(21.2) == ["play prompt"]
    book.finished(26.2, "prompt")
    assert book.time(34.2) == ["play farewell"]
    book.finished(36.2, "farewell")
    assert book.ended(40, Cause.LOCAL_HANG_UP) is Outcome.DECLINED
    assert book.told.count("call.answered") == 1


def test_a_ringback_that_the_box_hears_is_nobody_yet_and_greeted_twice_at_most() -> None:
    book = Playbook(Timers(ring=timedelta(seconds=60), set_up=timedelta(seconds=10)))
    book.dialled(1)
    book.answered(3, weak=True)
    book.started(3.2, "greeting")
    book.machine(5, Machine.RINGBACK)
    assert book.finished(13.2, "greeting") == []
    assert book.time(21.2) == ["play greeting"]
    assert book.finished(31.2, "greeting") == []
    assert book.time(39.2) == ["HangUp"]
    assert book.ended(40, Cause.LOCAL_HANG_UP) is Outcome.DECLINED


def test_whoever_picks_up_late_hears_the_greeting_from_its_start() -> None:
    book = Playbook()
    book.answered(3, weak=True)
    book.started(3.2, "greeting")
    assert book.answered(9) == ["call.answered", "play greeting"]
    assert book.finished(9, "greeting", complete=False, cut=True) == []
    assert isinstance(book.state, Greeting)


def test_a_polled_confirmation_does_not_restart_the_greeting() -> None:
    book = Playbook()
    book.answered(3, weak=True)
    book.started(3.2, "greeting")
    assert book.answered(4) == ["call.answered"]


def test_every_clip_must_have_a_length() -> None:
    book = Playbook()
    assert isinstance(book.state, Dialling)
    clearance = Clearance(
        subject="s",
        number="+33639980001",
        language="fr",
        consent="c",
        window=Interval(T0, T0 + timedelta(hours=1)),
        profile="fr/1",
        rules=(),
        clock="ntp",
        granted_at=T0,
        expires_at=T0 + timedelta(minutes=1),
        bench=False,
    )
    with pytest.raises(ValueError, match="farewell"):
        attempt.begin(
            clearance,
            script=replace(SCRIPT, durations={c: 1.0 for c in SCRIPT.durations if c != "farewell"}),
            timers=Timers(),
            keys=Keys(),
            line="line-1",
            attempt="a1",
            number_hash="hash",
            now=at(0),
            linger=0.0,
        )


# --- the whole product of states and events --------------------------------------------------


def live_states() -> dict[str, Live | Concluded]:
    """One of each state, reached the usual way where that matters for its facts."""
    greeting = Playbook().to_greeting().state
    assert isinstance(greeting, Greeting)
    call: Call = greeting.call
    facts = greeting.facts
    told = replace(facts, chosen_at=112.0)
    return {
        "Dialling": Dialling(call, replace(facts, answered_at=None, greeting_at=None), 160.0),
        "Ringing": Ringing(call, replace(facts, answered_at=None, greeting_at=None), 160.0),
        "Greeting": greeting,
        "Waiting": Waiting(call, facts, 130.0),
        "Reminding": Reminding(call, facts, 130.0),
        "Telling": Telling(call, told, 160.0),
        "Closing": Closing(call, facts, 160.0, "farewell", "no_key"),
        "HangingUp": HangingUp(call, facts, 160.0),
        "Concluded": Concluded(call, facts, Outcome.DECLINED, confirmed=True),
    }


def all_inputs() -> Iterator[AttemptInput]:
    now, line, name = 115.0, "line-1", "a1"
    yield events.Dialled(line=line, at=now, attempt=name)
    yield events.Ringing(line=line, at=now, attempt=name, evidence="x")
    for weak in (False, True):
        yield events.Answered(line=line, at=now, attempt=name, evidence="x", weak=weak)
    for clip in (*SCRIPT.durations, "unknown"):
        yield events.ClipStarted(line=line, at=now, attempt=name, clip=clip)
        yield events.ClipAdvanced(line=line, at=now, attempt=name, clip=clip, played_ms=1)
        for complete in (False, True):
            yield events.ClipFinished(
                line=line, at=now, attempt=name, clip=clip, played_ms=1, complete=complete
            )
    for key in "19#":
        for kind in (events.KeyHeard, events.KeyConfirmed):
            yield kind(line=line, at=now, attempt=name, key=key, witness=Witness.HOST, sureness=0.5)
    for missed_by in Witness:
        yield events.KeyUnconfirmed(
            line=line, at=now, attempt=name, key="1", witness=Witness.HOST, missed_by=missed_by
        )
    for machine in Machine:
        yield events.MachineHeard(line=line, at=now, attempt=name, machine=machine, evidence="x")
    yield events.AudioFailed(line=line, at=now, attempt=name, detail="x")
    for cause in Cause:
        yield events.Ended(
            line=line,
            at=now,
            attempt=name,
            cause=cause,
            evidence="x",
            code=None,
            confirmed=cause is not Cause.LINE_LOST,
        )
    yield events.StopRaised(at=now, source="wire")
    yield TimeReached()
    yield Withdrawn(by="command")
    yield ShutDown()


@pytest.mark.parametrize("name", sorted(live_states()))
def test_every_state_takes_every_event(name: str) -> None:
    """Whatever comes, early or late: no exception, one end at most, no content before key 1."""
    state = live_states()[name]
    for event in all_inputs():
        for seconds in (15.0, 10_000.0):
            moved = attempt.step(state, event, at(seconds))
            kinds = [e.kind for e in moved.effects if isinstance(e, Record)]
            orders = [e.order for e in moved.effects if isinstance(e, Send)]
            where = (name, event, seconds)
            assert (kinds.count("call.ended") == 1) == (
                isinstance(moved.state, Concluded) and not isinstance(state, Concluded)
            ), where
            assert not any(isinstance(order, Dial) for order in orders), where
            if any(isinstance(order, Play) and order.clip == "message" for order in orders):
                assert isinstance(event, events.KeyHeard), where
                assert event.key == "1", where
            if isinstance(event, events.KeyHeard) and event.key == "9" and name != "Concluded":
                assert kinds[0] == "consent.revoked", where
            if isinstance(event, events.ClipAdvanced) and moved.state is not state:
                assert not isinstance(moved.state, Concluded)
                assert not isinstance(state, Concluded)
                assert state.deadline <= moved.state.deadline <= state.call.end_by, where
            if isinstance(event, events.Ended):
                assert isinstance(moved.state, Concluded), where
            if isinstance(event, events.StopRaised) and name != "Concluded":
                assert HangUp(line="line-1", attempt="a1") in orders, where


@given(
    order=st.lists(st.integers(0, 200), max_size=40),
    gaps=st.lists(st.floats(0.0, 12.0), min_size=40, max_size=40),
)
def test_any_order_of_events_ends_once(order: list[int], gaps: list[float]) -> None:
    """Then time alone brings every call to its one end."""
    inputs = list(all_inputs())
    book = Playbook()
    seconds = 0.0
    for place, gap in zip(order, gaps, strict=False):
        seconds += gap
        event = inputs[place % len(inputs)]
        if hasattr(event, "at"):
            event = replace(event, at=100 + seconds)  # type: ignore[arg-type]
        book.take(seconds, event)
    steps = 0
    while not isinstance(book.state, Concluded):
        seconds = max(seconds, book.state.deadline - 100.0)
        book.time(seconds)
        steps += 1
        assert steps < 60
    assert book.told.count("call.ended") == 1
    assert book.told.count("consent.revoked") <= 1
    if "play message" in book.told:
        assert "call.key" in book.told[: book.told.index("play message")]
    assert (book.outcome is Outcome.OPTED_OUT) == ("consent.revoked" in book.told)
