"""A machine that gives the box half of each moment: the message is still heard to its end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.box_process import LISTENER, Bench, wait_for

pytestmark = pytest.mark.process

STOPPED, RUNNING = 0.035, 0.03
"""Real seconds in turn: no frame of 20 ms is in time."""


@contextmanager
def starved(pid: int) -> Iterator[None]:
    over = threading.Event()

    def starve() -> None:
        while not over.is_set():
            os.kill(pid, signal.SIGSTOP)
            time.sleep(STOPPED)
            os.kill(pid, signal.SIGCONT)
            time.sleep(RUNNING)

    thread = threading.Thread(target=starve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_starved_box_cuts_no_message(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "state", speed=1.0)
    try:
        bench.people({"number": "+33199001234", **LISTENER})
        bench.start_modems()
        box = bench.start_box()
        wait_for(lambda: [row for row in bench.rows("call.key") if row["key"] == "1"], 60)
        with starved(box.pid):
            wait_for(lambda: bench.rows("call.ended"), 90)
        (row,) = bench.rows("call.ended")
        assert row["evidence"].get("hung_up_because") != "message_end_unreported"
        assert row["outcome"] == "listened"
    finally:
        for child in reversed(bench.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                child.wait(timeout=20)
