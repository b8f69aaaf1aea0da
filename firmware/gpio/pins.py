"""The library that drives the GPIO pins, chosen by hand; panel and power switches share it."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path

from gpiozero.pins import Factory
from gpiozero.pins.mock import MockFactory

from firmware.errors import FirmwareError
from firmware.wording import worded

PINS_REMEDY = worded(
    "install lgpio (sudo apt install python3-lgpio), add the box's user to the "
    "group gpio, and check that each pin is used once and that the working "
    "directory can be written to; while autodialer-supervisor runs, the stop "
    "button and a dead box's fault lamp are its own"
)


class PinsUnusable(FirmwareError):
    """The pins cannot be had: no GPIO here, no permission, or another program holds them."""


def pin_factory(*, simulated: bool) -> Factory:
    """Return the gpiozero factory to use; never gpiozero's global one.

    The environment's ``GPIOZERO_PIN_FACTORY`` decides, else lgpio on a Raspberry Pi. gpiozero
    itself would try four libraries in turn and only warn; two of them do not drive a Pi 5.
    Raises :class:`PinsUnusable`.
    """
    if simulated:
        return MockFactory()
    name = os.environ.get("GPIOZERO_PIN_FACTORY") or ("lgpio" if _is_pi() else "")
    if not name:
        raise PinsUnusable(
            worded("this machine has no GPIO pins"),
            remedy=worded("write panel: none and no power_pin, or simulated: true on a bench"),
        )
    for entry in entry_points(group="gpiozero_pin_factories", name=name.lower()):
        try:
            made: Factory = entry.load()()
        except Exception as error:
            raise PinsUnusable(
                worded("GPIO library {name}: {error}", name=name, error=error), remedy=PINS_REMEDY
            ) from error
        return made
    raise PinsUnusable(
        worded("GPIOZERO_PIN_FACTORY={name}: gpiozero knows no such library", name=name),
        remedy=worded("set it to lgpio, or unset it"),
    )


def _is_pi() -> bool:
    try:
        return b"Raspberry Pi" in Path("/proc/device-tree/model").read_bytes()
    except OSError:
        return False
