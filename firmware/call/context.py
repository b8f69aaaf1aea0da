"""A line as one of its calls sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from firmware.at.outcomes import Reply
from firmware.call.inbox import Inbox
from firmware.clock import Clock
from firmware.events import Event
from firmware.families.base import Family
from firmware.faults import Fault


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
