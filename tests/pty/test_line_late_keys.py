"""A key that is pressed in the last moment of a call: it counts as long as the call is up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from firmware.events import Answered, Ended, KeyHeard
from firmware.orders import Dial, HangUp
from firmware.simulator.network.scenario import Answer, Fault, FaultKind, KeyPress
from tests.support.line_bench import NUMBER, PATIENCE, bench, rule

pytestmark = pytest.mark.pty

PRESSES = Answer(rings_in=1.0, after=1.0, keys=(KeyPress(key="9", at=1.0),), patience=1e6)
FAULTS = (
    Fault(kind=FaultKind.LATE_KEY_NOTICES, seconds=0.3),
    Fault(kind=FaultKind.NO_KEY_TONES),
)


@pytest.mark.parametrize("family", ["sim7600", "sim800"])
@pytest.mark.parametrize("stopped", [False, True])
def test_a_key_told_while_the_call_is_hung_up_counts(
    tmp_path: Path, family: str, stopped: bool
) -> None:
    # The ladder's first hang-up (a stop has sent one before it) is answered OK and does nothing:
    # the call list is read for 0.8 s then, and the notice of the key comes in between.
    deaf = Fault(kind=FaultKind.IGNORE_HANG_UP, times=2 if stopped else 1)
    scenario = rule(PRESSES, faults=(*FAULTS, deaf))
    audio = "module" if family == "sim800" else None
    with bench(tmp_path, family=family, scenario=scenario, audio=audio) as b:
        b.line.order(Dial(line="one", attempt="a1", number=NUMBER, greeting="greeting", keys="19"))
        b.wait(Answered)
        until = time.monotonic() + PATIENCE
        while '"event": "key"' not in (tmp_path / "log").read_text():
            assert time.monotonic() < until
            time.sleep(0.002)
        if stopped:
            b.line.emergency_hang_up()
        else:
            b.line.order(HangUp(line="one", attempt="a1"))
        b.wait(Ended)
        (key,) = b.of(KeyHeard)
        assert key.key == "9"
        kinds = [type(event) for event in b.events]
        assert kinds.index(KeyHeard) < kinds.index(Ended)
