"""The detectors' shared front end: bytes in, fixed blocks of 20 ms with their tone spectra out.

The stream is always cut into the same blocks of 160 samples, counted from its first byte, so that
what is heard does not depend on how the bytes arrived. Each block closes four windows of 20 ms
(one each 5 ms); one matrix product projects them on the eight DTMF frequencies and on the
subspace below :data:`LOW_EDGE_HZ`. Taking that subspace out of both the signal and the tone
columns is a high-pass without memory: direct current and mains hum vanish, and no filter delay
is added to a press.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SAMPLE_RATE: Final = 8000
BLOCK: Final = 160
"""Samples of one block (20 ms, one frame of a PCM port)."""
HOP: Final = 40
"""Samples between the ends of two windows (5 ms)."""
WINDOW: Final = 160
"""Samples of one window (20 ms)."""
HOPS: Final = BLOCK // HOP
HISTORY: Final = 1280
"""Samples kept for a closer look (160 ms)."""
_ROOM: Final = 64
LOW_EDGE_HZ: Final = 250.0

ROWS: Final = (697.0, 770.0, 852.0, 941.0)
COLUMNS: Final = (1209.0, 1336.0, 1477.0, 1633.0)
FREQUENCIES: Final = ROWS + COLUMNS
"""ITU-T Q.23."""

DBM0_PEAK: Final = 22826.0
"""Peak sample of a sine of 0 dBm0: 3.14 dB below full scale (ITU-T G.711)."""
FLOOR_ENERGY: Final = (DBM0_PEAK * 10 ** (-46.0 / 20)) ** 2 / 2 * WINDOW
"""Energy of a window below which no tone pair is looked for: both tones near -49 dBm0."""


def low_basis(length: int, edge_hz: float = LOW_EDGE_HZ) -> Array:
    """Orthonormal vectors, shape ``(length, k)``, that span what lies below ``edge_hz``."""
    step = SAMPLE_RATE / length / 2.0
    time = np.arange(length) / SAMPLE_RATE
    waves = [np.ones(length)]
    frequency = step
    while frequency <= edge_hz:
        angle = 2.0 * np.pi * frequency * time
        waves += [np.cos(angle), np.sin(angle)]
        frequency += step
    stacked = np.stack(waves, axis=1)
    # The singular vectors by way of the small Gram matrix: what is kept is well conditioned, and
    # a decomposition of the tall matrix keeps a Pi busy for seconds before its first call.
    squares, right = np.linalg.eigh(stacked.T @ stacked)
    kept = squares > 0.05**2 * squares[-1]
    return np.ascontiguousarray(stacked @ (right[:, kept] / np.sqrt(squares[kept])))


def _window_columns() -> tuple[Array, Array]:
    time = np.arange(WINDOW) / SAMPLE_RATE
    angle = 2.0 * np.pi * np.outer(time, FREQUENCIES)
    low = low_basis(WINDOW)
    tones = np.concatenate([np.cos(angle), -np.sin(angle)], axis=1)
    tones -= low @ (low.T @ tones)
    columns = np.concatenate([tones, low], axis=1)
    # Powers are scaled so that a steady tone on its nominal frequency gives its own energy.
    sums = np.zeros((columns.shape[1], 9))
    for tone in range(8):
        sums[tone, tone] = sums[8 + tone, tone] = 2.0 / WINDOW
    sums[16:, 8] = 1.0
    return np.ascontiguousarray(columns), sums


_COLUMNS, _SUMS = _window_columns()


def band_energy(samples: Array) -> float:
    """Energy above the low edge of ``WINDOW`` samples."""
    low = samples @ _COLUMNS[:, 16:]
    return float(samples @ samples) - float(low @ low)


class Spectra:
    """Cuts a byte stream into blocks and computes, on demand, the spectra of the newest one."""

    def __init__(self) -> None:
        self.end = 0
        """Samples since the stream began, at the end of the newest block."""
        self.quiet = True
        """The newest block and the one before hold too little energy for any tone."""
        self.projections = np.zeros((HOPS, _COLUMNS.shape[1]))
        """Shape ``(HOPS, 16 + k)``, filled by :meth:`windows`: cosine and sine parts of the eight
        tones in each window, then the low subspace."""
        self._pending = bytearray()
        self._was_quiet = True
        self._samples = np.zeros(HISTORY + _ROOM * BLOCK)
        self._filled = HISTORY
        self._frame = np.zeros(WINDOW)
        self._frames = np.zeros((HOPS, WINDOW))

    def feed(self, pcm: bytes | bytearray | memoryview) -> Iterator[Spectra]:
        """Take little-endian 16-bit samples; yield itself for each block that they complete."""
        pending = self._pending
        pending += pcm
        size = 2 * BLOCK
        whole = len(pending) // size
        if not whole:
            return
        taken = bytes(pending[: whole * size])
        del pending[: whole * size]
        for start in range(0, whole * size, size):
            self._take(np.frombuffer(taken, dtype="<i2", count=BLOCK, offset=start))
            yield self

    def _take(self, block: NDArray[np.int16]) -> None:
        samples = self._samples
        if self._filled == len(samples):
            samples[:HISTORY] = samples[-HISTORY:].copy()
            self._filled = HISTORY
        newest = samples[self._filled : self._filled + BLOCK]
        newest[:] = block
        self._filled += BLOCK
        self.end += BLOCK
        quiet = float(newest @ newest) < FLOOR_ENERGY / 2
        self.quiet = quiet and self._was_quiet
        self._was_quiet = quiet

    def stretch(self, length: int, before_end: int = 0) -> Array:
        """The last ``length`` samples, or those that end ``before_end`` samples earlier.

        Together they may reach back :data:`HISTORY` samples. A view: copy it to keep it.
        """
        stop = self._filled - before_end
        return self._samples[stop - length : stop]

    def window(self) -> tuple[list[float], float]:
        """The newest window: energy near each of the eight tones, and energy above the low edge.

        A steady tone on its nominal frequency counts with its own energy.
        """
        frame = self._frame
        frame[:] = self.stretch(WINDOW)
        projection = frame @ _COLUMNS
        sums = ((projection * projection) @ _SUMS).tolist()
        return sums, float(frame @ frame) - sums[8]

    def windows(self) -> tuple[list[list[float]], list[float]]:
        """The four windows that end in the newest block, oldest first, as :meth:`window`."""
        frames = self._frames
        for hop in range(HOPS):
            frames[hop] = self.stretch(WINDOW, BLOCK - (hop + 1) * HOP)
        np.matmul(frames, _COLUMNS, out=self.projections)
        sums = ((self.projections * self.projections) @ _SUMS).tolist()
        totals = np.einsum("ij,ij->i", frames, frames).tolist()
        return sums, [total - row[8] for total, row in zip(totals, sums, strict=True)]
