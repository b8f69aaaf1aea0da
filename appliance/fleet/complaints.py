"""Troubles of a link that come again and again, said so that a log stays readable."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from firmware.wording import plural


@dataclass(slots=True)
class Complaints:
    """Says each kind of trouble once a minute, with how often it came."""

    every: float = 60.0
    now: Callable[[], float] = time.monotonic
    _told: dict[str, tuple[float, int]] = field(default_factory=dict)

    def note(self, text: str) -> str | None:
        """Return what to log of *text* now, or None."""
        at = self.now()
        last, more = self._told.get(text, (None, 0))
        if last is not None and at - last < self.every:
            self._told[text] = (last, more + 1)
            return None
        if len(self._told) > 100:
            self._told.clear()
        self._told[text] = (at, 0)
        if not more:
            return text
        return plural("{text} ({count} more time)", "{text} ({count} more times)", more, text=text)
