"""What a line does between two sessions: climbs the ladder of :mod:`firmware.line.ladder`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from firmware.at.command_port import CommandPort
from firmware.call.context import LineContext
from firmware.errors import CommandTimeout, FirmwareError, LinkLost
from firmware.families.base import Family
from firmware.faults import Fault, LineDown
from firmware.line.ladder import Ladder, Remedy
from firmware.line.log_throttle import Repeats
from firmware.line.out_of_service import Downtime
from firmware.line.status import LineStatus
from firmware.wording import worded

RESET_SETTLE = 2.0
"""Box seconds between a reset command and the first try to open the port again."""
POWER_OFF_SECONDS = 5.0
"""Box seconds without power: supplies of HATs and hubs hold theirs for a second or two."""
FINAL_WAIT = 60.0
"""Box seconds between two looks at a line that only a person can help."""
_BOOT_EVERY = 1.0
URGENT_EVERY = 0.5
"""Box seconds between two looks for a modem in which a call may be up."""


class PowerSwitch(Protocol):
    """What switches the modem's supply; :class:`firmware.gpio.power.PowerSwitch` is one."""

    def off(self) -> None:
        """Raises a FirmwareError where the pin cannot be driven."""

    def on(self) -> None: ...


@dataclass(kw_only=True)
class LineRecovery:
    """Used by the line's worker alone."""

    line: LineContext
    status: LineStatus
    downtime: Downtime
    power: PowerSwitch | None

    def __post_init__(self) -> None:
        self.reset_due = False
        """The module is to be restarted as soon as its port is open."""
        self._boot_until = 0.0
        self._stops_done = self.line.emergencies
        """Stops after which the line was in service, with nothing up."""
        self._ladder = Ladder(power_switch=self.power is not None)
        self._logged = Repeats()

    def served(self, seconds: float) -> None:
        """The line was in service for so long."""
        self._ladder = self._ladder.served(seconds)

    def announce(self) -> None:
        """The line is in service: tell it, and wait for no boot any more."""
        self._boot_until = 0.0
        self.line.call_doubtful = False
        self._stops_done = self.line.emergencies
        if self._logged.over():
            self.line.log.info("line in service again")
        self.status.announce()

    @property
    def urgent(self) -> bool:
        """A call may be up, or a stop was pressed that this line has not carried out in full: a
        modem that comes back is hung up on at once, not when the back-off is over."""
        return self.line.call_doubtful or self.line.stopped_since(self._stops_done)

    def recover(self, down: LineDown) -> None:
        """Tell the fault, take the next remedy, and wait. Raises LinkLost."""
        now = self.line.now()
        call_up = down.fault is Fault.HANG_UP_UNCONFIRMED
        if now < self._boot_until and not down.final and not call_up:
            self._wait(_BOOT_EVERY)
            return
        if down.fault is Fault.RESETTING and down.answering and not self.reset_due:
            self.reset_due = True
            self.line.fault(down.fault, down.detail)
            return
        self._ladder, remedy, wait = self._ladder.failed(answering=down.answering, call_up=call_up)
        if down.final:
            remedy = Remedy.WAIT
        self.line.fault(down.fault, down.detail, final=remedy is Remedy.WAIT)
        if self._logged.due((down.fault, remedy), now):
            self.line.log.warning("line down (%s): %s; next: %s", down.fault, down.detail, remedy)
        match remedy:
            case Remedy.REOPEN | Remedy.WAIT:
                pass
            case Remedy.RESET:
                self.reset_due = True
            case Remedy.POWER_CYCLE:
                self._cycle_power()
        self._wait(FINAL_WAIT if down.final else wait)

    def _wait(self, seconds: float) -> None:
        """Wait box seconds until the next look, and no longer than is right for what may be up.

        Raises LinkLost.
        """
        self.downtime.idle(min(seconds, URGENT_EVERY) if self.urgent else seconds)

    def reset(self, modem: CommandPort) -> None:
        """Restart the module; the port goes away or not, then bring-up begins anew.

        Give the ports back before :meth:`settle`.
        """
        self.reset_due = False
        family = self._expect_boot()
        try:
            modem.command(family.reset, timeout=3.0)
        except (CommandTimeout, LinkLost):
            pass  # many modules reset before they answer

    def settle(self) -> None:
        """Wait for a module that restarts. Always raises LineDown, or LinkLost."""
        self.downtime.idle(RESET_SETTLE)
        raise LineDown(Fault.RESETTING, worded("the module restarts"), answering=False)

    def _cycle_power(self) -> None:
        if self.power is None:
            return
        self._expect_boot()
        self.line.log.warning("the modem's power is switched off for %g s", POWER_OFF_SECONDS)
        for switch in (self.power.off, self.power.on):
            try:
                switch()
            except FirmwareError as error:
                self.line.log.error("the modem's power could not be switched: %s", error)
            if switch == self.power.off:
                self.status.power_cuts += 1
                until = self.line.now() + POWER_OFF_SECONDS
                while not self.line.closing and (left := until - self.line.now()) > 0:
                    # A stop ends a wait; the supply stays off for its time all the same.
                    self.downtime.idle(left)

    def _expect_boot(self) -> Family:
        family = self.status.family
        self._boot_until = self.line.now() + family.timing.boot
        return family
