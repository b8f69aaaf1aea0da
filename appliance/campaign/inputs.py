"""What the engine takes: the events of lines and panel, and what people and the shell ask of it.
Pure."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.campaign.doubts import Doubt
from appliance.campaign.fleet_inputs import FleetInput
from firmware import events


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Nothing happened but time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Begin no further call; a running one goes on."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Call again after a pause (not after the emergency stop: that takes :class:`Reset`)."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Release the latch of the emergency stop; refused while the contact is still pressed."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleChanged:
    """Contacts or consents were added or erased; None means anybody may have changed."""

    subjects: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """Somebody objected, through the operator or in a call. ``subject`` is None for a number that
    nobody has."""

    subject: str | None
    number_hash: str
    by: str = "command"
    call: str | None = None
    """The attempt or incoming call in which a key told it."""

    @property
    def told(self) -> dict[str, object]:
        """What the row says of that call."""
        if self.call is None:
            return {}
        return {"incoming" if self.by == "incoming" else "attempt": self.call}


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFailed:
    """The disk refused a row: nothing more can be made durable in this run."""

    detail: str


@dataclass(frozen=True, slots=True)
class ShutDown:
    """The program ends: begin no further call, and cut the running ones. Not recorded, since a
    restart knows nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDoubted:
    """Something in the state is not as the box left it: begin no further call."""

    doubt: Doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtSettled:
    """What was doubted under this code is as it should be."""

    code: str


Input = (
    events.Event
    | Tick
    | Pause
    | Resume
    | Reset
    | PeopleChanged
    | Revoke
    | StorageFailed
    | StateDoubted
    | DoubtSettled
    | ShutDown
    | FleetInput
)
"""All that one step of the engine can take."""
