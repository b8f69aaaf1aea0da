"""What the engine needs of the rules and of the registry, and nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from appliance.effects import Now
from appliance.model import Consent, Contact, Decision, History, Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the gate must know about the box at the instant of its decision."""

    now: Now
    stopped: bool
    paused: bool
    storage_ok: bool
    line_ready: bool
    bench: bool
    pressed: bool
    call_seconds: float
    """The longest that this call can take, from dial to hang-up."""


class Gate(Protocol):
    """The rules, bound to one purpose, profile, territory and caller number."""

    def decide(
        self, contact: Contact, consents: Sequence[Consent], history: History, situation: Situation
    ) -> Decision: ...

    def next_chance(
        self, contact: Contact, consents: Sequence[Consent], history: History, after: datetime
    ) -> Interval | None: ...


class People(Protocol):
    """The registry, as far as deciding needs it."""

    def subjects(self) -> Iterable[str]: ...

    def contact(self, subject: str) -> Contact | None: ...

    def consents(self, subject: str) -> Sequence[Consent]: ...

    def by_number(self, number: str) -> Contact | None: ...

    def number_hash(self, number: str) -> str | None:
        """The keyed hash, or None where *number* cannot be read as one."""
        ...
