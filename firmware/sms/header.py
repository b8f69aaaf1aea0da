"""The user data header of a message (3GPP TS 23.040, 9.2.3.24): parts, ports, languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PartOf:
    """Which part of a concatenated message this is (9.2.3.24.1 and .8)."""

    reference: int
    wide: bool
    """The reference has 16 bits; the two kinds do not mix."""
    total: int
    number: int
    """1 to ``total``."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the header says; elements that mean nothing for a text are passed over."""

    size: int
    """Octets, its own length included."""
    part: PartOf | None = None
    ports: bool = False
    """Addressed to an application, as 16 or 8 bit ports are."""
    locking: int = 0
    """National language of the letters; 0 is none."""
    single: int = 0
    """National language of the escaped letters; 0 is none."""


def read_header(data: bytes) -> Header | None:
    """Read the header that *data* begins with, or None where it does not fit into it."""
    if not data or data[0] >= len(data):
        return None
    size = data[0] + 1
    part, ports, locking, single = None, False, 0, 0
    position = 1
    while position + 1 < size:
        element, length = data[position], data[position + 1]
        body = data[position + 2 : position + 2 + length]
        position += 2 + length
        if position > size:
            # An element that runs out of the header: what stood before it counts.
            break
        match element, length:
            case 0x00, 3:
                part = _part(body[0], body[1], body[2], wide=False) or part
            case 0x08, 4:
                part = _part(body[0] << 8 | body[1], body[2], body[3], wide=True) or part
            case (0x04, 2) | (0x05, 4):
                ports = True
            case 0x24, 1:
                single = body[0]
            case 0x25, 1:
                locking = body[0]
            case _:
                pass
    return Header(size, part, ports, locking, single)


def _part(reference: int, total: int, number: int, *, wide: bool) -> PartOf | None:
    # 9.2.3.24.1: numbers that make no sense let the receiver ignore the element.
    if total < 2 or not 1 <= number <= total:
        return None
    return PartOf(reference, wide, total, number)
