"""A message that the modem hands over instead of storing it: ``+CMT:`` (3GPP TS 27.005, 3.4.1).

It comes so where another program has asked for it, and with class 0 on many modems. In PDU mode
the header is ``[alpha],length``; in text mode it begins with the sender and the time, and the text
follows, as hexadecimal digits where the character set or the coding says so.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from firmware.at.parsing import Information, information
from firmware.events import AddressKind
from firmware.sms import address, coding
from firmware.sms.pdu import Kind, Part, read_part

_STAMP = re.compile(r"(?:20)?(\d\d)[/-](\d\d)[/-](\d\d)[, ](\d\d):(\d\d):(\d\d)(?:\s*([+-]\d\d))?")
"""27.005, 3.1; some modems write the century, hyphens or a space."""
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2})+")
STRAY = re.compile(r"[0-9A-Fa-f]{30,}")
"""A unit whose header was torn from it by a notice in between."""


def read_inline(header: str, body: str | None) -> Part | None:
    """Read what ``+CMT:`` announced; None where *header* is another notice or nothing followed."""
    info = information(header)
    if info is None or info.prefix != "+CMT" or body is None:
        return None
    # Without quotes the stamp's comma divides it: it is looked for in the whole.
    stamp = _STAMP.search(info.body)
    if stamp is None:
        part = read_part(body)
        if part.kind is not Kind.UNREADABLE or not _names_a_number(info):
            return part
    return _text_mode(info, stamp, body)


def _names_a_number(info: Information) -> bool:
    """Whether the header begins with a sender; in PDU mode it has a length of three digits."""
    found = address.read_number(info.fields[0].text, None) if info.fields else None
    return found is not None and len(found[0]) > 4


def _text_mode(info: Information, stamp: re.Match[str] | None, body: str) -> Part:
    kind = next(
        (f.number for f in info.fields[3:4] if f.number is not None and f.number >= 128), None
    )
    found = address.read_number(info.fields[0].text, kind)
    number, sender = found if found is not None else (info.fields[0].text, AddressKind.NAME)
    readings = []
    if _HEXADECIMAL.fullmatch(body):
        data = bytes.fromhex(body)
        readings += [text for read in coding.octets(data) if (text := read(data)) is not None]
    readings.insert(0 if len(body) < 8 else len(readings), body)
    return Part(
        kind=Kind.DELIVER,
        pdu=f"{info.body}\n{body}",
        number=number,
        sender=sender,
        readings=tuple(dict.fromkeys(readings)),
        sent_at=None if stamp is None else _stamped(stamp),
    )


def _stamped(stamp: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second = map(int, stamp.groups()[:6])
    try:
        zone = timezone(timedelta(minutes=15 * int(stamp[7] or "0")))
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
