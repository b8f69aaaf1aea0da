"""Each limit of the frame's measurement at its very value: spectra are given, not made of sound.

No sum of squares of a real sound meets a bound exactly; a spectrum of whole numbers does.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from firmware.dtmf import single
from firmware.dtmf.single import FRAME, FRAME_SECONDS, SHARE, Frame, _is_key, _peak, measure

LOUD = 1 << 30
Bins = dict[int, int]
"""Energy by bin of 25 Hz."""


def frame_of(monkeypatch: pytest.MonkeyPatch, bins: Bins, scale: int = LOUD) -> Frame:
    """Measure a frame whose spectrum holds *bins*, in units of *scale*."""
    spectrum = np.zeros(FRAME // 2 + 1, complex)
    for place, energy in bins.items():
        # A square and what is missing of a square: so their sum is exact.
        part = math.isqrt(energy * scale * 9 // 10)
        spectrum[place] = complex(part, math.sqrt(energy * scale - part**2))
    monkeypatch.setattr(np.fft, "rfft", lambda _: spectrum.copy())
    return measure(np.zeros(FRAME))


def hann(bins: Bins) -> Bins:
    """Steady tones amid their bins: a sixth of each, four and a sixth (and six times as much)."""
    spread: Bins = {}
    for place, energy in bins.items():
        for side, part in ((-1, 1), (0, 4), (1, 1)):
            spread[place + side] = spread.get(place + side, 0) + part * energy
    return spread


ONE, PAIR, KEY, NEITHER = "tone", "pair", "key", "neither"


def what(frame: Frame) -> str:
    found = [
        name
        for name, there in ((ONE, frame.tone), (PAIR, frame.pair), (KEY, frame.key or None))
        if there is not None
    ]
    assert len(found) <= 1
    return found[0] if found else NEITHER


# Bins that lie more than two from each other are tones of their own; 31 and 53 are those of a 5
# (775 and 1325 Hz).
@pytest.mark.parametrize(
    ("bins", "told"),
    [
        # One tone: 0.85 of the whole.
        ({40: 85, 60: 2, 70: 2, 80: 2, 90: 2, 100: 2, 110: 2, 120: 2, 130: 1}, ONE),
        ({40: 84, 60: 2, 70: 2, 80: 2, 90: 2, 100: 2, 110: 2, 120: 2, 130: 2}, NEITHER),
        # A pair: 0.85 together, more than 0.15 of it the fainter.
        ({40: 69, 60: 16, 80: 15}, PAIR),
        ({40: 70, 60: 15, 80: 15}, NEITHER),
        ({40: 68, 60: 16, 80: 16}, NEITHER),
        ({40: 60, 60: 25, 80: 15}, PAIR),
        # Less than 0.4 in the strongest is noise.
        ({31: 40, 53: 30, 90: 30}, KEY),
        ({31: 39, 53: 31, 90: 30}, NEITHER),
        # The two tones of a key: 0.7 together, more than 0.02 the fainter.
        ({31: 40, 53: 29, 90: 16, 110: 15}, NEITHER),
        ({31: 97, 53: 3}, KEY),
        ({31: 98, 53: 2}, ONE),
        ({31: 67, 53: 3, 80: 2, 90: 2, 100: 2}, KEY),
        # The second may be the lower.
        ({53: 60, 31: 40}, KEY),
        # A tone has five bins; the sixth is another's.
        ({40: 45, 42: 20, 38: 20, 70: 15}, ONE),
        ({40: 45, 43: 20, 38: 20, 70: 15}, PAIR),
        ({40: 45, 42: 20, 37: 20, 70: 15}, PAIR),
        ({40: 40, 60: 25, 62: 10, 58: 10, 80: 15}, PAIR),
        ({40: 40, 60: 25, 63: 10, 58: 10, 80: 15}, NEITHER),
        ({40: 40, 60: 25, 62: 10, 57: 10, 80: 15}, NEITHER),
    ],
)
def test_what_a_spectrum_is(monkeypatch: pytest.MonkeyPatch, bins: Bins, told: str) -> None:
    if not {42, 43, 62, 63} & bins.keys():
        bins = hann(bins)
    frame = frame_of(monkeypatch, bins)
    assert what(frame) == told
    assert frame.power == pytest.approx(
        sum(bins.values()) * LOUD * 2 / (0.375 * 320) / 320, rel=1e-9
    )


@pytest.mark.parametrize(
    ("bins", "hertz"),
    [
        ({39: 1, 40: 4, 41: 1}, 1000.0),
        # Between two bins, by the stronger neighbour; the upper one where both are the same.
        ({40: 4, 41: 4}, 1012.5),
        ({39: 1, 40: 16, 41: 9}, 25 * (40 + 2 / 7)),
        ({39: 9, 40: 16, 41: 1}, 25 * (40 - 2 / 7)),
        ({39: 9, 40: 16, 41: 9}, 25 * (40 + 2 / 7)),
        ({39: 1, 40: 16, 41: 1}, 25 * (40 - 2 / 5)),
        # The ends of the band: 275 to 3475 Hz.
        (hann({13: 8}), 325.0),
        (hann({137: 8}), 3425.0),
    ],
)
def test_where_a_tone_lies(monkeypatch: pytest.MonkeyPatch, bins: Bins, hertz: float) -> None:
    assert frame_of(monkeypatch, bins).tone == pytest.approx(hertz, abs=1e-9)


@pytest.mark.parametrize(
    ("bins", "counted"), [({10: 8}, 0), ({11: 8}, 8), ({139: 8}, 8), ({140: 8}, 0)]
)
def test_the_ends_of_the_telephone_band(
    monkeypatch: pytest.MonkeyPatch, bins: Bins, counted: int
) -> None:
    scale = LOUD * 2 / (0.375 * 320) / 320
    # Others beside it, so that the peak is not reckoned from nothing.
    bins = {**bins, 13: 8, 137: 8}
    assert frame_of(monkeypatch, bins).power == pytest.approx((counted + 16) * scale)


@pytest.mark.parametrize(
    ("bins", "pair"),
    [
        # At the ends of the band too.
        (hann({13: 60, 60: 40}), (325.0, 1500.0)),
        (hann({137: 60, 60: 40}), (1500.0, 3425.0)),
        (hann({60: 60, 13: 40}), (325.0, 1500.0)),
        (hann({60: 60, 137: 40}), (1500.0, 3425.0)),
        # The strongest bin is the very last: its five are the last five.
        (hann({60: 60}) | {139: 120, 138: 60, 137: 15}, (1500.0, 3450.0)),
        # The second tone's place, between its bins.
        (hann({40: 10}) | {60: 16, 61: 9, 59: 1}, (1000.0, 25 * (60 + 2 / 7))),
    ],
)
def test_where_the_tones_of_a_pair_lie(
    monkeypatch: pytest.MonkeyPatch, bins: Bins, pair: tuple[float, float]
) -> None:
    frame = frame_of(monkeypatch, bins)
    assert frame.pair == pytest.approx(pair, abs=1e-9)


@pytest.mark.parametrize(
    ("bins", "share"),
    [
        # The strongest bin is the last or the last but one: its five are the last five.
        ({139: 8}, ONE),
        ({138: 8, 135: 2}, ONE),
        ({138: 8, 134: 4}, NEITHER),
        ({11: 8}, ONE),
        ({12: 8, 15: 2}, ONE),
        ({12: 8, 16: 4}, NEITHER),
    ],
)
def test_a_tone_at_the_very_end(monkeypatch: pytest.MonkeyPatch, bins: Bins, share: str) -> None:
    # A neighbour, so that the peak is not reckoned from nothing.
    frame = frame_of(monkeypatch, {**bins, 137: 1} if max(bins) > 100 else {**bins, 13: 1})
    assert what(frame) == (share if share == ONE else PAIR)


def test_a_second_tone_whose_middle_is_gone_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first takes bins 12 to 16: of the second only the lowest bin is left, and no middle.
    frame = frame_of(monkeypatch, {13: 10, 14: 40, 15: 10, 11: 30})
    assert frame.pair == (350.0, 350.0)
    # However little there is in the middle, it is one.
    frame = frame_of(monkeypatch, hann({60: 12}) | {11: 40, 12: 16, 13: 1})
    assert frame.pair == pytest.approx((25 * (13 - 7 / 5), 1500.0))


def test_what_the_first_tone_held_is_taken_out_wholly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single, "_FLOOR", 0.0)
    small = dict.fromkeys(range(60, 120, 6), 1)
    # Were its bins left at one each, they would be the second tone.
    assert what(frame_of(monkeypatch, hann({40: 6}) | small, scale=1)) == NEITHER
    # The middle of the second may hold less than one.
    frame = frame_of(monkeypatch, hann({60: 12}) | {11: 40, 12: 16, 13: 1}, scale=1)
    assert frame.pair == pytest.approx((25 * (13 - 7 / 5), 1500.0))


def test_silence_ends_at_its_very_level(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = frame_of(monkeypatch, hann({40: 8}))
    monkeypatch.setattr(single, "_FLOOR", frame.power)
    frame = frame_of(monkeypatch, hann({40: 8}))
    assert (frame.silent, frame.tone) == (False, 1000.0)
    monkeypatch.setattr(single, "_FLOOR", math.nextafter(frame.power, math.inf))
    frame = frame_of(monkeypatch, hann({40: 8}))
    assert (frame.silent, frame.tone, frame.pair, frame.key) == (True, None, None, False)


def test_what_is_tonal() -> None:
    for tone, pair, key in ((1.0, None, False), (None, (1.0, 2.0), False), (None, None, True)):
        assert Frame(9e9, tone, pair, key).tonal
    assert not Frame(9e9, None, None).tonal
    assert not Frame(9e9, None, None).key


@pytest.mark.parametrize(
    ("low", "high", "is_key"),
    [
        # Within 1/64 of 852 and of 1336 Hz, which are whole parts of a hertz: 13.3125 and 20.875.
        (852.0, 1336.0, True),
        (865.25, 1336.0, True),
        (865.3125, 1336.0, False),
        (838.6875, 1336.0, False),
        (852.0, 1356.75, True),
        (852.0, 1356.875, False),
        (852.0, 1315.125, False),
        (1336.0, 852.0, False),
        (852.0, 941.0, False),
        (1209.0, 1336.0, False),
    ],
)
def test_how_near_the_tones_of_a_key_are(
    monkeypatch: pytest.MonkeyPatch, low: float, high: float, is_key: bool
) -> None:
    monkeypatch.setattr(single, "_DTMF_NEAR", 1 / 64)
    assert _is_key(low, high) is is_key


@pytest.mark.parametrize(
    ("before", "after", "bins"),
    [(0.25, 0.25, 0.0), (1.0, 0.25, -0.5), (0.25, 1.0, 0.5), (1.0, 1.0, 0.5), (0.0, 0.0, -1.0)],
)
def test_the_peak_of_a_window_of_hann(before: float, after: float, bins: float) -> None:
    assert _peak([9.0, before, 1.0, after, 9.0]) == pytest.approx(bins)


def test_what_a_frame_is() -> None:
    assert (FRAME, FRAME_SECONDS, SHARE) == (320, 0.04, 0.85)
    assert pytest.approx(2 / (0.375 * 320) / 320, rel=1e-9) == single._SCALE
    assert pytest.approx((22826.0 * 10**-2) ** 2 / 2) == single._FLOOR
    # Hann's, of which a tone fills three bins: periodic, not symmetric.
    time = np.arange(320) / 320
    assert np.allclose(single._SHAPE, 0.5 - 0.5 * np.cos(2 * np.pi * time), atol=1e-12)
