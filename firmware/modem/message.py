"""One stored text message, read from its PDU (3GPP TS 23.040)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

Decoder = Callable[[str], dict[str, Any]]
"""The stock library's ``decodeSmsPdu``, or anything that returns what it returns."""

_SOME_TIME = bytes.fromhex("62114250231140")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """One message as the SIM holds it. ``text`` is None where its PDU could not be read."""

    index: int
    status: int
    """0 received unread, 1 received read, 2 stored unsent, 3 stored sent (27.005, 3.1)."""
    kind: str
    """``SMS-DELIVER`` for a received one; empty where the PDU could not be read."""
    number: str
    """As the network gave it; letters where the sender is a name."""
    text: str | None
    sent_at: datetime | None
    """The network's time stamp with its offset, or None where it made no sense."""
    pdu: str


def read_message(index: int, status: int, pdu: str, *, decode: Decoder) -> StoredMessage:
    """Decode *pdu*; any text gives a message.

    A broken time stamp, which some service centres send as zeros, does not cost the text: it may
    be somebody's objection.
    """
    unread = StoredMessage(
        index=index, status=status, kind="", number="", text=None, sent_at=None, pdu=pdu
    )
    found = _decode(pdu, decode)
    if found is not None:
        return replace(unread, sent_at=found.get("time"), **_content(found))
    mended = _with_some_time(pdu)
    found = None if mended is None else _decode(mended, decode)
    return unread if found is None else replace(unread, **_content(found))


def _content(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": str(found["type"]),
        "number": str(found.get("number") or ""),
        "text": found.get("text"),
    }


def _decode(pdu: str, decode: Decoder) -> dict[str, Any] | None:
    try:
        found = decode(pdu)
    # The decoder raises whatever its arithmetic meets in a broken PDU.
    except Exception:  # noqa: BLE001
        return None
    return found if "type" in found else None


def _with_some_time(pdu: str) -> str | None:
    """Return an SMS-DELIVER with another time stamp, or None where it is no such thing."""
    try:
        raw = bytearray.fromhex(pdu)
    except ValueError:
        return None
    first = raw[0] + 1 if raw else 0
    if first + 1 >= len(raw) or raw[first] & 0x03:
        return None
    # First octet, address length in digits, address type, address, protocol, coding, time.
    time = first + 3 + (raw[first + 1] + 1) // 2 + 2
    if time + len(_SOME_TIME) > len(raw):
        return None
    raw[time : time + len(_SOME_TIME)] = _SOME_TIME
    return raw.hex().upper()
