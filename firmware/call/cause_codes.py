"""Why a call ended: 3GPP TS 24.008 cause numbers and the words that modems use for them.

AT+CEER answers a number (``31``), a quoted number with text (``"31 Normal unspecified"``, A76xx),
plain text (``Invalid/incomplete number``, SIM7600), or location and number (``5,17``). All fold
into :class:`~firmware.events.Cause`.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware.at.calls import ExtendedError, extended_error
from firmware.events import Cause

_CAUSES: dict[int, Cause] = {
    1: Cause.UNREACHABLE,  # unassigned number
    3: Cause.UNREACHABLE,  # no route to destination
    8: Cause.UNREACHABLE,  # operator determined barring
    16: Cause.REMOTE_HANG_UP,
    17: Cause.BUSY,
    18: Cause.NO_ANSWER,
    19: Cause.NO_ANSWER,
    20: Cause.UNREACHABLE,  # subscriber absent
    21: Cause.REJECTED,
    22: Cause.UNREACHABLE,  # number changed
    25: Cause.UNREACHABLE,
    26: Cause.REJECTED,  # non selected user clearing
    27: Cause.UNREACHABLE,  # destination out of order
    28: Cause.UNREACHABLE,  # invalid number format
    29: Cause.REJECTED,  # facility rejected
    31: Cause.REMOTE_HANG_UP,
    52: Cause.UNREACHABLE,  # outgoing calls barred
    54: Cause.UNREACHABLE,
    55: Cause.UNREACHABLE,
    87: Cause.UNREACHABLE,
    88: Cause.UNREACHABLE,  # incompatible destination
    224: Cause.UNREACHABLE,  # SIMCom: call barring
    241: Cause.UNREACHABLE,  # SIMCom: FDN blocked
}

NORMAL_CODES = frozenset({16, 31})
"""A release that says nothing about who did it or why."""

# Longest first: "user alerting, no answer" also contains "no answer".
_WORDS: tuple[tuple[str, int], ...] = (
    ("unassigned", 1),
    ("unallocated", 1),
    ("no route", 3),
    ("operator determined barring", 8),
    ("user busy", 17),
    ("busy", 17),
    ("no user responding", 18),
    ("alerting, no answer", 19),
    ("alerting no answer", 19),
    ("no answer", 19),
    ("subscriber absent", 20),
    ("call rejected", 21),
    ("rejected", 21),
    ("number changed", 22),
    ("out of order", 27),
    ("invalid/incomplete number", 28),
    ("incomplete number", 28),
    ("invalid number", 28),
    ("normal call clearing", 16),
    ("normal clearing", 16),
    ("normal unspecified", 31),
    ("normal, unspecified", 31),
    ("channel", 34),
    ("temporary failure", 41),
    ("congestion", 42),
    ("not subscribed", 50),
    ("barred", 52),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A cause that the modem gave. ``code`` is None where only unknown words came."""

    code: int | None
    text: str


def cause_of(code: int) -> Cause:
    """Fold a 24.008 cause number; what is not about the callee is technical."""
    return _CAUSES.get(code, Cause.FAILED)


def read_release(line: str) -> Release | None:
    """Read one answer to AT+CEER; None where it says nothing.

    ``0`` and ``Unknown`` say nothing: an A7672SA answers ``"0 Unknown"`` after its own hang-up.
    """
    told = extended_error(line) or ExtendedError(code=None, text=line)
    text = told.text.strip().strip('"').strip()
    if told.code is not None:
        return Release(code=told.code, text=text) if told.code else None
    if not text:
        return None
    low = text.lower()
    if "no cause" in low or "unknown" in low or "no report" in low:
        return None
    for words, code in _WORDS:
        if words in low:
            return Release(code=code, text=text)
    return Release(code=None, text=text)
