"""A box that tells all it can writes down no number of people and no PIN of its SIM."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from firmware.clock import SystemClock
from firmware.simulator.host import Simulation
from firmware.simulator.network.scenario import Answer, IncomingCall, KeyPress
from firmware.simulator.network.scenario_file import load_scenario
from tests.support.box_process import LISTENER, SPEED, Bench, wait_for
from tests.support.box_process import bench as bench

pytestmark = pytest.mark.process

CALLED, OBJECTS, ASKS, CALLS = (f"+331990012{n}" for n in (34, 35, 36, 37))
NAMED = "01 99 00 12 38"
"""Stands in the words of a text message."""
PIN = "4711"


def digits(text: str) -> str:
    """*text* without what may stand between the digits of a number."""
    return re.sub(r"(?<=\d)[ .\-/()]{1,2}(?=\d)", "", text)


def test_a_chattering_box_tells_no_number_and_no_pin(bench: Bench) -> None:
    settings: Any = yaml.safe_load(bench.stage.config.read_text())
    settings["lines"][0] |= {"incoming": "answer", "sim_pin": PIN}
    settings["logging"] = {"level": "debug"}
    bench.stage.config.write_text(yaml.safe_dump(settings))
    bench.people(*({"number": number, **deepcopy(LISTENER)} for number in (CALLED, OBJECTS, ASKS)))
    scenario = yaml.safe_load(bench.stage.scenario.read_text())
    texts = [
        {"at": 1, "number": OBJECTS, "text": "STOP"},
        {"at": 2, "number": ASKS, "text": f"appelez-moi au {NAMED} plutôt"},
    ]
    bench.stage.scenario.write_text(
        yaml.safe_dump(
            {"numbers": scenario, "lines": [{"line": 1, "sim": {"pin": PIN}, "sms": texts}]}
        )
    )
    with Simulation(
        ["sim7600"],
        load_scenario(bench.stage.scenario),
        SystemClock(SPEED),
        links=bench.stage.links,
        log=bench.stage.network_log,
    ) as simulation:
        box = bench.start_box()
        wait_for(lambda: bench.rows("message.kept") and bench.rows("consent.revoked"), 40)
        # A caller during the call would hear busy.
        wait_for(bench.outcomes, 40)
        caller = Answer(keys=(KeyPress(key="9", heard=3.0),), patience=60.0)
        simulation.call_line(1, IncomingCall(at=0.0, number=CALLS, rings_for=90.0, caller=caller))
        wait_for(lambda: bench.rows("incoming.ended"), 40)
        shown = Path(f"/proc/{box.pid}/cmdline").read_bytes().decode()
        shown += Path(f"/proc/{box.pid}/environ").read_bytes().decode()
        box.terminate()
        assert box.wait(timeout=20) == 0
    log = (bench.stage.directory / "output.log").read_text()
    assert "DEBUG" in log
    assert "PIN sent" in log
    ledger = "".join(path.read_text() for path in (bench.stage.state / "ledger").glob("*.jsonl"))
    for where in (log, shown, ledger):
        found = digits(where)
        for number in (CALLED, OBJECTS, ASKS, CALLS, digits(NAMED)):
            assert number[-9:] not in found
        assert PIN not in found
