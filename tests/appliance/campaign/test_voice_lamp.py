"""The lamp's "callees did not hear the box" is about the voice, not about a modem that is gone."""

from __future__ import annotations

import pytest

from firmware import events
from firmware.events import Cause
from firmware.faults import Fault
from tests.support.engine_bench import Box, Registry, hours


def in_call() -> Box:
    box = Box(Registry(anna=hours(-1, 1), ben=hours(-1, 1)))
    box.tick()
    assert box.called(), "nobody was dialled: nothing is tried here"
    return box


def voice_fails(box: Box, attempt: str = "a1") -> None:
    box.take(events.AudioFailed(line="line-1", at=box.seconds, attempt=attempt, detail="no voice"))


def test_a_voice_that_fails_by_itself_is_shown_until_a_call_works() -> None:
    box = in_call()
    voice_fails(box)
    box.end("a1", Cause.LOCAL_HANG_UP)
    assert not box.engine.audio_ok
    box.ready()
    assert not box.engine.audio_ok, "the line was never away"


@pytest.mark.parametrize(
    "fault",
    [Fault.PORT_LOST, Fault.PORT_MISSING, Fault.NO_MODEM, Fault.RESTARTED, Fault.POWER_LOW],
)
@pytest.mark.parametrize("order", ["fault first", "end first"])
def test_an_unplugged_modem_shows_no_fault_of_the_voice(fault: Fault, order: str) -> None:
    """Whichever of the ports is the first to notice."""
    box = in_call()
    voice_fails(box)
    if order == "fault first":
        box.fault(fault=str(fault))
    box.end("a1", Cause.LOCAL_HANG_UP)
    if order == "end first":
        box.fault(fault=str(fault))
    assert box.engine.audio_ok


def test_a_call_that_lost_its_line_says_nothing_of_the_voice() -> None:
    box = in_call()
    voice_fails(box)
    box.end("a1", Cause.LINE_LOST)
    assert box.engine.audio_ok


@pytest.mark.parametrize("fault", [Fault.AUDIO_UNUSABLE, Fault.NO_REPLY, Fault.NOT_REGISTERED])
def test_other_faults_explain_no_failed_voice(fault: Fault) -> None:
    box = in_call()
    voice_fails(box)
    box.end("a1", Cause.LOCAL_HANG_UP)
    box.fault(fault=str(fault))
    assert not box.engine.audio_ok


def test_another_lines_unplugged_modem_explains_nothing() -> None:
    box = Box(Registry(anna=hours(-1, 1)), lines=2)
    box.tick()
    line = next(iter(box.engine.calls))
    other = "line-2" if line == "line-1" else "line-1"
    box.take(events.AudioFailed(line=line, at=box.seconds, attempt="a1", detail="no voice"))
    box.end("a1", Cause.LOCAL_HANG_UP, line=line)
    box.fault(other, "port-lost")
    assert not box.engine.audio_ok
