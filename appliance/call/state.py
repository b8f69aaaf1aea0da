"""The states of one call, what moves it, and the steps that several states share. Pure; the moves
are in :mod:`appliance.call.attempt`.

Every state that waits carries its own deadline in box-monotonic seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, assert_never

from appliance.call.outcome import Facts
from appliance.effects import Effect, Now, Send
from appliance.model import Outcome, Script, Timers
from firmware import events
from firmware.events import Machine
from firmware.orders import HangUp, Play


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Which key asks for the message and which objects."""

    listen: str = "1"
    object: str = "9"
    other: str = ""
    """Further keys to listen for; they mean nothing in a campaign's call."""

    @property
    def offered(self) -> str:
        """All keys to listen for, in the order in which they are asked for."""
        return self.listen + self.object + self.other


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimProof:
    """Where a box belongs to a fleet: the place of this attempt in the fleet's log."""

    sequence: int
    number: int
    """Which attempt at the person it is, over all boxes."""
    pid: str
    """The person's pseudonym in the campaign."""
    dial_by: float
    """Box-monotonic end of the fleet's grant."""

    def row(self) -> dict[str, object]:
        """What the ledger says of it."""
        return {"pid": self.pid, "number": self.number, "sequence": self.sequence}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What does not change during one call. Times are box-monotonic seconds."""

    attempt: str
    line: str
    subject: str
    number_hash: str
    script: Script
    timers: Timers
    keys: Keys
    authorised_at: datetime
    begun_at: float
    dial_by: float
    """The clearance expires here: a dial not under way by then is called off."""
    answer_by: float
    end_by: float
    """The window ends here."""
    linger: float
    """Seconds between the last clip and the hang-up in which a key may still be told."""
    claim: ClaimProof | None = None


@dataclass(frozen=True, slots=True)
class _Live:
    call: Call
    facts: Facts
    deadline: float


class Dialling(_Live):
    """The order is out; nothing rings yet."""

    __slots__ = ()


class Ringing(_Live):
    """The far phone rings."""

    __slots__ = ()


class Greeting(_Live):
    """Answered, or the line believes so: the greeting plays, keys count from its first sample."""

    __slots__ = ()


class Waiting(_Live):
    """Nothing plays; a key is awaited."""

    __slots__ = ()


class Reminding(_Live):
    """The prompt is repeated; keys count."""

    __slots__ = ()


class Telling(_Live):
    """The listen key was pressed: the message plays."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Closing(_Live):
    """The last clip (farewell, or confirmation of the objection) plays before the hang-up."""

    clip: str
    reason: str
    played: bool = False
    """The clip is over; what was pressed under it may still be told."""


class HangingUp(_Live):
    """The hang-up was ordered; the line must confirm that it is silent."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Concluded:
    """The one outcome is recorded. Nothing moves this state."""

    call: Call
    facts: Facts
    outcome: Outcome
    confirmed: bool
    """Whether the line said that its call list is empty."""


AttemptState = (
    Dialling | Ringing | Greeting | Waiting | Reminding | Telling | Closing | HangingUp | Concluded
)
Live = Dialling | Ringing | Greeting | Waiting | Reminding | Telling | Closing | HangingUp
BeforeAnswer = Dialling | Ringing
Asking = Greeting | Waiting | Reminding


@dataclass(frozen=True, slots=True)
class TimeReached:
    """Time has passed; a state whose deadline is reached moves on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """The person's consent was withdrawn by other means (it is recorded already)."""

    by: str


@dataclass(frozen=True, slots=True)
class ShutDown:
    """The program ends: the call is cut, and nobody has declined."""


CallEvent = (
    events.Dialled
    | events.Ringing
    | events.Answered
    | events.ClipStarted
    | events.ClipAdvanced
    | events.ClipFinished
    | events.KeyHeard
    | events.KeyConfirmed
    | events.KeyUnconfirmed
    | events.MachineHeard
    | events.AudioFailed
    | events.Ended
)
"""What a line reports about one call."""
AttemptInput = CallEvent | events.StopRaised | TimeReached | Withdrawn | ShutDown


MONOLOGUE_WAIT = 2.0
"""Seconds left to press a key once the far end talked on like a machine."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where the call stands now and what the shell must do, in order."""

    state: AttemptState
    effects: tuple[Effect, ...] = ()


def progress(state: object) -> str:
    """Return the words by which ``status`` names a state of any call: ``hanging up``."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(state).__name__).lower()


def know(state: Live, **facts: Any) -> Live:
    """Return the same state with these facts about the call noted."""
    return replace(state, facts=replace(state.facts, **facts))


def until(call: Call, deadline: float) -> float:
    """Return *deadline*, or the end of the window where that comes first."""
    return min(deadline, call.end_by)


def play(state: Live, clip: str) -> Send:
    return Send(order=Play(line=state.call.line, attempt=state.call.attempt, clip=clip))


def clip_deadline(call: Call, clip: str, at: float, *, started: bool) -> float:
    """Return when *clip*, begun or ordered at *at*, counts as over without a notice."""
    timers = call.timers
    allowance = timers.clip_margin if started else timers.clip_margin + timers.clip_start
    return until(call, at + call.script.durations[clip] + allowance.total_seconds())


def advanced_deadline(call: Call, event: events.ClipAdvanced) -> float:
    """Return when the rest of a clip that goes on counts as over without a notice."""
    rest = call.script.durations[event.clip] - event.played_ms / 1000
    return until(call, event.at + max(rest, 0.0) + call.timers.clip_margin.total_seconds())


def hang_up(state: Live, reason: str, now: Now, *, again: bool = False) -> Step:
    """Order the hang-up once; *again* repeats the order and leaves its deadline."""
    if isinstance(state, HangingUp) and not again:
        return Step(state)
    call = state.call
    facts = replace(state.facts, hung_up_because=state.facts.hung_up_because or reason)
    deadline = now.monotonic + call.timers.hang_up.total_seconds()
    if isinstance(state, HangingUp):
        deadline = state.deadline
    order = HangUp(line=call.line, attempt=call.attempt)
    return Step(HangingUp(call, facts, deadline), (Send(order=order),))


class CutOff(NamedTuple):
    """How a call is ended from outside: by the stop, the end of the program, a withdrawal."""

    facts: Facts
    reason: str
    again: bool
    """Order the hang-up even where one was ordered already."""


def cut_off(facts: Facts, event: events.StopRaised | ShutDown | Withdrawn) -> CutOff:
    """Return what *event* means to a call that was dialled, in whatever state: each machine of
    such a call hangs up on it."""
    match event:
        case events.StopRaised():
            # The line has hung up by itself; the order covers a dial that was still on its way
            # to the line's thread when the stop went past it.
            return CutOff(replace(facts, stopped=facts.stopped or event.source), "stop", again=True)
        case ShutDown():
            stopped = facts.stopped or "shutdown"
            return CutOff(replace(facts, stopped=stopped), "shutdown", again=False)
        case Withdrawn():
            return CutOff(replace(facts, withdrawn=event.by), "withdrawn", again=False)
    assert_never(event)


def close(state: Live, clip: str, reason: str, now: Now) -> Step:
    """Play the last *clip*; its end hangs up because of *reason*."""
    deadline = clip_deadline(state.call, clip, now.monotonic, started=False)
    return Step(Closing(state.call, state.facts, deadline, clip, reason), (play(state, clip),))


def wait(state: Live, at: float) -> Waiting:
    """Wait for a key from *at* on."""
    seconds = state.call.timers.key_wait.total_seconds()
    if state.facts.machine is Machine.MONOLOGUE:
        seconds = min(seconds, MONOLOGUE_WAIT)
    return Waiting(state.call, state.facts, until(state.call, at + seconds))
