"""Each fact by itself, as the lamps show it; and the rows of the card."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from appliance.box.lamps import (
    LAMP_TABLE,
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

WORKING = BoxFacts(lines=2, lines_ready=2)
OFF, ON, SLOW, FAST = Blink.OFF, Blink.ON, Blink.SLOW, Blink.FAST


@pytest.mark.parametrize(
    ("change", "ready", "fault", "codes"),
    [
        ({}, ON, OFF, ()),
        ({"storage_ok": False}, OFF, Flashes(1), (FaultCode.STORAGE,)),
        ({"clock_trusted": False}, OFF, Flashes(2), (FaultCode.CLOCK,)),
        ({"law_refuses": True}, OFF, Flashes(3), (FaultCode.LAW,)),
        ({"lines_out": 1}, ON, Flashes(4), (FaultCode.LINE_OUT,)),
        ({"lines_ready": 0}, OFF, Flashes(5), (FaultCode.NO_LINE,)),
        ({"host_ok": False}, OFF, Flashes(5), (FaultCode.NO_LINE,)),
        ({"audio_ok": False}, ON, Flashes(6), (FaultCode.AUDIO,)),
        ({"panel_ok": False}, ON, Flashes(7), (FaultCode.PANEL,)),
        ({"fleet_barred": True}, OFF, Flashes(8), (FaultCode.FLEET,)),
        ({"fleet_unheard": True}, ON, Flashes(8), (FaultCode.FLEET,)),
        ({"state_ok": False}, OFF, Flashes(9), (FaultCode.STATE,)),
        ({"provisioned": "refused"}, ON, Flashes(1, long=1), (FaultCode.PROVISIONING,)),
        ({"provisioned": "applied"}, Flashes(3), OFF, ()),
        ({"updated": "writing"}, Flashes(4), OFF, ()),
        ({"updated": "holds"}, Flashes(5), OFF, ()),
        ({"updated": "refused"}, ON, Flashes(3, long=1), (FaultCode.UPDATE,)),
        ({"updated": "taken_back"}, ON, Flashes(3, long=1), (FaultCode.UPDATE,)),
        ({"stopped": True, "panel_ok": False}, OFF, FAST, (FaultCode.PANEL,)),
        ({"safe_mode": True, "storage_ok": False}, OFF, SLOW, (FaultCode.STORAGE,)),
        ({"unconfigured": True}, ON, Flashes(2, long=1), ()),
        ({"paused": True, "provisioned": "applied"}, Flashes(3), OFF, ()),
        ({"done": True, "awaiting_press": True}, Flashes(2), OFF, ()),
        (
            {"state_ok": False, "audio_ok": False},
            OFF,
            Flashes(6),
            (FaultCode.AUDIO, FaultCode.STATE),
        ),
    ],
)
def test_each_fact(
    change: dict[str, Any], ready: Pattern, fault: Pattern, codes: tuple[FaultCode, ...]
) -> None:
    box = replace(WORKING, **change)
    shown = lamps(box)
    assert (shown[Lamp.READY], shown[Lamp.FAULT]) == (ready, fault)
    assert faults(box) == codes
    counted = [code.pattern.count for code in codes if not code.pattern.long]
    assert code_shown(box) == (counted[0] if counted else None)


@pytest.mark.parametrize(
    ("lines", "ready", "shown"),
    [(1, 0, OFF), (1, 1, ON), (2, 1, SLOW), (2, 2, ON), (3, 2, SLOW), (8, 7, SLOW), (0, 0, OFF)],
)
def test_the_line_lamp(lines: int, ready: int, shown: Pattern) -> None:
    assert lamps(BoxFacts(lines=lines, lines_ready=ready))[Lamp.LINE] == shown


@pytest.mark.parametrize(
    ("dialling", "talking", "shown"),
    [(0, 0, OFF), (1, 0, FAST), (0, 1, ON), (1, 1, ON), (0, 2, ON), (2, 0, FAST)],
)
def test_the_call_lamp(dialling: int, talking: int, shown: Pattern) -> None:
    box = replace(WORKING, dialling=dialling, talking=talking)
    assert lamps(box)[Lamp.CALL] == shown


def test_a_box_of_which_nothing_is_known() -> None:
    assert BoxFacts() == BoxFacts(
        lines=0,
        lines_ready=0,
        lines_out=0,
        dialling=0,
        talking=0,
        paused=False,
        awaiting_press=False,
        done=False,
        stopped=False,
        clock_trusted=True,
        storage_ok=True,
        state_ok=True,
        law_refuses=False,
        panel_ok=True,
        host_ok=True,
        safe_mode=False,
        audio_ok=True,
        provisioned="",
        unconfigured=False,
        updated="",
        fleet_barred=False,
        fleet_unheard=False,
    )


def test_a_box_that_does_not_run_as_a_box() -> None:
    dark = {Lamp.READY: OFF, Lamp.LINE: OFF, Lamp.CALL: OFF}
    assert safe_mode_lamps() == dark | {Lamp.FAULT: SLOW}
    assert waiting_lamps(refused=False) == dark | {Lamp.FAULT: Flashes(2, long=1)}
    assert waiting_lamps(refused=True) == dark | {Lamp.FAULT: Flashes(1, long=1)}


def test_the_card_has_a_row_for_each_pattern_with_its_remedy_apart() -> None:
    rows = card_rows()
    assert len(rows) == len(LAMP_TABLE)
    for (lamp, _, meaning, remedy), row in zip(rows, LAMP_TABLE, strict=True):
        assert lamp == row.lamp.value
        assert row.meaning == (f"{meaning}: {remedy}" if remedy else meaning)
    with_remedy = [meaning for lamp, _, meaning, remedy in rows if remedy]
    assert [code.meaning for code in FaultCode] == with_remedy[-len(FaultCode) :]
    assert len(with_remedy) == len(FaultCode) + 2
