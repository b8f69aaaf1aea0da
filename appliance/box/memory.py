"""What 100,000 people take of a small computer's memory and time while they are loaded."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def collector_asleep() -> Iterator[None]:
    """Keep Python's collector from looking through everybody again and again.

    What is loaded here lives as long as the process; at 100,000 people that is a third of the
    time of a start.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
        _give_memory_back()
    finally:
        if was_enabled:
            gc.enable()


def _give_memory_back() -> None:
    """Return to the system what only the start needed, which the C library would keep."""
    with suppress(OSError, AttributeError):  # Only glibc has this function.
        ctypes.CDLL(None).malloc_trim(0)
