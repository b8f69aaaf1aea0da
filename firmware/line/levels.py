"""How loud both directions of a call are just now, for whoever watches. Nothing decides by it."""

from __future__ import annotations

import threading

import numpy as np

from firmware.clips.clip import SAMPLE_BYTES, SAMPLE_RATE, Clip
from firmware.clips.levels import power_db

OVER = 0.5
"""Seconds of sound that one figure is of."""
STALE = 2.0
"""Seconds after which what was heard last is no longer "now"."""
_FULL_SCALE = 32768.0


class CallLevels:
    """The voice's thread tells it, any thread may ask. Levels are RMS in dBFS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clip: Clip | None = None
        self._since = 0.0
        self._heard = bytearray()
        self._received: tuple[float, float] | None = None

    def started(self, clip: Clip | None, at: float) -> None:
        """From *at* on the callee is sent *clip*, or silence where it is none that is known."""
        with self._lock:
            self._clip, self._since = clip, at

    def finished(self) -> None:
        with self._lock:
            self._clip = None

    def heard(self, pcm: bytes, at: float) -> None:
        """Take what the far end said."""
        with self._lock:
            self._heard += pcm
            if len(self._heard) >= OVER * SAMPLE_RATE * SAMPLE_BYTES:
                self._received = (_level(bytes(self._heard)), at)
                self._heard.clear()

    def forget(self) -> None:
        """The call is over."""
        with self._lock:
            self._clip = self._received = None
            self._heard.clear()

    def sent(self, now: float) -> float | None:
        """Return how loud the clip is that goes out; None where none does."""
        with self._lock:
            clip, since = self._clip, self._since
        if clip is None:
            return None
        end = max(int((now - since) * SAMPLE_RATE), 1) * SAMPLE_BYTES
        start = max(end - int(OVER * SAMPLE_RATE) * SAMPLE_BYTES, 0)
        part = clip.pcm[start:end]
        return _level(part) if part else None

    def received(self, now: float) -> float | None:
        """Return how loud the far end is; None where the host does not hear it."""
        with self._lock:
            found = self._received
        return None if found is None or now - found[1] > STALE else found[0]


def _level(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64) / _FULL_SCALE
    return round(power_db(float(samples @ samples) / len(samples)), 1)
