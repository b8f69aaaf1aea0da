"""Any recording becomes a clip: measured on signals whose answer is known."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.clips import mp3
from firmware.clips.band import BandFilter, band_limit
from firmware.clips.check import check_clip
from firmware.clips.clip import Clip
from firmware.clips.levels import Samples, measure, quantise
from firmware.clips.prepare import (
    limit,
    normalise,
    prepare_clip,
    trim,
)
from firmware.clips.recording import AudioLibraryMissing
from firmware.errors import ClipUnusable

RATE = 8000


def sine(hertz: float, seconds: float = 1.0, amplitude: float = 0.5, rate: int = RATE) -> Samples:
    time = np.arange(round(seconds * rate)) / rate
    wave: Samples = amplitude * np.sin(2 * np.pi * hertz * time)
    return wave


def speechlike(seconds: float, rate: int) -> Samples:
    """Syllables four times a second over a chord inside the band, with high peaks."""
    time = np.arange(round(seconds * rate)) / rate
    chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (400, 600, 800, 1000, 1200, 2400))
    syllables = np.clip(np.sin(2 * np.pi * 4 * time), 0, 1) ** 2
    wave: Samples = 0.02 * chord * syllables
    return wave


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (16000, 1)])
def test_every_kind_of_file(tmp_path: Path, suffix: str, rate: int, channels: int) -> None:
    source, target = tmp_path / f"in.{suffix}", tmp_path / "out.wav"
    sound = np.concatenate([np.zeros(rate), speechlike(2.0, rate), np.zeros(rate)])
    soundfile.write(source, np.stack([sound] * channels, axis=1), rate)
    done = prepare_clip(source, target)
    report = check_clip(target)
    assert report.faults == report.advice == ()
    assert report.levels == done.after
    assert report.levels.active_dbfs == pytest.approx(-20.0, abs=0.2)
    assert report.levels.peak_dbfs <= -2.99
    assert report.levels.seconds == pytest.approx(2.0, abs=0.3)
    assert (done.source_rate, done.source_channels) == (rate, channels)
    assert Clip.load(target, "x").pcm
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source.name, "out.wav"])


@pytest.mark.parametrize(
    ("hertz", "low", "high"),
    [
        (50, -120, -55),
        (200, -120, -55),
        (400, -0.1, 0.1),
        (1000, -0.1, 0.1),
        (3300, -0.2, 0.1),
        (3500, -120, -55),
        (3800, -120, -55),
    ],
)
def test_band(hertz: float, low: float, high: float) -> None:
    filtered = band_limit(sine(hertz, 2.0))
    assert len(filtered) == 16000
    middle = filtered[2000:-2000]
    gain = 20 * np.log10(np.sqrt(np.mean(middle**2)) / (0.5 / np.sqrt(2)))
    assert low <= gain <= high


def test_the_filter_does_not_delay() -> None:
    click = np.zeros(2000)
    click[1000] = 1.0
    assert int(np.argmax(band_limit(click))) == 1000


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("size", [1, 77, 5000, 40_000])
def test_the_filter_does_not_mind_how_the_sound_is_cut(rate: int, size: int) -> None:
    sound = sine(60, 0.2, rate=rate) + sine(700, 0.2, rate=rate)
    band = BandFilter(rate)
    cuts = range(0, min(len(sound), 100 * size), size)
    pieces = [band.feed(sound[place : place + size]) for place in cuts]
    pieces.append(band.feed(sound[100 * size :]))
    whole = np.concatenate([*pieces, band.finish()])
    assert np.allclose(whole, band_limit(sound, rate), atol=1e-12)
    middle = slice(rate // 20, -rate // 20)
    assert np.allclose(whole[middle], sine(700, 0.2, rate=rate)[middle], atol=2e-3)


def test_trimming_leaves_a_lead_and_a_tail() -> None:
    levels = measure(trim(np.concatenate([np.zeros(8000), sine(700), np.zeros(8000)])), RATE)
    assert levels.leading_silence == pytest.approx(0.04, abs=0.021)
    assert levels.trailing_silence == pytest.approx(0.15, abs=0.021)
    assert levels.seconds == pytest.approx(1.19, abs=0.03)


def test_trimming_keeps_what_is_short_already() -> None:
    samples = sine(700)
    kept = trim(samples)
    assert len(kept) == len(samples)
    assert kept[0] == kept[-1] == 0.0
    assert np.array_equal(kept[100:-100], samples[100:-100])


@given(
    st.lists(st.floats(-4, 4), min_size=1, max_size=300),
    st.floats(0.05, 1.0),
)
@settings(max_examples=30)
def test_no_sample_ever_passes_the_ceiling(values: list[float], ceiling: float) -> None:
    samples = np.array(values)
    limited = limit(samples, ceiling)
    assert len(limited) == len(samples)
    assert np.abs(limited).max() <= ceiling + 1e-9


def test_what_is_below_the_ceiling_is_left_alone() -> None:
    samples = sine(700, amplitude=0.3)
    assert np.allclose(limit(samples, 0.7), samples)


def test_a_lone_bang_keeps_its_distance_rather_than_being_crushed() -> None:
    """A knock on the table 40 dB above the words: the limiter gives 6 dB, then loudness yields."""
    samples = sine(700, 2.0, amplitude=0.008)
    samples[8000] = 0.9
    result, _, limited = normalise(samples, loudness=-20.0, peak=-3.0)
    assert limited == pytest.approx(6.0, abs=0.01)
    assert np.abs(result).max() <= 10 ** (-3 / 20) + 1e-9
    assert measure(result, RATE).active_dbfs < -21


def test_rounding_is_to_the_nearest_and_never_wraps() -> None:
    samples = np.array([0.0, 1.0, -1.0, 1.5, -1.5, 0.4 / 32768, 0.6 / 32768])
    assert np.frombuffer(quantise(samples), "<i2").tolist() == [
        0, 32767, -32768, 32767, -32768, 0, 1,
    ]  # fmt: skip


def test_the_recording_is_never_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    soundfile.write(source, speechlike(1.0, RATE), RATE)
    before = source.read_bytes()
    with pytest.raises(ClipUnusable, match="recording itself"):
        prepare_clip(source, tmp_path / "." / "in.wav")
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (np.zeros(0), "no sound"),
        (np.zeros(8000), "silent"),
        (sine(60, 1.0), "between 300 and 3400"),
        (np.full(8000, np.nan), "no numbers"),
        (np.full(8000, 0.1), "silent but for a constant offset"),
        (sine(700, 1.0, 0.0005) + 0.5, "silent but for a constant offset"),
        (np.array([0.5]), "lasts 0.00 s, less than 0.3 s"),
        (np.stack([sine(700), -sine(700)], axis=1), "opposite phase"),
    ],
)
def test_nothing_to_hear_is_refused_and_nothing_written(
    tmp_path: Path, sound: Samples, said: str
) -> None:
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(source, sound, RATE, subtype="FLOAT")
    with pytest.raises(ClipUnusable, match=said):
        prepare_clip(source, target)
    assert not target.exists()


@pytest.mark.parametrize("content", [None, b"", b"hello", b"RIFF\x00\x00\x00\x00WAVE"])
def test_unreadable_sources(tmp_path: Path, content: bytes | None) -> None:
    source = tmp_path / "in.mp3"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(ClipUnusable, match=r"in\.mp3") as caught:
        prepare_clip(source, tmp_path / "out.wav")
    assert caught.value.remedy


def test_a_target_that_cannot_be_written(tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    soundfile.write(source, speechlike(1.0, RATE), RATE)
    for place in (tmp_path / "missing", source):
        with pytest.raises(ClipUnusable, match=r"out\.wav: cannot be written"):
            prepare_clip(source, place / "out.wav")


def test_a_failed_write_leaves_the_old_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(source, speechlike(1.0, RATE), RATE)
    target.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ClipUnusable, match="No space left"):
        prepare_clip(source, target)
    assert target.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("library", ["soundfile", "soxr"])
def test_an_absent_library_names_its_remedy(
    tmp_path: Path, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in.wav"
    soundfile.write(source, speechlike(1.0, 16000), 16000)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(AudioLibraryMissing, match=library) as caught:
        prepare_clip(source, tmp_path / "out.wav")
    assert "pip install '.[audio]'" in caught.value.remedy


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_recording_that_is_cut_off_is_refused(tmp_path: Path, subtype: str) -> None:
    whole, cut = tmp_path / "whole.wav", tmp_path / "cut.wav"
    soundfile.write(whole, speechlike(2.0, 16000), 16000, subtype=subtype)
    cut.write_bytes(whole.read_bytes()[:20000])
    with pytest.raises(ClipUnusable, match="cut off"):
        prepare_clip(cut, tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize("rate", [8000, 44100])
def test_speech_on_an_offset_is_mended(tmp_path: Path, rate: int) -> None:
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    voice = speechlike(2.0, rate)
    soundfile.write(source, 0.5 + 0.05 / np.abs(voice).max() * voice, rate, subtype="PCM_24")
    done = prepare_clip(source, target)
    report = check_clip(target)
    assert report.faults == report.advice == ()
    assert done.after.active_dbfs == pytest.approx(-20.0, abs=0.2)


@pytest.mark.parametrize("suffix", ["flac", "mp3", "ogg"])
@pytest.mark.parametrize("part", [0.5, 0.98])
def test_no_kind_of_file_may_be_cut_off(tmp_path: Path, suffix: str, part: float) -> None:
    whole, cut = tmp_path / f"whole.{suffix}", tmp_path / f"cut.{suffix}"
    soundfile.write(whole, speechlike(4.0, 16000), 16000)
    data = whole.read_bytes()
    cut.write_bytes(data[: round(len(data) * part)])
    with pytest.raises(ClipUnusable, match=r"cut off|can be read") as caught:
        prepare_clip(cut, tmp_path / "out.wav")
    assert caught.value.remedy
    assert not (tmp_path / "out.wav").exists()


def test_an_mp3_file_behind_a_tag(tmp_path: Path) -> None:
    plain, tagged = tmp_path / "plain.mp3", tmp_path / "tagged.mp3"
    soundfile.write(plain, speechlike(4.0, 16000), 16000)
    data = plain.read_bytes()
    tag = b"ID3\x04\x00\x00\x00\x00\x02\x2c" + bytes(300)
    tagged.write_bytes(tag + data)
    assert prepare_clip(tagged, tmp_path / "out.wav").after.seconds > 3
    tagged.write_bytes((tag + data)[: len(data) // 2])
    with pytest.raises(ClipUnusable, match="cut off"):
        prepare_clip(tagged, tmp_path / "out.wav")


@pytest.mark.parametrize("rate", [16000, 44100])
def test_an_mp3_file_that_states_no_length(tmp_path: Path, rate: int) -> None:
    """Such a length is counted; what the library leaves out of it is no clip."""
    source = tmp_path / "in.mp3"
    soundfile.write(source, speechlike(4.0, rate), rate)
    data = source.read_bytes()
    # Without the first frame, which holds the header.
    later = data[data.index(data[:2], 4) :]
    assert b"Xing" not in later
    for content, whole in ((later, True), (later + b"TAG" + bytes(125), True), (later[:-9], False)):
        source.write_bytes(content)
        with source.open("rb") as file:
            assert mp3.samples(file, len(content)) / rate == pytest.approx(4.0, abs=0.15)
            assert (mp3.cut_off(file, len(content)) == "") is whole
    source.write_bytes(later)
    # The bitrate of the first frames makes the library stop after a second.
    with pytest.raises(ClipUnusable, match=r"of 3\.[789] s of sound only"):
        prepare_clip(source, tmp_path / "out.wav")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pipe.wav", "not a regular file"),
        ("link.wav", "symbolic link"),
        ("nowhere.wav", "symbolic link"),
        ("folder", "is a directory"),
        ("", "is a directory"),
        ("/", "is a directory"),
        ("out.mp3", "WAV file"),
        ("out", "WAV file"),
    ],
)
def test_only_a_clip_is_replaced(tmp_path: Path, name: str, said: str) -> None:
    source, old = tmp_path / "in.wav", tmp_path / "old.wav"
    soundfile.write(source, speechlike(1.0, RATE), RATE)
    old.write_bytes(b"old")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.wav").symlink_to(old)
    (tmp_path / "nowhere.wav").symlink_to(tmp_path / "none")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ClipUnusable, match=said) as caught:
        prepare_clip(source, Path() if not name else tmp_path / name)
    assert caught.value.remedy
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "link.wav").is_symlink()
    assert (tmp_path / "pipe.wav").is_fifo()
    assert old.read_bytes() == b"old"


def test_a_file_that_states_no_length_is_bounded_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in.wav"
    soundfile.write(source, speechlike(2.0, RATE), RATE)
    monkeypatch.setattr("firmware.clips.recording._FRAMES_UNKNOWN", 1)
    monkeypatch.setattr("firmware.clips.prepare.MAX_SECONDS", 1.5)
    with pytest.raises(ClipUnusable, match="at most"):
        prepare_clip(source, tmp_path / "out.wav")


def test_a_recording_of_unknown_length_is_taken_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "piped.wav"
    soundfile.write(source, speechlike(2.0, RATE), RATE, subtype="PCM_16")
    data = bytearray(source.read_bytes())
    place = data.index(b"data")
    data[place + 4 : place + 8] = b"\xff\xff\xff\xff"
    source.write_bytes(data)
    assert prepare_clip(source, tmp_path / "out.wav").after.seconds > 1.5
