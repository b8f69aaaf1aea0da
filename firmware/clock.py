"""The monotonic clock that every duration in the box is measured with.

Two clocks never mix: this one counts durations and is never stepped; calendar time lives in
``appliance.box.calendar_clock``, where its trust is judged. A bench may run the box faster than
life: then *box seconds* pass faster than real ones, and code that really blocks asks
:meth:`Clock.real` how long to block. The deadlines of AT commands are not scaled: a modem's reply
takes real time.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic box time, in seconds since an arbitrary origin."""

    def monotonic(self) -> float:
        """Return box seconds; never runs backwards."""
        ...

    def real(self, seconds: float) -> float:
        """Return how many real seconds *seconds* box seconds last (for waits that block)."""
        ...


class SystemClock:
    """The operating system's monotonic clock, optionally sped up for a bench.

    ``speed`` is box seconds per real second; anything but 1.0 is for benches only, which the
    configuration enforces.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError("speed must be positive")
        self._speed = speed
        self._origin = time.monotonic()

    def monotonic(self) -> float:
        return self._origin + (time.monotonic() - self._origin) * self._speed

    def real(self, seconds: float) -> float:
        return seconds / self._speed
