"""Which modem and SIM a line has, and how a modem is asked who it is.

A modem that still boots answers late, with an error, or not at all. One answer that was missed
must not make it a stranger for as long as the box runs: so it is asked in several ways, and the
line asks again until it is certain.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware.at.command_port import CommandPort
from firmware.at.outcomes import Reply
from firmware.errors import CommandTimeout
from firmware.families import identify
from firmware.families.base import Family

OTHERS = ("ATI", "AT+GMM", "AT+CGMR", "AT+GMR")
"""Asked where that was not enough: V.250, 6.1.3 to 6.1.6, and the firmware (27.007, 5.3), whose
name begins with the model's on most."""
PATIENCE = (3.0, 8.0)
"""Real seconds that each of two rounds of questions waits for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which modem and SIM a line has."""

    family: Family
    maker: str
    model: str
    revision: str
    imei: str | None
    iccid: str | None
    certain: bool = True
    """The modem has said who it is, or the configuration does."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a modem says of itself."""

    family: Family
    maker: str
    model: str

    @property
    def certain(self) -> bool:
        """It is known, or has said enough to tell that nobody knows it."""
        return self.family.name != "generic" or bool(self.maker and self.model)


def ask_name(modem: CommandPort) -> Named:
    """Ask *modem* who it is: AT+CGMI and AT+CGMM (27.007, 5.1, 5.2), then what else may tell."""
    maker = model = ""
    named = Named(identify("", ""), "", "")
    for timeout in PATIENCE:
        maker = maker or first_line(ask(modem, "AT+CGMI", timeout=timeout))
        model = model or first_line(ask(modem, "AT+CGMM", timeout=timeout))
        named = Named(identify(maker, model), maker, model)
        if named.certain:
            return named
        lines: list[str] = []
        silent = 0
        for command in OTHERS:
            reply = ask(modem, command, timeout=timeout)
            silent += reply is None
            if silent > 1:
                # It does not answer anything just now: the line asks again.
                break
            if reply is not None and reply.final.ok and not reply.doubtful:
                lines += reply.lines
            named = Named(identify(maker, model, lines), maker, model)
            if named.certain:
                return named
    return named


def ask(modem: CommandPort, command: str, *, timeout: float = 3.0) -> Reply | None:
    """Send one command; None where the modem gave no result in time."""
    try:
        return modem.command(command, timeout=timeout)
    except CommandTimeout:
        return None


def first_line(reply: Reply | None) -> str:
    """Return the one line of a plain answer, or nothing."""
    if reply is None or not reply.final.ok or reply.doubtful:
        return ""
    return reply.lines[0].strip() if reply.lines else ""
