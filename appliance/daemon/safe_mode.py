"""The box after three starts that failed: it calls nobody, and says what is wrong.

It opens neither ledger nor registry nor modem, because one of them may be what is broken. It keeps
the panel alive, shows it on the fault lamp, answers ``status``, ``doctor`` and ``stop``
on the technician's socket, and stays under the supervisor. A person ends it: by the start button,
by a changed configuration file, or by restarting the service; then the box tries again.
"""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.box.lamps import SAFE_MODE, SAFE_MODE_REMEDY, safe_mode_lamps
from appliance.box.latch import stop_stands
from appliance.config import load as configuration
from appliance.config.load import Config
from appliance.config.paths import managers_state, state_directory
from appliance.control.protocol import ControlServer
from appliance.daemon.end_signals import SIGNALS
from appliance.errors import Refused
from firmware.clock import SystemClock
from firmware.errors import FirmwareError
from firmware.events import Event, StartPressed
from firmware.gpio.lamp import Lamp, Pattern, describe
from firmware.gpio.panel import NoPanel, Panel, PanelPins
from firmware.service_manager import notify
from firmware.supervisor import decisions
from firmware.supervisor.link import SupervisorLink
from firmware.supervisor.plan import Notes
from firmware.wording import reason_of, worded

log = logging.getLogger(__name__)

TURN = 0.5
"""Real seconds between two looks at the file."""
PINS = ("ready", "line", "call", "fault", "heartbeat", "start", "stop")


class SafeMode:
    """One stay in safe mode because of *fault*. *state* and *supervisor* are None where unknown."""

    def __init__(
        self, file: Path, fault: str, *, state: Path | None, supervisor: Path | None
    ) -> None:
        self._file = file
        self._fault = fault
        self._supervisor = supervisor
        self._config = _readable(file, state)
        self._state = state if state is not None else _state_of(file)
        self._over = threading.Event()
        self._again = False
        self._signalled = False

    def run(self) -> bool:
        """Stay until a person helps; True where the box is to try again, False at the end."""
        handlers = {signum: signal.signal(signum, self._on_signal) for signum in SIGNALS}
        self._say()
        before = _stamp(self._file)
        link = self._watched()
        panel = self._panel()
        panel.show(self._lamps())
        server = self._server()
        notify(f"READY=1\nSTATUS={self._mode}: {self._fault}")
        try:
            while not self._over.wait(TURN) and not self._signalled:
                panel.heartbeat()
                panel.show(self._lamps())
                notify("WATCHDOG=1")
                if link is not None:
                    link.beat({})
                if _stamp(self._file) != before:
                    self._try_again(worded("the configuration file has changed"))
        finally:
            if server is not None:
                server.close()
            if link is not None:
                link.farewell()
            panel.close()
            for signum, handler in handlers.items():
                signal.signal(signum, handler)
        return self._again and not self._signalled

    # --- what is said ------------------------------------------------------------------------

    _mode = worded("safe mode")

    def _say(self) -> None:
        log.error("safe mode, nobody is called: %s", self._fault)

    def _lamps(self) -> dict[Lamp, Pattern]:
        return safe_mode_lamps()

    def _sentence(self) -> str:
        return worded("Safe mode after three starts that failed: {fault}.", fault=self._fault)

    def _refusal(self) -> Refused:
        return Refused(
            worded("the box is in safe mode and calls nobody: {fault}", fault=self._fault),
            worded("mend that; then press start, or run: systemctl restart autodialer"),
        )

    def _faults(self) -> list[dict[str, str]]:
        return [{"code": "safe_mode", "meaning": SAFE_MODE, "remedy": SAFE_MODE_REMEDY}]

    # --- what is done ------------------------------------------------------------------------

    def _on_signal(self, *_: object) -> None:
        # The main thread may be anywhere, in a lock too: nothing but a flag.
        self._signalled = True

    def _try_again(self, why: str) -> None:
        log.warning("%s: the box tries again", why)
        self._again = True
        self._over.set()

    def _watched(self) -> SupervisorLink | None:
        """Stay under the supervisor, which then leaves the fault lamp to the panel."""
        if self._supervisor is None:
            return None
        link = SupervisorLink(
            self._supervisor,
            None,
            # Nothing is up here. The supervisor keeps the stop until a ledger has it.
            stop=lambda source: log.warning("stop: %s", source),
            released=lambda: None,
            fault=lambda detail: log.warning("stop contact: %s", detail or "well again"),
        )
        link.start()
        link.shows(decisions.SAFE_MODE)
        return link

    def _panel(self) -> Panel | NoPanel:
        pins = self._pins()
        if pins is None:
            return NoPanel()
        try:
            return Panel(
                pins, post=self._panel_event, stop_lines=self._latch, clock=SystemClock(1.0)
            )
        except FirmwareError as error:
            log.error("the panel stays dark: %s", error)
            return NoPanel()

    def _pins(self) -> PanelPins | None:
        if self._config is not None:
            panel = self._config.settings.panel
            if panel is None:
                return None
            wired = {name: getattr(panel, name) for name in PINS}
            simulated = panel.simulated
        else:
            plan = None if self._state is None else Notes(self._state).load_plan()
            if plan is None or not plan.panel:
                return None
            wired, simulated = {**plan.panel, "stop": plan.stop_pin}, plan.simulated
        if self._supervisor is not None:
            wired["stop"] = None
        return PanelPins(**wired, simulated=simulated)

    def _panel_event(self, event: Event) -> None:
        if isinstance(event, StartPressed):
            self._try_again(worded("start was pressed"))

    def _latch(self) -> None:
        """Keep a stop for the box that starts."""
        if self._state is not None:
            with suppress(OSError):
                Notes(self._state).latch("button")

    def _server(self) -> ControlServer | None:
        if self._state is None or not self._state.is_dir():
            return None
        try:
            server = ControlServer(self._state, self._answer)
        except OSError as error:
            log.error("no command is answered: %s", error)
            return None
        server.start()
        return server

    def _answer(self, operation: str, _arguments: dict[str, Any]) -> Any:
        if operation == "status":
            return self._status()
        if operation == "stop" and self._state is not None:
            try:
                Notes(self._state).latch("command")
            except OSError as error:
                raise Refused(worded("the stop could not be kept"), reason_of(error)) from error
            return {"stopped": True, "unreached": []}
        raise self._refusal()

    def _status(self) -> dict[str, Any]:
        settings = None if self._config is None else self._config.settings
        return {
            "box": "unknown" if settings is None else settings.box.name,
            "running": False,
            "safe_mode": self._fault,
            "version": __version__,
            "bench": self._config is not None and self._config.bench,
            "mode": self._mode,
            "stopped": False if self._state is None else stop_stands(self._state),
            "why": {
                "code": self._faults()[0]["code"],
                "sentence": self._sentence(),
                "next_at": None,
            },
            "lamps": {lamp.value: describe(shown) for lamp, shown in self._lamps().items()},
            "faults": self._faults(),
        }


def _readable(file: Path, state: Path | None) -> Config | None:
    """Return the configuration where it can be read at all; it may be what is broken."""
    try:
        return configuration.load(file, state=state)
    except Exception:  # noqa: BLE001
        return None


def _state_of(file: Path) -> Path | None:
    """Return where the state lies, which a torn file may not say: then where the manager has it."""
    try:
        return state_directory(file)
    except Exception:  # noqa: BLE001
        return managers_state()


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        seen = file.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size
