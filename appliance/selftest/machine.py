"""The machine of the self-test call: plays the test clip, listens for its three keys, hangs up.

A technician's own telephone is called like any other: the gate has cleared it for the purpose
:data:`PURPOSE`, and :func:`appliance.call.attempt.begin` made the row and the dial. This machine
takes over from there. It differs from a campaign's call in one thing: the keys are a test that the
callee consented to, so 9 proves the line and withdraws nothing; their rows say ``self-test`` and
count for nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from appliance.call import ledger_rows
from appliance.call.keys import MAX_PRESS_ROWS
from appliance.call.outcome import (
    HANG_UP_MACHINES,
    End,
    Facts,
    Press,
    confirmed,
    missed,
    outcome,
)
from appliance.call.state import AttemptInput, ShutDown, TimeReached, Withdrawn, cut_off
from appliance.effects import Effect, Now, Send
from appliance.model import Clearance, Outcome, Script, Timers
from appliance.selftest.state import (
    Calling,
    CallUnderTest,
    Concluded,
    HangingUp,
    Key,
    Live,
    Playing,
    SelfTestState,
    Settling,
    Step,
    Waiting,
    hang_up,
    know,
    move,
)
from firmware import events
from firmware.orders import Play

PURPOSE = "self-test"
"""The purpose that a technician's consent must name."""
KEYS = ("1", "9", "5")
"""What the clip asks for: the two keys of a campaign, and one with both tones different."""
_SPARES = "573"
"""For the third key; one of them has no meaning in the campaign."""
PLAYS = 2
"""How often the clip is played while keys are missing."""
KEY_WAIT = 12.0
"""Box seconds to press the keys once the clip is over."""
SETTLE = 2.0
"""Box seconds after the last key for the slower witness's word."""
MAX_ATTEMPTS = 1000
"""The campaign's limit of attempts is none for somebody who asks for each of these calls; the
caps and rests of the law profile hold."""


def keys_of(listen: str, object_key: str) -> tuple[str, ...]:
    """Return the keys to test on a box whose campaign has these: they and a third one."""
    return (listen, object_key, next(key for key in _SPARES if key not in (listen, object_key)))


def script(language: str, clip: str, seconds: float) -> Script:
    """Return a script in which every role is the test clip: nothing else can ever play."""
    return Script(
        language=language,
        greeting=clip,
        prompt=clip,
        message=clip,
        farewell=clip,
        opted_out=clip,
        durations={clip: seconds},
    )


def longest(clip_seconds: float, timers: Timers) -> float:
    """Return the longest that a self-test can take, in seconds."""
    around = (timers.set_up + timers.ring + timers.hang_up).total_seconds()
    once = (timers.clip_start + timers.clip_margin).total_seconds() + clip_seconds + KEY_WAIT
    return around + PLAYS * once + SETTLE


def begun(
    clearance: Clearance,
    *,
    attempt: str,
    line: str,
    clip: str,
    clip_seconds: float,
    timers: Timers,
    now: Now,
    keys: tuple[str, ...] = KEYS,
) -> Live:
    """Return the test whose row and dial order were just made."""
    start = now.monotonic
    call = CallUnderTest(
        attempt=attempt,
        line=line,
        subject=clearance.subject,
        clip=clip,
        clip_seconds=clip_seconds,
        timers=timers,
        end_by=start + (clearance.window.end - now.utc).total_seconds(),
        keys=keys,
    )
    answer_by = start + (timers.set_up + timers.ring).total_seconds()
    return Calling(call, Facts(), 1, (), min(answer_by, call.end_by))


def step(state: SelfTestState, event: AttemptInput, now: Now) -> Step:
    """Move the test. Total: every state takes every event."""
    if isinstance(state, Concluded):
        return Step(state)
    match event:
        case events.Ended():
            return _conclude(state, End.told(event))
        case events.StopRaised() | ShutDown() | Withdrawn():
            cut = cut_off(state.facts, event)
            return hang_up(replace(state, facts=cut.facts), cut.reason, now, again=cut.again)
        case events.AudioFailed():
            if isinstance(state, HangingUp):
                return Step(state)
            failed = know(state, audio_failure=state.facts.audio_failure or event.detail)
            return hang_up(failed, "audio_failed", now)
        case events.Dialled():
            return Step(know(state, dialled_at=event.at))
        case events.Ringing():
            return Step(know(state, ringing_at=state.facts.ringing_at or event.at))
        case events.Answered():
            return _answered(state, event)
        case events.ClipStarted():
            return _clip_started(state, event)
        case events.ClipAdvanced():
            return _clip_advanced(state, event)
        case events.ClipFinished():
            return _clip_finished(state, event)
        case events.KeyHeard():
            return _key(state, event)
        case events.KeyConfirmed():
            return Step(_confirm(state, event))
        case events.KeyUnconfirmed():
            presses = missed(
                state.facts.presses, event.key, event.witness.value, event.missed_by.value
            )
            return Step(know(state, presses=presses))
        case events.MachineHeard():
            if event.machine not in HANG_UP_MACHINES or state.heard:
                return Step(state)
            found = know(state, machine=event.machine, machine_evidence=event.evidence)
            return hang_up(found, "machine", now)
        case TimeReached():
            return _time_reached(state, now) if now.monotonic >= state.deadline else Step(state)
    assert_never(event)


def _answered(state: Live, event: events.Answered) -> Step:
    if event.weak:
        return Step(know(state, weak_answer=state.facts.weak_answer or event.evidence))
    if state.facts.answered_at is not None:
        return Step(state)
    state = know(state, answered_at=event.at, answer=event.evidence)
    row = ledger_rows.answered(state.call, event.evidence)
    if isinstance(state, Calling):
        state = move(state, Playing, event.at + state.call.timers.clip_start.total_seconds())
    return Step(state, (row,))


def _clip_started(state: Live, event: events.ClipStarted) -> Step:
    call = state.call
    if not isinstance(state, Calling | Playing) or event.clip != call.clip:
        return Step(state)
    begun_at = state.facts.greeting_at if state.facts.greeting_at is not None else event.at
    margin = call.timers.clip_margin.total_seconds()
    state = know(state, greeting_at=begun_at)
    return Step(move(state, Playing, event.at + call.clip_seconds + margin))


def _clip_advanced(state: Live, event: events.ClipAdvanced) -> Step:
    call = state.call
    if not isinstance(state, Playing) or event.clip != call.clip:
        return Step(state)
    rest = max(call.clip_seconds - event.played_ms / 1000, 0.0)
    deadline = event.at + rest + call.timers.clip_margin.total_seconds()
    return Step(move(state, Playing, max(state.deadline, deadline)))


def _clip_finished(state: Live, event: events.ClipFinished) -> Step:
    if event.clip != state.call.clip or not event.complete:
        return Step(state)
    state = know(state, introduced=True)
    if isinstance(state, Playing):
        state = move(state, Waiting, event.at + KEY_WAIT)
    return Step(state)


def _key(state: Live, event: events.KeyHeard) -> Step:
    if len(state.heard) >= MAX_PRESS_ROWS:
        return Step(state)
    call = state.call
    effects: list[Effect] = []
    if state.facts.answered_at is None:
        proof = f"key {event.key}"
        state = know(state, answered_at=event.at, answer=proof)
        effects.append(ledger_rows.answered(call, proof))
    effects.append(
        ledger_rows.key(call, state.facts, event, counted=False, line=call.line, purpose=PURPOSE)
    )
    chosen_at = state.facts.chosen_at if state.facts.chosen_at is not None else event.at
    press = Press(event.key, event.witness.value)
    state = know(state, presses=(*state.facts.presses, press), chosen_at=chosen_at)
    heard = Key(key=event.key, at=event.at, witness=event.witness, sureness=event.sureness)
    state = replace(state, heard=(*state.heard, heard))
    if not state.missing and not isinstance(state, HangingUp):
        state = move(know(state, message_complete=True), Settling, event.at + SETTLE)
    return Step(state, tuple(effects))


def _confirm(state: Live, event: events.KeyConfirmed) -> Live:
    before = state.facts.presses
    presses = confirmed(before, event.key, event.witness.value, event.sureness)
    heard = tuple(
        replace(key, confirmed_by=event.witness) if now is not then else key
        for key, then, now in zip(state.heard, before, presses, strict=True)
    )
    return replace(know(state, presses=presses), heard=heard)


def _time_reached(state: Live, now: Now) -> Step:
    call, timers = state.call, state.call.timers
    if isinstance(state, HangingUp):
        return _conclude(state, End.untold(now.monotonic))
    if now.monotonic >= call.end_by:
        return hang_up(state, "window_end", now)
    match state:
        case Calling():
            return hang_up(state, "ring_timeout", now)
        case Playing() if state.facts.greeting_at is None:
            failed = know(state, audio_failure="the clip did not start")
            return hang_up(failed, "audio_failed", now)
        case Playing():
            # Its end was not told; the keys are awaited all the same.
            return Step(move(state, Waiting, now.monotonic + KEY_WAIT))
        case Waiting() if state.plays < PLAYS:
            allowed = (timers.clip_start + timers.clip_margin).total_seconds()
            again = replace(state, plays=state.plays + 1)
            playing = move(again, Playing, now.monotonic + allowed + call.clip_seconds)
            order = Play(line=call.line, attempt=call.attempt, clip=call.clip)
            return Step(playing, (Send(order=order),))
        case Waiting():
            return hang_up(state, "keys_missing", now)
        case Settling():
            return hang_up(state, "keys_heard", now)
    assert_never(state)


def _conclude(state: Live, end: End) -> Step:
    call, facts = state.call, state.facts
    result = outcome(facts, end)
    if result is Outcome.DECLINED:
        # Nobody was asked to agree to anything: an answered test without a key is one that failed,
        # and must not count as a refusal for the law's rests.
        result = Outcome.FAILED
    row = ledger_rows.ended(call, facts, result, end, purpose=PURPOSE)
    return Step(Concluded(call, facts, state.plays, state.heard, result, end.confirmed), (row,))
