"""What the network says about us: registration and its time of day."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique

from firmware.at.command_port import CommandPort
from firmware.at.parsing import Registration, registration
from firmware.errors import CommandTimeout
from firmware.families.base import Family
from firmware.faults import Fault, LineDown
from firmware.wording import worded

_ASK_TIMEOUT = 3.0
"""Real seconds for one question."""


@unique
class Service(StrEnum):
    """Whether calls can be made through the network now."""

    VOICE = "voice"
    SEARCHING = "searching"
    NONE = "none"
    DENIED = "denied"
    SMS_ONLY = "sms-only"
    UNKNOWN = "unknown"
    """The modem refuses every question about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFault:
    """Why :class:`Service` does not allow calls."""

    fault: Fault
    detail: str


def read_service(modem: CommandPort, family: Family) -> Service:
    """Ask the network state once. Raises LineDown where no question is answered."""
    found: list[Registration] = []
    silent = 0
    for command in family.registration:
        try:
            reply = modem.command(command, timeout=_ASK_TIMEOUT)
        except CommandTimeout:
            silent += 1
            continue
        rows = map(registration, reply.lines)
        found += (row for row in rows if row is not None)
    if silent == len(family.registration):
        raise LineDown(Fault.NO_REPLY, worded("the modem stopped answering"), answering=False)
    return judge_service(found)


def judge_service(answers: Iterable[Registration]) -> Service:
    """Fold the answers of all domains (3GPP TS 27.007 7.2, 10.1.22).

    1 and 5 are usable. 6 and 7 are registered for text messages only: no voice there, even where
    another domain looks well (an A7670 stays at ``+CREG: 0,6`` so). A circuit-switched 0 beside
    a registered LTE is VoLTE-only and usable.
    """
    stats = {answer.domain: answer.stat for answer in answers}
    if not stats:
        return Service.UNKNOWN
    circuit = stats.get("+CREG")
    if circuit in (6, 7):
        return Service.SMS_ONLY
    if any(stat in (1, 5) for stat in stats.values()):
        return Service.VOICE
    if any(stat in (6, 7) for stat in stats.values()):
        return Service.SMS_ONLY
    if any(stat == 2 for stat in stats.values()):
        return Service.SEARCHING
    if any(stat == 3 for stat in stats.values()):
        return Service.DENIED
    return Service.NONE


def service_fault(service: Service) -> ServiceFault | None:
    """Return why no call may be placed, or None where one may."""
    match service:
        case Service.VOICE | Service.UNKNOWN:
            return None
        case Service.SEARCHING:
            return ServiceFault(
                fault=Fault.NOT_REGISTERED, detail=worded("the modem searches a network")
            )
        case Service.NONE:
            return ServiceFault(
                fault=Fault.NOT_REGISTERED, detail=worded("the modem has no network")
            )
        case Service.DENIED:
            return ServiceFault(
                fault=Fault.REGISTRATION_DENIED,
                detail=worded("the network refused the registration"),
            )
        case Service.SMS_ONLY:
            return ServiceFault(
                fault=Fault.SMS_ONLY, detail=worded("the network registered the SIM for SMS only")
            )


def read_network_time(
    family: Family, lines: Iterable[str], *, not_before: datetime
) -> datetime | None:
    """Return the module's time as UTC, or None where it was never set.

    Modules that the network never told start at 1970, 1980 or 2000; so nothing before
    *not_before* (the build date) counts. Local time without a zone is no time.
    """
    for line in lines:
        found = family.network_time.pattern.fullmatch(line)
        if found is None:
            continue
        try:
            told = datetime.strptime(found["time"], "%y/%m/%d,%H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            continue
        zone = found["zone"]
        if not family.network_time.utc:
            if zone is None:
                continue
            told -= timedelta(minutes=15 * int(zone))
        if told >= not_before:
            return told
    return None


_OPERATOR = re.compile(r'\+COPS:\s*\d,\d,"([^"]{1,40})"')


def read_operator(lines: Iterable[str]) -> str | None:
    """Return the network that the modem is registered with, as it names it (27.007, 7.3)."""
    for line in lines:
        found = _OPERATOR.match(line)
        if found is not None and found[1].isprintable():
            return found[1].strip()
    return None


_SIGNAL = re.compile(r"\+CSQ:\s*(\d{1,3}),\s*\d{1,3}")


def read_signal(lines: Iterable[str]) -> int | None:
    """Return the strength of the received network in dBm (27.007, 8.5), None where unknown."""
    for line in lines:
        found = _SIGNAL.match(line)
        if found is not None and int(found[1]) <= 31:
            return 2 * int(found[1]) - 113
    return None


_OWN_NUMBER = re.compile(r'\+CNUM:\s*(?:"[^"]*")?,\s*"(\+?\d{3,15})"')


def read_own_number(lines: Iterable[str]) -> str | None:
    """Return the first number that the SIM says is its own (27.007, 7.1); many say none."""
    for line in lines:
        found = _OWN_NUMBER.match(line)
        if found is not None:
            return found[1]
    return None
