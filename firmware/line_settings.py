"""How one line is wired and used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceQuery:
    """How the balance of a SIM is asked for."""

    code: str
    """What the network is asked, such as ``*100#``; checked, because it reaches the AT port."""
    pattern: str
    """A regular expression whose first group is the amount."""
    every: float
    """Box seconds."""
    alarm_below: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """How one line is wired and used."""

    name: str
    port: str
    """A device path, a URL that pyserial takes, or ``auto``."""
    family: str = "auto"
    audio: str | None = None
    """The serial voice port, ``auto`` where the port is, ``alsa:CARD`` for a sound card, ``module``
    for clips that the module plays itself; None where the line has no voice path."""
    emergency_port: str | None = None
    """A second AT port of the same modem (or ``auto``), for the emergency hang-up."""
    pin: str | None = None
    bench: bool = False
    """A simulator or test rig; the gate lets it dial fiction numbers and only them."""
    baudrate: int = 115200
    rtscts: bool = False
    power_pin: int | None = None
    """GPIO (BCM number) that cuts the modem's power, where wired."""
    tests_keys: bool = False
    """This is a test of who hears keys: the line serves although nobody may."""
    clips_stay: bool = True
    """Clips that were stored on the module stay there when the line is closed."""
    imei: str | None = None
    """The modem that this line must have; None accepts the one on the port, or binds to the first
    that ``auto`` finds."""
    balance: BalanceQuery | None = None
    incoming: str = "reject"
    """``reject`` turns callers away at once; ``ignore`` lets them ring; ``answer`` asks the box
    about each (:class:`~firmware.events.IncomingRinging`)."""


PREFIX = "alsa:"
"""How the ``audio`` setting names a card: ``alsa:hw:2``, ``alsa:EC25``."""


MODULE = "module"
"""The ``audio`` setting for clips that the module plays itself."""
