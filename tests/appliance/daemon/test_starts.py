"""How failed starts are counted, and what a box in safe mode still does."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from appliance.box.lamps import safe_mode_lamps
from appliance.control.protocol import ControlClient
from appliance.daemon import starts as module
from appliance.daemon.safe_mode import PINS, SafeMode
from appliance.daemon.starts import MOST, WORDLESS, Starts, default_file
from appliance.errors import NobodyListens, Refused
from appliance.screen.status import as_text
from firmware.gpio.lamp import Blink, Lamp
from firmware.supervisor.plan import Notes, Plan


def test_each_failed_start_waits_longer_and_the_third_holds(tmp_path: Path) -> None:
    starts = Starts(tmp_path / "starts.json")
    pauses = []
    for number in range(MOST):
        assert starts.held() is None
        pauses.append(starts.pause())
        starts.begin()
        starts.failed(f"config.yaml:3:1: fault {number}\n  more")
    assert pauses == [0.0, 5.0, 15.0]
    assert starts.held() == "config.yaml:3:1: fault 2 more"


def test_a_start_that_is_killed_has_failed(tmp_path: Path) -> None:
    for _ in range(MOST):
        Starts(tmp_path / "starts.json").begin()
    assert Starts(tmp_path / "starts.json").held() == WORDLESS


def test_a_start_that_went_well_forgets_the_others(tmp_path: Path) -> None:
    starts = Starts(tmp_path / "starts.json")
    for _ in range(MOST):
        starts.begin()
    starts.succeeded()
    assert starts.failures() == []
    starts.succeeded()


def test_what_is_an_hour_old_counts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 10_000.0
    monkeypatch.setattr(module, "_now", lambda: now)
    starts = Starts(tmp_path / "starts.json")
    for _ in range(MOST):
        starts.begin()
    now += 3601.0
    assert starts.held() is None
    now = 5.0  # another boot
    assert starts.failures() == []


@pytest.mark.parametrize("text", ["", "{", "[1]", '[["x", 1]]', "[[1]]", "null", "[" * 9000])
def test_a_damaged_record_damps_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "starts.json"
    file.write_text(text)
    starts = Starts(file)
    assert starts.held() is None
    starts.begin()
    assert starts.failures() == [WORDLESS]


def test_a_record_that_cannot_be_written_keeps_no_box_from_starting(tmp_path: Path) -> None:
    starts = Starts(tmp_path / "nowhere" / "starts.json")
    starts.begin()
    starts.failed("x")
    starts.succeeded()


def test_the_record_lies_in_the_managers_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/autodialer:/run/other")
    assert default_file() == Path("/run/autodialer/starts.json")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert default_file() is None


def test_safe_mode_has_a_pattern_of_its_own_that_nothing_hides() -> None:
    assert safe_mode_lamps() == {
        Lamp.READY: Blink.OFF,
        Lamp.LINE: Blink.OFF,
        Lamp.CALL: Blink.OFF,
        Lamp.FAULT: Blink.SLOW,
    }


class Stay:
    """A box in safe mode, on a thread, whose configuration cannot be read."""

    def __init__(self, place: Path) -> None:
        self.file = place / "config.yaml"
        self.file.write_text("box: [\n")
        self.state = place / "state"
        self.state.mkdir()
        self.safe = SafeMode(self.file, "config.yaml:1: torn", state=self.state, supervisor=None)
        self.again: bool | None = None

    def ask(self, operation: str) -> Any:
        deadline = time.monotonic() + 10
        while True:
            try:
                with ControlClient(self.state) as client:
                    return client.ask(operation)
            except NobodyListens:
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def meanwhile(self, act: Any) -> None:
        """Stay on this thread, which gets the signals, while *act* runs on another."""
        failed: list[BaseException] = []

        def acting() -> None:
            try:
                act()
            except BaseException as error:  # noqa: BLE001
                failed.append(error)
                os.kill(os.getpid(), signal.SIGTERM)

        other = threading.Thread(target=acting)
        other.start()
        self.again = self.safe.run()
        other.join()
        if failed:
            raise failed[0]


def test_a_box_in_safe_mode_answers_and_keeps_a_stop(tmp_path: Path) -> None:
    stay = Stay(tmp_path)
    told: dict[str, Any] = {}

    def act() -> None:
        told.update(stay.ask("status"))
        with pytest.raises(Refused, match=r"safe mode and calls nobody.*torn"):
            stay.ask("resume")
        assert stay.ask("stop")["stopped"]
        os.kill(os.getpid(), signal.SIGTERM)

    stay.meanwhile(act)
    assert stay.again is False
    assert "SAFE MODE" in as_text(told)
    assert "torn" in as_text(told)
    assert json.loads(json.dumps(told))["safe_mode"] == "config.yaml:1: torn"
    assert Notes(stay.state).latched() == "command"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("box: [\n", "managers"),
        ("", "managers"),
        ("box: {}\n", "managers"),
        ("box: {state: own}\nlaw: [\n", "managers"),
        ("box: {state: own}\nlaw: 1\n", "own"),
    ],
)
def test_a_torn_configuration_leaves_the_managers_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    """The unit names no state; without one no command is answered and no lamp is lit."""
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / 'managers'}:{tmp_path / 'other'}")
    file = tmp_path / "config.yaml"
    file.write_text(text)
    panel: dict[str, int | None] = {n: pin for pin, n in enumerate(PINS) if n != "stop"}
    for folder in ("managers", "own"):
        Notes(tmp_path / folder).release()
        Notes(tmp_path / folder).save_plan(Plan(panel=panel, stop_pin=6, simulated=True))
    safe = SafeMode(file, "torn", state=None, supervisor=None)
    assert safe._state == tmp_path / named
    pins = safe._pins()
    assert pins is not None
    assert (pins.fault, pins.start, pins.stop) == (3, 5, 6)


def test_a_mended_configuration_file_ends_it(tmp_path: Path) -> None:
    stay = Stay(tmp_path)

    def act() -> None:
        stay.ask("status")
        stay.file.write_text("box: {}\n")

    stay.meanwhile(act)
    assert stay.again is True
