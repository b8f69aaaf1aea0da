"""A fault of the configuration is shown where it stands, in the language of the box."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.cli.main import main

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
