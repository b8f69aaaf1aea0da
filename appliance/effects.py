"""What a pure core asks the shell to do, in order.

The shell performs effects strictly in the order given, with one guarantee: when it reaches a
:class:`Send`, every :class:`Record` before it is on disk. If a record cannot be made durable,
nothing after it is performed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from appliance.model import Attempt, KeptMessage, Revocation
from firmware.orders import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Append one row to the ledger (kinds: design §8)."""

    kind: str
    subject: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Give an order to a line."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRevocation:
    """Note the withdrawal in the registry too (its ledger row always comes first)."""

    subject: str
    revocation: Revocation


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepMessage:
    """Put a text message into the registry, durably, before what follows."""

    message: KeptMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class AskClaim:
    """Ask the fleet for this attempt (its ledger row always comes first); the answer is an input.

    Only a box that belongs to a fleet is told this.
    """

    attempt: str
    line: str
    pid: str
    """The person's pseudonym in the campaign."""
    at: datetime
    known: tuple[Attempt, ...] = ()
    """The attempts at this person that count already, oldest first."""


Effect = Record | Send | StoreRevocation | KeepMessage | AskClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One ledger row as it is read back (``hash`` and ``prev`` are the ledger's business)."""

    seq: int
    at: datetime
    kind: str
    subject: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """Both clocks at one instant, read once per step of the decision loop."""

    monotonic: float
    """Box seconds, for durations."""
    utc: datetime
    """The box's best calendar time, aware UTC."""
    trusted: bool
    """Whether ``utc`` may be used to call anybody."""
    source: str
    """Name of the trusted clock source, or why there is none."""
