"""What a ledger from a backup lacks: the rows that bring it back, and none that widens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from appliance.campaign.history import CampaignState
from appliance.campaign.restored import RESTORED, lacks, withdrawn
from appliance.effects import Entry, Record
from tests.appliance.campaign.test_fold import (
    A1,
    A2,
    A3,
    A4,
    A5,
    A6,
    A7,
    ANNA,
    BEN,
    CARL,
    E1,
    E2,
    ENTRIES,
    EVE,
    FRED,
    GINA,
    R1,
    folded,
    minute,
    row,
    written,
)


def objected(at: float, by: str, **who: str) -> dict[str, Any]:
    ends = (minute(at) + timedelta(milliseconds=1)).isoformat()
    return {"by": by, **who, "ends": ends, "again": True}


def made(
    attempt: str, at: float, ended: float | None, outcome: str, **more: object
) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "attempt": attempt,
        "purpose": "news",
        "authorised_at": written(at),
        "ended_at": None if ended is None else written(ended),
        "outcome": outcome,
        "bench": False,
        "answered": False,
    }
    return plain | more


EVERYTHING: list[tuple[str, str | None, dict[str, Any]]] = [
    ("stop.pressed", None, {"source": RESTORED}),
    ("dialling.paused", None, {"by": RESTORED}),
    ("consent.revoked", None, objected(9, "key", number_hash="h-gina")),
    ("consent.revoked", None, objected(17, "sms", number_hash="h3")),
    (
        "consent.revoked",
        None,
        {"by": "erased", "number_hash": "h-carl", "ends": written(20), "again": True},
    ),
    (
        "consent.revoked",
        None,
        {"by": "erased", "number_hash": "h-fred", "ends": written(28), "again": True},
    ),
    ("call.restored", ANNA, made(A1, 5, 6, "busy", bench=True)),
    ("call.restored", ANNA, made(E1, 3.5, 4, "no_answer")),
    ("call.restored", ANNA, made(E2, 11, 11, "failed")),
    # One without an end may have been a whole call.
    ("call.restored", ANNA, made(A6, 29, None, "unknown", bench=True)),
    ("consent.revoked", GINA, objected(9, "key")),
    ("call.restored", GINA, made(A2, 7, 8, "listened", purpose="survey", answered=True)),
    # That consents are in no registry is not Eve's word: only her attempt comes back.
    ("call.restored", EVE, made(R1, -20, -19, "partial", answered=True)),
    ("call.restored", BEN, made(A7, 35, 36, "no_answer", purpose="")),
    ("contact.erased", CARL, {"by": RESTORED}),
    ("contact.erased", FRED, {"by": RESTORED}),
    ("message.kept", ANNA, {"message": "m2", "number_hashes": ["h1"], "again": True}),
    ("call.restored", None, made(A3, 18, 19, "declined", number_hash="h-carl")),
    (
        "call.restored",
        None,
        made(A4, 21, 22, "unknown", answered=True, number_hash="h-dora"),
    ),
    # Fred was erased within the call.
    ("call.restored", None, made(A5, 27, None, "unknown", number_hash="h-fred")),
]


def told(rows: list[Record]) -> list[tuple[str, str | None, dict[str, Any]]]:
    return [(one.kind, one.subject, one.data) for one in rows]


def by_kind(rows: list[tuple[str, str | None, dict[str, Any]]]) -> list[str]:
    return sorted(map(repr, rows))


def test_a_ledger_that_lost_everything_gets_all_that_narrows() -> None:
    rows = lacks(CampaignState(), folded(ENTRIES))
    assert by_kind(told(rows)) == by_kind(EVERYTHING)
    # What stops everybody stands first.
    assert [one.kind for one in rows[:2]] == ["stop.pressed", "dialling.paused"]


@pytest.mark.parametrize("cut", range(0, len(ENTRIES) + 1, 4))
def test_a_ledger_that_lost_its_end_knows_as_much_again(cut: int) -> None:
    """And nothing that it had comes twice: its rows folded after the backup's are all there is."""
    whole = folded(ENTRIES)
    fold = folded(ENTRIES[:cut])
    for n, one in enumerate(lacks(fold, whole), start=fold.seq + 1):
        fold.apply(Entry(seq=n, at=minute(36), kind=one.kind, subject=one.subject, data=one.data))
    assert lacks(fold, whole) == []
    assert (fold.stopped, fold.paused) == (True, True)
    assert fold.erased == whole.erased
    for subject in (ANNA, BEN, EVE, GINA):
        known = {attempt.id for attempt in fold.history(subject).attempts}
        assert known == {attempt.id for attempt in whole.history(subject).attempts}
    assert {number for number, _ in fold.suppressions()} >= {
        number for number, _ in whole.suppressions()
    }
    for number_hash in ("h-carl", "h-dora"):
        known = {attempt.id for attempt in fold.history("new", number_hash).attempts}
        assert known >= {attempt.id for attempt in whole.history("new", number_hash).attempts}


def test_nothing_is_lacking_where_both_know_the_same() -> None:
    assert lacks(folded(ENTRIES), folded(ENTRIES)) == []
    assert lacks(folded(ENTRIES), CampaignState()) == []


@pytest.mark.parametrize(
    ("less", "more", "again"), [(5, 6, True), (5, 5, False), (6, 5, False), (None, 5, True)]
)
def test_only_a_newer_withdrawal_comes_again(less: float | None, more: float, again: bool) -> None:
    def said(at: float) -> CampaignState:
        return folded([row("consent.revoked", by="sms", number_hash="h", said_at=written(at))])

    fold = CampaignState() if less is None else said(less)
    rows = lacks(fold, said(more))
    ends = {"by": "sms", "ends": written(more), "again": True}
    expected = [
        withdrawn("h", minute(more), "sms"),
        Record(kind="consent.revoked", subject=ANNA, data=ends),
    ]
    assert rows == (expected if again else [])


def test_a_stop_or_a_pause_that_stands_is_not_pressed_again() -> None:
    stopped = folded([row("stop.pressed", subject=None)])
    paused = folded([row("dialling.paused", subject=None)])
    assert told(lacks(CampaignState(), stopped)) == [("stop.pressed", None, {"source": RESTORED})]
    assert told(lacks(paused, stopped)) == [("stop.pressed", None, {"source": RESTORED})]
    assert told(lacks(stopped, paused)) == [("dialling.paused", None, {"by": RESTORED})]
    assert lacks(stopped, stopped) == lacks(paused, paused) == []


WITHIN_A_CALL = [
    row("call.authorised", attempt=A1, purpose="news", bench=True, line="l"),
    row("contact.erased", number_hash="h-anna", by="command"),
]
"""Somebody is erased while their phone rings; then the power fails."""


@pytest.mark.parametrize("gone", ["contact.erased", "contact.lost"])
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_call_that_ran_when_its_person_was_erased_counts(cut: int, gone: str) -> None:
    """A number that is registered again rests as after any call, whichever rows a backup lacks."""
    rows = [WITHIN_A_CALL[0], replace(WITHIN_A_CALL[1], kind=gone)]
    whole, fold = folded(rows), folded(rows[:cut])
    brought = lacks(fold, whole)
    for n, one in enumerate(brought, start=fold.seq + 1):
        fold.apply(Entry(seq=n, at=minute(36), kind=one.kind, subject=one.subject, data=one.data))
    if cut < 2:
        (again,) = (one for one in brought if one.kind == "call.restored")
        assert again == Record(
            kind="call.restored",
            data=made(A1, 0, None, "unknown", bench=True, number_hash="h-anna"),
        )
    else:
        assert brought == []
    ids = [attempt.id for attempt in fold.history("new", "h-anna").attempts]
    assert ids == [A1]
    assert lacks(fold, whole) == []
