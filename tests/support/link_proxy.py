"""Waiting for what another thread or process does; and the link that a test may cut."""

from __future__ import annotations

import time

from appliance.demo.link import LinkProxy


def wait_until(condition: object, seconds: float = 15.0) -> None:
    """Wait until *condition* (a function) holds; fails loudly after *seconds*."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


__all__ = ["LinkProxy", "wait_until"]
