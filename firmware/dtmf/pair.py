"""A close look at a stretch of sound: how well do two steady tones explain it?

Least squares of two tones whose complex amplitudes may change linearly: the imaginary part of
that change is what the frequency estimate was wrong by, the real part is how fast the tone
swells or fades. A key is steady in both; a voice is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from firmware.dtmf.spectrum import SAMPLE_RATE, Array, low_basis

VOICE_EDGE_HZ: Final = 600.0
"""Below the lowest row with its margin: where speech and dial tones are strongest."""
PARTS: Final = 5
"""A stretch is compared with its fit in this many equal parts."""


@dataclass(frozen=True, slots=True)
class PairFit:
    """What the fit found; row first, column second where there are two."""

    explained: float
    """Share of the energy above the low edge that the two tones carry, 0 to 1."""
    explained_high: float
    """The same without what lies below :data:`VOICE_EDGE_HZ` and is not the tones."""
    row_hz: float
    column_hz: float
    row_level: float
    """Peak amplitude in sample units."""
    column_level: float
    row_swell: float
    """Relative change of amplitude from the middle of the stretch to its end."""
    column_swell: float
    weakest_part: float
    """Amplitude of the tones in the weakest fifth, relative to the whole stretch."""
    strongest_part: float


@lru_cache(maxsize=16)
def prepare(length: int) -> tuple[Array, Array, Array]:
    """Tables for stretches of ``length`` samples, made once."""
    time = (np.arange(length) - (length - 1) / 2.0) / SAMPLE_RATE
    return low_basis(length), low_basis(length, VOICE_EDGE_HZ), time


def fit_pair(samples: Array, row_hz: float, column_hz: float) -> PairFit | None:
    """Fit two tones near the given frequencies (a few Hz off at most) to ``samples``.

    ``samples`` has a length that :data:`PARTS` divides. None where there is nothing to fit.
    """
    length = len(samples)
    low, voice, time = prepare(length)
    signal = samples - low @ (low.T @ samples)
    energy = float(signal @ signal)
    if energy <= 0.0:
        return None
    waves = np.empty((8, length))
    for index, frequency in enumerate((row_hz, column_hz)):
        angle = (2.0 * math.pi * frequency) * time
        waves[2 * index] = np.cos(angle)
        waves[2 * index + 1] = np.sin(angle)
    scale = 2.0 * SAMPLE_RATE / length
    waves[4:] = waves[:4] * (time * scale)
    waves -= (waves @ low) @ low.T
    gram = waves @ waves.T
    against = waves @ signal
    try:
        weights = np.linalg.solve(gram, against)
    except np.linalg.LinAlgError:
        return None
    carried = float(against @ weights)
    rest = signal - weights @ waves
    low_rest = rest @ voice
    high_rest = max(0.0, energy - carried - float(low_rest @ low_rest))
    steady = weights[:4] @ waves[:4]
    a, b, c, d, a1, b1, c1, d1 = weights.tolist()
    row_square, column_square = a * a + b * b, c * c + d * d
    if row_square <= 0.0 or column_square <= 0.0:
        return None
    # a cos + b sin with slopes a1, b1: d(phase) = (b a1 - a b1) / |A|^2, d(size) = (a a1 + b b1).
    to_hz = scale / (2.0 * math.pi)
    parts = (steady * signal).reshape(PARTS, -1).sum(axis=1)
    norms = (steady * steady).reshape(PARTS, -1).sum(axis=1)
    mean = float(norms.sum()) / PARTS
    ratios = (parts / np.maximum(norms, 0.25 * mean)).tolist()
    return PairFit(
        explained=carried / energy,
        explained_high=carried / (carried + high_rest),
        row_hz=row_hz + to_hz * (b * a1 - a * b1) / row_square,
        column_hz=column_hz + to_hz * (d * c1 - c * d1) / column_square,
        row_level=math.sqrt(row_square),
        column_level=math.sqrt(column_square),
        row_swell=(a * a1 + b * b1) / row_square,
        column_swell=(c * c1 + d * d1) / column_square,
        weakest_part=min(ratios),
        strongest_part=max(ratios),
    )
