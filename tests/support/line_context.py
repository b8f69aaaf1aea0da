"""A line without a modem, for tests of its parts."""

from __future__ import annotations

import logging
from collections.abc import Callable

from firmware.call.context import LineContext
from firmware.clock import Clock, SystemClock
from firmware.events import CallerEvent, Event
from firmware.line_settings import LineSettings

SETTINGS = LineSettings(name="one", port="/dev/none")


def _ignore(_event: Event) -> None: ...


def line_context(
    settings: LineSettings = SETTINGS,
    *,
    post: Callable[[Event], None] = _ignore,
    clock: Clock | None = None,
    caller_shown: Callable[[CallerEvent], None] = lambda _: None,
) -> LineContext:
    """A line that is in service, and nothing is plugged in."""
    line = LineContext(
        settings,
        post=post,
        clock=clock or SystemClock(),
        log=logging.getLogger("test"),
        caller_shown=caller_shown,
    )
    line.ready = True
    return line
