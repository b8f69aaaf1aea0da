"""What an information line of 3GPP TS 27.007 says. Calls are in :mod:`firmware.at.calls`.

Every function is total: any text gives a value or None, never an exception. Meaning that
differs between families (progress notices, key notices, counters) is not here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firmware.at.results import integer


@dataclass(frozen=True, slots=True)
class Field:
    """One comma-separated value. ``quoted`` tells ``"1"`` from ``1``."""

    text: str
    quoted: bool = False

    @property
    def number(self) -> int | None:
        """The value as a decimal integer, or None."""
        return integer(self.text)


@dataclass(frozen=True, slots=True)
class Information:
    """An information line, ``+NAME: a,"b",,c``, split outside quotes."""

    prefix: str
    """With its sign, without the colon: ``+CLCC``."""
    fields: tuple[Field, ...]
    body: str
    """Everything behind the colon, stripped."""


_PREFIX = re.compile(r"([+^*%$&#_][A-Za-z0-9_]+) ?:")


def information(line: str) -> Information | None:
    """Split an information line or notice, or return None where it has no prefix.

    Spaces around commas and behind the colon are dropped (``+CLCC: 1, 0`` of A76xx,
    ``+DTMF:1`` of SIM800); an unclosed quote runs to the end of the line.
    """
    match = _PREFIX.match(line)
    if match is None:
        return None
    body = line[match.end() :].strip()
    return Information(match[1], split_fields(body), body)


def split_fields(body: str) -> tuple[Field, ...]:
    """Split at commas outside double quotes. An empty body has no fields."""
    if not body:
        return ()
    fields: list[Field] = []
    current: list[str] = []
    inside = quoted = False
    for character in body:
        if character == '"':
            if not inside and not quoted:
                # Whatever stands before the opening quote is only padding.
                quoted = not "".join(current).strip()
                current = [] if quoted else current
            inside = not inside
        elif character == "," and not inside:
            fields.append(_field(current, quoted=quoted))
            current, quoted = [], False
        elif inside or not quoted:
            current.append(character)
    fields.append(_field(current, quoted=quoted))
    return tuple(fields)


def _field(characters: list[str], *, quoted: bool) -> Field:
    text = "".join(characters)
    return Field(text if quoted else text.strip(), quoted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """``<stat>`` of +CREG, +CGREG, +CEREG (27.007, 7.2): 1 home, 5 roaming, 6 and 7 SMS only."""

    domain: str
    """``+CREG``, ``+CGREG`` or ``+CEREG``."""
    stat: int
    access: int | None
    """``<AcT>`` where given: 0 GSM, 2 UTRAN, 7 E-UTRAN."""

    @property
    def usable(self) -> bool:
        """Registered for more than SMS."""
        return self.stat in (1, 5)


def registration(line: str, *, notice: bool = False) -> Registration | None:
    """Read the answer form ``n,stat[,lac,ci[,AcT]]`` or the notice form ``stat[,lac,ci[,AcT]]``.

    A notice can arrive inside the answer to the query, so the shape decides and not who asked,
    unless ``notice`` says that nobody did. Three fields exist only in the notice form; the
    malformed ``+CREG: 1,0,1`` seen on simulators means "registered" under that rule, as it
    does when its first field is taken for a stutter.
    """
    info = information(line)
    if info is None or info.prefix not in ("+CREG", "+CGREG", "+CEREG") or not info.fields:
        return None
    fields = info.fields
    second_is_stat = (
        len(fields) > 1
        and not fields[1].quoted
        and fields[1].number is not None
        and len(fields[1].text) <= 2
    )
    answer = not notice and len(fields) != 3 and second_is_stat
    at = 1 if answer else 0
    stat = fields[at].number
    if stat is None or stat < 0:
        return None
    access = fields[at + 3].number if len(fields) > at + 3 else None
    return Registration(domain=info.prefix, stat=stat, access=access)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStored:
    """``+CMTI:`` (27.005, 3.4.1): a text message was stored at ``index`` of ``memory``."""

    memory: str
    index: int


def message_stored(line: str) -> MessageStored | None:
    """Read ``+CMTI: "SM",2``."""
    info = information(line)
    if info is None or info.prefix != "+CMTI" or len(info.fields) < 2:
        return None
    index = info.fields[1].number
    if index is None or index < 0:
        return None
    return MessageStored(memory=info.fields[0].text, index=index)


def is_message_body(header: str, line: str) -> bool:
    """Whether *line* is the text or PDU that ``+CMT:``, ``+CDS:`` and ``+CBM:`` announce."""
    info = information(header)
    if info is None:
        return False
    # Text mode: a sender, in quotes or without; the length of a unit has three digits at most.
    free_text = info.prefix == "+CMT" and any(
        (f.quoted and f.text) or re.fullmatch(r"\+?\d{5,}", f.text) for f in info.fields
    )
    return free_text or (len(line) >= 8 and not line.upper().strip("0123456789ABCDEF"))
