"""The ladder back into service: what to try next after a line went down, and how long to wait.

Pure. Resynchronising the exchange after a time-out is the transport's own first rung; what comes
here is a line whose session has ended. Its rungs: open the port again (which runs the whole
bring-up, since a module's settings are lost with its power), reset the module, switch its power if
that is wired, and out of service, where the port is still tried at long intervals so that a
replaced cable heals the line without a person at the keyboard. A call that would not end goes to
the power switch at once, and without one, or once it was thrown, to the reset, also where the line
is out of service.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, unique


@unique
class Remedy(StrEnum):
    REOPEN = "reopen"
    RESET = "reset"
    POWER_CYCLE = "power-cycle"
    WAIT = "wait"
    """Out of service: only look now and then whether the world has changed."""


BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Box seconds before each further try; the last one repeats."""
OUT_OF_SERVICE_WAIT = 60.0
REOPENS_PER_RESET = 4
ABSENT_BEFORE_POWER = 8
"""Vain looks for a port after which a wired switch is thrown: a module whose firmware died may
have left the USB bus, and only its power brings it back."""
RESETS = 2
HEALTHY_AFTER = 60.0
"""Box seconds in service after which earlier failures are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Failures in a row, counted since the line was last healthy."""

    power_switch: bool = False
    failures: int = 0
    resets: int = 0
    cycled: bool = False
    out: bool = False
    """Every rung was tried; only service ends this."""
    call_reset: bool = False
    """The last remedy was a reset for a call that would not end."""

    def failed(self, *, answering: bool, call_up: bool = False) -> tuple[Ladder, Remedy, float]:
        """Count one more failure; return the new ladder, what to do, and after how many seconds.

        *answering* says whether there is a module to talk to: one that is unplugged cannot be
        reset, so its port is only tried again. *call_up*: a call may be up that nothing ended.
        """
        count = self.failures + 1
        counted = replace(self, failures=count, call_reset=False)
        wait = BACK_OFF[min(count, len(BACK_OFF)) - 1]
        absent = not answering and count >= ABSENT_BEFORE_POWER
        if self.power_switch and not self.cycled and (call_up or absent):
            return replace(counted, cycled=True), Remedy.POWER_CYCLE, wait
        if call_up and answering:
            if self.call_reset:
                # A module that still boots cannot list its calls either: another reset now would
                # keep it from ever coming up. Bring-up hangs up by itself.
                return counted, Remedy.REOPEN, wait
            # Before every rung that waits: somebody may still hear the box.
            return replace(counted, call_reset=True), Remedy.RESET, BACK_OFF[0]
        if self.out:
            return counted, Remedy.WAIT, OUT_OF_SERVICE_WAIT
        if not answering or count % REOPENS_PER_RESET:
            return counted, Remedy.REOPEN, wait
        if self.resets < RESETS:
            return replace(counted, resets=self.resets + 1), Remedy.RESET, wait
        if self.power_switch and not self.cycled:
            return replace(counted, cycled=True), Remedy.POWER_CYCLE, wait
        return replace(counted, out=True), Remedy.WAIT, OUT_OF_SERVICE_WAIT

    def served(self, seconds: float) -> Ladder:
        """Note how long the line was in service; long enough forgets the past."""
        if seconds < HEALTHY_AFTER:
            return replace(self, call_reset=False)
        return Ladder(power_switch=self.power_switch)
