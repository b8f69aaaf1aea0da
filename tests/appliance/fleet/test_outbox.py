"""What the others must know: everything that a ledger says of it, again and again until acked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.effects import Entry
from appliance.fleet.messages import Ended, Objection
from appliance.fleet.outbox import Outbox
from appliance.fleet.subjects import Subjects
from appliance.model import Outcome

NAMES = Subjects("spring")
AT = datetime(2027, 3, 10, tzinfo=UTC)
PID = "a" * 32


def rows(*told: tuple[str, str | None, dict[str, Any]]) -> list[Entry]:
    return [
        Entry(seq=seq, at=AT + timedelta(seconds=seq), kind=kind, subject=subject, data=data)
        for seq, (kind, subject, data) in enumerate(told, start=1)
    ]


def authorised(attempt: str, number: int = 1) -> tuple[str, str | None, dict[str, Any]]:
    claim = {"pid": PID, "number": number, "sequence": 40}
    return "call.authorised", "s", {"attempt": attempt, "claim": claim}


def test_an_outcome_goes_out_when_the_call_is_over_and_is_held_until_then() -> None:
    outbox = Outbox(NAMES, "north")
    begun = rows(("box.started", None, {}), authorised("a1"), ("call.key", "s", {"attempt": "a1"}))
    outbox.follow(begun)
    assert outbox.waiting == []
    assert outbox.done == 1, "a start reads again from the row that began the call"
    ended = rows(
        ("box.started", None, {}),
        authorised("a1"),
        ("call.key", "s", {"attempt": "a1"}),
        ("call.ended", "s", {"attempt": "a1", "outcome": "listened"}),
    )
    outbox.follow(ended[3:])
    (due,) = outbox.waiting
    assert due.subject == NAMES.outcome(PID, 1, "north")
    assert Ended.read(due.payload).outcome is Outcome.LISTENED
    outbox.acknowledged(due.subject)
    assert outbox.done == 4


def test_a_claim_that_was_never_dialled_is_told_as_unused() -> None:
    outbox = Outbox(NAMES, "north")
    claim = {"pid": PID, "number": 2, "sequence": 41}
    outbox.follow(rows(("fleet.claim_unused", "s", {"attempt": "a2", "claim": claim})))
    (due,) = outbox.waiting
    assert due.subject == NAMES.outcome(PID, 2, "north")
    assert Ended.read(due.payload).outcome is None


def test_objections_go_first_and_say_when_they_were_said() -> None:
    outbox = Outbox(NAMES, "north")
    outbox.follow(
        rows(
            authorised("a1"),
            ("call.ended", "s", {"attempt": "a1", "outcome": "opted_out"}),
            ("consent.revoked", "s", {"by": "key", "pid": PID}),
            ("fleet.objection", "t", {"by": "sms", "pid": "b" * 32, "said_at": AT.isoformat()}),
        )
    )
    first, second, third = outbox.waiting
    assert first.subject == NAMES.objection(PID)
    assert Objection.read(second.payload).at == AT
    assert third.subject == NAMES.outcome(PID, 1, "north")
    assert outbox.objections == 2


def test_what_came_from_the_fleet_is_not_sent_back() -> None:
    outbox = Outbox(NAMES, "north")
    outbox.follow(rows(("consent.revoked", "s", {"by": "fleet", "pid": PID})))
    assert outbox.waiting == []
    assert outbox.done == 1


def test_an_objection_without_a_name_holds_the_place_until_it_has_one() -> None:
    outbox = Outbox(NAMES, "north")
    outbox.follow(rows(("consent.revoked", "s", {"by": "key"}), ("box.stopped", None, {})))
    assert outbox.ask_names() == ("s",)
    assert outbox.ask_names() == ()
    assert outbox.objections == 1
    assert outbox.done == 0
    named = rows(
        ("consent.revoked", "s", {"by": "key"}),
        ("box.stopped", None, {}),
        ("fleet.objection", "s", {"by": "key", "pid": PID}),
    )
    outbox.follow(named[2:])
    (due,) = outbox.waiting
    assert due.subject == NAMES.objection(PID)
    outbox.acknowledged(due.subject)
    assert outbox.done == 3


STORY = st.lists(
    st.one_of(
        st.builds(authorised, st.sampled_from("abc"), st.integers(1, 3)),
        st.sampled_from("abc").map(
            lambda a: ("call.ended", "s", {"attempt": a, "outcome": "busy"})
        ),
        st.sampled_from(["c" * 32, "d" * 32]).map(
            lambda pid: ("consent.revoked", "s", {"by": "sms", "pid": pid})
        ),
        st.just(("box.stopped", None, {})),
    ),
    max_size=20,
)


@given(story=STORY, cut=st.integers(0, 20), acked=st.integers(0, 5))
def test_a_power_cut_anywhere_loses_nothing(
    story: list[tuple[str, str | None, dict[str, Any]]], cut: int, acked: int
) -> None:
    """Whatever was acknowledged before the cut, the rest goes out from the place that is kept."""
    told = rows(*story)
    whole = Outbox(NAMES, "north")
    whole.follow(told)
    wanted = {due.subject for due in whole.waiting}
    outbox = Outbox(NAMES, "north")
    outbox.follow(told[:cut])
    sent = {due.subject for due in outbox.waiting[:acked]}
    for subject in sent:
        outbox.acknowledged(subject)
    kept = outbox.done
    again = Outbox(NAMES, "north")
    again.follow(told[kept:])
    assert wanted <= sent | {due.subject for due in again.waiting}
