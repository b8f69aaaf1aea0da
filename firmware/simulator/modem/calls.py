"""One call as the modem and the network hold it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum, unique

from firmware.simulator.network.callee import Callee
from firmware.simulator.network.scenario import FaultKind


@unique
class CallState(IntEnum):
    """The ``stat`` of +CLCC (3GPP TS 27.007 §7.18)."""

    ACTIVE = 0
    HELD = 1
    DIALLING = 2
    ALERTING = 3
    INCOMING = 4
    WAITING = 5


@unique
class Phase(StrEnum):
    """A step of a call that a modem may announce."""

    DIALLING = "dialling"
    ALERTING = "alerting"
    ANSWERED = "answered"


NORMAL_CLEARING = 16
"""3GPP TS 24.008 cause of an ordinary end; the other numbers stand where they are used."""


@dataclass(slots=True)
class Call:
    """``number`` is as dialled or as shown by the caller; None is withheld."""

    index: int
    number: str | None
    outgoing: bool
    state: CallState
    callee: Callee
    count: int
    """The how manieth call of the line this is, from 1."""
    announced_at: float | None = None
    """When the modem said that the call was answered; early with a false answer."""
    dial_result_due: bool = False
    """The dial command has had no result yet."""
    colp: bool = False
    rotten: bool = False
    """The next switching on of the voice path fails (SIM7600: the second call's audio rot)."""
    faults: tuple[FaultKind, ...] = ()

    @property
    def type_of_address(self) -> int:
        """3GPP TS 24.008 type of number: 145 international, 129 unknown."""
        return 145 if (self.number or "").startswith("+") else 129

    def seconds(self, now: float) -> int:
        """Whole seconds since the modem called it answered."""
        return 0 if self.announced_at is None else int(now - self.announced_at)
