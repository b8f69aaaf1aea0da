"""A box that calls real people says so while its clips are those that came with the program."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.config.load import load
from appliance.config.paths import sample_config
from appliance.config.sample_clips import NAMING

CLIPS = sample_config().parent / "audio"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with one real line of its two, and the program's clips."""
    monkeypatch.setenv("LC_ALL", "en")
    shutil.copytree(CLIPS, tmp_path / "audio")
    text = sample_config().read_text(encoding="utf-8").replace("bench: true", "bench: false", 1)
    kept = [line for line in text.split("\n") if "simulated" not in line and "speed:" not in line]
    (tmp_path / "config.yaml").write_text("\n".join(kept), encoding="utf-8")
    return tmp_path / "config.yaml"


def names(config: Path) -> list[str]:
    return [clip.name for clip in load(config).strangers]


def test_each_clip_that_names_somebody_is_told(config: Path) -> None:
    found = names(config)
    assert sorted(found) == sorted(
        f"{role}.{spoken}.wav" for role in NAMING for spoken in ("en", "fr")
    )


def test_one_of_ones_own_is_not(config: Path) -> None:
    own = config.parent / "audio" / "greeting.fr.wav"
    # As long as the program's, byte for byte but one.
    own.write_bytes(own.read_bytes()[:-1] + b"\x07")
    shutil.copy(CLIPS / "prompt.fr.wav", config.parent / "audio" / "message.fr.wav")
    found = names(config)
    assert "greeting.fr.wav" not in found
    # Whom nobody is named by may stay.
    assert "message.fr.wav" not in found
    assert "greeting.en.wav" in found


def test_it_is_told_under_another_name_too(config: Path) -> None:
    shutil.copy(CLIPS / "greeting.en.wav", config.parent / "audio" / "farewell.en.wav")
    assert "farewell.en.wav" in names(config)


def test_on_a_bench_nobody_is_misled(config: Path) -> None:
    config.write_text(config.read_text().replace("bench: false", "bench: true"), encoding="utf-8")
    assert names(config) == []


def test_a_clip_that_cannot_be_read_is_another_ones_fault(config: Path) -> None:
    loaded = load(config)
    shutil.rmtree(config.parent / "audio")
    assert loaded.strangers == ()


@pytest.mark.parametrize(
    ("language", "told", "remedy"),
    [
        ("en", "this clip came with the program", "put your own recording in its place"),
        ("fr", "cet enregistrement est fourni avec le programme", "mettez le vôtre à sa place"),
    ],
)
def test_check_and_doctor_tell_it_and_refuse_nothing_for_it(
    config: Path, capsys: pytest.CaptureFixture[str], language: str, told: str, remedy: str
) -> None:
    text = f"language: {language}\n" + config.read_text(encoding="utf-8")
    config.write_text(
        "\n".join(
            line
            for n, line in enumerate(text.split("\n"))
            if n == 0 or not line.startswith("language:")
        ),
        encoding="utf-8",
    )
    main(["--config", str(config), "check"])
    said = capsys.readouterr().out
    assert f"greeting.fr.wav: {told}".replace(": ", say_between(language), 1) in said
    assert remedy in said
    main(["--config", str(config), "check", "--json"])
    assert len(json.loads(capsys.readouterr().out)["sample_clips"]) == 6
    main(["--config", str(config), "doctor", "--json"])
    rows = [row for row in json.loads(capsys.readouterr().out) if row["part"] == "clips"]
    assert {row["state"] for row in rows} == {"note"}
    assert len(rows) == 6
    main(["--config", str(config), "doctor"])
    said = capsys.readouterr().out
    assert told in said
    assert remedy in said


def say_between(language: str) -> str:
    return "\N{NO-BREAK SPACE}: " if language == "fr" else ": "


def test_a_box_that_starts_writes_it_into_its_log(
    config: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.daemon import daemon

    class Done:
        goes_on_anew = False

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def run(self, **_: object) -> int:
            return 0

    monkeypatch.setattr(daemon, "Daemon", Done)
    monkeypatch.setattr("appliance.daemon.log_output.log_to_stderr", lambda _: None)
    with caplog.at_level(logging.WARNING):
        assert main(["--config", str(config), "run"]) == 0
    told = [one.getMessage() for one in caplog.records if "came with the program" in one.message]
    assert len(told) == 6
    assert "autodialer audio prepare" in told[0]
