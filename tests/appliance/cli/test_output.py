"""Files that a person names: what is wrong with them is said before anything is done."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.cli.output import check_target, write_target
from appliance.config.paths import sample_config
from appliance.errors import Refused
from appliance.ledger import read_entries

HEADER = (
    "number,name,language,timezone,purpose,consent_given_at,consent_source,consent_evidence,"
    "windows,valid_until\n"
)
ROW = (
    "+33639980001,Ada,fr,Europe/Paris,neighbourhood-news,2027-01-15,web,form 1,"
    "mon-fri 18:00-20:00,2027-12-31\n"
)
BROKEN_ROW = ROW.replace("+33639980001", "112")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(HEADER + ROW)
    (tmp_path / "broken.csv").write_text(HEADER + BROKEN_ROW + ROW.replace("0001", "0002"))
    assert run(tmp_path / "state", "contacts", "import", tmp_path / "people.csv") == 0
    return tmp_path / "state"


def run(state: Path, *arguments: object) -> int:
    return main(["--state", str(state), *map(str, arguments)])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder, "is a directory; add a file name"),
        (lambda folder: folder / "no" / "f.csv", "there is no directory"),
        (lambda _: Path("/proc/f.csv"), "/proc/f.csv"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ["contacts", "export", "--out"],
        ["ledger", "export", "--out"],
        ["report", "--out"],
        ["report", "--csv"],
        ["dossier", "+33639980001", "--out"],
    ],
)
def test_a_place_that_cannot_be_written_is_the_persons_matter(
    command: list[str],
    make: Callable[[Path], Path],
    said: str,
    state: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(state, *command, make(tmp_path)) == 1
    error = capsys.readouterr().err
    assert f"{command[-1]}" in error
    assert said in error
    assert "write somewhere else" in error or "add a file name" in error
    assert "restart" not in error


def test_nothing_is_imported_where_the_rejects_cannot_be_kept(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = len(list(read_entries(state / "ledger")))
    wrong = ("--accept-valid", "--rejects", tmp_path / "no" / "r.csv")
    assert run(state, "contacts", "import", tmp_path / "broken.csv", *wrong) == 1
    assert "--rejects" in capsys.readouterr().err
    assert len(list(read_entries(state / "ledger"))) == rows


def test_a_write_that_fails_is_not_the_boxs_storage(tmp_path: Path) -> None:
    told = argparse.Namespace(config=sample_config(), state=tmp_path / "state")
    with pytest.raises(Refused, match="File name too long") as caught:
        write_target(told, "--out", tmp_path / ("n" * 300), b"x")
    assert "somewhere else" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []
    check_target(told, "--out", None)


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"seq": 1}', "\xff"])
def test_what_is_no_anchor_is_named(
    text: str, state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anchor = tmp_path / "page.anchor"
    anchor.write_bytes(text.encode("latin-1"))
    assert run(state, "ledger", "verify", "--anchor", anchor) == 1
    error = capsys.readouterr().err
    assert f"{anchor} holds no anchor; give the .anchor file" in error
    assert "Error(" not in error


def test_an_anchor_that_is_not_there_is_named(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(state, "ledger", "verify", "--anchor", tmp_path / "gone") == 1
    assert f"{tmp_path / 'gone'}: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["112", "+33 112", "15"])
def test_an_emergency_number_that_is_asked_about_has_no_row(
    number: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(state, "why", number) == 1
    error = capsys.readouterr().err
    assert "emergency" in error
    assert "row" not in error


@pytest.mark.parametrize("option", ["--log", "--link"])
def test_a_simulation_names_the_place_it_cannot_write(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    wrong = tmp_path / "file" / "x"
    assert main(["simulate", option, str(wrong)]) == 1
    error = capsys.readouterr().err
    assert f"simulate: {wrong}: Not a directory; choose another place" in error
    assert "Errno" not in error
