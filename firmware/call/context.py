"""What one line lends to its session, its calls and its recovery, and what it learns from a call.

The line outlives them all: a session lasts from a bring-up to the next fault, a call from its
order to the silence after it. What they share is here, and only here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from firmware.call.inbox import Inbox, Item
from firmware.clock import Clock
from firmware.events import AddressKind, CallerEvent, Cause, Ended, Event, KeyHeard, LineFault
from firmware.faults import REMEDIES, Fault
from firmware.line_settings import LineSettings
from firmware.modem.modem import VoiceModem
from firmware.modem.network import Service
from firmware.orders import Dial

RESTARTED = "the module restarted in a call"

VOICE_LATE = "the module switched its voice on late: reset before more calls"

RADIO_CYCLED = "the radio was switched off to end a call"

_SHORTEST_PAUSE = 0.002
"""Real seconds: a fast bench must not spin."""


class LineContext:
    """One line, shared by all that works on it. Written by its worker, read by any thread.

    ``post`` hands an event to the box; it never blocks and may be called from any thread.
    ``key_heard`` is told of a key at once, before its event may have to wait for the call list, and
    ``caller_shown`` of somebody who calls, before the event is posted: both may block while they
    make an objection durable.
    """

    def __init__(
        self,
        settings: LineSettings,
        *,
        post: Callable[[Event], None],
        clock: Clock,
        log: logging.Logger,
        key_heard: Callable[[KeyHeard], None] = lambda _: None,
        caller_shown: Callable[[CallerEvent], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.wiring = settings
        """The settings with the ports of the modem that was found, where they are ``auto``."""
        self.post = post
        self.key_heard = key_heard
        self._caller_shown = caller_shown
        self.clock = clock
        self.log = log
        self.inbox = Inbox()
        self.modem: VoiceModem | None = None
        """The modem on the port that is open now."""
        self.emergencies = 0
        """How often the stop was pressed. Written by whoever presses it."""
        self.closing = False
        """The line is to be left for good. Written by whoever closes it."""
        self.outstanding = False
        """ATD or ATA has no result yet, so that a hang-up order must overtake it."""
        self.call_doubtful = False
        """The end of the last call was not confirmed: it may be up in a powered module."""
        self.ready = False
        """Calls may be placed."""
        self.told: tuple[Fault, bool] | None = None
        """The fault that the box knows of, and whether it stays until a person helps."""
        self.detail = ""
        """Of the last fault."""

    @property
    def name(self) -> str:
        return self.settings.name

    def tell_caller(self, event: CallerEvent) -> None:
        """Tell of somebody who calls or called: an objection, where calling is one."""
        self._caller_shown(event)
        self.post(event)

    def now(self) -> float:
        """Box seconds."""
        return self.clock.monotonic()

    def pause(self, seconds: float) -> None:
        """Wait box seconds, whatever comes in meanwhile."""
        time.sleep(max(self.clock.real(seconds), _SHORTEST_PAUSE))

    def stopped_since(self, emergencies: int) -> bool:
        """Whether the stop was pressed since its count was *emergencies*."""
        return self.emergencies != emergencies

    def fault(self, fault: Fault, detail: str, *, final: bool = False) -> None:
        """Place no call any more; post a LineFault, once for each change of code or finality.

        A *final* fault stays until a person helps.
        """
        self.ready = False
        if self.told == (fault, final):
            return
        self.told = (fault, final)
        self.detail = detail
        self.post(
            LineFault(
                line=self.name,
                at=self.now(),
                fault=str(fault),
                detail=detail,
                remedy=REMEDIES[fault],
                final=final,
            )
        )

    def refuse(self, dial: Dial, evidence: str, *, cause: Cause = Cause.FAILED) -> None:
        """End a Dial that never reached the port."""
        self.post(
            Ended(
                line=dial.line,
                at=self.now(),
                attempt=dial.attempt,
                cause=cause,
                evidence=evidence,
                code=None,
                confirmed=True,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What the call means for the line."""

    radio_cycled: bool = False
    reset_due: bool = False
    restarted: bool = False
    voice: tuple[Fault, str] | None = None
    """Why the voice path has to be opened anew before the next call."""
    service: Service | None = None
    """The registration, where it was asked for at the end of the call."""
    waited: bool = False
    """Somebody called while this call was up."""
    waiter: tuple[str, AddressKind] | None = None
    """Their number, where it was shown."""
    closing: bool = False
    deferred: tuple[Item, ...] = ()
