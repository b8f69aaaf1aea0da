"""Why nobody is called: each reason in one sentence that says what to do or when it ends."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.campaign.idleness import explain
from firmware.events import LineFault
from tests.support.idle_box import AT, CALLING

NO_CLOCK = replace(CALLING.now, trusted=False, source="never set")
FAULT = LineFault(
    line="line-1", at=0.0, fault="no-sim", detail="no SIM", remedy="insert one", final=True
)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"storage_failure": "No space left"}, "storage", "No space left.*free or replace"),
        ({"stopped": True}, "stopped", "latched: reset with a name"),
        ({"stopped": True, "contact_open": True}, "stopped", "release the button, then reset"),
        ({"contact_open": True}, "stopped", "pressed: release it"),
        ({"paused": True}, "paused", "resume, or press start"),
        ({"paused": True, "interrupted": True}, "paused", "3 times.*power supply.*press start"),
        ({"interrupted": True}, "dialling", "being placed"),
        ({"dials_in": 59.7}, "interrupted", "60 s more; start"),
        ({"now": NO_CLOCK}, "clock", "never set.*connect"),
        ({"lines_ready": 0, "line_faults": (FAULT,)}, "lines", "line-1: no SIM; insert one"),
        ({"lines_ready": 0}, "lines", "see doctor"),
        ({"planned": False}, "loading", "calls begin when"),
        ({"lines_idle": 0}, "busy", "has a call"),
        ({"next_opening": None, "calls_running": 1}, "busy", "last calls"),
        ({"next_opening": None, "refused": 3}, "done", "refuse 3 people, and why NUMBER"),
        ({"next_opening": None}, "done", "import people"),
        ({"next_opening": AT + timedelta(hours=1)}, "closed", "2027-03-09 18:00"),
        ({"attended": True}, "press", "press start"),
        ({"attended": True, "paused": True}, "press", "press start"),
        ({"attended": True, "paused": True, "interrupted": True}, "press", "press start"),
        ({}, "dialling", "being placed"),
    ],
)
def test_each_reason_is_one_sentence_with_its_remedy(
    changes: dict[str, object], code: str, words: str
) -> None:
    idle = explain(replace(CALLING, **changes))  # type: ignore[arg-type]
    assert idle.code == code
    assert re.search(words, idle.sentence)
    assert idle.sentence.endswith(".")
    assert not idle.sentence.rstrip(".").endswith(".")
    assert "\n" not in idle.sentence


def test_only_a_known_moment_is_promised() -> None:
    later = AT + timedelta(hours=1)
    assert explain(replace(CALLING, next_opening=later)).next_at == later
    assert explain(replace(CALLING, next_opening=later, paused=True)).next_at is None
