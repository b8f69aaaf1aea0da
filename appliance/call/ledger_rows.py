"""The ledger rows of one call; ``docs/ledger.md`` says what they mean. Pure."""

from __future__ import annotations

from appliance.call.outcome import Facts, evidence
from appliance.call.state import Call, Live
from appliance.effects import Record
from appliance.model import Clearance, OpenAttempt, Outcome
from firmware import events


def authorised(clearance: Clearance, *, attempt: str, line: str, purpose: str) -> Record:
    """What the gate allowed, and on which grounds; it must be on disk before the dial."""
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
        },
    )


def answered(call: Call, proof: str) -> Record:
    return Record(
        kind="call.answered",
        subject=call.subject,
        data={"attempt": call.attempt, "line": call.line, "evidence": proof},
    )


def key(call: Call, facts: Facts, event: events.KeyHeard, *, counted: bool) -> Record:
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
        },
    )


def revoked(call: Call) -> Record:
    """The objection key; this row comes before anything else that the press causes."""
    return Record(
        kind="consent.revoked",
        subject=call.subject,
        data={"by": "key", "number_hash": call.number_hash, "attempt": call.attempt},
    )


def ended(
    state: Live,
    result: Outcome,
    *,
    cause: events.Cause | None,
    at: float,
    end: str,
    code: int | None,
    confirmed: bool,
) -> Record:
    """The one outcome with the evidence behind it. *at* is box-monotonic."""
    call, facts = state.call, state.facts
    rung_until = facts.answered_at if facts.answered_at is not None else at
    rung = 0.0 if facts.ringing_at is None else rung_until - facts.ringing_at
    talked = 0.0 if facts.answered_at is None else at - facts.answered_at
    return Record(
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


def lost(attempt: OpenAttempt) -> Record:
    """An attempt that a crash left without an end: it counts as made."""
    return Record(
        kind="call.ended",
        subject=attempt.subject,
        data={
            "attempt": attempt.id,
            "line": attempt.line,
            "outcome": Outcome.UNKNOWN.value,
            "evidence": {"end": "found without an end at start", "confirmed": False},
            "cause": None,
            "ring_seconds": 0.0,
            "talk_seconds": 0.0,
        },
    )
