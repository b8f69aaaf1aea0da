"""The fleet, in the words of the engine: what it is asked, and what it says. Data and protocols.

A box without a fleet knows these words and nobody who says them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from appliance.clearance.circumstances import FleetStanding
from appliance.model import AttemptElsewhere


class Fleet(Protocol):
    """The fleet, as far as deciding needs it."""

    def barred(self) -> str | None:
        """Return why nobody may be dialled now, whoever it is; None where claims can be asked."""
        ...

    def pseudonym(self, number: str) -> str:
        """Return the name of *number* (E.164) in the campaign."""
        ...

    def objected(self, pid: str) -> datetime | None:
        """Return when the person *pid* objected at another box, None where they did not."""
        ...

    @property
    def heard(self) -> int:
        """How many objected at other boxes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimGranted:
    """The fleet's log holds this box's claim: dial, if the gate still agrees, and soon."""

    attempt: str
    sequence: int
    number: int
    """Which attempt at the person it is, over all boxes."""
    dial_by: float
    """Box-monotonic end of the grant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimDenied:
    """No call follows from this claim. The attempt is used where ``sequence`` is not 0."""

    attempt: str
    reason: str
    detail: str = ""
    number: int = 0
    sequence: int = 0
    elsewhere: tuple[AttemptElsewhere, ...] = ()
    """What the log has of this person and the box's history has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectedElsewhere:
    """Another box of the fleet, or headquarters, heard the objection of the person ``pid``."""

    pid: str
    at: datetime
    box: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStopped:
    """Headquarters stops this box; ``hang_up`` where running calls end too."""

    by: str
    reason: str
    epoch: int
    hang_up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetResumed:
    """Headquarters began a new epoch for this box: a stop of the old one is over."""

    by: str
    reason: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NameObjections:
    """These people objected, and their rows lack the name by which the fleet would hear of it:
    they objected before the box joined, or no program ran that could name them."""

    subjects: tuple[str, ...]


FleetInput = (
    ClaimGranted | ClaimDenied | ObjectedElsewhere | FleetStopped | FleetResumed | NameObjections
)


def standing(fleet: Fleet | None, number: str) -> FleetStanding | None:
    """Return how the box and the person with *number* stand in the fleet; None without one."""
    if fleet is None:
        return None
    objected = fleet.objected(fleet.pseudonym(number)) is not None
    return FleetStanding(barred=fleet.barred(), objected=objected)
