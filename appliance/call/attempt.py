"""The machine of one call, from the clearance to the one outcome.

``begin`` and ``step`` are pure: (state, event, now) gives the next state and what the shell must
do, in order. Every state that waits carries its own deadline, so no call can hang: a lost notice
costs time, never the line. Rules that hold whatever the events:

* content never plays before the listen key, and the listen key counts only from the first
  sample of the greeting on;
* the objection key counts at any moment; its ledger row comes before anything else it causes;
* each attempt yields exactly one ``call.ended``, also where the line never confirms;
* no call outlasts the window that its clearance names. The bound is kept in monotonic time, so
  that a step of the wall clock during a call changes nothing.

Long because the answers of every state to every event are compared side by side.

This is the only module that makes a :class:`~firmware.orders.Dial`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from appliance.call import keys as call_keys
from appliance.call import ledger_rows
from appliance.call.outcome import HANG_UP_MACHINES, MOST_GREETINGS, End, Facts, outcome
from appliance.call.state import (
    MONOLOGUE_WAIT,
    Asking,
    AttemptInput,
    AttemptState,
    BeforeAnswer,
    Call,
    ClaimProof,
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
    advanced_deadline,
    clip_deadline,
    close,
    cut_off,
    hang_up,
    know,
    play,
    until,
    wait,
)
from appliance.effects import Effect, Now, Send
from appliance.model import Clearance, Outcome, Script, Timers
from firmware import events
from firmware.orders import Dial

GREETING_RESTART = 1.5
"""Seconds of greeting that may pass before a late answer makes it start again: earlier, the
polled call list merely confirmed the notice that started it."""


def begin(
    clearance: Clearance,
    *,
    script: Script,
    timers: Timers,
    keys: Keys,
    line: str,
    attempt: str,
    number_hash: str,
    now: Now,
    linger: float,
    purpose: str = "",
    claim: ClaimProof | None = None,
) -> Step:
    """Turn a clearance into a call: the row that authorises it, then the order to dial.

    *linger* are the seconds by which this line may tell a key late; *claim* is the fleet's grant,
    where this box belongs to one, and the dial must not outlast it either.
    Raises :class:`ValueError` where the script misses a clip's length, before anything happens.
    """
    missing = {
        clip
        for clip in (
            script.greeting,
            script.prompt,
            script.message,
            script.farewell,
            script.opted_out,
        )
        if clip not in script.durations
    }
    if missing:
        raise ValueError(f"clips without a length: {', '.join(sorted(missing))}")
    start = now.monotonic
    dial_by = start + (clearance.expires_at - now.utc).total_seconds()
    call = Call(
        attempt=attempt,
        line=line,
        subject=clearance.subject,
        number_hash=number_hash,
        script=script,
        timers=timers,
        keys=keys,
        authorised_at=now.utc,
        begun_at=start,
        dial_by=dial_by if claim is None else min(dial_by, claim.dial_by),
        answer_by=start + (timers.set_up + timers.ring).total_seconds(),
        end_by=start + (clearance.window.end - now.utc).total_seconds(),
        linger=linger,
        claim=claim,
    )
    row = ledger_rows.authorised(
        clearance, attempt=attempt, line=line, purpose=purpose, claim=claim
    )
    dial = Dial(
        line=line,
        attempt=attempt,
        number=clearance.number,
        greeting=script.greeting,
        keys=keys.offered,
        dial_by=call.dial_by,
    )
    state = Dialling(call, Facts(), min(call.dial_by, call.answer_by, call.end_by))
    return Step(state, (row, Send(order=dial)))


def step(state: AttemptState, event: AttemptInput, now: Now) -> Step:
    """Move one call. Total: every state takes every event, in any order, any number of times."""
    if isinstance(state, Concluded):
        return Step(state)
    match event:
        case events.Ended():
            return _conclude(state, End.told(event))
        case events.StopRaised() | ShutDown() | Withdrawn():
            cut = cut_off(state.facts, event)
            return hang_up(replace(state, facts=cut.facts), cut.reason, now, again=cut.again)
        case events.AudioFailed():
            return _audio_failed(state, event.detail, now)
        case events.KeyHeard():
            return call_keys.press(state, event, now)
        case events.KeyConfirmed():
            return Step(call_keys.confirm(state, event))
        case events.KeyUnconfirmed():
            return Step(call_keys.miss(state, event))
        case events.Dialled():
            return _dialled(state, event, now)
        case events.Ringing():
            return _ringing(state, event)
        case events.Answered():
            return _answered(state, event)
        case events.ClipStarted():
            return _clip_started(state, event)
        case events.ClipAdvanced():
            return _clip_advanced(state, event)
        case events.ClipFinished():
            return _clip_finished(state, event, now)
        case events.MachineHeard():
            return _machine(state, event, now)
        case TimeReached():
            return _time_reached(state, now) if now.monotonic >= state.deadline else Step(state)
    assert_never(event)


def _conclude(state: Live, end: End) -> Step:
    result = outcome(state.facts, end)
    rows: tuple[Effect, ...] = ()
    if result is Outcome.DECLINED and state.facts.answered_at is None:
        # Only the end has made sure that the call was answered.
        weak_at, proof = state.facts.weak_at, state.facts.weak_answer
        proof = proof or "the modem counted seconds of talk"
        state = know(state, answered_at=end.at if weak_at is None else weak_at, answer=proof)
        rows = (ledger_rows.answered(state.call, proof),)
    row = ledger_rows.ended(state.call, state.facts, result, end)
    return Step(Concluded(state.call, state.facts, result, end.confirmed), (*rows, row))


def _audio_failed(state: Live, detail: str, now: Now) -> Step:
    facts = state.facts
    if isinstance(state, HangingUp) and facts.audio_failure == facts.broke_off is not None:
        # The cut clip was told first; this is why.
        return Step(know(state, audio_failure=f"{facts.broke_off}: {detail}"))
    if isinstance(state, HangingUp) or (isinstance(state, Closing) and not facts.opted_out):
        # The call was over for the person: what they heard stands.
        return hang_up(state, "audio_failed", now)
    failed = know(state, audio_failure=facts.audio_failure or detail)
    return hang_up(failed, "audio_failed", now)


def _dialled(state: Live, event: events.Dialled, now: Now) -> Step:
    if state.facts.dialled_at is not None:
        return Step(state)
    state = know(state, dialled_at=event.at)
    if not isinstance(state, Dialling):
        return Step(state)
    if event.at > state.call.dial_by:
        return hang_up(state, "clearance_expired", now)
    return Step(replace(state, deadline=until(state.call, state.call.answer_by)))


def _ringing(state: Live, event: events.Ringing) -> Step:
    if state.facts.ringing_at is not None:
        return Step(state)
    call = state.call
    if isinstance(state, BeforeAnswer):
        deadline = min(event.at + call.timers.ring.total_seconds(), call.answer_by)
        facts = replace(state.facts, ringing_at=event.at)
        return Step(Ringing(call, facts, until(call, deadline)))
    return Step(state)


def _answered(state: Live, event: events.Answered) -> Step:
    facts = state.facts
    if facts.answered_at is not None:
        return Step(state)
    greetings = max(facts.greetings, event.greetings)
    if event.weak:
        # Nobody is there yet for all we know: the phone may go on ringing, the ring timer runs.
        if facts.weak_answer is not None:
            return Step(state)
        return Step(know(state, weak_answer=event.evidence, weak_at=event.at, greetings=greetings))
    state = know(state, answered_at=event.at, answer=event.evidence, greetings=greetings)
    effects: tuple[Effect, ...] = (ledger_rows.answered(state.call, event.evidence),)
    if isinstance(state, BeforeAnswer):
        deadline = until(state.call, event.at + state.call.timers.clip_start.total_seconds())
        return Step(Greeting(state.call, state.facts, deadline), effects)
    if isinstance(state, Asking):
        begun = facts.greeting_at
        late = begun is not None and event.at - begun >= GREETING_RESTART
        if late and greetings < MOST_GREETINGS:
            # Picked up in the middle of a greeting that was played to the ringback tone.
            greeting = state.call.script.greeting
            deadline = clip_deadline(state.call, greeting, event.at, started=False)
            known = replace(state.facts, greetings=greetings + 1)
            again = Greeting(state.call, known, deadline)
            return Step(again, (*effects, play(again, greeting)))
    return Step(state, effects)


def _clip_started(state: Live, event: events.ClipStarted) -> Step:
    call, script = state.call, state.call.script
    match state:
        case Dialling() | Ringing() | Greeting() if event.clip == script.greeting:
            facts = state.facts
            if facts.greeting_at is None:
                facts = replace(facts, greeting_at=event.at)
            deadline = clip_deadline(call, event.clip, event.at, started=True)
            return Step(Greeting(call, facts, deadline))
        case Telling() if event.clip == script.message:
            pass
        case Reminding() if event.clip in (script.prompt, script.greeting):
            pass
        case Closing() if event.clip == state.clip:
            pass
        case _:
            return Step(state)
    deadline = clip_deadline(call, event.clip, event.at, started=True)
    return Step(replace(state, deadline=deadline))


def _clip_advanced(state: Live, event: events.ClipAdvanced) -> Step:
    """A clip that goes on is not over: a starved machine plays it slower than it was recorded."""
    script = state.call.script
    match state:
        case Greeting() if event.clip == script.greeting and state.facts.greeting_at is not None:
            pass
        case Telling() if event.clip == script.message:
            pass
        case Reminding() if event.clip in (script.prompt, script.greeting):
            pass
        case Closing() if event.clip == state.clip and not state.played:
            pass
        case _:
            return Step(state)
    deadline = max(state.deadline, advanced_deadline(state.call, event))
    return Step(replace(state, deadline=deadline))


def _clip_finished(state: Live, event: events.ClipFinished, now: Now) -> Step:
    proof: tuple[Effect, ...] = ()
    script = state.call.script
    if event.complete and event.clip in (script.greeting, script.prompt):
        introduced = state.facts.introduced or event.clip == script.greeting
        state = know(state, introduced=introduced, asked_at=event.at)
        if introduced:
            state, proof = _heard_whole(state)
    if event.clip == script.message and state.facts.chosen_at is not None:
        state = know(
            state,
            message_ms=event.played_ms,
            message_complete=state.facts.message_complete or event.complete,
        )
    moved = _clip_over(state, event, now)
    return replace(moved, effects=proof + moved.effects)


def _clip_over(state: Live, event: events.ClipFinished, now: Now) -> Step:
    script = state.call.script
    match state:
        case Greeting() if event.clip == script.greeting:
            return _question_over(state, event, now)
        case Reminding() if event.clip in (script.prompt, script.greeting):
            return _question_over(state, event, now)
        case Telling() if event.clip == script.message:
            if event.complete:
                return close(state, script.farewell, "message_complete", now)
            return hang_up(state, "message_interrupted", now)
        case Closing() if event.clip == state.clip and not state.played:
            return _closed(state, event.at, now)
        case _:
            # A clip cut by its successor, or by the end that is about to be reported; where
            # neither is so, the deadline moves the call on.
            return Step(state)


def _heard_whole(state: Live) -> tuple[Live, tuple[Effect, ...]]:
    """An answer without visible ringing is one once the greeting was played whole over it.

    Where the box itself hears the ringback under it, nobody has picked up yet for all it knows.
    """
    facts = state.facts
    if facts.answered_at is not None or facts.weak_at is None:
        return state, ()
    if facts.machine is events.Machine.RINGBACK:
        return state, ()
    proof = f"{facts.weak_answer}, the greeting was played whole"
    known = know(state, answered_at=facts.weak_at, answer=proof)
    return known, (ledger_rows.answered(state.call, proof),)


def _question_over(state: Greeting | Reminding, event: events.ClipFinished, now: Now) -> Step:
    """Wait for a key once it was heard whole; a voice that broke off by itself ends the call."""
    if event.complete:
        return Step(wait(state, event.at))
    if event.cut:
        return Step(state)
    heard = f"the voice broke off {event.played_ms / 1000:.1f} s into a clip"
    return _audio_failed(know(state, broke_off=heard), heard, now)


def _closed(state: Closing, at: float, now: Now) -> Step:
    """The last clip was over at *at*: hang up once nobody's key can come late."""
    call = state.call
    if not call.linger or state.facts.opted_out:
        return hang_up(state, state.reason, now)
    deadline = until(call, at + call.linger)
    return Step(replace(state, deadline=deadline, played=True))


def _machine(state: Live, event: events.MachineHeard, now: Now) -> Step:
    facts = state.facts
    if not isinstance(state, BeforeAnswer | Asking) or facts.machine in HANG_UP_MACHINES:
        return Step(state)  # a key has proved a person, or the call is ending anyway
    if event.machine is facts.machine:
        return Step(state)
    if event.machine is events.Machine.RINGBACK and facts.machine is not None:
        return Step(state)
    told = event.evidence
    if facts.machine_evidence is not None:
        told = f"{facts.machine_evidence}; {told}"
    state = know(state, machine=event.machine, machine_at=event.at, machine_evidence=told)
    if event.machine is events.Machine.RINGBACK:
        # Whoever picks up now is a person all the same: evidence, and no reason to leave.
        return Step(state)
    if event.machine is events.Machine.MONOLOGUE:
        if isinstance(state, Waiting):
            soon = min(state.deadline, event.at + MONOLOGUE_WAIT)
            return Step(replace(state, deadline=soon))
        return Step(state)
    return hang_up(state, "machine", now)


def _time_reached(state: Live, now: Now) -> Step:
    call, facts = state.call, state.facts
    if isinstance(state, HangingUp):
        return _conclude(state, End.untold(now.monotonic))
    if now.monotonic >= call.end_by:
        return hang_up(state, "window_end", now)
    match state:
        case Dialling():
            reason = "ring_timeout" if facts.dialled_at is not None else "clearance_expired"
            return hang_up(state, reason, now)
        case Ringing():
            return hang_up(state, "ring_timeout", now)
        case Greeting():
            if facts.greeting_at is None:
                failed = know(state, audio_failure="the greeting did not start")
                return hang_up(failed, "audio_failed", now)
            return Step(wait(state, now.monotonic))
        case Reminding():
            return Step(wait(state, now.monotonic))
        case Waiting():
            return _nothing_pressed(state, now)
        case Telling():
            return hang_up(state, "message_end_unreported", now)
        case Closing():
            if not state.played:
                return _closed(state, now.monotonic, now)
            return hang_up(state, state.reason, now)
    assert_never(state)


def _nothing_pressed(state: Waiting, now: Now) -> Step:
    call, facts = state.call, state.facts
    nobody_yet = facts.answered_at is None
    # Whoever joins late, or missed a part, must first hear who calls and how to object.
    whole = (nobody_yet or not facts.introduced) and facts.greetings < MOST_GREETINGS
    more = facts.repeats < call.timers.prompt_repeats
    if facts.machine is events.Machine.MONOLOGUE:
        more = False
    elif nobody_yet:
        more = whole and (more or now.monotonic < call.answer_by)
    if more:
        clip = call.script.greeting if whole else call.script.prompt
        deadline = clip_deadline(call, clip, now.monotonic, started=False)
        known = replace(facts, repeats=facts.repeats + 1, greetings=facts.greetings + whole)
        reminding = Reminding(call, known, deadline)
        return Step(reminding, (play(reminding, clip),))
    if nobody_yet:
        return hang_up(state, "ring_timeout", now)
    return close(state, call.script.farewell, "no_key", now)
