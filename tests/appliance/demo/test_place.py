"""A demonstration begins on a directory of its own and removes nothing that it did not leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.config.paths import sample_config
from appliance.demo.place import clear, own_place, seal, why_not
from appliance.demo.processes import Stage
from appliance.errors import Refused
from appliance.storage.files import StateInUse, StateLock


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A demonstration that is over."""
    stage = Stage(tmp_path / "state-demo")
    clear(stage)
    (stage.state / "ledger").mkdir()
    (stage.state / "ledger" / "0000000001.jsonl").write_text("a row\n")
    stage.contacts.write_text("invented\n")
    stage.links.mkdir()
    (stage.links / "line-1.at").symlink_to("/dev/pts/99")
    seal(stage)
    return stage


def test_the_next_demonstration_takes_the_place_of_the_last(stage: Stage) -> None:
    assert why_not(stage.state) is None
    clear(stage)
    left = [path for path in stage.state.rglob("*") if path.is_file() and path.name != "lock"]
    assert left == []
    assert stage.directory.is_dir()


def relink(link: Path) -> None:
    link.unlink()
    link.symlink_to("/dev/pts/98")


CHANGES: dict[str, Callable[[Stage], object]] = {
    "a row more": lambda s: (s.state / "ledger" / "0000000001.jsonl").write_text("a row\nmore\n"),
    "a row less": lambda s: (s.state / "ledger" / "0000000001.jsonl").unlink(),
    "a segment more": lambda s: (s.state / "ledger" / "0000000002.jsonl").write_text("more\n"),
    "a file in it": lambda s: (s.state / "notes.txt").write_text("mine\n"),
    "an empty file": lambda s: (s.directory / "notes.txt").write_text(""),
    "a link in it": lambda s: (s.state / "notes.txt").symlink_to("/etc/hostname"),
    "a folder that is a link": lambda s: (s.state / "more").symlink_to(s.directory),
    "another link": lambda s: relink(s.links / "line-1.at"),
    "another list": lambda s: s.contacts.write_text("people of my own\n"),
    "no seal": lambda s: (s.directory / "left-behind.json").unlink(),
    "a seal that says nothing": lambda s: (s.directory / "left-behind.json").write_text("{}"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_where_somebody_worked_since_nothing_is_removed(change: str, stage: Stage) -> None:
    CHANGES[change](stage)
    before = {p: p.read_bytes() for p in stage.state.rglob("*") if p.is_file() and p.name != "lock"}
    with pytest.raises(Refused) as refused:
        clear(stage)
    assert "name another directory" in refused.value.remedy
    assert {path: path.read_bytes() for path in before} == before
    # By itself it goes to the next place.
    state = stage.state.with_name("state")
    assert own_place(state).name == "state-demo-2"


def test_a_place_in_use_is_left_alone(stage: Stage) -> None:
    with StateLock.acquire(stage.state):
        with pytest.raises(StateInUse):
            why_not(stage.state)
        assert own_place(stage.state.with_name("state")).name == "state-demo-2"


@pytest.mark.parametrize("kind", ["file", "link", "link to nothing"])
def test_a_place_that_is_no_directory_is_left_alone(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "state-demo"
    if kind == "file":
        place.write_text("mine\n")
    else:
        place.symlink_to(tmp_path if kind == "link" else tmp_path / "none")
    assert why_not(place) == "is no directory"
    assert own_place(tmp_path / "state").name == "state-demo-2"


def test_what_commands_remember_of_other_files_stays(stage: Stage) -> None:
    (stage.state / "written.jsonl").write_text("{}\n")
    assert why_not(stage.state) is None
    clear(stage)
    assert (stage.state / "written.jsonl").exists()


def test_a_configuration_that_calls_people_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = sample_config().read_text(encoding="utf-8")
    text = text.replace("audio/", f"{sample_config().parent}/audio/")
    for own in ("    bench: true", "  simulated: true", "  simulated_start", "  speed"):
        text = "\n".join(row for row in text.split("\n") if not row.startswith(own))
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    assert main(["--config", str(tmp_path / "config.yaml"), "demo", "--plain"]) == 1
    assert "is not a bench configuration" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_one_real_line_among_simulated_ones_is_enough_to_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = sample_config().read_text(encoding="utf-8")
    text = text.replace("audio/", f"{sample_config().parent}/audio/")
    for own in ("  simulated: true", "  simulated_start", "  speed"):
        text = "\n".join(row for row in text.split("\n") if not row.startswith(own))
    end = "    incoming: answer\n\npanel"
    text = text.replace(f"    bench: true\n{end}", end)
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    assert main(["--config", str(tmp_path / "config.yaml"), "demo", "--plain"]) in (1, 2)
    assert not (tmp_path / "state-demo").exists()
