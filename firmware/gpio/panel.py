"""The panel: lamps, the start button and the emergency stop, over gpiozero.

**Stop.** A normally closed contact to ground with a pull-up: pressed, cut or unplugged, the pin
reads high. It is watched twice, by the edge and by a thread that reads the level, because with
lgpio all callbacks of a program share one thread that dies silently at the first exception
(gpiozero 2.0.1, lgpio 0.2.2). Whoever sees it first calls ``stop_lines`` right there; only then
is the event posted. Software cannot see a cable crushed to ground: for that wire a second
contact of the button into the modem's supply.

**Lamps.** One thread owns them. Nobody else touches an LED, and a callback never does.

lgpio makes a pipe in the *current directory* when it is imported, so a service needs a working
directory that it may write to (``WorkingDirectory=`` of the unit), and the user must be in the
group ``gpio``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import gpiozero
from gpiozero.pins import Factory

from firmware.clock import Clock
from firmware.events import (
    Event,
    PanelFault,
    PanelHealed,
    StartHeld,
    StartHeldToReset,
    StartPressed,
    StopRaised,
    StopReleased,
)
from firmware.gpio.buttons import (
    HOLD_SECONDS,
    RESET_SECONDS,
    Level,
    Press,
    Raised,
    Released,
    StartButton,
    StopButton,
)
from firmware.gpio.lamp import Blink, Counting, Flashes, Lamp, Pattern
from firmware.gpio.lamp_thread import LampThread
from firmware.gpio.panel_health import PanelHealth
from firmware.gpio.pins import PINS_REMEDY, PinsUnusable, pin_factory
from firmware.wording import worded

__all__ = [
    "Blink",
    "Flashes",
    "Lamp",
    "NoPanel",
    "Panel",
    "PanelPins",
    "Pattern",
]

POLL_SECONDS = 0.025
"""Real seconds between two readings of the levels."""
START_POLL_SECONDS = 0.05
"""The same where the stop contact is somebody else's: no finger presses start for less, and half of
what an idle box did was to look at it."""
EDGE_FILTER_SECONDS = 0.002
"""lgpio reports an edge once the level was stable for so long: radio from a modem beside an
unshielded cable makes shorter ones. It delays the stop by as much."""
LAMP_TEST_SECONDS = 1.0
"""All lamps are lit for so long at start, so that a dead one is seen."""
TEST_SECONDS = 3.0
"""And for so long where somebody asks for it with the start button."""
P = ParamSpec("P")
_Device = TypeVar("_Device", bound=gpiozero.Device)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelPins:
    """BCM numbers of the pins."""

    ready: int
    line: int
    call: int
    fault: int
    heartbeat: int | None
    start: int
    stop: int | None
    """None where the supervisor owns the stop contact: a pin belongs to one process."""
    simulated: bool = False
    """Use pins that exist in memory only; then the ``press_*`` methods stand for fingers."""


class Panel:
    """Lamps and buttons on real or simulated pins.

    The stop contact is read during construction: where it is open, ``stop_lines`` is called and
    StopRaised posted before the constructor returns. Raises :class:`PinsUnusable`.
    """

    def __init__(
        self,
        pins: PanelPins,
        *,
        post: Callable[[Event], None],
        stop_lines: Callable[[], None],
        clock: Clock,
        factory: Factory | None = None,
        lamp_test: float = LAMP_TEST_SECONDS,
        hold: float = HOLD_SECONDS,
        reset: float = RESET_SECONDS,
    ) -> None:
        self._post = post
        self._stop_lines = stop_lines
        self._clock = clock
        self._simulated = pins.simulated
        self._lock = threading.Lock()
        self._stop_button = StopButton()
        self._start_button = StartButton(hold, reset)
        self._resets = False
        self._fault: Pattern = Blink.OFF
        self._counted: float | None = None
        self._closing = threading.Event()
        self._health = PanelHealth()
        self._health_lock = threading.Lock()
        self._factory = factory if factory is not None else pin_factory(simulated=pins.simulated)
        self._devices: list[gpiozero.Device] = []
        try:
            # Devices are kept: a pin holds its device weakly, and a collected one goes deaf.
            self._stop: Any = (
                None
                if pins.stop is None
                else self._own(
                    gpiozero.DigitalInputDevice,
                    pins.stop,
                    pull_up=True,
                    bounce_time=EDGE_FILTER_SECONDS,
                )
            )
            self._start = self._own(gpiozero.DigitalInputDevice, pins.start, pull_up=True)
            lamps = {
                lamp: self._own(gpiozero.LED, pin)
                for lamp, pin in (
                    (Lamp.READY, pins.ready),
                    (Lamp.LINE, pins.line),
                    (Lamp.CALL, pins.call),
                    (Lamp.FAULT, pins.fault),
                    (Lamp.HEARTBEAT, pins.heartbeat),
                )
                if pin is not None
            }
            if self._stop is not None:
                if self._simulated and factory is None:
                    self._stop.pin.drive_low()
                self._stop.when_deactivated = self._edge
        except Exception as error:
            self._release()
            raise PinsUnusable(
                worded("panel pins: {error}", error=error), remedy=PINS_REMEDY
            ) from error
        self._lamps = LampThread(lamps, test=lamp_test, failed=self._failed, worked=self._worked)
        self._poller = threading.Thread(target=self._poll, name="panel levels", daemon=True)
        self._guard("levels", self._look)
        self._lamps.start()
        self._poller.start()

    def show(self, lamps: Mapping[Lamp, Pattern]) -> None:
        """Give lamps their patterns; lamps that are not named keep theirs. Does not block."""
        self._fault = lamps.get(Lamp.FAULT, self._fault)
        if self._counted is not None:
            # The fault lamp counts a finger's seconds just now.
            lamps = {**lamps, Lamp.FAULT: Counting(self._counted)}
        self._lamps.show(lamps)

    def let_reset(self, resets: bool) -> None:
        """Say whether holding the start button resets: a stop is latched, its contact is closed."""
        self._resets = resets

    def heartbeat(self) -> None:
        """Called by the decision loop each time round; the lamp blinks only while it is."""
        self._lamps.heartbeat()

    def close(self) -> None:
        """Stop watching and let the pins go; the lamps go dark. Idempotent."""
        self._closing.set()
        current = threading.current_thread()
        if self._poller is not current and self._poller.is_alive():
            self._poller.join(timeout=1.0)
        self._lamps.close()
        self._release()

    # -- fingers of the simulated panel ------------------------------------------------------

    def press_stop(self) -> None:
        """Open the simulated stop contact; it stays open, as a mushroom button does."""
        self._simulated_pin(self._stop).drive_high()

    def release_stop(self) -> None:
        """Close the simulated stop contact again."""
        self._simulated_pin(self._stop).drive_low()

    def press_start(self, seconds: float = 0.2) -> None:
        """Hold the simulated start button down for *seconds* (real ones); returns at once."""
        pin = self._simulated_pin(self._start)
        pin.drive_low()
        lift = threading.Timer(seconds, pin.drive_high)
        lift.daemon = True
        lift.start()

    # -- watching ----------------------------------------------------------------------------

    def _edge(self) -> None:
        # Runs in lgpio's only callback thread: nothing may escape from here.
        self._guard("levels", self._stop_sampled, Level.OPEN)

    def _poll(self) -> None:
        pause = START_POLL_SECONDS if self._stop is None else POLL_SECONDS
        while not self._closing.wait(pause):
            self._guard("levels", self._look)

    def _look(self) -> None:
        """Read both levels and act on them."""
        if self._stop is not None:
            self._stop_sampled(_level(self._stop))
        level = _level(self._start)
        if level is Level.UNREADABLE:
            self._failed(worded("start button"), worded("the start button cannot be read"))
        else:
            self._worked(worded("start button"))
        press = self._start_button.sample(level, time.monotonic(), resets=self._resets)
        self._count(self._start_button.counting)
        if press is Press.SHORT:
            self._post(StartPressed(at=self._clock.monotonic()))
        elif press is Press.LONG:
            self._post(StartHeld(at=self._clock.monotonic()))
        elif press is Press.TEST:
            self._lamps.test(TEST_SECONDS)
        elif press is Press.RESET:
            self._post(StartHeldToReset(at=self._clock.monotonic()))

    def _count(self, since: float | None) -> None:
        """Let the fault lamp count the seconds of a press that is going to reset."""
        if since != self._counted:
            self._counted = since
            self._lamps.show({Lamp.FAULT: self._fault if since is None else Counting(since)})

    def _stop_sampled(self, level: Level) -> None:
        with self._lock:
            change = self._stop_button.sample(level, time.monotonic())
        if change is None:
            return
        if change is Released.RELEASED:
            self._post(StopReleased(at=self._clock.monotonic()))
            return
        assert isinstance(change, Raised)
        self._guard("stop", self._stop_lines)
        source = "wire" if change.wire else "button"
        self._post(StopRaised(at=self._clock.monotonic(), source=source))

    def _guard(
        self, part: str, action: Callable[P, None], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Run *action*; whatever it raises becomes a PanelFault and goes no further."""
        try:
            action(*args, **kwargs)
        except Exception as error:  # noqa: BLE001
            self._failed(part, f"{type(error).__name__}: {error}")
        else:
            self._worked(part)

    def _failed(self, part: str, detail: str) -> None:
        """Report a fault, now and then while it repeats itself."""
        with self._health_lock:
            report = self._health.failed(part, detail, time.monotonic())
        if report:
            self._tell(PanelFault(at=self._clock.monotonic(), detail=detail))

    def _worked(self, part: str) -> None:
        with self._health_lock:
            self._health.worked(part)
            healed = self._health.healed(time.monotonic())
        if healed:
            self._tell(PanelHealed(at=self._clock.monotonic()))

    def _tell(self, event: Event) -> None:
        try:
            self._post(event)
        except Exception:  # noqa: BLE001
            pass  # the inbox itself is broken; the stop must go on being watched

    # -- pins --------------------------------------------------------------------------------

    def _own(self, kind: Callable[..., _Device], pin: int, **options: Any) -> _Device:
        device = kind(pin, pin_factory=self._factory, **options)
        self._devices.append(device)
        return device

    def _release(self) -> None:
        for device in self._devices:
            try:
                device.close()
            except Exception:  # noqa: BLE001
                pass  # the next device must be let go too
        self._devices.clear()
        try:
            self._factory.close()
        except Exception:  # noqa: BLE001
            pass

    def _simulated_pin(self, device: gpiozero.DigitalInputDevice | None) -> Any:
        if not self._simulated or device is None:
            raise RuntimeError("only a simulated panel has fingers, and only for its own pins")
        return device.pin


class NoPanel:
    """``panel: none``: no lamps, no buttons, a stop that is only ever raised by command."""

    def show(self, lamps: Mapping[Lamp, Pattern]) -> None:
        pass

    def let_reset(self, resets: bool) -> None:
        pass

    def heartbeat(self) -> None:
        pass

    def close(self) -> None:
        pass


def _level(device: gpiozero.DigitalInputDevice) -> Level:
    """Read a contact to ground; no error leaves here."""
    try:
        return Level.CLOSED if device.value else Level.OPEN
    except Exception:  # noqa: BLE001
        return Level.UNREADABLE
