"""The telephone's band: what of a recording a telephone carries, and how loud that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware.clips.clip import SAMPLE_RATE
from firmware.clips.levels import Levels, Meter, Samples, amplitude_db, pieces, power_db

BAND = (300.0, 3400.0)
"""Hertz. The telephone band of ITU-T G.712; what lies outside only costs loudness."""
BAND_TAPS = 321
"""Length of the band filter: 60 dB down within about 100 Hz of each corner at 8 kHz."""
BAND_BETA = 5.65
"""Kaiser window parameter for 60 dB."""
LEAST_IN_BAND_DB = 30.0
"""A recording that loses more than this to the filter is hum or hiss, not speech."""


class BandFilter:
    """Keeps 300-3400 Hz of samples that come piece by piece (a linear-phase windowed sinc).

    Without delay: what :meth:`feed` and :meth:`finish` return is as long as what was fed, and
    each sample stands where it stood.
    """

    def __init__(self, rate: int = SAMPLE_RATE) -> None:
        self._half = round(BAND_TAPS // 2 * rate / SAMPLE_RATE)
        place = np.arange(-self._half, self._half + 1)
        low, high = (min(1.0, 2 * corner / rate) for corner in BAND)
        window = np.kaiser(len(place), BAND_BETA)
        self._taps = (high * np.sinc(high * place) - low * np.sinc(low * place)) * window
        size = 1 << (4 * len(place)).bit_length()
        self._step = size - len(place) + 1
        self._size = size
        self._response = np.fft.rfft(self._taps, size)
        # Overlap-save: each block is filtered together with the samples before it.
        self._held: Samples = np.zeros(2 * self._half)
        self._skip = self._half

    def feed(self, samples: Samples) -> Samples:
        """Take the next samples; return those that are finished."""
        joined = np.concatenate([self._held, samples])
        before = 2 * self._half
        parts = []
        for start in range(0, len(joined) - before, self._step):
            part = joined[start : start + self._size]
            product = np.fft.rfft(part, self._size) * self._response
            parts.append(np.fft.irfft(product, self._size)[before : len(part)])
        self._held = joined[len(joined) - before :]
        filtered = np.concatenate(parts) if parts else np.zeros(0)
        skipped = min(self._skip, len(filtered))
        self._skip -= skipped
        return filtered[skipped:]

    def finish(self) -> Samples:
        """Return the last samples."""
        return self.feed(np.zeros(self._half))


def band_limit(samples: Samples, rate: int = SAMPLE_RATE) -> Samples:
    """Keep 300-3400 Hz of *samples*, without delay."""
    band = BandFilter(rate)
    return np.concatenate([*(band.feed(piece) for piece in pieces(samples)), band.finish()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a telephone carries of a recording, beside what the recording holds."""

    levels: Levels
    """Loudness and silences of what lies within the band; peak and clipping of all."""
    offset_dbfs: float
    """The constant offset (DC) of the samples."""
    varying_dbfs: float
    """RMS of all but the offset."""
    band_dbfs: float
    """RMS of what lies within the band."""
    band_peak_dbfs: float

    @property
    def hardly_any(self) -> bool:
        """Whether a telephone loses nearly all of it."""
        return self.band_dbfs < self.varying_dbfs - LEAST_IN_BAND_DB

    @property
    def sounding(self) -> float:
        """Seconds from the first sound to the last."""
        levels = self.levels
        return levels.seconds - levels.leading_silence - levels.trailing_silence


class CarriedMeter:
    """Measures a mono recording that comes piece by piece."""

    def __init__(self, rate: int = SAMPLE_RATE) -> None:
        self._band = BandFilter(rate)
        self._all = Meter(rate)
        self._in_band = Meter(rate)
        self._shift: float | None = None

    def feed(self, samples: Samples) -> None:
        if not len(samples):
            return
        self._all.feed(samples)
        if self._shift is None:
            # Else an offset would begin with a step, and a step sounds within the band.
            self._shift = float(samples.mean())
        self._in_band.feed(self._band.feed(samples - self._shift))

    def finish(self) -> Carried:
        """Return the figures; raises ValueError where no sample came."""
        self._in_band.feed(self._band.finish())
        everything, heard = self._all.levels(), self._in_band.levels()
        return Carried(
            levels=Levels(
                seconds=everything.seconds,
                active_dbfs=heard.active_dbfs,
                peak_dbfs=everything.peak_dbfs,
                clipped=everything.clipped,
                leading_silence=heard.leading_silence,
                trailing_silence=heard.trailing_silence,
            ),
            offset_dbfs=amplitude_db(abs(self._all.offset)),
            varying_dbfs=power_db(self._all.variance),
            band_dbfs=power_db(self._in_band.variance),
            band_peak_dbfs=heard.peak_dbfs,
        )


def carried(samples: Samples, rate: int = SAMPLE_RATE) -> Carried:
    """Measure mono *samples*, which must not be empty."""
    meter = CarriedMeter(rate)
    for piece in pieces(samples):
        meter.feed(piece)
    return meter.finish()
