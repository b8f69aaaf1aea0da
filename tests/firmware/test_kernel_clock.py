"""The kernel's word on its clock, and the helper that carries it into a sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firmware import kernel_clock
from firmware.kernel_clock import KernelClock, ask_kernel, boot_id, main, published, since_boot


def test_the_kernel_answers_or_says_that_it_may_not() -> None:
    clock = ask_kernel()
    assert clock is None or (isinstance(clock.synchronised, bool) and clock.max_error_seconds >= 0)


def test_the_helper_writes_what_the_box_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clock.json"
    for synchronised in (True, False):
        answer = KernelClock(synchronised, 0.25)
        monkeypatch.setattr(kernel_clock, "ask_kernel", lambda answer=answer: answer)
        assert main(["--once", str(file)]) == 0
        assert published(file, boot_id(), since_boot(), time.time()) == answer
    assert file.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["clock.json"]


def test_the_helper_says_what_keeps_it_from_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
    monkeypatch.setattr(kernel_clock, "ask_kernel", lambda: KernelClock(True, 0.0))
    assert main(["--once", str(tmp_path / "nowhere/clock.json")]) == 1
    assert "cannot be written" in capsys.readouterr().err
    monkeypatch.setattr(kernel_clock, "ask_kernel", lambda: None)
    assert main(["--once", str(tmp_path / "clock.json")]) == 1
    assert "does not say" in capsys.readouterr().err


@pytest.mark.process
def test_the_helper_runs_until_it_is_told_to_end(tmp_path: Path) -> None:
    if ask_kernel() is None:
        pytest.skip("this sandbox forbids the question itself")
    file = tmp_path / "clock.json"
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "firmware.kernel_clock", str(file)], cwd=root, env=os.environ
    )
    try:
        deadline = time.monotonic() + 10
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert json.loads(file.read_text())["boot"] == boot_id()
        assert published(file, boot_id(), since_boot(), time.time()) is not None
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
