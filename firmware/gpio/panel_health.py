"""Which parts of the panel fail, and what of it is worth telling. Pure.

Times are real monotonic seconds.
"""

from __future__ import annotations

REPEAT_SECONDS = 60.0
"""A fault that lasts is told again so often."""
HEAL_SECONDS = 10.0
"""How long every part must have worked before the panel counts as whole again: a loose plug
fails and works many times a second."""


class PanelHealth:
    """Takes what worked and what failed; says what to report."""

    __slots__ = ("_failed_at", "_failing", "_told")

    def __init__(self) -> None:
        self._failing: set[str] = set()
        self._told: dict[str, float] = {}
        self._failed_at: float
        """When a part failed last."""

    def failed(self, part: str, detail: str, now: float) -> bool:
        """Note that *part* failed; return whether to report it now."""
        self._failing.add(part)
        self._failed_at = now
        told = self._told.get(detail)
        if told is not None and now - told < REPEAT_SECONDS:
            return False
        self._told[detail] = now
        return True

    def worked(self, part: str) -> None:
        """Note that *part* did what it should."""
        self._failing.discard(part)

    def healed(self, now: float) -> bool:
        """Return, once after a report, that everything has worked for a while."""
        if not self._told or self._failing or now - self._failed_at < HEAL_SECONDS:
            return False
        self._told.clear()
        return True
