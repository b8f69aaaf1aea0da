"""What a modem says of its calls: the rows of AT+CLCC, and why the last one ended (AT+CEER)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, unique

from firmware.at.parsing import information


@unique
class CallState(IntEnum):
    """``<stat>`` of AT+CLCC (27.007, 7.18); RELEASED is SIMCom's extension."""

    ACTIVE = 0
    HELD = 1
    DIALLING = 2
    ALERTING = 3
    INCOMING = 4
    WAITING = 5
    RELEASED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One row of the current call list. ``number`` is empty where the network hides it."""

    call_id: int
    incoming: bool
    state: CallState
    mode: int
    """0 voice, 1 data; others in 27.007. Quectel on LTE always lists a data row."""
    multiparty: bool
    number: str
    number_type: int | None

    @property
    def voice(self) -> bool:
        """A plain voice call: the only kind that this box makes."""
        return self.mode == 0


def call_row(line: str) -> CallRow | None:
    """Read one ``+CLCC:`` row of 5 to any number of fields, or None where it is not one."""
    info = information(line)
    if info is None or info.prefix != "+CLCC" or len(info.fields) < 5:
        return None
    call_id, direction, state, mode, multiparty = (field.number for field in info.fields[:5])
    if call_id is None or mode is None or direction not in (0, 1) or multiparty not in (0, 1):
        return None
    if state is None or not 0 <= state <= CallState.RELEASED:
        return None
    return CallRow(
        call_id=call_id,
        incoming=direction == 1,
        state=CallState(state),
        mode=mode,
        multiparty=multiparty == 1,
        number=info.fields[5].text if len(info.fields) > 5 else "",
        number_type=info.fields[6].number if len(info.fields) > 6 else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallList:
    """The answer to AT+CLCC. Only with ``unreadable`` 0 does an empty list prove silence."""

    rows: tuple[CallRow, ...]
    unreadable: int

    @property
    def voice_rows(self) -> tuple[CallRow, ...]:
        """Voice calls that are not yet released."""
        return tuple(r for r in self.rows if r.voice and r.state is not CallState.RELEASED)

    @property
    def silent(self) -> bool:
        """No voice call exists in the modem, and every row could be read."""
        return not self.unreadable and not self.voice_rows


def call_list(lines: Iterable[str]) -> CallList:
    """Read the information lines of AT+CLCC; rows that make no sense are counted, not dropped."""
    rows: list[CallRow] = []
    unreadable = 0
    for line in lines:
        row = call_row(line)
        if row is None:
            unreadable += 1
        else:
            rows.append(row)
    return CallList(rows=tuple(rows), unreadable=unreadable)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedError:
    """AT+CEER: why the last call ended. ``text`` is the raw report."""

    code: int | None
    text: str


def extended_error(line: str) -> ExtendedError | None:
    """Read ``+CEER:`` as text (SIM7600), quoted "number text" (A76xx), or a number.

    Where a number is the second field, it is the cause, and the first says who reports it
    (``5,17``; Cinterion ``8,16,0``; u-blox ``"CC setup error",17,"User busy"``).
    """
    info = information(line)
    if info is None or info.prefix != "+CEER":
        return None
    text = info.fields[0].text if len(info.fields) == 1 else info.body
    if len(info.fields) > 1 and info.fields[1].number is not None:
        return ExtendedError(code=info.fields[1].number, text=text)
    match = re.match(r"([0-9]{1,5})(?![0-9A-Za-z/])", text)
    return ExtendedError(code=int(match[1]) if match else None, text=text)
