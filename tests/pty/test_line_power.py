"""The switch in the modem's supply: thrown for a call that will not end, and for a dead module."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.events import Answered, Ended, LineFault, LineReady
from firmware.gpio.pins import PinsUnusable
from firmware.orders import HangUp
from firmware.simulator.network.scenario import Fault, FaultKind
from tests.support.line_bench import ANSWERS, Power, bench, rule

pytestmark = pytest.mark.pty

K = FaultKind
NEVER_ENDS = (
    Fault(kind=K.IGNORE_HANG_UP, call=1, times=1000),
    Fault(kind=K.REFUSE, call=1, command="AT+CFUN", times=1000),
)


@pytest.mark.parametrize("family", ["sim7600", "generic"])
def test_a_call_that_nothing_ends_loses_its_power(tmp_path: Path, family: str) -> None:
    power = Power()
    scenario = rule(ANSWERS, faults=NEVER_ENDS)
    with bench(tmp_path, family=family, scenario=scenario, speed=20.0, power=power) as b:
        b.dial()
        b.wait(Answered)
        b.line.order(HangUp(line="one", attempt="a1"))
        assert not b.wait(Ended, attempt="a1").confirmed
        assert b.wait(LineFault).fault == "hang-up-unconfirmed"
        b.wait(LineReady, count=2)
        assert power.log == ["off", "on"]
        assert b.simulation.live_calls() == []
        assert (b.line.describe()["power_pin"], b.line.describe()["power_cuts"]) == (16, 1)
        b.dial("a2")
        b.wait(Answered, attempt="a2")
        b.line.order(HangUp(line="one", attempt="a2"))
        assert b.wait(Ended, attempt="a2").confirmed


def test_a_call_that_nothing_ends_is_reset_where_no_switch_is_wired(tmp_path: Path) -> None:
    scenario = rule(ANSWERS, faults=NEVER_ENDS)
    with bench(tmp_path, scenario=scenario, speed=20.0) as b:
        b.dial()
        b.wait(Answered)
        b.line.order(HangUp(line="one", attempt="a1"))
        assert not b.wait(Ended, attempt="a1").confirmed
        b.wait(LineReady, count=2)
        assert b.simulation.live_calls() == []


def test_a_switch_that_fails_does_not_end_the_line(tmp_path: Path) -> None:
    class Broken(Power):
        def off(self) -> None:
            raise PinsUnusable("power pin 16: gone")

    scenario = rule(ANSWERS, faults=NEVER_ENDS)
    with bench(tmp_path, scenario=scenario, speed=20.0, power=Broken()) as b:
        b.dial()
        b.wait(Answered)
        b.line.order(HangUp(line="one", attempt="a1"))
        assert not b.wait(Ended, attempt="a1").confirmed
        # The next failure goes on to the reset, which ends the call.
        b.wait(LineReady, count=2)
        assert b.simulation.live_calls() == []


def test_a_module_that_died_off_the_bus_gets_its_power_switched(tmp_path: Path) -> None:
    power = Power()
    with bench(tmp_path, speed=100.0, power=power) as b:
        # Nothing but the switch brings it back, however long the ladder takes to come to it.
        b.simulation.unplug(1, away=1e6)
        assert b.wait(LineFault).fault == "port-lost"
        b.wait(LineReady, count=2)
        assert power.log == ["off", "on"]
