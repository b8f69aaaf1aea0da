"""A wait at a queue that ends when it should.

``SimpleQueue`` may be put into by any thread, also from a callback in the middle of a put, which no
other queue of the library allows. But before Python 3.13 its ``get(timeout=…)`` may wait for ever:
it reckons anew what is left of the timeout, and takes a negative rest for no limit (seen with
CPython 3.11.2, 3.11.7 and 3.12.1; 3.13.0 ends). It does so where a thread is held up for as long as
the timeout at the wrong moment: microseconds on an idle computer, any length on a starved one.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")


def take_within(queue: SimpleQueue[T], seconds: float) -> T:
    """Return the next item, or raise :class:`queue.Empty` after *seconds* real seconds.

    Only one thread may take from *queue*.
    """
    try:
        return queue.get_nowait()
    except Empty:
        if seconds <= 0:
            raise
    # The rest is reckoned anew only where the queue's lock was free and nothing lay there. The look
    # above has left it taken; whoever frees it puts an item.
    return queue.get(timeout=seconds)
