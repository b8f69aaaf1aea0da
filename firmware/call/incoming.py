"""An incoming call, from the first ring to the proven silence after it.

The box decides about each caller: it is told that somebody rings and orders the line to answer or
to hang up. Nothing is dialled meanwhile, because this runs on the line's worker. From the answer
on an incoming call is a call like any other (:mod:`firmware.call.procedure`): the same voice, the
same detector, the same ladder, and a stop ends it at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from firmware.at.calls import CallRow, CallState
from firmware.at.command_port import CommandPort
from firmware.at.results import integer
from firmware.call.inbox import (
    Closing,
    Emergency,
    Heard,
    Inbox,
    Item,
    LinkDown,
    Ordered,
    rings,
)
from firmware.call.procedure import CallProcedure
from firmware.clock import Clock
from firmware.events import AddressKind, IncomingRinging
from firmware.families.base import Family, Sign
from firmware.faults import Fault, LineDown
from firmware.modem.hang_up import read_calls
from firmware.orders import AnswerCall
from firmware.sms.address import read_number

DECIDE_WITHIN = 15.0
"""Box seconds that a caller may ring while the box decides; then the line rejects by itself."""
CALLER_WITHIN = 7.0
"""Box seconds from the ring to the notice with the caller's number: +CLIP follows each RING (27.007
7.6), on some modems only the second."""
NOTICE_COUNTS = 1.0
"""Box seconds that a notice with a number counts for whoever rings when the worker comes to it: an
older one may be of a caller who has given up."""
_LOOK_EVERY = 1.0
"""Box seconds between two looks at the call list meanwhile."""
WAITER_WITHIN = 3.0
"""Box seconds that the network may take to ring for somebody who waited during a call."""


Caller = tuple[str, AddressKind]
"""A number as the network tells it, and how its digits are to be read."""


@dataclass(frozen=True, slots=True)
class Waited:
    """What came of waiting for a caller's number."""

    caller: Caller | None
    others: tuple[Item, ...]
    """What came in besides."""


def find_caller(modem: CommandPort, family: Family) -> CallRow | None:
    """Return the row of a call that rings or waits here, or None. Raises LinkLost."""
    for row in read_calls(modem, family) or ():
        if row.incoming and row.state in (CallState.INCOMING, CallState.WAITING):
            return row
    return None


def number_of(row: CallRow) -> Caller | None:
    """Return the caller as the call list shows them, or None where it shows no number."""
    return read_number(row.number, row.number_type)


def told_by(heard: Heard) -> Caller | None:
    """Return the caller whom a notice names, or None."""
    fields = heard.reading.fields
    return read_number(fields.get("number", ""), integer(fields.get("type", "")))


def await_caller(inbox: Inbox, clock: Clock, rings: Callable[[], Caller | bool]) -> Waited:
    """Wait for the notice with the caller's number, as long as *they* ring.

    *rings* looks at the call list: the number where it shows one by now, else whether the call is
    there still.
    """
    others: list[Item] = []
    until = clock.monotonic() + CALLER_WITHIN
    while (now := clock.monotonic()) < until:
        item = inbox.get(clock.real(min(_LOOK_EVERY, until - now)))
        if item is None:
            shown = rings()
            if isinstance(shown, bool):
                if shown:
                    continue
                return Waited(None, tuple(others))
            return Waited(shown, tuple(others))
        if isinstance(item, Heard) and item.reading.sign is Sign.CALLER:
            # A notice without a number says that the caller hides it.
            return Waited(told_by(item), tuple(others))
        if not (isinstance(item, Heard) and item.reading.sign is Sign.INCOMING):
            others.append(item)
        if isinstance(item, Emergency | LinkDown | Closing):
            break
    return Waited(None, tuple(others))


def forget_callers(items: tuple[Item, ...]) -> list[Item]:
    """Return what a call deferred, callers without their numbers.

    A number that was told during a call may be that of somebody who has given up since; the call
    list tells who rings now.
    """
    return [
        replace(item, reading=replace(item.reading, sign=Sign.INCOMING, fields={}))
        if isinstance(item, Heard) and rings(item.reading.sign)
        else item
        for item in items
    ]


@dataclass(kw_only=True)
class IncomingCall(CallProcedure):
    """The call of one caller who rings."""

    caller: Caller | None
    """None where the number is withheld."""
    row: CallRow

    def __post_init__(self) -> None:
        super().__post_init__()
        self._order: Ordered | None = None

    def _begin(self) -> bool:
        began = self.line.now()
        self.call.rows((self.row,), began)
        self.line.tell_caller(
            IncomingRinging(
                line=self.line.name,
                at=began,
                attempt=self.call.attempt,
                number=None if self.caller is None else self.caller[0],
                kind=AddressKind.UNKNOWN if self.caller is None else self.caller[1],
            )
        )
        order = self._await_order(began + DECIDE_WITHIN)
        return order is not None and self._answer(order)

    def _await_order(self, until: float) -> Ordered | None:
        """Wait for the box's word while the caller rings; None where the call is over first."""
        poll_at = self.line.now() + self.family.timing.poll
        while not self.call.is_over() and self._order is None:
            item = self.line.inbox.get(max(self.line.clock.real(poll_at - self.line.now()), 0.0))
            if item is not None:
                self._take(item)
            now = self.line.now()
            if now >= until:
                self.line.log.warning("nobody decided about a caller: rejected")
                self.call.hang_up_ordered(now)
            elif now >= poll_at or self.call.progress.urgent:
                self.call.rows(self._rows(), now)
                poll_at = self._next_poll()
        return None if self.call.is_over() else self._order

    def _answer_ordered(self, item: Ordered) -> None:
        if self._order is None and isinstance(item.order, AnswerCall):
            self.call.greet_with(item.order.greeting, item.order.keys)
            self._order = item

    def _answer(self, order: Ordered) -> bool:
        self._send_before_call()
        return self._start(self.family.answer, lambda: self._still_ordered(order))

    def _still_ordered(self, order: Ordered) -> bool:
        """Whether no emergency came between the order and now; else hang up."""
        if not self.line.stopped_since(order.emergencies):
            return True
        self.call.hang_up_ordered(self.line.now(), emergency=True)
        return False

    def _unanswered(self) -> None:
        """No result of ATA: the call list tells whether it has worked."""
        rows = self._rows()
        if rows is None:
            raise LineDown(Fault.NO_REPLY, "the modem did not answer when it took a call")
        self.call.rows(rows, self.line.now())
        if not self.call.is_over() and not self.call.speaking:
            self.call.gave_up(f"no result in {self.family.timing.dial:g} s", self.line.now())
