"""How a moment reads on a screen: in the box's own time, with its zone. Pure.

Answers for programs (``--json``) and the ledger keep UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache

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
