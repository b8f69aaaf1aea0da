"""People who call a simulated line: they hear the box out, object, or give up."""

from __future__ import annotations

from typing import Any

from firmware import events
from firmware.events import Cause
from firmware.orders import AnswerCall, Order
from tests.rigs.simulated_network import LiveCall, SeenCall, SimulatedLine

CALLERS = ("objects", "says_nothing", "hangs_up", "gives_up", "mad_keys")


class AnsweringLine(SimulatedLine):
    """A line that asks the box about each caller; *callers* is the network's log of them."""

    def __init__(self, name: str, *, callers: list[SeenCall], **parts: Any) -> None:
        super().__init__(name, **parts)
        self._callers = callers
        self._count = 0

    def ring(self, number: str | None) -> None:
        """Somebody calls; they hear busy where the line is in a call."""
        if self._call is not None or not self._usable:
            return
        self._count += 1
        seen = SeenCall(number or "", self.name, self._timeline.now, self._rows_on_disk())
        self._callers.append(seen)
        attempt = f"in-{self.name}-{self._count}"
        seen.attempt = attempt
        call = self._call = LiveCall(attempt, seen, self._random.choice(CALLERS))
        self._tell(events.IncomingRinging, attempt, number=number)
        patience = 0.02 if call.behaviour == "gives_up" else 20.0
        self._later(call, patience, lambda: self._give_up(call))

    def _give_up(self, call: LiveCall) -> None:
        if call.answered_at is None:
            self._finish(call, Cause.REMOTE_HANG_UP, "NO CARRIER", after=0.0)

    def _carry_out(self, order: Order, power: int) -> None:
        call = self._call
        if not isinstance(order, AnswerCall):
            super()._carry_out(order, power)
        elif call is not None and call.attempt == order.attempt and power == self._power:
            self._take(call, order.greeting)

    def _take(self, call: LiveCall, greeting: str) -> None:
        call.answered_at = self._timeline.now
        call.seen.answered_rows = self._rows_on_disk()
        self._tell(events.Answered, call.attempt, evidence="OK to ATA", weak=False)
        self._play(call, greeting)
        at = self._random.uniform(0.1, 20.0)
        match call.behaviour:
            case "objects":
                for again in range(self._random.choice((1, 1, 2))):
                    self._later(call, at + again, lambda: self._press(call, "9"))
            case "hangs_up":
                self._finish(call, Cause.REMOTE_HANG_UP, "NO CARRIER", after=at, code=16)
            case "mad_keys":
                for n in range(40):
                    self._later(call, n * 0.4, lambda: self._press(call, self._random.choice("18")))
            case _:
                pass
