"""A line while it is not in service: it waits, and still answers every Dial."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.call.context import LineContext
from firmware.call.inbox import Closing, Emergency, Item, LinkDown, Ordered
from firmware.errors import LinkLost
from firmware.faults import Fault, LineDown
from firmware.orders import Dial
from firmware.wording import worded


@dataclass(frozen=True, slots=True, kw_only=True)
class Downtime:
    """Used by the line's worker alone."""

    line: LineContext

    def idle(self, seconds: float) -> None:
        """Wait box seconds while orders are answered and a closing line leaves at once.

        A stop ends the wait too: what can be hung up on is to be looked for at once.

        Raises LinkLost.
        """
        until = self.line.now() + seconds
        while not self.line.closing:
            left = self.line.clock.real(until - self.line.now())
            if left <= 0:
                return
            item = self.line.inbox.get(left)
            self._answer(item)
            if isinstance(item, Emergency):
                return

    def wait_boot(self, seconds: float) -> None:
        """Bring-up's pause. Raises LineDown where the line is being closed, LinkLost."""
        self.idle(seconds)
        if self.line.closing:
            raise LineDown(Fault.OUT_OF_SERVICE, worded("the line is being closed"))

    def drop_stale(self) -> None:
        """Forget what the last modem said; orders and the wish to close stay."""
        kept: list[Item] = []
        while (item := self.line.inbox.get(0.0)) is not None:
            if isinstance(item, Ordered | Closing):
                kept.append(item)
        for item in kept:
            self.line.inbox.put(item)

    def refuse_waiting(self) -> None:
        """The line is closed: end what was still ordered."""
        while (item := self.line.inbox.get(0.0)) is not None:
            self._refuse(item, worded("the line is closed"))

    def _answer(self, item: Item | None) -> None:
        match item:
            case LinkDown(reason=reason) if self.line.modem is not None:
                raise LinkLost(reason)
            case _:
                self._refuse(item, worded("the line is not in service"))

    def _refuse(self, item: Item | None, why: str) -> None:
        if isinstance(item, Ordered) and isinstance(item.order, Dial):
            self.line.refuse(item.order, why)
