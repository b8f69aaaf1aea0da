"""The panel on mock pins: every way a stop shows, and callbacks that fail."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from firmware.clock import SystemClock
from firmware.events import (
    Event,
    PanelFault,
    PanelHealed,
    StartHeld,
    StartPressed,
    StopRaised,
    StopReleased,
)
from firmware.gpio import lamp_thread, panel_health, pins
from firmware.gpio.lamp import Blink, Lamp
from firmware.gpio.panel import NoPanel, Panel, PanelPins
from firmware.gpio.pins import PinsUnusable, pin_factory

# The panel's threads are real here, and so is their time.
pytestmark = pytest.mark.pty

PINS = PanelPins(ready=17, line=27, call=22, fault=23, heartbeat=24, start=5, stop=6)
SIMULATED = PanelPins(
    ready=17, line=27, call=22, fault=23, heartbeat=24, start=5, stop=6, simulated=True
)
WAIT = 5.0
"""Seconds that a test waits for a thread before it fails; it goes on at once when it is done."""


class Box:
    """What the panel talks to: an inbox, and lines that can be stopped."""

    def __init__(self) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self.log: list[str] = []
        self.stopped = threading.Event()
        self.stop_thread = ""
        self.fail_stop = False
        self.fail_post = 0

    def post(self, event: Event) -> None:
        if self.fail_post:
            self.fail_post -= 1
            raise RuntimeError("inbox broken")
        self.log.append(type(event).__name__)
        self.events.put(event)

    def stop_lines(self) -> None:
        self.log.append("stop_lines")
        self.stop_thread = threading.current_thread().name
        self.stopped.set()
        if self.fail_stop:
            raise OSError("port gone")

    def next(self) -> Event:
        return self.events.get(timeout=WAIT)

    def none(self) -> bool:
        return self.events.empty()


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def panel(box: Box) -> Iterator[Panel]:
    made = make(box)
    yield made
    made.close()


def make(box: Box, pins: PanelPins = SIMULATED, **options: Any) -> Panel:
    return Panel(
        pins,
        post=box.post,
        stop_lines=box.stop_lines,
        clock=SystemClock(),
        lamp_test=0.0,
        **options,
    )


GPIO: dict[Lamp, int] = {
    Lamp.READY: PINS.ready,
    Lamp.LINE: PINS.line,
    Lamp.CALL: PINS.call,
    Lamp.FAULT: PINS.fault,
    Lamp.HEARTBEAT: 24,
}


def lit(panel: Panel, lamp: Lamp) -> bool:
    return bool(panel._factory.pin(GPIO[lamp]).state)


def blind(panel: Panel) -> None:
    """Take the edge callback away, as a dead callback thread does."""
    panel._stop.when_deactivated = None


def test_a_healthy_panel_is_quiet(panel: Panel, box: Box) -> None:
    assert not panel._stop_button.open
    assert box.log == []


def test_the_edge_stops_the_lines_before_the_event_and_in_its_own_thread(
    panel: Panel, box: Box
) -> None:
    """With mock pins the callback runs in the thread that moves the pin: here, this one."""
    panel.press_stop()
    assert box.stop_thread == threading.current_thread().name
    event = box.next()
    assert isinstance(event, StopRaised)
    assert event.source == "button"
    assert box.log == ["stop_lines", "StopRaised"]
    assert panel._stop_button.open


def test_the_level_poll_catches_a_missed_edge(panel: Panel, box: Box) -> None:
    blind(panel)
    panel.press_stop()
    assert box.stopped.wait(WAIT)
    assert isinstance(box.next(), StopRaised)
    assert box.stop_thread == "panel levels"
    assert box.log == ["stop_lines", "StopRaised"]


def test_a_cut_wire_at_start_stops_before_the_constructor_returns(box: Box) -> None:
    """Nothing pulls the pin low: mock pins, like real ones, then read high."""
    panel = make(box, PINS, factory=MockFactory())
    try:
        assert box.log[:2] == ["stop_lines", "StopRaised"]
        assert panel._stop_button.open
    finally:
        panel.close()


def test_a_pin_that_cannot_be_read_stops(panel: Panel, box: Box) -> None:
    def broken() -> bool:
        raise OSError("bad handle")

    panel._stop.pin._get_state = broken
    event = box.next()
    assert isinstance(event, StopRaised)
    assert event.source == "wire"
    assert box.log[0] == "stop_lines"
    assert panel._stop_button.open


def test_a_failing_stop_still_reaches_the_inbox(panel: Panel, box: Box) -> None:
    """One dead port must not keep the box from latching the stop."""
    box.fail_stop = True
    panel.press_stop()
    assert isinstance(box.next(), PanelFault)
    assert isinstance(box.next(), StopRaised)


def test_an_exception_in_a_callback_does_not_kill_the_stop(panel: Panel, box: Box) -> None:
    """gpiozero's thread would die of it, and the next press would go unseen."""
    box.fail_post = 2
    panel.press_stop()
    assert box.stopped.wait(WAIT)
    box.stopped.clear()
    panel.release_stop()
    assert isinstance(box.next(), StopReleased)
    panel.press_stop()
    assert box.stopped.wait(WAIT)
    assert isinstance(box.next(), StopRaised)


def test_release_is_told_once_it_lasts(panel: Panel, box: Box) -> None:
    panel.press_stop()
    assert isinstance(box.next(), StopRaised)
    panel.release_stop()
    assert panel._stop_button.open, "not yet: it must stay closed for a moment"
    assert isinstance(box.next(), StopReleased)
    assert not panel._stop_button.open


def test_a_short_and_a_long_press(box: Box) -> None:
    panel = make(box, hold=0.15)
    armed(panel)
    panel.press_start(0.06)
    assert isinstance(box.next(), StartPressed)
    panel.press_start(10)
    assert isinstance(box.next(), StartHeld)
    panel.close()


def test_a_start_button_held_at_boot_starts_nothing(box: Box) -> None:
    factory = MockFactory()
    panel = make(box, PINS, factory=factory, hold=0.05)
    factory.pin(6).drive_low()
    factory.pin(5).drive_low()
    try:
        # The release of the stop takes longer than a hold: it proves that the poll went on.
        assert isinstance(box.next(), StopRaised)
        assert isinstance(box.next(), StopReleased)
        assert box.none()
    finally:
        panel.close()


def armed(panel: Panel) -> None:
    """Wait until the start button was seen open."""
    deadline = threading.Event()
    for _ in range(200):
        if panel._start_button._armed:
            return
        deadline.wait(0.01)
    raise AssertionError("the start button was never polled")


def lamp_changes(panel: Panel, pin: int) -> Any:
    return panel._factory.pin(pin).states


def until(condition: Any) -> None:
    tick = threading.Event()
    for _ in range(500):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("did not happen")


def test_lamps_follow_their_patterns(panel: Panel) -> None:
    panel.show({Lamp.READY: Blink.ON, Lamp.FAULT: Blink.FAST})
    until(lambda: lit(panel, Lamp.READY))
    assert panel._factory.pin(17).state == 1
    until(lambda: len(lamp_changes(panel, 23)) >= 4)
    panel.show({Lamp.READY: Blink.OFF, Lamp.FAULT: Blink.OFF})
    until(lambda: not lit(panel, Lamp.READY) and not lit(panel, Lamp.FAULT))
    assert panel._factory.pin(17).state == 0


def test_the_heartbeat_follows_the_loop_and_stops_with_it(panel: Panel) -> None:
    panel.heartbeat()
    until(lambda: lit(panel, Lamp.HEARTBEAT))
    panel.heartbeat()
    assert panel._lamps._patterns[Lamp.HEARTBEAT] is Blink.ON, "at most twice a second"


def test_a_broken_lamp_is_reported_and_the_others_go_on(panel: Panel, box: Box) -> None:
    def broken(value: object) -> None:
        raise OSError("bad handle")

    panel._factory.pin(23)._set_state = broken
    panel.show({Lamp.FAULT: Blink.ON, Lamp.CALL: Blink.ON})
    event = box.next()
    assert isinstance(event, PanelFault)
    assert "fault" in event.detail
    until(lambda: lit(panel, Lamp.CALL))


def test_a_mended_lamp_is_reported_too(
    panel: Panel, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(value: object) -> None:
        raise OSError("bad handle")

    monkeypatch.setattr(panel_health, "HEAL_SECONDS", 0.1)
    monkeypatch.setattr(lamp_thread, "RETRY_SECONDS", 0.05)
    pin = panel._factory.pin(23)
    whole, pin._set_state = pin._set_state, broken
    panel.show({Lamp.FAULT: Blink.ON})
    assert isinstance(box.next(), PanelFault)
    pin._set_state = whole
    assert isinstance(box.next(), PanelHealed), "though its pattern is steady"
    assert lit(panel, Lamp.FAULT)


def test_lamp_test_lights_everything(box: Box) -> None:
    panel = Panel(
        SIMULATED,
        post=box.post,
        stop_lines=box.stop_lines,
        clock=SystemClock(),
        lamp_test=60.0,
    )
    try:
        until(lambda: all(lit(panel, lamp) for lamp in Lamp))
    finally:
        panel.close()


def test_close_is_repeatable_and_darkens(box: Box) -> None:
    panel = make(box)
    panel.show({Lamp.READY: Blink.ON})
    until(lambda: lit(panel, Lamp.READY))
    panel.close()
    panel.close()
    assert not panel._poller.is_alive()
    assert box.log == []


def test_only_a_simulated_panel_has_fingers(box: Box) -> None:
    factory = MockFactory()
    panel = make(box, PINS, factory=factory)
    try:
        with pytest.raises(RuntimeError, match="simulated"):
            panel.press_stop()
    finally:
        panel.close()


def test_a_pin_used_twice_is_refused_and_all_are_given_back(box: Box) -> None:
    twice = PanelPins(
        ready=17, line=17, call=22, fault=23, heartbeat=None, start=5, stop=6, simulated=True
    )
    with pytest.raises(PinsUnusable) as caught:
        make(box, twice)
    assert caught.value.remedy
    assert box.log == []


def test_two_simulated_panels_do_not_share_pins(box: Box) -> None:
    """Each has a factory of its own; gpiozero's global one is left alone."""
    first, second = make(box), make(box)
    try:
        first.press_stop()
        assert first._stop_button.open
        assert not second._stop_button.open
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize(
    ("name", "text"), [(None, "no GPIO"), ("", "no GPIO"), ("nonsense", "nonsense")]
)
def test_no_gpio_is_said_with_a_remedy(
    name: str | None, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name is None:
        monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    else:
        monkeypatch.setenv("GPIOZERO_PIN_FACTORY", name)
    monkeypatch.setattr(pins, "_is_pi", lambda: False)
    with pytest.raises(PinsUnusable, match=text) as caught:
        pin_factory(simulated=False)
    assert caught.value.remedy


def test_a_pi_without_the_library_does_not_fall_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """gpiozero would go on with a library that cannot drive the pins."""
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    monkeypatch.setattr(pins, "_is_pi", lambda: True)
    monkeypatch.setitem(__import__("sys").modules, "lgpio", None)
    with pytest.raises(PinsUnusable, match="lgpio"):
        pin_factory(simulated=False)


def test_the_environment_chooses_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    assert isinstance(pin_factory(simulated=False), MockFactory)


def test_no_panel_has_the_same_face() -> None:
    panel = NoPanel()
    panel.show({Lamp.READY: Blink.ON})
    panel.heartbeat()
    panel.close()
    public = {name for name in vars(NoPanel) if not name.startswith("_")}
    assert public <= set(vars(Panel))
