"""Parts of a long message make one, in any order; what is missing is told."""

from __future__ import annotations

import itertools

import pytest

from firmware.events import StoredAt
from firmware.sms.assembly import GAP, Unit, assemble
from firmware.sms.inline import read_inline
from firmware.sms.pdu import read_part
from firmware.sms.stores import memories, receiving, routings, used
from tests.support.messages import deliver


def unit(pdu: str, index: int = 1, since: float = 0.0) -> Unit:
    return Unit(read_part(pdu), StoredAt(memory="SM", index=index, pdu=pdu), since)


def part(number: int, text: str, *, reference: str = "CC", total: int = 3, **more: str) -> str:
    return deliver(text=text, header=f"0003{reference}{total:02X}{number:02X}", **more)  # type: ignore[arg-type]


def wide(number: int, text: str, *, total: int = 3) -> str:
    return deliver(text=text, header=f"080401CC{total:02X}{number:02X}")


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
@pytest.mark.parametrize("make", [part, wide])
def test_parts_in_any_order_make_one_message(order: tuple[int, ...], make: object) -> None:
    texts = {1: "ne m'app", 2: "elez plus", 3: " svp"}
    assert callable(make)
    (message,) = assemble(unit(make(n, texts[n]), n) for n in order)
    assert message.complete
    assert message.readings == ("ne m'appelez plus svp",)
    assert sorted(place.index for place in message.places) == [1, 2, 3]
    received = message.received("one", 1.0, waiting=False)
    assert (received.number, received.text) == ("+33639980001", "ne m'appelez plus svp")


def test_a_missing_part_leaves_a_gap_and_the_mark_does_not_change() -> None:
    (early,) = assemble([unit(part(1, "STOP ")), unit(part(3, "now"))])
    assert not early.complete
    assert early.readings == (f"STOP {GAP}now",)
    (late,) = assemble([unit(part(n, t)) for n, t in ((1, "STOP "), (2, "it "), (3, "now"))])
    assert early.mark == late.mark != ""


def test_a_part_that_came_twice_is_one_part_and_both_places_are_deleted() -> None:
    (message,) = assemble(
        [
            unit(part(1, "STOP", total=2), 1),
            unit(part(1, "STOP", total=2), 2),
            unit(part(2, "!", total=2), 3),
        ]
    )
    assert message.readings == ("STOP!",)
    assert len(message.places) == 3


def test_a_reference_used_again_begins_another_message() -> None:
    first, second = assemble(
        [
            unit(part(n, t, total=2), i)
            for i, (n, t) in enumerate([(1, "a"), (1, "b"), (2, "c"), (2, "d")])
        ]
    )
    assert (first.readings, second.readings) == (("ac",), ("bd",))


def test_senders_and_widths_of_reference_do_not_mix() -> None:
    other = deliver("+33639980002", "x", header="0003CC0301")
    assert len(assemble([unit(part(1, "a")), unit(wide(2, "b")), unit(other)])) == 3


def test_without_a_time_stamp_nothing_tells_a_message_from_an_equal_one() -> None:
    (message,) = assemble([unit(deliver(stamp="0" * 14))])
    assert message.mark == ""


@pytest.mark.parametrize(
    ("header", "body", "number", "text"),
    [
        ("+CMT: ,23", deliver(), "+33639980001", "STOP"),
        ('+CMT: "",23', deliver(coding=0x10), "+33639980001", "STOP"),
        ('+CMT: "Anna",23', deliver(), "+33639980001", "STOP"),
        # Text mode, with and without what AT+CSDH=1 adds.
        ('+CMT: "+33639980001","","26/11/24,05:32:11+04"', "STOP", "+33639980001", "STOP"),
        (
            '+CMT: "33639980001",,"26/11/24,05:32:11+04",145,4,0,0,"+33",145,4',
            "stop",
            "+33639980001",
            "stop",
        ),
        ('+CMT: "0639980001",,"26/11/24,05:32:11+04"', "00530054004F0050", "0639980001", "STOP"),
        ('+CMT: "Orange",,"26/11/24,05:32:11+04"', "Promo", "Orange", "Promo"),
        # Without quotes, without a stamp, with one of another make, at HEX, with the number as
        # the name of a unit.
        ("+CMT: +33639980001,,26/11/24,05:32:11+04", "STOP", "+33639980001", "STOP"),
        ('+CMT: "33639980001"', "STOP", "33639980001", "STOP"),
        ('+CMT: "+33639980001",,,145', "STOP", "+33639980001", "STOP"),
        ('+CMT: "+33639980001",,"2026/11/24 05:32:11"', "STOP", "+33639980001", "STOP"),
        ('+CMT: "+33639980001",,"26-11-24,05:32:11 +04"', "STOP", "+33639980001", "STOP"),
        (
            '+CMT: "2B3333363339393830303031",,"26/11/24,05:32:11+04"',
            "53544F50",
            "+33639980001",
            "STOP",
        ),
        ('+CMT: "+33639980001",23', deliver(), "+33639980001", "STOP"),
    ],
)
def test_inline_messages_are_read(header: str, body: str, number: str, text: str) -> None:
    found = read_inline(header, body)
    assert found is not None
    assert (found.number, found.readings[0]) == (number, text)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("+CDS: 25", deliver()),
        ("+CBM: 88", deliver()),
        ('+CMTI: "SM",1', None),
        ("RING", None),
        ("+CMT: ,23", None),
    ],
)
def test_what_is_no_inline_message_is_none(header: str, body: str | None) -> None:
    assert read_inline(header, body) is None


@pytest.mark.parametrize(
    ("answer", "swept"),
    [
        ('+CPMS: ("SM","ME","MT"),("SM","ME","MT"),("SM","MT")', ("SM", "ME")),
        ('+CPMS: ("ME","SM","MT"),("ME","SM","MT"),("SM","MT")', ("SM", "ME")),
        ('+CPMS: ("SM"),("SM"),("SM")', ("SM",)),
        ('+CPMS: ("ME"),("ME"),("ME")', ("ME",)),
        ('+CPMS: ("MT","SR"),("MT"),("MT")', ("MT",)),
        # Only under the common numbering can the modem's own be read.
        ('+CPMS: ("SM","MT","SR"),("SM","MT"),("SM","MT")', ("MT",)),
        ('+CPMS: ("BM","SM","SR"),("SM"),("SM")', ("SM",)),
        ('+CPMS: "SM","ME","MT"', None),
        ('+CPMS: ("SM_P","ME_P","SM"),("SM"),("SM")', ("SM",)),
        ("OK", None),
        ("+CPMS: ()", None),
    ],
)
def test_the_memories_that_are_swept(answer: str, swept: tuple[str, ...] | None) -> None:
    assert memories([answer]) == swept


def test_how_full_a_memory_is() -> None:
    for line in ("+CPMS: 18,20,0,255,18,20", '+CPMS: "SM",18,20,"SM",18,20,"SM",18,20'):
        found = used("SM", [line])
        assert found is not None
        assert (found.used, found.total, found.nearly_full) == (18, 20, True)
    found = used("ME", ["+CPMS: 17,20,17,20,17,20"])
    assert found is not None
    assert not found.nearly_full
    assert used("SM", ["OK"]) is None
    assert receiving(['+CPMS: "ME",0,20,"ME",0,20,"SM",0,20']) == "SM"


@pytest.mark.parametrize(
    ("answer", "second"),
    [
        ("+CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)", "AT+CNMI=2,1,0,0,1"),  # Cinterion MC75i
        ("+CNMI: (0,1),(0,1,2,3),(0),(0,1),(0,1)", "AT+CNMI=1,1,0,0,0"),
        ("+CNMI: (3),(0-3),(2),(1),(1)", "AT+CNMI=3,1,2,1,1"),
        ("+CNMI: (0-2),(0,1)", "AT+CNMI=2,1"),
        ("+CNMI: 2,1", "AT+CNMI=2,1,0,0,1"),
    ],
)
def test_the_notices_that_a_modem_can_give(answer: str, second: str) -> None:
    assert routings([answer])[:2] == ("AT+CNMI=2,1,0,0,0", second)
