"""Text messages: when an objection counts as said, and what is kept of any other, whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.campaign import inputs
from appliance.campaign.messages import LATEST_HELD, STAMPS_SINCE, ZONE_FAULT, _said_at
from appliance.effects import KeepMessage, Now, Record, Send
from appliance.model import KeptMessage
from firmware import events
from firmware.events import StoredAt
from firmware.orders import DeleteSms
from tests.support.engine_bench import T0, Box, Registry, hours

LINE = "line-1"
ANNA, BEN = "+33639980000", "+33639980001"
SECOND = timedelta(seconds=1)
NOW = datetime(2027, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "sent_at", "said_at"),
    [
        (NOW, None, None),
        (NOW, NOW - timedelta(days=1), NOW - timedelta(hours=10)),
        # Its zone may be wrong by fourteen hours: nothing is said later than now.
        (NOW, NOW - ZONE_FAULT, None),
        (NOW, NOW - ZONE_FAULT - SECOND, NOW - SECOND),
        (NOW, NOW + timedelta(days=1), None),
        # No network holds a message for longer than thirty days.
        (NOW, NOW - LATEST_HELD, NOW - LATEST_HELD + ZONE_FAULT),
        (NOW, NOW - LATEST_HELD - SECOND, None),
        # A message centre without a clock.
        (STAMPS_SINCE + timedelta(days=9), STAMPS_SINCE, STAMPS_SINCE + ZONE_FAULT),
        (STAMPS_SINCE + timedelta(days=9), STAMPS_SINCE - SECOND, None),
    ],
)
def test_when_an_objection_counts_as_said(
    now: datetime, sent_at: datetime | None, said_at: datetime | None
) -> None:
    trusted = Now(monotonic=0.0, utc=now, trusted=True, source="ntp")
    assert _said_at(sent_at, trusted) == said_at
    untrusted = Now(monotonic=0.0, utc=now, trusted=False, source="never set")
    assert _said_at(sent_at, untrusted) is None


def box(**more: Any) -> Box:
    return Box(Registry(anna=hours(1, 9), ben=hours(1, 9)), **more)


PLACES = (StoredAt(memory="SM", index=3, pdu="00AB"),)


def message(text: str | None, number: str = ANNA, **more: Any) -> events.SmsReceived:
    given: dict[str, Any] = {"line": LINE, "at": 0.0, "number": number, "text": text}
    return events.SmsReceived(**given | {"places": PLACES} | more)


DELETED = Send(order=DeleteSms(line=LINE, places=PLACES))


@pytest.mark.parametrize(
    ("given", "why", "numbers", "readings", "pdus", "subject", "hashes"),
    [
        (message("hello"), "not_understood", (ANNA,), ("hello",), (), "anna", ["hash-anna"]),
        (message(None), "unreadable", (ANNA,), (), ("00AB",), "anna", ["hash-anna"]),
        (
            message("hello", other_readings=("hallo",)),
            "not_understood",
            (ANNA,),
            ("hello", "hallo"),
            ("00AB",),
            "anna",
            ["hash-anna"],
        ),
        (
            message("hello", "+33639981234"),
            "not_understood",
            ("+33639981234",),
            ("hello",),
            (),
            None,
            ["hash-of33639981234"],
        ),
        (message("STOP", "Orange"), "sender_unknown", (), ("STOP",), (), None, []),
        (message(None, "Orange"), "sender_unknown", (), (), ("00AB",), None, []),
    ],
)
def test_what_is_kept_of_a_message(
    given: events.SmsReceived,
    why: str,
    numbers: tuple[str, ...],
    readings: tuple[str, ...],
    pdus: tuple[str, ...],
    subject: str | None,
    hashes: list[str],
) -> None:
    made = box()
    made.take(given)
    kept = KeptMessage(
        id="a1",
        received_at=T0,
        sent_at=None,
        line=LINE,
        number=given.number,
        numbers=numbers,
        readings=readings,
        why=why,
        pdus=pdus,
    )
    told = {"message": "a1", "line": LINE, "why": why, "number_hashes": hashes}
    assert made.effects == [
        KeepMessage(message=kept),
        Record(kind="message.kept", subject=subject, data=told),
        DELETED,
    ]


def test_one_that_may_be_of_several_people_objects_for_nobody_and_holds_all_back() -> None:
    made = box()
    made.registry.possible = lambda *_: (ANNA, BEN)  # type: ignore[method-assign]
    made.take(message("STOP", "0639980000"))
    row = made.last("message.kept")
    assert (row.subject, row.data["why"]) == (None, "several_people")
    assert row.data["number_hashes"] == ["hash-anna", "hash-ben"]
    assert made.engine.planned == 0
    assert "consent.revoked" not in [entry.kind for entry in made.entries]


@pytest.mark.parametrize("mark", ["m", ""])
def test_a_message_that_is_read_again_means_nothing_new(mark: str) -> None:
    made = box()
    made.take(message("hello", mark=mark))
    told = made.take(message("hello", mark=mark))
    assert told == (["DeleteSms"] if mark else ["keep message", "message.kept", "DeleteSms"])


@pytest.mark.parametrize(
    ("text", "mark", "effects"),
    [
        ("STOP", "m", ["consent.revoked", "store revocation"]),
        ("STOP", "", []),  # nothing would tell it from itself when the rest has come
        ("hel", "m", []),
        ("hel", "", []),
    ],
)
def test_a_first_part_is_left_where_it_lies(text: str, mark: str, effects: list[str]) -> None:
    made = box()
    assert made.take(message(text, mark=mark, waiting=True)) == effects
    if effects:
        revoked = made.last("consent.revoked")
        assert revoked.data["message"] == made.registry.message_id(mark)


def test_nothing_is_deleted_while_nothing_can_be_kept() -> None:
    made = box()
    made.take(inputs.StorageFailed(detail="full"))
    assert made.take(message("STOP")) == []


def test_a_stranger_objects_by_every_number_that_it_can_be() -> None:
    made = box()
    numbers = ("+33639981230", "+33639981231")
    made.registry.possible = lambda *_: numbers  # type: ignore[method-assign]
    made.take(message("STOP", "0639981230"))
    rows = [entry for entry in made.entries if entry.kind == "consent.revoked"]
    assert [entry.data["number_hash"] for entry in rows] == [f"hash-of{n[1:]}" for n in numbers]


def test_of_the_numbers_that_it_can_be_the_registered_one_objects() -> None:
    made = box()
    made.registry.possible = lambda *_: ("+33639981230", BEN)  # type: ignore[method-assign]
    made.take(message("STOP", "0639980001"))
    (row,) = [entry for entry in made.entries if entry.kind == "consent.revoked"]
    assert row.subject == "ben"
    made.take(message("hello", "0639980001"))
    kept = made.last("message.kept")
    assert kept.subject == "ben"
    assert kept.data["number_hashes"] == ["hash-of33639981230", "hash-ben"]
