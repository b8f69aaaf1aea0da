"""What the SIMCom 7600 and A76xx families share in their notices (SIMCom manuals V3.00, V1.09)."""

from __future__ import annotations

from firmware.simulator.modem.calls import Call, Phase
from firmware.simulator.modem.personality import Modem, standard_release
from firmware.simulator.network.scenario import FaultKind

RELEASED_STATE = 6
"""SIMCom extends the ``stat`` of +CLCC by "disconnect"."""


def hhmmss(seconds: int) -> str:
    """Call duration as SIMCom writes it; 844 s is 001404."""
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


def progress(modem: Modem, call: Call, phase: Phase) -> list[str]:
    """With AT+CLCC=1 each state as a row; ``VOICE CALL: BEGIN`` always."""
    lines: list[str] = []
    if modem.flag("+CLCC"):
        lines.append(modem.personality.clcc_row(modem, call, call.state))
    if phase is Phase.ANSWERED:
        lines.append("VOICE CALL: BEGIN")
        if modem.flag("+COLP"):
            lines.append(f'+COLP: "{call.number}",{call.type_of_address},,,')
    return lines


def released(modem: Modem, call: Call, cause: int, local: bool) -> list[str]:
    """CLCC row 6, END (without a time where nobody answered), then the result.

    No raw log of BUSY is known for this family; drivers expect it, so it is sent, and the fault
    ``plain_release`` gives NO CARRIER instead.
    """
    lines: list[str] = []
    if modem.flag("+CLCC"):
        lines.append(modem.personality.clcc_row(modem, call, RELEASED_STATE))
    answered = call.announced_at is not None
    time = f": {hhmmss(call.seconds(modem.now))}" if answered else ""
    lines.append(f"VOICE CALL: END{time}")
    plain = local or not call.outgoing or FaultKind.PLAIN_RELEASE in call.faults
    if cause == 17 and not plain and not answered:
        lines.append(standard_release(cause))
    else:
        lines.append("NO CARRIER")
    return lines


def incoming(modem: Modem, call: Call) -> list[str]:
    """With AT+CLCC=1 an incoming call is a row as well."""
    return [modem.personality.clcc_row(modem, call, call.state)] if modem.flag("+CLCC") else []


def answered_incoming(modem: Modem, call: Call) -> list[str]:
    """The same words as for an outgoing call."""
    return [*incoming(modem, call), "VOICE CALL: BEGIN"]


def key_notice(modem: Modem, key: str, _milliseconds: int) -> list[str]:
    """Comes without being asked for (field log, SIM7600G-H); sometimes with a doubled CR."""
    return [f"+RXDTMF: {key}\r" if modem.chance(0.5) else f"+RXDTMF: {key}"]


CAUSE_TEXTS = {
    1: "Unassigned/unallocated number",
    16: "Normal call clearing",
    17: "User busy",
    18: "No user responding",
    19: "User alerting, no answer",
    21: "Call rejected",
    27: "Destination out of order",
    28: "Invalid/incomplete number",
    31: "Normal, unspecified",
    34: "No circuit/channel available",
}


def missed_call(_modem: Modem, call: Call) -> list[str]:
    """The SIM7600 remembers who rang in vain."""
    return [f"MISSED_CALL: 11:01AM {call.number or ''}".rstrip(), "NO CARRIER"]
