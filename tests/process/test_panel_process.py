"""A running box at its panel: a reset by a long hold, and a folder that it takes between calls."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.box import wiring
from appliance.cli import panel as panel_command
from appliance.cli.main import main
from tests.support.box_process import Bench, bench, wait_for
from tests.support.provisioning import make_key

__all__ = ["bench"]

pytestmark = pytest.mark.process


def press(bench: Bench, button: str) -> None:
    from argparse import Namespace

    from appliance.cli.session import ask_running

    at = Namespace(config=bench.stage.config, state=bench.stage.state)
    ask_running(at, "panel", {"press": button})


def test_five_seconds_of_start_undo_a_stop_and_a_short_press_does_not(bench: Bench) -> None:
    bench.people()
    bench.start_modems()
    bench.start_box()
    wait_for(lambda: bench.status()["running"])
    press(bench, "stop")
    wait_for(lambda: bench.status()["stopped"])
    press(bench, "start-reset")
    press(bench, "stop-release")
    wait_for(lambda: not bench.status()["stop_contact_open"])
    press(bench, "start")
    assert bench.status()["stopped"]
    wait_for(lambda: bench.status()["stopped"] and _held(bench), 40)
    assert bench.rows("stop.reset") == [{"by": "panel", "reason": "start held for five seconds"}]


def _held(bench: Bench) -> bool:
    """Hold the button anew until the box has seen it: the first press began under the stop."""
    press(bench, "start-reset")
    try:
        wait_for(lambda: not bench.status()["stopped"], 12)
    except AssertionError:
        return False
    return True


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs openssh-client")
def test_a_running_box_goes_on_with_the_configuration_of_a_stick(
    bench: Bench, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "office")
    settings: dict[str, Any] = yaml.safe_load(bench.stage.config.read_text())
    settings["provisioning"] = {"trusted": [key]}
    # Scalars keep their quotes: numbers and times without them are refused.
    bench.stage.config.write_text(yaml.safe_dump(settings, default_style='"', sort_keys=False))
    bench.stage.config.write_text(_plain(bench.stage.config.read_text()))
    bench.people()
    bench.start_modems()
    bench.start_box()
    folder = tmp_path / "stick" / "autodialer"
    folder.mkdir(parents=True)
    text = bench.stage.config.read_text().replace('"demo-box"', '"box-2"')
    (folder / "config.yaml").write_text(text)
    (folder / "withdrawals.txt").write_text("+33639980077\n")
    refused = bench.run("provision", "apply", folder.parent)
    assert refused.returncode == 1, refused.stdout
    assert "not signed" in (folder / "RESULT.txt").read_text()
    wait_for(lambda: bench.status()["lamps"]["fault"] == "1 long, 1 short")
    assert bench.run("provision", "pack", folder, "--key", tmp_path / "office").returncode == 0
    taken = bench.run("provision", "apply", folder.parent)
    assert taken.returncode == 0, taken.stdout + taken.stderr
    # Between its two lives nobody answers.
    wait_for(lambda: '"box": "box-2"' in bench.run("status", "--json").stdout, 40)
    assert bench.status()["lamps"]["ready"] == "3 flashes"
    (row,) = bench.rows("provision.applied")
    assert row["config"]
    assert row["key"].startswith("SHA256:")
    assert bench.rows("provision.refused")[0]["reasons"] == ["unsigned"]
    assert len(bench.rows("consent.revoked")) == 2, "refused or not"


def _plain(text: str) -> str:
    """Take the tags and quotes off what is no text."""
    import re

    return re.sub(r'!!(?:bool|int|float|null) "([^"]*)"', r"\1", text)


class Walk:
    """Whoever stands before the panel while ``panel test`` asks: sees lamps, presses buttons."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, dark: str = "", dead: str = "") -> None:
        self.dark, self.dead = dark, dead
        self.panel: Any = None
        self.asked: list[str] = []
        opened = wiring.open_panel

        def open_it(*arguments: Any, **more: Any) -> Any:
            self.panel = opened(*arguments, **more)
            return self.panel

        monkeypatch.setattr(wiring, "open_panel", open_it)
        monkeypatch.setattr("builtins.input", self.look)
        monkeypatch.setattr(panel_command, "_came", self.press)
        monkeypatch.setattr(panel_command, "PRESS_WITHIN", 3.0)

    def look(self, question: str) -> str:
        self.asked.append(question)
        return "n" if self.dark and self.dark in question else "y"

    def press(self, seen: Any, wanted: type[object]) -> bool:
        name = wanted.__name__
        if name != self.dead:
            {
                "StartPressed": lambda: self.panel.press_start(0.3),
                "StopRaised": self.panel.press_stop,
                "StopReleased": self.panel.release_stop,
            }[name]()
        return CAME(seen, wanted)


CAME = panel_command._came


@pytest.mark.parametrize(
    ("dark", "dead", "failed"),
    [
        ("", "", ""),
        ("fault", "", "lamp fault"),
        ("", "StartPressed", "start"),
        ("call", "StartPressed", "lamp call, start"),
    ],
)
def test_the_walk_through_the_panel_names_what_does_not_work(
    dark: str,
    dead: str,
    failed: str,
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    walk = Walk(monkeypatch, dark=dark, dead=dead)
    code = main(["--config", str(bench.stage.config), "panel", "test"])
    said = capsys.readouterr().out
    assert [
        word for word in ("ready", "line", "call", "fault") if word in " ".join(walk.asked)
    ] == [*("ready", "line", "call", "fault")]
    assert code == (1 if failed else 0)
    assert (f"FAILED: {failed}\n" in said) if failed else ("Every lamp and button works." in said)


def test_the_panel_of_a_running_box_is_its_own(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.people()
    bench.start_box()
    assert main(["--config", str(bench.stage.config), "panel", "test"]) == 1
    assert "systemctl stop autodialer autodialer-supervisor" in capsys.readouterr().err
