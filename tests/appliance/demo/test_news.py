"""What a demonstration tells while it runs: in the box's own time, with its zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.demo.run import news
from appliance.effects import Entry
from appliance.language import translator

SUMMER = datetime(2027, 7, 9, 16, 0, 5, tzinfo=UTC)
WINTER = datetime(2027, 3, 9, 17, 0, 5, tzinfo=UTC)


def entry(kind: str, at: datetime, subject: str | None = None, **data: Any) -> Entry:
    return Entry(seq=1, at=at, kind=kind, subject=subject, data=data)


@pytest.mark.parametrize(
    ("at", "zone", "shown"),
    [
        (WINTER, "Europe/Paris", "18:00:05 CET"),
        (SUMMER, "Europe/Paris", "18:00:05 CEST"),
        (WINTER, "UTC", "17:00:05 UTC"),
        (WINTER, "America/New_York", "12:00:05 EST"),
    ],
)
def test_each_line_begins_with_the_time_of_the_box(at: datetime, zone: str, shown: str) -> None:
    rows = [
        entry("box.started", at),
        entry("stop.pressed", at, source="panel"),
        entry("stop.reset", at, reason="all is well"),
        entry("line.fault", at, line="line-1", detail="unplugged"),
        entry("line.healed", at, line="line-1"),
        entry("consent.revoked", at, "ab" * 16, by="key"),
        entry("call.ended", at, "ab" * 16, line="line-1", outcome="listened", evidence={}),
    ]
    told = [news(row, zone) for row in rows]
    assert all(text is not None and text.startswith(f"{shown}  ") for text in told)


KEY = {"key": "1", "witness": "host"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("call.ended", {"outcome": "no_answer", "line": "line-1"}), "line-1  sans réponse"),
        (
            ("call.ended", {"outcome": "busy", "line": "gsm", "evidence": {"keys": [KEY]}}),
            "gsm  occupé        touche 1 entendue par host",
        ),
        (("consent.revoked", {"by": "key"}), "la touche d'opposition pendant un appel"),
        (("stop.pressed", {"source": "button"}), "ARRÊT D'URGENCE  bouton d'arrêt"),
        (("stop.reset", {"reason": "le câble {neuf}"}), "arrêt réarmé  le câble {neuf}"),
    ],
    ids=lambda value: str(value[0]),
)
def test_a_line_has_no_id_of_the_ledger_where_people_read_french(
    row: tuple[str, dict[str, Any]], said: str
) -> None:
    told = news(entry(row[0], WINTER, "ab" * 16, **row[1]), "Europe/Paris")
    assert told is not None
    assert said in translator("fr")(told)


def test_most_rows_are_no_news() -> None:
    assert news(entry("call.authorised", WINTER, "ab" * 16), "Europe/Paris") is None
