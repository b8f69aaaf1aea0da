"""The lamp table: what each state of the box looks like from the corridor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.box.lamps import LAMP_TABLE, BoxFacts, FaultCode, faults, lamps
from firmware.gpio.lamp import Blink, Flashes, Lamp, Pattern, describe

READY, LINE, CALL, FAULT = Lamp.READY, Lamp.LINE, Lamp.CALL, Lamp.FAULT
OFF, ON, SLOW, FAST = Blink.OFF, Blink.ON, Blink.SLOW, Blink.FAST
WORKING = BoxFacts(lines=2, lines_ready=2)


@pytest.mark.parametrize(
    ("change", "ready", "line", "call", "fault"),
    [
        ({}, ON, ON, OFF, OFF),
        ({"dialling": 1}, ON, ON, FAST, OFF),
        ({"dialling": 1, "talking": 1}, ON, ON, ON, OFF),
        ({"lines_ready": 1}, ON, SLOW, OFF, OFF),
        ({"lines_ready": 1, "lines_out": 1}, ON, SLOW, OFF, Flashes(4)),
        ({"lines_ready": 0}, OFF, OFF, OFF, Flashes(5)),
        ({"paused": True}, SLOW, ON, OFF, OFF),
        ({"paused": True, "talking": 1}, SLOW, ON, ON, OFF),
        ({"awaiting_press": True}, FAST, ON, OFF, OFF),
        ({"awaiting_press": True, "paused": True}, SLOW, ON, OFF, OFF),
        ({"done": True}, Flashes(2), ON, OFF, OFF),
        ({"stopped": True}, OFF, ON, OFF, FAST),
        ({"stopped": True, "storage_ok": False}, OFF, ON, OFF, FAST),
        ({"storage_ok": False}, OFF, ON, OFF, Flashes(1)),
        ({"clock_trusted": False}, OFF, ON, OFF, Flashes(2)),
        ({"law_refuses": True}, OFF, ON, OFF, Flashes(3)),
        ({"audio_ok": False}, ON, ON, OFF, Flashes(6)),
        ({"panel_ok": False}, ON, ON, OFF, Flashes(7)),
        ({"clock_trusted": False, "lines_ready": 0}, OFF, OFF, OFF, Flashes(2)),
    ],
)
def test_lamps(
    change: dict[str, Any], ready: Pattern, line: Pattern, call: Pattern, fault: Pattern
) -> None:
    assert lamps(replace(WORKING, **change)) == {
        READY: ready,
        LINE: line,
        CALL: call,
        FAULT: fault,
    }


FACTS = st.builds(
    BoxFacts,
    lines=st.integers(1, 8),
    lines_ready=st.integers(0, 8),
    lines_out=st.integers(0, 8),
    dialling=st.integers(0, 8),
    talking=st.integers(0, 8),
    **{
        name: st.booleans()
        for name in (
            "paused awaiting_press done stopped clock_trusted storage_ok law_refuses panel_ok "
            "audio_ok"
        ).split()
    },
)


@given(FACTS)
def test_the_panel_never_contradicts_itself(box: BoxFacts) -> None:
    """Every lamp shows something, no fault is hidden, green is dark while nobody may be called."""
    shown = lamps(box)
    assert set(shown) == {READY, LINE, CALL, FAULT}
    assert (shown[FAULT] == OFF) == (not box.stopped and not faults(box))
    if box.stopped or not box.clock_trusted or not box.storage_ok or box.law_refuses:
        assert shown[READY] == OFF
        assert shown[FAULT] != OFF


def test_codes_count_up_in_order_of_gravity_and_say_what_to_do() -> None:
    assert [code.pattern for code in FaultCode][:9] == [Flashes(n) for n in range(1, 10)]
    assert all(code.meaning and code.remedy for code in FaultCode)


def test_within_a_lamp_each_pattern_but_off_means_one_thing() -> None:
    for lamp in (READY, LINE, CALL, FAULT):
        patterns = [row.pattern for row in LAMP_TABLE if row.lamp is lamp and row.pattern != OFF]
        assert len(patterns) == len(set(patterns))


def test_the_table_of_the_readme_is_the_one_that_is_shown() -> None:
    said = [(row.lamp.value, describe(row.pattern), row.meaning) for row in LAMP_TABLE]
    assert all(all(row) for row in said)
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    table = readme.split("| lamp | pattern | meaning |\n|---|---|---|\n")[1].split("\n\n")[0]
    assert table.splitlines() == [f"| {' | '.join(row)} |" for row in said]
