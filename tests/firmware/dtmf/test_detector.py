"""Keys are heard once each, wherever the bytes are cut; what is no key is not heard."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firmware.dtmf import Detected, ToneDetector

Array = NDArray[np.float64]
RATE = 8000
PEAK = 22826.0
ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = "123A456B789C*0#D"


def press(
    key: str,
    seconds: float,
    *,
    level: float = -12.0,
    twist: float = 0.0,
    off: tuple[float, float] = (0.0, 0.0),
    phase: float = 0.4,
) -> Array:
    index = KEYS.index(key)
    time = np.arange(round(seconds * RATE)) / RATE
    row, column = ROWS[index >> 2] * (1 + off[0]), COLUMNS[index & 3] * (1 + off[1])
    peak = PEAK * 10 ** (level / 20)
    return np.asarray(
        peak * np.sin(2 * np.pi * row * time + phase)
        + peak * 10 ** (twist / 20) * np.sin(2 * np.pi * column * time + 2 * phase)
    )


def gap(seconds: float) -> Array:
    return np.zeros(round(seconds * RATE))


def pcm(*parts: Array, noise: float = 4.0, gain: float = 1.0, offset: float = 0.0) -> bytes:
    audio = np.concatenate([gap(0.2), *parts, gap(0.2)]) * gain + offset
    audio = audio + np.random.default_rng(11).normal(0, noise, len(audio))
    return np.clip(np.rint(audio), -32768, 32767).astype("<i2").tobytes()


def keys(data: bytes, **options: str) -> str:
    return "".join(d.key for d in ToneDetector(**options).feed(data))


def dialled(text: str, on: float = 0.05, off: float = 0.05, **options: float) -> list[Array]:
    parts: list[Array] = []
    for number, key in enumerate(text):
        parts += [press(key, on, phase=number * 0.7, **options), gap(off)]  # type: ignore[arg-type]
    return parts


def test_every_key_once_at_its_onset() -> None:
    found = ToneDetector().feed(pcm(*dialled(KEYS, 0.06, 0.1)))
    assert "".join(d.key for d in found) == KEYS
    for number, d in enumerate(found):
        assert d.at == pytest.approx(0.2 + 0.16 * number, abs=0.008)
        assert 0.02 < d.heard - d.at < 0.07
        assert 0.9 < d.sureness <= 1.0


@pytest.mark.parametrize("row", [-0.015, 0.0, 0.015])
@pytest.mark.parametrize("column", [-0.015, 0.0, 0.015])
def test_tolerated_frequency(row: float, column: float) -> None:
    parts = [p for k in KEYS for p in (press(k, 0.05, off=(row, column)), gap(0.06))]
    assert keys(pcm(*parts)) == KEYS


@pytest.mark.parametrize("off", [(0.035, 0.0), (-0.035, 0.0), (0.0, 0.035), (0.0, -0.035)])
def test_wrong_frequency(off: tuple[float, float]) -> None:
    assert keys(pcm(*(p for k in KEYS for p in (press(k, 0.1, off=off), gap(0.06))))) == ""


@pytest.mark.parametrize("twist", [-8.0, -4.0, 4.0, 6.0])
@pytest.mark.parametrize("level", [-27.0, -10.0])
def test_twist_and_level(twist: float, level: float) -> None:
    assert keys(pcm(*dialled(KEYS, twist=twist, level=level))) == KEYS


@pytest.mark.parametrize(
    ("seconds", "heard"), [(0.010, ""), (0.020, ""), (0.023, ""), (0.040, KEYS), (0.5, KEYS)]
)
def test_length(seconds: float, heard: str) -> None:
    for shift in range(0, 160, 37):  # whatever the phase to the blocks
        assert keys(pcm(np.zeros(shift), *dialled(KEYS, seconds, 0.08))) == heard


@pytest.mark.parametrize(
    ("pause", "heard"), [(0.005, "9"), (0.010, "9"), (0.020, "9"), (0.040, "99"), (0.3, "99")]
)
def test_pause_between_the_same_key(pause: float, heard: str) -> None:
    for shift in range(0, 160, 37):
        audio = pcm(np.zeros(shift), press("9", 0.08), gap(pause), press("9", 0.08))
        assert keys(audio) == heard


@pytest.mark.parametrize(("fade", "heard"), [(-15.0, "9"), (-25.0, "9"), (-40.0, "99")])
def test_a_lost_frame_that_the_decoder_fills_ends_no_press(fade: float, heard: str) -> None:
    whole = press("9", 0.21)
    for shift in range(0, 160, 37):
        middle = slice(round(0.08 * RATE), round(0.13 * RATE))
        faded = whole.copy()
        faded[middle] *= 10 ** (fade / 20)
        assert keys(pcm(np.zeros(shift), faded)) == heard


def test_noise_fills_no_pause_between_two_presses_of_a_finger() -> None:
    power = (PEAK * 10 ** (-12 / 20)) ** 2
    presses = [p for k in "8811" for p in (press(k, 0.1), gap(0.06))]
    for shift in range(0, 160, 37):
        audio = pcm(np.zeros(shift), *presses, noise=float(np.sqrt(power / 10**1.1)))
        assert keys(audio) == "8811"


def test_white_noise_of_15_decibels() -> None:
    power = (PEAK * 10 ** (-12 / 20)) ** 2
    assert keys(pcm(*dialled(KEYS * 3), noise=float(np.sqrt(power / 10**1.5)))) == KEYS * 3


@pytest.mark.parametrize(
    "frequencies",
    [(697.0,), (1209.0,), (425.0,), (440.0, 480.0), (350.0, 440.0), (697.0, 941.0), (1100.0,)],
)
def test_other_tones(frequencies: tuple[float, ...]) -> None:
    time = np.arange(2 * RATE) / RATE
    assert keys(pcm(np.sum([4000 * np.sin(2 * np.pi * f * time) for f in frequencies], 0))) == ""


@pytest.mark.parametrize("frequency", [672.0, 676.0, 680.0, 742.0, 748.0, 752.0])
def test_a_whistle_with_its_overtone(frequency: float) -> None:
    time = np.arange(RATE) / RATE
    glide = 2 * np.pi * (frequency * time + 2.0 * time**2)
    whistle = 4000 * np.sin(glide) + 1000 * np.sin(2 * glide + 1.0)
    assert keys(pcm(gap(0.2), whistle, gap(0.2))) == ""


@pytest.mark.parametrize("key", "26C")
def test_the_pairs_nearest_to_an_octave(key: str) -> None:
    frequency = {"2": (697.0, 1336.0), "6": (770.0, 1477.0), "C": (852.0, 1633.0)}[key]
    off = (-0.015 - 2 / frequency[0], 0.015 + 2 / frequency[1])
    for shift in range(0, 160, 37):
        assert keys(pcm(np.zeros(shift), press(key, 0.05, off=off), gap(0.06))) == key


def test_noise_alone() -> None:
    assert keys(pcm(np.random.default_rng(2).normal(0, 2000, 20 * RATE))) == ""


def test_only_keys_on_offer() -> None:
    assert keys(pcm(*dialled(KEYS)), keys="19") == "19"


def test_a_careful_key_needs_more_but_a_clean_press_is_enough() -> None:
    assert keys(pcm(*dialled("1919")), careful="9") == "1919"


def test_a_noisy_careful_key_waits_longer() -> None:
    power = (PEAK * 10 ** (-12 / 20)) ** 2
    data = pcm(press("9", 0.3), noise=float(np.sqrt(power / 10**0.85)))
    (plain,) = ToneDetector().feed(data)
    (careful,) = ToneDetector(careful="9").feed(data)
    assert plain.key == careful.key == "9"
    assert careful.sureness > 0.9
    assert careful.heard >= plain.heard


def test_unknown_key_is_refused() -> None:
    with pytest.raises(ValueError, match="not a DTMF key: E"):
        ToneDetector("1E")


@pytest.mark.parametrize(
    ("gain", "offset"), [(0.3, 0.0), (2.2, 0.0), (1.0, 9000.0), (1.0, -4000.0)]
)
def test_gain_and_direct_current_change_nothing(gain: float, offset: float) -> None:
    plain = ToneDetector().feed(pcm(*dialled(KEYS)))
    other = ToneDetector().feed(pcm(*dialled(KEYS), gain=gain, offset=offset))
    assert [(d.key, d.heard) for d in other] == [(d.key, d.heard) for d in plain]


def sampled(text: str, rate: float, gain: float, offset: float) -> bytes:
    """Presses as a converter samples them that takes *rate* samples a second."""
    time = np.arange(round((0.4 + 0.1 * len(text)) * rate)) / rate
    audio = np.zeros(len(time))
    for number, key in enumerate(text):
        row, column = ROWS[KEYS.index(key) >> 2], COLUMNS[KEYS.index(key) & 3]
        start = 0.2 + 0.1 * number
        pair = np.sin(2 * np.pi * row * time + number) + np.sin(2 * np.pi * column * time)
        audio += np.where((time >= start) & (time < start + 0.05), 5700.0 * pair, 0.0)
    audio = gain * (audio + np.random.default_rng(3).normal(0, 4, len(audio))) + offset
    return np.clip(np.rint(audio), -32768, 32767).astype("<i2").tobytes()


TEXT = "1590D2"
PLAIN = ToneDetector().feed(sampled(TEXT, RATE, 1.0, 0.0))


@settings(max_examples=15, deadline=None)
@given(
    st.floats(-100.0, 100.0),
    st.floats(-14.0, 6.0),
    st.floats(-8000.0, 8000.0),
)
def test_drift_gain_and_direct_current_change_nothing(
    drift_ppm: float, gain_db: float, offset: float
) -> None:
    data = sampled(TEXT, RATE * (1 + drift_ppm * 1e-6), 10 ** (gain_db / 20), offset)
    found = ToneDetector().feed(data)
    assert [d.key for d in found] == [d.key for d in PLAIN] == list(TEXT)
    for one, other in zip(PLAIN, found, strict=True):
        # A window is 5 ms: the least by which a sample more or less can move a key.
        assert other.at == pytest.approx(one.at, abs=0.0051)


MIXED = pcm(
    *dialled("1905#"),
    np.random.default_rng(9).normal(0, 900, RATE // 2),
    press("9", 0.05, level=-25.0),
    gap(0.04),
    press("9", 0.3, off=(0.012, -0.01)),
    noise=60.0,
)
WHOLE = ToneDetector().feed(MIXED)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, len(MIXED)), max_size=40))
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    detector = ToneDetector()
    found: list[Detected] = []
    edges = [0, *sorted(cuts), len(MIXED)]
    for start, stop in pairwise(edges):
        found += detector.feed(MIXED[start:stop])
    assert found == WHOLE
    assert [d.key for d in found] == list("1905#99")


@pytest.mark.parametrize("size", [1, 7, 320, 333])
def test_even_cuts_give_the_same(size: int) -> None:
    detector = ToneDetector()
    found = [d for i in range(0, len(MIXED), size) for d in detector.feed(MIXED[i : i + size])]
    assert found == WHOLE


def test_a_long_stream_wraps_its_memory() -> None:
    silence = pcm(gap(3.0))
    found = ToneDetector().feed(silence * 3 + MIXED)
    shift = len(silence) * 3 / 2 / RATE
    assert [(d.key, round(d.at - shift, 6)) for d in found] == [
        (d.key, round(d.at, 6)) for d in WHOLE
    ]
