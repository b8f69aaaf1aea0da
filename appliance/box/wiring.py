"""From the configuration to the hardware's own settings: lines and panel."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from appliance.config.load import Config
from appliance.config.settings import LineConfig
from appliance.errors import Refused
from firmware.bounded_read import read_bounded
from firmware.clock import Clock
from firmware.events import Event
from firmware.families import FAMILIES
from firmware.gpio.panel import Panel, PanelPins
from firmware.gpio.power import PowerSwitch
from firmware.line_settings import MODULE, PREFIX, BalanceQuery, LineSettings
from firmware.supervisor.plan import Plan, PlannedLine
from firmware.wording import worded

LINES = "lines"
"""Where the lines keep their own small files, below the state directory."""
AUTO = "auto"
"""A port that the line looks for by itself."""


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
        balance=_balance(config, line.name),
    )


def _balance(config: Config, line: str) -> BalanceQuery | None:
    limits = config.settings.limits.get(line)
    if limits is None or limits.balance is None:
        return None
    asked = limits.balance
    return BalanceQuery(
        code=asked.ussd,
        pattern=asked.pattern,
        every=asked.every.total_seconds(),
        alarm_below=asked.alarm_below,
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
    supervised: bool = False,
) -> Panel | None:
    """Take the panel's pins, with the stop armed when this returns; None where none is wired.

    *supervised*: the stop contact is the supervisor's.
    """
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
            stop=None if supervised else pins.stop,
            simulated=pins.simulated,
        ),
        post=post,
        stop_lines=stop_lines,
        clock=clock,
    )


_PLANNED_PINS = ("ready", "line", "call", "fault", "heartbeat", "start")


def supervision_plan(config: Config) -> Plan:
    """Return what the supervisor has to know: how to hang up on each modem, and its pins.

    Lines that look for their modem by themselves have no port yet; the box tells it when found.
    """
    panel = config.settings.panel
    return Plan(
        lines=tuple(_planned(line_settings(config, line), line) for line in config.settings.lines),
        stop_pin=None if panel is None else panel.stop,
        stop_second_pin=None if panel is None else panel.stop_second,
        stop_second_opens=panel is not None and panel.stop_second_contact == "normally_open",
        fault_pin=None if panel is None else panel.fault,
        panel=None if panel is None else {name: getattr(panel, name) for name in _PLANNED_PINS},
        simulated=panel is not None and panel.simulated,
    )


def hang_up_commands(family: str) -> tuple[str, ...]:
    """Return the family's own words for it, each once, gentlest first."""
    known = FAMILIES.get(family, FAMILIES["generic"])
    return tuple(dict.fromkeys(rung.command for rung in known.hang_up))


def _planned(settings: LineSettings, line: LineConfig) -> PlannedLine:
    return PlannedLine(
        name=settings.name,
        port="" if settings.port == AUTO else settings.port,
        emergency_port=None if settings.emergency_port == AUTO else settings.emergency_port,
        baudrate=settings.baudrate,
        rtscts=settings.rtscts,
        hang_up=hang_up_commands(settings.family),
        power_pin=line.power_pin,
        power_cuts_high=line.power_cut == "high",
    )


def _voice(config: Config, audio: str) -> str:
    return audio if audio == MODULE or audio.startswith(PREFIX) else _place(config, audio)


CREDENTIAL = "credential:"
PIN_LIMIT = 1024
"""Bytes of a file that holds a PIN; what is longer is another file."""


def _place(config: Config, port: str) -> str:
    """Resolve a relative device path against the configuration file; leave URLs and auto alone."""
    if port == AUTO or "://" in port or port.startswith("/"):
        return port
    # Not resolve(): the stable name is often a link, and what it points at changes.
    return str(config.file.parent / port)


def _pin(config: Config, reference: str | None) -> str | None:
    """Return the SIM's PIN: of a file or a credential that the configuration names, or itself."""
    if reference is None:
        return None
    if reference.startswith(CREDENTIAL):
        path = _credential(reference.removeprefix(CREDENTIAL))
    elif reference.startswith("file:"):
        path = config.file.parent / reference.removeprefix("file:")
    else:
        return reference
    return read_bounded(path, PIN_LIMIT).decode("ascii").strip()


def _credential(name: str) -> Path:
    """Return where the service manager put *name* (LoadCredential=, systemd.exec(5))."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = Path(folder) / name
    if not folder or not name or "/" in name or not path.is_file():
        raise Refused(
            worded(
                "sim_pin names the credential {name}, which the service manager has not handed "
                "over",
                name=name,
            ),
            worded(
                "write the PIN alone to /etc/credstore/{name}, of root with mode 0600, and "
                "start the box as the service; a name other than autodialer.sim-pin needs "
                "LoadCredential= in a drop-in too",
                name=name,
            ),
        )
    return path
