"""What becomes of an objection on the thread that hears it: a note on disk, before anything waits.

The loop says whose call it is before the order to dial or to answer goes out, and takes the note
away once the ledger has the row. In between lies whatever may happen to a loop: a slow disk, a long
job, a debugger, a watchdog, a kill.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from appliance.effects import Now
from appliance.storage.files import StorageError
from appliance.storage.objection_notes import ObjectionNote
from firmware.events import CallerEvent, KeyHeard

log = logging.getLogger(__name__)

_CALLS_KEPT = 64
"""Far more than lines: a call whose end is not confirmed may still be heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """Who would object with a key in one call."""

    subject: str | None
    number_hash: str
    by: str
    """``key``, or ``incoming`` where they called."""


@dataclass(slots=True)
class _Expected:
    callee: Callee
    now: Now
    after: int
    noted: bool = False
    folded: bool = False


class NoteKeeper(Protocol):
    """What keeps notes; :class:`~appliance.storage.objection_notes.ObjectionNotes` does."""

    def put(self, note: ObjectionNote) -> None: ...

    def drop(self, attempt: str) -> None: ...


class HeardObjections:
    """See the module. *key* objects. Everything may be called from any thread."""

    def __init__(self, notes: NoteKeeper, *, key: str) -> None:
        self._notes = notes
        self._key = key
        self._lock = threading.Lock()
        self._calls: OrderedDict[str, _Expected] = OrderedDict()

    def expect(self, attempt: str, callee: Callee, now: Now, *, after: int) -> None:
        """Say whose call *attempt* is, before its order goes out.

        *after* is the ledger's last row.
        """
        with self._lock:
            self._keep(attempt, _Expected(callee, now, after))

    def called(self, event: CallerEvent, caller: Callee, now: Now, *, after: int) -> None:
        """Note that somebody called, where calling is an objection (the line's own thread).

        *now* is the box's last look at its clock.
        """
        with self._lock:
            expected = self._keep(event.attempt, _Expected(caller, now, after))
            self._note(event.attempt, expected, event.at)

    def heard(self, event: KeyHeard) -> None:
        """Note an objection (the line's own thread). It blocks for as long as the disk takes.

        A disk that refuses is logged alone: the event that follows meets it in the loop.
        """
        if event.key != self._key:
            return
        with self._lock:
            call = self._calls.get(event.attempt)
            if call is None or call.noted or call.folded:
                return
            self._note(event.attempt, call, event.at)

    def _keep(self, attempt: str, expected: _Expected) -> _Expected:
        self._calls[attempt] = expected
        while len(self._calls) > _CALLS_KEPT:
            self._calls.popitem(last=False)
        return expected

    def _note(self, attempt: str, call: _Expected, at: float) -> None:
        call.noted = True
        heard_at = None
        if call.now.trusted:
            heard_at = call.now.utc + timedelta(seconds=at - call.now.monotonic)
        note = ObjectionNote(
            attempt=attempt,
            subject=call.callee.subject,
            number_hash=call.callee.number_hash,
            by=call.callee.by,
            heard_at=heard_at,
            after=call.after,
        )
        try:
            self._notes.put(note)
        except (StorageError, ValueError) as error:
            call.noted = False
            log.error("an objection could not be noted at once: %s", error)

    def folded(self, attempt: str) -> None:
        """The ledger has the objection of *attempt*: its note has served."""
        with self._lock:
            call = self._calls.get(attempt)
            noted = call is not None and call.noted and not call.folded
            if call is not None:
                call.folded = True
            if noted:
                try:
                    self._notes.drop(attempt)
                except StorageError as error:
                    log.error("a note stays until the next start: %s", error)

    def unfolded(self, attempt: str) -> Callee | None:
        """Return who objected in *attempt* although no row tells of it; the call is over."""
        with self._lock:
            call = self._calls.get(attempt)
            return call.callee if call is not None and call.noted and not call.folded else None
