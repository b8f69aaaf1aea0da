"""Whose time zone a person should look at; in steps, since 100,000 people take seconds."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from appliance.model import Contact
from appliance.numbers import mask
from appliance.zones import civil_zone, contradicted

PEOPLE_PER_STEP = 25
"""Judged in one step: 3 ms on a desktop computer where each number is looked up whole."""
SHOWN = 5


def zones_steps(people: Iterable[Contact]) -> Generator[None, None, dict[str, Any]]:
    """Count whose zone contradicts their number, and whose is no civil time; some are named."""
    told: dict[str, dict[str, Any]] = {
        kind: {"count": 0, "some": []} for kind in ("contradicted", "not_civil")
    }
    for looked_at, contact in enumerate(people, 1):
        kind = None
        if civil_zone(contact.timezone) is None:
            kind = "not_civil"
        elif contradicted(contact.number, contact.timezone):
            kind = "contradicted"
        if kind is not None:
            told[kind]["count"] += 1
            if len(told[kind]["some"]) < SHOWN:
                told[kind]["some"].append(f"{mask(contact.number)} ({contact.timezone})")
        if looked_at % PEOPLE_PER_STEP == 0:
            yield
    return dict(told)
