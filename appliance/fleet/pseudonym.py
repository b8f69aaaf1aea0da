"""The name under which the fleet knows a person: a keyed hash of the number. Pure.

Telephone numbers can be guessed one by one, so a plain hash would hide nothing. The secret is the
campaign's key: each box holds it, the hub never does, and the next campaign has another.
"""

from __future__ import annotations

import hashlib
import hmac
import re

KEY_BYTES = 32
PID_BYTES = 16
"""128 bits: among a hundred million numbers two alike are as likely as 1 in 10^22."""

_E164 = re.compile(r"\+[1-9]\d{6,14}")


def pseudonym(key: bytes, number: str) -> str:
    """Return the first 128 bits of HMAC-SHA-256 of *number* (E.164 with ``+``), in hex.

    Raises :class:`ValueError` for a key of another length or anything but E.164: two ways of
    writing one number would be two people, of whom one never objected.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a campaign key has {KEY_BYTES} bytes, not {len(key)}")
    if not _E164.fullmatch(number):
        raise ValueError("a pseudonym is made of a number in E.164 alone")
    return hmac.digest(key, number.encode("ascii"), hashlib.sha256)[:PID_BYTES].hex()
