"""The machine of one incoming call, state by state; what the campaign makes of it stands there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.call import incoming
from appliance.call.incoming import ANSWER_WITHIN
from appliance.call.incoming_state import (
    Answering,
    CallerObjects,
    Concluded,
    Confirming,
    Greeting,
    HangingUp,
    HangUpCaller,
    IncomingCall,
    IncomingInput,
    IncomingState,
    Live,
    Waiting,
)
from appliance.call.state import TimeReached
from appliance.effects import Now, Record, Send
from appliance.model import Timers
from firmware import events
from firmware.events import Cause, Witness
from firmware.orders import HangUp

T0 = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
TIMERS = Timers()
CALL = IncomingCall(
    attempt="in-1",
    line="one",
    subject=None,
    number_hash="h",
    greeting="hello",
    confirmation="noted",
    object_key="9",
    durations={"hello": 7.0, "noted": 4.0},
    timers=TIMERS,
)
LATE = TimeReached()


def now(at: float) -> Now:
    return Now(monotonic=at, utc=T0 + timedelta(seconds=at), trusted=True, source="ntp")


def told(kind: type[Any], at: float, **facts: Any) -> Any:
    return kind(line="one", attempt="in-1", at=at, **facts)


def answered(at: float) -> IncomingInput:
    return told(events.Answered, at, evidence="OK", weak=False)  # type: ignore[no-any-return]


def key(at: float, pressed: str) -> IncomingInput:
    return told(  # type: ignore[no-any-return]
        events.KeyHeard, at, key=pressed, witness=Witness.HOST, sureness=0.98765
    )


def ended(at: float, *, confirmed: bool = True) -> IncomingInput:
    return told(  # type: ignore[no-any-return]
        events.Ended,
        at,
        cause=Cause.REMOTE_HANG_UP,
        evidence="NO CARRIER",
        code=16,
        confirmed=confirmed,
    )


def after(*story: tuple[float, IncomingInput]) -> tuple[IncomingState, list[Any]]:
    """The state after a story, and what the last event of it caused."""
    state: IncomingState = incoming.begin(CALL, now(0.0), refusal=None).state
    effects: Iterable[Any] = ()
    for at, event in story:
        step = incoming.step(state, event, now(at))
        state, effects = step.state, step.effects
    return state, list(effects)


def deadline(state: IncomingState, kind: type[Live]) -> float:
    assert isinstance(state, kind)
    return state.deadline


def test_each_state_waits_for_as_long_as_its_own_timer_says() -> None:
    start, margin = TIMERS.clip_start.total_seconds(), TIMERS.clip_margin.total_seconds()
    state, _ = after()
    assert deadline(state, Answering) == ANSWER_WITHIN
    state, _ = after((3.0, answered(3.0)))
    assert deadline(state, Greeting) == pytest.approx(3.0 + 7.0 + start + margin)
    finished = told(events.ClipFinished, 12.0, clip="hello", played_ms=7000, complete=True)
    state, _ = after((3.0, answered(3.0)), (12.0, finished))
    assert deadline(state, Waiting) == 12.0 + TIMERS.key_wait.total_seconds()
    state, _ = after((3.0, answered(3.0)), (5.0, key(5.0, "9")))
    assert deadline(state, Confirming) == pytest.approx(5.0 + 4.0 + start + margin)
    state, _ = after((3.0, answered(3.0)), (6.0, HangUpCaller(why="stop")))
    assert deadline(state, HangingUp) == 6.0 + TIMERS.hang_up.total_seconds()


def test_a_stop_is_ordered_again_and_leaves_the_deadline_where_it_is() -> None:
    first = (6.0, HangUpCaller(why="storage"))
    state, effects = after((3.0, answered(3.0)), first, (9.0, HangUpCaller(why="stop")))
    assert effects == [Send(order=HangUp(line="one", attempt="in-1"))]
    assert deadline(state, HangingUp) == 6.0 + TIMERS.hang_up.total_seconds()
    assert state.facts.hung_up_because == "storage"


def test_no_other_event_orders_the_end_again() -> None:
    dead = told(events.AudioFailed, 9.0, detail="dead")
    state, effects = after((3.0, answered(3.0)), (6.0, HangUpCaller(why="stop")), (9.0, dead))
    assert effects == []
    assert deadline(state, HangingUp) == 6.0 + TIMERS.hang_up.total_seconds()
    assert state.facts.audio_failure == "dead"


def test_the_evidence_says_who_did_not_hear_a_key() -> None:
    missed = told(
        events.KeyUnconfirmed, 6.0, key="9", witness=Witness.HOST, missed_by=Witness.MODULE
    )
    _, effects = after((3.0, answered(3.0)), (5.0, key(5.0, "9")), (6.0, missed), (8.0, ended(8.0)))
    (row,) = effects
    assert row.data["evidence"]["keys"] == [{"key": "9", "witness": "host", "missed_by": "module"}]
    assert (row.data["outcome"], row.data["talk_seconds"]) == ("objected", 5.0)


def test_an_objection_after_an_end_that_nobody_confirmed_counts() -> None:
    story = [(3.0, answered(3.0)), (4.0, ended(4.0, confirmed=False))]
    state, effects = after(*story, (5.0, key(5.0, "9")))
    assert isinstance(state, Concluded)
    objection, row = effects
    assert objection == CallerObjects(call=CALL)
    assert isinstance(row, Record)
    assert (row.kind, row.data["key"], row.data["counted"]) == ("incoming.key", "9", True)
    assert row.data["sureness"] == 0.988
    for later in (key(6.0, "9"), key(6.0, "1"), answered(6.0), LATE):
        assert incoming.step(state, later, now(6.0)).effects == ()


def test_a_late_word_of_the_end_confirms_it_and_writes_no_second_row() -> None:
    state, effects = after((4.0, ended(4.0, confirmed=False)), (5.0, ended(5.0)))
    assert isinstance(state, Concluded)
    assert (state.confirmed, effects) == (True, [])
    state, _ = after((4.0, ended(4.0)), (5.0, ended(5.0, confirmed=False)))
    assert isinstance(state, Concluded)
    assert state.confirmed, "what was proven once stays so"


def test_a_key_in_the_hang_up_objects_and_plays_nothing() -> None:
    _, effects = after((3.0, answered(3.0)), (6.0, HangUpCaller(why="stop")), (7.0, key(7.0, "9")))
    assert [type(effect) for effect in effects] == [CallerObjects, Record], "a clip was played"


@pytest.mark.parametrize(
    ("at", "clip", "played_ms", "deadline_at"),
    [
        (20.0, "hello", 3000, 27.0),
        (20.0, "hello", 7000, 23.0),
        (20.0, "hello", 9000, 23.0),
        (5.0, "hello", 1000, 18.0),  # it was given longer already
        (20.0, "other", 3000, 18.0),
    ],
)
def test_a_greeting_that_goes_on_has_the_time_for_its_rest(
    at: float, clip: str, played_ms: int, deadline_at: float
) -> None:
    went_on = told(events.ClipAdvanced, at, clip=clip, played_ms=played_ms)
    state, effects = after((3.0, answered(3.0)), (at, went_on))
    assert (deadline(state, Greeting), effects) == (deadline_at, [])


def test_a_confirmation_that_goes_on_has_the_time_for_its_rest() -> None:
    went_on = told(events.ClipAdvanced, 20.0, clip=CALL.confirmation, played_ms=1000)
    state, _ = after((3.0, answered(3.0)), (5.0, key(5.0, "9")), (20.0, went_on))
    assert deadline(state, Confirming) == 26.0


def test_a_clip_of_unknown_length_is_waited_for_for_twenty_seconds() -> None:
    call = replace(CALL, durations={})
    begun = incoming.begin(call, now(0.0), refusal=None).state
    assert deadline(incoming.step(begun, answered(3.0), now(3.0)).state, Greeting) == 31.0
