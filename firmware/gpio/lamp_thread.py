"""The thread that owns the lamps. Nobody else touches an LED, and a callback never does."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from firmware.gpio.lamp import Blink, Lamp, Pattern, lit, until_change

HEARTBEAT_SECONDS = 0.5
RETRY_SECONDS = 1.0
"""A lamp that could not be set is tried again so often, however steady its pattern is."""


class Led(Protocol):
    """One lamp; gpiozero's LED is one."""

    value: bool
    """Whether it is lit; setting it may raise whatever the pin library raises."""


class LampThread:
    """Sleeps until a lamp must change, and sets only those that do.

    *failed* is told a lamp that could not be set and why, *worked* one that could.
    """

    def __init__(
        self,
        leds: Mapping[Lamp, Led],
        *,
        test: float,
        failed: Callable[[str, str], None],
        worked: Callable[[str], None],
    ) -> None:
        self._leds = dict(leds)
        self._test_until = time.monotonic() + test
        self._failed = failed
        self._worked = worked
        self._patterns: dict[Lamp, Pattern] = dict.fromkeys(self._leds, Blink.OFF)
        self._lit: dict[Lamp, bool] = dict.fromkeys(self._leds, False)
        self._changed = threading.Condition()
        self._closing = False
        self._beat_at = 0.0
        self._thread = threading.Thread(target=self._run, name="panel lamps", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def show(self, lamps: Mapping[Lamp, Pattern]) -> None:
        with self._changed:
            wanted = {
                lamp: pattern
                for lamp, pattern in lamps.items()
                if lamp in self._patterns and self._patterns[lamp] != pattern
            }
            if wanted:
                self._patterns.update(wanted)
                self._changed.notify()

    def test(self, seconds: float) -> None:
        """Light every lamp for so long, so that a dead one is seen."""
        with self._changed:
            self._test_until = time.monotonic() + seconds
            self._changed.notify()

    def heartbeat(self) -> None:
        now = time.monotonic()
        if Lamp.HEARTBEAT not in self._leds or now - self._beat_at < HEARTBEAT_SECONDS:
            return
        self._beat_at = now
        with self._changed:
            dark = self._patterns[Lamp.HEARTBEAT] is Blink.OFF
            self._patterns[Lamp.HEARTBEAT] = Blink.ON if dark else Blink.OFF
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closing:
                    return
                now = time.monotonic()
                testing = now < self._test_until
                patterns = (
                    dict.fromkeys(self._patterns, Blink.ON) if testing else dict(self._patterns)
                )
            for lamp, pattern in patterns.items():
                self._set(lamp, lit(pattern, now))
            pause = min(until_change(pattern, now) for pattern in patterns.values())
            if any(self._lit[lamp] != lit(pattern, now) for lamp, pattern in patterns.items()):
                pause = min(pause, RETRY_SECONDS)
            if testing:
                pause = min(pause, self._test_until - now)
            with self._changed:
                if not self._closing and (
                    testing or (patterns == self._patterns and self._test_until <= now)
                ):
                    self._changed.wait(None if math.isinf(pause) else pause)

    def _set(self, lamp: Lamp, on: bool) -> None:
        if self._lit[lamp] == on:
            return
        try:
            self._leds[lamp].value = on
            self._lit[lamp] = on
        except Exception as error:  # noqa: BLE001
            self._failed(f"lamp {lamp}", f"lamp {lamp}: {type(error).__name__}: {error}")
        else:
            self._worked(f"lamp {lamp}")
