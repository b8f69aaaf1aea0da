"""What a line from a modem says: final results and the information lines of 3GPP TS 27.007.

Every function is total: any text gives a value or None, never an exception. Meaning that
differs between families (progress notices, key notices, counters) is not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, IntEnum, unique


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
    code = _integer(value)
    if match[1] == "CMS":
        return Final(kind=FinalKind.CMS_ERROR, code=code, text=line)
    if code is None:
        code = _CME_TEXTS.get(value.lower())
    return Final(kind=FinalKind.CME_ERROR, code=code, text=line)


@dataclass(frozen=True, slots=True)
class Field:
    """One comma-separated value. ``quoted`` tells ``"1"`` from ``1``."""

    text: str
    quoted: bool = False

    @property
    def number(self) -> int | None:
        """The value as a decimal integer, or None."""
        return _integer(self.text)


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


def _integer(text: str) -> int | None:
    if len(text) > 18 or not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    return int(text)


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
