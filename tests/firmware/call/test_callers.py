"""A caller's number in every form, and up to two rings late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from firmware.at.calls import CallRow, call_row
from firmware.call.inbox import Emergency, Heard, Inbox, Item
from firmware.call.incoming import CALLER_WITHIN, Caller, await_caller, number_of, told_by
from firmware.events import AddressKind
from firmware.families import FAMILIES
from firmware.families.base import Sign

INTERNATIONAL, NATIONAL = AddressKind.INTERNATIONAL, AddressKind.NATIONAL
UNKNOWN = AddressKind.UNKNOWN
HEXADECIMAL = "002B00330033003600330039003900380030003000310032"


def row(line: str) -> CallRow:
    found = call_row(line)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("fields", "caller"),
    [
        (',"+33639980012",145', ("+33639980012", INTERNATIONAL)),
        (',"33639980012",145', ("+33639980012", INTERNATIONAL)),
        (',"639980012",161', ("639980012", NATIONAL)),
        (',"0639980012",129', ("0639980012", UNKNOWN)),
        (',"0639980012",129,"Anna",,0', ("0639980012", UNKNOWN)),
        (",0639980012,129", ("0639980012", UNKNOWN)),
        (',"0639980012"', ("0639980012", UNKNOWN)),
        (f',"{HEXADECIMAL}",145', ("+33639980012", INTERNATIONAL)),
        (', "+33639980012", 145, ""', ("+33639980012", INTERNATIONAL)),
        ("", None),
        (',"",128', None),
    ],
)
def test_the_call_list_shows_a_number_in_many_forms(fields: str, caller: Caller | None) -> None:
    assert number_of(row(f"+CLCC: 1,1,4,0,0{fields}")) == caller


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("notice", "caller"),
    [
        ('+CLIP: "+33639980012",145,,,,0', ("+33639980012", INTERNATIONAL)),
        ('+CLIP: "639980012",161,"",,"",0', ("639980012", NATIONAL)),
        ('+CLIP: "0639980012",129', ("0639980012", UNKNOWN)),
        ('+CLIP:"0639980012"', ("0639980012", UNKNOWN)),
        ("+CLIP: 0639980012,129", ("0639980012", UNKNOWN)),
        (f'+CLIP: "{HEXADECIMAL}",145', ("+33639980012", INTERNATIONAL)),
        ('+CLIP: "",128,,,,1', None),
    ],
)
def test_the_notice_tells_it_in_as_many(family: str, notice: str, caller: Caller | None) -> None:
    reading = FAMILIES[family].read(notice)
    assert reading is not None
    assert reading.sign is Sign.CALLER
    assert told_by(Heard(reading=reading, text=notice, at=0.0)) == caller


class Clock:
    """A clock that stands; waiting moves it."""

    def __init__(self) -> None:
        self.at = 100.0

    def monotonic(self) -> float:
        return self.at

    def real(self, seconds: float) -> float:
        return seconds


class Ringing(Inbox):
    """An inbox into which items fall at their times, in seconds from now."""

    def __init__(self, clock: Clock, *items: tuple[float, Item]) -> None:
        super().__init__()
        self.clock = clock
        self.coming = [(clock.at + after, item) for after, item in items]

    def get(self, seconds: float) -> Item | None:
        until = self.clock.at + seconds
        if self.coming and self.coming[0][0] <= until:
            self.clock.at, item = self.coming.pop(0)
            return item
        self.clock.at = until
        return None


def heard(notice: str) -> Heard:
    reading = FAMILIES["generic"].read(notice)
    assert reading is not None
    return Heard(reading=reading, text=notice, at=0.0)


CLIP = heard('+CLIP: "+33639980012",145')
WHO = ("+33639980012", INTERNATIONAL)


@pytest.mark.parametrize(
    ("items", "rings", "caller", "by"),
    [
        (((2.0, CLIP),), lambda: True, WHO, 102.0),
        # With the second ring, among other notices.
        (((3.0, heard("RING")), (3.1, CLIP)), lambda: True, WHO, 103.1),
        (((0.5, heard('+CMTI: "SM",1')), (6.0, CLIP)), lambda: True, WHO, 106.0),
        # The list shows it before a notice does.
        ((), lambda: WHO, WHO, 101.0),
        # They hide it, have hung up, or nobody ever tells.
        (((1.0, heard('+CLIP: "",128')),), lambda: True, None, 101.0),
        ((), lambda: False, None, 101.0),
        ((), lambda: True, None, 100.0 + CALLER_WITHIN),
        # The stop does not wait.
        (((0.2, Emergency()), (0.3, CLIP)), lambda: True, None, 100.2),
    ],
)
def test_a_number_is_waited_for_as_long_as_they_ring(
    items: tuple[tuple[float, Item], ...],
    rings: Callable[[], Caller | bool],
    caller: Caller | None,
    by: float,
) -> None:
    clock = Clock()
    waited = await_caller(Ringing(clock, *items), clock, rings)
    assert waited.caller == caller
    assert clock.at == pytest.approx(by)


def test_what_came_besides_is_not_lost() -> None:
    clock = Clock()
    text = heard('+CMTI: "SM",1')
    waited = await_caller(Ringing(clock, (0.5, text), (1.0, CLIP)), clock, lambda: True)
    assert waited.others == (text,)
