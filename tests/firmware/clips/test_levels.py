"""Figures of known signals."""

from __future__ import annotations

import math
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.clips import levels as levels_module
from firmware.clips.levels import (
    FLOOR_DBFS,
    Channels,
    Meter,
    Samples,
    amplitude_db,
    measure,
    pieces,
    power_db,
    quantise,
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


def plainly(values: list[float], frame: int) -> tuple[int, float, float, float, float]:
    """Clipped places, silence before and after, and levels: counted sample by sample."""
    runs = [
        len(list(same)) for full, same in groupby(abs(v) >= 32766.5 / 32768 for v in values) if full
    ]
    frames = [values[at : at + frame] for at in range(0, len(values), frame)]
    energy = [sum(v * v for v in piece) / frame for piece in frames]
    speech = [e >= max(energy) / 1000 for e in energy]
    seconds = len(values) / (50 * frame)
    if not any(energy):
        return 0, seconds, seconds, -96.0, -96.0
    last = len(speech) - speech[::-1].index(True)
    heard = [e for e, is_speech in zip(energy, speech, strict=True) if is_speech]
    return (
        sum(run >= 3 for run in runs),
        speech.index(True) * 0.02,
        max(0.0, seconds - last * 0.02),
        10 * math.log10(sum(heard) / len(heard)),
        20 * math.log10(max(map(abs, values))),
    )


LEVELS_SEEN = [0.0, 0.01, 0.3, -0.5, 32766 / 32768, 32767 / 32768, 1.0, -1.0]


@given(
    st.lists(st.tuples(st.sampled_from(LEVELS_SEEN), st.integers(1, 9)), min_size=1, max_size=40),
    st.sampled_from([50, 200, 400]),
    st.integers(1, 30),
)
@settings(max_examples=80, deadline=None)
def test_the_figures_are_those_that_are_counted_by_hand(
    runs: list[tuple[float, int]], rate: int, cut: int
) -> None:
    values = [value for value, count in runs for _ in range(count)]
    meter = Meter(rate)
    assert (meter.seconds, meter.offset, meter.variance) == (0.0, 0.0, 0.0)
    for at in range(0, len(values), cut):
        meter.feed(np.array(values[at : at + cut]))
        meter.feed(np.zeros(0))
    levels = meter.levels()
    clipped, leading, trailing, active, peak = plainly(values, rate // 50)
    assert levels.seconds == meter.seconds == len(values) / rate
    assert levels.clipped == clipped
    assert levels.leading_silence == pytest.approx(leading)
    assert levels.trailing_silence == pytest.approx(trailing)
    assert levels.active_dbfs == pytest.approx(active)
    assert levels.peak_dbfs == pytest.approx(peak)


@pytest.mark.parametrize(("below", "speech"), [(29.9, True), (30.1, False)])
def test_speech_reaches_thirty_decibels_down(below: float, speech: bool) -> None:
    quieter = 10 ** (-below / 20)
    levels = measure(np.repeat([quieter, 1.0, quieter], 160), RATE)
    assert levels.leading_silence == pytest.approx(0.0 if speech else 0.02)
    assert levels.trailing_silence == pytest.approx(0.0 if speech else 0.02)


@pytest.mark.parametrize(
    ("sound", "varies"),
    [(np.full(4000, 0.25), False), (np.full(4000, -1.0), False), (sine(0.5, 1e-3) + 0.25, True)],
)
def test_a_constant_varies_by_nothing(sound: Samples, varies: bool) -> None:
    meter = Meter(RATE)
    meter.feed(sound)
    assert meter.offset == pytest.approx(float(sound.mean()))
    if varies:
        assert meter.variance == pytest.approx(float(sound.var()), rel=1e-6)
    else:
        assert meter.variance == 0.0


def test_pieces_are_small_and_lose_nothing() -> None:
    samples = np.arange(2 * 65536 + 5, dtype=np.float64)
    cut = list(pieces(samples))
    assert [len(piece) for piece in cut] == [65536, 65536, 5]
    assert (np.concatenate(cut) == samples).all()


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (0.0, 0),
        (0.5, 16384),
        (0.75, 24576),
        (-0.75, -24576),
        (-1.0, -32768),
        (1.0, 32767),
        (2.0, 32767),
        (-2.0, -32768),
        (0.6 / 32768, 1),
        (0.4 / 32768, 0),
        (-0.6 / 32768, -1),
        (32767 / 32768, 32767),
    ],
)
def test_samples_are_rounded_and_never_wrap(value: float, whole: int) -> None:
    assert quantise(np.array([value])) == whole.to_bytes(2, "little", signed=True)


@pytest.mark.parametrize(
    ("power", "amplitude", "decibels"),
    [(1.0, 1.0, 0.0), (0.01, 0.1, -20.0), (1e-9, 10**-4.5, -90.0), (1e-10, 1e-5, -96.0)],
)
def test_decibels_end_at_one_step_of_a_sample(
    power: float, amplitude: float, decibels: float
) -> None:
    assert FLOOR_DBFS == -96.0
    assert power_db(power) == pytest.approx(decibels)
    assert amplitude_db(amplitude) == pytest.approx(decibels)
    assert power_db(-1.0) == amplitude_db(-1.0) == FLOOR_DBFS


@pytest.mark.parametrize(("share", "cancel"), [(0.099, True), (0.101, False)])
def test_a_mix_is_lost_below_a_tenth_of_what_it_should_hold(share: float, cancel: bool) -> None:
    # Two equal channels that know nothing of each other leave half the power of one in their mean.
    rest = math.sqrt(share / 2)
    first, second = sine(0.5, 1.0), sine(0.5, 1.0, 1000.0) * -1
    first = first * math.sqrt(1 - rest**2) + sine(0.5, 1.0, 500.0) * rest
    second = second * math.sqrt(1 - rest**2) + sine(0.5, 1.0, 500.0) * rest
    judge = Channels(2)
    both = np.stack([first, second], axis=1)
    judge.feed(both, both.mean(axis=1))
    assert judge.cancel is cancel


def test_channels_that_nobody_fed_cancel_nothing() -> None:
    assert not Channels(2).cancel
    assert Channels(2).loudest == 0


@pytest.mark.parametrize(
    ("before", "after", "counted"), [(2, 0, 0), (3, 0, 1), (1, 2, 1), (1, 1, 0)]
)
def test_a_run_of_three_counts_wherever_the_pieces_part(
    before: int, after: int, counted: int
) -> None:
    meter = Meter(200)
    meter.feed(np.array([0.1] * 5 + [1.0] * before))
    meter.feed(np.array([1.0] * after + [0.1] * 5))
    assert meter.levels().clipped == counted


@pytest.mark.parametrize(("level", "silent"), [(1.0, False), (0.5, False), (0.0, True)])
def test_only_nothing_is_silent(level: float, silent: bool) -> None:
    levels = measure(np.full(320, level), RATE)
    assert levels.leading_silence == levels.trailing_silence == (0.04 if silent else 0.0)


@pytest.mark.parametrize(
    ("steps", "clipped"), [(32768, 1), (32767, 1), (32766.5, 1), (32766.4, 0), (32766, 0)]
)
def test_full_scale_is_the_last_step_and_half_of_one_below(steps: float, clipped: int) -> None:
    for sign in (1, -1):
        samples = np.array([0.0, *[sign * steps / 32768] * 3, 0.0])
        assert measure(samples, RATE).clipped == clipped


def test_as_loud_as_the_loudest_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels_module, "ACTIVE_RANGE_DB", 0.0)
    levels = measure(np.concatenate([quiet(0.1), np.full(800, 0.5), quiet(0.2)]), RATE)
    assert (levels.leading_silence, levels.trailing_silence) == pytest.approx((0.1, 0.2))
    assert levels.active_dbfs == pytest.approx(20 * math.log10(0.5))


@pytest.mark.parametrize(
    ("rate", "frame"), [(8000, 160), (16000, 320), (44100, 882), (100, 2), (50, 1), (20, 1)]
)
def test_a_frame_is_20_milliseconds_and_at_least_a_sample(rate: int, frame: int) -> None:
    samples = np.concatenate([np.zeros(3 * frame), np.ones(2 * frame), np.zeros(4 * frame)])
    levels = measure(samples, rate)
    assert levels.seconds == pytest.approx(9 * frame / rate)
    assert levels.leading_silence == pytest.approx(3 * frame / rate)
    assert levels.trailing_silence == pytest.approx(4 * frame / rate)


def test_the_end_of_a_piece_that_fills_no_frame_counts_as_the_rest_of_one() -> None:
    # 1.5 frames of sound: the second ends half a frame after the last sample.
    levels = measure(np.full(240, 0.5), RATE)
    assert (levels.seconds, levels.leading_silence, levels.trailing_silence) == (0.03, 0.0, 0.0)
    assert levels.active_dbfs == pytest.approx(10 * math.log10(0.25 * 1.5 / 2))


def test_what_varies_by_rounding_is_a_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter(RATE)
    # A mean square of 1, of which the given part is no offset.
    for part, varies in ((2e-12, True), (0.5e-12, False)):
        meter._count, meter._sum, meter._squares = 4, 4 * math.sqrt(1 - part), 4.0
        assert (meter.variance > 0) is varies
        if varies:
            assert meter.variance == pytest.approx(part, rel=1e-3)
    meter._count, meter._sum, meter._squares = 4, 0.0, 100.0
    assert meter.variance == 25.0
    meter._count, meter._sum, meter._squares = 4, 2.0, 1.0
    assert meter.variance == 0.0
    assert meter.offset == 0.5


@pytest.mark.parametrize(("mixed", "cancel"), [(0.4375, True), (0.5, False), (0.5625, False)])
def test_a_mix_at_the_very_share_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, mixed: float, cancel: bool
) -> None:
    # Two channels of power 1 leave a half in their mean; half of that is the limit here.
    monkeypatch.setattr(levels_module, "CANCELLED", 0.5)
    judge = Channels(2)
    judge.feed(np.array([[1.0, 1.0], [-1.0, -1.0]]), np.array([mixed, -mixed]))
    assert judge.cancel is cancel


def test_one_sample_of_two_channels_has_no_power() -> None:
    judge = Channels(2)
    judge.feed(np.array([[1.0, -1.0]]), np.array([0.0]))
    assert not judge.cancel
    assert judge._powers().tolist() == [0.0, 0.0, 0.0]


def test_powers_are_those_without_the_offset() -> None:
    judge = Channels(2)
    judge.feed(np.array([[3.0, 0.5], [1.0, 0.5]]), np.array([1.75, 0.75]))
    assert judge._powers().tolist() == [1.0, 0.0, 0.25]
    assert judge.loudest == 0
    # Rounding makes no power negative.
    judge._squares -= 0.6
    assert judge._powers().min() == 0.0


def test_a_channel_alone_cancels_nothing() -> None:
    judge = Channels(1)
    judge.feed(np.array([[1.0], [-1.0]]), np.array([0.0, 0.0]))
    assert not judge.cancel


@pytest.mark.parametrize(
    ("pieces_fed", "clipped"),
    [
        # Runs that begin, go on and end in pieces of their own.
        (([1.0, 1.0], [1.0, 0.0]), 1),
        (([1.0, 1.0], [0.0, 1.0, 1.0]), 0),
        (([1.0, 1.0, 1.0], [0.0, 0.0]), 1),
        (([1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0, 0.0]), 2),
        (([0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 0.0]), 1),
        (([1.0] * 3 + [0.0] + [1.0] * 2, [1.0, 0.0] + [1.0] * 3), 3),
        (([1.0] * 3 + [0.0] + [1.0] * 3,), 2),
        (([1.0] * 2 + [0.0] + [1.0] * 3 + [0.0] + [1.0] * 4 + [0.0],), 2),
        (([1.0], [1.0], [1.0], [0.0]), 1),
        (([1.0], [1.0], [0.0], [1.0]), 0),
        (([1.0, 1.0, 1.0], [0.5], [0.5]), 1),
        (([1.0, 1.0], [0.5], [1.0], [0.5]), 0),
        (([0.5], [1.0, 1.0, 0.5]), 0),
        (([0.5], [1.0, 1.0], [0.5]), 0),
        (([0.5, 1.0, 0.5], [1.0, 1.0, 0.5]), 0),
    ],
)
def test_clipped_places_are_counted_across_pieces(
    pieces_fed: tuple[list[float], ...], clipped: int
) -> None:
    meter = Meter(200)
    for piece in pieces_fed:
        meter.feed(np.array(piece))
    assert meter.levels().clipped == clipped


def test_what_the_figures_are_measured_against() -> None:
    """One step of 16 bits; ITU-T P.56's pauses; runs that are no chance; 10 dB."""
    assert (levels_module.FLOOR_DBFS, levels_module.ACTIVE_RANGE_DB) == (-96.0, 30.0)
    assert (levels_module.CLIPPED_RUN, levels_module.CANCELLED) == (3, 0.1)
    assert (levels_module.PIECE, levels_module.FRAME_SECONDS) == (65536, 0.02)


@pytest.mark.parametrize(
    ("width", "raw", "value"),
    [
        (1, bytes([129]), 1 / 128),
        (1, bytes([0]), -1.0),
        (2, b"\x01\x00", 1 / 32768),
        (2, b"\x00\x80", -1.0),
        (3, b"\x01\x00\x00", 1 / 8388608),
        (3, b"\x01\x02\x03", 0x030201 / 8388608),
        (3, b"\x00\x00\x80", -1.0),
        (4, b"\x01\x00\x00\x00", 1 / 2147483648),
        (4, b"\x00\x00\x00\x80", -1.0),
    ],
)
def test_a_step_of_each_width(width: int, raw: bytes, value: float) -> None:
    assert to_channels(raw, width, 1).tolist() == [[value]]
    assert to_channels(raw * 6, width, 3).shape == (2, 3)


@pytest.mark.parametrize("level", [0.5, 1.0, 2.0, 0.9])
def test_decibels_of_loud_sound(level: float) -> None:
    assert power_db(level) == pytest.approx(10 * math.log10(level))
    assert amplitude_db(level) == pytest.approx(20 * math.log10(level))
