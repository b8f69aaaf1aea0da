"""The running box looks after its own state: the whole ledger daily, its files every few seconds.

Reading a long ledger takes minutes on a small computer, so it has a thread of its own that sleeps
more than it works. Until it has read everything once, nobody is called.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from appliance.box.evidence import FileWatch, Latches, what_is_wrong
from appliance.box.state import LEDGER, BoxState
from appliance.campaign.doubts import Doubt
from appliance.campaign.inputs import DoubtSettled, StateDoubted
from appliance.ledger import checkpoint
from appliance.storage.files import SYSTEM_DISK, StorageError
from firmware.wording import worded

log = logging.getLogger(__name__)

VERIFY_EVERY = 24 * 3600.0
"""Real seconds."""
LOOK_EVERY = 2.0
ROWS_AT_ONCE = 64
REST = 0.002
"""Seconds of sleep after so many rows, which take about as long: half of one processor."""

UNVERIFIED = Doubt(
    code="unverified",
    detail=worded("the ledger is being verified from its first row on"),
    remedy=worded("wait: calls begin by themselves when it is done"),
)


class StateWatch:
    """Everything here is called by the loop, but for the reading itself."""

    def __init__(
        self,
        state: BoxState,
        post: Callable[[StateDoubted | DoubtSettled], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = state
        self._post = post
        self._now = now
        self._files = FileWatch(state.directory)
        self._looked = self._verified = now()
        self._told = False
        self._due = False
        self._ending = threading.Event()
        self._rows = 0
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start the first reading; :data:`UNVERIFIED` stands until it is done."""
        self._post(StateDoubted(doubt=UNVERIFIED))
        self._read()

    def look(self) -> StorageError | None:
        """Look at the files, and read everything once a day.

        Returns why the box cannot go on, where the files that it writes to are no longer there.
        """
        now = self._now()
        if (self._due or now - self._verified >= VERIFY_EVERY) and not self.is_reading:
            self._read()
        if now - self._looked < LOOK_EVERY:
            return None
        self._looked = now
        changed = self._files.look()
        if changed is not None and not self._told:
            self._told = True
            self._doubt("files", changed)
        return self._state.ledger.look() or self._state.registry.look()

    def close(self) -> None:
        """End the reading."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    @property
    def is_reading(self) -> bool:
        """Whether the ledger is being read."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait for the end of the reading, at most so long."""
        if self._thread is not None:
            self._thread.join(timeout=seconds)

    def _read(self) -> None:
        self._verified = self._now()
        latches = Latches.of(self._state.campaign)
        # In the middle of a step the fold may be ahead: then the next look reads.
        self._due = latches.seq != self._state.ledger.head[0]
        if self._due:
            return
        self._thread = threading.Thread(
            target=self._verify, args=(latches,), name="verify", daemon=True
        )
        self._thread.start()

    def _verify(self, latches: Latches) -> None:
        try:
            wrong = what_is_wrong(self._state.directory / LEDGER, latches, self._pause)
        except _Ending:
            return
        except Exception:
            log.exception("the ledger could not be verified")
            wrong = worded("the ledger could not be verified: a fault of the program, see the log")
        if wrong is None:
            self._post(DoubtSettled(code=UNVERIFIED.code))
            return
        log.error("%s", wrong)
        # The next start reads everything, whatever this fold says.
        self._state.diverge()
        SYSTEM_DISK.remove(self._state.directory / checkpoint.FILE)
        self._doubt("evidence", wrong)
        self._post(DoubtSettled(code=UNVERIFIED.code))

    def _doubt(self, code: str, detail: str) -> None:
        remedy = worded(
            "keep a copy of the state directory as it is; docs/backup.md says how to "
            "restore it; then restart the box"
        )
        self._post(StateDoubted(doubt=Doubt(code=code, detail=detail, remedy=remedy)))

    def _pause(self) -> None:
        self._rows += 1
        if self._rows % ROWS_AT_ONCE == 0 and self._ending.wait(REST):
            raise _Ending


class _Ending(Exception):
    """The box ends while its ledger is being read."""
