"""The running box, as the updater sees it: held between two calls, and looked at."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from appliance.control.protocol import ControlClient
from appliance.errors import NobodyListens, Refused
from appliance.update.trial import PARTS, Health, Mode

DOCTOR_WITHIN = 180.0
_BELIEVED_GONE = 3
"""Questions to nobody in a row, after which there is no box."""
_ASKED_AGAIN = 0.3
"""Seconds between them."""
_SUPERVISOR = ("systemctl", "--quiet", "is-active", "autodialer-supervisor.service")
_DOCTOR = ("/usr/bin/autodialer", "doctor", "--json")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSeen:
    """One box. *supervisor* says by its exit code whether it watches, *doctor* prints its rows."""

    state: Path
    supervisor: Sequence[str] = _SUPERVISOR
    doctor: Sequence[str] = _DOCTOR

    def hold(self) -> int:
        """Let it begin no further call; returns how many are up. Raises Refused where it answers
        and cannot say so."""

        def held() -> int:
            if self._status().get("safe_mode"):
                return 0
            return int(self._ask("update.hold")["calls"])

        # No box, no call: and its supervisor has hung up whatever there was.
        return _of_a_box(held, gone=0)

    def release(self) -> None:
        """Let it call again."""
        try:
            self._ask("update.release")
        except (NobodyListens, Refused):
            pass  # It starts anew by itself, or has no hold.

    def health(self) -> Health:
        """Look at it."""
        mode = self._mode()
        return Health(
            mode=mode,
            supervised=self._run(self.supervisor).returncode == 0,
            ails=frozenset() if mode in ("silent", "waiting") else self._ails(),
        )

    def _mode(self) -> Mode:
        try:
            status = _of_a_box(self._status, gone=dict[str, Any]())
        except (Refused, OSError):
            return "silent"
        if status.get("safe_mode"):
            return "waiting" if status.get("mode") == "waiting" else "safe_mode"
        return "running" if status.get("running") else "silent"

    def _ails(self) -> frozenset[str]:
        done = self._run(self.doctor)
        try:
            rows = json.loads(done.stdout)
            return PARTS & {str(row["part"]) for row in rows if row["state"] == "fault"}
        except (ValueError, TypeError, KeyError):
            return PARTS  # A doctor that does not speak has nothing good to say.

    def _status(self) -> dict[str, Any]:
        answer = self._ask("status")
        return answer if isinstance(answer, dict) else {}

    def _ask(self, operation: str) -> Any:
        if not self.state.is_dir():
            raise NobodyListens(str(self.state))
        with ControlClient(self.state) as client:
            return client.ask(operation)

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                list(words),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=DOCTOR_WITHIN,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return subprocess.CompletedProcess(list(words), 127, "", str(error))


def _of_a_box(ask: Callable[[], T], *, gone: T) -> T:
    """Return what *ask* learns of a box, or *gone* where nobody listens time and again.

    A connection that ends is not yet a box that has ended.
    """
    for left in reversed(range(_BELIEVED_GONE)):
        try:
            return ask()
        except NobodyListens:
            if left:
                time.sleep(_ASKED_AGAIN)
    return gone
