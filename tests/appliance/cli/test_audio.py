"""``autodialer audio``: output, JSON and exit codes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance.cli.main import main

AUDIO = Path(__file__).parents[3] / "audio"
GREETING = str(AUDIO / "greeting.fr.wav")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    time = np.arange(22050) / 22050
    path = tmp_path / "recording.flac"
    soundfile.write(path, np.stack([0.05 * np.sin(2 * np.pi * 600 * time)] * 2, axis=1), 22050)
    return path


def test_check_a_good_greeting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audio", "check", "--greeting", GREETING]) == 0
    out = capsys.readouterr().out
    for words in ("8000 Hz", "16 bits", "mono", "10.11 s", "-20.1 dBFS", "fit for a call", "RMS"):
        assert words in out


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audio", "check", "--json", GREETING]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["file"] == GREETING
    assert (data["rate"], data["bits"], data["channels"]) == (8000, 16, 1)
    assert data["seconds"] == pytest.approx(10.11, abs=0.01)
    assert data["faults"] == data["advice"] == []
    assert {"active_dbfs", "peak_dbfs", "clipped", "leading_silence"} <= set(data)


def test_check_names_what_is_wrong_and_exits_1(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "foreign.wav"
    soundfile.write(foreign, soundfile.read(recording)[0], 22050)
    missing = tmp_path / "missing.wav"
    assert main(["audio", "check", str(foreign), str(missing), str(recording), GREETING]) == 1
    out = capsys.readouterr().out
    assert "22050 samples a second" in out
    assert f"{missing}: no such file" in out
    assert f"{recording}: not a plain WAV file" in out
    assert "audio prepare" in out
    assert out.count("fit for a call") == 1


def test_check_json_carries_what_cannot_be_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audio", "check", "--json", str(tmp_path / "x.wav"), GREETING]) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["faults"]
    assert first["remedy"]
    assert second["faults"] == []


@pytest.mark.parametrize("rate", [8000, 22050])
def test_a_silent_clip_is_to_be_recorded_again(
    rate: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Preparing finds nothing in it that could be made louder."""
    silent = str(tmp_path / "silent.wav")
    soundfile.write(silent, np.zeros(rate), rate)
    assert main(["audio", "check", silent]) == 1
    out = capsys.readouterr().out
    assert "silent" in out
    assert "remedy  record it again" in out
    assert main(["audio", "check", "--json", silent]) == 1
    assert json.loads(capsys.readouterr().out)["remedy"] == "record it again"
    assert main(["audio", "prepare", silent, str(tmp_path / "prepared.wav")]) == 1


def test_a_greeting_that_is_too_long(capsys: pytest.CaptureFixture[str]) -> None:
    message = str(AUDIO / "message.en.wav")
    assert main(["audio", "check", message]) == 0
    assert main(["audio", "check", "--greeting", message]) == 1
    assert "at most 12 s" in capsys.readouterr().out
    assert main(["audio", "check", "--longest", "12.5", message]) == 1


@pytest.mark.parametrize(
    ("written", "code", "said"),
    [
        ("greeting_limit: 15 s", 0, "fit for a call"),
        ("greeting_limit: 9 s", 1, "at most 9 s"),
        ("purpose: nothing-else-is-read", 1, "at most 12 s"),
        ("greeting_limit: 9", 2, 'greeting_limit: "9" is not a duration'),
        ("greeting_limit: 1 h", 2, 'greeting_limit: "1 h" is no length'),
    ],
)
def test_the_greetings_limit_is_the_configurations(
    tmp_path: Path, written: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"campaign:\n  {written}\n", encoding="utf-8")
    command = ["audio", "check", "--greeting", str(AUDIO / "message.en.wav")]
    assert main(["--config", str(config), *command]) == code
    told = capsys.readouterr()
    assert said in told.out + told.err


def test_prepare_shows_before_and_after(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "clip.wav"
    assert main(["audio", "prepare", str(recording), str(target)]) == 0
    out = capsys.readouterr().out
    assert "22050 Hz, 2 channels" in out
    assert "speech -29.0 dBFS" in out
    assert "speech -20.0 dBFS" in out
    assert main(["audio", "check", str(target)]) == 0


def test_prepare_as_json(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audio", "prepare", "--json", str(recording), str(tmp_path / "c.wav")]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["before"]["active_dbfs"] == pytest.approx(-29.0, abs=0.1)
    assert data["after"]["active_dbfs"] == pytest.approx(-20.0, abs=0.1)


def test_prepare_without_the_libraries(
    tmp_path: Path,
    recording: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert main(["audio", "prepare", str(recording), str(tmp_path / "c.wav")]) == 1
    assert "pip install '.[audio]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["check"],
        ["check", "--longest", "soon", GREETING],
        ["check", "--longest", "0", GREETING],
        ["check", "--longest", "nan", GREETING],
        ["prepare", GREETING],
        ["sing"],
    ],
)
def test_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["audio", *arguments])
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_say_without_a_synthesiser(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["audio", "say", "Bonjour", str(tmp_path / "c.wav")]) == 1
    assert "apt install espeak-ng" in capsys.readouterr().err


def synthesiser(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


@pytest.mark.process
@pytest.mark.parametrize(
    ("name", "options", "option"),
    [
        ("espeak-ng", ["--language", "fr"], "-w"),
        ("piper", ["--piper-model", "v.onnx"], "--output_file"),
    ],
)
def test_say_gives_the_words_on_standard_input(
    tmp_path: Path,
    recording: Path,
    name: str,
    options: list[str],
    option: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A text like ``-w /etc/passwd`` must reach the synthesiser as words, never as options."""
    synthesiser(
        tmp_path,
        name,
        f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/words\n'
        f'while [ "$1" != "{option}" ]; do shift; done; cp {recording} "$2"',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    target = tmp_path / "c.wav"
    assert main(["audio", "say", *options, "--", "-w $(touch x) `ls`", str(target)]) == 0
    assert (tmp_path / "words").read_text() == "-w $(touch x) `ls`"
    assert "touch" not in (tmp_path / "arguments").read_text()
    assert main(["audio", "check", str(target)]) == 0


@pytest.mark.process
@pytest.mark.parametrize("script", ["exit 3", 'echo "The specified voice does not exist." >&2'])
def test_say_reports_a_refusal(
    tmp_path: Path,
    script: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synthesiser(tmp_path, "espeak-ng", script)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert main(["audio", "say", "Bonjour", str(tmp_path / "c.wav"), "--language", "zz"]) == 1
    assert "espeak-ng failed" in capsys.readouterr().err
    assert not (tmp_path / "c.wav").exists()


@pytest.mark.process
def test_say_of_a_text_without_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000), 8000)
    synthesiser(
        tmp_path,
        "espeak-ng",
        f'while [ "$1" != "-w" ]; do shift; done; cp {tmp_path}/silence.wav "$2"',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert main(["audio", "say", "...", str(tmp_path / "c.wav")]) == 1
    assert "espeak-ng spoke no words of this text" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "  ", "a" * 2001])
def test_say_refuses_no_text_and_too_much(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audio", "say", text, str(tmp_path / "c.wav")]) == 1
    assert "characters" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["ab\udcff", "-"])
def test_say_refuses_what_is_not_utf8(
    tmp_path: Path,
    given: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9"), "utf-8"))
    assert main(["audio", "say", given, str(tmp_path / "c.wav")]) == 1
    assert "not UTF-8" in capsys.readouterr().err


def test_say_from_a_closed_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["audio", "say", "-", str(tmp_path / "c.wav")]) == 1
    assert "standard input is closed" in capsys.readouterr().err


def test_check_needs_no_optional_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("soundfile", "soxr"):
        monkeypatch.setitem(sys.modules, library, None)
    assert main(["audio", "check", GREETING]) == 0


def test_a_clip_that_came_with_the_program_gives_way_and_no_other(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lent, own, target = tmp_path / "lent.wav", tmp_path / "own.wav", tmp_path / "linked.wav"
    shipped = Path(GREETING).read_bytes()
    lent.write_bytes(shipped)
    own.write_bytes(shipped[:-2] + b"\1\0")
    target.hardlink_to(own)
    assert main(["audio", "prepare", str(recording), str(lent)]) == 0
    assert lent.read_bytes() != shipped
    for kept in (own, target):
        before = kept.read_bytes()
        assert main(["audio", "prepare", str(recording), str(kept)]) == 1
        assert "is not what this box wrote there" in capsys.readouterr().err
        assert kept.read_bytes() == before


@pytest.mark.parametrize("how", ["plain", "link"])
def test_the_clips_of_the_program_themselves_are_kept(tmp_path: Path, how: str) -> None:
    from appliance.config.sample_clips import is_sample_clip

    place = Path(GREETING)
    if how == "link":
        place = tmp_path / "greeting.wav"
        place.symlink_to(GREETING)
    assert not is_sample_clip(place)
    copy = tmp_path / "copy.wav"
    copy.write_bytes(place.read_bytes())
    assert is_sample_clip(copy)
    assert not is_sample_clip(tmp_path / "none.wav")
    assert not is_sample_clip(tmp_path)
