"""Each fault of the scenario, seen from the wire."""

from __future__ import annotations

import pytest

from firmware.simulator.families.table import PERSONALITIES
from firmware.simulator.network.scenario import (
    DEFAULT_MIX,
    Answer,
    Busy,
    Fault,
    FaultKind,
    IncomingCall,
    KeyPress,
    LineScenario,
    NoAnswer,
    NumberRule,
    Scenario,
    Subscribers,
)
from tests.support.simulator_bench import NUMBER, Bench, lines_of, one_line, one_number

ANSWERS = Answer(rings_in=1, after=2, hangs_up_after=10)


def line_fault(fault: Fault) -> Scenario:
    return one_line(LineScenario(line=1, faults=(fault,)), ANSWERS)


def dial(bench: Bench) -> list[str]:
    return bench.send(f"ATD{NUMBER};")


def test_false_answer_at_ringback() -> None:
    bench = Bench(scenario=one_number(ANSWERS, FaultKind.FALSE_ANSWER))
    dial(bench)
    assert bench.run(1.5) == ["VOICE CALL: BEGIN"]
    assert "+CLCC: 1,0,0,0,0" in bench.send("AT+CLCC")[0]
    assert bench.events("answered") == []
    assert bench.run(2) == []
    assert bench.events("answered") == ["answered"]


def test_false_answer_where_nobody_answers() -> None:
    bench = Bench(scenario=one_number(NoAnswer(gives_up_after=5), FaultKind.FALSE_ANSWER))
    dial(bench)
    told = bench.run(10)
    assert told[0] == "VOICE CALL: BEGIN"
    assert told[-1] == "NO CARRIER"
    assert bench.events("answered", "audio") == []


def test_busy_tone_after_a_false_answer() -> None:
    bench = Bench("generic", one_number(Busy(after=1), FaultKind.FALSE_ANSWER))
    dial(bench)
    bench.run(2, uplink=lambda: bytes(320))
    assert max(bench.downlink) > 0
    assert bench.send("AT+CLCC")[0].startswith("+CLCC: 1,0,0")


def test_late_ok_comes_after_the_next_reply() -> None:
    late = Fault(kind=FaultKind.LATE_OK, seconds=1)
    bench = Bench("generic", one_number(ANSWERS, late))
    assert dial(bench) == []
    assert bench.send("AT+CSQ") == ["+CSQ: 16,99", "OK"]
    assert bench.run(1.5) == ["OK"]


def test_no_result_until_the_far_end_answers() -> None:
    bench = Bench("generic", one_number(ANSWERS, FaultKind.NO_OK))
    assert dial(bench) == []
    assert bench.run(2.5) == []
    assert bench.run(1) == ["OK"]


def test_busy_as_the_only_result() -> None:
    bench = Bench("generic", one_number(Busy(), FaultKind.NO_OK))
    assert dial(bench) == []
    assert bench.run(5) == ["BUSY"]


def test_hanging_up_before_a_result() -> None:
    bench = Bench("generic", one_number(ANSWERS, FaultKind.NO_OK))
    dial(bench)
    bench.run(1.5)
    assert bench.send("AT+CHUP") == ["OK", "NO CARRIER"]
    assert bench.send("AT+CLCC") == ["OK"]


def test_notices_before_the_ok() -> None:
    bench = Bench("huawei", one_number(ANSWERS, FaultKind.NOTICES_BEFORE_OK))
    assert dial(bench) == ["^ORIG:1,0", "OK"]
    bench.run(4)
    assert bench.send("AT+CHUP") == ["^CEND:1,1,29,16", "OK"]


def test_ignored_hang_up_says_ok_and_keeps_the_call() -> None:
    bench = Bench(scenario=one_number(ANSWERS, Fault(kind=FaultKind.IGNORE_HANG_UP, times=2)))
    dial(bench)
    bench.run(4)
    for command in ("AT+CHUP", "ATH"):
        assert bench.send(command) == ["OK"]
        assert len(bench.send("AT+CLCC")) == 2
    assert "NO CARRIER" in bench.send("AT+CHUP")
    assert bench.send("AT+CLCC") == ["OK"]
    assert bench.events("hang_up_ignored") == ["hang_up_ignored"] * 2


def test_dial_error_reaches_nobody() -> None:
    bench = Bench(scenario=one_number(ANSWERS, FaultKind.DIAL_ERROR))
    assert dial(bench) == ["ERROR"]
    assert bench.events("dialled") == []


def test_alerting_may_be_skipped() -> None:
    bench = Bench("quectel", one_number(ANSWERS, FaultKind.NEVER_ALERTING))
    bench.send("AT^DSCI=1")
    dial(bench)
    assert [line.split(",")[2] for line in bench.run(5)] == ["2", "3"]


def test_lost_notices_leave_the_call_list() -> None:
    bench = Bench(scenario=one_number(ANSWERS, FaultKind.LOST_NOTICES))
    dial(bench)
    assert bench.run(4) == []
    assert bench.send("AT+CLCC")[0].startswith("+CLCC: 1,0,0,")
    assert bench.run(20) == []
    assert bench.send("AT+CLCC") == ["OK"]


def test_double_notices() -> None:
    bench = Bench(scenario=one_number(ANSWERS, FaultKind.DOUBLE_NOTICES))
    dial(bench)
    assert bench.run(4) == ["VOICE CALL: BEGIN"] * 2


def test_a_call_comes_in_right_after_the_end() -> None:
    bench = Bench("generic", one_number(Busy(), FaultKind.INCOMING_AFTER_END))
    dial(bench)
    assert bench.run(3) == ["BUSY", "RING"]


def test_dropped_and_delayed_replies() -> None:
    bench = Bench(
        scenario=line_fault(Fault(kind=FaultKind.DROP_REPLIES, command="AT+CSQ", times=2))
    )
    assert bench.send("AT+CSQ") == []
    assert bench.send("AT") == ["OK"]
    assert bench.send("AT+CSQ") == []
    assert bench.send("AT+CSQ") == ["+CSQ: 16,99", "OK"]
    bench = Bench(scenario=line_fault(Fault(kind=FaultKind.DELAY_REPLIES, command="AT+CSQ")))
    assert bench.send("AT+CSQ") == []
    assert bench.send("AT+CFUN?") == ["+CFUN: 1", "OK"]
    assert bench.run(2) == ["+CSQ: 16,99", "OK"]


@pytest.mark.parametrize("command", ["AT", "AT+CMEE=1"])
def test_refused_commands(command: str) -> None:
    bench = Bench(scenario=line_fault(Fault(kind=FaultKind.REFUSE, command=command, times=1)))
    if command == "AT":
        # The bench itself sent ATE0, which AT covers.
        assert bench.wire
        assert lines_of(b"".join(bench.wire))[-1] == "ERROR"
        return
    assert bench.send(command) == ["ERROR"]
    assert bench.send(command) == ["OK"]


def test_echo_although_switched_off() -> None:
    bench = Bench(scenario=line_fault(Fault(kind=FaultKind.ECHO)))
    assert bench.send("AT+CFUN?") == ["AT+CFUN?", "+CFUN: 1", "OK"]


def test_garbage_spoils_lines_with_bytes_that_are_no_text() -> None:
    bench = Bench(scenario=line_fault(Fault(kind=FaultKind.GARBAGE_BYTES)))
    bench.wire.clear()
    bench.send("AT")
    raw = b"".join(bench.wire)
    assert raw.endswith(b"\r\nOK\r\n")
    assert len(raw) == len(b"\r\nOK\r\n") + 3


def test_lines_in_single_bytes_stay_in_order() -> None:
    bench = Bench(scenario=line_fault(Fault(kind=FaultKind.SPLIT_LINES)), echo=True)
    bench.wire.clear()
    bench.send("ATE0")
    bench.send("AT+CSQ")
    bench.run(1)
    assert all(len(piece) == 1 for piece in bench.wire)
    assert lines_of(b"".join(bench.wire)) == ["ATE0", "OK", "+CSQ: 16,99", "OK"]


def test_deaf_for_a_while() -> None:
    bench = Bench(scenario=line_fault(Fault(kind=FaultKind.DEAF, at=1, seconds=3)))
    assert bench.send("AT") == ["OK"]
    bench.run(2)
    assert bench.send("AT") == []
    bench.run(3)
    assert bench.send("AT") == ["OK"]


def test_dead_until_the_power_is_cut() -> None:
    bench = Bench(scenario=line_fault(Fault(kind=FaultKind.DEAD, at=1)))
    bench.run(2)
    assert bench.send("AT") == []
    bench.run(1000)
    assert bench.send("AT") == []


@pytest.mark.parametrize("kind", [FaultKind.USB_LOSS, FaultKind.RESET, FaultKind.UNDERVOLTAGE])
def test_power_lost_in_a_call(kind: FaultKind) -> None:
    bench = Bench(scenario=one_number(ANSWERS, Fault(kind=kind, after=5, seconds=4)))
    dial(bench)
    told = bench.run(6)
    assert bench.plugs == [False]
    assert ("UNDER-VOLTAGE WARNNING" in told) is (kind is FaultKind.UNDERVOLTAGE)
    assert bench.fact("ended", "by") == "network"
    assert bench.send("AT") == []
    assert bench.run(5) == ["RDY", "+CPIN: READY", "SMS DONE", "PB DONE"]
    assert bench.plugs == [False, True]
    assert bench.send("AT+CLCC") == ["AT+CLCC", "OK"]


def test_settings_are_lost_with_the_power_and_the_registration_takes_time() -> None:
    bench = Bench()
    bench.send("AT+CMEE=2")
    bench.send("AT+CRESET")
    bench.run(16.5)
    bench.send("ATE0")
    assert bench.send("AT+CMEE?") == ["+CMEE: 0", "OK"]
    assert bench.send("AT+CREG?") == ["+CREG: 0,2", "OK"]
    bench.run(2)
    assert bench.send("AT+CREG?") == ["+CREG: 0,1", "OK"]


def test_a_uart_modem_keeps_its_port_while_it_resets() -> None:
    bench = Bench("sim800")
    assert bench.send("AT+CFUN=1,1") == ["OK"]
    bench.run(3)
    assert bench.plugs == []
    assert bench.send("AT") == []
    assert bench.run(10)[0] == "RDY"


@pytest.mark.parametrize(("kind", "stat"), [(FaultKind.NO_NETWORK, 2), (FaultKind.SMS_ONLY, 6)])
def test_service_lost_and_back(kind: FaultKind, stat: int) -> None:
    bench = Bench(scenario=line_fault(Fault(kind=kind, at=1, seconds=5)))
    bench.send("AT+CREG=1")
    assert bench.run(2) == [f"+CREG: {stat}"]
    assert bench.send("AT+CREG?") == [f"+CREG: 1,{stat}", "OK"]
    assert dial(bench) == ["NO CARRIER"]
    assert bench.run(5) == ["+CREG: 1"]
    assert dial(bench) == ["OK"]


def test_odd_answers() -> None:
    bench = Bench(scenario=line_fault(Fault(kind=FaultKind.MALFORMED_CREG)))
    assert bench.send("AT+CREG?") == ["+CREG: 1,0,1", "OK"]
    bench = Bench(scenario=line_fault(Fault(kind=FaultKind.NOT_SUPPORT)))
    assert bench.send("AT+NOSUCH") == ["COMMAND NOT SUPPORT"]


def test_huawei_dies_of_a_hold_command_before_the_answer() -> None:
    bench = Bench("huawei", one_number(ANSWERS))
    dial(bench)
    bench.run(1.5)
    assert bench.send("AT+CHLD=11") == []
    assert bench.send("AT") == []


def test_the_nth_call_of_a_line_and_of_a_number() -> None:
    bench = Bench(scenario=line_fault(Fault(kind=FaultKind.DIAL_ERROR, call=2)))
    results = []
    for _ in range(3):
        results.append(dial(bench))
        bench.run(30)
    assert results == [["OK"], ["ERROR"], ["OK"]]
    bench = Bench(scenario=one_number(ANSWERS, Fault(kind=FaultKind.DIAL_ERROR, call=1)))
    assert dial(bench) == ["ERROR"]
    assert dial(bench) == ["OK"]


def test_incoming_call_rings_and_can_be_turned_away() -> None:
    incoming = IncomingCall(at=2, number=NUMBER)
    bench = Bench(scenario=one_line(LineScenario(line=1, incoming=(incoming,))))
    bench.send("AT+CLIP=1")
    assert bench.run(3) == ["RING", f'+CLIP: "{NUMBER}",145,,,,0']
    assert bench.send("AT+CLCC") == [f'+CLCC: 1,1,4,0,0,"{NUMBER}",145,""', "OK"]
    bench.send("AT+CHUP")
    assert bench.send("AT+CLCC") == ["OK"]
    assert bench.run(20) == []
    assert bench.fact("ended", "by") == "line"


def test_incoming_call_answered_with_keys() -> None:
    caller = Answer(keys=(KeyPress(key="9", heard=1.0),))
    incoming = IncomingCall(at=1, number=None, caller=caller)
    bench = Bench(scenario=one_line(LineScenario(line=1, incoming=(incoming,))))
    bench.run(2)
    assert bench.send("ATA") == ["OK", "VOICE CALL: BEGIN"]
    bench.send("AT+CPCMREG=1")
    voice = b"\x00\x10\x00\x10\x00\xf0\x00\xf0" * 40
    bench.run(2, uplink=lambda: voice)
    assert bench.fact("key", "key") == "9"


def test_a_second_caller_waits_and_rings_when_the_line_is_free() -> None:
    waits = LineScenario(line=1, call_waiting=True, incoming=(IncomingCall(at=5, number=NUMBER),))
    bench = Bench("generic", one_line(waits, Answer(rings_in=0, after=0)))
    bench.send("AT+CCWA=1;+CLIP=1")
    bench.send("ATD+33639980009;")
    assert f'+CCWA: "{NUMBER}",145,1' in bench.run(6)
    ours, theirs = bench.send("AT+CLCC")[:2]
    assert ours.startswith("+CLCC: 1,0,0,0,0,")
    assert theirs == f'+CLCC: 2,1,5,0,0,"{NUMBER}",145'
    bench.send("AT+CHUP")
    assert bench.send("AT+CLCC") == ["OK"]
    assert bench.run(1) == ["RING", f'+CLIP: "{NUMBER}",145,,,,0']
    assert bench.send("AT+CLCC") == [f'+CLCC: 1,1,4,0,0,"{NUMBER}",145', "OK"]


@pytest.mark.parametrize(("service", "command"), [(False, "AT+CCWA=1"), (True, "AT+CCWA=0,0,1")])
def test_without_call_waiting_a_second_caller_hears_busy(service: bool, command: str) -> None:
    line = LineScenario(line=1, call_waiting=service, incoming=(IncomingCall(at=5, number=NUMBER),))
    bench = Bench("generic", one_line(line, Answer(rings_in=0, after=0)))
    bench.send(command)
    bench.send("ATD+33639980009;")
    bench.run(6)
    assert len(bench.send("AT+CLCC")) == 2
    assert bench.fact("incoming", "busy") is True


def test_a_caller_who_waits_gives_up() -> None:
    caller = IncomingCall(at=5, number=NUMBER, rings_for=3)
    waits = LineScenario(line=1, call_waiting=True, incoming=(caller,))
    bench = Bench("generic", one_line(waits, Answer(rings_in=0, after=0)))
    bench.send("ATD+33639980009;")
    bench.run(6)
    assert len(bench.send("AT+CLCC")) == 3
    bench.run(3)
    assert len(bench.send("AT+CLCC")) == 2


def test_incoming_call_missed() -> None:
    incoming = IncomingCall(at=1, number=NUMBER, rings_for=8)
    bench = Bench(scenario=one_line(LineScenario(line=1, incoming=(incoming,))))
    told = bench.run(12)
    assert told == ["RING", "RING", f"MISSED_CALL: 11:01AM {NUMBER}", "NO CARRIER"]


@pytest.mark.parametrize("family", sorted(PERSONALITIES))
def test_every_family_identifies_itself_and_survives_its_own_command_list(family: str) -> None:
    bench = Bench(family)
    answer = bench.send("AT+CGMM")
    assert answer == [PERSONALITIES[family].model, "OK"]
    for name in sorted(PERSONALITIES[family].handlers):
        for form in ("", "?", "=?", "=", "=1", '="x"', '="C:/x.wav",5', "=,,,"):
            bench.send(f"AT{name}{form}")
            bench.send_bytes(b"\x1b12345\x1a")
        bench.run(0.1)
    bench.send("AT+CFUN=1,1")
    bench.run(60)
    bench.send_bytes(b"\r")
    assert bench.send("AT")[-1:] in (["OK"], [])


def test_the_same_seed_gives_the_same_calls() -> None:
    def behaviours(seed: int) -> list[str]:
        rule = NumberRule(number="*", behaviours=(DEFAULT_MIX,))
        world = Subscribers(Scenario(seed=seed, numbers=(rule,)))
        return [repr(world.plan(f"+3363998{n:04d}").behaviour) for n in range(50)]

    assert behaviours(1) == behaviours(1)
    assert behaviours(1) != behaviours(2)
    assert len(set(behaviours(1))) > 4
