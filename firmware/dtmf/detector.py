"""Streaming DTMF detector: every key once, no key where there is none."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from firmware.dtmf.pair import PairFit, fit_pair
from firmware.dtmf.spectrum import (
    BLOCK,
    COLUMNS,
    FLOOR_ENERGY,
    FREQUENCIES,
    HOP,
    HOPS,
    ROWS,
    SAMPLE_RATE,
    WINDOW,
    Spectra,
)

KEYS: Final = "123A456B789C*0#D"
"""Row by row."""
ALL_KEYS: Final = "0123456789ABCD*#"

_LOOSE_SHARE: Final = 0.40
_SHORTEST: Final = 4
"""Windows of the shortest stretch that can be a key: 35 ms."""
_LONGER: Final = 6
_LONGEST: Final = 12
_EVEN: Final = 0.5
_RELEASE: Final = 10 ** (-9.0 / 10)
_RELEASE_WINDOWS: Final = 5
_TURN: Final = tuple(cmath.exp(-2j * math.pi * f * 2 * HOP / SAMPLE_RATE) for f in FREQUENCIES)
_TO_HZ: Final = SAMPLE_RATE / (2 * math.pi * 2 * HOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """One press of one key."""

    key: str
    at: float
    """Onset, in seconds since the stream began."""
    sureness: float
    """0 to 1."""
    heard: float = 0.0
    """When it could be reported: seconds since the stream began at the end of the deciding
    window."""


class ToneDetector:
    """Hears keys in one stream of 8 kHz 16-bit little-endian mono samples.

    ``keys`` are the keys on offer; others are never reported. A key in ``careful`` needs more
    evidence. What is found does not depend on how the bytes are cut; an odd byte waits for its
    other half. One object per line.
    """

    def __init__(self, keys: str = ALL_KEYS, *, careful: str = "") -> None:
        unknown = sorted(set(keys + careful) - set(ALL_KEYS))
        if unknown:
            raise ValueError(f"not a DTMF key: {''.join(unknown)}")
        self._offered = frozenset(keys)
        self._careful = frozenset(careful)
        self._spectra = Spectra()
        self._near = False
        self._run_key = -1
        self._run = 0
        self._run_start = 0
        self._turns: list[tuple[complex, complex]] = []
        self._pairs: list[float] = []
        self._held = -1
        self._held_energy = 0.0
        self._absent = 0

    def feed(self, pcm: bytes) -> list[Detected]:
        """Take the next bytes of the stream; return the presses that became certain in them."""
        found: list[Detected] = []
        for block in self._spectra.feed(pcm):
            found += self.take(block)
        return found

    def take(self, block: Spectra) -> Sequence[Detected]:
        """Take one block of a front end that somebody else feeds."""
        if block.quiet:
            self._lose_run()
            self._near = False
            if self._held >= 0:
                self._miss(HOPS)
            return ()
        # Any run of windows long enough to be a key has a window that ends with a block. So the
        # other three matter only where that one, or that of the block before, may be a key.
        sums, energy = block.window()
        pair = max(sums[:4]) + max(sums[4:8])
        was_near, self._near = self._near, pair >= _LOOSE_SHARE * energy and pair >= FLOOR_ENERGY
        if not (self._near or was_near or self._held >= 0):
            return ()
        found = []
        for hop, (powers, energy) in enumerate(zip(*block.windows(), strict=True)):
            detected = self._window(block, hop, powers, energy)
            if detected is not None:
                found.append(detected)
        return found

    def _lose_run(self) -> None:
        self._run = 0
        self._run_key = -1

    def _miss(self, windows: int) -> None:
        self._absent += windows
        if self._absent >= _RELEASE_WINDOWS:
            self._held = -1

    def _window(
        self, block: Spectra, hop: int, powers: list[float], energy: float
    ) -> Detected | None:
        rows, columns = powers[:4], powers[4:8]
        row_power, column_power = max(rows), max(columns)
        row, column = rows.index(row_power), columns.index(column_power)
        pair = row_power + column_power
        if self._held >= 0:
            held = rows[self._held >> 2] + columns[self._held & 3]
            if held < _RELEASE * self._held_energy:
                self._miss(1)
            else:
                self._absent = 0
        if pair < _LOOSE_SHARE * energy or pair < FLOOR_ENERGY:
            self._lose_run()
            return None
        index = 4 * row + column
        if index != self._run_key:
            self._run_key = index
            self._run = 0
            self._run_start = block.end - BLOCK + (hop + 1) * HOP
            self._turns.clear()
            self._pairs.clear()
        self._run += 1
        projections = block.projections[hop]
        self._turns.append(
            (
                complex(projections[row], projections[8 + row]),
                complex(projections[4 + column], projections[12 + column]),
            )
        )
        self._pairs.append(pair)
        if index == self._held or KEYS[index] not in self._offered or self._run < _SHORTEST:
            return None
        # Windows that the tone does not fill yet are no part of the stretch to judge.
        enough = _EVEN * max(self._pairs[-_SHORTEST:])
        filled = 0
        for power in reversed(self._pairs):
            if power < enough or filled == _LONGEST:
                break
            filled += 1
        if filled < _SHORTEST:
            return None
        found = self._look(block, hop, row, column, _SHORTEST)
        if found is None and filled > _LONGER:
            found = self._look(block, hop, row, column, filled - 1)
        return found

    def _look(
        self, block: Spectra, hop: int, row: int, column: int, windows: int
    ) -> Detected | None:
        length = WINDOW + HOP * (windows - 1)
        last, first = self._turns[-1], self._turns[-3]
        row_hz = ROWS[row] + _TO_HZ * cmath.phase(last[0] * first[0].conjugate() * _TURN[row])
        column_hz = COLUMNS[column] + _TO_HZ * cmath.phase(
            last[1] * first[1].conjugate() * _TURN[4 + column]
        )
        samples = block.stretch(length, BLOCK - (hop + 1) * HOP)
        fit = fit_pair(samples, row_hz, column_hz)
        if fit is None:
            return None
        key = KEYS[4 * row + column]
        sureness = judge(fit, ROWS[row], COLUMNS[column], length)
        if sureness < (0.6 if key in self._careful else 0.5):
            return None
        self._held = 4 * row + column
        self._held_energy = (fit.row_level**2 + fit.column_level**2) / 2 * WINDOW
        self._absent = 0
        end = block.end - BLOCK + (hop + 1) * HOP
        onset = max(0, self._run_start - WINDOW // 2)
        return Detected(key=key, at=onset / SAMPLE_RATE, sureness=sureness, heard=end / SAMPLE_RATE)


def judge(fit: PairFit, row_nominal: float, column_nominal: float, length: int) -> float:
    """How sure a fit makes us that this is a key, 0 to 1."""
    row_off = abs(fit.row_hz - row_nominal)
    column_off = abs(fit.column_hz - column_nominal)
    if row_off > 0.018 * row_nominal + 4.0 or column_off > 0.018 * column_nominal + 4.0:
        return 0.0
    twist = 20 * math.log10(fit.column_level / fit.row_level)
    if not -11.0 <= twist <= 7.0:
        return 0.0
    if fit.weakest_part < 0.6 or max(abs(fit.row_swell), abs(fit.column_swell)) > 0.5:
        return 0.0
    if fit.explained < (0.75 if length <= 280 else 0.65):
        return 0.0
    return min(1.0, max(0.5, fit.explained))
