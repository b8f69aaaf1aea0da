"""A self-test beside everything else that a box must take: nothing is lost because it runs."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

import pytest

from appliance.box.state import BoxState
from appliance.campaign.inputs import Input
from appliance.config import load as configuration
from appliance.config.paths import sample_config
from appliance.control.protocol import ControlClient
from appliance.daemon.selftest_run import SelfTestCall
from appliance.errors import Refused
from appliance.ledger import read_entries
from firmware import events
from firmware.events import AddressKind

CALLER = "+33639980007"
CALLED: dict[str, Any] = {"line": "line-1", "at": 0.0, "attempt": "in-1", "number": CALLER}


@pytest.fixture
def call(tmp_path: Path) -> SelfTestCall:
    loaded = configuration.load(sample_config())
    campaign = loaded.settings.campaign.model_copy(update={"calling_back": "objects"})
    settings = loaded.settings.model_copy(update={"campaign": campaign})
    config = dataclasses.replace(loaded, settings=settings, state=tmp_path)
    state = BoxState.open(tmp_path)
    return SelfTestCall(config, state, settings.lines[0], tell=lambda _: None)


def rows(call: SelfTestCall) -> list[str]:
    call._state.close()
    return [entry.kind for entry in read_entries(call._state.directory / "ledger")]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (events.StopRaised(at=0.0, source="button"), "stop.pressed"),
        (events.IncomingRejected(**CALLED, kind=AddressKind.INTERNATIONAL), "consent.revoked"),
        (
            events.WaitingGone(**CALLED, kind=AddressKind.INTERNATIONAL, why="gone"),
            "consent.revoked",
        ),
    ],
    ids=["stop", "caller", "waiting caller"],
)
def test_what_comes_as_the_test_ends_is_taken(call: SelfTestCall, given: Input, kind: str) -> None:
    with call:
        call._post(given)
    assert kind in rows(call)


def test_somebody_who_waited_in_vain_during_the_test_is_heard(call: SelfTestCall) -> None:
    with call:
        call._post(events.WaitingGone(**CALLED, kind=AddressKind.INTERNATIONAL, why="gone"))
        call.attend(0.3)
    found = rows(call)
    assert "consent.revoked" in found
    assert "incoming.ended" in found


def stopped(call: SelfTestCall, answers: list[Any]) -> None:
    with ControlClient(call._state.directory) as client:
        answers.append(client.ask("stop"))


def test_a_stop_is_answered_when_it_is_latched(call: SelfTestCall) -> None:
    answers: list[Any] = []
    with call:
        technician = threading.Thread(target=stopped, args=(call, answers))
        technician.start()
        with pytest.raises(Refused, match="emergency stop"):
            call.attend(20.0)
        technician.join()
    assert answers == [{"stopped": True, "recorded": True}]
    assert "stop.pressed" in rows(call)


def test_a_stop_that_nobody_could_write_yet_is_not_called_latched(call: SelfTestCall) -> None:
    answers: list[Any] = []
    with call:
        stopped(call, answers)
    assert answers == [{"stopped": True, "recorded": False}]
    assert "stop.pressed" in rows(call), "it is, as the test ends"
