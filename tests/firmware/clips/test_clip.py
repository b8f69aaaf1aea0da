"""Clips: what is taken, and what is refused with which remedy."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clips.clip import Clip, WavFile, encode_wav, silent
from firmware.errors import ClipUnusable

TONE = b"\x00\x10\x00\xf0" * 400


def write(path: Path, *, rate: int = 8000, width: int = 2, channels: int = 1, data: bytes) -> Path:
    with wave.open(str(path), "wb") as wav:
        wav.setframerate(rate)
        wav.setsampwidth(width)
        wav.setnchannels(channels)
        wav.writeframes(data)
    return path


def refusal(path: Path) -> ClipUnusable:
    with pytest.raises(ClipUnusable) as caught:
        Clip.load(path, "greeting.fr")
    assert str(path) in str(caught.value), "an error names its file"
    assert caught.value.remedy, "an error says what to do"
    return caught.value


def test_a_good_clip_is_taken_unchanged(tmp_path: Path) -> None:
    clip = Clip.load(write(tmp_path / "a.wav", data=TONE), "greeting.fr")
    assert clip == Clip(name="greeting.fr", pcm=TONE)
    assert clip.seconds == pytest.approx(0.1)


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(encode_wav(TONE))
    assert Clip.load(path, "x").pcm == TONE


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"rate": 16000}, "16000 samples a second"),
        ({"rate": 44100, "channels": 2}, "44100 samples a second"),
        ({"width": 1}, "8 bits"),
        ({"width": 3}, "24 bits"),
        ({"channels": 2}, "2 channels"),
    ],
)
def test_another_format_names_the_conversion(
    tmp_path: Path, form: dict[str, int], said: str
) -> None:
    error = refusal(write(tmp_path / "a.wav", data=TONE * 3, **form))
    assert said in str(error)
    assert "audio prepare a.wav" in error.remedy


@pytest.mark.parametrize("content", [b"ID3\x04" + bytes(100), b"\x00" * 100, b"fLaC" + bytes(50)])
def test_not_a_wav(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    error = refusal(path)
    assert "not a plain WAV file" in str(error)
    assert "audio prepare" in error.remedy


def test_a_compressed_wav_is_not_plain(tmp_path: Path) -> None:
    """A-law inside RIFF: the header says format 6, which no path could play as it is."""
    whole = bytearray(encode_wav(TONE))
    whole[20:22] = (6).to_bytes(2, "little")
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(whole))
    assert "not a plain WAV file" in str(refusal(path))


def test_every_cut_is_refused(tmp_path: Path) -> None:
    """A file that lost its tail anywhere never becomes a shorter clip."""
    whole = encode_wav(TONE[:64])
    path = tmp_path / "a.wav"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refusal(path)


def test_a_recorder_that_was_killed(tmp_path: Path) -> None:
    """ffmpeg and arecord leave the largest length in the header when they never finish it."""
    whole = bytearray(encode_wav(TONE))
    whole[40:44] = b"\xff\xff\xff\xff"
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(whole))
    assert "cut off" in str(refusal(path))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "holds no sound"),
        (bytes(3200), "silent"),
        (b"\x10\x00\xf0\xff" * 400, "silent"),
    ],
)
def test_no_sound(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in str(refusal(write(tmp_path / "a.wav", data=data)))


def test_an_hour_is_not_a_clip(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "a.wav", rate=100, data=TONE * 50))
    assert "400 s long" in str(error)


@pytest.mark.parametrize(
    ("place", "size", "value", "said"),
    [
        (24, 4, 0, "0 samples a second, as no recorder writes"),
        (24, 4, 0xFFFF_FFFF, "as no recorder writes"),
        (34, 2, 40, "40 bits"),
        (34, 2, 64, "64 bits"),
        (34, 2, 0, "broken header|not a plain|bad sample width"),
        (22, 2, 0, "not a plain"),
        (22, 2, 65535, "holds no sound"),
    ],
)
def test_a_header_with_a_mad_value(
    tmp_path: Path, place: int, size: int, value: int, said: str
) -> None:
    whole = bytearray(encode_wav(TONE))
    whole[place : place + size] = value.to_bytes(size, "little")
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(whole))
    with pytest.raises(ClipUnusable, match=said) as caught, WavFile(path) as wav:
        list(wav.blocks())
    assert caught.value.remedy


def test_a_long_file_is_read_in_whole_frames(tmp_path: Path) -> None:
    data = bytes(range(240)) * 4000
    with WavFile(write(tmp_path / "a.wav", width=3, channels=2, data=data)) as wav:
        blocks = list(wav.blocks())
    assert b"".join(blocks) == data
    assert len(blocks) > 1
    assert all(len(block) % 6 == 0 for block in blocks)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "no such file" in str(refusal(tmp_path / "nothing.wav"))
    assert "cannot be read" in str(refusal(tmp_path))


@given(st.binary(max_size=200))
def test_no_bytes_escape_as_another_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.wav"
    path.write_bytes(b"RIFF\xff\x00\x00\x00WAVE" + content)
    with pytest.raises(ClipUnusable), WavFile(path) as wav:
        list(wav.blocks())


@pytest.mark.parametrize("pcm", [b"", b"\x01"])
def test_a_clip_has_whole_samples(pcm: bytes) -> None:
    with pytest.raises(ValueError, match="sample"):
        Clip(name="x", pcm=pcm)


@pytest.mark.parametrize(
    ("pcm", "is_silent"),
    [
        (b"", True),
        (b"\x01", True),
        (bytes(20_000), True),
        (b"\x20\x00\xe0\xff" * 5000, True),
        (bytes(19_998) + b"\x21\x00", False),
        (bytes(19_998) + b"\xdf\xff", False),
        (bytes(19_998) + b"\xdf\xff\x00", False),
        (b"\x00\x80" + bytes(20_000), False),
    ],
)
def test_silence_is_sought_to_the_last_sample(pcm: bytes, is_silent: bool) -> None:
    assert silent(pcm) is is_silent
