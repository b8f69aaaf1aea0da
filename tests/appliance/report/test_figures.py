"""A ledger added up, every figure at once; and one person's dossier, whole."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appliance.effects import Entry
from appliance.language import translator
from appliance.report.dossier import as_html, as_text, compile_dossier
from appliance.report.figures import AttemptRow, Event, Figures, LineFigures, add_up
from appliance.report.pages import duration
from appliance.report.table import COLUMNS, as_csv

PARIS = ZoneInfo("Europe/Paris")
AT = datetime(2027, 3, 9, 22, 30, tzinfo=UTC)
"""A Tuesday, 23:30 in Paris."""


def minute(count: float) -> datetime:
    return AT + timedelta(minutes=count)


WINDOW = {
    "window_start": "2027-03-10T17:00:00+00:00",
    "window_end": "2027-03-10T19:00:00+00:00",
}
TOLD: list[tuple[str, str | None, dict[str, Any]]] = [
    ("box.started", None, {"box": "b1"}),
    ("config.loaded", None, {"purpose": "news"}),
    ("consent.granted", "s1", {}),
    ("consent.granted", "s2", {}),
    ("consent.granted", "s3", {}),
    ("consent.granted", "s4", {}),
    ("consent.granted", None, {}),
    ("call.refused", "s3", {"rules": ["window", "cap"]}),
    ("call.refused", "s3", {"rules": ["window"]}),
    ("call.refused", None, {}),
    (  # minute 10
        "call.authorised",
        "s1",
        {"attempt": "a1", "line": "l1", "profile": "fr/1", "bench": True, "rules": ["x"], **WINDOW},
    ),
    ("call.answered", "s1", {"attempt": "a1"}),
    ("call.key", "s1", {"attempt": "a1", "key": "1", "witness": "host"}),
    ("call.key", "s1", {"attempt": "a1", "key": "9", "witness": "module"}),
    (
        "call.ended",
        "s1",
        {
            "attempt": "a1",
            "outcome": "opted_out",
            "cause": "local",
            "ring_seconds": 7,
            "talk_seconds": 31.5,
            "evidence": {"end": "e"},
        },
    ),
    ("consent.revoked", "s1", {"by": "key"}),
    ("line.fault", None, {"line": "l1", "fault": "no-sim"}),
    ("line.fault", None, {"line": "l1", "fault": "no-reply"}),
    ("line.healed", None, {"line": "l1"}),  # after two minutes
    ("line.healed", None, {"line": "l1"}),
    ("call.authorised", "s2", {"attempt": "a2", "line": "l2", "profile": "fr/1"}),  # minute 20
    ("call.key", "s2", {"attempt": "a2", "key": "1", "witness": "host"}),  # before any answer
    ("call.ended", "s2", {"attempt": "a2", "outcome": "failed"}),
    ("call.ended", "s2", {"attempt": "a2", "outcome": "listened"}),  # ended already
    ("call.authorised", "s2", {"attempt": "a3", "line": "l2", "profile": "fr/2"}),  # minute 24
    ("contact.erased", "s4", {}),
    ("consent.revoked", None, {"by": "sms"}),
    ("stop.pressed", None, {"source": "button"}),
    ("stop.reset", None, {"by": "Alix", "reason": "checked"}),
    ("state.restored", None, {"why": "rows"}),
    ("line.fault", None, {"line": "l3", "fault": "no-sim"}),  # minute 30
    ("weather.seen", None, {}),
]
ENTRIES = [
    Entry(seq=n + 1, at=minute(n), kind=kind, subject=subject, data=data)
    for n, (kind, subject, data) in enumerate(TOLD)
]

FIRST = AttemptRow(
    attempt="a1",
    subject="s1",
    line="l1",
    authorised_at=minute(10),
    bench=True,
    rules=("x",),
    answered_at=minute(11),
    ended_at=minute(14),
    ended_seq=15,
    outcome="opted_out",
    cause="local",
    ring_seconds=7.0,
    talk_seconds=31.5,
    keys=["1", "9"],
    heard_by=["host", "module"],
    seconds_to_key=60.0,
    evidence={"end": "e"},
)
SECOND = AttemptRow(
    attempt="a2",
    subject="s2",
    line="l2",
    authorised_at=minute(20),
    bench=False,
    ended_at=minute(22),
    ended_seq=23,
    outcome="failed",
    keys=["1"],
    heard_by=["host"],
)
THIRD = AttemptRow(attempt="a3", subject="s2", line="l2", authorised_at=minute(24), bench=False)


def test_every_figure() -> None:
    figures = add_up(ENTRIES, PARIS)
    assert figures == Figures(
        rows=[FIRST, SECOND, THIRD],
        outcomes=Counter(opted_out=1, failed=1),
        latest={"s1": "opted_out", "s2": "failed"},
        days={"2027-03-09": Counter(opted_out=1, failed=1)},
        cells=Counter({(1, 23): 3}),
        wished={(2, 18), (2, 19)},
        revoked=Counter(key=1, sms=1),
        refused=Counter(window=2, cap=1),
        waiting={"s3": ("window",)},
        consents=5,
        people=4,
        erased=1,
        stops=1,
        faults=Counter({"no-sim": 2, "no-reply": 1}),
        events=[
            Event(minute(27), "stop", "button", ""),
            Event(minute(28), "reset", "Alix", "checked"),
            Event(minute(29), "restored", "", "rows"),
        ],
        lines={
            "l1": LineFigures(
                calls=1,
                answered=1,
                faults=Counter({"no-sim": 1, "no-reply": 1}),
                down_seconds=120.0,
            ),
            "l2": LineFigures(calls=2, failed=1),
            "l3": LineFigures(faults=Counter({"no-sim": 1}), down_seconds=60.0),
        },
        first=minute(0),
        last=minute(31),
        purposes={"news"},
        profiles={"fr/1", "fr/2"},
        boxes={"b1"},
    )
    assert figures.attempts_per_person == {1: 1, 2: 1}
    assert figures.people_by_outcome == {"opted_out": 1, "failed": 1}
    assert not figures.bench_only
    assert add_up(ENTRIES[:15], PARIS).bench_only
    assert not add_up([], PARIS).bench_only


@pytest.mark.parametrize(
    ("start", "end", "cells"),
    [
        # Half-open: 19:00 in Paris belongs to the window no more.
        ("17:00", "18:00", {(2, 18)}),
        ("17:30", "18:30", {(2, 18), (2, 19)}),
        ("17:59", "18:01", {(2, 18), (2, 19)}),
        ("17:00", "17:00", set()),
        ("18:00", "17:00", set()),
        ("22:00", "23:30", {(2, 23), (3, 0)}),
    ],
)
def test_the_hours_that_a_window_marks(start: str, end: str, cells: set[tuple[int, int]]) -> None:
    data = {
        "attempt": "a",
        "line": "l",
        "window_start": f"2027-03-10T{start}:00+00:00",
        "window_end": f"2027-03-10T{end}:00+00:00",
    }
    entry = Entry(seq=1, at=AT, kind="call.authorised", subject="s", data=data)
    assert add_up([entry], PARIS).wished == cells


def test_a_window_without_end_marks_each_hour_of_the_week_once() -> None:
    data = {
        "attempt": "a",
        "line": "l",
        "window_start": "2027-03-10T00:00:00+00:00",
        "window_end": "2028-03-10T00:00:00+00:00",
    }
    entry = Entry(seq=1, at=AT, kind="call.authorised", subject="s", data=data)
    assert add_up([entry], PARIS).wished == {(d, h) for d in range(7) for h in range(24)}


def test_the_table_of_attempts() -> None:
    assert list(csv.reader(io.StringIO(as_csv(add_up(ENTRIES, PARIS))))) == [
        list(COLUMNS),
        [
            "a1",
            "s1",
            "l1",
            "2027-03-09T22:40:00.000+00:00",
            "2027-03-09T22:44:00.000+00:00",
            "opted_out",
            "local",
            "7.0",
            "31.5",
            "1 9",
            "host module",
            "yes",
            "15",
            '{"end": "e"}',
        ],
        [
            "a2",
            "s2",
            "l2",
            "2027-03-09T22:50:00.000+00:00",
            "2027-03-09T22:52:00.000+00:00",
            "failed",
            "",
            "0.0",
            "0.0",
            "1",
            "host",
            "no",
            "23",
            "",
        ],
        "a3,s2,l2,2027-03-09T22:54:00.000+00:00,,running,,0.0,0.0,,,no,,".split(","),
    ]


PERSON: dict[str, Any] = {
    "number": "+33639980012",
    "number_hash": "h1",
    "known": True,
    "subject": "s1",
    "name": "Ada",
    "language": "en",
    "timezone": "Europe/Paris",
    "objection": {"at": "2027-03-09T22:45:00Z", "by": "key"},
    "consents": [],
}
CALL = {
    "attempt": "a1",
    "purpose": None,
    "authorised_at": "2027-03-09T22:40:00Z",
    "answered_at": "2027-03-09T22:41:00Z",
    "ended_at": "2027-03-09T22:44:00Z",
    "outcome": "opted_out",
    "ring_seconds": 7,
    "talk_seconds": 31.5,
    "keys": [
        {"at": "2027-03-09T22:42:00Z", "key": "1", "heard_by": "host", "counted": None},
        {"at": "2027-03-09T22:43:00Z", "key": "9", "heard_by": "module", "counted": None},
    ],
    "line": "l1",
    "bench": True,
    "consent": None,
    "window": [WINDOW["window_start"], WINDOW["window_end"]],
    "profile": "fr/1",
    "rules": ["x"],
    "evidence": {"end": "e"},
}


def test_a_dossier_has_all_rows_about_the_person_and_no_other() -> None:
    by_number = Entry(
        seq=40, at=minute(40), kind="message.kept", subject=None, data={"number_hashes": ["h1"]}
    )
    by_hash = Entry(
        seq=41, at=minute(41), kind="consent.revoked", subject=None, data={"number_hash": "h1"}
    )
    refused = Entry(
        seq=42, at=minute(42), kind="call.refused", subject="s1", data={"rules": ["cap"]}
    )
    other = Entry(
        seq=43, at=minute(43), kind="message.kept", subject=None, data={"number_hashes": ["h2"]}
    )
    found = compile_dossier(PERSON, [*ENTRIES, by_number, by_hash, refused, other])
    rows = found.pop("rows")
    assert [row["seq"] for row in rows] == [3, 11, 12, 13, 14, 15, 16, 40, 41, 42]
    assert rows[0] == {
        "seq": 3,
        "at": "2027-03-09T22:32:00Z",
        "kind": "consent.granted",
        "data": {},
    }
    assert found == PERSON | {
        "attempts": [CALL],
        "refusals": [{"at": "2027-03-09T23:12:00Z", "rules": ["cap"]}],
    }
    unknown = PERSON | {"subject": None}
    assert [r["seq"] for r in compile_dossier(unknown, [*ENTRIES, by_hash])["rows"]] == [41]


def test_a_dossier_for_reading() -> None:
    text = as_text(compile_dossier(PERSON, ENTRIES))
    assert text.splitlines()[:10] == [
        "Everything held about +33639980012; times in Europe/Paris.",
        "",
        "number              +33639980012",
        "name                Ada",
        "language            English",
        "time zone           Europe/Paris",
        "id in the ledger    s1",
        "hash of the number  h1",
        "objected            2027-03-09 23:45:00, by the key to object in a call",
        "",
    ]
    nobody = PERSON | {"known": False, "objection": None, "name": "", "timezone": None}
    words = as_text(compile_dossier(nobody, []))
    for told in (
        "times in UTC.",
        "registry            This number is not in the registry.",
        "objected            no",
        "No call was made.",
    ):
        assert told in words
    assert "name " not in words


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 s"),
        (89.4, "89 s"),
        (90.0, "2 min"),
        (5399.0, "90 min"),
        (5400.0, "1.5 h"),
        (36000.0, "10.0 h"),
    ],
)
def test_a_length_of_time_is_told_in_its_own_unit(seconds: float, shown: str) -> None:
    assert duration(seconds, translator("en")) == shown


@pytest.mark.parametrize(
    ("end", "cells"),
    [("17:59:59", {(2, 18)}), ("18:00:00", {(2, 18)}), ("18:00:01", {(2, 18), (2, 19)})],
)
def test_an_hour_is_marked_from_its_first_second(end: str, cells: set[tuple[int, int]]) -> None:
    data = {
        "attempt": "a",
        "line": "l",
        "window_start": "2027-03-10T17:30:00+00:00",
        "window_end": f"2027-03-10T{end}+00:00",
    }
    entry = Entry(seq=1, at=AT, kind="call.authorised", subject="s", data=data)
    assert add_up([entry], PARIS).wished == cells


def test_who_agrees_anew_waits_again() -> None:
    told = [("consent.granted", {}), ("consent.revoked", {"by": "key"}), ("consent.granted", {})]
    rows = [
        Entry(seq=n, at=minute(n), kind=kind, subject="s", data=data)
        for n, (kind, data) in enumerate(told)
    ]
    assert add_up(rows[:2], PARIS).waiting == {}
    assert add_up(rows, PARIS).waiting == {"s": ()}


@pytest.mark.parametrize(
    ("consents", "rules"),
    [
        ([{"purpose": "news", "given_at": "2026-01-01T00:00:00+00:00", "valid_until": None}], ()),
        # Whoever the plan never had a place for is in no row but those of their consents.
        ([{"purpose": "other", "given_at": "2026-01-01T00:00:00+00:00"}], ("consent",)),
        ([{"purpose": "news", "given_at": "", "valid_until": "2027-03-09T22:00:00+00:00"}],
         ("consent",)),
        ([{"purpose": "news", "given_at": "", "valid_until": "2027-03-10T22:00:00+00:00"}], ()),
        # The newest word counts, in whatever order the rows came.
        ([{"purpose": "news", "given_at": "2026-02-01T00:00:00+00:00"},
          {"purpose": "news", "given_at": "2026-01-01T00:00:00+00:00",
           "valid_until": "2026-03-01T00:00:00+00:00"}], ()),
        ([{"purpose": "news", "given_at": "2026-01-01T00:00:00+00:00"},
          {"purpose": "news", "given_at": "2026-02-01T00:00:00+00:00",
           "valid_until": "2026-03-01T00:00:00+00:00"}], ("consent",)),
        ([{"purpose": "other"}, {"purpose": "news"}], ()),
        ([{"purpose": "news", "given_at": "x", "valid_until": "y"}], ()),
        ([{}], ()),
    ],
)  # fmt: skip
def test_whoever_has_no_live_consent_is_not_told_to_wait_for_a_turn(
    consents: list[dict[str, Any]], rules: tuple[str, ...]
) -> None:
    rows = [Entry(seq=1, at=AT, kind="config.loaded", subject=None, data={"purpose": "news"})]
    rows += [
        Entry(seq=n, at=AT, kind="consent.granted", subject="s", data=data)
        for n, data in enumerate(consents, 2)
    ]
    assert add_up(rows, PARIS).waiting == {"s": rules}
    # What a rule said to their face counts before that.
    refused = Entry(seq=9, at=AT, kind="call.refused", subject="s", data={"rules": ["window"]})
    assert add_up([*rows, refused], PARIS).waiting == {"s": ("window",)}
    # A ledger in which no configuration stands says nothing of a campaign.
    assert add_up(rows[1:], PARIS).waiting == {"s": ()}


@pytest.mark.parametrize(
    ("language", "wanted", "otherwise", "told"),
    [
        ("fr", "", "en", "Tout ce qui est conservé"),
        ("en", "", "fr", "Everything held"),
        ("en", "fr", "en", "Tout ce qui est conservé"),
        # Whose language the box does not speak, or does not know any more, reads the box's own.
        ("es", "", "fr", "Tout ce qui est conservé"),
        (None, "", "fr", "Tout ce qui est conservé"),
        (None, "", "en", "Everything held"),
    ],
)
def test_a_dossier_speaks_the_persons_language_or_else_the_boxs(
    language: str | None, wanted: str, otherwise: str, told: str
) -> None:
    dossier = compile_dossier(PERSON | {"language": language}, ENTRIES)
    assert as_text(dossier, wanted, otherwise).startswith(told)
    assert told in as_html(dossier, None, wanted, otherwise)


def test_a_letter_keeps_the_spaces_that_french_sets_before_its_marks() -> None:
    told = as_text(compile_dossier(PERSON | {"name": "A\x1b[2J"}, ENTRIES), "fr")
    assert "opposé\N{NO-BREAK SPACE}: a appuyé sur la touche d'opposition" in told
    assert "A?[2J" in told
