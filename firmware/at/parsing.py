"""What an information line of 3GPP TS 27.007 says. Calls are in :mod:`firmware.at.calls`.

Every function is total: any text gives a value or None, never an exception. Meaning that
differs between families (progress notices, key notices, counters) is not here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

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
class Signal:
    """AT+CSQ. ``level`` is 0 to 31, or None where the modem does not know."""

    level: int | None
    error_rate: int | None

    @property
    def dbm(self) -> int | None:
        """Received signal strength in dBm (27.007, 8.5), or None."""
        return None if self.level is None else -113 + 2 * self.level


def signal(line: str) -> Signal | None:
    """Read ``+CSQ: level,error rate``; 99 and anything out of range mean unknown."""
    info = information(line)
    if info is None or info.prefix != "+CSQ" or not info.fields:
        return None
    level = info.fields[0].number
    rate = info.fields[1].number if len(info.fields) > 1 else None
    return Signal(
        level=level if level is not None and 0 <= level <= 31 else None,
        error_rate=rate if rate is not None and 0 <= rate <= 7 else None,
    )


def sim_state(line: str) -> str | None:
    """Return the text of ``+CPIN:``, for example ``READY``, ``SIM PIN`` or ``SIM PUK``.

    Only the exact text ``SIM PIN`` asks for the PIN; every other text does not.
    """
    info = information(line)
    if info is None or info.prefix != "+CPIN":
        return None
    return info.fields[0].text if info.fields else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleTime:
    """AT+CCLK: the module's clock. ``offset`` is None where it named no time zone.

    A clock that was never set shows 1970, 1980 or 2000; whether to trust it is not decided here.
    """

    local: datetime
    """Naive local wall-clock time."""
    offset: timedelta | None


_CCLK = re.compile(
    r"([0-9]{2}|[0-9]{4})/([0-9]{1,2})/([0-9]{1,2}),"
    r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:([+-][0-9]{1,2}))?(?:,[0-9])?"
)


def module_time(line: str) -> ModuleTime | None:
    """Read ``+CCLK: "yy/MM/dd,hh:mm:ss±zz"``; zz counts quarter hours (27.007, 8.15)."""
    info = information(line)
    if info is None or info.prefix != "+CCLK":
        return None
    match = _CCLK.fullmatch(info.body.replace('"', "").strip())
    if match is None:
        return None
    year = int(match[1])
    if year < 100:
        year += 1900 if year >= 70 else 2000
    try:
        # The module tells wall-clock time; its zone, if any, travels beside it.
        local = datetime(  # noqa: DTZ001
            year, int(match[2]), int(match[3]), int(match[4]), int(match[5]), int(match[6])
        )
    except ValueError:
        return None
    offset = None if match[7] is None else timedelta(minutes=15 * int(match[7]))
    return ModuleTime(local=local, offset=offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """AT+COPS?: the selected operator; ``name`` is empty and ``access`` None without one."""

    mode: int
    name: str
    access: int | None


def operator(line: str) -> Operator | None:
    """Read ``+COPS: mode[,format,"name"[,AcT]]``."""
    info = information(line)
    if info is None or info.prefix != "+COPS" or not info.fields:
        return None
    mode = info.fields[0].number
    if mode is None:
        return None
    return Operator(
        mode=mode,
        name=info.fields[2].text if len(info.fields) > 2 else "",
        access=info.fields[3].number if len(info.fields) > 3 else None,
    )


def caller(line: str) -> str | None:
    """Return the number of a ``+CLIP:`` notice, empty where withheld, or None."""
    info = information(line)
    if info is None or info.prefix != "+CLIP" or not info.fields:
        return None
    number = info.fields[0].text
    if not re.fullmatch(r"\+?[0-9]*", number):
        return ""
    international = len(info.fields) > 1 and info.fields[1].number == 145
    return f"+{number}" if number and international and not number.startswith("+") else number


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
    free_text = info.prefix == "+CMT" and any(f.quoted and f.text for f in info.fields)
    return free_text or (len(line) >= 8 and not line.upper().strip("0123456789ABCDEF"))
