"""A fault of the configuration is shown where it stands, in the language of the box."""

from __future__ import annotations

import argparse
import inspect
import re
from pathlib import Path

import pytest

from appliance.cli.failures import ARGPARSE_WORDS
from appliance.cli.main import COMMANDS, command_parser, main, top_parser
from appliance.cli.parser import children

FILE = """\
language: {language}
box:
  name: north
  state: state
law:
  profil: fr
lines:
  - name: line-1
    port: auto
    sim_pin: 1234
"""


def told(tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str) -> list[str]:
    file = tmp_path / "config.yaml"
    file.write_text(FILE.format(language=language))
    assert main(["--config", str(file), "check"]) == 2
    return capsys.readouterr().err.replace(str(tmp_path) + "/", "").split("\n")


def test_a_fault_is_shown_with_its_line_and_a_caret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = told(tmp_path, capsys, "en")
    at = rows.index("config.yaml:6:3: law.profil: is not a known key; did you mean profile?")
    assert rows[at + 1 : at + 3] == ["      profil: fr", "      ^"]
    assert rows[-2].startswith("autodialer: ")


def test_the_line_of_a_pin_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not any("sim_pin: 1234" in row for row in told(tmp_path, capsys, "en"))


@pytest.mark.parametrize(
    "written",
    [
        "sim_pin: 4711",
        "sim_pin: 47e11",
        '"sim_pin" : 4711',
        "sim_pin:\n      4711",
        'sim_pim: "4711"',
        "sim-pin: 4711",
        'sim_pim: "4711" x',
        'sim_pin: "4711',
        "sim_pin: [4711]",
        "sim_pin: {of: 4711}",
        "sim_pin: *x4711",
        'sim_pin: !x "4711"',
        'sim_pin: "4711"\n    sim_pin: "4711"',
        "sim_pin: 47115",
        "sim_pin: 0.4711",
    ],
)
def test_a_pin_is_told_nowhere_however_wrongly_it_is_written(
    written: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is told of a start that fails stands in the journal."""
    file = tmp_path / "config.yaml"
    file.write_text(FILE.format(language="en").replace("sim_pin: 1234", written))
    assert main(["--config", str(file), "check"]) == 2
    assert main(["--config", str(file), "check", "--json"]) == 2
    said = capsys.readouterr()
    assert "4711" not in said.out + said.err
    assert "47e11" not in said.out + said.err


def test_a_broken_file_is_explained_in_the_language_that_it_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = told(tmp_path, capsys, "fr")
    space = "\N{NO-BREAK SPACE}"
    assert (
        f"config.yaml:6:3: law.profil: n'est pas une clé connue{space}; "
        f"vouliez-vous dire profile{space}?"
    ) in rows


@pytest.mark.parametrize(
    ("extra", "rows"),
    [
        (
            b"logging: {level: loud}\n",
            [
                (
                    "config.yaml:11:18: logging.level: la valeur doit être 'debug', 'info', "
                    "'warning' ou 'error' ; écrivez debug, info, warning ou error"
                ),
                "    logging: {level: loud}",
                "                     ^",
            ],
        ),
        (
            b"box2: [\n",
            [
                (
                    "config.yaml:11:7: n'est pas du YAML : un crochet ou une accolade qui n'est "
                    "pas fermé"
                ),
                "    box2: [",
                "          ^",
            ],
        ),
        (
            b"box2:\n\tname: x\n",
            [
                "config.yaml:12:1: n'est pas du YAML : une tabulation ; décalez avec des espaces",
                "     name: x",
                "    ^",
            ],
        ),
        # What a terminal cannot show is one sign, so that the caret stands where it should.
        (
            b"a\x00b\x1b[2Jc: 12345\n",
            [
                "config.yaml:11:1: contient un caractère de contrôle ; supprimez-le",
                "    a�b�[2Jc: *****",
                "    ^",
            ],
        ),
        (
            b"x: \xff\n",
            ["config.yaml:11:1: n'est pas en UTF-8 ; enregistrez-le en UTF-8", "    x: �", "    ^"],
        ),
    ],
)
def test_each_kind_of_fault_is_told_in_french_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: bytes, rows: list[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(FILE.format(language="fr").encode() + extra)
    assert main(["--config", str(file), "check"]) == 2
    said = capsys.readouterr().err.replace(str(tmp_path) + "/", "")
    told = said.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "\n".join(rows) + "\n" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--config", "none.yaml", "check"], "Aucun fichier ou dossier de ce nom"),
        (["--config", "folder", "check"], "est un dossier"),
        (["ledger", "verify", "--anchor", "none"], "Aucun fichier ou dossier de ce nom"),
        (["contacts", "revoke", "--file", "none"], "Aucun fichier ou dossier de ce nom"),
        (["contacts", "revoke", "--file", "folder"], "est un dossier"),
        (["audio", "prepare", "note", "none/out.wav"], "none"),
        (["report", "--out", "none/report.html"], "il n'y a pas de dossier"),
        (["report", "--out", f"{'x' * 300}/report.html"], "Nom de fichier trop long"),
        (["config", "init", "--out", "none/c.yaml", "--yes"], "il n'y a pas de dossier"),
        (["simulate", "--log", "none/log"], "Aucun fichier ou dossier de ce nom"),
    ],
)
def test_what_the_system_says_is_french_too(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "note").write_text("no clip")
    (tmp_path / "state" / "ledger").mkdir(parents=True)
    assert main(["--state", "state", *words]) != 0
    said = capsys.readouterr().err
    assert told in said
    assert not any(word in said for word in ("No such", "directory", "too long"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["why"], "autodialer why : il manque : number"),
        (["ledger"], "autodialer ledger : il manque : ACTION"),
        (["reset"], "autodialer reset : il manque : --by, --reason"),
        (["fleet", "resume"], "autodialer fleet resume : il manque : --by, --reason"),
        (["ledger", "show", "--last"], "argument --last : il y faut une valeur"),
        (["--config"], "autodialer : argument --config : il y faut une valeur"),
        (["simulate", "--recognise"], "argument --recognise : il y faut au moins une valeur"),
        (["status", "--json=1"], "argument --json : n'attend pas de valeur, et reçoit '1'"),
        (["report", "--c"], "option ambiguë : --c peut être --config, --csv"),
    ],
)
def test_what_the_parser_says_is_french_too(
    words: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    monkeypatch.setattr("sys.argv", ["autodialer", *words])
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert told in said.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert not any(word in said for word in ("the following", "expected", "ignored", "could"))


def test_argparse_has_no_error_that_the_catalogues_do_not_know() -> None:
    """Of what it can say, the rest is about parsers that are made wrongly, or ours to say."""
    ours = {"unrecognized arguments", "unknown parser", "invalid choice", "argument "}
    made_wrongly = {
        *("conflicting", ".__call__", "cannot merge", "'required' is", "invalid option string"),
        *("dest= is", "invalid conflict_resolution", "mutually exclusive", "cannot have multiple"),
        *("unexpected option string", "%r is not callable"),
    }
    # No option of ours asks for them: see the next test. Help, which stays English.
    not_asked = {"not allowed with", "one of the arguments", "can't open", "expected %s"}
    helping = {"usage: ", "positional", "options", "show this help", "%(prog)s: error", "invalid %"}
    helping |= {"optional arguments", "subcommands"}
    known = {re.sub(r"\{\w+(!r)?\}", "%", text) for text in ARGPARSE_WORDS}
    texts = re.findall(
        r"\b_\(\s*(['\"])(.*?)\1\s*(?:\)|$)", inspect.getsource(argparse), re.MULTILINE
    )
    assert len(texts) > 20
    left = {
        text
        for _, text in texts
        if not text.startswith(tuple(ours | made_wrongly | not_asked | helping))
        and re.sub(r"%(\(\w+\))?[rs]", "%", text) not in known
    }
    assert left == set()


def test_no_option_asks_for_what_argparse_says_in_english_alone() -> None:
    pending: list[argparse.ArgumentParser] = [top_parser(), *map(command_parser, COMMANDS)]
    while pending:
        parser = pending.pop()
        pending += children(parser).values()
        assert not parser._mutually_exclusive_groups
        for action in parser._actions:
            assert not isinstance(action.nargs, int) or action.nargs == 0
            assert not isinstance(action.type, argparse.FileType)
