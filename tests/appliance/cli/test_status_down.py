"""A box that is down tells whether its stop is latched, whatever its configuration says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.box.latch import stop_stands
from appliance.cli.main import main
from appliance.config import unconfigured
from appliance.config.paths import sample_config
from appliance.daemon.safe_mode import SafeMode
from appliance.screen.status import as_text
from firmware.supervisor.plan import Notes

ROOT = Path(__file__).parents[3]


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with a configuration and a state whose stop is latched in the ledger."""
    sample = sample_config()
    shutil.copy(sample, tmp_path / "config.yaml")
    (tmp_path / "audio").symlink_to(sample.parent / "audio")
    people = tmp_path / "people.csv"
    people.write_text(
        "number,timezone,purpose,consent_given_at,consent_source,consent_evidence,windows\n"
        "+33639980001,Europe/Paris,neighbourhood-news,2027-01-15,web,form 1,mon-fri 18:00-20:00\n"
    )
    config = str(tmp_path / "config.yaml")
    assert main(["--config", config, "contacts", "import", str(people)]) == 0
    assert main(["--config", config, "stop"]) == 0
    capsys.readouterr()
    return tmp_path


def unknown_key(file: Path) -> None:
    file.write_text(file.read_text() + "\nnonsense: 1\n")


def not_yaml(file: Path) -> None:
    file.write_text(file.read_text() + "\nlines: [\n")


def wrong_value(file: Path) -> None:
    file.write_text(file.read_text().replace("profile: fr", "profile: atlantis"))


def no_clips(file: Path) -> None:
    (file.parent / "audio").unlink()


BROKEN = [unknown_key, not_yaml, wrong_value, no_clips]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda change: change.__name__)
@pytest.mark.parametrize("stopped", [True, False])
def test_the_latch_is_told_beside_every_fault(
    place: Path,
    broken: Callable[[Path], None],
    stopped: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = place / "config.yaml"
    if not stopped:
        assert main(["--config", str(config), "reset", "--by", "Ada", "--reason", "drill"]) == 0
    broken(config)
    capsys.readouterr()
    assert main(["--config", str(config), "status"]) == 2
    told = capsys.readouterr()
    assert ("the emergency stop is latched" in told.out) is stopped
    assert ("the emergency stop is released" in told.out) is not stopped
    assert "config.yaml:" in told.err
    assert main(["--config", str(config), "status", "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["stopped"] is stopped
    assert answer["running"] is False
    assert answer["faults"]
    assert answer["error"]


def test_a_stop_that_no_ledger_has_yet_counts(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = place / "config.yaml"
    assert main(["--config", str(config), "reset", "--by", "Ada", "--reason", "drill"]) == 0
    Notes(place / "state").latch("button")
    unknown_key(config)
    assert main(["--config", str(config), "status"]) == 2
    assert "the emergency stop is latched" in capsys.readouterr().out


def test_a_state_that_cannot_be_read_is_taken_for_stopped(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown_key(place / "config.yaml")
    (segment,) = (place / "state" / "ledger").glob("*.jsonl")
    segment.write_text("nonsense\n" + segment.read_text())
    assert stop_stands(place / "state") is None
    assert main(["--config", str(place / "config.yaml"), "status"]) == 2
    assert "take it for latched" in capsys.readouterr().out


def test_where_the_state_is_cannot_be_told_the_faults_alone_are_the_answer(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = place / "config.yaml"
    config.write_text("lines: [\n")
    assert main(["--config", str(config), "status"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "config.yaml:" in told.err
    unknown_key(config)
    shutil.rmtree(place / "state")
    assert main(["--config", str(config), "status"]) == 2


def test_safe_mode_shows_a_stop_that_only_the_ledger_has(place: Path) -> None:
    """Its own note is empty: the stop was recorded while the box still ran."""
    state = place / "state"
    assert Notes(state).latched() is None
    safe = SafeMode(place / "config.yaml", "config.yaml:1: torn", state=state, supervisor=None)
    status = safe._status()
    assert status["stopped"] is True
    assert "STOP     the emergency stop is latched" in as_text(status)


@pytest.mark.parametrize(
    "command", [["status"], ["status", "--json"], ["doctor"], ["contacts", "list"]]
)
def test_a_card_that_lost_its_data_says_that_and_nothing_else(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its root's own sample is no faulty configuration, and no start of the box would help."""
    missing = tmp_path / "data-missing"
    missing.touch()
    monkeypatch.setattr(unconfigured, "MISSING", missing)
    config = tmp_path / "config.yaml"
    config.write_text((ROOT / "debian/config.yaml").read_text())
    (tmp_path / "state").mkdir()
    arguments = ["--config", str(config), "--state", str(tmp_path / "state"), *command]
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert "data partition" in said.out + said.err
    assert "systemctl start" not in said.out + said.err
    assert "WRITE-THE" not in said.out + said.err
