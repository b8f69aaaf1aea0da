"""From the configuration to the hardware's own settings: lines and panel."""

from __future__ import annotations

from collections.abc import Callable

from appliance.config.load import Config
from appliance.config.settings import LineConfig
from firmware.bounded_read import read_bounded
from firmware.clock import Clock
from firmware.events import Event
from firmware.gpio.panel import Panel, PanelPins
from firmware.gpio.power import PowerSwitch
from firmware.line_settings import MODULE, PREFIX, LineSettings

LINES = "lines"
"""Where the lines keep their own small files, below the state directory."""


def line_settings(config: Config, line: LineConfig) -> LineSettings:
    """Return how *line* is wired, with device paths resolved and the PIN read."""
    return LineSettings(
        name=line.name,
        port=_place(config, line.port),
        family=line.family,
        audio=None if line.audio is None else _voice(config, line.audio),
        emergency_port=None if line.emergency_port is None else _place(config, line.emergency_port),
        pin=_pin(config, line.sim_pin),
        bench=line.bench,
        baudrate=line.baudrate,
        rtscts=line.rtscts,
        imei=line.imei,
        incoming=line.incoming,
        power_pin=line.power_pin,
    )


def open_power(config: Config, line: LineConfig) -> PowerSwitch | None:
    """Take the pin that cuts *line*'s power; None where none is wired. Raises PinsUnusable."""
    if line.power_pin is None:
        return None
    panel = config.settings.panel
    return PowerSwitch(
        line.power_pin,
        cuts_high=line.power_cut == "high",
        simulated=panel is not None and panel.simulated,
    )


def open_panel(
    config: Config,
    *,
    post: Callable[[Event], None],
    stop_lines: Callable[[], None],
    clock: Clock,
) -> Panel | None:
    """Take the panel's pins, with the stop armed when this returns; None where none is wired."""
    pins = config.settings.panel
    if pins is None:
        return None
    return Panel(
        PanelPins(
            ready=pins.ready,
            line=pins.line,
            call=pins.call,
            fault=pins.fault,
            heartbeat=pins.heartbeat,
            start=pins.start,
            stop=pins.stop,
            simulated=pins.simulated,
        ),
        post=post,
        stop_lines=stop_lines,
        clock=clock,
    )


def _voice(config: Config, audio: str) -> str:
    return audio if audio == MODULE or audio.startswith(PREFIX) else _place(config, audio)


PIN_LIMIT = 1024
"""Bytes of a file that holds a PIN; what is longer is another file."""


def _place(config: Config, port: str) -> str:
    """Resolve a relative device path against the configuration file; leave URLs and auto alone."""
    if port == "auto" or "://" in port or port.startswith("/"):
        return port
    # Not resolve(): the stable name is often a link, and what it points at changes.
    return str(config.file.parent / port)


def _pin(config: Config, reference: str | None) -> str | None:
    """Return the SIM's PIN, from the file that the configuration names or from itself."""
    if reference is None or not reference.startswith("file:"):
        return reference
    path = config.file.parent / reference.removeprefix("file:")
    return read_bounded(path, PIN_LIMIT).decode("ascii").strip()
