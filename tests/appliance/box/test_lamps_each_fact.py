"""Each fact by itself: what it alone does to the ready and the fault lamp, and what it hides."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from appliance.box.lamps import (
    SAFE_MODE,
    SAFE_MODE_REMEDY,
    WAITING,
    WAITING_REMEDY,
    BoxFacts,
    FaultCode,
    card_rows,
    code_shown,
    faults,
    lamps,
    safe_mode_lamps,
    waiting_lamps,
)
from firmware.gpio.lamp import Blink, Flashes, Lamp, Pattern

OFF, ON, SLOW, FAST = Blink.OFF, Blink.ON, Blink.SLOW, Blink.FAST
WORKING = BoxFacts(lines=2, lines_ready=2)


def test_a_box_of_which_nothing_is_known() -> None:
    assert asdict(BoxFacts()) == {
        "lines": 0,
        "lines_ready": 0,
        "lines_out": 0,
        "dialling": 0,
        "talking": 0,
        "paused": False,
        "awaiting_press": False,
        "done": False,
        "stopped": False,
        "clock_trusted": True,
        "storage_ok": True,
        "state_ok": True,
        "law_refuses": False,
        "panel_ok": True,
        "host_ok": True,
        "safe_mode": False,
        "audio_ok": True,
        "provisioned": "",
        "unconfigured": False,
        "updated": "",
        "fleet_barred": False,
        "fleet_unheard": False,
    }


@pytest.mark.parametrize(
    ("fact", "ready", "fault", "codes"),
    [
        ({}, ON, OFF, []),
        ({"storage_ok": False}, OFF, Flashes(1), [FaultCode.STORAGE]),
        ({"clock_trusted": False}, OFF, Flashes(2), [FaultCode.CLOCK]),
        ({"law_refuses": True}, OFF, Flashes(3), [FaultCode.LAW]),
        ({"lines_out": 1}, ON, Flashes(4), [FaultCode.LINE_OUT]),
        ({"lines_out": 2}, ON, Flashes(4), [FaultCode.LINE_OUT]),
        ({"lines_ready": 1}, ON, OFF, []),
        ({"lines_ready": 0}, OFF, Flashes(5), [FaultCode.NO_LINE]),
        ({"host_ok": False}, OFF, Flashes(5), [FaultCode.NO_LINE]),
        ({"audio_ok": False}, ON, Flashes(6), [FaultCode.AUDIO]),
        ({"panel_ok": False}, ON, Flashes(7), [FaultCode.PANEL]),
        ({"fleet_barred": True}, OFF, Flashes(8), [FaultCode.FLEET]),
        ({"fleet_unheard": True}, ON, Flashes(8), [FaultCode.FLEET]),
        ({"state_ok": False}, OFF, Flashes(9), [FaultCode.STATE]),
        ({"provisioned": "refused"}, ON, Flashes(1, long=1), [FaultCode.PROVISIONING]),
        ({"provisioned": "applied"}, Flashes(3), OFF, []),
        ({"updated": "writing"}, Flashes(4), OFF, []),
        ({"updated": "holds"}, Flashes(5), OFF, []),
        ({"updated": "refused"}, ON, Flashes(3, long=1), [FaultCode.UPDATE]),
        ({"updated": "taken_back"}, ON, Flashes(3, long=1), [FaultCode.UPDATE]),
        ({"safe_mode": True}, ON, SLOW, []),
        ({"unconfigured": True}, ON, Flashes(2, long=1), []),
        ({"stopped": True}, OFF, FAST, []),
        ({"paused": True}, SLOW, OFF, []),
        ({"done": True}, Flashes(2), OFF, []),
        ({"awaiting_press": True}, FAST, OFF, []),
    ],
)
def test_one_fact_alone(
    fact: dict[str, Any], ready: Pattern, fault: Pattern, codes: list[FaultCode]
) -> None:
    box = replace(WORKING, **fact)
    shown = lamps(box)
    assert (shown[Lamp.READY], shown[Lamp.FAULT]) == (ready, fault)
    assert list(faults(box)) == codes
    # The supervisor is told the short flashes only: what came of a stick is no reason to be gone.
    short = [code.pattern.count for code in codes if not code.pattern.long]
    assert code_shown(box) == (short[0] if short else None)


def test_of_several_faults_the_gravest_is_shown_and_told() -> None:
    box = replace(WORKING, panel_ok=False, law_refuses=True, provisioned="refused")
    assert list(faults(box)) == [FaultCode.LAW, FaultCode.PANEL, FaultCode.PROVISIONING]
    assert lamps(box)[Lamp.FAULT] == Flashes(3)
    assert code_shown(box) == 3
    assert code_shown(replace(WORKING, provisioned="refused", updated="refused")) is None
    assert code_shown(replace(WORKING, stopped=True, clock_trusted=False)) == 2


def test_every_fault_that_bars_calls_darkens_whatever_else_the_ready_lamp_would_say() -> None:
    for bars in (
        {"storage_ok": False},
        {"state_ok": False},
        {"host_ok": False},
        {"clock_trusted": False},
        {"law_refuses": True},
        {"lines_ready": 0},
        {"fleet_barred": True},
    ):
        box = replace(WORKING, paused=True, done=True, awaiting_press=True, **bars)
        assert lamps(box)[Lamp.READY] == OFF, bars
        assert lamps(replace(box, provisioned="applied"))[Lamp.READY] == Flashes(3), bars


def test_a_box_that_could_not_start_or_has_no_configuration() -> None:
    dark = {Lamp.READY: OFF, Lamp.LINE: OFF, Lamp.CALL: OFF}
    assert safe_mode_lamps() == {**dark, Lamp.FAULT: SLOW}
    assert waiting_lamps(refused=False) == {**dark, Lamp.FAULT: Flashes(2, long=1)}
    assert waiting_lamps(refused=True) == {**dark, Lamp.FAULT: Flashes(1, long=1)}


def test_the_card_tells_meaning_from_remedy() -> None:
    rows = card_rows()
    told = [row[2:] for row in rows if row[3]]
    assert told == [
        (SAFE_MODE, SAFE_MODE_REMEDY),
        (WAITING, WAITING_REMEDY),
        *((code.meaning, code.remedy) for code in FaultCode),
    ]
    assert ("fault", "2 long") in [row[:2] for row in rows]
    assert ("fault", "steady") in [row[:2] for row in rows]
    assert [row[:2] for row in rows if row[0] == "call"] == [
        ("call", "steady"),
        ("call", "fast blink"),
        ("call", "off"),
    ]


def test_what_the_supervisor_shows_is_never_a_fact_of_the_box() -> None:
    shown = {lamps(replace(WORKING, stopped=stop))[Lamp.FAULT] for stop in (True, False)}
    assert shown == {FAST, OFF}
