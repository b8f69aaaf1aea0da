"""Stored messages: any PDU gives a message, and a readable text is never lost to the rest."""

from __future__ import annotations

from gsmmodem.pdu import decodeSmsPdu
from hypothesis import given
from hypothesis import strategies as st

from firmware.modem.message import StoredMessage
from firmware.modem.message import read_message as read

# From +33639980001, "STOP", 2026-11-24 05:32:11 +01:00.
STOP = "00040B913336990800F1000062114250231140" + "04" + "53EA130A"
STOP_UCS2 = "00040B913336990800F1000862114250231140" + "08" + "00530054004F0050"


def read_message(index: int, status: int, pdu: str) -> StoredMessage:
    return read(index, status, pdu, decode=decodeSmsPdu)


def test_alphabets_give_the_same_text() -> None:
    for pdu in (STOP, STOP_UCS2):
        message = read_message(1, 0, pdu)
        assert (message.kind, message.number, message.text) == (
            "SMS-DELIVER",
            "+33639980001",
            "STOP",
        )
        assert message.sent_at is not None
        assert message.sent_at.isoformat() == "2026-11-24T05:32:11+01:00"


def test_every_broken_time_stamp_leaves_the_text() -> None:
    for broken in ("00000000000000", "FFFFFFFFFFFFFF", "62310000000000"):
        message = read_message(1, 0, STOP.replace("62114250231140", broken))
        assert (message.number, message.text, message.sent_at) == ("+33639980001", "STOP", None)


@given(
    pdu=st.text("0123456789ABCDEF", max_size=80)
    | st.text(max_size=20)
    | st.tuples(st.integers(0, len(STOP) - 1), st.sampled_from("0123456789ABCDEFX")).map(
        lambda change: STOP[: change[0]] + change[1] + STOP[change[0] + 1 :]
    )
    | st.integers(0, len(STOP)).map(lambda end: STOP[:end])
)
def test_any_text_gives_a_message(pdu: str) -> None:
    message = read_message(7, 1, pdu)
    assert (message.index, message.status, message.pdu) == (7, 1, pdu)
    assert (message.kind == "") <= (message.text is None)
