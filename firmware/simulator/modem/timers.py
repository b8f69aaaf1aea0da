"""Timers as data: what is due, in order of time and then of setting."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Timer:
    """One thing that will happen; ``cancel`` makes it not happen."""

    __slots__ = ("action", "at", "cancelled", "name", "order")

    def __init__(self, at: float, order: int, name: str, action: Callable[[], None]) -> None:
        self.at = at
        self.order = order
        self.name = name
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def __lt__(self, other: Timer) -> bool:
        return (self.at, self.order) < (other.at, other.order)


class Timers:
    """A queue of timers on box-monotonic seconds; it never looks at a clock."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._order = 0

    def set(self, at: float, name: str, action: Callable[[], None]) -> Timer:
        self._order += 1
        timer = Timer(at, self._order, name, action)
        heapq.heappush(self._heap, timer)
        return timer

    def pop_due(self, now: float) -> Timer | None:
        """Return the earliest timer that is due at *now*, or None."""
        while self._heap:
            if self._heap[0].cancelled:
                heapq.heappop(self._heap)
            elif self._heap[0].at <= now:
                return heapq.heappop(self._heap)
            else:
                return None
        return None

    @property
    def next_at(self) -> float | None:
        while self._heap and self._heap[0].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0].at if self._heap else None

    def clear(self) -> None:
        """Forget everything (the modem lost its power)."""
        self._heap.clear()
