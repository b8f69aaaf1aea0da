"""The end of the program in the middle of a call: hung up, and nobody's refusal."""

from __future__ import annotations

import signal
import time

import pytest

from tests.support.box_process import Bench, wait_for
from tests.support.box_process import bench as bench
from tests.support.stopped_thread import StoppedThread

pytestmark = pytest.mark.process

PATIENT = {"behaviour": {"answer": {"patience": 600}}}


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_greeting_that_the_end_cuts_is_stopped(bench: Bench, signum: signal.Signals) -> None:
    bench.people({"number": "+33199001234", **PATIENT})
    bench.start_modems()
    box = bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))
    box.send_signal(signum)
    assert box.wait(timeout=20) == 0
    (row,) = bench.rows("call.ended")
    assert (row["outcome"], row["evidence"]["stop"]) == ("stopped", "shutdown")
    wait_for(lambda: bench.network("ended"))


def test_two_signals_end_a_box_whose_log_nobody_reads(bench: Bench) -> None:
    bench.people({"number": "+33199001234", **PATIENT})
    bench.start_modems()
    box = bench.start_unread_box()
    wait_for(lambda: bench.rows("call.answered"))
    box.send_signal(signal.SIGTERM)
    box.send_signal(signal.SIGTERM)
    assert box.wait(timeout=20) == 0
    assert bench.outcomes() == ["stopped"]
    wait_for(lambda: bench.network("ended"))


def test_a_loop_that_hangs_keeps_no_call_up(bench: Bench) -> None:
    """The signal is heard beside the loop, and the hang-up is on the wire without it."""
    bench.people({"number": "+33199001234", **PATIENT})
    bench.start_modems()
    box = bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))
    with StoppedThread(box.pid):
        time.sleep(0.5)
        assert not bench.network("ended")
        box.send_signal(signal.SIGTERM)
        wait_for(lambda: bench.network("ended"), 10)
        assert not bench.rows("call.ended")
    # The loop comes round after all: it writes what happened.
    assert box.wait(timeout=30) == 0
    assert bench.outcomes() == ["stopped"]
