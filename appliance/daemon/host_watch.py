"""The running box looks after its computer: what ails it holds dialling up before a call fails.

Nobody is called while the storage is nearly full or read-only, or the supply breaks in: whoever is
rung then is dropped, or what they say is not written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from appliance.campaign.doubts import HOST, Doubt
from appliance.campaign.inputs import DoubtSettled, StateDoubted
from appliance.storage.ballast import Ballast
from firmware.host_health import RESERVE_BYTES, Finding, HostHealth, judge, read_host

LOOK_EVERY = 5.0
"""Real seconds."""
CALM = 60.0
"""Real seconds for which a part must have been well before calls go on: a supply that sags with
each call would otherwise ring one person a minute."""


class HostWatch:
    """Everything here is called by the loop."""

    def __init__(
        self,
        state: Path,
        post: Callable[[StateDoubted | DoubtSettled], None],
        *,
        read: Callable[[Path], HostHealth] = read_host,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = state
        self._post = post
        self._read = read
        self._now = now
        self._looked: float | None = None
        self._ailing: dict[str, float] = {}
        """When each part that holds dialling up was last seen to ail, by its doubt's code."""
        self.ballast = Ballast(state)
        self.findings: tuple[Finding, ...] = ()

    def look(self) -> None:
        """Look, where it is time to."""
        now = self._now()
        if self._looked is not None and now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        health = self._read(self._state)
        self.findings = judge(health)
        if health.free_bytes is not None and not health.read_only:
            self.ballast.fill(health.free_bytes, RESERVE_BYTES)
        for finding in self.findings:
            if finding.holds:
                code = HOST + finding.part
                new = code not in self._ailing
                self._ailing[code] = now
                if new:
                    doubt = Doubt(code=code, detail=finding.detail, remedy=finding.remedy)
                    self._post(StateDoubted(doubt=doubt))
        for code, seen in list(self._ailing.items()):
            if now - seen >= CALM:
                del self._ailing[code]
                self._post(DoubtSettled(code=code))

    def told(self) -> list[dict[str, object]]:
        """Return the findings as plain values, for ``status``."""
        return [
            {
                "part": str(finding.part),
                "state": finding.state,
                "detail": finding.detail,
                "remedy": finding.remedy,
            }
            for finding in self.findings
        ]
