"""What a simulated modem says about calls, by behaviour and by family."""

from __future__ import annotations

import numpy as np
import pytest

from firmware.simulator.network.scenario import (
    Answer,
    Behaviour,
    Busy,
    FaultKind,
    NoAnswer,
    Reject,
    Scenario,
    Unreachable,
    Voicemail,
)
from tests.support.simulator_bench import NUMBER, Bench, one_number


def dial(bench: Bench, number: str = NUMBER) -> list[str]:
    return bench.send(f"ATD{number};")


def test_answered_and_hung_up_by_the_box() -> None:
    bench = Bench(scenario=one_number(Answer(rings_in=1, after=2, patience=1e6)))
    bench.send("AT+CLCC=1")
    assert dial(bench) == ["OK"]
    row = f'"{NUMBER}",145,""'
    assert bench.run(4) == [
        f"+CLCC: 1,0,2,0,0,{row}",
        f"+CLCC: 1,0,3,0,0,{row}",
        f"+CLCC: 1,0,0,0,0,{row}",
        "VOICE CALL: BEGIN",
    ]
    assert bench.send("AT+CLCC") == [f"+CLCC: 1,0,0,0,0,{row}", "OK"]
    bench.run(74)
    assert bench.send("AT+CHUP") == [
        "OK",
        f"+CLCC: 1,0,6,0,0,{row}",
        "VOICE CALL: END: 000115",
        "NO CARRIER",
    ]
    assert bench.fact("ended", "by") == "line"
    assert bench.send("AT+CLCC") == ["OK"]


def test_the_duration_is_hours_minutes_seconds() -> None:
    bench = Bench(scenario=one_number(Answer(rings_in=0, after=0, patience=1e6)))
    dial(bench)
    bench.run(0.5)
    bench.run(844)
    assert "VOICE CALL: END: 001404" in bench.send("AT+CHUP")


@pytest.mark.parametrize(
    ("behaviour", "result", "cause", "by"),
    [
        (Busy(), "BUSY", 17, "network"),
        (NoAnswer(gives_up_after=10), "NO ANSWER", 19, "network"),
        (Reject(), "NO CARRIER", 21, "far_end"),
        (Unreachable(cause=1), "NO CARRIER", 1, "network"),
    ],
)
def test_ends_without_an_answer_on_a_standard_modem(
    behaviour: Behaviour, result: str, cause: int, by: str
) -> None:
    bench = Bench("generic", one_number(behaviour))
    assert dial(bench) == ["OK"]
    assert bench.run(15) == [result]
    assert bench.send("AT+CEER") == [f"+CEER: {cause}", "OK"]
    assert bench.fact("ended", "by") == by
    assert bench.events("answered", "audio") == []


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("sim7600", ["VOICE CALL: END", "BUSY"]),
        ("a76xx", ["VOICE CALL: END", "BUSY"]),
        ("sim800", ["BUSY"]),
        ("quectel", ["BUSY"]),
        ("huawei", ["^ORIG:1,0", "^CEND:1,0,67,17", "BUSY"]),
        ("generic", ["BUSY"]),
    ],
)
def test_busy_by_family(family: str, expected: list[str]) -> None:
    bench = Bench(family, one_number(Busy()))
    dial(bench)
    assert bench.run(5) == expected


def test_a_plain_release_leaves_only_the_cause() -> None:
    bench = Bench(scenario=one_number(Busy(), FaultKind.PLAIN_RELEASE))
    dial(bench)
    assert bench.run(5) == ["VOICE CALL: END", "NO CARRIER"]
    assert bench.send("AT+CEER") == ["+CEER: User busy", "OK"]


def test_quectel_tells_in_both_ways() -> None:
    bench = Bench("quectel", one_number(Answer(rings_in=1, after=1, hangs_up_after=5)))
    bench.send('AT+QINDCFG="ccinfo",1,0')
    bench.send("AT^DSCI=1")
    dial(bench)
    told = bench.run(10)
    assert [line.split(",")[2] for line in told if line.startswith("^DSCI")] == list("2736")
    states = [line.split(",")[3] for line in told if line.startswith("+QIND")]
    assert states == ["2", "3", "0", "-1"]
    assert told[-1] == "NO CARRIER"
    assert bench.send("AT+CLCC") == ['+CLCC: 1,0,0,1,0,"",128', "OK"]


def test_huawei_says_what_it_does() -> None:
    bench = Bench("huawei", one_number(Answer(rings_in=1, after=1, hangs_up_after=5)))
    dial(bench)
    assert bench.run(10) == [
        "^ORIG:1,0",
        "^CONF:1",
        "^CONN:1,0",
        "^CEND:1,5,104,16",
        "NO CARRIER",
    ]
    assert bench.send("AT+NOSUCH") == ["COMMAND NOT SUPPORT"]


def test_sim800_connected_line() -> None:
    bench = Bench("sim800", one_number(Answer(rings_in=1, after=1, hangs_up_after=5)))
    bench.send("AT+MORING=1")
    dial(bench)
    assert bench.run(10) == ["MO RING", "MO CONNECTED", "NO CARRIER"]


def test_a76xx_row_has_blanks_and_its_ath_lies() -> None:
    bench = Bench("a76xx", one_number(Answer(rings_in=0, after=0)))
    dial(bench)
    bench.run(1)
    row = f'+CLCC: 1, 0, 0, 0, 0, "{NUMBER}", 145, ""'
    assert bench.send("ATH") == ["OK"]
    assert bench.send("AT+CLCC") == [row, "OK"]
    assert bench.send("AT+CVHU=0") == ["OK"]
    assert bench.send("ATH") == ["OK", "VOICE CALL: END: 000001", "NO CARRIER"]
    assert bench.send("AT+CEER") == ['+CEER: "0 Unknown"', "OK"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ATD+33639980001", ["NO CARRIER"]),
        ("ATD;", ["ERROR"]),
        ("ATDabc+x;", ["ERROR"]),
        ("ATH", ["OK"]),
        ("AT+CHUP", ["OK"]),
        ("ATA", ["NO CARRIER"]),
        ("AT+VTS=1", ["ERROR"]),
        ("AT+NOSUCH", ["ERROR"]),
    ],
)
def test_commands_outside_a_call(line: str, expected: list[str]) -> None:
    bench = Bench("generic")
    assert bench.send(line) == expected
    assert bench.events() == []


def test_a_second_dial_is_an_error_and_harms_nothing() -> None:
    bench = Bench(scenario=one_number(Answer(rings_in=1, after=1)))
    dial(bench)
    assert dial(bench, "+33639980002") == ["ERROR"]
    bench.run(5)
    assert bench.events("dialled", "answered", "ended") == ["dialled", "answered"]


def test_unnamed_numbers_do_not_exist() -> None:
    bench = Bench("generic", Scenario())
    dial(bench)
    assert bench.run(10) == ["NO CARRIER"]
    assert bench.fact("ended", "cause") == 1


def test_voicemail_speaks_beeps_and_records() -> None:
    behaviour = Voicemail(rings_in=1, after=1, records=10)
    bench = Bench(scenario=one_number(behaviour))
    dial(bench)
    bench.run(3)
    bench.send("AT+CPCMREG=1")
    assert bench.run(30, uplink=lambda: bytes(320))[-1] == "NO CARRIER"
    samples = np.frombuffer(bytes(bench.downlink), dtype="<i2").astype(float)
    spectra = [np.abs(np.fft.rfft(samples[i : i + 800])) for i in range(0, len(samples) - 800, 800)]
    loud_beeps = [s for s in spectra if s.argmax() == 100 and s[100] > 0.9 * np.sqrt((s**2).sum())]
    assert len(loud_beeps) >= 3
    assert bench.fact("answered", "who") == "machine"
    assert bench.fact("hung_up", "why") == "recording full"


def test_the_stream_needs_a_call() -> None:
    bench = Bench(scenario=one_number(Answer(rings_in=1, after=1)))
    assert bench.send("AT+CPCMREG=1") == ["ERROR"]
    dial(bench)
    assert bench.send("AT+CPCMREG=1") == ["OK"]
    assert bench.send("AT+CPCMREG?") == ["+CPCMREG: 1", "OK"]
    bench.run(5)
    bench.send("AT+CHUP")
    assert bench.send("AT+CPCMREG?") == ["+CPCMREG: 0", "OK"]


def test_ringback_before_the_answer_comes_down_the_stream() -> None:
    bench = Bench(scenario=one_number(Answer(rings_in=1, after=20)))
    dial(bench)
    bench.send("AT+CPCMREG=1")
    bench.run(1.2, uplink=lambda: bytes(320))
    samples = np.frombuffer(bytes(bench.downlink), dtype="<i2").astype(float)
    assert abs(np.abs(np.fft.rfft(samples[:8000])).argmax() - 440) <= 2


def test_connected_line_presentation_delays_the_result_and_any_byte_aborts() -> None:
    bench = Bench(scenario=one_number(Answer(rings_in=1, after=1)))
    bench.send("AT+COLP=1")
    assert dial(bench) == []
    assert bench.run(5) == ["OK", "VOICE CALL: BEGIN", f'+COLP: "{NUMBER}",145,,,']
    bench.send("AT+CHUP")
    assert dial(bench) == []
    assert bench.send_bytes(b"A") == ["NO CARRIER"]
    assert bench.send("AT+CLCC") == ["OK"]
