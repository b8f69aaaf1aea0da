"""The ears' shared front end: bytes in, fixed blocks of 20 ms with their tone spectra out.

The stream is always cut into the same blocks of 160 samples, counted from its first byte, so that
what is heard does not depend on how the bytes arrived. Each block closes four windows of 20 ms
(one each 5 ms); one matrix product projects them on the eight DTMF frequencies and on the
subspace below :data:`LOW_EDGE_HZ`. Taking that subspace out of both the signal and the tone
columns is a high-pass without memory: direct current and mains hum vanish, and no filter delay
is added to a press.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
HISTORY: Final = 960
"""Samples kept for a closer look (120 ms)."""
LOW_EDGE_HZ: Final = 250.0

ROWS: Final = (697.0, 770.0, 852.0, 941.0)
COLUMNS: Final = (1209.0, 1336.0, 1477.0, 1633.0)
FREQUENCIES: Final = ROWS + COLUMNS
"""ITU-T Q.23."""

DBM0_PEAK: Final = 22826.0
"""Peak sample of a sine of 0 dBm0: 3.14 dB below full scale (ITU-T G.711)."""
QUIET_SPAN: Final = 140
"""A block whose samples span less than this holds no tone pair at -48 dBm0 a tone."""


def low_basis(length: int) -> Array:
    """Orthonormal vectors, shape ``(length, k)``, that span what lies below the low edge."""
    step = SAMPLE_RATE / length / 2.0
    time = np.arange(length) / SAMPLE_RATE
    waves = [np.ones(length)]
    frequency = step
    while frequency <= LOW_EDGE_HZ:
        angle = 2.0 * np.pi * frequency * time
        waves += [np.cos(angle), np.sin(angle)]
        frequency += step
    left, weights, _ = np.linalg.svd(np.stack(waves, axis=1), full_matrices=False)
    return np.ascontiguousarray(left[:, weights > 0.05 * weights[0]])


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


@dataclass(slots=True)
class Block:
    """One block of 20 ms; the arrays are overwritten by the next one."""

    end: int
    """Samples since the stream began, at the end of this block."""
    quiet: bool
    """This block and the one before span less than :data:`QUIET_SPAN`; no spectra were made."""
    history: Array
    """The last :data:`HISTORY` samples, shape ``(HISTORY,)``."""
    projections: Array
    """Shape ``(HOPS, 16 + k)``: cosine and sine parts of the eight tones, then the low subspace."""
    powers: Array
    """Shape ``(HOPS, 9)``: energy near each tone in its window, then the energy below the edge."""
    energies: Array
    """Shape ``(HOPS,)``: energy of each window above the low edge."""


class Spectra:
    """Cuts a byte stream into blocks and computes their spectra."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._end = 0
        self._was_quiet = True
        self._history = np.zeros(HISTORY)
        tail = self._history[HISTORY - BLOCK - WINDOW + HOP :]
        self._view = np.lib.stride_tricks.sliding_window_view(tail, WINDOW)[::HOP]
        self._frames = np.zeros((HOPS, WINDOW))
        width = _COLUMNS.shape[1]
        self._block = Block(
            end=0,
            quiet=True,
            history=self._history,
            projections=np.zeros((HOPS, width)),
            powers=np.zeros((HOPS, 9)),
            energies=np.zeros(HOPS),
        )
        self._squares = np.zeros((HOPS, width))

    def feed(self, pcm: bytes | bytearray | memoryview) -> Iterator[Block]:
        """Take little-endian 16-bit samples; yield each block that they complete."""
        pending = self._pending
        pending += pcm
        size = 2 * BLOCK
        whole = len(pending) // size
        if not whole:
            return
        samples = np.frombuffer(bytes(memoryview(pending)[: whole * size]), dtype="<i2")
        del pending[: whole * size]
        for start in range(0, whole * BLOCK, BLOCK):
            yield self._next(samples[start : start + BLOCK])

    def _next(self, samples: NDArray[np.int16]) -> Block:
        history, block = self._history, self._block
        history[:-BLOCK] = history[BLOCK:]
        history[-BLOCK:] = samples
        self._end += BLOCK
        block.end = self._end
        quiet = int(samples.max()) - int(samples.min()) < QUIET_SPAN
        block.quiet = quiet and self._was_quiet
        self._was_quiet = quiet
        if not block.quiet:
            frames = self._frames
            np.copyto(frames, self._view)
            np.matmul(frames, _COLUMNS, out=block.projections)
            np.multiply(block.projections, block.projections, out=self._squares)
            np.matmul(self._squares, _SUMS, out=block.powers)
            np.einsum("ij,ij->i", frames, frames, out=block.energies)
            block.energies -= block.powers[:, 8]
        return block
