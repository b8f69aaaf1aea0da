"""Whole calls on pseudo-terminals: the line against simulated modems, clock faster than life."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.events import (
    Answered,
    Cause,
    ClipStarted,
    Dialled,
    Ended,
    KeyHeard,
    LineReady,
    Ringing,
)
from firmware.orders import HangUp, Play
from firmware.simulator.network.scenario import (
    Answer,
    Busy,
    NoAnswer,
    Reject,
    Unreachable,
)
from tests.support.line_bench import ANSWERS, bench, rule

pytestmark = pytest.mark.pty


@pytest.mark.parametrize("family", ["sim7600", "generic"])
def test_bring_up(tmp_path: Path, family: str) -> None:
    """The family is recognised and the line reports what it has."""
    with bench(tmp_path, family=family) as b:
        ready = b.wait(LineReady)
        assert ready.family == family
        assert b.line.describe()["ready"] is True


def test_a_call_that_is_answered_keyed_and_hung_up(tmp_path: Path) -> None:
    with bench(tmp_path, scenario=rule(ANSWERS)) as b:
        b.dial()
        b.wait(Answered)
        started = b.wait(ClipStarted)
        assert started.clip == "greeting"
        key = b.wait(KeyHeard)
        assert key.key == "1"
        b.line.order(Play(line="one", attempt="a1", clip="message"))
        b.wait(ClipStarted, count=2)
        b.line.order(HangUp(line="one", attempt="a1"))
        ended = b.wait(Ended)
        assert ended.cause is Cause.LOCAL_HANG_UP
        assert ended.confirmed
        kinds = [type(event) for event in b.events if getattr(event, "attempt", None)]
        assert kinds.index(Dialled) < kinds.index(Ringing) < kinds.index(Answered)
        assert kinds.index(Answered) < kinds.index(ClipStarted)
        assert len(b.of(KeyHeard)) == 1


@pytest.mark.parametrize("family", ["sim7600", "generic"])
@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (Busy(after=1.0), Cause.BUSY),
        (NoAnswer(rings_in=1.0, gives_up_after=4.0), Cause.NO_ANSWER),
        (Reject(rings_in=1.0, after=1.0), Cause.REJECTED),
        (Unreachable(after=1.0), Cause.UNREACHABLE),
        (Answer(rings_in=1.0, after=1.0, hangs_up_after=2.0), Cause.REMOTE_HANG_UP),
    ],
)
def test_how_calls_end(tmp_path: Path, family: str, behaviour: object, cause: Cause) -> None:
    with bench(tmp_path, family=family, scenario=rule(behaviour)) as b:
        b.dial()
        ended = b.wait(Ended)
        assert (ended.cause, ended.confirmed) == (cause, True)
        assert len(b.of(Ended)) == 1


@pytest.mark.parametrize(
    "family", ["a76xx", "sim800", "quectel", "huawei", "zte", "option", "wavecom"]
)
def test_the_other_families_tell_busy_from_an_answer(tmp_path: Path, family: str) -> None:
    """Each by its own notices; the second call is answered and ended by us."""
    scenario = rule(Busy(after=1.0), Answer(rings_in=1.0, after=1.0))
    with bench(tmp_path, family=family, scenario=scenario) as b:
        assert b.wait(LineReady).family == family
        b.dial()
        busy = b.wait(Ended, attempt="a1")
        assert (busy.cause, busy.confirmed) == (Cause.BUSY, True)
        b.dial("a2")
        b.wait(Answered, attempt="a2")
        b.line.order(HangUp(line="one", attempt="a2"))
        ended = b.wait(Ended, attempt="a2")
        assert (ended.cause, ended.confirmed) == (Cause.LOCAL_HANG_UP, True)
