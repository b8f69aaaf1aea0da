"""Single tones and the tone bands of networks, measured every 40 ms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from firmware.dtmf.spectrum import COLUMNS, DBM0_PEAK, ROWS, SAMPLE_RATE, Array

FRAME: Final = 320
"""Samples of one frame (40 ms; a bin of its spectrum is 25 Hz)."""
FRAME_SECONDS: Final = FRAME / SAMPLE_RATE
_BIN: Final = SAMPLE_RATE / FRAME
_FIRST, _LAST = 11, 140  # 275 to 3500 Hz
_SHAPE: Final = np.hanning(FRAME + 1)[:FRAME]
_FLOOR: Final = (DBM0_PEAK * 10 ** (-40.0 / 20)) ** 2 / 2
"""Mean square of a tone of -40 dBm0: fainter sound is silence to this part of the detector."""
_ONES: Final = np.ones(_LAST - _FIRST)
_SCALE: Final = 2.0 / float((_SHAPE**2).sum()) / FRAME
SHARE: Final = 0.85
"""Of the energy in the telephone band, for sound that is one tone or one pair."""
_RIVAL: Final = 0.02
_DTMF_NEAR: Final = 0.03


@dataclass(frozen=True, slots=True)
class Frame:
    """What one frame of 40 ms holds."""

    power: float
    """Mean square in the telephone band, in sample units."""
    tone: float | None
    """Frequency of the one tone that is nearly all of it."""
    pair: tuple[float, float] | None
    """The two tones, lower first, that are nearly all of it; not a DTMF pair."""

    key: bool = False
    """The two tones are those of a DTMF key."""

    @property
    def tonal(self) -> bool:
        """No voice: a tone, a pair or a key."""
        return self.key or self.tone is not None or self.pair is not None

    @property
    def silent(self) -> bool:
        """Below -40 dBm0."""
        return self.power < _FLOOR


SILENT: Final = Frame(0.0, None, None)


def _peak(around: list[float]) -> float:
    """Bins from the middle of five powers to the true peak (Hann window)."""
    before, middle, after = (math.sqrt(p) for p in around[1:4])
    if before > after:
        return -(2.0 * before - middle) / (before + middle)
    return (2.0 * after - middle) / (after + middle)


def _is_key(low: float, high: float) -> bool:
    return any(abs(low - f) < _DTMF_NEAR * f for f in ROWS) and any(
        abs(high - f) < _DTMF_NEAR * f for f in COLUMNS
    )


def measure(samples: Array) -> Frame:
    """Look at :data:`FRAME` samples."""
    # Real and imaginary parts side by side are squared and summed faster than complex numbers.
    parts = np.fft.rfft(samples * _SHAPE)[_FIRST:_LAST].view(np.float64)
    parts *= parts
    power = parts[::2] + parts[1::2]
    total = float(power @ _ONES)
    mean_square = total * _SCALE
    if mean_square < _FLOOR:
        return Frame(mean_square, None, None)
    first = min(max(int(power.argmax()), 2), len(power) - 3)
    around = power[first - 2 : first + 3].tolist()
    share = sum(around) / total
    if share < 0.4:
        return Frame(mean_square, None, None)
    frequency = _BIN * (_FIRST + first + _peak(around))
    power[first - 2 : first + 3] = 0.0
    second = min(max(int(power.argmax()), 2), len(power) - 3)
    around = power[second - 2 : second + 3].tolist()
    rival = sum(around) / total
    other = frequency
    if around[2] > 0.0:
        other = _BIN * (_FIRST + second + _peak(around))
    low, high = sorted((frequency, other))
    if rival > _RIVAL and _is_key(low, high):
        return Frame(mean_square, None, None, key=share + rival >= 0.7)
    if share >= SHARE:
        return Frame(mean_square, frequency, None)
    if share + rival >= SHARE and rival > 0.15:
        return Frame(mean_square, None, (low, high))
    return Frame(mean_square, None, None)
