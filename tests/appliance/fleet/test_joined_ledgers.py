"""A report over all boxes counts people, not lines of lists, and an objection once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from appliance.effects import Entry
from appliance.fleet.joined_ledgers import one_campaign
from appliance.report.figures import add_up

BEGIN = datetime(2027, 3, 9, 17, tzinfo=UTC)
ANN, BEN, CLEO = (f"{n:032x}" for n in (1, 2, 3))


def ledger(box: str, *rows: tuple[float, str, str | None, dict[str, Any]]) -> list[Entry]:
    return [
        Entry(
            seq=seq,
            at=BEGIN + timedelta(seconds=seconds),
            kind=kind,
            subject=None if subject is None else f"{box}-{subject}",
            data=data,
        )
        for seq, (seconds, kind, subject, data) in enumerate(rows, 1)
    ]


def call(at: float, who: str, pid: str, outcome: str) -> list[tuple[float, str, str, Any]]:
    attempt = {"attempt": f"{who}{at}", "line": "line-1"}
    return [
        (at, "fleet.claim_asked", who, {"pid": pid}),
        (at + 1, "call.authorised", who, {**attempt, "claim": {"pid": pid}}),
        (at + 9, "call.ended", who, {**attempt, "outcome": outcome}),
    ]


def test_a_person_of_two_lists_is_one_and_an_objection_counts_once() -> None:
    north = ledger(
        "north",
        (0, "consent.granted", "ann", {}),
        (0, "consent.granted", "ben", {}),
        (0, "consent.granted", "dora", {}),
        *call(10, "ann", ANN, "listened"),
        *call(30, "ben", BEN, "opted_out"),
        (35, "consent.revoked", "ben", {"by": "key"}),
    )
    south = ledger(
        "south",
        (0, "consent.granted", "ann", {}),
        (0, "consent.granted", "ben", {}),
        (0, "consent.granted", "cleo", {}),
        (20, "fleet.claim_asked", "ann", {"pid": ANN}),
        (36, "consent.revoked", "ben", {"by": "fleet", "pid": BEN}),
        (40, "consent.revoked", "cleo", {"by": "fleet", "pid": CLEO}),
    )
    west = ledger(
        "west",
        (0, "consent.granted", "cleo", {}),
        (41, "consent.revoked", "cleo", {"by": "fleet", "pid": CLEO}),
    )
    figures = add_up(
        one_campaign({"north": north, "south": south, "west": west}), ZoneInfo("Europe/Paris")
    )
    assert figures.people == 4
    assert dict(figures.latest) == {ANN: "listened", BEN: "opted_out"}
    assert dict(figures.revoked) == {"key": 1, "fleet": 1}
    assert list(figures.waiting) == ["north north-dora"], "nobody asked for her yet"
    assert list(figures.lines) == ["north line-1"]


def test_rows_come_by_time_whatever_the_order_of_boxes() -> None:
    north = ledger("north", (5, "box.started", None, {}))
    south = ledger("south", (1, "box.started", None, {}))
    assert [entry.at for entry in one_campaign({"north": north, "south": south})] == [
        BEGIN + timedelta(seconds=1),
        BEGIN + timedelta(seconds=5),
    ]
