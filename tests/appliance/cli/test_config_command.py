"""A configuration is made of a few answers, and each of its keys is explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.cli.config import QUESTIONS, ROLES, written
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
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
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


@pytest.mark.parametrize(
    ("number", "category"),
    [
        ("+33199000001", "fiction"),
        ("01 62 00 00 00", "automated-system"),
        ("06 12 34 56 78", "mobile"),
    ],
)
def test_the_number_tells_its_own_category_and_is_written_whole(
    number: str, category: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["config", "init", "--yes", "--purpose", "news", "--number", number]) == 0
    caller = configuration.load(tmp_path / "config.yaml").settings.law.caller
    assert caller.category.value == category
    assert caller.number.startswith("+33")


def test_a_number_that_may_call_nobody_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    words = ["config", "init", "--yes", "--purpose", "news", "--number"]
    assert main([*words, "0612345678"]) == 0
    assert "nobody will be called: Automated calls may not come" in capsys.readouterr().out
    assert main([*words, "+33162000000", "--out", "other.yaml"]) == 0
    assert "nobody will be called" not in capsys.readouterr().out


@pytest.mark.parametrize("spoken", ["en", "fr"])
def test_the_programs_clips_fill_what_is_missing_and_replace_nothing(
    spoken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", spoken)
    Path("audio").mkdir()
    own = Path("audio", f"greeting.{spoken}.wav")
    own.write_bytes((AUDIO / f"prompt.{spoken}.wav").read_bytes())
    before = own.read_bytes()
    words = ["config", "init", "--yes", "--purpose", "news", "--number", "+33162000000"]
    assert main(words) == 0
    assert own.read_bytes() == before
    clips = configuration.load(tmp_path / "config.yaml").clips
    assert len(clips) == len(ROLES)


@pytest.mark.parametrize(
    ("spoken", "question", "fault"),
    [
        ("en", "the number of the SIM", "short number or incomplete"),
        ("fr", "numéro de la SIM", "court"),
    ],
)
def test_a_wrong_answer_is_asked_again_in_the_persons_language(
    spoken: str,
    question: str,
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", spoken)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = iter(["north", "news", "france", "fr", "", "99", "0162000000", "", ""])
    asked: list[str] = []

    def answer(text: str) -> str:
        asked.append(text)
        return next(answers)

    monkeypatch.setattr("builtins.input", answer)
    assert main(["config", "init"]) == 0
    assert sum(question in text for text in asked) == 2
    told = capsys.readouterr().err
    assert "strict, uk" in told
    assert fault in told


def test_an_input_that_ends_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "en")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    def ended(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    assert main(["config", "init"]) == 1
    assert "the input ended" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.parametrize(("spoken", "said"), [("fr", "est écrit ; ensuite"), ("en", "is written")])
def test_init_answers_in_the_language_of_the_new_box(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoken: str, said: str
) -> None:
    words = ["--purpose", "news", "--number", "+33199000001", "--language", spoken]
    out = tmp_path / "config.yaml"
    assert main(["config", "init", "--yes", "--out", str(out), *words]) == 0
    assert said in capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")


def test_init_asks_nothing_where_its_file_could_not_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "none" / "config.yaml"
    assert main(["config", "init", "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert f"there is no directory {out.parent}; make it, or write somewhere else" in told
    assert not out.parent.exists()
