"""Subjects, pseudonyms and messages: what is written is read back, and nothing else is believed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.fleet.messages import (
    Claim,
    Ended,
    MessageUnreadable,
    Objection,
    Order,
    decode,
    encode,
)
from appliance.fleet.pseudonym import pseudonym
from appliance.fleet.subjects import NameRefused, Subject, Subjects, name
from appliance.model import Outcome

KEY = bytes(range(32))
AT = datetime(2027, 3, 10, 17, 30, tzinfo=UTC)
SUBJECTS = Subjects("spring")
PID = pseudonym(KEY, "+33639980001")


def test_a_pseudonym_is_128_bits_of_the_keyed_hash() -> None:
    """Computed once with ``openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f``."""
    assert pseudonym(KEY, "+33639980001") == "b2f16ab37887e8c19dfd18fe84e9af40"
    assert pseudonym(KEY, "+33639980002") != PID
    assert pseudonym(bytes(32), "+33639980001") != PID


@pytest.mark.parametrize(
    "number", ["0639980001", "33639980001", "+33 6 39 98 00 01", "+0123456", ""]
)
def test_a_number_written_otherwise_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=r"E\.164"):
        pseudonym(KEY, number)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        pseudonym(KEY[:16], "+33639980001")


@pytest.mark.parametrize("text", ["north", "box-1", "7", "a" * 32])
def test_names(text: str) -> None:
    assert name(text) == text


@pytest.mark.parametrize("text", ["", "North", "a.b", "*", ">", "a b", "-a", "é", "a" * 33, "a\n"])
def test_what_cannot_be_a_token_is_refused(text: str) -> None:
    with pytest.raises(NameRefused, match="small letters"):
        name(text)


@pytest.mark.parametrize(
    ("subject", "read"),
    [
        (SUBJECTS.claim(PID, 2), Subject("claim", pid=PID, number=2)),
        (SUBJECTS.permit(PID, 2, "north"), Subject("permit", pid=PID, number=2, box="north")),
        (SUBJECTS.outcome(PID, 3, "north"), Subject("outcome", pid=PID, number=3, box="north")),
        (SUBJECTS.objection(PID), Subject("rev", pid=PID)),
        (SUBJECTS.stop(4, "north"), Subject("stop", number=4, box="north")),
        (SUBJECTS.epoch(5, "north"), Subject("epoch", number=5, box="north")),
        (SUBJECTS.canary("north", "rev"), Subject("canary", box="north")),
        ("c.autumn.rev." + PID, None),
        ("c.spring.rev.short", None),
        ("c.spring.claim." + PID + ".x", None),
        ("c.spring.stop.x.north", None),
        ("ledger.north", None),
        ("", None),
    ],
)
def test_a_subject_is_taken_apart_as_it_was_made(subject: str, read: Subject | None) -> None:
    assert SUBJECTS.read(subject) == read


@given(st.text(alphabet="c.springavtmdo0123456789abcdef*>", max_size=60))
def test_any_subject_is_read_without_an_error(text: str) -> None:
    SUBJECTS.read(text)


MESSAGES = [
    Claim(box="north", attempt="a1", at=AT),
    Claim(box="north", attempt="a1", at=AT, prior=True),
    Ended(box="north", attempt="a1", outcome=Outcome.LISTENED, at=AT),
    Ended(box="north", attempt="a1", outcome=None, at=AT),
    Objection(box="north", at=AT, by="key"),
    Order(by="Ada", reason="noise", at=AT),
    Order(by="Ada", reason="noise", at=AT, fence=True),
    Order(by="Ada", reason="restored", at=AT, after_loss=True),
]


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_messages_come_back_whole(message: Claim | Ended | Objection | Order) -> None:
    assert type(message).read(message.payload()) == message
    later = encode({**decode(message.payload()), "of_a_later_version": [1]})
    assert type(message).read(later) == message


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_a_message_cut_anywhere_is_refused(message: Claim | Ended | Objection | Order) -> None:
    payload = message.payload()
    for end in range(len(payload)):
        with pytest.raises(MessageUnreadable):
            type(message).read(payload[:end])


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_a_member_of_another_kind_is_refused(message: Claim | Ended | Objection | Order) -> None:
    value = decode(message.payload())
    for key in ("box", "attempt", "at", "by", "reason", "outcome"):
        if key not in value:
            continue
        unfit: tuple[object, ...] = (None, 7, [], {}, "", "x" * 1001)
        for wrong in unfit:
            with pytest.raises(MessageUnreadable):
                type(message).read(encode({**value, key: wrong}))


def test_an_outcome_of_a_later_version_is_unknown() -> None:
    payload = encode({"box": "b", "attempt": "a", "outcome": "teleported", "at": AT.isoformat()})
    assert Ended.read(payload).outcome is Outcome.UNKNOWN


@given(st.binary(max_size=80))
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    for kind in (Claim, Ended, Objection, Order):
        with pytest.raises(MessageUnreadable):
            kind.read(payload)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"1", "not a JSON object"),
        (b'"box"', "not a JSON object"),
    ],
)
def test_what_is_no_message_is_said_to_be_none(payload: bytes, why: str) -> None:
    with pytest.raises(MessageUnreadable, match=f"^{why}"):
        decode(payload)
    assert decode(b"{}") == {}
