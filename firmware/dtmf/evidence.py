"""How much a stretch of sound speaks for a key: limits first, then weighed evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from firmware.dtmf.pair import PairFit, Remains

MARGIN: Final = 0.018
MARGIN_HZ: Final = 4.0
"""A tone may be off by this share of its frequency and these hertz: what must be accepted
(1.5 % and 2 Hz, ETSI ES 201 235-3) with room for noise, and far from 3.5 %."""
WEAKEST_PART: Final = 0.3
"""A key sounds through all of a stretch."""
OVERTONE: Final = 0.01
"""A column that is twice the row to within this ratio is the overtone of a whistle: the pairs that
must be accepted (1.5 % and 2 Hz off) stay 0.016 away from that."""
EXACT_HZ: Final = 0.5
"""Nearer than this no difference is made."""


@dataclass(frozen=True, slots=True)
class Look:
    """A fitted stretch and what surrounds it."""

    fit: PairFit
    remains: Remains
    windows: int
    """Windows of 5 ms advance in the stretch; 4 are 35 ms."""
    row_nominal: float
    column_nominal: float
    row_rival: float
    """Power of the second strongest row in the stretch, relative to the strongest."""
    column_rival: float
    before: float
    """Energy of the 20 ms that end before the onset, relative to the pair's in 20 ms."""


def near(
    row_off: float,
    column_off: float,
    row_nominal: float,
    column_nominal: float,
    slack: float = 1.0,
) -> bool:
    """Whether two tones that are off by so many hertz are those of a key; *slack* widens it."""
    return abs(row_off) <= slack * (MARGIN * row_nominal + MARGIN_HZ) and abs(
        column_off
    ) <= slack * (MARGIN * column_nominal + MARGIN_HZ)


def possible(fit: PairFit, row_nominal: float, column_nominal: float) -> bool:
    """Whether a stretch is within the limits of a key at all."""
    return (
        near(fit.row_hz - row_nominal, fit.column_hz - column_nominal, row_nominal, column_nominal)
        and fit.explained >= 0.33
        and abs(fit.row_swell) <= 0.85
        and abs(fit.column_swell) <= 0.85
        and 0.16 <= fit.column_level / fit.row_level <= 4.5
        and abs(fit.column_hz / fit.row_hz - 2.0) > OVERTONE
    )


def _decibels(ratio: float, low: float, high: float) -> float:
    return min(high, max(low, 10.0 * math.log10(max(ratio, 1e-9))))


def features(look: Look) -> tuple[float, ...]:
    """The evidence as numbers of order one, in the order of :data:`WEIGHTS`."""
    fit, remains = look.fit, look.remains
    row_hz = abs(fit.row_hz - look.row_nominal)
    column_hz = abs(fit.column_hz - look.column_nominal)
    row_off = row_hz / (MARGIN * look.row_nominal + MARGIN_HZ)
    column_off = column_hz / (MARGIN * look.column_nominal + MARGIN_HZ)
    row_exact = math.log10(max(row_hz, EXACT_HZ))
    column_exact = math.log10(max(column_hz, EXACT_HZ))
    twist = (_decibels((fit.column_level / fit.row_level) ** 2, -15.0, 10.0) + 1.0) / 8.0
    noise = _decibels((1.0 - fit.explained) / fit.explained, -25.0, 3.0) / 10.0
    swell = math.sqrt(max(abs(fit.row_swell), abs(fit.column_swell)))
    row_rival = _decibels(look.row_rival, -20.0, 0.0) / 10.0
    column_rival = _decibels(look.column_rival, -20.0, 0.0) / 10.0
    longer = (look.windows - 4) / 8.0
    return (
        1.0,
        noise,
        _decibels((1.0 - remains.explained_high) / remains.explained_high, -25.0, 3.0) / 10.0,
        row_off,
        column_off,
        twist,
        swell,
        row_rival,
        column_rival,
        _decibels(look.before, -20.0, 6.0) / 10.0,
        longer,
        row_off * row_off,
        column_off * column_off,
        twist * twist,
        1.0 if look.windows <= 4 else 0.0,
        row_exact,
        column_exact,
        longer * (row_exact + column_exact),
        longer * swell,
        longer * noise,
        _decibels(remains.band, -25.0, 6.0) / 10.0,
        _decibels(remains.row, -25.0, 6.0) / 10.0,
        _decibels(remains.column, -25.0, 6.0) / 10.0,
        longer * row_rival,
        longer * column_rival,
        row_exact * column_exact,
        longer * longer,
    )


WEIGHTS: Final = (
    -1.82,  # the threshold: log odds are counted from here
    -6.35,  # noise against the pair, in bels
    -2.39,  # the same without what lies below the rows
    -1.68,  # row off its nominal frequency, as a share of the margin
    -0.25,  # column off
    1.17,  # twist: telephones send the column stronger
    1.28,  # swell: codecs make a key swell at its start as much as voices do
    -0.79,  # second strongest row, in bels
    0.43,  # second strongest column
    -0.87,  # sound just before, in bels: keys begin in relative quiet
    0.06,  # length of a longer stretch
    -2.70,  # row off, squared
    -2.03,  # column off, squared
    -3.77,  # twist, squared
    -0.54,  # only 35 ms long: where voices imitate keys best
    -1.84,  # row off in hertz, in decades: oscillators are exact, voices are not
    -2.19,  # column off in hertz
    -2.84,  # how exact both are, in a longer stretch
    -0.47,  # swell of a longer stretch
    -0.06,  # noise in a longer stretch
    -0.61,  # what is left between 600 and 1750 Hz, in bels
    1.89,  # what is left near the row
    0.46,  # what is left near the column
    0.92,  # second strongest row in a longer stretch
    -1.85,  # second strongest column in a longer stretch
    1.93,  # both exact at once
    -0.20,  # length, squared
)
"""Logistic regression of keys (every required condition) against voices, music and tones, by
``bench.dtmf_weights`` on seeds that the bench does not report on. The threshold leaves one false
key in three hours of the synthetic voices there."""


def weigh(look: Look) -> float:
    """Log odds for a key against a voice; 0 is the threshold for a key that does no harm."""
    return sum(w * f for w, f in zip(WEIGHTS, features(look), strict=True))
