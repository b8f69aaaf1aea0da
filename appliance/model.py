"""The words of the box: people, permissions, attempts, outcomes. Data only. Pure.

All times are aware UTC ``datetime``. All classes are frozen: a change makes a new value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from typing import NamedTuple


@unique
class Outcome(StrEnum):
    """How one attempt ended; exactly one per attempt (design contract of the ledger)."""

    LISTENED = "listened"
    PARTIAL = "partial"
    DECLINED = "declined"
    OPTED_OUT = "opted_out"
    VOICEMAIL = "voicemail"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-open span of UTC time, ``[start, end)``."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("an interval must end after it starts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One person's number. Erasable: nothing of this but ``subject`` reaches the ledger."""

    subject: str
    """Random id (32 hex digits); the ledger knows the person by this alone."""
    number: str
    """E.164 with ``+``."""
    number_hash: str
    """Keyed hash of the number (HMAC-SHA-256, hex); survives erasure so that a no stays a no."""
    name: str
    language: str
    """ISO 639-1, lower case."""
    timezone: str
    """IANA zone name, checked to exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One agreement, as it was given. Never edited; a newer one stands beside it."""

    id: str
    """Random id (32 hex digits)."""
    subject: str
    purpose: str
    given_at: datetime
    source: str
    evidence: str
    windows: str
    """Canonical text of the weekly windows, e.g. ``mon-fri 18:00-20:00; sat 10:00-12:00``."""
    valid_until: datetime | None
    recorded_at: datetime
    """When the box learned of it."""


class Sketch(NamedTuple):
    """A person with a single consent, as far as it takes to guess when they may be called."""

    number: str
    timezone: str
    purpose: str
    given_at: datetime
    windows: str
    valid_until: datetime | None
    proven: bool
    """The consent says how it was obtained and where the proof is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A withdrawal: final until a consent *given* later."""

    at: datetime
    by: str
    """``key``, ``sms``, ``command``, ``incoming``; ``erased`` for a number whose person was
    forgotten without ever objecting."""

    def ends(self, given_at: datetime, recorded_at: datetime) -> bool:
        """Tell whether it ends a consent that was given and recorded at these times.

        It ends all that were given or recorded up to it: a consent dated into the future does not
        outlive a withdrawal, and one recorded before a withdrawal cannot be its reversal.
        """
        return given_at <= self.at or recorded_at <= self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMessage:
    """A text message that is not understood and may object. Personal data: the registry alone."""

    id: str
    """32 hex digits; the ledger knows the message by this alone."""
    received_at: datetime
    sent_at: datetime | None
    """As the message centre stamped it."""
    line: str
    number: str
    """The sender as the network wrote it: digits, or the letters of a name."""
    numbers: tuple[str, ...]
    """Whose numbers that can be, E.164, the likeliest first."""
    readings: tuple[str, ...]
    """The text in each way that it can be read; none where no text could be made of it."""
    why: str
    """``not_understood``, ``unreadable``, ``sender_unknown`` or ``several_people``."""
    pdus: tuple[str, ...]
    """As the modem had it, where its reading is doubtful."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the history keeps of one attempt, for caps and rest times."""

    id: str
    authorised_at: datetime
    outcome: Outcome | None
    """None while the call is running."""
    ended_at: datetime | None = None
    bench: bool = False
    purpose: str = ""
    """What it was made for; empty where no row says so."""
    answered: bool = False
    """Somebody or something took the call, whatever became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptElsewhere:
    """An attempt at a person of ours that stands in the fleet's log and not in our history."""

    number: int
    """Which attempt at the person it is, over all boxes."""
    box: str
    attempt: str
    at: datetime
    prior: bool = False
    """Made before its box joined the fleet."""
    ended: bool = False
    outcome: Outcome | None = None
    """None while it runs, and where nobody was dialled."""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What happened to one person so far, oldest first; derived from the ledger."""

    attempts: tuple[Attempt, ...] = ()
    revocation: Revocation | None = None
    """The newest one, from the subject's rows or the suppression list (by number hash)."""
    waiting: bool = False
    """A text message from this number waits to be looked at by a person: it may object."""

    def attempts_for(self, purpose: str) -> tuple[Attempt, ...]:
        """Attempts that a campaign of *purpose* made, and those of which nobody knows whose.

        The law's caps count every attempt; a campaign's own limit and pauses count these.
        """
        ours = ("", purpose)
        return tuple([attempt for attempt in self.attempts if attempt.purpose in ours])


NO_HISTORY = History()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One rule's answer for one person at one instant."""

    rule: str
    """Stable name: ``consent``, ``window``, ``fr.FR-6.hours``, ``cap``, ``clock``, ``stop`` …"""
    allowed: bool
    reason: str
    """One sentence for people; no number, no name."""
    until: datetime | None = None
    """When this verdict may change by itself (None: not by waiting)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """Durable permission for one attempt. Only :mod:`appliance.clearance.gate` makes one."""

    subject: str
    number: str
    language: str
    consent: str
    window: Interval
    """The span in which every rule agrees; the call must end inside it."""
    profile: str
    """Law profile name and version, e.g. ``fr/2026-11``."""
    rules: tuple[str, ...]
    clock: str
    """Name of the clock source that was trusted."""
    granted_at: datetime
    expires_at: datetime
    bench: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The gate's whole answer: every rule's verdict, and a clearance where all agree."""

    verdicts: tuple[Verdict, ...]
    clearance: Clearance | None
    next_chance: Interval | None
    """The next span in which all rules of time agree (contains now where it is open)."""

    @property
    def refusals(self) -> tuple[Verdict, ...]:
        return tuple(v for v in self.verdicts if not v.allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The clips of one language and how long they last."""

    language: str
    greeting: str
    prompt: str
    message: str
    farewell: str
    opted_out: str
    incoming: str | None = None
    """What callers hear, where the box answers them."""
    durations: dict[str, float] = field(default_factory=dict)
    """Clip name to seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """Durations of one call."""

    ring: timedelta = timedelta(seconds=45)
    """How long a phone may ring before the box gives up."""
    key_wait: timedelta = timedelta(seconds=8)
    """How long to wait for a key after the greeting, and after each repeat of the prompt."""
    prompt_repeats: int = 1
    hang_up: timedelta = timedelta(seconds=20)
    """How long the line may take to confirm that it is silent."""
    set_up: timedelta = timedelta(seconds=15)
    """How long the network may take before the far phone rings."""
    clip_start: timedelta = timedelta(seconds=5)
    """How long a clip may take to start: file playback on the module is the slowest path."""
    clip_margin: timedelta = timedelta(seconds=3)
    """How long beyond its length a clip without an end notice is waited for.

    Both allow for the lateness of modems and computers, which a fast clock does not hurry.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """What happens after each outcome."""

    max_attempts: int = 3
    after: dict[Outcome, timedelta] = field(default_factory=dict)
    """Outcome to pause before the next attempt; an outcome not named is not retried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One purpose with its clips and its retry rules; a box runs one."""

    purpose: str
    attended: bool
    scripts: dict[str, Script]
    """By language; ``default_language`` serves people whose language has none."""
    default_language: str
    listen_key: str = "1"
    object_key: str = "9"
    timers: Timers = field(default_factory=Timers)
    retry: Retry = field(default_factory=Retry)

    def script(self, language: str) -> Script:
        return self.scripts.get(language) or self.scripts[self.default_language]


HexId = int | str
"""Random ids as numbers, which take half the memory; anything else as it stands."""


def hex_id(text: str) -> HexId:
    """Return the number whose 32 hexadecimal digits *text* is, else *text* itself."""
    if len(text) == 32:
        try:
            octets = bytes.fromhex(text)
        except ValueError:
            return text
        if octets.hex() == text:
            return int.from_bytes(octets, "big")
    return text


def hex_text(number: HexId) -> str:
    """Undo :func:`hex_id`."""
    return f"{number:032x}" if isinstance(number, int) else number


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """An attempt that was authorised and has no outcome yet."""

    id: str
    subject: str
    line: str
    authorised_at: datetime
    bench: bool
    purpose: str = ""


def utc_text(at: datetime) -> str:
    """Return *at* as commands and exports write it: UTC, whole seconds (ISO 8601 with ``Z``)."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockWord:
    """A person's word that the clock was right, at an instant of one boot of the computer."""

    by: str
    at: datetime
    boot: str
    """The kernel's random id of that boot: another one means that power was lost."""
    since_boot: float
    """Seconds on the clock that no step moves, at that instant."""
