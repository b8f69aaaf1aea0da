"""The technician's key reader: WAV files and raw streams, clear refusals."""

from __future__ import annotations

import argparse
import io
import json
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance.cli import audio_dtmf


def recording(rate: int = 8000) -> bytes:
    time = np.arange(rate // 10) / rate
    parts = [np.zeros(rate // 2)]
    for row, column in ((697, 1209), (852, 1477)):
        pair = np.sin(2 * np.pi * row * time) + np.sin(2 * np.pi * column * time)
        parts += [5000 * pair, np.zeros(rate // 2)]
    return np.concatenate(parts)[: -rate // 2].astype("<i2").tobytes()


def save(path: Path, *, rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(recording(rate))
    return path


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    audio_dtmf.add_arguments(parser)
    return audio_dtmf.run(parser.parse_args(words))


def seconds_and_keys(text: str) -> list[tuple[float, str]]:
    """Onsets rounded to 20 ms."""
    pairs = (line.split() for line in text.splitlines())
    return [(round(round(float(at) / 0.02) * 0.02, 2), key) for at, key in pairs]


EXPECTED = [(0.5, "1"), (1.1, "9")]


def test_wav(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(save(tmp_path / "a.wav"))) == 0
    assert seconds_and_keys(capsys.readouterr().out) == EXPECTED


def test_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(recording())))
    assert call("-") == 0
    assert seconds_and_keys(capsys.readouterr().out) == EXPECTED


def test_json_and_mask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(save(tmp_path / "a.wav")), "--json", "--keys", "9") == 0
    (row,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert row["key"] == "9"
    assert row["sureness"] > 0.9


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (8000, 2)])
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_other_formats_are_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: int, channels: int, suffix: str
) -> None:
    file = tmp_path / f"a.{suffix}"
    samples = np.frombuffer(recording(rate), "<i2")
    soundfile.write(file, np.stack([samples] * channels, axis=1), rate)
    assert call(str(file)) == 0
    assert seconds_and_keys(capsys.readouterr().out) == EXPECTED


def test_without_the_libraries_only_the_telephones_own_format_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    assert call(str(save(tmp_path / "a.wav"))) == 0
    assert call(str(save(tmp_path / "b.wav", rate=16000))) == 2
    assert "pip install 'autodialer[audio]'" in capsys.readouterr().err


def test_no_wav(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.wav").write_bytes(b"OggS....")
    assert call(str(tmp_path / "a.wav")) == 2
    assert "not a recording that can be read" in capsys.readouterr().err
    assert call(str(tmp_path / "b.wav")) == 2
    assert "no such file" in capsys.readouterr().err


def test_unknown_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(save(tmp_path / "a.wav")), "--keys", "x") == 2
    assert "not a DTMF key" in capsys.readouterr().err
