"""The SIM: counters that really block, in every family's own words."""

from __future__ import annotations

import pytest

from firmware.simulator.network.scenario import Fault, FaultKind, LineScenario, SimSettings
from tests.support.simulator_bench import NUMBER, Bench, one_line

LOCKED = one_line(LineScenario(line=1, sim=SimSettings(pin="1234")))


def test_the_right_pin_opens_the_network() -> None:
    bench = Bench(scenario=LOCKED)
    bench.send("AT+CMEE=2")
    assert bench.send("AT+CPIN?") == ["+CPIN: SIM PIN", "OK"]
    assert bench.send("AT+CREG?") == ["+CREG: 0,0", "OK"]
    assert bench.send(f"ATD{NUMBER};") == ["+CME ERROR: SIM PIN required"]
    assert bench.send('AT+CPIN="1234"') == ["OK", "+CPIN: READY"]
    assert bench.send("AT+CPIN?") == ["+CPIN: READY", "OK"]
    assert bench.send("AT+CREG?") == ["+CREG: 0,1", "OK"]


def test_three_wrong_pins_block_and_the_right_one_comes_too_late() -> None:
    bench = Bench(scenario=LOCKED)
    bench.send("AT+CMEE=1")
    for left in (2, 1):
        assert bench.send('AT+CPIN="0000"') == ["+CME ERROR: 16"]
        assert bench.send("AT+SPIC") == [f"+SPIC: {left},10,0,10", "OK"]
    assert bench.send('AT+CPIN="0000"') == ["+CME ERROR: 12"]
    assert bench.send("AT+SPIC") == ["+SPIC: 0,10,0,10", "OK"]
    assert bench.send("AT+CPIN?") == ["+CPIN: SIM PUK", "OK"]
    assert bench.send('AT+CPIN="1234"') == ["+CME ERROR: 12"]
    assert bench.send('AT+CPIN="12345678","4321"') == ["OK", "+CPIN: READY"]
    assert bench.send("AT+SPIC") == ["+SPIC: 3,10,0,10", "OK"]


def test_counters_survive_a_reset_but_the_unlocking_does_not() -> None:
    bench = Bench(scenario=LOCKED)
    bench.send('AT+CPIN="0000"')
    bench.send('AT+CPIN="0000"')
    bench.send("AT+CRESET")
    bench.run(30)
    assert "+SPIC: 1,10,0,10" in bench.send("AT+SPIC")
    bench.send('AT+CPIN="1234"')
    bench.send("AT+CRESET")
    bench.run(30)
    bench.send("ATE0")
    assert bench.send("AT+CPIN?") == ["+CPIN: SIM PIN", "OK"]
    assert "+SPIC: 3,10,0,10" in bench.send("AT+SPIC")


def test_ten_wrong_puks_kill_the_card() -> None:
    dying = SimSettings(pin="1234", tries=0, puk_tries=1)
    bench = Bench(scenario=one_line(LineScenario(line=1, sim=dying)))
    bench.send("AT+CMEE=2")
    bench.send('AT+CPIN="00000000","1111"')
    assert bench.send('AT+CPIN="12345678","1111"') == ["+CME ERROR: SIM failure"]
    assert bench.send("AT+CPIN?") == ["+CME ERROR: SIM failure"]


@pytest.mark.parametrize(
    ("family", "command", "before", "after"),
    [
        ("sim7600", "AT+SPIC", "+SPIC: 3,10,0,10", "+SPIC: 2,10,0,10"),
        ("a76xx", "AT+SPIC", "+SPIC: 3,10,0,10", "+SPIC: 2,10,0,10"),
        ("sim800", "AT+SPIC", "+SPIC: 3,10,0,10", "+SPIC: 2,10,0,10"),
        ("quectel", "AT+QPINC?", '+QPINC: "SC",3,10', '+QPINC: "SC",2,10'),
        ("huawei", "AT^CPIN?", "^CPIN: SIM PIN,3,10,3,10,3", "^CPIN: SIM PIN,2,10,2,10,3"),
        ("generic", "AT+CPINR", "+CPINR: SIM PIN,3,3", "+CPINR: SIM PIN,2,3"),
    ],
)
def test_counters_by_family(family: str, command: str, before: str, after: str) -> None:
    bench = Bench(family, LOCKED)
    assert bench.send(command)[0] == before
    bench.send('AT+CPIN="9999"')
    assert bench.send(command)[0] == after


def test_a_busy_card_is_not_a_pin_question() -> None:
    busy = LineScenario(line=1, faults=(Fault(kind=FaultKind.SIM_BUSY, seconds=3),))
    bench = Bench(scenario=one_line(busy))
    bench.send("AT+CMEE=2")
    assert bench.send("AT+CPIN?") == ["+CME ERROR: SIM busy"]
    bench.run(4)
    assert bench.send("AT+CPIN?") == ["+CPIN: READY", "OK"]


def test_no_card_and_a_card_pulled_out() -> None:
    bench = Bench(scenario=one_line(LineScenario(line=1, sim=SimSettings(inserted=False))))
    bench.send("AT+CMEE=2")
    assert bench.send("AT+CPIN?") == ["+CME ERROR: SIM not inserted"]
    pulled = LineScenario(line=1, faults=(Fault(kind=FaultKind.SIM_REMOVED, at=5),))
    bench = Bench(scenario=one_line(pulled))
    assert bench.send("AT+CPIN?") == ["+CPIN: READY", "OK"]
    assert bench.run(6) == ["+CPIN: NOT INSERTED"]
    assert bench.send("AT+CREG?") == ["+CREG: 0,0", "OK"]


def test_the_lock_can_be_switched_and_costs_a_try_when_wrong() -> None:
    bench = Bench()
    assert bench.send('AT+CLCK="SC",2') == ["+CLCK: 0", "OK"]
    assert bench.send('AT+CLCK="SC",1,"1234"') == ["OK"]
    assert bench.send('AT+CLCK="SC",2') == ["+CLCK: 1", "OK"]
    assert bench.send('AT+CLCK="SC",0,"0000"') == ["ERROR"]
    assert bench.send("AT+SPIC") == ["+SPIC: 2,10,0,10", "OK"]
