"""A second caller who waits while a call is up (3GPP TS 22.083, TS 27.007 §7.11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from firmware.simulator.modem.calls import Call, CallState
from firmware.simulator.modem.personality import Modem
from firmware.simulator.modem.timers import Timer
from firmware.simulator.network.scenario import IncomingCall

_RINGS_AFTER = 0.1
"""Box seconds from the end of a call until the one that waited rings."""


@dataclass(slots=True)
class _Waiting:
    incoming: IncomingCall
    call: Call
    until: float
    timer: Timer


class CallWaiting:
    """At most one caller waits; *ring* lets them ring once the line is free."""

    def __init__(self, modem: Modem, ring: Callable[[IncomingCall], None]) -> None:
        self._modem = modem
        self._ring = ring
        self._waiting: _Waiting | None = None

    def take(self, incoming: IncomingCall, beside: Call) -> bool:
        """Let a caller wait beside the call that is up; False where the network says busy."""
        modem = self._modem
        # AT+CCWA=<n>,<mode>: mode 0 switches the service off; <n> only its notice.
        off = modem.memory.get("+CCWA", "").split(",")[1:2] == ["0"]
        if not modem.settings.call_waiting or off or self._waiting is not None:
            return False
        call = replace(
            beside,
            index=beside.index + 1,
            number=incoming.number,
            outgoing=False,
            state=CallState.WAITING,
        )
        timer = modem.timers.set(modem.now + incoming.rings_for, "network", self._give_up)
        self._waiting = _Waiting(incoming, call, modem.now + incoming.rings_for, timer)
        if modem.flag("+CCWA"):
            shown = f'"{call.number}",{call.type_of_address}' if call.number else '"",128'
            modem.call_notice(f"+CCWA: {shown},1")
        return True

    def rows(self) -> list[str]:
        """The line of +CLCC."""
        waiting = self._waiting
        if waiting is None:
            return []
        call = waiting.call
        return [self._modem.personality.clcc_row(self._modem, call, call.state)]

    def line_is_free(self) -> None:
        """The call is over: the caller who waited rings for the rest of their patience."""
        waiting = self._waiting
        self._give_up()
        if waiting is None:
            return
        rest = replace(waiting.incoming, rings_for=waiting.until - self._modem.now)
        self._modem.later(_RINGS_AFTER, "waiting call", lambda: self._ring(rest))

    def _give_up(self) -> None:
        if self._waiting is not None:
            self._waiting.timer.cancel()
        self._waiting = None
