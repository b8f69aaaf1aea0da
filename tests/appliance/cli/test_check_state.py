"""``check --with-state``: what a start would find, beside a running box too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.box.state import BoxState
from appliance.cli.main import main

WRITTEN = Path(__file__).parents[2] / "fixtures" / "state-of-2026-11"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    copy = tmp_path / "state"
    shutil.copytree(WRITTEN, copy)
    (copy / "README.md").unlink()
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return copy


def seen(state: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(state)): path.read_bytes()
        for path in sorted(state.rglob("*"))
        if path.is_file()
    }


def ask(state: Path, *words: str) -> int:
    return main(["--state", str(state), "check", "--with-state", *words])


def test_an_earlier_versions_state_opens_and_stays_as_it_is(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = seen(state)
    assert ask(state) == 0
    assert "the state opens: 90 rows, " in capsys.readouterr().out
    assert seen(state) == before


def test_it_answers_beside_a_box_that_has_the_state(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = BoxState.open(state)
    try:
        rows = running.ledger.head[0]
        before = seen(state)
        assert ask(state, "--json") == 0
        assert json.loads(capsys.readouterr().out)["opened"]["rows"] == rows
        assert seen(state) == before
    finally:
        running.close()


def test_a_box_that_has_no_state_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(tmp_path / "none") == 0
    assert "no state yet" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


def _damaged_row(state: Path) -> None:
    segment = next((state / "ledger").glob("*.jsonl"))
    text = segment.read_text()
    segment.write_text(text[:40] + "X" + text[41:])
    # Without a checkpoint the damaged row is read, as it is where the checkpoint is older.
    (state / "checkpoint.json").unlink()


def _foreign_key(state: Path) -> None:
    (state / "number.key").write_bytes(bytes(range(32)))


def _from_the_future(state: Path) -> None:
    for file in (state / "registry").iterdir():
        file.write_text('{"format": 999}\n')


@pytest.mark.parametrize("harm", [_damaged_row, _foreign_key, _from_the_future])
def test_what_a_start_would_refuse_is_refused(
    harm: Callable[[Path], None],
    state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("appliance.cli.check.BETWEEN", 0.0)
    harm(state)
    before = seen(state)
    assert ask(state) == 1
    assert capsys.readouterr().err.startswith("autodialer: ")
    assert seen(state) == before


def test_a_look_that_met_the_middle_of_a_write_is_taken_again(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (state / "number.key").read_bytes()
    (state / "number.key").unlink()
    monkeypatch.setattr(
        "appliance.cli.check.time.sleep", lambda _: (state / "number.key").write_bytes(whole)
    )
    assert ask(state) == 0
    assert "the state opens" in capsys.readouterr().out


def test_a_library_that_lacks_its_calendars_is_refused(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise FileNotFoundError(2, "No translation file found for domain", "FR")

    monkeypatch.setattr("appliance.cli.check.BETWEEN", 0.0)
    monkeypatch.setattr("appliance.law.calendar._holidays", lost)
    assert ask(state) == 1
    assert "No translation file" in capsys.readouterr().err
