"""The technician's key reader: WAV files and raw streams, clear refusals."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance.cli.main import main


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
    return main(["audio", "dtmf", *words])


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
    assert call(str(save(tmp_path / "b.wav", rate=16000))) == 1
    assert "pip install '.[audio]'" in capsys.readouterr().err


def test_no_wav(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.wav").write_bytes(b"OggS....")
    assert call(str(tmp_path / "a.wav")) == 1
    assert "not a recording that can be read" in capsys.readouterr().err
    assert call(str(tmp_path / "b.wav")) == 1
    assert "no such file" in capsys.readouterr().err
    assert call(str(tmp_path)) == 1
    assert "is a directory" in capsys.readouterr().err


def test_unknown_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        call(str(save(tmp_path / "a.wav")), "--keys", "x")
    assert caught.value.code == 2
    assert "not a DTMF key" in capsys.readouterr().err


def test_a_chunk_that_is_longer_than_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(save(tmp_path / "a.wav").read_bytes())
    data[16:20] = (0xFFFF_FFF0).to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(data)
    assert call(str(tmp_path / "a.wav")) == 1
    assert "not a recording that can be read" in capsys.readouterr().err


def test_a_pipe_by_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert call(str(tmp_path / "pipe.wav")) == 1
    assert "not a regular file" in capsys.readouterr().err


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_cut_end_is_told_beside_the_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: int
) -> None:
    path = save(tmp_path / "a.wav", rate=rate)
    path.write_bytes(path.read_bytes()[: 44 + 2 * rate])
    assert call(str(path)) == 1
    told = capsys.readouterr()
    assert seconds_and_keys(told.out) == EXPECTED[:1]
    assert told.err.count("cut off") == 1


def test_channels_of_opposite_phase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = np.frombuffer(recording(), "<i2") / 32768
    soundfile.write(tmp_path / "a.wav", np.stack([0.9 * samples, -samples], axis=1), 8000)
    assert call(str(tmp_path / "a.wav")) == 0
    told = capsys.readouterr()
    assert seconds_and_keys(told.out) == EXPECTED
    assert "channel 2 is read" in told.err


@pytest.mark.filterwarnings("error")
def test_samples_that_are_no_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = np.frombuffer(recording(), "<i2") / 32768
    samples[1000:1050] = np.nan
    samples[6400] = np.inf
    soundfile.write(tmp_path / "a.wav", samples, 8000, subtype="FLOAT")
    assert call(str(tmp_path / "a.wav")) == 1
    told = capsys.readouterr()
    assert seconds_and_keys(told.out) == EXPECTED
    assert "no numbers" in told.err


def test_a_closed_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert call("-") == 1
    assert "standard input is closed" in capsys.readouterr().err


@pytest.mark.process
def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    """``dtmf - | true`` ends like any command whose reader went away."""
    source, drain = os.pipe()
    os.close(source)
    command = [sys.executable, "-m", "appliance.cli.main", "audio", "dtmf", "-"]
    done = subprocess.run(
        command, input=recording() * 4, stdout=drain, stderr=subprocess.PIPE, check=False
    )
    os.close(drain)
    assert (done.returncode, done.stderr) == (0, b"")
