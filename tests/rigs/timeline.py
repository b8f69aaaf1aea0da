"""A clock that jumps from one planned happening to the next. Seconds of simulated true time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable


class Timeline:
    """Things that will happen, in order of time and then of planning."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def after(self, seconds: float, happening: Callable[[], None]) -> None:
        """Plan *happening* for *seconds* from now."""
        heapq.heappush(self._heap, (self.now + seconds, next(self._count), happening))

    @property
    def next_at(self) -> float:
        """When the next happening is due; infinite where there is none."""
        return self._heap[0][0] if self._heap else float("inf")

    def pop(self) -> Callable[[], None]:
        """Take the next happening and move on to its time."""
        at, _, happening = heapq.heappop(self._heap)
        self.now = max(self.now, at)
        return happening
