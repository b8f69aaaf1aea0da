"""The command line helps: what was meant, examples, completions, the manual page."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.cli import manual, shells
from appliance.cli.command_tree import Command
from appliance.cli.completion import commands
from appliance.cli.examples import EXAMPLES, as_help
from appliance.cli.main import COMMANDS, command_parser, main, top_parser

TREE = list(commands())
LEAVES = [command for command in TREE if command.words and not command.actions]


def ended(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    try:
        code = main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["statsu"], "status"),
        (["contact"], "contacts"),
        (["pasue"], "pause"),
        (["ledger", "verfy"], "verify"),
        (["contacts", "imoprt", "f.csv"], "import"),
        (["status", "--jsn"], "--json"),
        (["ledger", "show", "--lats", "3"], "--last"),
        (["ledger", "export", "--outt=x"], "--out"),
        (["report", "--cvs", "x.csv"], "--csv"),
        (["audio", "prepare", "a", "b", "--jsno"], "--json"),
        (["completion", "bsh"], "bash"),
        (["fleet", "stauts"], "status"),
        (["--verison"], "--version"),
        (["--hlep"], "--help"),
        (["--sttae=x", "status"], "--state"),
        (["--cnofig", "x.yaml", "status"], "--config"),
    ],
)
def test_what_was_meant_is_suggested(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = ended(words, capsys)
    assert code == 2
    assert f"did you mean {meant}?" in err


@pytest.mark.parametrize("words", [["xyzzy"], ["status", "--xyzzy"], ["ledger", "xyzzy"]])
def test_what_is_like_nothing_is_answered_without_a_guess(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = ended(words, capsys)
    assert code == 2
    assert "xyzzy" in err
    assert "did you mean" not in err


@pytest.mark.parametrize(
    "words",
    [
        ["statsu", "--json"],
        ["status", "--json", "--xyzzy"],
        ["ledger", "verfy", "--json"],
        ["--json"],
        ["why", "--json"],
    ],
)
def test_a_usage_error_is_json_where_json_was_asked_for(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ended(words, capsys)
    assert code == 2
    assert set(json.loads(out)) == {"error", "remedy"}
    assert not err


@pytest.mark.parametrize("command", LEAVES, ids=lambda one: " ".join(one.words))
def test_every_command_has_examples_in_its_help(command: Command) -> None:
    words = " ".join(command.words)
    assert f"autodialer {words.partition(' ')[0]}" in as_help(words) or "--config" in as_help(words)


@pytest.mark.parametrize(
    "line", [line for group in EXAMPLES.values() for line, _ in group], ids=lambda line: line[:40]
)
def test_each_example_is_understood(line: str) -> None:
    top = top_parser().parse_args(shlex.split(line))
    assert top.command in COMMANDS
    command_parser(top.command).parse_args(top.rest)


def test_examples_are_of_commands_that_exist() -> None:
    assert set(EXAMPLES) <= {" ".join(command.words) for command in TREE}


def completed(*words: str) -> list[str]:
    script = shells.bash(TREE) + (
        f"COMP_WORDS=({' '.join(map(shlex.quote, words))})\n"
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
        '_autodialer; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run([bash, "-c", script], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["autodialer", "sta"], ["status"]),
        (["autodialer", "ledger", "v"], ["verify"]),
        (["autodialer", "--state", "d", "contacts", "im"], ["import"]),
        (["autodialer", "ledger", "show", "--la"], ["--last"]),
        (["autodialer", "completion", "f"], ["fish"]),
        (["autodialer", "report", "--language", "f"], ["fr"]),
        (["autodialer", "reset", "--by", ""], []),
    ],
)
def test_bash_completes(words: list[str], offered: list[str]) -> None:
    assert completed(*words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_reads_its_script(shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed here")
    script = getattr(shells, shell)(TREE)
    done = subprocess.run([program, "-n"], input=script, capture_output=True, text=True, check=True)
    assert not done.stderr


def test_scripts_and_manual_know_every_option() -> None:
    names = {name for command in TREE for taken in command.takes for name in taken.names}
    bash, zsh, fish, page = (
        shells.bash(TREE),
        shells.zsh(TREE),
        shells.fish(TREE),
        manual.page(TREE).replace("\\-", "-"),
    )
    for name in names:
        assert name in bash
        assert name in zsh
        assert (f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}") in fish
        assert f"\\fB{name}\\fP" in page


def test_the_manual_page_is_sound() -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed here")
    done = subprocess.run(
        [groff, "-man", "-Tascii", "-ww", "-z"],
        input=manual.page(TREE),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr


@pytest.mark.process
def test_an_early_ctrl_c_is_silent() -> None:
    """Nothing of Python is told to a person who changed their mind at once."""
    code = (
        "import os, signal, sys\n"
        "import appliance.cli.main as m\n"
        "import appliance.cli.streams as s\n"
        "s.safe_output = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        "m.main(['status'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--state", "nowhere", "status", "--json"], 1),
        (["--state", "nowhere", "pause", "--json"], 1),
        (["--state", "nowhere", "ledger", "show", "--json"], 1),
        (["--config", "nothing.yaml", "check", "--json"], 2),
        (["--config", "nothing.yaml", "status", "--json"], 2),
    ],
)
def test_an_error_is_json_where_json_was_asked_for(
    words: list[str],
    code: int,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended_with, out, err = ended(words, capsys)
    assert ended_with == code
    told = json.loads(out)
    assert {"error", "remedy"} <= set(told)
    assert ("faults" in told) == (code == 2)
    assert not err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["statsu"], "autodialer : 'statsu' n'est pas une commande ; vouliez-vous dire status ?"),
        ([], "autodialer : nommez une commande"),
        (["ledger", "verfy"], "argument ACTION : 'verfy' est inconnu ; vouliez-vous dire verify ?"),
        (["status", "--jsn"], "--jsn est inconnu ici ; vouliez-vous dire --json ?"),
        (["--sttae=x", "status"], "--sttae=x est inconnu ici ; vouliez-vous dire --state ?"),
        (["demo", "--lines", "0"], "argument --lines : doit être de 1 à 16"),
        (["demo", "--lines", "x"], "argument --lines : 'x' n'est pas un nombre"),
        (["demo", "--seed", "1.5"], "argument --seed : '1.5' n'est pas un nombre entier"),
        (["ledger", "show", "--last", "1e3"], "argument --last : '1e3' n'est pas un nombre entier"),
        (["simulate", "--speed", "fast"], "argument --speed : 'fast' n'est pas un nombre"),
        (["modem", "probe", "x", "--baudrate", "y"], "--baudrate : 'y' n'est pas un débit"),
        (["watch", "--count", ""], "argument --count : '' n'est pas un nombre"),
        (
            ["fleet", "demo", "--people", "ten"],
            "argument --people : doit être un nombre de 8 à 900",
        ),
    ],
)
def test_a_usage_error_is_told_in_the_language_of_the_terminal(
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    code, _, err = ended(words, capsys)
    assert code == 2
    assert said in err.replace("\N{NO-BREAK SPACE}", " ")
    assert "montre des exemples" in err
