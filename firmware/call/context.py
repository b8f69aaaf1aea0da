"""A line as one of its calls sees it, and what the line learns from the call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from firmware.at.outcomes import Reply
from firmware.call.inbox import Inbox, Item
from firmware.clock import Clock
from firmware.events import Cause, Ended, Event
from firmware.families.base import Family
from firmware.faults import Fault
from firmware.orders import Dial


class Modem(Protocol):
    """The part of the modem that a call needs."""

    @property
    def emergency_count(self) -> int: ...

    def command(
        self, text: str, *, timeout: float = 2.0, dial: bool = False, epoch: int | None = None
    ) -> Reply: ...

    def emergency_hang_up(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSide:
    """What a line lends to each of its calls."""

    modem: Modem
    family: Family
    inbox: Inbox
    post: Callable[[Event], None]
    fault: Callable[[Fault, str], None]
    check_service: Callable[[], None]
    """Ask for the registration and tell a fault of it."""
    clock: Clock
    emergencies: Callable[[], int]
    dialling: Callable[[bool], None]
    """Told while ATD or ATA is outstanding, so that a hang-up order can overtake it."""
    log: logging.Logger


RESTARTED = "the module restarted in a call"

VOICE_LATE = "the module switched its voice on late: reset before more calls"

RADIO_CYCLED = "the radio was switched off to end a call"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What the call means for the line."""

    radio_cycled: bool = False
    reset_due: bool = False
    restarted: bool = False
    voice: tuple[Fault, str] | None = None
    """Why the voice path has to be opened anew before the next call."""
    closing: bool = False
    deferred: tuple[Item, ...] = ()


def refuse(
    post: Callable[[Event], None], dial: Dial, at: float, evidence: str, *, cause: Cause
) -> None:
    """End a Dial that never reached the port."""
    post(
        Ended(
            line=dial.line,
            at=at,
            attempt=dial.attempt,
            cause=cause,
            evidence=evidence,
            code=None,
            confirmed=True,
        )
    )
