"""What the live screen has room for at each size, and every row that a status may bring."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.language import translator
from appliance.screen.watch import (
    BARS_FROM,
    FIGURES_FROM,
    NARROWEST,
    TWO_COLUMNS_FROM,
    View,
    loudness,
    page,
    signal,
)
from tests.support.watch_status import STATUS

EVENT = "18:02:00 CET call ended  listened  line-1  abababab"


def shown(width: int, height: int, view: View | None = None, **changes: Any) -> list[str]:
    status = {**STATUS, **changes}
    drawn = page(view or View(status=status), translator("en"), width, height)
    return [row.rstrip() for row in drawn.plain.split("\n")]


def row_of(rows: list[str], beginning: str) -> str:
    (found,) = [row for row in rows if row.startswith(beginning)]
    return found


def test_the_sizes_are_those_of_the_module() -> None:
    assert (NARROWEST, FIGURES_FROM, TWO_COLUMNS_FROM) == (30, 60, 100)
    assert BARS_FROM == (-109, -97, -85, -73)
    bare = View(status=None)
    assert (bare.silent_for, bare.trouble, bare.headline, bare.note) == (0.0, "", "", "")


@pytest.mark.parametrize(
    ("height", "people", "events"),
    [
        # Ten rows are of the box itself; a heading without a row under it tells nothing.
        (9, 0, 0),
        (10, 0, 0),
        (11, 0, 0),
        (12, 0, 1),
        (13, 0, 2),
        (14, 1, 1),
        (15, 1, 2),
        (16, 2, 2),
        (17, 2, 3),
        (18, 3, 3),
        (19, 4, 3),
        (22, 7, 3),
        (23, 8, 3),
        (24, 8, 3),
    ],
)
@pytest.mark.parametrize("width", [80, 99])
def test_one_column_shares_its_height(width: int, height: int, people: int, events: int) -> None:
    rows = shown(width, height)
    assert len(rows) == height
    assert sum("+33 " in row for row in rows) == people
    assert sum("call ended" in row for row in rows) == events
    assert rows.count("Next") == (people > 0)
    assert rows.count("Lately") == (events > 0)


@pytest.mark.parametrize(
    ("height", "people", "events"),
    [(10, 0, 0), (11, 0, 0), (12, 1, 1), (14, 3, 3), (15, 4, 3), (19, 8, 3), (20, 8, 3)],
)
@pytest.mark.parametrize("width", [100, 101, 130])
def test_two_columns_stand_beside_each_other(
    width: int, height: int, people: int, events: int
) -> None:
    rows = shown(width, height)
    half = width // 2
    assert sum("+33 " in row[:half] for row in rows) == people
    assert sum("call ended" in row[half:] for row in rows) == events
    if height > 10:
        assert rows[10] == "Next".ljust(half) + "Lately"
    if people:
        whole = "2027-03-10 18:00 CET  +33 ••••••• 00".ljust(half) + EVENT
        assert rows[11] == (whole if len(whole) <= width else f"{whole[: width - 1]}…")


def test_two_columns_of_unlike_length() -> None:
    one = shown(120, 24, queue=STATUS["queue"][:1])
    assert one[10:14] == [
        "Next".ljust(60) + "Lately",
        "2027-03-10 18:00 CET  +33 ••••••• 00".ljust(60) + EVENT,
        " " * 60 + EVENT.replace(":02:", ":01:"),
        " " * 60 + EVENT.replace(":02:", ":00:"),
    ]
    assert one[14:] == [""] * 10
    none = shown(120, 24, queue=[])
    assert none[10] == " " * 60 + "Lately"
    assert shown(120, 24, recent=[])[10] == "Next"
    assert shown(120, 24, queue=[], recent=[])[10:] == [""] * 14
    long = [{**STATUS["queue"][0], "number": "+33 " + "9" * 80}]
    cut = shown(120, 24, queue=long)[11]
    assert cut == ("2027-03-10 18:00 CET  +33 " + "9" * 31 + "…").ljust(60) + EVENT


@pytest.mark.parametrize(
    ("width", "row", "lamps"),
    [
        (59, "line-1   telling          ▂▄▆· ↑-20 ↓-35", "● ready  ● line  ● call  ● fault"),
        (
            60,
            "line-1   telling          ▂▄▆·  -79 dBm ↑-20 ↓-35 dBFS sim7…",
            "● ready on  ● line blink  ● call on  ● fault 4 flashes",
        ),
    ],
)
def test_figures_and_patterns_have_room_from_sixty_columns_on(
    width: int, row: str, lamps: str
) -> None:
    rows = shown(width, 24)
    assert row_of(rows, "line-1") == row
    assert rows[1] == lamps


def test_an_idle_line_keeps_its_figures_at_every_width() -> None:
    idle = [{**STATUS["lines"][0], "call": None}]
    narrow = row_of(shown(45, 24, lines=idle), "line-1")
    assert narrow == "line-1   ready            ▂▄▆·  -79 dBm sim7…"
    bare = [{**idle[0], "modem": {}, "ready": False}]
    assert row_of(shown(80, 24, lines=bare), "line-1") == (
        "line-1   comes up         ····    ? dBm"
    )


@pytest.mark.parametrize(("width", "columns"), [(10, 30), (29, 30), (30, 30), (31, 31)])
def test_nothing_is_narrower_than_thirty(width: int, columns: int) -> None:
    rows = shown(width, 24, why={"sentence": "word " * 30, "next_at": None})
    assert max(map(len, rows)) <= columns
    assert any(len(row) > columns - 6 for row in rows)


def test_lamps_that_are_dark_or_not_told() -> None:
    rows = shown(80, 24, lamps={"ready": "off", "fault": "on", "heartbeat": "blink"})
    assert rows[1] == "○ ready  ● fault on  ● heartbeat blink"
    assert not shown(80, 24, lamps={})[1].startswith(("○", "●"))


@pytest.mark.parametrize(
    ("box", "width", "rows"),
    [
        ("n", 40, ["autodialer n  18:02:11 CET NOT TRUSTED"]),
        ("nor", 40, ["autodialer nor  18:02:11 CET NOT TRUSTED"]),
        ("nort", 40, ["autodialer nort  18:02:11 CET", "NOT TRUSTED"]),
        ("a-long-name-of-a-box", 40, ["autodialer a-long-name-of-a-box  18:02:…", "NOT TRUSTED"]),
        ("nort", 80, ["autodialer nort  18:02:11 CET NOT TRUSTED"]),
    ],
)
def test_a_time_that_is_not_believed_is_never_cut_off(
    box: str, width: int, rows: list[str]
) -> None:
    clock = {"utc": "2027-03-09T17:02:11Z", "trusted": False, "source": "x"}
    assert shown(width, 12, box=box, clock=clock)[: len(rows)] == rows


def test_what_stands_above_the_lines_in_its_order() -> None:
    status = {
        **STATUS,
        "bench": True,
        "stopped": True,
        "clock": {"utc": "2027-03-09T17:02:11Z", "trusted": False, "source": "x"},
        "doubts": [{"detail": "rows are gone", "remedy": "look"}],
    }
    view = View(
        status=status, silent_for=9.6, trouble="It is silent.", headline="A play", note="Done."
    )
    assert shown(80, 12, view) == [
        "STALE: no answer for 10 s: It is silent.",
        "autodialer north bench  18:02:11 CET NOT TRUSTED",
        "A play",
        "● ready on  ● line blink  ● call on  ● fault 4 flashes",
        "EMERGENCY STOP, latched: r resets it with your name and a reason",
        "Every line has a call. Next: 2027-03-10 18:00 CET.",
        "! a modem or SIM needs a person: see doctor",
        "! rows are gone: look",
        "Done.",
        "Lines",
        "line-1   telling          ▂▄▆·  -79 dBm ↑-20 ↓-35 dBFS sim7600, pcm-serial, 208…",
        "line-2: OUT (sim_missing) no SIM is in the holder; insert it, contacts down",
    ]
    calm = shown(80, 12)
    assert calm[0] == "autodialer north  18:02:11 CET"
    assert "bench" not in calm[0]


def test_before_the_first_answer_there_is_only_the_wait_or_the_trouble() -> None:
    assert shown(80, 3, View(status=None)) == ["Waiting for the box …", "", ""]
    assert shown(80, 2, View(status=None, trouble="No box runs.")) == ["No box runs.", ""]


def test_a_fault_without_a_remedy_and_a_caller() -> None:
    broken = {**STATUS["lines"][1]}
    broken["fault"] = {**broken["fault"], "remedy": ""}
    assert row_of(shown(80, 24, lines=[broken]), "line-2") == (
        "line-2: OUT (sim_missing) no SIM is in the holder"
    )
    caller = {**STATUS["lines"][0], "call": None, "incoming": "greeting"}
    assert row_of(shown(100, 24, lines=[caller]), "line-1") == (
        "line-1   caller: greeting ▂▄▆·  -79 dBm ↑-20 ↓-35 dBFS sim7600, pcm-serial, 20801"
    )
    strange = {**STATUS["lines"][0], "call": "whistling"}
    assert row_of(shown(80, 24, lines=[strange]), "line-1").startswith("line-1   whistling  ")


def test_counts_that_are_nought_have_no_row() -> None:
    rows = shown(80, 24, outcomes={}, refusals={}, queue=[], recent=[])
    assert rows[7] == "48 people, 31 may still be called, 12 calls"
    assert rows[8:] == [""] * 16


def test_an_event_names_what_it_knows() -> None:
    rows = shown(
        80,
        24,
        queue=[],
        recent=[
            {"at": "2027-03-09T17:00:00Z", "kind": "stop.pressed"},
            {"at": "2027-03-09T17:01:00Z", "kind": "odd.kind", "detail": "a word"},
            {"at": "2027-03-09T17:02:00Z", "kind": "call.key", "line": "l", "subject": "c" * 32},
        ],
    )
    assert rows[10:14] == [
        "Lately",
        "18:02:00 CET key pressed  l  cccccccc",
        "18:01:00 CET odd.kind  a word",
        "18:00:00 CET EMERGENCY STOP",
    ]


def test_the_next_people_are_told_by_number_or_by_id_with_their_next_attempt() -> None:
    person = STATUS["queue"][0]
    rows = shown(
        80,
        24,
        recent=[],
        queue=[{**person, "attempts": 2}, {**person, "number": "", "subject": "d" * 32}],
    )
    assert rows[10:13] == [
        "Next",
        "2027-03-10 18:00 CET  +33 ••••••• 00  attempt 3",
        "2027-03-10 18:00 CET  dddddddd",
    ]


@pytest.mark.parametrize(
    ("dbm", "lit"),
    [(-110, 0), (-109, 1), (-98, 1), (-97, 2), (-86, 2), (-85, 3), (-74, 3), (-73, 4), (0, 4)],
)
def test_each_bar_has_its_least_signal(dbm: int, lit: int) -> None:
    assert signal(dbm) == "▂▄▆█"[:lit] + "·" * (4 - lit) + f" {dbm:>4} dBm"


def test_levels_of_both_directions() -> None:
    assert loudness(-20.3, -34.6) == "↑-20 ↓-35 dBFS"
    assert loudness(None, -5.0) == "↑ -- ↓ -5 dBFS"
    assert loudness(None, None) == "↑ -- ↓ -- dBFS"


def test_a_hard_space_is_kept_and_a_control_character_shown() -> None:
    rows = shown(80, 24, why={"sentence": "a\N{NO-BREAK SPACE}b\tc", "next_at": None})
    assert rows[2] == "a\N{NO-BREAK SPACE}b\\u0009c"
