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
from numpy.typing import NDArray

from firmware.dtmf.spectrum import SAMPLE_RATE, Array, low_basis

VOICE_EDGE_HZ: Final = 600.0
"""Below the lowest row with its margin: where speech and dial tones are strongest."""
TONE_BAND_HZ: Final = (600.0, 1750.0)
"""Where the tones of keys lie, and little else of a voice that is not near them."""
NEAR_HZ: Final = 90.0
"""Neighbourhood of a tone: wide enough for a voice's sidebands, and no other key's tone in it."""
PARTS: Final = 5
"""A stretch is compared with its fit in this many equal parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFit:
    """What the fit found; row first, column second where there are two."""

    explained: float
    """Share of the energy above the low edge that the two tones carry, 0 to 1."""
    row_hz: float
    column_hz: float
    row_level: float
    """Peak amplitude in sample units."""
    column_level: float
    row_swell: float
    """Relative change of amplitude from the middle of the stretch to its end."""
    column_swell: float
    solved: Solved
    """For :func:`look_closer`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What a closer look shows: the tones part by part, and what they leave."""

    explained_high: float
    """Share of the energy that the two tones carry, without what lies below
    :data:`VOICE_EDGE_HZ` and is not the tones."""
    weakest_part: float
    """Amplitude of the tones in the weakest fifth, relative to the whole stretch."""
    band: float
    """Energy of what the fit leaves within :data:`TONE_BAND_HZ`, relative to the two tones'."""
    row: float
    """The same near the row, relative to the row."""
    column: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """The least squares behind a fit."""

    waves: Array
    """Cosine and sine of the row, of the column, and the same times time; shape (8, length)."""
    samples: Array
    low_parts: Array
    """Products of the waves and of the samples with the low subspace; shape (9, k)."""
    weights: NDArray[np.floating]
    energy: float
    carried: float


@lru_cache(maxsize=16)
def prepare(length: int) -> tuple[Array, Array, Array, Array]:
    """Tables for stretches of ``length`` samples, made once."""
    time = (np.arange(length) - (length - 1) / 2.0) / SAMPLE_RATE
    # Scaled so that the squares of a spectrum's positive half sum up to the energy of noise.
    taper = np.hanning(length) * math.sqrt(2.0 / length / 0.375)
    return low_basis(length), low_basis(length, VOICE_EDGE_HZ), time, taper


def fit_pair(samples: Array, row_hz: float, column_hz: float) -> PairFit | None:
    """Fit two tones near the given frequencies (a few Hz off at most) to ``samples``.

    None where there is nothing to fit. What lies below the low edge counts neither in the signal
    nor in the tones: it is taken out of their products, not of each of them.
    """
    length = len(samples)
    low, _, time, _ = prepare(length)
    stacked = np.empty((9, length))
    for index, frequency in enumerate((row_hz, column_hz)):
        angle = (2.0 * math.pi * frequency) * time
        np.cos(angle, out=stacked[2 * index])
        np.sin(angle, out=stacked[2 * index + 1])
    scale = 2.0 * SAMPLE_RATE / length
    np.multiply(stacked[:4], time * scale, out=stacked[4:8])
    stacked[8] = samples
    low_parts = stacked @ low
    products = stacked @ stacked.T - low_parts @ low_parts.T
    energy = float(products[8, 8])
    if energy <= 0.0:
        return None
    against = products[:8, 8]
    try:
        weights = np.linalg.solve(products[:8, :8], against)
    except np.linalg.LinAlgError:
        return None
    a, b, c, d, a1, b1, c1, d1 = weights.tolist()
    row_square, column_square = a * a + b * b, c * c + d * d
    if row_square <= 0.0 or column_square <= 0.0:
        return None
    carried = float(against @ weights)
    # a cos + b sin with slopes a1, b1: d(phase) = (b a1 - a b1) / |A|^2, d(size) = (a a1 + b b1).
    to_hz = scale / (2.0 * math.pi)
    return PairFit(
        explained=carried / energy,
        row_hz=row_hz + to_hz * (b * a1 - a * b1) / row_square,
        column_hz=column_hz + to_hz * (d * c1 - c * d1) / column_square,
        row_level=math.sqrt(row_square),
        column_level=math.sqrt(column_square),
        row_swell=(a * a1 + b * b1) / row_square,
        column_swell=(c * c1 + d * d1) / column_square,
        solved=Solved(
            waves=stacked[:8],
            samples=stacked[8],
            low_parts=low_parts,
            weights=weights,
            energy=energy,
            carried=carried,
        ),
    )


def look_closer(fit: PairFit) -> Remains:
    """Compute what few stretches get as far as to be asked for; their length is divided by
    :data:`PARTS`."""
    solved = fit.solved
    weights, waves, low_parts = solved.weights, solved.waves, solved.low_parts
    length = len(solved.samples)
    low, voice, _, taper = prepare(length)
    signal = solved.samples - low @ low_parts[8]
    rest = signal - weights @ waves + low @ (weights @ low_parts[:8])
    steady = weights[:4] @ waves[:4] - low @ (weights[:4] @ low_parts[:4])
    cut = (PARTS, length // PARTS)
    parts = (steady * signal).reshape(cut).sum(axis=1)
    norms = (steady * steady).reshape(cut).sum(axis=1)
    low_rest = rest @ voice
    high_rest = max(0.0, solved.energy - solved.carried - float(low_rest @ low_rest))
    spectrum = np.fft.rfft(rest * taper)
    power = spectrum.real**2 + spectrum.imag**2

    def left(low_hz: float, high_hz: float) -> float:
        first, last = (round(f * length / SAMPLE_RATE) for f in (low_hz, high_hz))
        return float(power[first : last + 1].sum())

    row, column = fit.row_level**2 * length / 2.0, fit.column_level**2 * length / 2.0
    return Remains(
        explained_high=solved.carried / (solved.carried + high_rest),
        weakest_part=float((parts / norms).min()),
        band=left(*TONE_BAND_HZ) / (row + column),
        row=left(fit.row_hz - NEAR_HZ, fit.row_hz + NEAR_HZ) / row,
        column=left(fit.column_hz - NEAR_HZ, fit.column_hz + NEAR_HZ) / column,
    )
