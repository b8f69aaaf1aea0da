"""``autodialer stop`` beside a box that does nothing any more: the call ends all the same."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.support.box_process import Bench, wait_for
from tests.support.box_process import bench as bench

pytestmark = pytest.mark.process

NUMBER = "+33199001234"
PATIENT = {"number": NUMBER, "behaviour": {"answer": {"patience": 600}}}


@pytest.mark.parametrize("command", ["status", "doctor", "why", "contacts"])
def test_every_command_is_told_that_the_box_is_stopped(bench: Bench, command: str) -> None:
    bench.people(PATIENT)
    box = bench.start_box()
    wait_for(lambda: bench.run("status").returncode == 0)
    os.kill(box.pid, signal.SIGSTOP)
    words = {"why": ["why", NUMBER], "contacts": ["contacts", "revoke", "+33199001299"]}
    began = time.monotonic()
    done = bench.run(*words.get(command, [command]))
    took = time.monotonic() - began
    os.kill(box.pid, signal.SIGCONT)
    assert done.returncode == 1
    assert str(box.pid) in done.stdout + done.stderr
    # Three seconds to be told, and the start of the command itself on a busy machine.
    assert took < 12


def test_a_stop_beside_a_stopped_box_hangs_up_and_latches(bench: Bench) -> None:
    bench.people(PATIENT)
    bench.start_modems()
    box = bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))
    os.kill(box.pid, signal.SIGSTOP)

    done = bench.run("stop")

    assert done.returncode == 0, done.stderr
    assert f"process {box.pid} is ended" in done.stdout
    assert "line-1: hung up, its call list is empty" in done.stdout
    assert "the stop is latched" in done.stdout
    assert box.wait(5) == -signal.SIGKILL
    wait_for(lambda: bench.network("ended"))
    assert [row["source"] for row in bench.rows("stop.pressed")] == ["command"]
    assert bench.status()["stopped"]
