"""The ledger rows of one call; ``docs/ledger.md`` says what they mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from appliance.call import incoming_state
from appliance.call.incoming_state import Ending, IncomingCall
from appliance.call.outcome import End, Facts, evidence, told
from appliance.call.state import Call, ClaimProof
from appliance.effects import Record
from appliance.model import Clearance, OpenAttempt, Outcome
from firmware import events


def authorised(
    clearance: Clearance,
    *,
    attempt: str,
    line: str,
    purpose: str,
    claim: ClaimProof | None = None,
) -> Record:
    """What the gate allowed, and on which grounds; it must be on disk before the dial."""
    fleet = {} if claim is None else {"claim": claim.row()}
    return Record(
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
            **fleet,
        },
    )


class OneCall(Protocol):
    """What the rows of a campaign's call and of a self-test's say of the call itself."""

    @property
    def attempt(self) -> str: ...

    @property
    def line(self) -> str: ...

    @property
    def subject(self) -> str: ...


def answered(call: OneCall, proof: str) -> Record:
    return Record(
        kind="call.answered",
        subject=call.subject,
        data={"attempt": call.attempt, "line": call.line, "evidence": proof},
    )


def key(
    call: OneCall, facts: Facts, event: events.KeyHeard, *, counted: bool, **more: object
) -> Record:
    """A press; ``counted`` tells whether it chose or objected."""
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
            **more,
        },
    )


def revoked(call: Call) -> Record:
    """The objection key; this row comes before anything else that the press causes."""
    return Record(
        kind="consent.revoked",
        subject=call.subject,
        data={"by": "key", "number_hash": call.number_hash, "attempt": call.attempt},
    )


def ended(call: OneCall, facts: Facts, result: Outcome, end: End, **more: object) -> Record:
    """The one outcome with the evidence behind it; *more* is evidence of this kind of call."""
    rung_until = facts.answered_at if facts.answered_at is not None else end.at
    return _ended(
        "call.ended",
        {"attempt": call.attempt, "line": call.line},
        call.subject,
        outcome=result.value,
        evidence=evidence(facts, end) | more,
        cause=end.cause,
        ring_seconds=_between(facts.ringing_at, rung_until),
        talk_seconds=_between(facts.answered_at, end.at),
    )


def lost(attempt: OpenAttempt) -> Record:
    """An attempt that a crash left without an end: it counts as made."""
    return _ended(
        "call.ended",
        {"attempt": attempt.id, "line": attempt.line},
        attempt.subject,
        outcome=Outcome.UNKNOWN.value,
        evidence={"end": "found without an end at start", "confirmed": False},
        cause=None,
        ring_seconds=0.0,
        talk_seconds=0.0,
    )


def incoming_answered(call: IncomingCall, proof: str) -> Record:
    return Record(
        kind="incoming.answered",
        subject=call.subject,
        data={"incoming": call.attempt, "line": call.line, "evidence": proof},
    )


def incoming_key(call: IncomingCall, event: events.KeyHeard, *, counted: bool) -> Record:
    """A caller's press; ``counted`` tells whether it objected."""
    return Record(
        kind="incoming.key",
        subject=call.subject,
        data={
            "incoming": call.attempt,
            "key": event.key,
            "witness": event.witness.value,
            "sureness": round(event.sureness, 3),
            "counted": counted,
        },
    )


def incoming_ended(
    call: IncomingCall, facts: incoming_state.Facts, result: Ending, end: End
) -> Record:
    """How somebody's call to the box ended; ``why`` says why the box hung up or rejected."""
    proof: dict[str, object] = {
        "end": end.evidence,
        "code": end.code,
        "confirmed": end.confirmed,
        "keys": told(facts.presses),
    }
    if facts.audio_failure is not None:
        proof["audio"] = facts.audio_failure
    return _ended(
        "incoming.ended",
        {"incoming": call.attempt, "line": call.line},
        call.subject,
        outcome=result.value,
        evidence=proof,
        cause=end.cause,
        why=facts.hung_up_because,
        talk_seconds=_between(facts.answered_at, end.at),
    )


def waiting_gone(event: events.WaitingGone, subject: str | None) -> Record:
    """Somebody called while a call was up, and nobody answered them after it."""
    return _ended(
        "incoming.ended",
        {"incoming": event.attempt, "line": event.line},
        subject,
        outcome=Ending.MISSED.value,
        evidence={"end": event.why, "code": None, "confirmed": True, "keys": []},
        cause=None,
        why="the line was in a call",
        talk_seconds=0.0,
    )


def _ended(
    kind: str,
    which: Mapping[str, str],
    subject: str | None,
    *,
    outcome: str,
    evidence: Mapping[str, object],
    cause: events.Cause | None,
    talk_seconds: float,
    **more: object,
) -> Record:
    """Every row that ends a call, whoever called whom."""
    return Record(
        kind=kind,
        subject=subject,
        data={
            **which,
            "outcome": outcome,
            "evidence": dict(evidence),
            "cause": None if cause is None else cause.value,
            "talk_seconds": talk_seconds,
            **more,
        },
    )


def _between(begun: float | None, over: float) -> float:
    return 0.0 if begun is None else round(max(over - begun, 0.0), 3)
