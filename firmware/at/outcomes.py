"""What a conversation with a modem yields: notices, replies, and what to write next."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.at.results import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Urc:
    """An unsolicited result code (URC, 3GPP TS 27.007; a notice, in plain words): a line that
    belongs to no command. ``at`` is when its last byte was read (monotonic)."""

    text: str
    at: float
    body: str = ""
    """The second line of ``+CMT:``, ``+CDS:`` and ``+CBM:``, which is data and never a notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one command: its own information lines and the final result."""

    final: Final
    lines: tuple[str, ...] = ()
    doubtful: bool = False
    """Older results are still owed, so this one may be one of them. Nothing must rest on it."""


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes to the port now."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Completed:
    """The running command has its final result."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The running command has none; ``lines`` is what came of its answer."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aborted:
    """The running command or resync was thrown out."""


@dataclass(frozen=True, slots=True)
class Resynchronised:
    """Commands and results are in step again."""


@dataclass(frozen=True, slots=True)
class ResyncFailed:
    """No clean answer to AT in time; the exchange stays dirty."""


Outcome = Send | Completed | TimedOut | Aborted | Resynchronised | ResyncFailed
ExchangeEvent = Urc | Outcome
