"""The machine of the self-test call: plays the test clip, listens for its three keys, hangs up.

A technician's own telephone is called like any other: the gate has cleared it for the purpose
:data:`PURPOSE`, and :func:`appliance.call.attempt.begin` made the row and the dial. This machine
takes over from there. It differs from a campaign's call in one thing: the keys are a test that the
callee consented to, so 9 proves the line and withdraws nothing; their rows say ``self-test`` and
count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from typing import Any

from appliance.call.keys import MAX_PRESS_ROWS
from appliance.call.outcome import (
    HANG_UP_MACHINES,
    Facts,
    Press,
    confirmed,
    evidence,
    missed,
    outcome,
)
from appliance.call.state import AttemptInput, TimeReached, Withdrawn
from appliance.effects import Effect, Now, Record, Send
from appliance.model import Clearance, Outcome, Script, Timers
from firmware import events
from firmware.orders import HangUp, Play

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


@unique
class Phase(StrEnum):
    CALLING = "calling"
    PLAYING = "playing"
    WAITING = "waiting"
    SETTLING = "settling"
    HANGING_UP = "hanging up"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the test as the witnesses heard it."""

    key: str
    at: float
    witness: events.Witness
    sureness: float
    confirmed_by: events.Witness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """One self-test. Times are box-monotonic seconds."""

    attempt: str
    line: str
    subject: str
    clip: str
    clip_seconds: float
    timers: Timers
    end_by: float
    deadline: float
    phase: Phase = Phase.CALLING
    facts: Facts = field(default_factory=Facts)
    plays: int = 1
    """How often the clip was asked for; the line plays it by itself at the answer."""
    keys: tuple[str, ...] = KEYS
    """The keys to be pressed."""
    heard: tuple[Key, ...] = ()
    outcome: Outcome | None = None
    confirmed: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """Keys that nobody heard yet, in the order in which they are asked for."""
        heard = {key.key for key in self.heard}
        return tuple(key for key in self.keys if key not in heard)

    @property
    def latency(self) -> float | None:
        """Seconds from the answer to the first frame; None where either never came."""
        answered, begun = self.facts.answered_at, self.facts.greeting_at
        return None if answered is None or begun is None else max(0.0, begun - answered)


@dataclass(frozen=True, slots=True)
class Step:
    """Where the test stands now and what the shell must do, in order."""

    state: SelfTest
    effects: tuple[Effect, ...] = ()


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
) -> SelfTest:
    """Return the test whose row and dial order were just made."""
    start = now.monotonic
    answer_by = start + (timers.set_up + timers.ring).total_seconds()
    end_by = start + (clearance.window.end - now.utc).total_seconds()
    return SelfTest(
        attempt=attempt,
        line=line,
        subject=clearance.subject,
        clip=clip,
        clip_seconds=clip_seconds,
        timers=timers,
        end_by=end_by,
        keys=keys,
        deadline=min(answer_by, end_by),
    )


def step(test: SelfTest, event: AttemptInput, now: Now) -> Step:
    """Move the test. Total: every phase takes every event."""
    if test.phase is Phase.DONE:
        return Step(test)
    match event:
        case events.Ended():
            return _conclude(
                test, event.cause, event.at, event.evidence, event.code, confirmed=event.confirmed
            )
        case events.StopRaised():
            stopped = _know(test, stopped=test.facts.stopped or event.source)
            return _hang_up(stopped, "stop", now, again=True)
        case Withdrawn():
            return _hang_up(_know(test, withdrawn=event.by), "withdrawn", now)
        case events.AudioFailed():
            if test.phase is Phase.HANGING_UP:
                return Step(test)
            failed = _know(test, audio_failure=test.facts.audio_failure or event.detail)
            return _hang_up(failed, "audio_failed", now)
        case events.Dialled():
            return Step(_know(test, dialled_at=event.at))
        case events.Ringing():
            return Step(_know(test, ringing_at=test.facts.ringing_at or event.at))
        case events.Answered():
            return _answered(test, event)
        case events.ClipStarted():
            return _clip_started(test, event)
        case events.ClipFinished():
            return _clip_finished(test, event)
        case events.KeyHeard():
            return _key(test, event)
        case events.KeyConfirmed():
            return Step(_confirm(test, event))
        case events.KeyUnconfirmed():
            presses = missed(
                test.facts.presses, event.key, event.witness.value, event.missed_by.value
            )
            return Step(_know(test, presses=presses))
        case events.MachineHeard():
            if event.machine not in HANG_UP_MACHINES or test.heard:
                return Step(test)
            found = _know(test, machine=event.machine, machine_evidence=event.evidence)
            return _hang_up(found, "machine", now)
        case TimeReached():
            return _time_reached(test, now) if now.monotonic >= test.deadline else Step(test)


def _know(test: SelfTest, **facts: Any) -> SelfTest:
    return replace(test, facts=replace(test.facts, **facts))


def _until(test: SelfTest, deadline: float) -> float:
    return min(deadline, test.end_by)


def _hang_up(test: SelfTest, reason: str, now: Now, *, again: bool = False) -> Step:
    if test.phase is Phase.HANGING_UP and not again:
        return Step(test)
    deadline = test.deadline
    if test.phase is not Phase.HANGING_UP:
        deadline = now.monotonic + test.timers.hang_up.total_seconds()
    test = _know(test, hung_up_because=test.facts.hung_up_because or reason)
    order = HangUp(line=test.line, attempt=test.attempt)
    return Step(replace(test, phase=Phase.HANGING_UP, deadline=deadline), (Send(order=order),))


def _answered(test: SelfTest, event: events.Answered) -> Step:
    if event.weak:
        return Step(_know(test, weak_answer=test.facts.weak_answer or event.evidence))
    if test.facts.answered_at is not None:
        return Step(test)
    test = _know(test, answered_at=event.at, answer=event.evidence)
    row = _row(test, "call.answered", evidence=event.evidence)
    if test.phase is not Phase.CALLING:
        return Step(test, (row,))
    allowed = _until(test, event.at + test.timers.clip_start.total_seconds())
    return Step(replace(test, phase=Phase.PLAYING, deadline=allowed), (row,))


def _clip_started(test: SelfTest, event: events.ClipStarted) -> Step:
    if test.phase not in (Phase.CALLING, Phase.PLAYING) or event.clip != test.clip:
        return Step(test)
    if test.facts.greeting_at is None:
        test = _know(test, greeting_at=event.at)
    deadline = _until(test, event.at + test.clip_seconds + test.timers.clip_margin.total_seconds())
    return Step(replace(test, phase=Phase.PLAYING, deadline=deadline))


def _clip_finished(test: SelfTest, event: events.ClipFinished) -> Step:
    if event.clip != test.clip or not event.complete:
        return Step(test)
    test = _know(test, introduced=True)
    if test.phase is not Phase.PLAYING:
        return Step(test)
    deadline = _until(test, event.at + KEY_WAIT)
    return Step(replace(test, phase=Phase.WAITING, deadline=deadline))


def _key(test: SelfTest, event: events.KeyHeard) -> Step:
    if len(test.heard) >= MAX_PRESS_ROWS:
        return Step(test)
    effects: list[Effect] = []
    if test.facts.answered_at is None:
        proof = f"key {event.key}"
        test = _know(test, answered_at=event.at, answer=proof)
        effects.append(_row(test, "call.answered", evidence=proof))
    begun_at = test.facts.greeting_at
    effects.append(
        _row(
            test,
            "call.key",
            key=event.key,
            witness=event.witness.value,
            sureness=round(event.sureness, 3),
            offset_ms=None if begun_at is None else round((event.at - begun_at) * 1000),
            counted=False,
            purpose=PURPOSE,
        )
    )
    press = Press(event.key, event.witness.value)
    test = _know(
        test,
        presses=(*test.facts.presses, press),
        chosen_at=test.facts.chosen_at if test.facts.chosen_at is not None else event.at,
    )
    heard = Key(key=event.key, at=event.at, witness=event.witness, sureness=event.sureness)
    test = replace(test, heard=(*test.heard, heard))
    if not test.missing and test.phase is not Phase.HANGING_UP:
        test = replace(
            _know(test, message_complete=True),
            phase=Phase.SETTLING,
            deadline=_until(test, event.at + SETTLE),
        )
    return Step(test, tuple(effects))


def _confirm(test: SelfTest, event: events.KeyConfirmed) -> SelfTest:
    presses = confirmed(test.facts.presses, event.key, event.witness.value, event.sureness)
    heard = tuple(
        replace(key, confirmed_by=event.witness) if now is not before else key
        for key, before, now in zip(test.heard, test.facts.presses, presses, strict=True)
    )
    return replace(_know(test, presses=presses), heard=heard)


def _time_reached(test: SelfTest, now: Now) -> Step:
    if test.phase is Phase.HANGING_UP:
        silence = "the line did not confirm the end in time"
        return _conclude(test, None, now.monotonic, silence, None, confirmed=False)
    if now.monotonic >= test.end_by:
        return _hang_up(test, "window_end", now)
    match test.phase:
        case Phase.CALLING:
            return _hang_up(test, "ring_timeout", now)
        case Phase.PLAYING if test.facts.greeting_at is None:
            failed = _know(test, audio_failure="the clip did not start")
            return _hang_up(failed, "audio_failed", now)
        case Phase.PLAYING:
            # Its end was not told; the keys are awaited all the same.
            deadline = _until(test, now.monotonic + KEY_WAIT)
            return Step(replace(test, phase=Phase.WAITING, deadline=deadline))
        case Phase.WAITING if test.plays < PLAYS:
            allowed = (test.timers.clip_start + test.timers.clip_margin).total_seconds()
            deadline = _until(test, now.monotonic + allowed + test.clip_seconds)
            again = replace(test, phase=Phase.PLAYING, plays=test.plays + 1, deadline=deadline)
            order = Play(line=test.line, attempt=test.attempt, clip=test.clip)
            return Step(again, (Send(order=order),))
        case Phase.WAITING:
            return _hang_up(test, "keys_missing", now)
        case _:
            return _hang_up(test, "keys_heard", now)


def _conclude(
    test: SelfTest,
    cause: events.Cause | None,
    at: float,
    end: str,
    code: int | None,
    *,
    confirmed: bool,
) -> Step:
    facts = test.facts
    result = outcome(facts, cause, at)
    if result is Outcome.DECLINED:
        # Nobody was asked to agree to anything: an answered test without a key is one that failed,
        # and must not count as a refusal for the law's rests.
        result = Outcome.FAILED
    rung_until = facts.answered_at if facts.answered_at is not None else at
    rung = 0.0 if facts.ringing_at is None else rung_until - facts.ringing_at
    talked = 0.0 if facts.answered_at is None else at - facts.answered_at
    row = _row(
        test,
        "call.ended",
        outcome=result.value,
        evidence=evidence(facts, end=end, code=code, confirmed=confirmed) | {"purpose": PURPOSE},
        cause=None if cause is None else cause.value,
        ring_seconds=round(max(rung, 0.0), 3),
        talk_seconds=round(max(talked, 0.0), 3),
    )
    done = replace(test, phase=Phase.DONE, outcome=result, confirmed=confirmed)
    return Step(done, (row,))


def _row(test: SelfTest, kind: str, **data: Any) -> Record:
    return Record(
        kind=kind,
        subject=test.subject,
        data={"attempt": test.attempt, "line": test.line, **data},
    )
