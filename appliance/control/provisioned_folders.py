"""What came of the last folder from a stick, as ledger and lamps are told it."""

from __future__ import annotations

import time
from typing import Literal

from appliance.box.box import Box
from appliance.box.provisioned import Provisioned, record, unread_withdrawals

APPLIED_SHOWN = 60.0
"""Real seconds for which the panel says that a folder was taken."""
REFUSED_SHOWN = 3600.0
"""Real seconds for which it says that one was refused; `doctor` says it until the next one."""


class Folders:
    """The last folder of one box."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._last: tuple[Provisioned, float] | None = None
        self._unread_told: float | None = None
        """When it was seen that kept withdrawals wait for a person."""

    def take(self) -> bool:
        """Record and show the last result, at the start and when it is told.

        Returns whether the box is to go on with another configuration than it was started with.
        """
        unread = unread_withdrawals(self._box.state.directory)
        self._unread_told = time.monotonic() if unread else None
        result = record(self._box)
        if result is None:
            return False
        self._last = (result, time.monotonic())
        return result.verdict == "applied" and result.config

    def shown(self) -> Literal["", "applied", "refused"]:
        """Return what the lamps say of it, for as long as somebody may stand there."""
        unread = self._unread_told
        if unread is not None and time.monotonic() - unread < REFUSED_SHOWN:
            return "refused"
        if self._last is None:
            return ""
        result, told = self._last
        age = time.monotonic() - told
        if result.is_fault:
            return "refused" if age < REFUSED_SHOWN else ""
        return "applied" if age < APPLIED_SHOWN else ""
