"""What a report of ``modem bench`` proves, and what it may not hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from appliance.selftest import bench_steps
from appliance.selftest.bench_report import (
    FORMAT,
    MAY_BE_SKIPPED,
    STEPS,
    Report,
    ReportUnusable,
    file_name,
    read_report,
    tiers,
    without_numbers,
)
from appliance.selftest.bench_transcript import Transcript, masked
from firmware import events
from firmware.families import FAMILIES

ROOT = Path(__file__).parents[3]
COMMITTED = sorted((ROOT / "docs" / "bench").glob("*.json"))


def report(**changes: Any) -> dict[str, Any]:
    """A report as a real modem's would be; invented, and written nowhere but by the tests."""
    return {
        "format": FORMAT,
        "program": "1.0",
        "at": "2027-03-10T17:30:00Z",
        "family": "quectel",
        "model": "EC25",
        "revision": "EC25EFAR06A06M4G",
        "imei_body": "86",
        "audio": "pcm-serial",
        "witnesses": ["module", "host"],
        "simulated": [],
        "steps": [{"step": step, "verdict": "passed", "detail": ""} for step in STEPS],
        "figures": {"hang_up_ms": 220, "key_delay_ms": {"1": 90}},
        "transcript": ["> AT", "< OK"],
    } | changes


def with_step(name: str, verdict: str) -> dict[str, Any]:
    found = report()
    for step in found["steps"]:
        if step["step"] == name:
            step["verdict"] = verdict
    return found


def read(directory: Path, found: object, name: str = "quectel-EC25-2027-03-10.json") -> Report:
    (directory / name).write_text(json.dumps(found))
    return read_report(directory / name)


def test_the_tiers_that_the_program_and_its_page_show_are_those_that_reports_prove() -> None:
    proven = tiers(map(read_report, COMMITTED))
    page = (ROOT / "docs" / "modems.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| `(\w+)` \|.*\| (\w+) \|$", page, re.MULTILINE))

    assert {name: family.tier for name, family in FAMILIES.items()} == proven
    assert {name: shown[name] for name in FAMILIES} == proven


def test_a_whole_report_of_a_real_modem_raises_its_family_and_no_other(tmp_path: Path) -> None:
    found = read(tmp_path, report())
    assert found.proves
    raised = {name for name, tier in tiers([found]).items() if tier == "bench"}
    assert raised == {"quectel"}
    assert file_name(found) == "quectel-EC25-2027-03-10.json"


@pytest.mark.parametrize("step", STEPS)
def test_a_failed_step_proves_nothing_and_few_may_be_skipped(tmp_path: Path, step: str) -> None:
    assert not read(tmp_path, with_step(step, "failed")).proves
    assert read(tmp_path, with_step(step, "skipped")).proves is (step in MAY_BE_SKIPPED)


@pytest.mark.parametrize(
    "sign",
    ["test-imei", "no-imei", "pty", "no-device", "bench-line", "speed", "fiction-number"],
)
def test_any_sign_of_a_simulated_modem_raises_nothing(tmp_path: Path, sign: str) -> None:
    found = read(tmp_path, report(simulated=[sign]))
    assert found.complete
    assert not found.proves


@pytest.mark.parametrize(
    "wrong",
    [
        report(format="autodialer-modem-bench-2"),
        report(steps=report()["steps"][1:]),
        report(steps=[*report()["steps"], report()["steps"][0]]),
        report(steps=report()["steps"][::-1]),
        with_step("keys", "perhaps"),
        report(steps=[{**step, "detail": 1} for step in report()["steps"]]),
        report(extra=1),
        report(imei_body="00"),
        report(imei_body="861234567890123"),
        report(transcript=["> ATD+33639980007;"]),
        report(revision="861234567890123"),
        report(at="2027-03-10T17:30:00"),
        report(at="yesterday"),
        report(family="sim7600"),
        report(figures={"hang_up_ms": "fast"}),
        {name: value for name, value in report().items() if name != "transcript"},
        [],
        "text",
    ],
)
def test_what_is_malformed_or_tells_a_number_is_no_report(tmp_path: Path, wrong: object) -> None:
    with pytest.raises(ReportUnusable) as caught:
        read(tmp_path, wrong)
    assert caught.value.remedy


def test_a_report_without_traffic_proves_nothing(tmp_path: Path) -> None:
    assert not read(tmp_path, report(transcript=[])).proves


REAL: dict[str, Any] = {
    "imei": "861234567890123",
    "device": "/dev/ttyUSB2",
    "is_device": True,
    "bench": False,
    "speed": 1.0,
    "fiction": False,
}


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ({}, None),
        ({"imei": "001010123450011"}, "test-imei"),
        ({"imei": None}, "no-imei"),
        ({"device": "/dev/pts/7"}, "pty"),
        ({"is_device": False}, "no-device"),
        ({"bench": True}, "bench-line"),
        ({"speed": 8.0}, "speed"),
        ({"fiction": True}, "fiction-number"),
    ],
)
def test_each_sign_is_seen_by_itself(change: dict[str, Any], sign: str | None) -> None:
    assert bench_steps.signs(**(REAL | change)) == (() if sign is None else (sign,))


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("ATD+33639980007;", "ATD+00000000000;"),
        ('AT+CPIN="1234"', "AT+CPIN=(masked)"),
        ('at+cpin="1234"', "at+cpin=(masked)"),
        ('+CLIP: "0639",129,"",0,"Camille",0', '+CLIP: "0000",129,"",0,"xxxxxxx",0'),
        ('+CUSD: 0,"Credit 12.34 EUR",15', '+CUSD: 0,"xxxxxx 00.00 xxx",15'),
        ('+CREG: 2,1,"1A2B","01C3D4E5"', '+CREG: 2,1,"0x0x","00x0x0x0"'),
        ("0791336309F0040B913336F4", "0" * 24),
        ("861234567890123", "0" * 15),
        ("+ICCID: 8933012345678901234F", "+ICCID: 00000000000000000000"),
        ("call 06 39 98 00 07 or 06.39.98.00.07", "call 00 00 00 00 00 or 00.00.00.00.00"),
        ("11.609.18.00.00", "11.609.18.00.00"),
        ('+CMTI: "SM",3', '+CMTI: "SM",3'),
        ("+CSQ: 16,99", "+CSQ: 16,99"),
        ("EC25EFAR06A06M4G", "EC25EFAR06A06M4G"),
    ],
)
def test_lines_are_masked_where_they_tell_of_somebody(line: str, hidden: str) -> None:
    assert masked(line) == hidden


def test_a_number_in_pieces_between_which_a_command_goes_out_is_still_masked() -> None:
    transcript = Transcript()
    transcript.add("rx", b'\r\n+CLIP: "+3363', 0.0)
    transcript.add("tx", b"AT+CLCC\r", 0.1)
    transcript.add("rx", b'9980007",145\r\nOK\r\n', 0.2)
    transcript.add("rx", b"\x00\x01\xfe" * 200, 0.3)

    assert transcript.lines() == [
        "> AT+CLCC",
        '< +CLIP: "+00000000000",145',
        "< OK",
        "< (600B)",
    ]


def test_a_family_is_proven_by_what_the_modem_says_and_not_by_the_configuration() -> None:
    line = {"model": "EC25", "imei": "861234567890123", "iccid": "8933"}
    assert bench_steps.identity(line, "auto").verdict == "passed"
    assert bench_steps.identity(line, "quectel").verdict == "failed"
    assert bench_steps.identity({**line, "imei": None}, "auto").verdict == "failed"


def test_what_a_modem_calls_itself_holds_no_identity() -> None:
    assert without_numbers("A_861234567890123") == "A_000000000000000"
    assert without_numbers("EC25EFAR06A06M4G") == "EC25EFAR06A06M4G"
    assert without_numbers(None) == ""


def fault(at: float, name: str) -> events.LineFault:
    return events.LineFault(line="l", at=at, fault=name, detail="", remedy="", final=False)


def ready(at: float, imei: str) -> events.LineReady:
    return events.LineReady(
        line="l", at=at, family="", model="", imei=imei, iccid=None, witnesses=(), audio=""
    )


@pytest.mark.parametrize(
    ("seen", "verdict", "seconds"),
    [
        ([fault(5, "port-lost"), ready(12, "1")], "passed", 7),
        ([fault(5, "port-missing"), fault(6, "port-missing"), ready(12, "1")], "passed", 7),
        ([fault(5, "port-lost"), ready(12, "2")], "failed", None),
        ([fault(5, "port-lost")], "failed", None),
        ([fault(5, "no-reply"), ready(12, "1")], "failed", None),
        ([ready(12, "1")], "failed", None),
        ([], "failed", None),
    ],
)
def test_a_plug_was_pulled_where_the_port_went_and_the_same_modem_came_back(
    seen: list[Any], verdict: str, seconds: float | None
) -> None:
    step, told = bench_steps.replug(seen, "1")
    assert (step.verdict, told) == (verdict, seconds)


def test_how_much_later_the_second_witness_heard_is_measured_by_key() -> None:
    at: dict[str, Any] = {"line": "l", "attempt": "a", "sureness": 1.0}
    module, host = events.Witness.MODULE, events.Witness.HOST
    seen: list[events.Event] = [
        events.KeyHeard(at=1.0, key="1", witness=host, **at),
        events.KeyConfirmed(at=1.25, key="1", witness=module, **at),
        events.KeyHeard(at=2.0, key="9", witness=host, **at),
    ]
    assert bench_steps.key_delays(seen) == {"1": 250}


def test_steps_that_never_came_are_skipped_and_say_so() -> None:
    found = bench_steps.whole([bench_steps.passed("rings")])
    assert [step.step for step in found] == list(STEPS)
    assert [step.verdict for step in found if step.step != "rings"] == ["skipped"] * 12
    assert all(step.detail for step in found if step.step != "rings")
