"""Who is next: earliest deadline first, without ever scanning everybody.

Each person stands in one of two heaps: *later*, ordered by when their chance opens, or *open*,
ordered by attempts used so far and then by the last moment at which a call can still begin and
end inside the chance. Those who were never called go before retries, because a line that cannot
serve everybody would else spend the hours of the one on the busy signal of the other; where
there is room for all, the order of the two makes no difference (``bench.engine`` measures it).

A person's place is one tuple; whatever a heap holds that is no longer the person's place is
passed over when it surfaces. Choosing therefore costs the logarithm of the number of people.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import heapq
from datetime import UTC, datetime
from typing import TypeVar

from appliance.model import HexId

_Item = TypeVar("_Item", bound=tuple[object, ...])

Place = tuple[float, float, int, HexId]
"""Opening, latest start, attempts used so far, subject (as a number: half the memory)."""


class Scheduler:
    """The two heaps."""

    def __init__(self) -> None:
        self._places: dict[HexId, Place] = {}
        self._later: list[Place] = []
        self._open: list[tuple[int, float, Place]] = []

    def __len__(self) -> int:
        """How many people have a chance planned."""
        return len(self._places)

    def __contains__(self, subject: HexId) -> bool:
        return subject in self._places

    def place(self, subject: HexId, opens: float, closes: float, attempts: int) -> None:
        """Give *subject* their one place: when it opens, and the latest start of a call."""
        place = (opens, closes, attempts, subject)
        if self._places.get(subject) == place:
            return
        self._places[subject] = place
        heapq.heappush(self._later, place)
        if len(self._later) + len(self._open) > 2 * len(self._places) + 1024:
            self._compact()

    def drop(self, subject: HexId) -> None:
        """Forget *subject*; nothing happens where they have no place."""
        self._places.pop(subject, None)

    def clear(self) -> None:
        self._places.clear()
        self._later.clear()
        self._open.clear()

    def take(self, now: datetime) -> Place | None:
        """Remove and return the place of who should be called first at *now*, or None.

        It may have closed unused: the caller plans that person anew. Whoever is returned has no
        place until given one again.
        """
        instant = now.timestamp()
        self._move(instant)
        while self._open:
            place = heapq.heappop(self._open)[2]
            subject = place[3]
            if self._places.get(subject) is place:
                del self._places[subject]
                return place
        return None

    def next_opening(self, now: datetime) -> datetime | None:
        """When the next chance opens (*now* or earlier: one is open), or None."""
        self._move(now.timestamp())
        while self._open:
            place = self._open[0][2]
            if self._places.get(place[3]) is place:
                return now
            heapq.heappop(self._open)
        while self._later:
            if self._places.get(self._later[0][3]) is self._later[0]:
                return datetime.fromtimestamp(self._later[0][0], UTC)
            heapq.heappop(self._later)
        return None

    def upcoming(self, most: int) -> list[Place]:
        """Return the next *most* places, in the order in which they are likely to be called.

        Looks at the top of both heaps and changes nothing; where many people were planned anew it
        may name fewer. A place that opens later may overtake, so this is for people to look at.
        """
        looks = most * 8
        found = [entry[2] for entry in _smallest(self._open, looks)]
        found += _smallest(self._later, looks)
        return [place for place in found if self._places.get(place[3]) is place][:most]

    def _move(self, instant: float) -> None:
        while self._later and self._later[0][0] <= instant:
            place = heapq.heappop(self._later)
            _, closes, attempts, subject = place
            if self._places.get(subject) is place:
                heapq.heappush(self._open, (attempts, closes, place))

    def _compact(self) -> None:
        # Places that were replaced stay in their heap until they surface; far-off ones would
        # pile up over months of planning anew.
        self._later = [p for p in self._later if self._places.get(p[3]) is p]
        self._open = [e for e in self._open if self._places.get(e[2][3]) is e[2]]
        heapq.heapify(self._later)
        heapq.heapify(self._open)


def _smallest(heap: list[_Item], most: int) -> list[_Item]:
    """Return the *most* smallest of *heap* in order, in a time that does not grow with it."""
    found: list[_Item] = []
    candidates = [(heap[0], 0)] if heap else []
    while candidates and len(found) < most:
        item, index = heapq.heappop(candidates)
        found.append(item)
        for child in (2 * index + 1, 2 * index + 2):
            if child < len(heap):
                heapq.heappush(candidates, (heap[child], child))
    return found
