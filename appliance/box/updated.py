"""What became of the last update, as root's updater tells it to the lamps and to ``doctor``.

It lies where the box can read and not write: the updater is root's, and takes nothing from here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from firmware.bounded_read import read_bounded
from firmware.json_text import parse_json
from firmware.wording import received_all

PLACE = Path("/run/autodialer-update")
FILE = "result.json"
SHOWN = {"holds": 120.0, "refused": 3600.0, "taken_back": 86400.0}
"""Real seconds for which the lamps show each ending."""
Lit = Literal["", "writing", "holds", "refused", "taken_back"]


@dataclass(frozen=True, slots=True)
class Updated:
    """One ending."""

    lamp: Lit
    text: str
    since: float | None
    """Seconds since the computer started at which it was told; None for one of an earlier start."""

    @property
    def shown(self) -> Lit:
        """What the lamps show of it now."""
        if self.since is None or self.lamp not in SHOWN:
            return ""
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - self.since
        return self.lamp if 0 <= age < SHOWN[self.lamp] else ""


def load(place: Path = PLACE) -> Updated | None:
    """Return the last ending; None where there was no update."""
    try:
        value: dict[str, Any] = received_all(parse_json(read_bounded(place / FILE, 1 << 16)))
        since = value["since"]
        lamp = value["lamp"]
        return Updated(
            lamp=lamp if lamp in SHOWN else "",
            text=str(value["text"]),
            since=None if since is None else float(since),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
