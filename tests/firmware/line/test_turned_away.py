"""A caller whom the line turns away: told to the box whatever becomes of the hang-up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware.at.outcomes import Reply
from firmware.at.results import Final, FinalKind
from firmware.call.inbox import Heard
from firmware.errors import LinkLost
from firmware.events import AddressKind, Event, IncomingRejected
from firmware.families import FAMILIES
from firmware.families.base import Reading, Sign
from firmware.faults import Fault, LineDown
from firmware.line.session import Session
from tests.support.line_context import line_context

CALLER = "+33639980007"
ROW = f'+CLCC: 1,1,4,0,0,"{CALLER}",145'
OK = Final(kind=FinalKind.OK, text="OK")


def nothing(*_what: object) -> None: ...


class Clock:
    """Box time that stands still; a pause takes none."""

    def monotonic(self) -> float:
        return 100.0

    def real(self, _seconds: float) -> float:
        return 0.0


class Modem:
    """Somebody rings; *on_hang_up* says what hanging up does: end the call, nothing, or raise."""

    def __init__(self, on_hang_up: str, posted: list[Event]) -> None:
        self.on_hang_up = on_hang_up
        self.posted = posted
        self.told_before: list[int] = []
        self.up = True

    def command(self, text: str, **_options: object) -> Reply:
        if text == "AT+CLCC":
            return Reply(final=OK, lines=(ROW,) if self.up else ())
        self.told_before.append(len(self.posted))
        if self.on_hang_up == "lost":
            raise LinkLost("unplugged")
        self.up = self.on_hang_up != "ends"
        return Reply(final=OK)

    def emergency_hang_up(self) -> None: ...


RING = Heard(reading=Reading(sign=Sign.INCOMING, fields={}), text="RING", at=100.0)


def turn_away(
    on_hang_up: str,
    posted: list[Event],
    heard: Heard = RING,
    *,
    up: bool = True,
    shown: list[Event] | None = None,
) -> Modem:
    """*shown* takes what the box is shown before the event is posted."""
    modem = Modem(on_hang_up, posted)
    modem.up = up
    session = Session(
        line=line_context(
            post=posted.append,
            clock=Clock(),
            caller_shown=lambda event: None if shown is None else shown.append(event),
        ),
        status=cast(Any, SimpleNamespace(unfit=nothing)),
        recovery=cast(Any, None),
        calls=cast(Any, None),
        voice=cast(Any, SimpleNamespace(lost=None)),
        messages=cast(Any, None),
        modem=cast(Any, modem),
        identity=cast(Any, SimpleNamespace(family=FAMILIES["sim7600"])),
    )
    session._called(heard)
    return modem


def rejected(posted: list[Event]) -> IncomingRejected:
    """The event as it must be, with the id that the line made up."""
    attempt = cast(IncomingRejected, posted[0]).attempt
    assert attempt.startswith("in-")
    return IncomingRejected(
        line="one", at=100.0, attempt=attempt, number=CALLER, kind=AddressKind.INTERNATIONAL
    )


def test_a_caller_is_told_before_the_hang_up() -> None:
    posted: list[Event] = []
    shown: list[Event] = []
    modem = turn_away("ends", posted, shown=shown)
    assert posted == shown == [rejected(posted)]
    assert modem.told_before == [1]


@pytest.mark.parametrize("on_hang_up", ["nothing", "lost"])
def test_a_caller_is_told_where_the_hang_up_fails(on_hang_up: str) -> None:
    posted: list[Event] = []
    shown: list[Event] = []
    with pytest.raises((LineDown, LinkLost)) as caught:
        turn_away(on_hang_up, posted, shown=shown)
    if isinstance(caught.value, LineDown):
        assert caught.value.fault is Fault.HANG_UP_UNCONFIRMED
    assert posted == shown == [rejected(posted)]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"number": CALLER, "type": "145"}, [CALLER]),
        ({"number": "639980007", "type": "161"}, ["639980007"]),
        ({"number": "", "type": "128"}, []),
    ],
)
def test_who_is_gone_before_the_box_looks_is_told_all_the_same(
    fields: dict[str, str], told: list[str]
) -> None:
    """One ring and a number: where calling is an objection, it was one."""
    posted: list[Event] = []
    heard = Heard(reading=Reading(sign=Sign.CALLER, fields=fields), text="+CLIP", at=100.0)
    modem = turn_away("ends", posted, heard, up=False)
    assert [cast(IncomingRejected, event).number for event in posted] == told
    assert modem.told_before == [], "nobody rings: nothing to hang up on"
    posted.clear()
    turn_away("ends", posted, up=False)
    assert posted == []
