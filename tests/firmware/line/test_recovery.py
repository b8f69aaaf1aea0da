"""What the log says of a line that stays down."""

from __future__ import annotations

import logging
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware.clock import Clock
from firmware.events import Event, LineFault
from firmware.families import FAMILIES
from firmware.faults import Fault, LineDown
from firmware.line.log_throttle import FIRST_AGAIN, LONGEST, Repeats
from firmware.line.out_of_service import Downtime
from firmware.line.recovery import LineRecovery
from firmware.line.status import LineStatus
from tests.support.line_context import line_context

HOUR = 3600.0
IDENTITY = {"family": FAMILIES["sim7600"], "model": "m", "imei": None, "iccid": None}


class Time(Clock):
    """Moves only where the line waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def real(self, box_seconds: float) -> float:
        self.seconds += max(box_seconds, 0.0)
        return 0.0


class Down:
    """A line that is tried again and again."""

    def __init__(self) -> None:
        self.time = Time()
        self.posted: list[Event] = []
        line = line_context(post=self.posted.append, clock=self.time)
        status = LineStatus(line)
        status.identity = cast(Any, SimpleNamespace(**IDENTITY))
        status.path = cast(Any, SimpleNamespace(kind="none", hears=False))
        self.recovery = LineRecovery(
            line=line, status=status, downtime=Downtime(line=line), power=None
        )

    def fail(self, seconds: float, fault: Fault = Fault.PORT_MISSING) -> int:
        """Fail for so long; return how often."""
        until, tries = self.time.seconds + seconds, 0
        while self.time.seconds < until:
            self.recovery.recover(LineDown(fault, f"try {tries}", answering=False))
            tries += 1
        return tries


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_line_that_stays_down_is_logged_at_growing_intervals(
    log: pytest.LogCaptureFixture,
) -> None:
    down = Down()
    assert down.fail(24 * HOUR) > 1000
    assert 5 <= len(log.messages) <= 10
    (fault,) = down.posted
    assert isinstance(fault, LineFault)


def test_another_fault_and_the_return_are_logged_at_once(log: pytest.LogCaptureFixture) -> None:
    down = Down()
    down.fail(60)
    down.fail(60, Fault.PORT_UNUSABLE)
    assert len(log.messages) == 2
    down.recovery.announce()
    down.recovery.announce()
    assert log.messages[2:] == ["line in service again"]
    down.fail(60)
    assert len(log.messages) == 4


def test_what_never_failed_says_nothing_when_it_is_in_service(
    log: pytest.LogCaptureFixture,
) -> None:
    Down().recovery.announce()
    assert log.messages == []


def test_the_same_is_told_after_twice_the_time_up_to_a_day() -> None:
    repeats = Repeats()
    told = [60 * n for n in range(60 * 24 * 10) if repeats.due("x", 60.0 * n)]
    gaps = [later - earlier for earlier, later in pairwise(told)]
    assert gaps[:3] == [FIRST_AGAIN, 2 * FIRST_AGAIN, 4 * FIRST_AGAIN]
    assert gaps[-1] == LONGEST
