"""What ``autodialer stop`` says of a stop that could not be carried out in full."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from appliance.cli import running, stopping
from appliance.cli.main import main
from firmware.supervisor.plan import Notes
from firmware.supervisor.process import Supervisor

GONE = {"line": "line-1", "port": "/dev/ttyUSB2", "in_call": False}


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"unreached": []}, 0, "every line is muted"),
        ({}, 0, "every line is muted"),  # a box of an earlier version
        ({"unreached": [GONE]}, 0, "line-1: no hang-up could be written.*cut its supply"),
        ({"unreached": [GONE | {"in_call": True}]}, 1, "CUT THE MODEM'S SUPPLY"),
        ({"recorded": False, "unreached": [GONE]}, 1, "every other line.*write the latch down"),
    ],
)
def test_stop_says_what_it_could_not_do(
    answer: dict[str, Any],
    code: int,
    said: str,
    mocker: MockerFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mocker.patch.object(stopping, "ask_running", return_value={"stopped": True, **answer})
    assert running.run(argparse.Namespace(json=False, command="stop", state=Path())) == code
    told = capsys.readouterr()
    assert re.search(said, told.out + told.err)


@contextlib.contextmanager
def supervisor(place: Path) -> Iterator[Path]:
    """A supervisor whose box is gone, and with it its lines."""
    watch = Supervisor(place / "run", place / "state")
    watch.start()
    over = threading.Event()

    def turn() -> None:
        while not over.is_set():
            watch._turn()

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield place / "run"
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("text", ["box: [\n", "box: {}\n", None])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_torn_configuration_keeps_nobody_from_stopping(
    text: str | None,
    as_json: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The box runs by the one that it was started with; its supervisor can be told."""
    file = tmp_path / "config.yaml"
    if text is not None:
        file.write_text(text)
    words = ["--config", str(file), "stop", *(["--json"] if as_json else [])]
    with supervisor(tmp_path) as run:
        assert main(words) == 2, "it may be another box's"
        assert Notes(tmp_path / "state").latched() is None
        capsys.readouterr()
        monkeypatch.setenv("AUTODIALER_SUPERVISOR", str(run))
        assert main(words) == 0
        told = capsys.readouterr()
        deadline = time.monotonic() + 20
        while Notes(tmp_path / "state").latched() != "command":
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert "config.yaml" in told.err
    if as_json:
        assert json.loads(told.out) == {"stopped": True, "running": False, "silent": True}
    else:
        assert "the supervisor has taken the stop and latched it" in told.out
