"""What the engine needs of the rules and of the registry, and nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from appliance.clearance.circumstances import Circumstances
from appliance.law import Place
from appliance.model import Consent, Contact, Decision, HexId, History, Interval, Sketch
from firmware.events import AddressKind


class Gate(Protocol):
    """The rules of one run: purpose, law profile, territory, ballots and caller number."""

    @property
    def lookback(self) -> timedelta:
        """How long after its end an attempt may still hold back the next one."""
        ...

    def decide(
        self,
        contact: Contact,
        consents: Sequence[Consent],
        history: History,
        circumstances: Circumstances,
    ) -> Decision:
        """Evaluate every rule at ``circumstances.now``; only here a clearance is made."""
        ...

    def next_chance(
        self,
        contact: Contact,
        consents: Sequence[Consent],
        history: History,
        after: datetime,
        call_seconds: float,
    ) -> Interval | None:
        """Return the next span with room for a whole call from *after* on, or None."""
        ...

    def place(self, number: str, timezone: str) -> Place | None:
        """Return where somebody is, as far as rules ask; None where the zone is nobody's."""
        ...

    def next_hours(
        self, place: Place, windows: str, after: datetime, call_seconds: float
    ) -> Interval | None:
        """Return the same for somebody whom nothing but these windows and the law bounds."""
        ...


class People(Protocol):
    """The registry, as far as deciding needs it."""

    def subjects(self) -> Iterable[HexId]:
        """Return everybody who is registered now; what changes later does not disturb it."""
        ...

    def contact(self, subject: str) -> Contact | None: ...

    def consents(self, subject: str) -> Sequence[Consent]: ...

    def sketch(self, subject: HexId) -> Sketch | None:
        """Return somebody's hours at a small cost, or None where it takes a whole look."""
        ...

    def by_number(self, number: str) -> Contact | None:
        """Return whose number this is; *number* comes from the network and may be anything."""
        ...

    def possible(self, number: str, kind: AddressKind, iccid: str | None, /) -> tuple[str, ...]:
        """Return what a number of the network can be as E.164, the likeliest first.

        *iccid* is of the SIM that it came to, whose country reads national digits.
        """
        ...

    def message_id(self, mark: str, /) -> str:
        """Return the id of a text message (32 hex digits), which tells nothing of it."""
        ...

    def arriving(self, number_hash: str, /) -> datetime | None:
        """Return when consents of this number that are on their way count as recorded, or None.

        An import that runs knows them; the registry does not yet.
        """
        ...

    def number_hash(self, number: str) -> str | None:
        """Return the keyed hash, or None where *number* cannot be read as one."""
        ...
