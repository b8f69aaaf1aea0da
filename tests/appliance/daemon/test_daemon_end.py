"""What still comes in while the box ends counts: a key 9, a stop, a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import load as configuration
from appliance.config.load import Config
from appliance.config.paths import sample_config
from appliance.control.operations import Operations
from appliance.daemon.daemon import IDLE_HORIZON, Daemon, _Request
from appliance.errors import Refused
from firmware.events import Cause, Ended, LineFault, StopRaised
from tests.support.box_bench import Bench, answered_and_pressed


@pytest.fixture(scope="module")
def loaded() -> Config:
    return configuration.load(sample_config())


@pytest.fixture
def bench(tmp_path: Path, loaded: Config) -> Bench:
    bench = Bench(tmp_path / "state", loaded)
    bench.register()
    return bench


def ending(bench: Bench) -> Daemon:
    """A box that was told to end; its loop runs no more."""
    daemon = Daemon(bench.config, bench.state)
    daemon._box = bench.box
    daemon._operations = Operations(bench.box)
    daemon._ending.set()
    return daemon


def test_a_key_nine_of_the_last_moment_is_an_objection(bench: Bench) -> None:
    order = bench.dial()
    *before, nine = answered_and_pressed(order.attempt, "9")
    bench.box.take(before)
    daemon = ending(bench)
    daemon._inbox.put(nine)
    daemon._inbox.put(
        Ended(
            line=order.line,
            at=2.0,
            attempt=order.attempt,
            cause=Cause.REMOTE_HANG_UP,
            evidence="NO CARRIER",
            code=None,
            confirmed=True,
        )
    )
    daemon._shut_down()
    bench.restart()
    (contact,) = bench.state.registry.contacts()
    assert bench.state.campaign.history(contact.subject).revocation is not None
    bench.state.close()


def test_a_stop_while_nobody_is_called_is_latched(bench: Bench) -> None:
    bench.box.recover()
    daemon = ending(bench)
    bench.box.stop_everything()
    daemon._inbox.put(StopRaised(at=1.0, source="button"))
    daemon._shut_down()
    bench.restart()
    assert bench.state.campaign.stopped
    bench.state.close()


def test_a_box_that_ends_latches_a_stop_answers_a_look_and_refuses_the_rest(bench: Bench) -> None:
    bench.box.recover()
    daemon = ending(bench)
    status, pause, stop = (_Request(name, {}) for name in ("status", "pause", "stop"))
    for request in (status, pause, stop):
        daemon._inbox.put(request)
    daemon._shut_down()
    assert stop.answer.result(timeout=0) == {"stopped": True, "unreached": []}
    with pytest.raises(Refused, match="ending"):
        pause.answer.result(timeout=0)
    assert status.answer.result(timeout=0)["stopped"] is False
    bench.restart()
    assert bench.state.campaign.stopped
    bench.state.close()


def test_a_box_is_not_idle_while_an_end_is_unconfirmed(bench: Bench) -> None:
    order = bench.dial()
    bench.seconds = 7300.0
    ended = Ended(
        line=order.line,
        at=7300.0,
        attempt=order.attempt,
        cause=Cause.LINE_LOST,
        evidence="link lost",
        code=None,
        confirmed=False,
    )
    fault = LineFault(
        line=order.line,
        at=7300.0,
        fault="hang-up-unconfirmed",
        detail="the call list could not be read empty",
        remedy="pull the modem",
        final=True,
    )
    bench.box.take([ended, fault])
    daemon = ending(bench)
    daemon._lines = {order.line: daemon._lines[order.line]}
    assert bench.box.engine.finished(bench.now(), IDLE_HORIZON)
    assert not daemon._idle()
    bench.ready()
    assert daemon._idle()
    bench.state.close()
