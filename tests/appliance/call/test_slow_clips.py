"""A starved machine plays a clip slower than it was recorded: the call waits for its end."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.campaign import inputs
from firmware import events
from tests.support.engine_bench import Box, Registry, hours

LENGTH = 5.0
"""Of every clip of the bench; the margin for a lost notice is three seconds more."""


def playing(*keys: str) -> Box:
    """A call in which the greeting plays, or what *keys* asked for."""
    box = Box(Registry(anna=hours(-1, 1)))
    box.tick()
    at: dict[str, Any] = {"line": "line-1", "attempt": "a1"}
    box.take(events.Dialled(at=box.seconds, **at))
    box.take(events.Answered(at=box.seconds, evidence="CLCC", weak=False, **at))
    box.take(events.ClipStarted(at=box.seconds, clip="greeting", **at))
    for key in keys:
        box.key("a1", key)
    return box


def started(box: Box, clip: str) -> None:
    box.take(events.ClipStarted(line="line-1", at=box.seconds, attempt="a1", clip=clip))


def advanced(box: Box, clip: str, played: float, after: float) -> list[str]:
    box.seconds += after
    return box.take(
        events.ClipAdvanced(
            line="line-1", at=box.seconds, attempt="a1", clip=clip, played_ms=int(played * 1000)
        )
    )


def finished(box: Box, clip: str) -> list[str]:
    return box.take(
        events.ClipFinished(
            line="line-1",
            at=box.seconds,
            attempt="a1",
            clip=clip,
            played_ms=int(LENGTH * 1000),
            complete=True,
        )
    )


@pytest.mark.parametrize(
    ("keys", "clip"), [((), "greeting"), (("1",), "message"), (("9",), "opted")]
)
@pytest.mark.parametrize("slow", [1.2, 2.0, 3.5])
def test_a_clip_that_goes_on_is_waited_for(keys: tuple[str, ...], clip: str, slow: float) -> None:
    box = playing(*keys)
    started(box, clip)
    for second in range(1, 5):
        told = advanced(box, clip, second, slow) + box.tick()
        assert "HangUp" not in told, f"cut {second} s into a clip of {LENGTH:g} s"
    told = box.tick(1.5)
    assert "HangUp" not in told
    finished(box, clip)


@pytest.mark.parametrize(("keys", "clip"), [(("1",), "message"), (("9",), "opted")])
def test_one_that_stands_still_is_not(keys: tuple[str, ...], clip: str) -> None:
    """A lost notice of the end must not hold the line."""
    box = playing(*keys)
    started(box, clip)
    advanced(box, clip, 4.0, 4.0)
    assert "HangUp" not in box.tick(3.9)
    assert "HangUp" in box.tick(0.2)


def test_another_clip_moves_nothing() -> None:
    box = playing("1")
    started(box, "message")
    for _ in range(7):
        advanced(box, "prompt", 1.0, 1.0)
    assert "HangUp" in box.tick(1.1)


def test_an_end_that_waits_behind_another_event_is_no_lost_one() -> None:
    """Both were there when the loop came round, late: the deadline may not pass between them."""
    box = playing("1")
    started(box, "message")
    box.seconds += LENGTH + 4.0
    told = box.key("a1", "5") + finished(box, "message") + box.take(inputs.Tick())
    assert "HangUp" not in told
    assert "Play" in told, "the farewell follows"
