"""Streaming DTMF detector: every key once, no key where there is none."""

from __future__ import annotations

import cmath
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from firmware.dtmf.evidence import WEAKEST_PART, Look, near, possible, weigh
from firmware.dtmf.pair import fit_pair, look_closer, prepare
from firmware.dtmf.spectrum import (
    BLOCK,
    COLUMNS,
    FLOOR_ENERGY,
    FREQUENCIES,
    HISTORY,
    HOP,
    HOPS,
    ROWS,
    SAMPLE_RATE,
    WINDOW,
    Spectra,
    band_energy,
)

KEYS: Final = "123A456B789C*0#D"
"""Row by row."""
ALL_KEYS: Final = "0123456789ABCD*#"

_LOOSE_SHARE: Final = 0.3
STRETCHES: Final = (4, 6, 8, 10, 12, 16, 20)
"""Windows of the stretches that are looked at: 35 ms, the shortest that can be a key, to 115 ms.
Under an echo of our own voice only the long ones tell a key from it."""
_SHORTEST: Final = STRETCHES[0]
_KEPT: Final = STRETCHES[-1] + 1
"""A run keeps one window more than the longest stretch, which is looked at when it is full."""
_EVEN: Final = 0.3
_SLIPS: Final = 2
_OWN: Final = 0.6
"""So many windows in a row may look like another key, or like none, if this share of the run's
own tones is still there: a loud syllable of an echo hides a key for a moment."""
_CAREFUL: Final = 1.0
_SLACK: Final = 1.4
"""A first estimate of the tones may be off by so much more than what the fit finds may."""
_RELEASE: Final = 10 ** (-10.0 / 10)
_RELEASE_WINDOWS: Final = 6
"""A key has ended when so many windows in a row hold less than that share of its energy: just what
a pause of 40 ms gives wherever the windows lie, and more than most lost frames."""
_FADED: Final = 10 ** (-30.0 / 10)
_REJOIN: Final = SAMPLE_RATE * 20 // 1000
"""A key that comes back within so many samples of its end, and whose tones never fell below that
share of its energy, is the same press: a decoder fills lost frames with a fading tone, while a
finger leaves silence."""
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
        # The first press of a process must not wait for tables.
        for windows in STRETCHES:
            prepare(WINDOW + HOP * (windows - 1))
        self._spectra = Spectra()
        self._near = False
        self._run: _Run | None = None
        self._press: _Press | None = None
        """The last one."""

    def feed(self, pcm: bytes) -> list[Detected]:
        """Take the next bytes of the stream; return the presses that became certain in them."""
        found: list[Detected] = []
        for block in self._spectra.feed(pcm):
            found += self.take(block)
        return found

    @property
    def sounding(self) -> bool:
        """A reported key still sounds."""
        return self._press is not None and self._press.sounds

    def take(self, block: Spectra) -> Sequence[Detected]:
        """Take one block of a front end that somebody else feeds."""
        if block.quiet:
            self._run = None
            self._near = False
            if self._press is not None:
                self._press.miss(HOPS, 0.0, block.end)
            return ()
        # Any run of windows long enough to be a key has a window that ends with a block. So the
        # other three matter only where that one, or that of the block before, may be a key.
        sums, energy = block.window()
        pair = max(sums[:4]) + max(sums[4:8])
        was_near, self._near = self._near, pair >= _LOOSE_SHARE * energy and pair >= FLOOR_ENERGY
        if not (self._near or was_near or self.sounding):
            return ()
        found = []
        for hop, (powers, energy) in enumerate(zip(*block.windows(), strict=True)):
            detected = self._window(block, hop, powers, energy)
            if detected is not None:
                found.append(detected)
        return found

    def _window(
        self, block: Spectra, hop: int, powers: list[float], energy: float
    ) -> Detected | None:
        rows, columns = powers[:4], powers[4:8]
        row_power, column_power = max(rows), max(columns)
        row, column = rows.index(row_power), columns.index(column_power)
        pair = row_power + column_power
        end = block.end - BLOCK + (hop + 1) * HOP
        press = self._press
        if press is not None:
            press.take(rows[press.key >> 2] + columns[press.key & 3], end)
        index = 4 * row + column
        run = self._run
        seen = pair >= _LOOSE_SHARE * energy and pair >= FLOOR_ENERGY
        if run is not None:
            own = rows[run.key >> 2] + columns[run.key & 3]
            if run.goes_on(own, seen=seen and run.key == index):
                seen, pair, index = True, own, run.key
                row, column = index >> 2, index & 3
            else:
                run = None
        if not seen:
            self._run = None
            return None
        if run is None:
            run = self._run = _Run(index, end)
        projections = block.projections[hop]
        run.add(
            pair,
            max(rows[:row] + rows[row + 1 :]) / rows[row],
            max(columns[:column] + columns[column + 1 :]) / columns[column],
            complex(projections[row], projections[8 + row]),
            complex(projections[4 + column], projections[12 + column]),
        )
        held = press is not None and press.sounds and press.key == index
        if held or KEYS[index] not in self._offered:
            return None
        filled = run.filled()
        if filled < _SHORTEST:
            return None
        found = self._look(block, hop, run, _SHORTEST)
        if found is None and filled > STRETCHES[1]:
            longer = max(w for w in STRETCHES if w < filled)
            found = self._look(block, hop, run, longer)
        return found

    def _look(self, block: Spectra, hop: int, run: _Run, windows: int) -> Detected | None:
        end = BLOCK - (hop + 1) * HOP
        row, column = run.key >> 2, run.key & 3
        if run.before is None:
            ago = block.end - (run.start - WINDOW // 2 - HOP)
            run.before = band_energy(block.stretch(WINDOW, min(ago, HISTORY - WINDOW)))
        turns = list(run.turns)[-windows:]
        row_turn = sum(b[0] * a[0].conjugate() for a, b in zip(turns, turns[2:], strict=False))
        column_turn = sum(b[1] * a[1].conjugate() for a, b in zip(turns, turns[2:], strict=False))
        row_off = _TO_HZ * cmath.phase(row_turn * _TURN[row])
        column_off = _TO_HZ * cmath.phase(column_turn * _TURN[4 + column])
        if not near(row_off, column_off, ROWS[row], COLUMNS[column], slack=_SLACK):
            return None
        fit = fit_pair(
            block.stretch(WINDOW + HOP * (windows - 1), end),
            ROWS[row] + row_off,
            COLUMNS[column] + column_off,
        )
        if fit is None or not possible(fit, ROWS[row], COLUMNS[column]):
            return None
        remains = look_closer(fit)
        if remains.weakest_part < WEAKEST_PART:
            return None
        energy = (fit.row_level**2 + fit.column_level**2) / 2 * WINDOW
        look = Look(
            fit=fit,
            remains=remains,
            windows=windows,
            row_nominal=ROWS[row],
            column_nominal=COLUMNS[column],
            row_rival=sum(list(run.row_rivals)[-windows:]) / windows,
            column_rival=sum(list(run.column_rivals)[-windows:]) / windows,
            before=run.before / energy,
        )
        key = KEYS[run.key]
        odds = self._weigh(look, run.key, block.end - end)
        if odds < (_CAREFUL if key in self._careful else 0.0):
            return None
        same = self._press is not None and self._press.comes_back(run.key, run.start)
        self._press = _Press(run.key, energy)
        if same:
            return None
        return Detected(
            key=key,
            at=max(0, run.start - WINDOW // 2) / SAMPLE_RATE,
            sureness=1.0 / (1.0 + math.exp(-odds)),
            heard=(block.end - end) / SAMPLE_RATE,
        )

    def _weigh(self, look: Look, key: int, end: int) -> float:  # noqa: ARG002
        return weigh(look)


class _Press:
    """A key that was reported, or would have been: while it sounds, and for a moment after."""

    __slots__ = ("_absent", "_depth", "_ended_at", "_energy", "key")

    def __init__(self, key: int, energy: float) -> None:
        self.key = key
        self._energy = energy
        """In one window."""
        self._absent = 0
        """Windows in a row that miss it."""
        self._depth = math.inf
        """The least share of its energy since it began to fade."""
        self._ended_at: int | None = None
        """Where in the stream, in samples."""

    @property
    def sounds(self) -> bool:
        return self._ended_at is None

    def take(self, energy: float, at: int) -> None:
        """Take the energy of its tones in a window that ends at sample *at*."""
        share = energy / self._energy
        if self.sounds and share >= _RELEASE:
            self._absent = 0
            self._depth = math.inf
        else:
            self.miss(1, share, at)

    def miss(self, windows: int, share: float, at: int) -> None:
        """Note so many windows, the last of which ends at sample *at*, that hardly show it."""
        self._depth = min(self._depth, share)
        self._absent += windows
        if self.sounds and self._absent >= _RELEASE_WINDOWS:
            self._ended_at = at

    def comes_back(self, key: int, start: int) -> bool:
        """Whether *key*, heard from sample *start* on, is this one that only faded meanwhile."""
        if self._ended_at is None or key != self.key:
            return False
        return start - self._ended_at <= _REJOIN and self._depth > _FADED


class _Run:
    """Windows in a row that show the same key."""

    __slots__ = ("before", "column_rivals", "key", "pairs", "row_rivals", "slips", "start", "turns")

    def __init__(self, key: int, start: int) -> None:
        self.key = key
        self.start = start
        """Sample at the end of its first window, which the tone fills about half."""
        self.before: float | None = None
        self.slips = 0
        self.pairs: deque[float] = deque(maxlen=_KEPT)
        self.row_rivals: deque[float] = deque(maxlen=_KEPT)
        self.column_rivals: deque[float] = deque(maxlen=_KEPT)
        self.turns: deque[tuple[complex, complex]] = deque(maxlen=_KEPT)

    def add(
        self, pair: float, row_rival: float, column_rival: float, row: complex, column: complex
    ) -> None:
        self.pairs.append(pair)
        self.row_rivals.append(row_rival)
        self.column_rivals.append(column_rival)
        self.turns.append((row, column))

    def goes_on(self, own: float, *, seen: bool) -> bool:
        """Whether a window belongs to it: *seen* as this key, or hidden for a moment."""
        self.slips = 0 if seen else self.slips + 1
        hidden = self.slips <= _SLIPS and own >= _OWN * self.pairs[-1] and own >= FLOOR_ENERGY
        return seen or hidden

    def filled(self) -> int:
        """How many of the last windows the tone fills; its edges are no part of what is judged."""
        if len(self.pairs) < _SHORTEST:
            return 0
        pairs = list(self.pairs)
        enough = _EVEN * max(pairs[-_SHORTEST:])
        filled = 0
        for power in reversed(pairs):
            if power < enough:
                break
            filled += 1
        return filled
