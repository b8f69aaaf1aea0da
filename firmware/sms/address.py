"""Who sent it or who calls: an address with its type (3GPP TS 23.040, 9.1.2.5; 24.008, 10.5.4.7).

The digits alone do not say whose number it is: ``639980012`` of national type, ``33639980012`` of
unknown type and ``+33639980012`` may be one person. What they mean is decided where the country
is known; here they are only read.
"""

from __future__ import annotations

import re

from firmware.events import AddressKind
from firmware.sms.alphabet import decode, unpack


def address_kind(type_of_address: int | None) -> AddressKind:
    """Read a type of address octet: 145 international, 161 national, 129 unknown, 208 a name."""
    if type_of_address is None:
        return AddressKind.UNKNOWN
    kinds = {1: AddressKind.INTERNATIONAL, 2: AddressKind.NATIONAL, 5: AddressKind.NAME}
    return kinds.get(type_of_address >> 4 & 7, AddressKind.UNKNOWN)


_SEMI_OCTETS = "0123456789*#abc"


def semi_octets(data: bytes) -> str:
    """Return the digits of swapped half octets, up to the filler."""
    digits: list[str] = []
    for octet in data:
        for value in (octet & 0xF, octet >> 4):
            if value == 0xF:
                return "".join(digits)
            digits.append(_SEMI_OCTETS[value])
    return "".join(digits)


def read_address(length: int, type_of_address: int, data: bytes) -> tuple[str, AddressKind]:
    """Read an address field of *length* semi-octets; a plus is put before international digits."""
    kind = address_kind(type_of_address)
    if kind is AddressKind.NAME:
        name = decode(unpack(data, length * 4 // 7)).strip("\0 ")
        # Gateways send a number as if it were a name; whose it is, is as plain as ever.
        return read_number(name, None) or (name, kind)
    digits = semi_octets(data)[:length]
    if kind is AddressKind.INTERNATIONAL and digits:
        return f"+{digits}", kind
    return digits, kind


_UCS2 = re.compile(r"(?:00(?:2[0-9A-F]|3[0-9])){3,}", re.IGNORECASE)
_OCTETS = re.compile(r"(?:2B)?(?:3[0-9]){8,}", re.IGNORECASE)
"""Sixteen digits and more: no number has as many (E.164)."""
_PLAIN = re.compile(r"\+?[0-9*#]+")
_URI = re.compile(r"(?:tel|sips?):([^;@]*)(?:[;@].*)?", re.IGNORECASE)


def read_number(text: str, type_of_address: int | None) -> tuple[str, AddressKind] | None:
    """Read the number of ``+CLIP``, ``+CLCC``, ``+CCWA`` or ``+CMT``; None where it shows none.

    With the character set at UCS2, as other programs leave it, each character stands as four
    hexadecimal digits, at HEX as two (27.005, 3.1). Voice over LTE may tell a URI (24.229).
    """
    written = text.strip().strip('"')
    if _UCS2.fullmatch(written):
        written = bytes.fromhex(written).decode("utf-16-be")
    elif _OCTETS.fullmatch(written):
        written = bytes.fromhex(written).decode("ascii")
    uri = _URI.fullmatch(written)
    if uri is not None:
        written = uri[1]
    written = re.sub(r"[ .()/-]", "", written.replace("(0)", ""))
    if not _PLAIN.fullmatch(written):
        return None
    if written.startswith("+"):
        return written, AddressKind.INTERNATIONAL
    kind = address_kind(type_of_address)
    if kind is AddressKind.INTERNATIONAL:
        return f"+{written}", kind
    return written, AddressKind.UNKNOWN if kind is AddressKind.NAME else kind
