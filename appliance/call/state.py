"""The states of one call and what moves it: data only, the moves are in
:mod:`appliance.call.attempt`.

Every state that waits carries its own deadline in box-monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from appliance.call.outcome import Facts
from appliance.model import Outcome, Script, Timers
from firmware import events


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
    linger: float = 0.0
    """Seconds between the last clip and the hang-up in which a key may still be told."""


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


State = (
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


CallEvent = (
    events.Dialled
    | events.Ringing
    | events.Answered
    | events.ClipStarted
    | events.ClipFinished
    | events.KeyHeard
    | events.KeyConfirmed
    | events.KeyUnconfirmed
    | events.MachineHeard
    | events.AudioFailed
    | events.Ended
)
"""What a line reports about one call."""
AttemptInput = CallEvent | events.StopRaised | TimeReached | Withdrawn
