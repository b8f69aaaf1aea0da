"""A claim at the edge of its time and of the log, with each bar alone; and what goes out of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from appliance.effects import Entry
from appliance.fleet.claim import (
    DIAL_WITHIN,
    Acknowledged,
    Asked,
    Denied,
    Granted,
    NotWritten,
    Objected,
    Passed,
    Position,
    Reason,
    mark,
    refusal,
    step,
)
from appliance.fleet.messages import (
    Claim,
    Ended,
    MessageUnreadable,
    Objection,
    Order,
    decode,
)
from appliance.fleet.outbox import Due, Outbox
from appliance.fleet.subjects import Subject, Subjects
from appliance.model import Outcome

PID = "a" * 32
NAMES = Subjects("spring")
SUBJECT = NAMES.claim(PID, 3)
BASE = Position(highest=40, epoch=2)
ASKED = Asked(pid=PID, number=3, subject=SUBJECT, epoch=2, sent_at=100.0, floor=40)
GRANTED = Granted(pid=PID, number=3, sequence=42, epoch=2, dial_by=102.0)
SEEN = replace(BASE, highest=42, anchor=41, anchor_subject=SUBJECT)


def test_what_is_known_before_anything_is() -> None:
    assert asdict(Position()) == {
        "highest": 0,
        "epoch": 1,
        "stopped": False,
        "stopped_by": "",
        "forgetful": "",
        "anchor": 0,
        "anchor_subject": "",
    }
    assert Position().bars() is None
    assert not ASKED.revoked
    assert Denied(pid=PID, number=3, reason=Reason.LATE).sequence == 0
    assert Subject("rev").number == 0
    assert DIAL_WITHIN == 2.0


@pytest.mark.parametrize(
    ("event", "position", "at", "state", "after"),
    [
        (Acknowledged(42), BASE, 100.5, GRANTED, SEEN),
        (Acknowledged(42), BASE, 102.0, GRANTED, SEEN),
        (Acknowledged(41), BASE, 100.5, replace(GRANTED, sequence=41),
         replace(SEEN, highest=41, anchor=40)),
        (Acknowledged(42), BASE, 102.1, Reason.LATE, SEEN),
        (Acknowledged(42), replace(BASE, stopped=True), 100.5, Reason.STOPPED,
         replace(SEEN, stopped=True)),
        (Acknowledged(42), replace(BASE, epoch=3), 100.5, Reason.EPOCH, replace(SEEN, epoch=3)),
        (Acknowledged(42), replace(BASE, epoch=1), 100.5, Reason.EPOCH, replace(SEEN, epoch=1)),
        (Acknowledged(42), replace(BASE, forgetful="x"), 100.5, Reason.FORGETFUL,
         replace(SEEN, forgetful="x")),
        (Passed(), BASE, 102.0, ASKED, BASE),
        (Passed(), BASE, 102.1, Reason.NO_ANSWER, BASE),
        (Objected("b" * 32), BASE, 100.5, ASKED, BASE),
        (Objected(PID), BASE, 100.5, replace(ASKED, revoked=True), BASE),
        (NotWritten(Reason.CLAIMED, "by south"), BASE, 100.5, Reason.CLAIMED, BASE),
    ],
)  # fmt: skip
def test_what_becomes_of_a_claim_that_was_sent(
    event: Any, position: Position, at: float, state: Any, after: Position
) -> None:
    found, left = step(ASKED, event, position, at)
    if isinstance(state, Reason):
        assert isinstance(found, Denied)
        sequence = event.sequence if isinstance(event, Acknowledged) else 0
        detail = getattr(event, "detail", "")
        assert found == Denied(pid=PID, number=3, reason=state, detail=detail, sequence=sequence)
        assert refusal(found, left, at) is state
    else:
        assert found == state
    assert left == after


@pytest.mark.parametrize("sequence", [40, 39, 1])
def test_a_hub_that_numbers_no_higher_has_forgotten(sequence: int) -> None:
    found, left = step(ASKED, Acknowledged(sequence), BASE, 100.5)
    detail = f"a claim was numbered {sequence}, this box had seen 40"
    assert found == Denied(pid=PID, number=3, reason=Reason.FORGETFUL, detail=detail)
    assert left == replace(BASE, forgetful=detail)
    assert left.bars() == f"the hub has forgotten what it acknowledged: {detail}"


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (Acknowledged(50), GRANTED),
        (NotWritten(Reason.REFUSED), GRANTED),
        (Passed(), GRANTED),
        (Objected("b" * 32), GRANTED),
        (Objected(PID), Denied(pid=PID, number=3, reason=Reason.OBJECTED, sequence=42)),
    ],
)
def test_what_becomes_of_a_grant(event: Any, state: Any) -> None:
    assert step(GRANTED, event, SEEN, 200.0) == (state, SEEN)


@pytest.mark.parametrize("event", [NotWritten(Reason.REFUSED), Passed(), Objected(PID)])
def test_what_is_denied_stays_so(event: Any) -> None:
    denied = Denied(pid=PID, number=3, reason=Reason.LATE, detail="x")
    assert step(denied, event, BASE, 200.0) == (denied, BASE)
    assert step(denied, Acknowledged(44), BASE, 200.0) == (
        replace(denied, sequence=44),
        replace(BASE, highest=44),
    )


@pytest.mark.parametrize(
    ("change", "at", "reason"),
    [
        ({}, 101.0, None),
        ({}, 102.0, None),
        ({}, 102.1, Reason.LATE),
        ({"stopped": True}, 101.0, Reason.STOPPED),
        ({"epoch": 3}, 101.0, Reason.EPOCH),
        ({"epoch": 1}, 101.0, Reason.EPOCH),
        ({"forgetful": "x"}, 101.0, Reason.FORGETFUL),
    ],
)
def test_each_bar_alone_refuses_the_dial(
    change: dict[str, Any], at: float, reason: Reason | None
) -> None:
    assert refusal(GRANTED, replace(SEEN, **change), at) is reason
    assert refusal(ASKED, SEEN, 101.0) is Reason.NO_ANSWER


def test_a_position_goes_up_and_is_barred_in_words() -> None:
    assert BASE.sees(39) is BASE
    assert BASE.sees(40) is BASE
    assert BASE.sees(41) == replace(BASE, highest=41)
    assert BASE.sees(41, "s") == replace(BASE, highest=41, anchor=41, anchor_subject="s")
    assert BASE.sees(39, "s") == replace(BASE, anchor=39, anchor_subject="s")
    anchored = replace(BASE, anchor=39, anchor_subject="s")
    assert anchored.sees(38, "t") is anchored
    assert anchored.sees(39, "t") is anchored
    assert BASE.stops(1, "Ada") is BASE
    assert BASE.stops(2, "Ada") == replace(BASE, stopped=True, stopped_by="Ada")
    assert BASE.stops(3, "").bars() == "headquarters stopped this box"
    assert BASE.stops(3, "Ada").epoch == 3


@pytest.mark.parametrize("after_loss", [False, True])
@pytest.mark.parametrize("forgetful", ["", "x"])
def test_a_new_epoch_counts_from_itself_after_a_loss_alone(
    after_loss: bool, forgetful: str
) -> None:
    position = replace(
        BASE,
        stopped=True,
        stopped_by="Ada",
        forgetful=forgetful,
        anchor=30,
        anchor_subject="s",
    )
    assert position.opens(2, 50, after_loss=after_loss) is position
    anew = after_loss and forgetful
    assert position.opens(3, 12, after_loss=after_loss) == replace(
        position,
        epoch=3,
        stopped=False,
        stopped_by="",
        forgetful="" if anew else forgetful,
        highest=12 if anew else 40,
        anchor=0 if anew else 30,
        anchor_subject="" if anew else "s",
    )
    assert position.opens(3, 50, after_loss=after_loss).highest == 50


def test_a_hub_is_compared_with_what_was_seen_of_it() -> None:
    anchored = replace(BASE, anchor=30, anchor_subject="s")
    assert anchored.meets(39, "s").forgetful == "it ends at 39, this box has seen 40"
    assert anchored.meets(40, "s") is anchored
    gone = "message 30 is not the one that stood there"
    assert anchored.meets(41, "other").forgetful == gone
    assert anchored.meets(41, None).forgetful == gone
    # By its subject alone, as a memory of before has it; the same order given anew is another.
    assert anchored.meets(41, mark("s", b"1")) is anchored
    marked = replace(BASE, anchor=30, anchor_subject=mark("s", b"1"))
    assert marked.meets(41, mark("s", b"1")) is marked
    assert marked.meets(41, mark("s", b"2")).forgetful == gone
    assert marked.meets(41, "s").forgetful == gone
    assert BASE.meets(41, None) is BASE
    assert BASE.meets(41, "anything") is BASE
    lost = replace(anchored, forgetful="x")
    assert lost.meets(1, None) is lost


# -- messages -------------------------------------------------------------------------------------

AT = datetime(2027, 3, 10, 18, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
SAID = "2027-03-10T17:30:00.999Z"


def test_messages_as_they_stand_in_the_log() -> None:
    assert Claim(box="n", attempt="a", at=AT).payload() == (
        b'{"at":"%b","attempt":"a","box":"n"}' % SAID.encode()
    )
    assert decode(Claim(box="n", attempt="a", at=AT, prior=True).payload())["prior"] is True
    assert decode(Ended(box="n", attempt="a", outcome=None, at=AT).payload()) == {
        "at": SAID,
        "attempt": "a",
        "box": "n",
        "outcome": "unused",
    }
    assert decode(Objection(box="n", at=AT, by="key").payload()) == {
        "at": SAID,
        "box": "n",
        "by": "key",
    }
    order = {"by": "Ada", "reason": "r", "at": SAID}
    assert decode(Order(by="Ada", reason="r", at=AT).payload()) == order
    assert decode(Order(by="Ada", reason="r", at=AT, fence=True).payload()) == {
        **order,
        "fence": True,
    }
    assert decode(Order(by="Ada", reason="r", at=AT, after_loss=True).payload()) == {
        **order,
        "after_loss": True,
    }


@pytest.mark.parametrize("length", [1, 1000])
def test_a_text_has_up_to_a_thousand_characters(length: int) -> None:
    told = Objection(box="n" * length, at=AT, by="key")
    assert Objection.read(told.payload()).box == told.box


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("2027-03-10T17:30:00", "at is a time without offset"),
        ("yesterday", "at is no time"),
        ("", "at is no time"),
        (None, "at is no time"),
    ],
)
def test_a_time_has_an_offset(at: object, why: str) -> None:
    with pytest.raises(MessageUnreadable, match=f"^{why}$"):
        Objection.read(_json({"box": "n", "at": at, "by": "key"}))


@pytest.mark.parametrize("flag", [1, "true", None, False])
def test_a_flag_is_set_by_true_alone(flag: object) -> None:
    claim = {**decode(Claim(box="n", attempt="a", at=AT).payload()), "prior": flag}
    order = decode(Order(by="Ada", reason="r", at=AT).payload())
    assert not Claim.read(_json(claim)).prior
    read = Order.read(_json({**order, "fence": flag, "after_loss": flag}))
    assert (read.fence, read.after_loss) == (False, False)


def _json(value: dict[str, object]) -> bytes:

    return json.dumps(value).encode()


# -- what goes out --------------------------------------------------------------------------------

BEGIN = datetime(2027, 3, 10, tzinfo=UTC)


def entry(seq: int, kind: str, subject: str | None = "s", **data: Any) -> Entry:
    return Entry(seq=seq, at=BEGIN + timedelta(seconds=seq), kind=kind, subject=subject, data=data)


def begun(seq: int, attempt: str, number: int = 1) -> Entry:
    claim = {"pid": PID, "number": number, "sequence": 9}
    return entry(seq, "call.authorised", attempt=attempt, claim=claim)


def test_each_message_that_is_due_whole() -> None:
    outbox = Outbox(NAMES, "north")
    assert (outbox.done, outbox.objections, outbox.waiting) == (0, 0, [])
    outbox.follow(
        [
            begun(5, "a1"),
            begun(6, "a2", 2),
            entry(7, "call.ended", attempt="a2", outcome="odd"),
            entry(8, "call.ended", attempt="a1", outcome="busy"),
            entry(9, "consent.revoked", pid=PID, by="sms"),
            entry(10, "consent.revoked", pid=PID, by="key"),
        ]
    )
    assert outbox.waiting == [
        Due(
            subject=NAMES.objection(PID),
            payload=Objection(box="north", at=BEGIN + timedelta(seconds=9), by="sms").payload(),
            seq=9,
            objection=True,
            pid=PID,
        ),
        Due(
            subject=NAMES.outcome(PID, 2, "north"),
            payload=Ended(
                box="north",
                attempt="a2",
                outcome=Outcome.UNKNOWN,
                at=BEGIN + timedelta(seconds=7),
            ).payload(),
            seq=7,
            objection=False,
            pid=PID,
        ),
        Due(
            subject=NAMES.outcome(PID, 1, "north"),
            payload=Ended(
                box="north", attempt="a1", outcome=Outcome.BUSY, at=BEGIN + timedelta(seconds=8)
            ).payload(),
            seq=8,
            objection=False,
            pid=PID,
        ),
    ]
    assert (outbox.done, outbox.objections) == (6, 1)
    outbox.acknowledged(NAMES.outcome(PID, 2, "north"))
    assert outbox.done == 7
    outbox.acknowledged(NAMES.objection(PID))
    outbox.acknowledged("what nobody waits for")
    assert (outbox.done, outbox.objections) == (7, 0)
    outbox.acknowledged(NAMES.outcome(PID, 1, "north"))
    assert outbox.done == 10


def test_a_call_that_runs_holds_the_place_from_its_first_row() -> None:
    outbox = Outbox(NAMES, "north")
    outbox.follow([begun(5, "a1"), entry(6, "box.stopped"), entry(7, "call.ended", attempt="b")])
    assert outbox.done == 4
    assert outbox.waiting == []
    outbox.follow([entry(8, "fleet.claim_unused", attempt="a3", claim={"pid": PID})])
    assert outbox.waiting == []
    claim = {"pid": PID, "number": 3}
    outbox.follow([entry(9, "fleet.claim_unused", attempt="a3", claim=claim)])
    (due,) = outbox.waiting
    assert (due.seq, due.subject, due.objection) == (9, NAMES.outcome(PID, 3, "north"), False)
    assert Ended.read(due.payload) == Ended(
        box="north", attempt="a3", outcome=None, at=BEGIN + timedelta(seconds=9)
    )


@pytest.mark.parametrize(
    "claim",
    [None, [], "x", {}, {"pid": PID}, {"pid": PID, "number": "1"}, {"pid": PID, "number": True},
     {"pid": "x", "number": 1}, {"pid": 1, "number": 1}, {"pid": PID + "0", "number": 1}],
)  # fmt: skip
def test_what_is_no_claim_is_not_followed(claim: object) -> None:
    outbox = Outbox(NAMES, "north")
    outbox.follow(
        [
            entry(5, "call.authorised", attempt="a1", claim=claim),
            entry(6, "call.ended", attempt="a1", outcome="busy"),
        ]
    )
    assert (outbox.waiting, outbox.done) == ([], 6)


@pytest.mark.parametrize(
    ("said_at", "at"),
    [
        (None, BEGIN + timedelta(seconds=5)),
        (7, BEGIN + timedelta(seconds=5)),
        ("yesterday", BEGIN + timedelta(seconds=5)),
        ("2027-03-01T10:00:00", BEGIN + timedelta(seconds=5)),
        ("2027-03-01T10:00:00+00:00", datetime(2027, 3, 1, 10, tzinfo=UTC)),
    ],
)
def test_an_objection_is_dated_when_it_was_said(said_at: object, at: datetime) -> None:
    outbox = Outbox(NAMES, "north")
    outbox.follow([entry(5, "fleet.objection", pid=PID, said_at=said_at)])
    (due,) = outbox.waiting
    assert Objection.read(due.payload) == Objection(box="north", at=at, by="command")


def test_only_an_objection_in_the_registry_is_asked_its_name_for() -> None:
    outbox = Outbox(NAMES, "north")
    outbox.follow(
        [
            entry(5, "consent.revoked", None, by="key"),
            entry(6, "fleet.objection", "t", by="key", pid="x"),
            entry(7, "consent.revoked", "u", by="key", pid=1),
            entry(8, "consent.revoked", "u", by="sms"),
            entry(9, "consent.revoked", "v", by="fleet"),
        ]
    )
    assert outbox.ask_names() == ("u",)
    assert outbox.objections == 1
    assert outbox.done == 6
    outbox.follow([entry(10, "consent.revoked", "w", by="key")])
    assert outbox.ask_names() == ("w",)
    assert outbox.objections == 2
