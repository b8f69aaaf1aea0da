"""The states of one incoming call and what moves it. Pure; the moves are in
:mod:`appliance.call.incoming`.

Every state that waits carries its own deadline in box-monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique

from appliance.call.outcome import Press
from appliance.call.state import CallEvent, TimeReached
from appliance.effects import Record, Send
from appliance.model import Timers


@unique
class Ending(StrEnum):
    """How an incoming call ended, as ``incoming.ended`` says it."""

    OBJECTED = "objected"
    NO_KEY = "no_key"
    """Answered; key 9 was not heard."""
    MISSED = "missed"
    """The caller gave up before the answer."""
    REJECTED = "rejected"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingCall:
    """What does not change during one incoming call."""

    attempt: str
    line: str
    subject: str | None
    """The registered person with this number."""
    number_hash: str
    """Empty where the network gave no number that can be read."""
    greeting: str
    """The clip that says who answers and how to object; empty where there is none."""
    confirmation: str
    """The clip that confirms an objection."""
    object_key: str
    durations: Mapping[str, float]
    """Length of each clip in seconds."""
    timers: Timers


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the call; it only grows. Times are box-monotonic seconds."""

    answered_at: float | None = None
    presses: tuple[Press, ...] = field(default=())
    objected: bool = False
    audio_failure: str | None = None
    hung_up_because: str | None = None
    """Why the box hung up, or rejected; None while it has not."""


@dataclass(frozen=True, slots=True)
class _Live:
    call: IncomingCall
    facts: Facts
    deadline: float


class Answering(_Live):
    """The order to answer is out."""

    __slots__ = ()


class Greeting(_Live):
    """Answered: the clip that says how to object plays."""

    __slots__ = ()


class Waiting(_Live):
    """The clip is over; the key is awaited."""

    __slots__ = ()


class Confirming(_Live):
    """The objection is recorded; the clip that says so plays."""

    __slots__ = ()


class HangingUp(_Live):
    """The hang-up (or rejection) was ordered; the line must confirm that it is silent."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Concluded:
    """The end is recorded. Of what comes now only an objection counts."""

    call: IncomingCall
    facts: Facts
    confirmed: bool
    """Whether the line said that its call list is empty."""


IncomingState = Answering | Greeting | Waiting | Confirming | HangingUp | Concluded
Live = Answering | Greeting | Waiting | Confirming | HangingUp


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpCaller:
    """The call must end now (it is recorded already why): ``stop`` or ``storage``."""

    why: str


IncomingInput = CallEvent | TimeReached | HangUpCaller


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerObjects:
    """Record the caller's withdrawal, before the effects that follow in the step.

    Whether a consent stood until now, and which, is known to the campaign alone.
    """

    call: IncomingCall


Effect = Record | Send | CallerObjects


@dataclass(frozen=True, slots=True)
class Step:
    """Where the call stands now and what the shell must do, in order."""

    state: IncomingState
    effects: tuple[Effect, ...] = ()
