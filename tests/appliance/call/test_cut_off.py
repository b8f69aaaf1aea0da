"""What ends a call from outside means the same to every machine that dialled it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.call.outcome import Facts
from appliance.call.state import ShutDown, Withdrawn, cut_off
from firmware.events import StopRaised

STOP = StopRaised(at=1.0, source="button")


@pytest.mark.parametrize(
    ("before", "event", "after", "reason", "again"),
    [
        (Facts(), STOP, Facts(stopped="button"), "stop", True),
        (Facts(), ShutDown(), Facts(stopped="shutdown"), "shutdown", False),
        (Facts(), Withdrawn(by="sms"), Facts(withdrawn="sms"), "withdrawn", False),
        # Whatever stopped it first stays the reason; a later withdrawal is one all the same.
        (Facts(stopped="button"), ShutDown(), Facts(stopped="button"), "shutdown", False),
        (
            Facts(stopped="shutdown"),
            replace(STOP, source="command"),
            Facts(stopped="shutdown"),
            "stop",
            True,
        ),
        (
            Facts(withdrawn="sms", stopped="button"),
            Withdrawn(by="storage"),
            Facts(withdrawn="storage", stopped="button"),
            "withdrawn",
            False,
        ),
    ],
)
def test_what_cuts_a_call_off(
    before: Facts,
    event: StopRaised | ShutDown | Withdrawn,
    after: Facts,
    reason: str,
    again: bool,
) -> None:
    assert cut_off(before, event) == (after, reason, again)
