"""How much a stretch of sound speaks for a key: limits first, then weighed evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from firmware.dtmf.pair import PairFit

MARGIN: Final = 0.018
MARGIN_HZ: Final = 4.0
"""A tone may be off by this share of its frequency and these hertz: what must be accepted
(1.5 % and 2 Hz, ETSI ES 201 235-3) with room for noise, and far from 3.5 %."""


@dataclass(frozen=True, slots=True)
class Look:
    """A fitted stretch and what surrounds it."""

    fit: PairFit
    windows: int
    """Windows of 5 ms advance in the stretch; 4 are 35 ms."""
    row_nominal: float
    column_nominal: float
    row_rival: float
    """Power of the second strongest row in the stretch, relative to the strongest."""
    column_rival: float
    before: float
    """Energy of the 20 ms that end before the onset, relative to the pair's in 20 ms."""


def possible(look: Look) -> bool:
    """Whether the stretch is within the limits of a key at all."""
    fit = look.fit
    return (
        abs(fit.row_hz - look.row_nominal) <= MARGIN * look.row_nominal + MARGIN_HZ
        and abs(fit.column_hz - look.column_nominal) <= MARGIN * look.column_nominal + MARGIN_HZ
        and fit.explained >= 0.42
        and fit.weakest_part >= 0.4
        and abs(fit.row_swell) <= 0.85
        and abs(fit.column_swell) <= 0.85
        and 0.16 <= fit.column_level / fit.row_level <= 4.5
    )


def _decibels(ratio: float, low: float, high: float) -> float:
    return min(high, max(low, 10.0 * math.log10(max(ratio, 1e-9))))


def features(look: Look) -> tuple[float, ...]:
    """The evidence as numbers of order one, in the order of :data:`WEIGHTS`."""
    fit = look.fit
    row_off = abs(fit.row_hz - look.row_nominal) / (MARGIN * look.row_nominal + MARGIN_HZ)
    column_off = abs(fit.column_hz - look.column_nominal) / (
        MARGIN * look.column_nominal + MARGIN_HZ
    )
    twist = (_decibels((fit.column_level / fit.row_level) ** 2, -15.0, 10.0) + 1.0) / 8.0
    return (
        1.0,
        _decibels((1.0 - fit.explained) / fit.explained, -25.0, 3.0) / 10.0,
        _decibels((1.0 - fit.explained_high) / fit.explained_high, -25.0, 3.0) / 10.0,
        row_off,
        column_off,
        twist,
        math.sqrt(max(abs(fit.row_swell), abs(fit.column_swell))),
        _decibels(look.row_rival, -20.0, 0.0) / 10.0,
        _decibels(look.column_rival, -20.0, 0.0) / 10.0,
        _decibels(look.before, -20.0, 6.0) / 10.0,
        (look.windows - 4) / 8.0,
        row_off * row_off,
        column_off * column_off,
        twist * twist,
        1.0 if look.windows <= 4 else 0.0,
    )


WEIGHTS: Final = (
    -8.40,  # the threshold: log odds are counted from here
    -6.66,  # noise against the pair, in bels
    -1.02,  # the same without what lies below the rows
    -5.35,  # row off its nominal frequency, as a share of the margin
    -7.96,  # column off
    1.78,  # twist: telephones send the column stronger
    3.36,  # swell: codecs make a key swell at its start as much as voices do
    -2.83,  # second strongest row, in bels
    -0.30,  # second strongest column
    -1.81,  # sound just before, in bels: keys begin in relative quiet
    -1.86,  # length of a longer stretch
    1.39,  # row off, squared
    3.21,  # column off, squared
    -2.43,  # twist, squared
    -2.52,  # only 35 ms long: where voices imitate keys best
)
"""Logistic regression of keys (every required condition) against voices, by ``bench.dtmf_weights``
on seeds that the bench does not report on. The threshold leaves one false key in two hours of
the synthetic voices there."""


def weigh(look: Look) -> float:
    """Log odds for a key against a voice; 0 is the threshold for a key that does no harm."""
    return sum(w * f for w, f in zip(WEIGHTS, features(look), strict=True))
