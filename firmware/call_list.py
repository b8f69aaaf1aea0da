"""Rows of the call list, ``+CLCC`` (3GPP TS 27.007 7.18), split into fields.

Substring tests on such rows are how drivers come to report "answered" while dialling: mode and
multiparty are ``0,0`` in every state. So rows are split, and a row that is not a row is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, unique


@unique
class RowState(IntEnum):
    """``stat`` of a row. 6 is SIMCom's own: the notice of a call that was just released."""

    ACTIVE = 0
    HELD = 1
    DIALLING = 2
    ALERTING = 3
    INCOMING = 4
    WAITING = 5
    RELEASED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One voice or data call that the modem knows of."""

    index: int
    outgoing: bool
    state: RowState
    mode: int
    """0 is voice; 1 is data, which Quectel modules on LTE always list once."""
    number: str

    @property
    def voice(self) -> bool:
        return self.mode == 0


def read_row(line: str) -> CallRow | None:
    """Return the row in *line*, or None. Spaces, extra, empty and missing fields are accepted."""
    head, colon, rest = line.partition(":")
    if not colon or head.strip().upper() != "+CLCC":
        return None
    fields = _split(rest)
    if len(fields) < 4:
        return None
    try:
        index, direction, state, mode = (int(field) for field in fields[:4])
        row_state = RowState(state)
    except ValueError:
        return None
    if index < 0 or direction not in (0, 1):
        return None
    return CallRow(
        index=index,
        outgoing=direction == 0,
        state=row_state,
        mode=mode,
        number=fields[5] if len(fields) > 5 else "",
    )


def voice_rows(lines: Iterable[str]) -> tuple[CallRow, ...]:
    """Return the voice calls that are alive in the answer to AT+CLCC."""
    rows = (read_row(line) for line in lines)
    return tuple(
        row for row in rows if row is not None and row.voice and row.state is not RowState.RELEASED
    )


def _split(text: str) -> list[str]:
    """Split at commas outside quotes (an alpha tag may contain commas); strip and unquote."""
    fields: list[str] = []
    current = ""
    quoted = False
    for char in text:
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            fields.append(current.strip())
            current = ""
        else:
            current += char
    fields.append(current.strip())
    return fields
