"""What each kind of terminal gets of ``watch``, ``demo`` and ``rehearse``, on real ones."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.box_process import LISTENER, Bench, bench, wait_for
from tests.support.terminal import COLOURS, DRAWS, RESTORED, at_a_terminal

__all__ = ["bench"]
pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("term", "env", "coloured"),
    [("xterm-256color", {}, True), ("xterm-256color", {"NO_COLOR": "1"}, False)],
)
def test_watch_draws_where_it_can_and_without_colour_where_that_is_wished(
    bench: Bench, term: str, env: dict[str, str], coloured: bool
) -> None:
    bench.start_box()
    config = ("--config", bench.stage.config)
    shown = at_a_terminal(*config, "watch", term=term, env=env, keys=[("line-1", "q")])
    assert shown.code == 0
    assert DRAWS in shown.raw
    assert RESTORED in shown.raw
    assert bool(COLOURS.search(shown.raw)) is coloured
    assert "line-1" in shown.text


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_watch_prints_lines_where_a_terminal_cannot_draw(bench: Bench, term: str) -> None:
    bench.start_box()
    config = ("--config", bench.stage.config)
    shown = at_a_terminal(*config, "watch", term=term, keys=[("ledger", signal.SIGINT)])
    assert "\x1b" not in shown.raw
    assert "line-1" in shown.text
    assert shown.code == 130


def test_watch_prints_lines_into_a_pipe(bench: Bench) -> None:
    bench.start_box()
    command = [sys.executable, "-m", "appliance.cli.main", "--config", str(bench.stage.config)]
    done = subprocess.run(
        [*command, "watch", "--count", "1"], capture_output=True, text=True, check=True, timeout=50
    )
    assert "\x1b" not in done.stdout
    assert "line-1" in done.stdout


DEMO = ("demo", "--contacts", "6", "--lines", "1", "--speed", "60")


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_demonstration_that_is_broken_off_leaves_the_terminal_and_no_process(
    tmp_path: Path, key: str | int, code: int
) -> None:
    shown = at_a_terminal("--state", tmp_path / "state", *DEMO, keys=[("people called", key)])
    assert shown.code == code, shown.text[-500:]
    assert RESTORED in shown.raw
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in processes.stdout


def test_a_demonstration_goes_on_in_lines_where_its_screen_is_left(tmp_path: Path) -> None:
    shown = at_a_terminal("--state", tmp_path / "state", *DEMO, keys=[("people called", "q")])
    assert shown.code == 0, shown.text[-500:]
    after = shown.raw.rpartition(RESTORED)[2]
    assert "listened" in after
    assert "The demonstration went as it should." in after


def test_keys_reach_the_box_of_a_demonstration(tmp_path: Path) -> None:
    keys = [("people called", "p"), ("Paused.", "s"), ("Started.", "x"), ("latched", "\x03")]
    shown = at_a_terminal("--state", tmp_path / "state", *DEMO, keys=keys)
    assert shown.code == 130
    assert "EMERGENCY STOP" in shown.text


def test_a_dumb_terminal_gets_a_demonstration_in_lines(tmp_path: Path) -> None:
    keys = [("the box starts", signal.SIGTERM)]
    shown = at_a_terminal("--state", tmp_path / "state", *DEMO, term="dumb", keys=keys)
    assert "\x1b" not in shown.raw


def test_the_panel_of_a_bench_box_is_pressed_by_keys(bench: Bench) -> None:
    """Attended mode at a laptop: one press, one call; and a STOP typed with other keys counts."""
    settings = yaml.safe_load(bench.stage.config.read_text())
    settings["campaign"]["mode"] = "attended"
    bench.stage.config.write_text(yaml.safe_dump(settings))
    bench.people({"number": "+33199001234", **LISTENER})
    bench.start_modems()
    bench.start_box()
    wait_for(lambda: any(line["ready"] for line in bench.status()["lines"]))
    shown = at_a_terminal(
        *("--config", bench.stage.config, "panel"),
        keys=[
            ("ready    fast blink", "s"),
            ("call     steady", "zsx"),
            ("( # )  fault", "cq"),
        ],
    )
    assert shown.code == 0, shown.text[-500:]
    assert "(   )  fault" in shown.text
    assert "( # )  fault" in shown.text
    assert len(bench.network("dialled")) == 1
    wait_for(bench.outcomes)
    assert bench.outcomes() == ["stopped"]
    assert bench.status()["stopped"]
    wait_for(lambda: not bench.status()["stop_contact_open"])


def test_the_panel_is_told_in_lines_where_nobody_can_press(bench: Bench) -> None:
    bench.people()
    bench.start_box()
    done = bench.run("panel")
    assert done.returncode == 0
    assert "fault" in done.stdout
    assert "\x1b" not in done.stdout
