"""The box that nobody has configured yet: what it shows, and what ends its wait."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from appliance.box import provisioned
from appliance.box.lamps import waiting_lamps
from appliance.box.provisioned import Provisioned
from appliance.cli.main import main
from appliance.config import unconfigured
from appliance.config.unconfigured import is_unconfigured
from appliance.daemon.waiting import DataMissing, Waiting
from appliance.errors import Refused
from appliance.screen.status import as_text
from firmware.gpio.lamp import Blink, Flashes, Lamp
from tests.appliance.daemon.test_starts import Stay

PACKAGED = Path(__file__).parents[3] / "debian" / "config.yaml"


class Wait(Stay):
    """A box that waits, on a thread."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.file.unlink()
        self.safe = Waiting(self.file, state=self.state, supervisor=None)


def link_to_nowhere(file: Path) -> None:
    file.symlink_to("provisioned/0001-aaaaaaaaaaaa/config.yaml")


@pytest.mark.parametrize(
    ("make", "waits"),
    [
        (lambda _: None, True),
        (lambda file: file.write_text(""), True),
        (lambda file: file.write_text(" \n\n"), True),
        (lambda file: file.write_bytes(PACKAGED.read_bytes()), True),
        (
            lambda file: file.write_bytes(
                PACKAGED.read_bytes().replace(b"WRITE-THE-PURPOSE", b"news")
            ),
            False,
        ),
        (lambda file: file.write_text("box: [\n"), False),
        (link_to_nowhere, False),
        (lambda file: file.mkdir(), False),
    ],
    ids=["none", "empty", "blank", "as packaged", "half written", "torn", "lost", "a folder"],
)
def test_who_waits(tmp_path: Path, make: Any, *, waits: bool) -> None:
    """Whoever has begun to configure a box is told what is wrong, not that nothing is there."""
    make(tmp_path / "config.yaml")
    assert is_unconfigured(tmp_path / "config.yaml") is waits


def test_the_wait_has_a_pattern_of_its_own_and_a_refused_folder_another() -> None:
    dark = {Lamp.READY: Blink.OFF, Lamp.LINE: Blink.OFF, Lamp.CALL: Blink.OFF}
    assert waiting_lamps(refused=False) == {**dark, Lamp.FAULT: Flashes(2, long=1)}
    assert waiting_lamps(refused=True) == {**dark, Lamp.FAULT: Flashes(1, long=1)}


def test_a_waiting_box_says_so_calls_nobody_and_keeps_a_stop(tmp_path: Path) -> None:
    wait = Wait(tmp_path)
    told: list[dict[str, Any]] = []

    def act() -> None:
        told.append(wait.ask("status"))
        with pytest.raises(Refused, match="no configuration yet and calls nobody"):
            wait.ask("resume")
        assert wait.ask("stop")["stopped"]
        provisioned.save(wait.state, Provisioned(verdict="refused", reasons=("config",)))
        told.append(wait.ask("status"))
        os.kill(os.getpid(), signal.SIGTERM)

    wait.meanwhile(act)
    assert wait.again is False
    assert "WAITING, nobody is called" in as_text(told[0])
    assert [one["code"] for one in told[0]["faults"]] == ["unconfigured"]
    assert told[0]["lamps"]["fault"] == "1 long, 2 short"
    assert told[1]["lamps"]["fault"] == "1 long, 1 short"


def test_a_configuration_that_appears_ends_the_wait(tmp_path: Path) -> None:
    wait = Wait(tmp_path)

    def act() -> None:
        wait.ask("status")
        wait.file.write_text("box: {}\n")

    wait.meanwhile(act)
    assert wait.again is True


def test_the_panel_of_a_waiting_box_is_the_one_of_the_field_guide(tmp_path: Path) -> None:
    pins = Wait(tmp_path).safe._pins()
    assert pins is not None
    assert (pins.ready, pins.line, pins.call, pins.fault) == (17, 27, 22, 23)
    assert (pins.start, pins.stop) == (5, 6)


def test_a_card_without_its_data_is_no_new_box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would take a first configuration, and call whoever objected before."""
    missing = tmp_path / "data-missing"
    monkeypatch.setattr(unconfigured, "MISSING", missing)
    assert is_unconfigured(tmp_path / "config.yaml")
    missing.touch()
    assert not is_unconfigured(tmp_path / "config.yaml")
    wait = Wait(tmp_path)
    wait.safe = DataMissing(wait.file, state=wait.state, supervisor=None)
    told: list[dict[str, Any]] = []

    def act() -> None:
        told.append(wait.ask("status"))
        with pytest.raises(Refused, match="people and objections are not known"):
            wait.ask("resume")
        os.kill(os.getpid(), signal.SIGTERM)

    wait.meanwhile(act)
    assert told[0]["lamps"]["fault"] == "1 flash"
    assert "data partition" in told[0]["safe_mode"]
    assert "data partition" in as_text(told[0])


@pytest.mark.parametrize("lost", [False, True])
def test_the_command_stays_until_it_is_told_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, lost: bool
) -> None:
    missing = tmp_path / "data-missing"
    monkeypatch.setattr(unconfigured, "MISSING", missing)
    if lost:
        missing.touch()
    config = tmp_path / "config.yaml"
    begun: list[str] = []

    def run(stay: Waiting) -> bool:
        begun.append(type(stay).__name__)
        return len(begun) < 2  # Start was pressed once, then the service ends.

    monkeypatch.setattr(Waiting, "run", run)
    starts = str(tmp_path / "starts.json")
    assert main(["--config", str(config), "run", "--starts", starts]) == 0
    assert begun == ["DataMissing" if lost else "Waiting"] * 2
    assert not Path(starts).exists(), "nothing has failed"
