"""Figures of a recording: how loud, how clipped, how long silent. Pure arithmetic.

Levels are in dB relative to full scale, where 0 dB is the RMS of a full-scale square wave
(the "dBov" of ITU-T G.100.1): a full-scale sine is -3 dB. Samples are floats, full scale 1.0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]

FLOOR_DBFS = -96.0
"""What digital silence is reported as: one step of 16-bit samples."""
PIECE = 1 << 16
FRAME_SECONDS = 0.02
ACTIVE_RANGE_DB = 30.0
"""A 20 ms frame counts as speech when it is at most this far below the loudest frame."""
CLIPPED_RUN = 3
"""Consecutive samples at full scale that count as one clipped place; one or two may be chance."""
CANCELLED = 0.1
"""A mix with less than this share of the power that unrelated channels leave has lost the rest."""


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
    meter = Meter(rate)
    for piece in pieces(samples):
        meter.feed(piece)
    return meter.levels()


def pieces(samples: Samples) -> Iterator[Samples]:
    """Cut *samples*, so that what is computed of them stays small beside them."""
    for place in range(0, len(samples), PIECE):
        yield samples[place : place + PIECE]


class Meter:
    """Measures mono samples that come piece by piece; keeps one number per 20 ms of them."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._frame = max(1, round(rate * FRAME_SECONDS))
        self._count = 0
        self._sum = self._squares = 0.0
        self._peak = 0.0
        self._energy: list[Samples] = []
        self._rest: Samples = np.zeros(0)
        self._clipped = 0
        self._run = 0

    def feed(self, samples: Samples) -> None:
        if not len(samples):
            return
        self._count += len(samples)
        self._sum += float(samples.sum())
        self._squares += float(np.dot(samples, samples))
        self._peak = max(self._peak, float(np.abs(samples).max()))
        self._count_clipped(np.abs(samples) >= 1.0 - 1.5 / 32768)
        joined = np.concatenate([self._rest, samples])
        whole = len(joined) - len(joined) % self._frame
        self._energy.append(_frame_energy(joined[:whole], self._frame))
        self._rest = joined[whole:]

    @property
    def seconds(self) -> float:
        return self._count / self._rate

    @property
    def offset(self) -> float:
        """The mean of all samples (DC), full scale 1.0."""
        return self._sum / self._count if self._count else 0.0

    @property
    def variance(self) -> float:
        """The mean square of what remains without the offset."""
        if not self._count:
            return 0.0
        varying = self._squares / self._count - self.offset**2
        # What is left of a constant is rounding, some 1e-16 of its square.
        return varying if varying > 1e-12 * self._squares / self._count else 0.0

    def levels(self) -> Levels:
        """Return the figures of all samples so far; raises ValueError where there are none."""
        if not self._count:
            raise ValueError("no samples")
        padded = np.concatenate([self._rest, np.zeros(-len(self._rest) % self._frame)])
        energy = np.concatenate([*self._energy, _frame_energy(padded, self._frame)])
        loudest = float(energy.max())
        active = energy >= loudest / 10 ** (ACTIVE_RANGE_DB / 10)
        places = np.flatnonzero(active)
        seconds, step = self.seconds, self._frame / self._rate
        first, last = float(places[0]) * step, float(places[-1] + 1) * step
        silent = loudest == 0.0
        return Levels(
            seconds=seconds,
            active_dbfs=power_db(float(energy[active].mean())),
            peak_dbfs=amplitude_db(self._peak),
            clipped=self._clipped + (self._run >= CLIPPED_RUN),
            leading_silence=seconds if silent else first,
            trailing_silence=seconds if silent else max(0.0, seconds - last),
        )

    def _count_clipped(self, full: npt.NDArray[np.bool_]) -> None:
        if not full.any():
            self._clipped += self._run >= CLIPPED_RUN
            self._run = 0
            return
        edges = np.diff(np.concatenate([[False], full, [False]]).astype(np.int8))
        starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        lengths = ends - starts
        if starts[0] == 0:
            lengths[0] += self._run
        else:
            self._clipped += self._run >= CLIPPED_RUN
        # A run that reaches the end of this piece may go on in the next.
        open_run = int(lengths[-1]) if ends[-1] == len(full) else 0
        closed = lengths[:-1] if open_run else lengths
        self._clipped += int(np.count_nonzero(closed >= CLIPPED_RUN))
        self._run = open_run


def _frame_energy(samples: Samples, frame: int) -> Samples:
    energy: Samples = np.mean(np.square(samples.reshape(len(samples) // frame, frame)), axis=1)
    return energy


def to_channels(raw: bytes, width: int, channels: int) -> Samples:
    """Turn interleaved WAV samples of 1 to 4 bytes into floats, one column per channel.

    WAV holds 8-bit samples unsigned and wider ones signed, little-endian.
    """
    if width == 1:
        values = np.frombuffer(raw, np.uint8).astype(np.float64) - 128.0
    elif width == 3:
        triples = np.frombuffer(raw, np.uint8).reshape(len(raw) // 3, 3)
        words = np.zeros((len(triples), 4), np.uint8)
        words[:, 1:] = triples
        values = words.view("<i4").ravel().astype(np.float64) / 256.0
    else:
        values = np.frombuffer(raw, f"<i{width}").astype(np.float64)
    values /= float(1 << (8 * width - 1))
    return values.reshape(len(values) // channels, channels)


class Channels:
    """Tells whether channels that come piece by piece cancel each other when they are mixed."""

    def __init__(self, count: int) -> None:
        self._count = 0
        self._sum = np.zeros(count + 1)
        self._squares = np.zeros(count + 1)

    def feed(self, samples: Samples, mixed: Samples) -> None:
        """Take *samples*, one column per channel, and their mean over the channels."""
        self._count += len(samples)
        self._sum += [*samples.sum(axis=0), mixed.sum()]
        self._squares += [*np.square(samples).sum(axis=0), np.square(mixed).sum()]

    @property
    def cancel(self) -> bool:
        """Whether the mix is 10 dB weaker than channels that have nothing to do with each other."""
        powers = self._powers()
        channels = len(powers) - 1
        alone = float(powers[:-1].sum()) / channels**2
        return channels > 1 and float(powers[-1]) < CANCELLED * alone

    @property
    def loudest(self) -> int:
        """The channel with the most sound, counted from 0."""
        return int(self._powers()[:-1].argmax())

    def _powers(self) -> Samples:
        count = max(self._count, 1)
        powers: Samples = np.maximum(self._squares / count - np.square(self._sum / count), 0.0)
        return powers


def quantise(samples: Samples) -> bytes:
    """Round floats to 16-bit little-endian samples."""
    whole = np.clip(np.round(samples * 32768), -32768, 32768 - 1)
    return whole.astype("<i2").tobytes()


def power_db(power: float) -> float:
    """Return a mean square as dBFS."""
    return max(FLOOR_DBFS, 10 * math.log10(power)) if power > 0 else FLOOR_DBFS


def amplitude_db(amplitude: float) -> float:
    """Return an amplitude (1.0 is full scale) as dBFS."""
    return max(FLOOR_DBFS, 20 * math.log10(amplitude)) if amplitude > 0 else FLOOR_DBFS
