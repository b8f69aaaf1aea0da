"""The switch in a modem's supply, on pins in memory."""

from __future__ import annotations

from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from firmware.gpio.pins import PinsUnusable
from firmware.gpio.power import PowerSwitch


@pytest.mark.parametrize(("cuts_high", "powered"), [(True, 0), (False, 1)])
def test_the_level_that_cuts(cuts_high: bool, powered: int) -> None:
    factory = MockFactory()
    switch = PowerSwitch(16, cuts_high=cuts_high, factory=factory)
    states = [factory.pin(16).state]
    for move in (switch.off, switch.on):
        move()
        states.append(factory.pin(16).state)
    assert states == [powered, 1 - powered, powered]
    switch.close()
    switch.close()


def test_making_the_switch_cuts_nothing() -> None:
    """Not even for a moment: the modem may be in a call that a crashed box left over."""
    factory = MockFactory()
    pin = factory.pin(16)
    PowerSwitch(16, factory=factory)
    assert all(change.state == 0 for change in pin.states)


def test_a_pin_that_is_taken() -> None:
    factory = MockFactory()
    first = PowerSwitch(16, factory=factory)
    with pytest.raises(PinsUnusable, match="16") as caught:
        PowerSwitch(16, factory=factory)
    assert caught.value.remedy
    first.close()


def test_a_pin_that_cannot_be_driven() -> None:
    def broken(_value: Any) -> None:
        raise OSError("GPIO gone")

    factory = MockFactory()
    switch = PowerSwitch(16, factory=factory)
    factory.pin(16)._set_state = broken
    with pytest.raises(PinsUnusable, match="GPIO gone"):
        switch.off()
