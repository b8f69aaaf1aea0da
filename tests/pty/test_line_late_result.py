"""A result of ATD that is late or lost holds up no greeting: a notice has told of the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.events import Answered, Cause, ClipStarted, Ended
from firmware.orders import HangUp
from firmware.simulator.network.scenario import Answer, Fault, FaultKind
from tests.support.line_bench import bench, rule

pytestmark = pytest.mark.pty

GREETED_WITHIN = 2.0
"""Seconds of life from the answer to the first sample of the greeting."""
PICKS_UP = Answer(rings_in=0.2, after=0.5, patience=30.0)


@pytest.mark.parametrize("family", ["sim7600", "huawei", "quectel"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.LATE_RESULT, call=1, seconds=8.0),
        Fault(kind=FaultKind.DROP_REPLIES, call=1, command="ATD"),
    ],
    ids=["late", "lost"],
)
def test_the_greeting_does_not_wait_for_it(tmp_path: Path, family: str, fault: Fault) -> None:
    scenario = rule(PICKS_UP, faults=(fault,))
    with bench(tmp_path, family=family, scenario=scenario, speed=1.0) as b:
        b.dial()
        begun, answered = b.wait(ClipStarted), b.wait(Answered)
        assert begun.at - answered.at < GREETED_WITHIN
        b.line.order(HangUp(line="one", attempt="a1"))
        ended = b.wait(Ended)
        assert (ended.cause, ended.confirmed) == (Cause.LOCAL_HANG_UP, True)
        b.dial("a2")
        b.wait(Answered, attempt="a2")
        b.line.order(HangUp(line="one", attempt="a2"))
        assert b.wait(Ended, attempt="a2").confirmed
