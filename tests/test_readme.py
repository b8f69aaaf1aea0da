"""What the README tells people to type is there: each command and option is in the command tree,
and each make target in the Makefile."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from appliance.cli.main import COMMANDS, _top, command_parser

ROOT = Path(__file__).parent.parent
TOLD = ("appliance", "firmware", "docs")
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXCEPTIONS = {
    "autodialer [--config FILE] [--state DIR] COMMAND": "a synopsis; each command stands below it",
}
"""Lines that need not parse, each with its reason."""

_SENTENCE = re.compile(r"`(autodialer [^`]+)`")
_MAKE = re.compile(r"`make ([a-z-]+)`|^make ([a-z-]+)", re.MULTILINE)


def typed(text: str) -> list[str]:
    """Return what stands behind a dollar in the blocks of *text*, one command each."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    commands = [part.strip() for line in lines if line[:2] == "$ " for part in line[2:].split("&&")]
    return [one.removeprefix(".venv/bin/") for one in commands]


def told(text: str) -> list[str]:
    """Return each command of the program: typed in blocks and named in sentences."""
    found = [*typed(text), *_SENTENCE.findall(text)]
    return sorted({" ".join(one.split()) for one in found if one.startswith("autodialer ")})


def parses(command: str) -> None:
    """Read *command* as the program does; raises SystemExit where it would refuse it."""
    top, _ = _top(shlex.split(command)[1:])
    command_parser(top.command, top.config, top.state).parse_args(top.rest)


@pytest.mark.parametrize("command", [one for one in told(README) if one not in EXCEPTIONS])
def test_each_command_is_one_that_the_program_takes(command: str) -> None:
    parses(command)


@pytest.mark.parametrize(
    "wrong",
    ["autodialer rehears", "autodialer rehearse --contact-list F", "autodialer contacts imports F"],
)
def test_what_the_program_does_not_take_is_found(wrong: str) -> None:
    (found,) = told(f"```console\n$ .venv/bin/{wrong}\nits answer\n```\n")
    assert found == wrong
    with pytest.raises(SystemExit):
        parses(found)


def test_no_exception_outlives_its_line() -> None:
    assert set(EXCEPTIONS) <= set(told(README))


def test_each_row_of_the_commands_names_commands_that_are_there() -> None:
    table = README.split("\n## Commands\n")[1].split("\n## ")[0]
    cells = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    named = {word for cell in cells for word in re.findall(r"`([a-z]+)", cell)}
    assert len(cells) > 15
    assert named <= set(COMMANDS)


def test_each_make_target_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {one or other for one, other in _MAKE.findall(README)}
    assert len(named) > 5
    assert named <= targets


def test_no_remedy_names_a_package_that_is_not_on_the_public_index() -> None:
    """Whoever took the program's name there would be installed on boxes."""
    folders = ((ROOT / top).rglob(f"*.{kind}") for top in TOLD for kind in ("py", "md", "po"))
    files = [ROOT / "README.md", *(file for found in folders for file in found)]
    assert len(files) > 200
    wrong = [
        file.name
        for file in files
        if re.search(r"pip install (?:-\S+ )*['\"]?autodialer", file.read_text(encoding="utf-8"))
    ]
    assert wrong == []
