"""How a moment reads on a screen: in the box's own time, with its zone. Pure.

Answers for programs (``--json``) and the ledger keep UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from firmware.wording import Message

DAY = "%Y-%m-%d"
MINUTES = "%Y-%m-%d %H:%M %Z"
SECONDS = "%Y-%m-%d %H:%M:%S %Z"
TIME = "%H:%M:%S %Z"


@lru_cache(maxsize=8)
def zone_of(name: str | None) -> tzinfo:
    """Return the zone called *name* (IANA); UTC for none, or one that this computer lacks."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name) if name else UTC
    except (OSError, ValueError):
        return UTC


def local(text: str, zone: str | None, form: str = SECONDS) -> str:
    """Return the moment *text* (ISO 8601 with offset) as a person of *zone* reads it.

    Anything else comes back as it is: a screen shows what it was told.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        return text
    return moment.astimezone(zone_of(zone)).strftime(form)


def in_local(sentence: str, zone: str | None) -> str:
    """Return *sentence* with the moments among its values as a person of *zone* reads them."""
    if not isinstance(sentence, Message):
        return sentence
    values = {name: _value(value, zone) for name, value in sentence.values.items()}
    return Message(sentence.message, values, sentence.several, sentence.number)


def _value(value: object, zone: str | None) -> object:
    if isinstance(value, Message):
        return in_local(value, zone)
    return local(value, zone, MINUTES) if isinstance(value, str) else value
