"""The box that nobody has configured yet: it waits, shows it by a lamp code of its own, and calls
nobody.

It stays as a box in safe mode does (:mod:`appliance.daemon.safe_mode`), but nothing has failed, so
it waits from its first start on. A folder on a stick or on the boot partition
(:mod:`appliance.provisioning`) writes the configuration; the box sees it and starts.
"""

from __future__ import annotations

import logging
from pathlib import Path

from appliance.box.lamps import (
    DATA_LOST,
    DATA_LOST_REMEDY,
    WAITING,
    WAITING_REMEDY,
    BoxFacts,
    lamps,
    waiting_lamps,
)
from appliance.box.provisioned import load
from appliance.config.settings import PanelSettings
from appliance.daemon.safe_mode import PINS, SafeMode
from appliance.errors import Refused
from firmware.gpio.lamp import Lamp, Pattern
from firmware.gpio.panel import PanelPins
from firmware.wording import worded

log = logging.getLogger(__name__)


class Waiting(SafeMode):
    """One wait for the first configuration, which will be *file*."""

    def __init__(self, file: Path, *, state: Path | None, supervisor: Path | None) -> None:
        super().__init__(file, WAITING, state=state, supervisor=supervisor)

    _mode = "waiting"

    def _say(self) -> None:
        log.warning("%s; %s", WAITING, WAITING_REMEDY)

    def _lamps(self) -> dict[Lamp, Pattern]:
        last = None if self._state is None else load(self._state)
        return waiting_lamps(refused=last is not None and last.verdict == "refused")

    def _sentence(self) -> str:
        return worded("Waiting: {why}.", why=WAITING)

    def _refusal(self) -> Refused:
        return Refused(worded("the box has no configuration yet and calls nobody"), WAITING_REMEDY)

    def _faults(self) -> list[dict[str, str]]:
        return [{"code": "unconfigured", "meaning": WAITING, "remedy": WAITING_REMEDY}]

    def _pins(self) -> PanelPins | None:
        known = super()._pins()
        if known is not None:
            return known
        # Nobody has said how the panel is wired: as the field guide does, which is the default.
        wired = {name: getattr(PanelSettings(), name) for name in PINS}
        if self._supervisor is not None:
            wired["stop"] = None
        return PanelPins(**wired)


class DataMissing(Waiting):
    """The wait of a card whose data partition could not be mounted.

    What objects lies there: a box that went on without it would have forgotten who does.
    """

    def __init__(self, file: Path, *, state: Path | None, supervisor: Path | None) -> None:
        SafeMode.__init__(self, file, DATA_LOST, state=state, supervisor=supervisor)

    _mode = worded("safe mode")

    def _say(self) -> None:
        log.error("safe mode, nobody is called: %s", DATA_LOST)

    def _lamps(self) -> dict[Lamp, Pattern]:
        return lamps(BoxFacts(storage_ok=False))

    def _sentence(self) -> str:
        return worded("Safe mode: {lost}.", lost=DATA_LOST)

    def _refusal(self) -> Refused:
        return Refused(DATA_LOST, DATA_LOST_REMEDY)

    def _faults(self) -> list[dict[str, str]]:
        return [{"code": "storage", "meaning": DATA_LOST, "remedy": DATA_LOST_REMEDY}]
