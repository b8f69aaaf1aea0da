"""The states of a self-test and the steps that several share. Pure; the moves are in
:mod:`appliance.selftest.machine`.

Every state that waits carries its own deadline in box-monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from appliance.call.outcome import Facts
from appliance.effects import Effect, Now, Send
from appliance.model import Outcome, Timers
from firmware import events
from firmware.orders import HangUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the test as the witnesses heard it."""

    key: str
    at: float
    witness: events.Witness
    sureness: float
    confirmed_by: events.Witness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUnderTest:
    """What does not change during one self-test. Times are box-monotonic seconds."""

    attempt: str
    line: str
    subject: str
    clip: str
    clip_seconds: float
    timers: Timers
    end_by: float
    """The window ends here."""
    keys: tuple[str, ...]
    """The keys to be pressed."""


@dataclass(frozen=True, slots=True)
class _Test:
    call: CallUnderTest
    facts: Facts
    plays: int
    """How often the clip was asked for; the line plays it by itself at the answer."""
    heard: tuple[Key, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Keys that nobody heard yet, in the order in which they are asked for."""
        heard = {key.key for key in self.heard}
        return tuple(key for key in self.call.keys if key not in heard)

    @property
    def latency(self) -> float | None:
        """Seconds from the answer to the first frame; None where either never came."""
        answered, begun = self.facts.answered_at, self.facts.greeting_at
        return None if answered is None or begun is None else max(0.0, begun - answered)


@dataclass(frozen=True, slots=True)
class _Live(_Test):
    deadline: float


class Calling(_Live):
    """The order to dial is out; nobody has answered."""

    __slots__ = ()


class Playing(_Live):
    """The clip was asked for, or plays."""

    __slots__ = ()


class Waiting(_Live):
    """The clip is over; keys are missing still."""

    __slots__ = ()


class Settling(_Live):
    """Every key was heard; the slower witness has its time."""

    __slots__ = ()


class HangingUp(_Live):
    """The hang-up was ordered; the line must confirm that it is silent."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Concluded(_Test):
    """The one outcome is recorded. Nothing moves this state."""

    outcome: Outcome
    confirmed: bool
    """Whether the line said that its call list is empty."""


SelfTestState = Calling | Playing | Waiting | Settling | HangingUp | Concluded
Live = Calling | Playing | Waiting | Settling | HangingUp


@dataclass(frozen=True, slots=True)
class Step:
    """Where the test stands now and what the shell must do, in order."""

    state: SelfTestState
    effects: tuple[Effect, ...] = ()


def know(state: Live, **facts: Any) -> Live:
    """Return the same state with these facts about the call noted."""
    return replace(state, facts=replace(state.facts, **facts))


def move(state: Live, to: type[Live], deadline: float) -> Live:
    """Return the state *to*, with what is known so far; no call outlasts its window."""
    until = min(deadline, state.call.end_by)
    return to(state.call, state.facts, state.plays, state.heard, until)


def hang_up(state: Live, reason: str, now: Now, *, again: bool = False) -> Step:
    """Order the hang-up once; *again* repeats the order and leaves its deadline."""
    if isinstance(state, HangingUp) and not again:
        return Step(state)
    call = state.call
    state = know(state, hung_up_because=state.facts.hung_up_because or reason)
    if not isinstance(state, HangingUp):
        # Also after the end of the window: the line must have its time to confirm.
        deadline = now.monotonic + call.timers.hang_up.total_seconds()
        state = HangingUp(call, state.facts, state.plays, state.heard, deadline)
    return Step(state, (Send(order=HangUp(line=call.line, attempt=call.attempt)),))
