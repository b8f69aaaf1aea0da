"""What a call means for its line once it is over, and the end of a Dial that became none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware.call.inbox import Item
from firmware.events import Cause, Ended, Event
from firmware.faults import Fault
from firmware.orders import Dial

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
