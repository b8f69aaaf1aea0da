"""Figures for Prometheus: well-formed, whole, about nobody, and never in another's place."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.daemon.metrics_file import WRITE_EVERY, MetricsFile, write
from appliance.screen.metrics import HEADER, exposition

STATUS: dict[str, Any] = {
    "box": 'no"rth\\\n',
    "mode": "automatic",
    "clock": {"utc": "2027-03-09T17:02:11Z", "trusted": True, "source": "ntp"},
    "stopped": False,
    "paused": True,
    "people": 48,
    "waiting": 31,
    "attempts": 12,
    "outcomes": {"busy": 3, "listened": 7},
    "refusals": {"consent": 4},
    "lines": [
        {"name": "line-1", "ready": True, "call": "telling", "incoming": None, "fault": None},
        {
            "name": "line-2",
            "ready": False,
            "call": None,
            "incoming": None,
            "fault": {"code": "sim_missing"},
        },
    ],
    "faults": [{"code": "line_out"}],
    "messages": {"waiting": 2},
    "ledger": {"seq": 120},
}
# The grammar of the text format, version 0.0.4.
SAMPLE = re.compile(
    r'[a-z_][a-z0-9_]*(?:\{[a-z_]+="(?:[^"\\\n]|\\[\\n"])*"(?:,[a-z_]+="(?:[^"\\\n]|\\[\\n"])*")*\})?'
    r" -?[0-9.e+]+"
)


def test_the_file_is_of_the_format_and_its_names_of_the_conventions() -> None:
    text = exposition(STATUS, 1804611731.5)
    assert text.endswith("\n")
    typed: dict[str, str] = {}
    seen = set()
    for row in text.splitlines():
        if row.startswith("# TYPE "):
            _, _, name, kind = row.split(" ")
            assert name not in typed
            typed[name] = kind
        elif not row.startswith("#"):
            assert SAMPLE.fullmatch(row), row
            assert row not in seen
            seen.add(row)
            assert re.split(r"[{ ]", row)[0] in typed
    assert all(name.startswith("autodialer_") for name in typed)
    assert all((kind == "counter") == name.endswith("_total") for name, kind in typed.items())
    for row in (
        'autodialer_calls_total{outcome="listened"} 7',
        'autodialer_line_ready{line="line-2"} 0',
        'autodialer_line_fault{line="line-2",code="sim_missing"} 1',
        "autodialer_clock_trusted 1",
        "autodialer_clock_timestamp_seconds 1804611731",
        "autodialer_paused 1",
    ):
        assert row in seen


def test_it_is_written_whole_and_can_be_read_by_the_collector(tmp_path: Path) -> None:
    file = tmp_path / "autodialer.prom"
    write(file, f"{HEADER}\nfirst\n")
    write(file, f"{HEADER}\nsecond\n")
    assert file.read_text().endswith("second\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_what_the_box_did_not_write_stays(tmp_path: Path) -> None:
    file = tmp_path / "autodialer.prom"
    file.write_text("somebody's\n")
    with pytest.raises(FileExistsError):
        write(file, f"{HEADER}\n")
    assert file.read_text() == "somebody's\n"


def test_a_folder_that_is_not_there_costs_no_turn_of_the_loop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    asked: list[int] = []

    def status() -> dict[str, Any]:
        asked.append(1)
        return STATUS

    metrics = MetricsFile(tmp_path / "no" / "a.prom", status, now=lambda: now[0])
    for _ in range(3):
        metrics.look()
        metrics.look()
        now[0] += WRITE_EVERY
    assert len(asked) == 3
    assert len(caplog.records) == 1
    (tmp_path / "no").mkdir()
    metrics.look()
    assert (tmp_path / "no" / "a.prom").read_text().startswith(HEADER)


def test_without_a_file_nothing_is_asked() -> None:
    MetricsFile(None, lambda: pytest.fail("asked")).look()


@pytest.mark.timeout(5)
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_holds_up_no_loop(
    tmp_path: Path, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "autodialer.prom"
    make(place)
    MetricsFile(place, lambda: STATUS).look()
    assert len(caplog.records) == 1
    assert list(tmp_path.iterdir()) == [place]
