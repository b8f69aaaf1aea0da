"""The bar of a long import: at a terminal alone, and gone when the work is done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.config.paths import sample_config
from appliance.demo.processes import Stage, write_config
from tests.support.box_process import Bench, bench
from tests.support.terminal import at_a_terminal

__all__ = ["bench"]


def contacts(path: Path, count: int, days: range = range(15, 16)) -> Path:
    header = (
        "number,name,language,timezone,purpose,consent_given_at,consent_source,consent_evidence,"
        "windows,valid_until"
    )
    rows = [
        f"+3319900{n:04d},P,fr,Europe/Paris,neighbourhood-news,2027-01-{day},form,form {day},"
        "mon-fri 18:00-20:00,"
        for day in days
        for n in range(count)
    ]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.pty
@pytest.mark.parametrize("term", ["xterm", "dumb", ""])
def test_a_long_import_shows_a_bar_where_the_terminal_can(tmp_path: Path, term: str) -> None:
    stage = Stage(tmp_path)
    stage.directory.mkdir(parents=True)
    write_config(stage, sample_config(), lines=1, speed=1.0)
    # Six consents each: longer than what needs no bar, on any machine.
    file = contacts(stage.contacts, 9000, range(11, 17))
    shown = at_a_terminal(
        "--config", stage.config, "contacts", "import", file, "--dry-run", term=term
    )
    assert shown.code == 0, shown.text
    assert "9000 new people" in shown.text
    assert ("judging" in shown.text and "%" in shown.text) is (term == "xterm")
    assert ("\x1b" in shown.raw) is (term == "xterm")


@pytest.mark.process
def test_a_pipe_gets_no_bar(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.directory.mkdir(parents=True)
    write_config(stage, sample_config(), lines=1, speed=1.0)
    file = contacts(stage.contacts, 9000)
    command = [sys.executable, "-m", "appliance.cli.main", "--config", str(stage.config)]
    done = subprocess.run(
        [*command, "contacts", "import", str(file), "--dry-run", "--json"],
        capture_output=True,
        check=True,
        timeout=50,
    )
    assert done.stderr == b""
    assert b"\x1b" not in done.stdout


@pytest.mark.process
def test_a_running_box_tells_how_far_it_is(bench: Bench) -> None:
    bench.start_box()
    file = contacts(bench.stage.contacts, 9000)
    shares: list[float] = []
    from appliance.control.protocol import ControlClient

    with ControlClient(bench.stage.state) as client:
        answer = client.ask(
            "contacts.import",
            {"file": "people.csv", "contents": file.read_bytes()},
            told=shares.append,
        )
    assert answer["new_people"] == 9000
    assert shares
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0
