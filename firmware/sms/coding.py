"""The data coding scheme of a message (3GPP TS 23.038, 4): which alphabet, and how sure.

Every octet has a meaning: a reserved one counts as the default alphabet. What cannot be certain
(compressed text, reserved codings, 8 bit data, UCS2 of the other byte order) is read in every way
that gives something readable, the likeliest first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, unique

from firmware.sms.alphabet import decode


@unique
class Alphabet(Enum):
    GSM7 = "gsm7"
    DATA = "8bit"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Coding:
    """What one data coding scheme octet says."""

    alphabet: Alphabet
    certain: bool
    """False for compressed and reserved codings: the alphabet is then the likeliest."""
    message_class: int | None = None
    """0 is shown at once and stored nowhere by some modems."""


def read_coding(octet: int) -> Coding:
    """Read a data coding scheme octet; total."""
    group = octet >> 4
    if group < 0x8:
        # General (00xx) and automatic deletion (01xx): bit 5 compressed, bit 4 class has meaning.
        message_class = octet & 3 if octet & 0x10 else None
        alphabet = (Alphabet.GSM7, Alphabet.DATA, Alphabet.UCS2, Alphabet.GSM7)[octet >> 2 & 3]
        certain = not octet & 0x20 and octet >> 2 & 3 != 3
        return Coding(alphabet, certain, message_class)
    if group in (0xC, 0xD):
        return Coding(Alphabet.GSM7, True)
    if group == 0xE:
        return Coding(Alphabet.UCS2, True)
    if group == 0xF:
        return Coding(Alphabet.DATA if octet & 4 else Alphabet.GSM7, not octet & 8, octet & 3)
    return Coding(Alphabet.GSM7, False)


Reading = Callable[[bytes], str | None]
"""Makes text of a message's octets, or None where it makes none."""


def big_endian(data: bytes) -> str | None:
    """UCS2 as the standard has it; pairs of surrogates too, as phones write emoji."""
    return _printable(data.removeprefix(b"\xfe\xff"), "utf-16-be")


def little_endian(data: bytes) -> str | None:
    return _printable(data.removeprefix(b"\xff\xfe"), "utf-16-le")


def utf8(data: bytes) -> str | None:
    return _printable(data, "utf-8-sig")


def latin1(data: bytes) -> str | None:
    return _printable(data, "latin-1")


def septet_octets(data: bytes) -> str | None:
    """The default alphabet with one octet a character, as some gateways write 8 bit data."""
    return decode(list(data)).rstrip("@") if data and max(data) < 0x80 else None


_ASCII = re.compile(rb"[A-Za-z][ -~\r\n]*")


def ucs2(data: bytes) -> tuple[Reading, ...]:
    """The ways to read *data* that is declared as UCS2."""
    if data.startswith(b"\xff\xfe"):
        return (little_endian,)
    if data.startswith(b"\xfe\xff"):
        return (big_endian,)
    if _ASCII.fullmatch(data):
        # Text of one octet a character whose sender says UCS2: ideographs, otherwise.
        return (big_endian, utf8)
    first, second = data[0::2], data[1::2]
    if data and not any(second) and any(first):
        # Latin text of the other byte order; of this one it would be ideographs, all of them
        # multiples of 256.
        return (little_endian, big_endian)
    return (big_endian, little_endian) if any(first) else (big_endian,)


def octets(data: bytes) -> tuple[Reading, ...]:
    """The ways to read *data* that is declared as 8 bit: nobody says in what character set."""
    zeros = data.count(0)
    if zeros * 3 >= len(data) > 1:
        return (*ucs2(data), utf8, latin1)
    return (utf8, latin1, septet_octets)


def _printable(data: bytes, encoding: str) -> str | None:
    if encoding.startswith("utf-16"):
        data = data[: len(data) // 2 * 2]
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-16-be":
            return None
        # One broken pair must not cost the rest of the text.
        text = data.decode(encoding, "replace")
    text = text.rstrip("\0")
    if any(unicodedata.category(c) in ("Cc", "Cn", "Co") and c not in "\r\n\t\f" for c in text):
        return None
    return text
