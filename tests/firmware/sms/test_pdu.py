"""Any text gives a message, every coding its text, and a readable text is never lost to the rest.

Each table is open at its end: the next spelling of a network is one line.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.events import AddressKind
from firmware.sms.address import read_number
from firmware.sms.pdu import Kind, read_part
from tests.support.messages import CENTRE, STAMP, deliver

UTF16 = "STOP".encode("utf-16-be")
REPORT = "07913336998000F006050B913336990810F0621181103000006211811030150000"


@pytest.mark.parametrize(
    ("pdu", "text"),
    [
        # 23.038, 4: general groups, with and without a class.
        *[(deliver(coding=coding), "STOP") for coding in (0x00, 0x10, 0x11, 0x12, 0x13)],
        *[(deliver(coding=coding, data=b"STOP"), "STOP") for coding in (0x04, 0x14, 0x15, 0x16)],
        *[(deliver(coding=coding, data=UTF16), "STOP") for coding in (0x08, 0x18, 0x19, 0x1B)],
        # Automatic deletion, message waiting (discard, store, store as UCS2), class and alphabet.
        *[(deliver(coding=coding), "STOP") for coding in (0x40, 0x50, 0xC0, 0xC8, 0xD0, 0xDB)],
        *[(deliver(coding=coding, data=UTF16), "STOP") for coding in (0x48, 0x58, 0xE0, 0xE8)],
        *[(deliver(coding=coding), "STOP") for coding in (0xF0, 0xF1, 0xF3)],
        *[(deliver(coding=coding, data=b"STOP"), "STOP") for coding in (0xF4, 0xF5, 0xF7)],
        # Reserved ones count as the default alphabet.
        *[(deliver(coding=coding), "STOP") for coding in (0x0C, 0x1C, 0x80, 0x9F, 0xB7, 0xF8)],
        # UCS2 with a byte order mark, and of the other byte order with and without one.
        (deliver(coding=8, data=b"\xfe\xff" + UTF16), "STOP"),
        (deliver(coding=8, data=b"\xff\xfe" + "STOP".encode("utf-16-le")), "STOP"),
        (deliver(coding=8, data="STOP".encode("utf-16-le")), "STOP"),
        (deliver(coding=8, data="Arrêt 🛑".encode("utf-16-be")), "Arrêt 🛑"),
        (deliver(coding=8, data=UTF16 + b"\0"), "STOP"),
        # 8 bit in the character sets that senders use.
        (deliver(coding=4, data="Arrêt".encode()), "Arrêt"),
        (deliver(coding=4, data="Arrêt".encode("latin-1")), "Arrêt"),
        (deliver(coding=4, data=b"ARR\x05T"), "ARRéT"),
        (deliver(coding=4, data=UTF16), "STOP"),
        # The default alphabet has no accents in the places of Latin-1, and an extension.
        (deliver(values=[0x41, 0x72, 0x72, 0x07, 0x74]), "Arrìt"),
        (deliver(values=[0x1B, 0x65, 0x1B, 0x3C, 0x1B, 0x41]), "€[A"),
        # Headers of every length: 16 bit reference, ports, both, unknown elements.
        (deliver(header="0003CC0101"), "STOP"),
        (deliver(header="0804123402010"[:12]), "STOP"),
        (deliver(header="05040B8423F0"), "STOP"),
        (deliver(header="0402230F"), "STOP"),
        (deliver(header="0003CC020105040B8423F0"), "STOP"),
        (deliver(header="0804CB02020105040B8423F0"), "STOP"),
        (deliver(header="70021234"), "STOP"),
        (deliver(header="0A03000400"), "STOP"),
        (deliver(header="0804CB020201", coding=8, data=UTF16), "STOP"),
        # A header of parts that the first octet does not tell.
        (f"{CENTRE}04{deliver(header='0003CC0201')[16:]}", "STOP"),
        (f"{CENTRE}04{deliver(header='0804123402' + '01')[16:]}", "STOP"),
        # National tables: Turkish single shift, Portuguese locking shift, Spanish single shift.
        (deliver(header="240101", values=[0x1B, 0x53, 0x54, 0x4F, 0x50]), "ŞTOP"),
        (deliver(header="250103", values=[0x6E, 0x7B, 0x6F]), "não"),
        (deliver(header="240102", values=[0x1B, 0x41, 0x41]), "ÁA"),
        # Without the service centre's address, and with an empty one.
        (deliver(centre="00"), "STOP"),
        (deliver(centre=""), "STOP"),
        # The end is cut: what is there counts.
        (deliver(text="STOP NOW")[:-4], "STOP "),
        ("00" + deliver(centre="").lower(), "STOP"),
    ],
)
def test_every_coding_gives_its_text(pdu: str, text: str) -> None:
    part = read_part(pdu)
    assert (part.kind, part.number, part.text) == (Kind.DELIVER, "+33639980001", text)


@pytest.mark.parametrize("coding", [0x20, 0x24, 0x28, 0x30, 0x60, 0x0C, 0x9F])
def test_a_doubtful_coding_is_read_in_every_way(coding: int) -> None:
    """Compressed text is not unpacked; where a sender only claims it, one reading is the text."""
    for pdu in (deliver(coding=coding), deliver(coding=coding, data=UTF16)):
        assert "STOP" in read_part(pdu).readings


def test_a_language_without_a_table_is_read_by_the_default_one_and_told_as_doubtful() -> None:
    part = read_part(deliver(header="250106"))
    assert part.readings[0] == "STOP"
    assert len(part.readings) > 1


def test_text_of_one_octet_under_the_name_of_ucs2_is_read_both_ways() -> None:
    assert read_part(deliver(coding=8, data=b"STOP")).readings == ("協佐", "STOP")
    assert read_part(deliver(coding=8, data=UTF16)).readings == ("STOP",)


@pytest.mark.parametrize("stamp", ["0" * 14, "F" * 14, "62310000000000", "62114250231199"])
def test_every_broken_time_stamp_leaves_the_text(stamp: str) -> None:
    part = read_part(deliver(stamp=stamp))
    assert (part.number, part.text) == ("+33639980001", "STOP")


@pytest.mark.parametrize(
    ("stamp", "told"),
    [
        (STAMP, "2026-11-24T05:32:11+01:00"),
        ("62114250231100", "2026-11-24T05:32:11+00:00"),
        ("6211425023114A", "2026-11-24T05:32:11-06:00"),
        ("62310000000000", None),
        ("0" * 14, None),
    ],
)
def test_the_time_stamp_is_read_with_its_zone(stamp: str, told: str | None) -> None:
    at = read_part(deliver(stamp=stamp)).sent_at
    assert (None if at is None else at.isoformat()) == told


@pytest.mark.parametrize(
    ("number", "kind", "read", "told"),
    [
        ("+33639980001", None, "+33639980001", AddressKind.INTERNATIONAL),
        ("33639980001", 0x81, "33639980001", AddressKind.UNKNOWN),
        ("639980001", 0xA1, "639980001", AddressKind.NATIONAL),
        ("0639980001", 0xA1, "0639980001", AddressKind.NATIONAL),
        ("0639980001", 0x80, "0639980001", AddressKind.UNKNOWN),
        ("0639980001", 0xFF, "0639980001", AddressKind.UNKNOWN),
        ("36179", 0xB1, "36179", AddressKind.UNKNOWN),
        ("Orange", 0xD0, "Orange", AddressKind.NAME),
        # A number that a gateway sends as a name.
        ("33639980001", 0xD0, "33639980001", AddressKind.UNKNOWN),
        ("0639980001", 0xD1, "0639980001", AddressKind.UNKNOWN),
        ("+33639980001", 0xD0, "+33639980001", AddressKind.INTERNATIONAL),
        ("InfoSMS 12", 0xD1, "InfoSMS 12", AddressKind.NAME),
    ],
)
def test_a_sender_is_read_by_its_type(
    number: str, kind: int | None, read: str, told: AddressKind
) -> None:
    part = read_part(deliver(number, kind=kind))
    assert (part.number, part.sender, part.text) == (read, told, "STOP")


@pytest.mark.parametrize(
    ("written", "kind", "read"),
    [
        ("+33639980012", 145, ("+33639980012", AddressKind.INTERNATIONAL)),
        ("33639980012", 145, ("+33639980012", AddressKind.INTERNATIONAL)),
        ("639980012", 161, ("639980012", AddressKind.NATIONAL)),
        ("0639980012", 129, ("0639980012", AddressKind.UNKNOWN)),
        ("0639980012", None, ("0639980012", AddressKind.UNKNOWN)),
        ("+33 6 39 98 00 12", 129, ("+33639980012", AddressKind.INTERNATIONAL)),
        ("+33(0)639980012", 145, ("+33639980012", AddressKind.INTERNATIONAL)),
        # The character set was left at UCS2.
        (
            "002B00330033003600330039003900380030003000310032",
            145,
            ("+33639980012", AddressKind.INTERNATIONAL),
        ),
        ("003000360033003900390038", 129, ("063998", AddressKind.UNKNOWN)),
        ("002b003300330036", 145, ("+336", AddressKind.INTERNATIONAL)),
        # The same at HEX.
        ("2B3333363339393830303132", 145, ("+33639980012", AddressKind.INTERNATIONAL)),
        ("2b3333363339393830303132", 145, ("+33639980012", AddressKind.INTERNATIONAL)),
        ("3333363339393830303132", 145, ("+33639980012", AddressKind.INTERNATIONAL)),
        ("30363339393830303132", 129, ("0639980012", AddressKind.UNKNOWN)),
        ("3336393938303132", None, ("36998012", AddressKind.UNKNOWN)),
        ("333639398030", 145, ("+333639398030", AddressKind.INTERNATIONAL)),
        # Voice over LTE.
        ("tel:+33639980012", 145, ("+33639980012", AddressKind.INTERNATIONAL)),
        (
            "sip:+33639980012@ims.example;user=phone",
            None,
            ("+33639980012", AddressKind.INTERNATIONAL),
        ),
        ("sip:anonymous@anonymous.invalid", 128, None),
        ("33639980012", 208, ("33639980012", AddressKind.UNKNOWN)),
        # A number of zeros and threes is none of those.
        ("0033639980012", 129, ("0033639980012", AddressKind.UNKNOWN)),
        ("", 128, None),
        ("Anonymous", 208, None),
    ],
)
def test_a_callers_number_is_read_in_every_form(
    written: str, kind: int | None, read: tuple[str, AddressKind] | None
) -> None:
    assert read_number(written, kind) == read


def test_what_a_stored_unit_is() -> None:
    assert read_part(REPORT).kind is Kind.REPORT
    assert read_part(f"{CENTRE}11000B913336990810F20000AA0453EA130A").kind is Kind.SUBMIT
    assert read_part("0791").kind is Kind.UNREADABLE
    assert read_part("").kind is Kind.UNREADABLE


GOOD = deliver()


@given(
    pdu=st.text("0123456789ABCDEF", max_size=120)
    | st.text(max_size=20)
    | st.tuples(st.integers(0, len(GOOD) - 1), st.sampled_from("0123456789ABCDEFX")).map(
        lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] + 1 :]
    )
    | st.integers(0, len(GOOD)).map(lambda end: GOOD[:end])
)
def test_any_text_gives_a_part(pdu: str) -> None:
    part = read_part(pdu)
    assert part.pdu == pdu
    assert all(isinstance(text, str) for text in part.readings)


@given(coding=st.integers(0, 255), data=st.binary(min_size=1, max_size=140))
def test_any_coding_and_any_octets_are_read(coding: int, data: bytes) -> None:
    assert read_part(deliver(coding=coding, data=data)).kind is Kind.DELIVER
