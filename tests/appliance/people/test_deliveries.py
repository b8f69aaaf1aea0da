"""Nobody is erased between the box's answer and the file that a command makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from appliance.box.box import Box
from appliance.box.state import BoxState
from appliance.cli import delivery, output
from appliance.cli.main import main
from appliance.config import load as configuration
from appliance.config.paths import sample_config
from appliance.control.operations import Operations
from appliance.control.protocol import ControlServer
from appliance.effects import Now
from appliance.errors import Refused
from appliance.people import exports as deliveries
from appliance.people.contacts_format import COLUMNS
from appliance.people.exports import Deliveries

NUMBER = "+33639980012"
GOOD = f"{NUMBER},Ada,fr,Europe/Paris,neighbourhood-news,2027-01-05,form,sheet 1,mon 18:00-20:00,"
BROKEN = GOOD.replace("sheet 1", "")
FILE = "\n".join([",".join(COLUMNS), GOOD, BROKEN]).encode()


class Desk:
    """A box in this process that answers over its socket, and a clock that the test moves."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.seconds = 0.0
        loaded = replace(configuration.load(sample_config()), state=directory)
        self.state = BoxState.open(directory)
        self.operations = Operations(Box(loaded, self.state, self.now))
        self.operations._people._deliveries = Deliveries(lambda: self.seconds)
        self.contents = FILE
        self.ask("contacts.import", contents=self.contents, accept_valid=True)
        self.server = ControlServer(directory, self.operations.perform)
        self.server.start()

    def now(self) -> Now:
        at = datetime(2027, 3, 9, 17, tzinfo=UTC)
        return Now(monotonic=0.0, utc=at, trusted=True, source="test")

    def ask(self, operation: str, **arguments: Any) -> Any:
        return self.operations.perform(operation, arguments)

    def close(self) -> None:
        self.server.close()
        self.state.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "state")
    yield desk
    desk.close()


def test_a_file_is_awaited_until_it_is_written_or_late() -> None:
    seconds = 0.0
    awaited = Deliveries(lambda: seconds)
    awaited.begin("a")
    assert awaited.under_way() == "a"
    assert awaited.end("a")
    assert awaited.under_way() is None
    assert not awaited.end("a")
    awaited.begin("b")
    seconds = deliveries.WITHIN
    assert awaited.under_way() is None
    assert not awaited.end("b")


@pytest.mark.parametrize(
    ("operation", "option"),
    [("contacts.export", "out"), ("dossier", "out"), ("contacts.import", "rejects")],
)
def test_an_erasure_waits_for_the_file(
    operation: str, option: str, desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    desk.ask(operation, number=NUMBER, contents=desk.contents, **{option: str(path)})
    with pytest.raises(Refused, match=f"the writing of {path} is under way"):
        desk.ask("contacts.erase", number=NUMBER)
    path.write_text(f"number\n{NUMBER}\n")

    assert desk.ask("delivered", path=str(path)) == {"in_time": True}

    files = desk.ask("contacts.erase", number=NUMBER)["files"]
    assert [*files["rewritten"], *files["removed"]] == [str(path)]


def test_no_dossier_is_begun_beside_what_takes_long(desk: Desk, tmp_path: Path) -> None:
    """It may be an erasure of many people, which has looked for files on their way already."""
    job = desk.operations.begin("contacts.import", {"contents": desk.contents})
    assert not job.step()
    with pytest.raises(Refused, match="an import is under way"):
        desk.ask("dossier", number=NUMBER, out=str(tmp_path / "file"))
    job.abandon()
    desk.ask("dossier", number=NUMBER, out=str(tmp_path / "file"))


CONFIG = str(sample_config())

COMMANDS = {
    "export": ["contacts", "export", "--out"],
    "dossier": ["dossier", NUMBER, "--out"],
    "rejects": ["contacts", "import", "people.csv", "--accept-valid", "--rejects"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
def test_no_command_keeps_a_file_with_somebody_who_was_erased_meanwhile(
    late: bool,
    command: list[str],
    desk: Desk,
    tmp_path: Path,
    mocker: MockerFixture,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write = output.write_target
    path = tmp_path / "file"

    def erased_before(*told: Any) -> None:
        desk.seconds += deliveries.WITHIN if late else 1
        if late:
            desk.ask("contacts.erase", number=NUMBER)
        else:
            with pytest.raises(Refused, match="under way"):
                desk.ask("contacts.erase", number=NUMBER)
        write(*told)

    mocker.patch.object(delivery, "write_target", erased_before)
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_bytes(FILE)

    code = main(["--config", CONFIG, "--state", str(desk.directory), *command, str(path)])

    told = capsys.readouterr().err
    if late:
        assert code == 1
        assert "not kept" in told
        assert not path.exists()
    else:
        assert code == 0, told
        assert NUMBER in path.read_text().replace(" ", "")
        desk.ask("contacts.erase", number=NUMBER)
        assert not path.exists() or NUMBER not in path.read_text().replace(" ", "")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_without_a_box_the_state_stays_locked_until_the_file_is_there(
    command: list[str],
    desk: Desk,
    tmp_path: Path,
    mocker: MockerFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk.close()
    locked = mocker.patch.object(
        delivery, "write_target", side_effect=lambda *_: BoxState.open(desk.directory)
    )
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_bytes(FILE)
    assert (
        main(["--config", CONFIG, "--state", str(desk.directory), *command, str(tmp_path / "file")])
        == 1
    )
    locked.assert_called_once()
    BoxState.open(desk.directory).close()


def test_a_file_that_cannot_be_written_keeps_no_erasure_waiting(
    desk: Desk, tmp_path: Path, mocker: MockerFixture
) -> None:
    mocker.patch.object(delivery, "write_target", side_effect=Refused("no room"))
    path = tmp_path / "file"
    assert (
        main(
            [
                "--config",
                CONFIG,
                "--state",
                str(desk.directory),
                "contacts",
                "export",
                "--out",
                str(path),
            ]
        )
        == 1
    )
    desk.ask("contacts.erase", number=NUMBER)
