"""Text messages written by the standards, for tests: an SMS-DELIVER of 3GPP TS 23.040, 9.2.2.1.

Written from the standards and not from the driver: tables of 23.038 are not repeated here, the
default alphabet is used only for characters that have their ASCII place in it.
"""

from __future__ import annotations

from collections.abc import Sequence

CENTRE = "06913336990800"
STAMP = "62114250231140"
"""2026-11-24 05:32:11 +01:00."""


def septets(values: Sequence[int], fill: int = 0) -> bytes:
    """Pack 7 bit values (23.038, 6.1.2.1) behind *fill* bits."""
    bits = sum(value << (7 * i) for i, value in enumerate(values)) << fill
    return bits.to_bytes((7 * len(values) + fill + 7) // 8, "little")


def address(number: str, kind: int | None = None) -> str:
    """An address field: length in semi-octets, type, swapped digits; or the letters of a name."""
    if kind is not None and kind & 0x70 == 0x50:
        packed = septets([ord(c) for c in number])
        return f"{-(-len(number) * 7 // 4):02X}{kind:02X}{packed.hex().upper()}"
    digits = number.lstrip("+")
    told = kind if kind is not None else (0x91 if number.startswith("+") else 0x81)
    padded = digits + "F" * (len(digits) % 2)
    swapped = "".join(b + a for a, b in zip(padded[::2], padded[1::2], strict=True))
    return f"{len(digits):02X}{told:02X}{swapped}"


def deliver(
    number: str = "+33639980001",
    text: str = "STOP",
    *,
    kind: int | None = None,
    coding: int = 0,
    header: str = "",
    data: bytes | None = None,
    stamp: str = STAMP,
    centre: str = CENTRE,
    values: Sequence[int] | None = None,
) -> str:
    """A received message in hexadecimal.

    *header* is the user data header without its length; *data* are octets of 8 bit or UCS2 text
    in the place of *text*, *values* septets.
    """
    head = bytes.fromhex(header)
    front = bytes([len(head), *head]) if header else b""
    if data is not None:
        body = front + data
        length = len(body)
    else:
        packed = list(values) if values is not None else [ord(c) for c in text]
        skipped = -(-len(front) * 8 // 7)
        fill = skipped * 7 - len(front) * 8
        body = front + septets(packed, fill)
        length = skipped + len(packed)
    first = "44" if header else "04"
    return (
        f"{centre}{first}{address(number, kind)}00{coding:02X}{stamp}"
        f"{length:02X}{body.hex().upper()}"
    )
