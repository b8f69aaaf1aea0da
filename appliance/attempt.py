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

This is the only module that makes a :class:`~firmware.orders.Dial`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, assert_never

from appliance.call_facts import HANG_UP_MACHINES, Facts, Press, evidence, outcome
from appliance.call_state import (
    Asking,
    AttemptInput,
    BeforeAnswer,
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
    State,
    Telling,
    TimeReached,
    Waiting,
    Withdrawn,
)
from appliance.effects import Effect, Now, Record, Send, StoreRevocation
from appliance.model import Clearance, Revocation, Script, Timers
from firmware import events
from firmware.orders import Dial, HangUp, Play

START_ALLOWANCE = 5.0
"""Seconds that a clip may take to start: file playback on the module is the slowest path."""
CLIP_MARGIN = 3.0
"""Seconds beyond its length after which a clip without an end notice counts as over."""
GREETING_RESTART = 1.5
"""Seconds of greeting that may pass before a late answer makes it start again: earlier, the
polled call list merely confirmed the notice that started it."""
MONOLOGUE_WAIT = 2.0
"""Seconds left to press a key once the far end talked on like a machine."""
MAX_PRESS_ROWS = 32
"""Meaningless keys written per call: a detector that goes wild must not fill the disk. A key
that counts is always written, because content and withdrawal rest on it."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where the call stands now and what the shell must do, in order."""

    state: State
    effects: tuple[Effect, ...] = ()


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
    purpose: str = "",
) -> Step:
    """Turn a clearance into a call: the row that authorises it, then the order to dial.

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
        dial_by=start + (clearance.expires_at - now.utc).total_seconds(),
        answer_by=start + (timers.set_up + timers.ring).total_seconds(),
        end_by=start + (clearance.window.end - now.utc).total_seconds(),
    )
    authorised = Record(
        kind="call.authorised",
        subject=clearance.subject,
        data={
            "attempt": attempt,
            "line": line,
            "consent": clearance.consent,
            "purpose": purpose,
            "window_start": clearance.window.start.isoformat(),
            "window_end": clearance.window.end.isoformat(),
            "profile": clearance.profile,
            "rules": list(clearance.rules),
            "clock": clearance.clock,
            "bench": clearance.bench,
        },
    )
    dial = Dial(
        line=line,
        attempt=attempt,
        number=clearance.number,
        greeting=script.greeting,
        dial_by=call.dial_by,
    )
    state = Dialling(call, Facts(), min(call.dial_by, call.answer_by, call.end_by))
    return Step(state, (authorised, Send(order=dial)))


def step(state: State, event: AttemptInput, now: Now) -> Step:
    """Move one call. Total: every state takes every event, in any order, any number of times."""
    if isinstance(state, Concluded):
        return Step(state)
    match event:
        case events.Ended():
            return _conclude(
                state,
                cause=event.cause,
                at=event.at,
                end=event.evidence,
                code=event.code,
                confirmed=event.confirmed,
            )
        case events.StopRaised():
            stopped = _know(state, stopped=state.facts.stopped or event.source)
            # The line has hung up by itself; the order covers a dial that was still on its way
            # to the line's thread when the stop went past it.
            return _hang_up(stopped, "stop", now, again=True)
        case Withdrawn():
            return _hang_up(_know(state, withdrawn=event.by), "withdrawn", now)
        case events.AudioFailed():
            return _audio_failed(state, event.detail, now)
        case events.KeyHeard():
            return _key(state, event, now)
        case events.KeyConfirmed():
            return Step(_confirm(state, event))
        case events.KeyUnconfirmed():
            return Step(_miss(state, event))
        case events.Dialled():
            return _dialled(state, event, now)
        case events.Ringing():
            return _ringing(state, event)
        case events.Answered():
            return _answered(state, event)
        case events.ClipStarted():
            return _clip_started(state, event)
        case events.ClipFinished():
            return _clip_finished(state, event, now)
        case events.MachineHeard():
            return _machine(state, event, now)
        case TimeReached():
            return _time_reached(state, now) if now.monotonic >= state.deadline else Step(state)
    assert_never(event)


def _know(state: Live, **facts: Any) -> Live:
    return replace(state, facts=replace(state.facts, **facts))


def _until(call: Call, deadline: float) -> float:
    return min(deadline, call.end_by)


def _play(state: Live, clip: str) -> Send:
    return Send(order=Play(line=state.call.line, attempt=state.call.attempt, clip=clip))


def _clip_deadline(call: Call, clip: str, at: float, *, started: bool) -> float:
    allowance = CLIP_MARGIN if started else CLIP_MARGIN + START_ALLOWANCE
    return _until(call, at + call.script.durations[clip] + allowance)


def _hang_up(state: Live, reason: str, now: Now, *, again: bool = False) -> Step:
    if isinstance(state, HangingUp) and not again:
        return Step(state)
    call = state.call
    facts = replace(state.facts, hung_up_because=state.facts.hung_up_because or reason)
    deadline = now.monotonic + call.timers.hang_up.total_seconds()
    if isinstance(state, HangingUp):
        deadline = state.deadline
    order = HangUp(line=call.line, attempt=call.attempt)
    return Step(HangingUp(call, facts, deadline), (Send(order=order),))


def _close(state: Live, clip: str, reason: str, now: Now) -> Step:
    deadline = _clip_deadline(state.call, clip, now.monotonic, started=False)
    return Step(Closing(state.call, state.facts, deadline, clip, reason), (_play(state, clip),))


def _conclude(
    state: Live,
    *,
    cause: events.Cause | None,
    at: float,
    end: str,
    code: int | None,
    confirmed: bool,
) -> Step:
    call, facts = state.call, state.facts
    result = outcome(facts, cause, at)
    rung_until = facts.answered_at if facts.answered_at is not None else at
    rung = 0.0 if facts.ringing_at is None else rung_until - facts.ringing_at
    talked = 0.0 if facts.answered_at is None else at - facts.answered_at
    ended = Record(
        kind="call.ended",
        subject=call.subject,
        data={
            "attempt": call.attempt,
            "line": call.line,
            "outcome": result.value,
            "evidence": evidence(facts, end=end, code=code, confirmed=confirmed),
            "cause": None if cause is None else cause.value,
            "ring_seconds": round(max(rung, 0.0), 3),
            "talk_seconds": round(max(talked, 0.0), 3),
        },
    )
    return Step(Concluded(call, facts, result, confirmed), (ended,))


def _audio_failed(state: Live, detail: str, now: Now) -> Step:
    facts = state.facts
    if isinstance(state, HangingUp) or (isinstance(state, Closing) and not facts.opted_out):
        # The call was over for the person: what they heard stands.
        return _hang_up(state, "audio_failed", now)
    failed = _know(state, audio_failure=facts.audio_failure or detail)
    return _hang_up(failed, "audio_failed", now)


def _dialled(state: Live, event: events.Dialled, now: Now) -> Step:
    if state.facts.dialled_at is not None:
        return Step(state)
    state = _know(state, dialled_at=event.at)
    if not isinstance(state, Dialling):
        return Step(state)
    if event.at > state.call.dial_by:
        return _hang_up(state, "clearance_expired", now)
    return Step(replace(state, deadline=_until(state.call, state.call.answer_by)))


def _ringing(state: Live, event: events.Ringing) -> Step:
    if state.facts.ringing_at is not None:
        return Step(state)
    call = state.call
    if isinstance(state, BeforeAnswer):
        deadline = min(event.at + call.timers.ring.total_seconds(), call.answer_by)
        facts = replace(state.facts, ringing_at=event.at)
        return Step(Ringing(call, facts, _until(call, deadline)))
    return Step(state)


def _answered(state: Live, event: events.Answered) -> Step:
    facts = state.facts
    if facts.answered_at is not None:
        return Step(state)
    if event.weak:
        # Nobody is there yet for all we know: the phone may go on ringing, the ring timer runs.
        return Step(_know(state, weak_answer=facts.weak_answer or event.evidence))
    state = _know(state, answered_at=event.at, answer=event.evidence)
    effects: tuple[Effect, ...] = (_answer_row(state.call, event.evidence),)
    if isinstance(state, BeforeAnswer):
        deadline = _until(state.call, event.at + START_ALLOWANCE)
        return Step(Greeting(state.call, state.facts, deadline), effects)
    if isinstance(state, Asking):
        begun = facts.greeting_at
        if begun is not None and event.at - begun >= GREETING_RESTART:
            # Picked up in the middle of a greeting that was played to the ringback tone.
            greeting = state.call.script.greeting
            deadline = _clip_deadline(state.call, greeting, event.at, started=False)
            again = Greeting(state.call, state.facts, deadline)
            return Step(again, (*effects, _play(again, greeting)))
    return Step(state, effects)


def _answer_row(call: Call, evidence_text: str) -> Record:
    return Record(
        kind="call.answered",
        subject=call.subject,
        data={"attempt": call.attempt, "line": call.line, "evidence": evidence_text},
    )


def _clip_started(state: Live, event: events.ClipStarted) -> Step:
    call, script = state.call, state.call.script
    match state:
        case Dialling() | Ringing() | Greeting() if event.clip == script.greeting:
            facts = state.facts
            if facts.greeting_at is None:
                facts = replace(facts, greeting_at=event.at)
            deadline = _clip_deadline(call, event.clip, event.at, started=True)
            return Step(Greeting(call, facts, deadline))
        case Telling() if event.clip == script.message:
            pass
        case Reminding() if event.clip in (script.prompt, script.greeting):
            pass
        case Closing() if event.clip == state.clip:
            pass
        case _:
            return Step(state)
    deadline = _clip_deadline(call, event.clip, event.at, started=True)
    return Step(replace(state, deadline=deadline))


def _clip_finished(state: Live, event: events.ClipFinished, now: Now) -> Step:
    script = state.call.script
    if event.clip == script.greeting and event.complete and not state.facts.introduced:
        state = _know(state, introduced=True)
    if event.clip == script.message and state.facts.chosen_at is not None:
        state = _know(
            state,
            message_ms=event.played_ms,
            message_complete=state.facts.message_complete or event.complete,
        )
    match state:
        case Greeting() if event.clip == script.greeting and event.complete:
            return Step(_wait(state, event.at))
        case Reminding() if event.clip in (script.prompt, script.greeting) and event.complete:
            return Step(_wait(state, event.at))
        case Telling() if event.clip == script.message:
            if event.complete:
                return _close(state, script.farewell, "message_complete", now)
            return _hang_up(state, "message_interrupted", now)
        case Closing() if event.clip == state.clip:
            return _hang_up(state, state.reason, now)
        case _:
            # A clip cut by its successor, or by the end that is about to be reported; where
            # neither is so, the deadline moves the call on.
            return Step(state)


def _wait(state: Live, at: float) -> Waiting:
    wait = state.call.timers.key_wait.total_seconds()
    if state.facts.machine is events.Machine.MONOLOGUE:
        wait = min(wait, MONOLOGUE_WAIT)
    return Waiting(state.call, state.facts, _until(state.call, at + wait))


def _machine(state: Live, event: events.MachineHeard, now: Now) -> Step:
    facts = state.facts
    if not isinstance(state, BeforeAnswer | Asking) or facts.machine in HANG_UP_MACHINES:
        return Step(state)  # a key has proved a person, or the call is ending anyway
    if event.machine is events.Machine.RINGBACK:
        return Step(state)
    state = _know(state, machine=event.machine, machine_evidence=event.evidence)
    if event.machine is events.Machine.MONOLOGUE:
        if isinstance(state, Waiting):
            soon = min(state.deadline, event.at + MONOLOGUE_WAIT)
            return Step(replace(state, deadline=soon))
        return Step(state)
    return _hang_up(state, "machine", now)


def _confirm(state: Live, event: events.KeyConfirmed) -> Live:
    presses = list(state.facts.presses)
    for place in reversed(range(len(presses))):
        press = presses[place]
        if press.key == event.key and press.confirmed_by is None:
            presses[place] = replace(press, confirmed_by=event.witness.value)
            return _know(state, presses=tuple(presses))
    return state


def _miss(state: Live, event: events.KeyUnconfirmed) -> Live:
    """A disagreement is evidence only: the press counted when it was heard."""
    presses = list(state.facts.presses)
    for place, press in enumerate(presses):
        open_ = press.confirmed_by is None and press.missed_by is None
        if open_ and (press.key, press.witness) == (event.key, event.witness.value):
            presses[place] = replace(press, missed_by=event.missed_by.value)
            return _know(state, presses=tuple(presses))
    return state


def _key(state: Live, event: events.KeyHeard, now: Now) -> Step:
    call, facts = state.call, state.facts
    objects = event.key == call.keys.object and not facts.opted_out
    chooses = (
        event.key == call.keys.listen
        and isinstance(state, Asking)
        and facts.greeting_at is not None
        and event.at >= facts.greeting_at
    )
    effects: list[Effect] = []
    if objects:
        # Never earlier than the clearance: a clock that lost its time must not date a no before
        # the yes that it ends.
        revocation = Revocation(at=max(now.utc, call.authorised_at), by="key")
        effects += [
            Record(
                kind="consent.revoked",
                subject=call.subject,
                data={"by": "key", "number_hash": call.number_hash, "attempt": call.attempt},
            ),
            StoreRevocation(subject=call.subject, revocation=revocation),
        ]
    if (objects or chooses) and facts.answered_at is None:
        proof = f"key {event.key}"
        state = _know(state, answered_at=event.at, answer=proof)
        effects.append(_answer_row(call, proof))
    if objects or chooses or len(facts.presses) < MAX_PRESS_ROWS:
        effects.append(_key_row(call, facts, event, counted=objects or chooses))
        press = Press(event.key, event.witness.value)
        state = _know(state, presses=(*facts.presses, press))
    if objects:
        state = _know(state, opted_out=True)
        if isinstance(state, HangingUp):
            return Step(state, tuple(effects))
        closing = _close(state, call.script.opted_out, "opted_out", now)
        return Step(closing.state, (*effects, *closing.effects))
    if chooses:
        message = call.script.message
        state = _know(state, chosen_at=event.at)
        deadline = _clip_deadline(call, message, now.monotonic, started=False)
        telling = Telling(call, state.facts, deadline)
        return Step(telling, (*effects, _play(telling, message)))
    return Step(state, tuple(effects))


def _key_row(call: Call, facts: Facts, event: events.KeyHeard, *, counted: bool) -> Record:
    offset = None if facts.greeting_at is None else round((event.at - facts.greeting_at) * 1000)
    return Record(
        kind="call.key",
        subject=call.subject,
        data={
            "attempt": call.attempt,
            "key": event.key,
            "witness": event.witness.value,
            "sureness": round(event.sureness, 3),
            "offset_ms": offset,
            "counted": counted,
        },
    )


def _time_reached(state: Live, now: Now) -> Step:
    call, facts = state.call, state.facts
    if isinstance(state, HangingUp):
        return _conclude(
            state,
            cause=None,
            at=now.monotonic,
            end="the line did not confirm the end in time",
            code=None,
            confirmed=False,
        )
    if now.monotonic >= call.end_by:
        return _hang_up(state, "window_end", now)
    match state:
        case Dialling():
            reason = "ring_timeout" if facts.dialled_at is not None else "clearance_expired"
            return _hang_up(state, reason, now)
        case Ringing():
            return _hang_up(state, "ring_timeout", now)
        case Greeting():
            if facts.greeting_at is None:
                failed = _know(state, audio_failure="the greeting did not start")
                return _hang_up(failed, "audio_failed", now)
            return Step(_wait(state, now.monotonic))
        case Reminding():
            return Step(_wait(state, now.monotonic))
        case Waiting():
            return _nothing_pressed(state, now)
        case Telling():
            return _hang_up(state, "message_end_unreported", now)
        case Closing():
            return _hang_up(state, state.reason, now)
    assert_never(state)


def _nothing_pressed(state: Waiting, now: Now) -> Step:
    call, facts = state.call, state.facts
    nobody_yet = facts.answered_at is None
    more = facts.repeats < call.timers.prompt_repeats
    if facts.machine is events.Machine.MONOLOGUE:
        more = False
    elif nobody_yet and now.monotonic < call.answer_by:
        more = True
    if more:
        # Whoever joins late, or missed a part, must first hear who calls and how to object.
        whole = nobody_yet or not facts.introduced
        clip = call.script.greeting if whole else call.script.prompt
        deadline = _clip_deadline(call, clip, now.monotonic, started=False)
        reminding = Reminding(call, replace(facts, repeats=facts.repeats + 1), deadline)
        return Step(reminding, (_play(reminding, clip),))
    if nobody_yet:
        return _hang_up(state, "ring_timeout", now)
    return _close(state, call.script.farewell, "no_key", now)
