"""What a line tells of its messages: each once, parts together, how one begins at once."""

from __future__ import annotations

from typing import Any, cast

import pytest

from firmware.at.outcomes import Reply
from firmware.at.results import Final, FinalKind
from firmware.events import Event, SmsReceived
from firmware.line.messages import AGAIN_AFTER, PARTS_WITHIN, LineMessages
from firmware.orders import DeleteSms
from tests.support.line_context import line_context
from tests.support.messages import deliver


class Clock:
    at = 100.0

    def monotonic(self) -> float:
        return self.at

    def real(self, seconds: float) -> float:
        return seconds


class Sim:
    """A modem with one memory of ten places (27.005)."""

    emergency_count = 0

    def __init__(self) -> None:
        self.stored: dict[int, str] = {}
        self.deletes = True

    def command(self, text: str, **_options: object) -> Reply:
        lines: tuple[str, ...] = ()
        if text == "AT+CPMS=?":
            lines = ('+CPMS: ("SM"),("SM"),("SM")',)
        elif text.startswith("AT+CPMS="):
            lines = (f"+CPMS: {len(self.stored)},10,0,10,0,10",)
        elif text == "AT+CMGL=4":
            lines = tuple(x for i, p in self.stored.items() for x in (f"+CMGL: {i},0,,9", p))
        elif text.startswith("AT+CMGD="):
            if not self.deletes:
                return Reply(final=Final(kind=FinalKind.ERROR, text="ERROR"), lines=())
            self.stored.pop(int(text[8:]), None)
        return Reply(final=Final(kind=FinalKind.OK, text="OK"), lines=lines)


class Rig:
    def __init__(self) -> None:
        self.posted: list[Event] = []
        self.clock = Clock()
        self.messages = LineMessages(
            line_context(post=self.posted.append, clock=cast(Any, self.clock))
        )
        self.sim = Sim()
        self.messages.attach(cast(Any, self.sim))

    def told(self) -> list[tuple[str | None, bool]]:
        """Text, and whether more is waited for, of each message since the last look."""
        told = [(e.text, e.waiting) for e in self.posted if isinstance(e, SmsReceived)]
        self.posted.clear()
        return told

    def sweep(self, after: float = 0.0) -> list[tuple[str | None, bool]]:
        self.clock.at += after
        self.messages.sweep()
        return self.told()


def part(number: int, text: str) -> str:
    return deliver(text=text, header=f"080401CC02{number:02X}")


def test_what_still_lies_there_is_told_again_but_not_at_once() -> None:
    rig = Rig()
    rig.sim.stored = {1: deliver()}
    assert rig.sweep() == [("STOP", False)]
    assert rig.sweep(1.0) == []
    assert rig.sweep(AGAIN_AFTER) == [("STOP", False)]


def test_a_message_that_the_modem_does_not_delete_is_told_no_more_and_said_so() -> None:
    rig = Rig()
    rig.sim.stored, rig.sim.deletes = {1: deliver()}, False
    rig.messages.sweep()
    (message,) = rig.posted
    assert isinstance(message, SmsReceived)
    rig.messages.delete(DeleteSms(line="one", places=message.places))
    rig.told()
    assert rig.sweep(AGAIN_AFTER) == []
    assert rig.messages.describe()["undeletable"] == 1


def test_parts_are_told_as_they_come_and_once_they_are_whole() -> None:
    rig = Rig()
    rig.sim.stored = {1: part(1, "STOP it")}
    assert rig.sweep() == [("STOP it […] ", True)]
    rig.sim.stored[2] = part(2, " now")
    assert rig.sweep(2.0) == [("STOP it now", False)]


def test_a_part_that_never_comes_is_not_waited_for_for_ever() -> None:
    rig = Rig()
    rig.sim.stored = {1: part(2, "call me")}
    assert rig.sweep() == [(" […] call me", True)]
    assert rig.sweep(PARTS_WITHIN) == [(" […] call me", False)]


def test_a_store_that_is_nearly_full_waits_for_no_part() -> None:
    rig = Rig()
    rig.sim.stored = {i: deliver(text=f"x{i}") for i in range(2, 9)} | {1: part(1, "STOP")}
    assert ("STOP […] ", False) in rig.sweep()
    assert rig.messages.describe()["nearly_full"] == ["SM"]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_inline_parts_make_one_message_in_any_order(order: tuple[int, int]) -> None:
    rig = Rig()
    texts = {1: "ne m'app", 2: "elez plus"}
    for number in order:
        rig.messages.inline("+CMT: ,40", part(number, texts[number]))
    assert rig.told()[-1] == ("ne m'appelez plus", False)
    assert rig.sweep() == []


def test_what_came_inline_in_part_is_told_when_the_modem_goes() -> None:
    rig = Rig()
    rig.messages.inline("+CMT: ,40", part(2, "call"))
    assert rig.told() == [(" […] call", True)]
    rig.messages.leave()
    assert rig.told() == [(" […] call", False)]


@pytest.mark.parametrize(
    ("notice", "body", "texts"),
    [
        ("+CMT: ,23", deliver(), ["STOP"]),
        # A notice came between header and unit: the unit stands alone.
        ("+CMT: ,23", None, []),
        (deliver(), None, ["STOP"]),
        ("+CDS: 25", deliver(), []),
        ("+CBM: 88", deliver(), []),
        ("RING", None, []),
        ("AABBCCDDEEFF00112233445566778899AABB", None, []),
    ],
)
def test_notices_that_hold_a_message(notice: str, body: str | None, texts: list[str]) -> None:
    rig = Rig()
    rig.messages.inline(notice, body)
    assert [text for text, _ in rig.told()] == texts
