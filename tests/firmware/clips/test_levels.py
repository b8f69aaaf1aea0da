"""Figures of known signals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.clips.levels import (
    FLOOR_DBFS,
    Channels,
    Meter,
    Samples,
    amplitude_db,
    measure,
    power_db,
    to_channels,
)

RATE = 8000


def sine(seconds: float, amplitude: float, hertz: float = 1000.0) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    wave: Samples = amplitude * np.sin(2 * math.pi * hertz * time)
    return wave


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE))


def test_a_full_scale_sine_is_minus_three() -> None:
    levels = measure(sine(1.0, 1.0), RATE)
    assert levels.active_dbfs == pytest.approx(-3.01, abs=0.01)
    assert levels.peak_dbfs == pytest.approx(0.0, abs=0.01)


def test_pauses_are_left_out_of_the_loudness() -> None:
    speech = sine(1.0, 0.1)
    alone = measure(speech, RATE).active_dbfs
    assert alone == pytest.approx(-23.01, abs=0.01)
    broken = np.concatenate([speech, quiet(3.0), speech, quiet(2.0)])
    assert measure(broken, RATE).active_dbfs == pytest.approx(alone, abs=0.01)


def test_hiss_far_below_the_speech_is_a_pause() -> None:
    levels = measure(np.concatenate([sine(1.0, 0.001), sine(1.0, 0.1), sine(1.0, 0.001)]), RATE)
    assert levels.leading_silence == pytest.approx(1.0, abs=0.02)
    assert levels.trailing_silence == pytest.approx(1.0, abs=0.02)


def test_silence_is_silent_all_through() -> None:
    levels = measure(quiet(2.0), RATE)
    assert (levels.leading_silence, levels.trailing_silence) == (2.0, 2.0)
    assert levels.active_dbfs == levels.peak_dbfs == FLOOR_DBFS


def test_clipping_counts_runs_not_touches() -> None:
    samples = quiet(0.1)
    samples[10:13] = 1.0
    samples[50:52] = -1.0
    samples[100:110] = -1.0
    assert measure(samples, RATE).clipped == 2


def test_no_samples_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no samples"):
        measure(np.zeros(0), RATE)


@pytest.mark.parametrize(
    ("raw", "width", "channels", "values"),
    [
        (b"\x80\xff\x00", 1, 1, [0.0, 127 / 128, -1.0]),
        (b"\x00\x00\xff\x7f\x00\x80", 2, 1, [0.0, 32767 / 32768, -1.0]),
        (b"\x00\x00\x40\x00\x00\x80", 3, 1, [0.5, -1.0]),
        (b"\x00\x00\x00\x40\x00\x00\x00\x80", 4, 1, [0.5, -1.0]),
        (b"\x00\x40\x00\x00\x00\xc0\x00\x40", 2, 2, [0.25, 0.0]),
    ],
)
def test_samples_of_every_width(raw: bytes, width: int, channels: int, values: list[float]) -> None:
    assert to_channels(raw, width, channels).mean(axis=1).tolist() == pytest.approx(values)


def test_nothing_is_the_floor() -> None:
    assert power_db(0.0) == amplitude_db(0.0) == FLOOR_DBFS
    assert power_db(1.0) == amplitude_db(1.0) == 0.0


@given(st.lists(st.sampled_from([0.0, 0.3, -0.5, 1.0, -1.0]), min_size=1), st.data())
@settings(max_examples=60)
def test_a_meter_does_not_mind_how_the_sound_is_cut(
    values: list[float], data: st.DataObject
) -> None:
    samples = np.repeat(values, data.draw(st.sampled_from([1, 2, 7])))
    cuts = data.draw(st.lists(st.integers(0, len(samples)), max_size=6).map(sorted))
    meter = Meter(200)
    for piece in np.split(samples, cuts):
        meter.feed(piece)
    whole = measure(samples, 200)
    pieces = meter.levels()
    assert (pieces.clipped, pieces.peak_dbfs) == (whole.clipped, whole.peak_dbfs)
    assert pieces.leading_silence == whole.leading_silence
    assert pieces.active_dbfs == pytest.approx(whole.active_dbfs)
    assert meter.offset == pytest.approx(float(samples.mean()))
    assert meter.variance == pytest.approx(float(samples.var()), abs=1e-12)


VOICE = sine(0.2, 0.3)
OTHER = sine(0.2, 0.3, 700)


@pytest.mark.parametrize(
    ("channels", "cancel", "loudest"),
    [
        ((VOICE,), False, 0),
        ((VOICE, VOICE), False, 0),
        ((VOICE, OTHER * 0.5), False, 0),
        ((VOICE * 0, VOICE), False, 1),
        ((VOICE * 0, VOICE, VOICE * 0, VOICE * 0, VOICE * 0, VOICE * 0), False, 1),
        ((VOICE * 0, VOICE * 0), False, 0),
        ((VOICE, -VOICE * 1.1), True, 1),
        ((VOICE * 1.1 + 0.2, 0.2 - VOICE), True, 0),
        ((VOICE, -VOICE * 0.4), False, 0),
    ],
)
def test_channels_that_cancel(channels: tuple[Samples, ...], cancel: bool, loudest: int) -> None:
    judge = Channels(len(channels))
    for piece in np.array_split(np.stack(channels, axis=1), 3):
        judge.feed(piece, piece.mean(axis=1))
    assert judge.cancel is cancel
    if cancel or channels[0].max() != channels[-1].max():
        assert judge.loudest == loudest
