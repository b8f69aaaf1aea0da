"""The final results that end a command (ITU-T V.250, 3GPP TS 27.007, 27.005)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, unique


@unique
class FinalKind(Enum):
    """The result that ends a command (ITU-T V.250, 5.7.1; 3GPP TS 27.007, 9.2)."""

    OK = "OK"
    ERROR = "ERROR"
    CME_ERROR = "+CME ERROR"
    CMS_ERROR = "+CMS ERROR"
    NO_CARRIER = "NO CARRIER"
    BUSY = "BUSY"
    NO_ANSWER = "NO ANSWER"
    NO_DIALTONE = "NO DIALTONE"
    CONNECT = "CONNECT"
    NOT_SUPPORTED = "COMMAND NOT SUPPORT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """The final result of a command. ``code`` is the CME or CMS number where one is known."""

    kind: FinalKind
    code: int | None = None
    text: str = ""
    """The line as it came."""

    @property
    def ok(self) -> bool:
        """The modem accepted the command (for ATD that is not an answered call)."""
        return self.kind in (FinalKind.OK, FinalKind.CONNECT)


_PLAIN_FINALS = {
    "OK": FinalKind.OK,
    "ERROR": FinalKind.ERROR,
    # Huawei E1752 and some simulators say this instead of ERROR; chan_dongle knows the second.
    "COMMAND NOT SUPPORT": FinalKind.NOT_SUPPORTED,
    "COMMAND NOT SUPPORTED": FinalKind.NOT_SUPPORTED,
    "TOO MANY PARAMETERS": FinalKind.NOT_SUPPORTED,
}
_CALL_FINALS = {
    "NO CARRIER": FinalKind.NO_CARRIER,
    "BUSY": FinalKind.BUSY,
    "NO ANSWER": FinalKind.NO_ANSWER,
    "NO DIALTONE": FinalKind.NO_DIALTONE,
    "NO DIAL TONE": FinalKind.NO_DIALTONE,
}
CALL_RESULTS = frozenset(_CALL_FINALS)
"""Results that end ATD or ATA, and notices at any other time."""

_EXTENDED_ERROR = re.compile(r"\+(CME|CMS) ERROR ?: ?(.*)")
_CONNECT = re.compile(r"CONNECT(?: [0-9][ -~]*)?")

# 3GPP TS 27.007, 9.2.1: the texts of AT+CMEE=2 that this box acts on.
_CME_TEXTS = {
    "phone failure": 0,
    "no connection to phone": 1,
    "operation not allowed": 3,
    "operation not supported": 4,
    "sim not inserted": 10,
    "sim pin required": 11,
    "sim puk required": 12,
    "sim failure": 13,
    "sim busy": 14,
    "sim wrong": 15,
    "incorrect password": 16,
    "sim pin2 required": 17,
    "sim puk2 required": 18,
    "memory full": 20,
    "invalid index": 21,
    "not found": 22,
    "no network service": 30,
    "network timeout": 31,
    "network not allowed - emergency calls only": 32,
    "unknown": 100,
}


def final_result(line: str, *, call: bool = False) -> Final | None:
    """Return the final result that *line* is, or None.

    ``call`` is True while ATD or ATA runs: only then do BUSY, NO CARRIER, NO ANSWER,
    NO DIALTONE and CONNECT end the command. The whole line must match: "OKAY" is no result.
    """
    kind = _PLAIN_FINALS.get(line)
    if kind is None and call:
        kind = _CALL_FINALS.get(line)
        if kind is None and _CONNECT.fullmatch(line):
            kind = FinalKind.CONNECT
    if kind is not None:
        return Final(kind=kind, text=line)
    match = _EXTENDED_ERROR.fullmatch(line)
    if match is None:
        return None
    value = match[2].strip().strip('"')
    code = integer(value)
    if match[1] == "CMS":
        return Final(kind=FinalKind.CMS_ERROR, code=code, text=line)
    if code is None:
        code = _CME_TEXTS.get(value.lower())
    return Final(kind=FinalKind.CME_ERROR, code=code, text=line)


def integer(text: str) -> int | None:
    """Return *text* as a decimal integer; None where it is none, or longer than honest ones."""
    if len(text) > 18 or not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    return int(text)
