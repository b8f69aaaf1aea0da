"""A status as text and as metrics, whole."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.language import translator
from appliance.screen.metrics import HEADER, exposition
from appliance.screen.status import as_text, fleet_text, line_text, without_configuration
from tests.support.watch_status import STATUS

FLEET: dict[str, Any] = {
    "box": "north",
    "campaign": "spring",
    "connected": True,
    "server": "hub-1",
    "barred": None,
    "objections_unsent": 0,
    "objections_heard": 1,
    "ledger_sent": 5,
    "ledger_verified": 4,
    "last_list": "",
}


def test_a_status_row_by_row() -> None:
    line_2 = "line     line-2: OUT (sim_missing): no SIM is in the holder; insert it, contacts down"
    rows = as_text(STATUS).splitlines()
    assert [row for row in rows if not row.startswith("line     line-1")] == [
        "box      north, automatic",
        "clock    2027-03-09 18:02:11 CET  trusted (ntp)",
        "now      Every line has a call.",
        "next     2027-03-10 18:00 CET",
        line_2,
        "people   48 known, 31 may still be called",
        "calls    12 made: busy 3, listened 7, opted_out 2",
        "refused  consent 4, law.sunday 1",
        "lamps    ready on, line blink, call on, fault 4 flashes",
        "FAULT    a modem or SIM needs a person: see doctor",
        "ledger   row 12, head 00…",
    ]


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ({"bench": True}, "box      north, automatic, bench"),
        ({"mode": "attended"}, "box      north, attended"),
        ({"outcomes": {}}, "calls    12 made"),
        (
            {"stopped": True},
            "STOP     the emergency stop is latched: nobody is called until autodialer reset",
        ),
        ({"stopped": None}, "STOP     cannot be read: take it for latched"),
        (
            {"clock": {"utc": "2027-03-09T17:02:11Z", "trusted": False, "source": "never set"}},
            "clock    2027-03-09 18:02:11 CET  NOT trusted: never set",
        ),
        (
            {"doubts": [{"detail": "rows are gone", "remedy": "look"}]},
            "WAITS    rows are gone: look",
        ),
        (
            {"fleet": FLEET},
            (
                "fleet    north of spring: connected to hub-1, 1 objection heard of others, "
                "ledger 5 sent, 4 verified"
            ),
        ),
    ],
)
def test_what_a_status_says_besides(change: dict[str, Any], row: str) -> None:
    assert row in as_text({**STATUS, **change}).splitlines()
    assert row not in as_text(STATUS).splitlines()


@pytest.mark.parametrize(
    ("change", "absent"),
    [
        ({"refusals": {}}, "refused"),
        ({"running": False}, "lamps"),
        ({"why": {"code": "done", "sentence": "x", "next_at": None}}, "next"),
        ({"faults": []}, "FAULT"),
    ],
)
def test_what_is_not_so_has_no_row(change: dict[str, Any], absent: str) -> None:
    assert not any(row.startswith(absent) for row in as_text({**STATUS, **change}).splitlines())


def test_safe_mode_and_a_box_without_configuration() -> None:
    safe = {
        "box": "north",
        "mode": "safe mode",
        "safe_mode": "x",
        "stopped": True,
        "why": {"sentence": "It could not start."},
        "faults": [{"meaning": "m", "remedy": "r"}],
    }
    assert as_text(safe).splitlines() == [
        "box      north: SAFE MODE, nobody is called",
        "STOP     the emergency stop is latched: nobody is called until autodialer reset",
        "now      It could not start.",
        "FAULT    m: r",
    ]
    faulty = "box      does not run: its configuration is faulty"
    assert without_configuration(False).splitlines() == [
        faulty,
        "stop     the emergency stop is released",
    ]
    assert without_configuration(None).splitlines() == [
        faulty,
        "STOP     cannot be read: take it for latched",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"connected": False}, "north of spring: NOT CONNECTED"),
        ({"barred": "no link"}, "calls nobody: no link"),
        ({"objections_unsent": 1}, "1 OBJECTION NOT SENT YET"),
        ({"objections_unsent": 2}, "2 OBJECTIONS NOT SENT YET"),
        ({"objections_heard": 2}, "2 objections heard of others"),
        ({"last_list": "spring-3"}, "list spring-3"),
    ],
)
def test_how_a_box_stands_in_its_fleet(change: dict[str, Any], words: str) -> None:
    assert words in fleet_text({**FLEET, **change}).split(", ")
    assert words not in fleet_text(FLEET).split(", ")


def test_a_line_that_is_out() -> None:
    _, line = STATUS["lines"]
    out = "line-2: OUT (sim_missing): no SIM is in the holder"
    assert line_text(line) == f"{out}; insert it, contacts down"
    without = {**line, "fault": {**line["fault"], "remedy": ""}}
    assert line_text(without) == out


def test_the_metrics_whole() -> None:
    families: dict[str, list[str]] = {}
    rows = exposition(STATUS, 1_800_000_000.5).splitlines()
    assert rows[0] == HEADER
    for row in rows[1:]:
        if row.startswith("# TYPE"):
            name, kind = row.split()[2:]
            families[f"{name} {kind}"] = []
        elif not row.startswith("#"):
            families[list(families)[-1]].append(row)
    assert {k.removeprefix("autodialer_"): v for k, v in families.items()} == {
        "written_timestamp_seconds gauge": ["autodialer_written_timestamp_seconds 1800000000.5"],
        "box_info gauge": ['autodialer_box_info{box="north",mode="automatic"} 1'],
        "clock_timestamp_seconds gauge": ["autodialer_clock_timestamp_seconds 1804611731"],
        "clock_trusted gauge": ["autodialer_clock_trusted 1"],
        "stopped gauge": ["autodialer_stopped 0"],
        "paused gauge": ["autodialer_paused 0"],
        "people gauge": ["autodialer_people 48"],
        "people_waiting gauge": ["autodialer_people_waiting 31"],
        "attempts_total counter": ["autodialer_attempts_total 12"],
        "calls_total counter": [
            'autodialer_calls_total{outcome="busy"} 3',
            'autodialer_calls_total{outcome="listened"} 7',
            'autodialer_calls_total{outcome="opted_out"} 2',
        ],
        "people_refused gauge": [
            'autodialer_people_refused{rule="consent"} 4',
            'autodialer_people_refused{rule="law.sunday"} 1',
        ],
        "line_ready gauge": [
            'autodialer_line_ready{line="line-1"} 1',
            'autodialer_line_ready{line="line-2"} 0',
        ],
        "line_in_call gauge": [
            'autodialer_line_in_call{line="line-1"} 1',
            'autodialer_line_in_call{line="line-2"} 0',
        ],
        "line_fault gauge": ['autodialer_line_fault{line="line-2",code="sim_missing"} 1'],
        "fault gauge": ['autodialer_fault{code="line_out"} 1'],
        "messages_waiting gauge": ["autodialer_messages_waiting 0"],
        "ledger_rows_total counter": ["autodialer_ledger_rows_total 12"],
    }
    odd = exposition({**STATUS, "box": 'a"b\\c\nd'}, 1.0)
    assert 'box="a\\"b\\\\c\\nd"' in odd
    assert odd.endswith("\n")


def test_a_colon_stands_in_french_as_french_writes_it() -> None:
    french = translator("fr")
    for line in STATUS["lines"]:
        assert line_text(line, french).startswith(f"{line['name']}\N{NO-BREAK SPACE}: ")
    assert "\N{NO-BREAK SPACE}: " in fleet_text(FLEET, french)
