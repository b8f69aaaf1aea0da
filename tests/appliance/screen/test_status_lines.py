"""One line of a status in words, with each fact alone, and how rows are folded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.campaign.idleness import explain
from appliance.campaign.line_limits import Reached
from appliance.screen.local_time import in_local
from appliance.screen.status import ENGLISH, LABEL, as_text, folded, line_text
from appliance.screen.watch import View, page
from tests.support.idle_box import CALLING
from tests.support.watch_status import STATUS

IDLE: dict[str, Any] = {
    "name": "l",
    "ready": True,
    "call": None,
    "incoming": None,
    "fault": None,
    "modem": {},
    "selftest": None,
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "l: ready, never self-tested"),
        ({"ready": False}, "l: not ready, never self-tested"),
        ({"call": "ringing"}, "l: ringing, never self-tested"),
        ({"call": "whistling"}, "l: whistling, never self-tested"),
        ({"incoming": "greeting"}, "l: called, greeting, never self-tested"),
        ({"incoming": "whistling"}, "l: called, whistling, never self-tested"),
        ({"call": "telling", "incoming": "greeting"}, "l: telling, never self-tested"),
        ({"modem": {"family": "sim7600"}}, "l: ready (sim7600), never self-tested"),
        ({"modem": {"signal": 0}}, "l: ready, signal 0 dBm, never self-tested"),
        ({"modem": {"level_out": -20.6}}, "l: ready, sends -21 dBFS, never self-tested"),
        ({"modem": {"level_in": 0.0}}, "l: ready, hears 0 dBFS, never self-tested"),
        (
            {"modem": {"signal": -79, "level_out": -20.3, "level_in": -35.6}},
            "l: ready, signal -79 dBm, sends -20 dBFS, hears -36 dBFS, never self-tested",
        ),
        (
            {"limit": {"detail": "9 calls an hour", "until": "18:00"}},
            "l: ready, limit reached: 9 calls an hour, until 18:00, never self-tested",
        ),
        (
            {"selftest": {"at": "2027-03-09T17:00:00Z", "passed": True}},
            "l: ready, self-test passed 2027-03-09",
        ),
        (
            {"selftest": {"at": "2027-03-09T17:00:00Z", "passed": False}},
            "l: ready, self-test FAILED 2027-03-09",
        ),
    ],
)
def test_a_line_in_words(change: dict[str, Any], words: str) -> None:
    assert line_text({**IDLE, **change}) == words


def test_a_line_tells_the_time_of_its_box() -> None:
    limit = {"detail": "9 calls an hour", "until": "2027-03-09T23:30:00Z"}
    line = {**IDLE, "limit": limit, "selftest": {"at": "2027-03-09T23:30:00Z", "passed": True}}
    assert line_text(line, zone="Europe/Paris") == (
        "l: ready, limit reached: 9 calls an hour, until 2027-03-10 00:30 CET, "
        "self-test passed 2027-03-10"
    )


EIGHT = datetime(2027, 3, 9, 19, tzinfo=UTC)
NINE = EIGHT + timedelta(hours=1)
CONDITION = replace(CALLING, now=replace(CALLING.now, utc=EIGHT), next_opening=EIGHT)
REACHED = Reached(line="l", limit="calls_per_hour", detail="9 calls", until=NINE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"next_opening": NINE}, "the next call may happen at 2027-03-09 21:00 CET."),
        (
            {"next_opening": EIGHT, "limits": (REACHED,)},
            "(l: 9 calls); the next call may happen at 2027-03-09 21:00 CET.",
        ),
        ({"next_opening": EIGHT}, "The next call is being placed."),
        ({"doubt": "8 rows of 2027-03-09 are missing"}, "8 rows of 2027-03-09 are missing;"),
    ],
)
def test_why_nobody_is_called_tells_the_time_of_its_box(change: dict[str, Any], words: str) -> None:
    idle = explain(replace(CONDITION, **change))
    status = {**STATUS, "timezone": "Europe/Paris", "why": {"sentence": idle.sentence}}
    status["why"] |= {"code": idle.code, "next_at": None}
    for text in (" ".join(as_text(status).split()), watched(status)):
        assert words in text
    assert in_local("plain 2027-03-09T20:00:00Z", "Europe/Paris") == "plain 2027-03-09T20:00:00Z"


def watched(status: dict[str, Any]) -> str:
    shown = page(View(status=status), ENGLISH, width=200, height=40)
    return " ".join(shown.plain.split())


def test_the_head_of_the_ledger_is_shown_by_its_first_sixteen() -> None:
    text = as_text({**STATUS, "ledger": {"seq": 7, "hash": "0123456789abcdef" * 4}})
    assert text.splitlines()[-1] == "ledger   row 7, head 0123456789abcdef…"
    assert LABEL == 9


@pytest.mark.parametrize(
    ("width", "rows"),
    [
        (20, ["calls    one-two-three four-five-six-sev", "         eight"]),
        (40, ["calls    one-two-three four-five-six-sev", "         eight"]),
        (41, ["calls    one-two-three four-five-six-sev", "         eight"]),
        (46, ["calls    one-two-three four-five-six-sev eight"]),
    ],
)
def test_a_row_is_folded_between_words_alone(width: int, rows: list[str]) -> None:
    row = "calls    one-two-three four-five-six-sev eight"
    assert len(rows[0]) in (40, 46)
    assert folded(row, width).splitlines() == rows


def test_what_is_one_character_too_long_goes_to_the_next_row_whole() -> None:
    row = "calls    one-two-three four-five-six-seve"
    assert len(row) == 41
    assert folded(row, 40).splitlines() == ["calls    one-two-three", "         four-five-six-seve"]
    assert folded(row, 41) == row
    long = "calls    " + "x" * 60
    assert folded(long, 40).splitlines() == ["calls", "         " + "x" * 60]
    assert folded("busy 3 of 4\nx", 40) == "busy 3 of 4\nx"
