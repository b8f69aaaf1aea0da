"""The machine of one incoming call: it answers, says how to object, and hears the objection key.

``begin`` and ``step`` are pure, as those of :mod:`appliance.call.attempt`: (state, event, now)
gives the next state and what the shell must do, in order. Every state that waits carries its own
deadline, so that no caller can hold the line because a notice was lost. Rules that hold whatever
the events:

* the objection key counts at any moment, also after an end that the line has not confirmed; the
  withdrawal comes before anything else that the press causes;
* each incoming call yields exactly one ``incoming.ended``.

This is the only module that makes an :class:`~firmware.orders.AnswerCall`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

from appliance.call import ledger_rows
from appliance.call.incoming_state import (
    Answering,
    CallerObjects,
    Concluded,
    Confirming,
    Effect,
    Ending,
    Facts,
    Greeting,
    HangingUp,
    HangUpCaller,
    IncomingCall,
    IncomingInput,
    IncomingState,
    Live,
    Step,
    Waiting,
)
from appliance.call.keys import MAX_PRESS_ROWS
from appliance.call.outcome import End, Press, confirmed, missed
from appliance.call.state import TimeReached
from appliance.effects import Now, Send
from firmware import events
from firmware.orders import AnswerCall, HangUp, Play

ANSWER_WITHIN = 20.0
"""Box seconds from the order to answer until the line must say that it did."""
_UNKNOWN_SECONDS = 20.0
"""Taken for a clip whose length nobody knows."""


def begin(call: IncomingCall, now: Now, *, refusal: str | None) -> Step:
    """Answer a caller whose phone rings here, or reject them because of *refusal*."""
    ringing = Answering(call, Facts(), now.monotonic + ANSWER_WITHIN)
    if refusal is not None:
        return _hang_up(ringing, refusal, now)
    order = AnswerCall(
        line=call.line, attempt=call.attempt, greeting=call.greeting, keys=call.object_key
    )
    return Step(ringing, (Send(order=order),))


def step(state: IncomingState, event: IncomingInput, now: Now) -> Step:
    """Move one incoming call. Total: every state takes every event, any number of times."""
    if isinstance(state, Concluded):
        return _after_end(state, event)
    match event:
        case events.Answered():
            return _answered(state, event, now)
        case events.ClipAdvanced():
            return _clip_advanced(state, event)
        case events.ClipFinished():
            return _clip_finished(state, event, now)
        case events.KeyHeard():
            return _key(state, event, now)
        case events.KeyConfirmed():
            presses = confirmed(state.facts.presses, event.key, event.witness.value, event.sureness)
            return Step(_know(state, presses=presses))
        case events.KeyUnconfirmed():
            presses = missed(
                state.facts.presses, event.key, event.witness.value, event.missed_by.value
            )
            return Step(_know(state, presses=presses))
        case events.AudioFailed():
            return _hang_up(_know(state, audio_failure=event.detail), "audio", now)
        case HangUpCaller():
            return _hang_up(state, event.why, now, again=True)
        case events.Ended():
            return _conclude(state, End.told(event))
        case TimeReached():
            return _time_reached(state, now) if now.monotonic >= state.deadline else Step(state)
        case events.Dialled() | events.Ringing() | events.ClipStarted() | events.MachineHeard():
            return Step(state)
    assert_never(event)


def _know(state: Live, **facts: Any) -> Live:
    return replace(state, facts=replace(state.facts, **facts))


def _answered(state: Live, event: events.Answered, now: Now) -> Step:
    row = ledger_rows.incoming_answered(state.call, event.evidence)
    known = _know(state, answered_at=event.at)
    if isinstance(known, Answering):
        deadline = _clip_deadline(known.call, known.call.greeting, now)
        return Step(Greeting(known.call, known.facts, deadline), (row,))
    return Step(known, (row,))


def _clip_advanced(state: Live, event: events.ClipAdvanced) -> Step:
    call = state.call
    match state:
        case Greeting() if event.clip == call.greeting:
            pass
        case Confirming() if event.clip == call.confirmation:
            pass
        case _:
            return Step(state)
    rest = max(call.durations.get(event.clip, _UNKNOWN_SECONDS) - event.played_ms / 1000, 0.0)
    deadline = event.at + rest + call.timers.clip_margin.total_seconds()
    return Step(replace(state, deadline=max(state.deadline, deadline)))


def _clip_finished(state: Live, event: events.ClipFinished, now: Now) -> Step:
    match state:
        case Greeting() if event.clip == state.call.greeting:
            return Step(_wait(state, now))
        case Confirming() if event.clip == state.call.confirmation:
            return _hang_up(state, "done", now)
        case _:
            return Step(state)


def _key(state: Live, event: events.KeyHeard, now: Now) -> Step:
    """Record an objection before anything that it causes; then confirm it."""
    call, facts = state.call, state.facts
    objects = event.key == call.object_key and not facts.objected
    effects: list[Effect] = []
    if objects:
        effects.append(CallerObjects(call=call))
    if objects or len(facts.presses) < MAX_PRESS_ROWS:
        effects.append(ledger_rows.incoming_key(call, event, counted=objects))
        press = Press(event.key, event.witness.value)
        state = _know(state, presses=(*facts.presses, press))
    if objects:
        state = _know(state, objected=True)
        if not isinstance(state, HangingUp):
            deadline = _clip_deadline(call, call.confirmation, now)
            state = Confirming(call, state.facts, deadline)
            order = Play(line=call.line, attempt=call.attempt, clip=call.confirmation)
            effects.append(Send(order=order))
    return Step(state, tuple(effects))


def _time_reached(state: Live, now: Now) -> Step:
    match state:
        case Greeting():
            # A clip without an end notice counts as over.
            return Step(_wait(state, now))
        case Confirming():
            return _hang_up(state, "done", now)
        case Answering() | Waiting():
            return _hang_up(state, "silence", now)
        case HangingUp():
            return _conclude(state, End.untold(now.monotonic))
    assert_never(state)


def _wait(state: Greeting, now: Now) -> Waiting:
    key_wait = state.call.timers.key_wait.total_seconds()
    return Waiting(state.call, state.facts, now.monotonic + key_wait)


def _hang_up(state: Live, why: str, now: Now, *, again: bool = False) -> Step:
    """Order the end once; *again* repeats the order and leaves its deadline."""
    if isinstance(state, HangingUp) and not again:
        return Step(state)
    call = state.call
    facts = replace(state.facts, hung_up_because=state.facts.hung_up_because or why)
    deadline = now.monotonic + call.timers.hang_up.total_seconds()
    if isinstance(state, HangingUp):
        deadline = state.deadline
    order = HangUp(line=call.line, attempt=call.attempt)
    return Step(HangingUp(call, facts, deadline), (Send(order=order),))


def _conclude(state: Live, end: End) -> Step:
    call, facts = state.call, state.facts
    row = ledger_rows.incoming_ended(call, facts, _ending(facts, end.cause), end)
    return Step(Concluded(call, facts, end.confirmed), (row,))


def _after_end(state: Concluded, event: IncomingInput) -> Step:
    """The row is written. Where the line has not confirmed the end the caller may be there still,
    and may object; a late word of the end changes no row."""
    if isinstance(event, events.Ended):
        return Step(replace(state, confirmed=state.confirmed or event.confirmed))
    call, facts = state.call, state.facts
    if not isinstance(event, events.KeyHeard) or event.key != call.object_key or facts.objected:
        return Step(state)
    row = ledger_rows.incoming_key(call, event, counted=True)
    known = replace(state, facts=replace(facts, objected=True))
    return Step(known, (CallerObjects(call=call), row))


def _ending(facts: Facts, cause: events.Cause | None) -> Ending:
    why = facts.hung_up_because
    if facts.objected:
        return Ending.OBJECTED
    if cause is events.Cause.EMERGENCY or why in ("stop", "shutdown"):
        return Ending.STOPPED if facts.answered_at is not None else Ending.REJECTED
    if cause in (events.Cause.FAILED, events.Cause.LINE_LOST) or why == "audio":
        return Ending.FAILED
    if facts.answered_at is not None:
        return Ending.NO_KEY
    return Ending.MISSED if why is None else Ending.REJECTED


def _clip_deadline(call: IncomingCall, clip: str, now: Now) -> float:
    length = call.durations.get(clip, _UNKNOWN_SECONDS)
    return (
        now.monotonic + length + (call.timers.clip_start + call.timers.clip_margin).total_seconds()
    )
