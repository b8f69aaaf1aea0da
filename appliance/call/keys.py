"""What a key does in a call, and who else heard it. Pure."""

from __future__ import annotations

from dataclasses import replace

from appliance.call import ledger_rows
from appliance.call.outcome import Press, confirmed, missed
from appliance.call.state import (
    Asking,
    Call,
    Concluded,
    HangingUp,
    Live,
    Step,
    Telling,
    clip_deadline,
    close,
    know,
    play,
)
from appliance.effects import Effect, Now, StoreRevocation
from appliance.model import Revocation
from firmware import events

MAX_PRESS_ROWS = 32
"""Meaningless keys written per call: a detector that goes wild must not fill the disk. A key
that counts is always written, because content and withdrawal rest on it."""


def press(state: Live, event: events.KeyHeard, now: Now) -> Step:
    """Take a key: the listen key from the greeting's first sample on, the objection key always."""
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
        effects += _objection(call, now)
    if (objects or chooses) and facts.answered_at is None:
        proof = f"key {event.key}"
        state = know(state, answered_at=event.at, answer=proof)
        effects.append(ledger_rows.answered(call, proof))
    if objects or chooses or len(facts.presses) < MAX_PRESS_ROWS:
        effects.append(ledger_rows.key(call, facts, event, counted=objects or chooses))
        noted = Press(event.key, event.witness.value)
        state = know(state, presses=(*facts.presses, noted))
    if objects:
        state = know(state, opted_out=True)
        if isinstance(state, HangingUp):
            return Step(state, tuple(effects))
        closing = close(state, call.script.opted_out, "opted_out", now)
        return Step(closing.state, (*effects, *closing.effects))
    if chooses:
        message = call.script.message
        state = know(state, chosen_at=event.at)
        deadline = clip_deadline(call, message, now.monotonic, started=False)
        telling = Telling(call, state.facts, deadline)
        return Step(telling, (*effects, play(telling, message)))
    return Step(state, tuple(effects))


def object_late(
    ended: Concluded, event: events.KeyHeard, now: Now
) -> tuple[Concluded, tuple[Effect, ...]]:
    """Take a key of a call whose outcome is written although its end is not confirmed.

    Only an objection counts still; the outcome stays.
    """
    call, facts = ended.call, ended.facts
    if event.key != call.keys.object or facts.opted_out:
        return ended, ()
    row = ledger_rows.key(call, facts, event, counted=True)
    known = replace(ended, facts=replace(facts, opted_out=True))
    return known, (*_objection(call, now), row)


def _objection(call: Call, now: Now) -> tuple[Effect, ...]:
    # Never earlier than the clearance: a clock that lost its time must not date a no before the
    # yes that it ends.
    revocation = Revocation(at=max(now.utc, call.authorised_at), by="key")
    return ledger_rows.revoked(call), StoreRevocation(subject=call.subject, revocation=revocation)


def confirm(state: Live, event: events.KeyConfirmed) -> Live:
    """The other witness heard the press too."""
    presses = confirmed(state.facts.presses, event.key, event.witness.value, event.sureness)
    return know(state, presses=presses)


def miss(state: Live, event: events.KeyUnconfirmed) -> Live:
    """A disagreement is evidence only: the press counted when it was heard."""
    presses = missed(state.facts.presses, event.key, event.witness.value, event.missed_by.value)
    return know(state, presses=presses)
