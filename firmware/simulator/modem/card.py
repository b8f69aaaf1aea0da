"""A SIM card that really blocks: PIN and PUK counters (3GPP TS 31.101, TS 27.007 +CPIN)."""

from __future__ import annotations

from enum import StrEnum, unique

from firmware.simulator.network.scenario import SimSettings


@unique
class CardState(StrEnum):
    """What the card wants before it lets anybody on the network, as +CPIN says it."""

    READY = "READY"
    PIN = "SIM PIN"
    PUK = "SIM PUK"
    BLOCKED = "SIM BLOCKED"
    """No try of the PUK is left: the card is dead for ever."""
    ABSENT = "SIM NOT INSERTED"


class SimCard:
    """The card keeps its counters through every reset of the modem; only the unlocking is lost."""

    def __init__(self, settings: SimSettings, iccid: str) -> None:
        self._pin = settings.pin
        self._puk = settings.puk
        self.iccid = settings.iccid or iccid
        self.pin_tries = settings.tries
        self.puk_tries = settings.puk_tries
        self.inserted = settings.inserted
        self.pin_enabled = settings.pin is not None
        self._unlocked = False

    @property
    def state(self) -> CardState:
        if not self.inserted:
            return CardState.ABSENT
        if self.puk_tries == 0:
            return CardState.BLOCKED
        if self.pin_tries == 0:
            return CardState.PUK
        if self.pin_enabled and not self._unlocked:
            return CardState.PIN
        return CardState.READY

    def power_off(self) -> None:
        self._unlocked = False

    def enter_pin(self, pin: str) -> bool:
        """Try a PIN; a wrong one costs a try, a right one gives all three back."""
        if self.pin_tries == 0 or self.puk_tries == 0:
            return False
        if pin != self._pin:
            self.pin_tries -= 1
            if self.pin_tries == 0:
                self._unlocked = False
            return False
        self.pin_tries = 3
        self._unlocked = True
        return True

    def enter_puk(self, puk: str, new_pin: str) -> bool:
        """Try a PUK, which sets a new PIN; ten wrong ones kill the card."""
        if self.puk_tries == 0:
            return False
        if puk != self._puk:
            self.puk_tries -= 1
            return False
        self.puk_tries = 10
        self.pin_tries = 3
        self._pin = new_pin
        self._unlocked = True
        return True

    def set_lock(self, *, enabled: bool, pin: str) -> bool:
        """Switch the PIN question on or off (+CLCK="SC"); costs a try where *pin* is wrong."""
        if self._pin is None:
            self._pin = pin
        if not self.enter_pin(pin):
            return False
        self.pin_enabled = enabled
        return True
