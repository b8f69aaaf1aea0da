"""A configuration is made of a few answers, and each of its keys is explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.cli.config import QUESTIONS, written
from appliance.cli.main import main
from appliance.config import load as configuration
from appliance.config.explain import find, keys
from appliance.config.paths import sample_config
from firmware.yaml_document import read_document

AUDIO = sample_config().parent / "audio"
ANSWERS = {
    "name": "north",
    "purpose": "news",
    "profile": "fr",
    "timezone": "Europe/Paris",
    "number": "+33199000001",
    "category": "fiction",
    "language": "fr",
}


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("purpose", ["news", "null", "no", "0x12", "12"])
def test_what_was_answered_is_what_the_box_reads(
    tmp_path: Path, purpose: str, language: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(written({**ANSWERS, "purpose": purpose, "language": language}, AUDIO))
    config = configuration.load(file)
    assert config.campaign.purpose == purpose
    assert config.settings.language == language
    assert not config.bench
    assert config.state == tmp_path / "state"


def test_init_writes_over_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["config", "init", "--yes", "--purpose", "news", "--number", "+33199000001"]
    assert main(words) == 0
    before = Path("config.yaml").read_bytes()
    assert main(words) == 1
    assert Path("config.yaml").read_bytes() == before
    assert "existe déjà" in capsys.readouterr().err
    Path("config.yaml").unlink()
    assert main(["config", "init", "--yes"]) == 1
    assert "--purpose, --number" in capsys.readouterr().err
    assert not Path("config.yaml").exists()
    wrong = ["--name", "a: b # c", "--purpose", "news", "--number", '"12"', "--timezone", "Mars"]
    assert main(["config", "init", "--yes", *wrong]) == 2
    told = capsys.readouterr().err
    assert all(key in told for key in ("box.name", "law.timezone"))
    assert not Path("config.yaml").exists()


@pytest.mark.parametrize("option", [option for option, _, _ in QUESTIONS])
def test_each_answer_is_used(option: str) -> None:
    assert f"OTHER{option}" in written({**ANSWERS, option: f"OTHER{option}"}, AUDIO)


def test_every_key_of_the_sample_is_explained() -> None:
    """What the reader knows and what is explained are one model."""
    document = read_document(sample_config())
    for path in document.keys:
        shape = ""
        for part in path:
            shape += "[]" if isinstance(part, int) else f"{'.' if shape else ''}{part}"
        name = shape.replace(".fr", ".*").replace(".en", ".*")
        if ".after." not in name:
            assert find(name)[0], name
    assert all(key.text for key in keys() if key.required)


@pytest.mark.parametrize(
    ("key", "meant"), [("ring", "campaign.timers.ring"), ("campain.mode", "campaign.mode")]
)
def test_a_misspelt_key_is_answered_with_what_was_meant(
    key: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "explain", key]) == 2
    assert f"did you mean {meant}" in capsys.readouterr().err


def test_a_key_is_explained_for_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "explain", "campaign.mode", "--json"]) == 0
    (key,) = json.loads(capsys.readouterr().out)
    assert key["choices"] == ["automatic", "attended"]
