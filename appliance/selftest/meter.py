"""What a self-test measures of the far end's voice, beside the line that plays and listens."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from appliance.selftest.result import Downlink
from firmware.clips.clip import SAMPLE_RATE
from firmware.clips.levels import measure
from firmware.voice.path import AudioPath
from firmware.voice.switch import PathNeeds, make_path

KEEP_SECONDS = 60.0
"""Box seconds of downlink that the levels are measured over."""


@dataclass(slots=True)
class Meter:
    """Listens beside the line. Only the path's thread writes."""

    hears: bool = False
    """Whether the line's voice path gives any downlink at all."""

    byte_count: int = 0
    first_at: float | None = None
    last_at: float = 0.0
    pcm: bytearray | None = None

    def add(self, pcm: bytes, at: float) -> None:
        if self.first_at is None:
            self.first_at, self.pcm = at, bytearray()
        self.last_at = at
        self.byte_count += len(pcm)
        if self.pcm is not None and len(self.pcm) < 2 * SAMPLE_RATE * KEEP_SECONDS:
            self.pcm += pcm

    def downlink(self) -> Downlink:
        samples = np.frombuffer(bytes(self.pcm or b""), "<i2").astype(np.float64) / 32768
        return Downlink(
            byte_count=self.byte_count,
            seconds=0.0 if self.first_at is None else self.last_at - self.first_at,
            levels=measure(samples, SAMPLE_RATE) if len(samples) else None,
        )

    def path(self, needs: PathNeeds) -> AudioPath:
        """Make the line's voice path with this meter in its downlink."""
        heard = needs.callbacks.on_downlink

        def both(pcm: bytes, at: float) -> None:
            self.add(pcm, at)
            heard(pcm, at)

        path = make_path(replace(needs, callbacks=replace(needs.callbacks, on_downlink=both)))
        self.hears = path.hears
        return path
