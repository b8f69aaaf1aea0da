"""One AT command: what may be sent, and which lines may belong to its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[+^*%$&#_][A-Z0-9_]+")
_QUOTED = re.compile(r'"[^"]*"')
_DIAL = re.compile(r"ATD\+?[0-9]{1,20};")
_HIDDEN_DIAL = re.compile(r"(?:^AT|;)\s*D", re.IGNORECASE)

# Answers that do not carry the command's own name.
_ALIASES = {
    "+CICCID": ("+ICCID:",),
    "+CCID": ("+ICCID:",),
    "+QCCID": ("+ICCID:",),
    "+SIMEI": ("+SIMEI:",),
    "+CSQ": ("+CSQN:",),
}
# Names that are notices too: setting them (AT+CLCC=1) must not swallow the notice. Only the query
# owns the line.
_ALSO_NOTICES = frozenset(
    {
        "+CCWA", "+CEREG", "+CGREG", "+CIREG", "+CLCC", "+CLIP", "+COLP", "+CPIN", "+CRC",
        "+CREG", "+CSSN", "+CTZR", "+CTZU", "+DDET", "+QIND", "+QTONEDET", "+WIND",
        "^CURC", "^DSCI", "^DDTMFCFG",
    }
)  # fmt: skip
# Run without a value and answered with their own line only: bare text among it is not theirs.
_NO_PLAIN_TEXT = frozenset({"+CLCC", "+CSQ", "+CEER", "+CHUP", "+CLIP", "+SPIC", "+CNUM", "+CPAS"})
_TEXT_WITH_VALUE = frozenset({"+CMGL", "+CMGR", "+CNMA", "+CRSM", "+CSIM"})
# Queries without "?" that never answer with a bare OK.
_ALWAYS_INFORM = frozenset(
    {"+CSQ", "+CGMI", "+CGMM", "+CGMR", "+CGSN", "+CIMI", "+CEER", "+SPIC", "+CCID", "+CICCID"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command line, without its CR, and what its answer may hold."""

    text: str
    timeout: float
    """Seconds until the final result must be there."""
    owns: tuple[str, ...] = ()
    """Starts of information lines that belong to the answer."""
    plain: bool = False
    """Text without a prefix belongs to the answer too (ATI, AT+CGMI, the PDUs of AT+CMGL)."""
    call: bool = False
    """ATD or ATA: BUSY, NO CARRIER and their like are final results."""
    informs: bool = False
    """An OK without any information line cannot be its genuine answer."""
    payload: bytes | None = None
    """Written raw once the modem has sent its prompt."""

    @property
    def label(self) -> str:
        """The command without its values: no number, PIN or message text reaches a log."""
        return label(self.text)


def label(text: str) -> str:
    """Return *text* up to its first value: ``AT+CPIN=…``, ``ATD…``."""
    if _HIDDEN_DIAL.search(text):
        return "ATD…"
    name, equals, value = text.partition("=")
    return text if not equals or value == "?" else f"{name}=…"


def make_command(
    text: str,
    *,
    timeout: float,
    owns: tuple[str, ...] | None = None,
    dial: bool = False,
    payload: bytes | None = None,
) -> Command:
    """Check *text* and derive what its answer may hold.

    ``owns`` None derives the prefixes from the command's names (``AT+CSQ`` owns ``+CSQ:``).
    Raises ValueError for control or non-ASCII characters (a CR would start a second command) and
    for a dial command that is not exactly ``ATD``, an optional ``+``, 1 to 20 digits, ``;``.
    """
    if not text.isascii() or not text.isprintable() or text[:2].upper() != "AT":
        raise ValueError("not a single printable AT command line")
    bare = _QUOTED.sub('""', text)
    answers = bare.upper() == "ATA"
    if _HIDDEN_DIAL.search(bare) or (dial and not answers):
        if _DIAL.fullmatch(text) is None:
            raise ValueError("not a plain voice dial command")
        return Command(text=text, timeout=timeout, call=True)
    names = [match[0] for match in _NAME.finditer(bare.upper())]
    sets = "=" in bare and not bare.endswith("=?")
    reads = bare.endswith("?")
    first = names[0] if names else ""
    if owns is None:
        mine = [name for name in names if not (sets and name in _ALSO_NOTICES)]
        owns = tuple(prefix for name in mine for prefix in (f"{name}:", *_ALIASES.get(name, ())))
    return Command(
        text=text,
        timeout=timeout,
        owns=owns,
        plain=_takes_plain(bare.upper(), first, sets=sets, reads=reads),
        call=answers,
        informs=(reads and not bare.endswith("=?")) or (not sets and first in _ALWAYS_INFORM),
        payload=payload,
    )


def _takes_plain(bare: str, first: str, *, sets: bool, reads: bool) -> bool:
    if not first:
        return bare.startswith(("ATI", "AT&V"))
    if sets:
        return first in _TEXT_WITH_VALUE
    return not reads and first not in _NO_PLAIN_TEXT


# Notices that are plain words. Everything with a prefix (+, ^, *, %, $) that the running command
# does not own is a notice without being listed.
_NOTICE_WORDS = (
    "RING",
    "NO CARRIER",
    "BUSY",
    "NO ANSWER",
    "NO DIALTONE",
    "NO DIAL TONE",
    "CONNECT",
    "VOICE CALL",
    "MISSED_CALL",
    "MO RING",
    "MO CONNECTED",
    "HANGUP",
    "RDY",
    "SMS DONE",
    "SMS READY",
    "PB DONE",
    "CALL READY",
    "NORMAL POWER DOWN",
    "POWERED DOWN",
    "POWER DOWN",
    "UNDER-VOLTAGE",
    "OVER-VOLTAGE",
    "DST:",
)
_WORD = re.compile(f"(?:{'|'.join(map(re.escape, _NOTICE_WORDS))})(?![A-Z0-9_])")
_MARKED = re.compile(r"[+^*%$&#_][A-Za-z0-9_]+")


def is_urc(line: str, more: tuple[str, ...] = ()) -> bool:
    """Say whether *line*, which the running command does not own, can only be a notice.

    ``more`` are starts of plain-word notices that a family adds.
    """
    if _MARKED.match(line):
        return True
    return bool(_WORD.match(line.upper())) or bool(more and line.startswith(more))
