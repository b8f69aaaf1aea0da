"""Somebody calls a real box: key 9 in the call keeps it from ever dialling them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from appliance.ledger import verify
from firmware.clock import SystemClock
from firmware.simulator.host import Simulation
from firmware.simulator.network.scenario import Answer, IncomingCall, KeyPress
from firmware.simulator.network.scenario_file import load_scenario
from tests.support.box_process import LISTENER, SPEED, Bench, wait_for
from tests.support.box_process import bench as bench

pytestmark = pytest.mark.process

OBJECTOR = "+33199001234"
OBJECTS = Answer(keys=(KeyPress(key="9", heard=3.0),), patience=60.0)


@contextmanager
def box_that_answers(bench: Bench) -> Iterator[Simulation]:
    """A box that answers callers, before the hour in which it may call *OBJECTOR*."""
    settings: Any = yaml.safe_load(bench.stage.config.read_text())
    settings["lines"][0]["incoming"] = "answer"
    settings["clock"]["simulated_start"] = "2027-03-09T17:50:00+01:00"
    bench.stage.config.write_text(yaml.safe_dump(settings))
    bench.people({"number": OBJECTOR, **LISTENER})
    # In this process, so that people call when the box is up, however slow the machine is.
    with Simulation(
        ["sim7600"],
        load_scenario(bench.stage.scenario),
        SystemClock(SPEED),
        links=bench.stage.links,
        log=bench.stage.network_log,
    ) as simulation:
        box = bench.start_box()
        wait_for(lambda: any(line["ready"] for line in bench.status()["lines"]))
        yield simulation
        box.terminate()
        assert box.wait(timeout=20) == 0


def call(simulation: Simulation, number: str | None) -> None:
    simulation.call_line(1, IncomingCall(at=0.0, number=number, rings_for=90.0, caller=OBJECTS))


def test_a_caller_who_presses_nine_is_never_called(bench: Bench) -> None:
    with box_that_answers(bench) as simulation:
        call(simulation, None)
        wait_for(lambda: len(bench.rows("incoming.ended")) == 1)
        call(simulation, OBJECTOR)
        wait_for(lambda: len(bench.rows("incoming.ended")) == 2)
        why = bench.run("why", OBJECTOR, "--at", "2027-03-09T18:30:00+01:00").stdout

    withheld, objected = bench.rows("incoming.ended")
    assert (withheld["outcome"], withheld["why"]) == ("rejected", "no number")
    assert (objected["outcome"], objected["cause"]) == ("objected", "local_hang_up")
    (revoked,) = bench.rows("consent.revoked")
    assert (revoked["by"], revoked["incoming"]) == ("incoming", objected["incoming"])
    assert "may NOT be called" in why
    assert "withdrew" in why, why
    # The caller heard the clip and the confirmation, and it was the box that hung up.
    (heard,) = bench.network("audio")
    assert heard["milliseconds"] > 5000
    assert [row["by"] for row in bench.network("ended")] == ["line", "line"]
    text = "".join(p.read_text() for p in (bench.stage.state / "ledger").glob("*.jsonl"))
    assert OBJECTOR.removeprefix("+33") not in text
    assert OBJECTOR.removeprefix("+33") not in (bench.stage.directory / "output.log").read_text()
    assert verify(bench.stage.state / "ledger").ok

    # The hour comes in which they could have been called; the box finds nobody to call.
    settings: Any = yaml.safe_load(bench.stage.config.read_text())
    settings["clock"]["simulated_start"] = "2027-03-09T18:30:00+01:00"
    bench.stage.config.write_text(yaml.safe_dump(settings))
    bench.start_modems()
    assert bench.start_box("--until-idle").wait(timeout=40) == 0
    assert bench.network("dialled") == []


def test_the_stop_is_silent_for_callers_too(bench: Bench) -> None:
    with box_that_answers(bench) as simulation:
        assert bench.run("stop").returncode == 0
        # The stop's own hang-up may hit the first ring, which is then no call to decide about.
        while not bench.rows("incoming.ended"):
            call(simulation, OBJECTOR)
            time.sleep(0.5)
    row = bench.rows("incoming.ended")[0]
    assert (row["outcome"], row["why"]) == ("rejected", "stop")
    assert bench.rows("consent.revoked") == []
    assert bench.network("answered") == []
