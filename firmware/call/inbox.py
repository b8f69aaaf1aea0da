"""What reaches a line's worker, in one queue: orders, notices, and calls for attention."""

from __future__ import annotations

from dataclasses import dataclass
from queue import Empty, SimpleQueue

from firmware.families.base import Reading, Sign
from firmware.orders import Order
from firmware.queue_wait import take_within


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """An order, with the count of emergencies when it was given: an older Dial is void."""

    order: Order
    emergencies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A notice that concerns the line rather than a call."""

    reading: Reading
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Attention:
    """The call has progressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    """The transport lost its port."""

    reason: str


@dataclass(frozen=True, slots=True)
class Emergency:
    """The stop path has hung up already; silence must be confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrouble:
    """The voice path reported that it is dead."""

    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class Closing:
    """End everything and leave."""


Item = Ordered | Heard | Attention | LinkDown | Emergency | AudioTrouble | Closing

LINE_SIGNS = frozenset(
    {
        Sign.INCOMING,
        Sign.CALLER,
        Sign.WAITING,
        Sign.SMS,
        Sign.SMS_FULL,
        Sign.REGISTRATION,
        Sign.SIM_MISSING,
        Sign.BOOT,
        Sign.POWER_LOW,
        Sign.POWER_DOWN,
    }
)
"""Notices that the worker must see as :class:`Heard`."""


def rings(sign: Sign) -> bool:
    """Whether *sign* tells of somebody who calls."""
    return sign in (Sign.INCOMING, Sign.CALLER)


class Inbox:
    """A queue that any thread, also a signal or GPIO callback, may put into."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Item] = SimpleQueue()

    def put(self, item: Item) -> None:
        self._queue.put(item)

    def get(self, seconds: float) -> Item | None:
        """Return the next item, or None after *seconds* real seconds."""
        try:
            return take_within(self._queue, seconds)
        except Empty:
            return None
