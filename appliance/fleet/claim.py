"""May this box dial on this claim: the rules that distrust even the hub. Pure.

A claim goes up, an answer comes back, and between the two anything may happen: the link breaks,
the program is frozen, somebody objects elsewhere, the hub is one that was restored from a backup.
The rules, in the order in which a claim meets them:

* no answer means no dial; so does any refusal;
* the answer's sequence number must be higher than any this box had seen when it asked, since a hub
  that counts backwards has forgotten what it acknowledged (objections among it); what it hears
  *while* it asks may well overtake the answer;
* no objection of this person and no stop of this box was heard meanwhile, and the epoch is still
  the one that was asked in;
* at the dial command at most two seconds have passed since the claim was *sent*. They are counted
  on CLOCK_BOOTTIME of this box, which runs on while it sleeps; nobody else's clock counts.

The caller hands in the time (seconds of CLOCK_BOOTTIME) and stores :class:`Position` before it
acts on a grant.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import assert_never

from firmware.wording import worded

DIAL_WITHIN = 2.0
"""Seconds of CLOCK_BOOTTIME from sending the claim to the dial command.

An objection that is committed within them may come too late for this one call; longer, and more
would; shorter, and a link with a round trip of half a second would call nobody.
"""


@unique
class Reason(StrEnum):
    """Why a claim did not become a call."""

    CLAIMED = "claimed"
    """Another attempt at this person has that number: another box's, or this box's own."""
    OBJECTED = "objected"
    STOPPED = "stopped"
    NO_ANSWER = "no_answer"
    LATE = "late"
    FORGETFUL = "forgetful"
    """The hub counted backwards: it was restored from a backup, or lost what it had."""
    NOT_CONNECTED = "not_connected"
    REFUSED = "refused"
    """The hub said no for a reason of its own (no space, no permission)."""
    EPOCH = "epoch"
    """The epoch changed while the claim was on its way."""


def mark(subject: str, payload: bytes) -> str:
    """Return what tells a message of the log from every other that might stand in its place.

    The subject alone would not: a stop that headquarters orders anew has the old one's.
    """
    return f"{subject} {hashlib.sha256(payload).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far this box has followed the log; it is on disk before a grant is acted on."""

    highest: int = 0
    """Highest sequence number of the campaign's stream that this box ever saw."""
    epoch: int = 1
    stopped: bool = False
    """Headquarters stopped this box in this epoch."""
    stopped_by: str = ""
    forgetful: str = ""
    """Why the hub is not believed any more; empty while it is."""
    anchor: int = 0
    """Sequence number of the newest message that this box saw acknowledged, or read …"""
    anchor_subject: str = ""
    """… and its :func:`mark` (of a claim its subject): a hub that has another message there has
    lost this one, however far it has come since."""

    def bars(self) -> str | None:
        """Return why this box dials nobody, whoever it is; None where nothing bars it."""
        if self.forgetful:
            return worded(
                "the hub has forgotten what it acknowledged: {forgetful}", forgetful=self.forgetful
            )
        if self.stopped:
            who = worded(" by {stopped_by}", stopped_by=self.stopped_by) if self.stopped_by else ""
            return worded("headquarters stopped this box{who}", who=who)
        return None

    def sees(self, sequence: int, told: str = "") -> Position:
        """Note a message of the log and its :func:`mark`; it may be an old one sent again."""
        seen = self if sequence <= self.highest else replace(self, highest=sequence)
        if not told or sequence <= self.anchor:
            return seen
        return replace(seen, anchor=sequence, anchor_subject=told)

    def stops(self, epoch: int, by: str) -> Position:
        """Take a stop: of an epoch that is over it says nothing, of a later one it begins it."""
        if epoch < self.epoch:
            return self
        return replace(self, epoch=epoch, stopped=True, stopped_by=by)

    def opens(self, epoch: int, sequence: int, *, after_loss: bool) -> Position:
        """Take a new epoch: it ends every stop before it.

        Only one that says so (*after_loss*) makes this box count from there again where the hub
        went back: a person has then seen to it that every objection is in the log anew.
        """
        if epoch <= self.epoch:
            return self
        opened = replace(self, epoch=epoch, stopped=False, stopped_by="")
        if after_loss and self.forgetful:
            return replace(opened, forgetful="", highest=sequence, anchor=0, anchor_subject="")
        return opened.sees(sequence)

    def meets(self, last_sequence: int, at_anchor: str | None) -> Position:
        """Compare the hub with what this box knows of it, at each new connection.

        *last_sequence* is the stream's newest, *at_anchor* the :func:`mark` of its message at
        :attr:`anchor` (None where it has none).
        """
        if self.forgetful:
            return self
        if last_sequence < self.highest:
            return replace(
                self,
                forgetful=worded(
                    "it ends at {last_sequence}, this box has seen {highest}",
                    last_sequence=last_sequence,
                    highest=self.highest,
                ),
            )
        there = at_anchor or ""
        if self.anchor and self.anchor_subject not in (there, there.partition(" ")[0]):
            return replace(
                self,
                forgetful=worded(
                    "message {anchor} is not the one that stood there", anchor=self.anchor
                ),
            )
        return self


# --- one claim -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The claim was sent."""

    pid: str
    number: int
    """Which attempt at this person, over all boxes."""
    subject: str
    epoch: int
    sent_at: float
    """Seconds of CLOCK_BOOTTIME."""
    floor: int
    """:attr:`Position.highest` when it was sent."""
    revoked: bool = False
    """An objection of this person was heard while the claim was on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The claim is in the log. It may be dialled on until :attr:`dial_by`, once."""

    pid: str
    number: int
    sequence: int
    epoch: int
    dial_by: float
    """Seconds of CLOCK_BOOTTIME."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """No call follows. Whether the claim is in the log is another matter."""

    pid: str
    number: int
    reason: Reason
    detail: str = ""
    sequence: int = 0
    """The claim's sequence number where it is in the log all the same; else 0."""


State = Asked | Granted | Denied


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The hub wrote claim and permit; *sequence* is the last one's."""

    sequence: int


@dataclass(frozen=True, slots=True)
class NotWritten:
    """The hub refused, or nobody answered."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Objected:
    """Somebody's objection was heard, by the log or by a push."""

    pid: str


@dataclass(frozen=True, slots=True)
class Passed:
    """Nothing but time: the answer did not come."""


Event = Acknowledged | NotWritten | Objected | Passed


def step(state: State, event: Event, position: Position, at: float) -> tuple[State, Position]:
    """Move one claim at *at* (seconds of CLOCK_BOOTTIME). Total: every state takes every event.

    The position that comes back is to be on disk before a grant is acted on.
    """
    if isinstance(event, Acknowledged):
        return _acknowledged(state, event.sequence, position, at)
    if isinstance(state, Denied):
        return state, position
    match event:
        case NotWritten():
            if isinstance(state, Granted):
                return state, position
            return _denied(state, event.reason, event.detail), position
        case Objected():
            if event.pid != state.pid:
                return state, position
            if isinstance(state, Asked):
                return replace(state, revoked=True), position
            return (
                Denied(
                    pid=state.pid,
                    number=state.number,
                    reason=Reason.OBJECTED,
                    sequence=state.sequence,
                ),
                position,
            )
        case Passed():
            if isinstance(state, Asked) and at > state.sent_at + DIAL_WITHIN:
                return _denied(state, Reason.NO_ANSWER), position
            return state, position
    assert_never(event)


def refusal(state: State, position: Position, at: float) -> Reason | None:
    """Return why the dial command may not be given at *at*; None where it may.

    To be asked once more between the fsync of ``call.authorised`` and the order to the line.
    """
    if isinstance(state, Denied):
        return state.reason
    if isinstance(state, Asked):
        return Reason.NO_ANSWER
    if position.forgetful:
        return Reason.FORGETFUL
    if position.epoch != state.epoch:
        return Reason.EPOCH
    if position.stopped:
        return Reason.STOPPED
    if at > state.dial_by:
        return Reason.LATE
    return None


def _acknowledged(
    state: State, sequence: int, position: Position, at: float
) -> tuple[State, Position]:
    if isinstance(state, Denied):
        # Given up before the answer came: nobody is dialled, but the attempt is used.
        return replace(state, sequence=sequence), position.sees(sequence)
    if isinstance(state, Granted):
        return state, position
    if sequence <= state.floor:
        detail = worded(
            "a claim was numbered {sequence}, this box had seen {floor}",
            sequence=sequence,
            floor=state.floor,
        )
        return _denied(state, Reason.FORGETFUL, detail), replace(position, forgetful=detail)
    seen = position.sees(sequence).sees(sequence - 1, state.subject)
    reason: Reason | None = None
    if state.revoked:
        reason = Reason.OBJECTED
    elif position.forgetful:
        reason = Reason.FORGETFUL
    elif position.epoch != state.epoch:
        reason = Reason.EPOCH
    elif position.stopped:
        reason = Reason.STOPPED
    elif at > state.sent_at + DIAL_WITHIN:
        reason = Reason.LATE
    if reason is not None:
        return replace(_denied(state, reason), sequence=sequence), seen
    granted = Granted(
        pid=state.pid,
        number=state.number,
        sequence=sequence,
        epoch=state.epoch,
        dial_by=state.sent_at + DIAL_WITHIN,
    )
    return granted, seen


def _denied(state: Asked, reason: Reason, detail: str = "") -> Denied:
    return Denied(pid=state.pid, number=state.number, reason=reason, detail=detail)
