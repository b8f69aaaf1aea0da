"""Figures of a recording: how loud, how clipped, how long silent. Pure arithmetic.

Levels are in dB relative to full scale, where 0 dB is the RMS of a full-scale square wave
(the "dBov" of ITU-T G.100.1): a full-scale sine is -3 dB. Samples are floats, full scale 1.0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]

FLOOR_DBFS = -96.0
"""What digital silence is reported as: one step of 16-bit samples."""
FRAME_SECONDS = 0.02
ACTIVE_RANGE_DB = 30.0
"""A 20 ms frame counts as speech when it is at most this far below the loudest frame."""
CLIPPED_RUN = 3
"""Consecutive samples at full scale that count as one clipped place; one or two may be chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What was measured; times in seconds, levels in dBFS."""

    seconds: float
    active_dbfs: float
    """RMS of the 20 ms frames that hold speech: those within 30 dB of the loudest one. A plain
    stand-in for the active speech level of ITU-T P.56, from which pauses are left out too."""
    peak_dbfs: float
    clipped: int
    """Places where at least three samples in a row sit at full scale."""
    leading_silence: float
    trailing_silence: float


def measure(samples: Samples, rate: int) -> Levels:
    """Measure mono *samples* at *rate* per second; they must not be empty."""
    if not len(samples):
        raise ValueError("no samples")
    frame = max(1, round(rate * FRAME_SECONDS))
    padded = np.concatenate([samples, np.zeros(-len(samples) % frame)])
    energy: Samples = np.mean(np.square(padded.reshape(-1, frame)), axis=1)
    loudest = float(energy.max())
    active = energy >= loudest / 10 ** (ACTIVE_RANGE_DB / 10)
    places = np.flatnonzero(active)
    seconds = len(samples) / rate
    first, last = float(places[0]) * frame / rate, float(places[-1] + 1) * frame / rate
    silent = loudest == 0.0
    return Levels(
        seconds=seconds,
        active_dbfs=power_db(float(energy[active].mean())),
        peak_dbfs=amplitude_db(float(np.abs(samples).max())),
        clipped=_clipped(samples),
        leading_silence=seconds if silent else first,
        trailing_silence=seconds if silent else max(0.0, seconds - last),
    )


def to_float(raw: bytes, width: int, channels: int) -> Samples:
    """Turn interleaved WAV samples of 1 to 4 bytes into mono floats, channels averaged.

    WAV holds 8-bit samples unsigned and wider ones signed, little-endian.
    """
    if width == 1:
        values = np.frombuffer(raw, np.uint8).astype(np.float64) - 128.0
    elif width == 3:
        triples = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        words = np.zeros((len(triples), 4), np.uint8)
        words[:, 1:] = triples
        values = words.view("<i4").reshape(-1).astype(np.float64) / 256.0
    else:
        values = np.frombuffer(raw, f"<i{width}").astype(np.float64)
    scaled: Samples = values / float(1 << (8 * width - 1))
    mixed: Samples = scaled.reshape(-1, channels).mean(axis=1)
    return mixed


def power_db(power: float) -> float:
    """Return a mean square as dBFS."""
    return max(FLOOR_DBFS, 10 * math.log10(power)) if power > 0 else FLOOR_DBFS


def amplitude_db(amplitude: float) -> float:
    """Return an amplitude (1.0 is full scale) as dBFS."""
    return max(FLOOR_DBFS, 20 * math.log10(amplitude)) if amplitude > 0 else FLOOR_DBFS


def _clipped(samples: Samples) -> int:
    full = np.abs(samples) >= 1.0 - 1.5 / 32768
    edges = np.diff(np.concatenate([[False], full, [False]]).astype(np.int8))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return int(np.count_nonzero(lengths >= CLIPPED_RUN))
