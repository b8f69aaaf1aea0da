"""The switch in a modem's supply, over gpiozero: the last rung of the ladders.

One pin drives a relay or a load switch. Wire it so that a pin which nobody drives leaves the modem
powered (a relay's normally closed contact, ``power_cut: high``): a Pi that boots, and a box that
has ended, then cut nothing off.
"""

from __future__ import annotations

import gpiozero
from gpiozero.pins import Factory

from firmware.gpio.pins import PINS_REMEDY, PinsUnusable, pin_factory
from firmware.wording import worded


class PowerSwitch:
    """One modem's supply; on when this is made. Raises :class:`~firmware.gpio.pins.PinsUnusable`.

    ``pin`` is a BCM number. ``cuts_high`` says which level of it cuts the supply.
    """

    def __init__(
        self,
        pin: int,
        *,
        cuts_high: bool = True,
        simulated: bool = False,
        factory: Factory | None = None,
    ) -> None:
        self._pin = pin
        self._factory = factory if factory is not None else pin_factory(simulated=simulated)
        try:
            # Active is the state without power, so that the initial value drives no pulse.
            self._device = gpiozero.DigitalOutputDevice(
                pin, active_high=cuts_high, initial_value=False, pin_factory=self._factory
            )
        except Exception as error:
            raise PinsUnusable(
                worded("power pin {pin}: {error}", pin=pin, error=error), remedy=PINS_REMEDY
            ) from error

    def off(self) -> None:
        """Cut the supply. Raises PinsUnusable."""
        self._drive(cut=True)

    def on(self) -> None:
        """Give the supply back. Raises PinsUnusable."""
        self._drive(cut=False)

    def close(self) -> None:
        """Let the pin go. Idempotent."""
        for part in (self._device, self._factory):
            try:
                part.close()
            except Exception:  # noqa: BLE001
                pass  # the other part must be let go too

    def _drive(self, *, cut: bool) -> None:
        try:
            if cut:
                self._device.on()
            else:
                self._device.off()
        except Exception as error:
            raise PinsUnusable(
                worded("power pin {pin}: {error}", pin=self._pin, error=error), remedy=PINS_REMEDY
            ) from error
