"""Ends without a farewell while somebody was in a call: the supply failed, or the box did. Pure.

A box that is cut off as soon as a phone rings would otherwise call the next person after every
start, and so ring its whole list through. So each such end makes the next start wait longer before
it dials, and after :data:`MOST` within :data:`WITHIN` it dials nobody until a person has pressed
start. All of it is read from the ledger: a ``box.started`` after another without ``box.stopped``
between them, with an attempt whose end nobody wrote.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from appliance.campaign.packed_history import milliseconds
from appliance.effects import Entry

WITHIN = timedelta(hours=1)
PAUSES = (timedelta(minutes=1), timedelta(minutes=5))
"""Before the next dial after the first such end within the hour, and after the second."""
MOST = len(PAUSES) + 1
BY = "interruptions"
"""``by`` of the ``dialling.paused`` row."""

_WITHIN_MS = int(WITHIN.total_seconds() * 1000)


class Interruptions:
    """Folded from the ledger, one row at a time."""

    def __init__(self) -> None:
        self._running = False
        """A box has started and not said that it stopped."""
        self._at: tuple[int, ...] = ()
        """When boxes started after such an end, milliseconds, within the hour before the newest."""
        self._just_now = False
        """The newest start was one of them."""

    def started(self, entry: Entry, *, in_call: bool) -> None:
        """Take the row of a start; *in_call*: an attempt has no end in the rows before it."""
        self._just_now = self._running and in_call
        self._running = True
        if self._just_now:
            at = milliseconds(entry.at)
            # A clock that lost its time may have gone back: such an end counts too.
            recent = tuple(then for then in self._at if at - then < _WITHIN_MS)
            self._at = (*recent, at)[-MOST:]

    def stopped(self) -> None:
        """The box has said that it stops."""
        self._running = False

    def looked_at(self) -> None:
        """A person has looked: they resumed, or reset the stop."""
        self._at, self._just_now = (), False

    @property
    def held(self) -> bool:
        """So many within the hour that a person has to press start."""
        return len(self._at) >= MOST

    @property
    def pause(self) -> timedelta | None:
        """How long this start waits before its first dial; None where it need not."""
        if not self._just_now or self.held:
            return None
        return PAUSES[len(self._at) - 1]

    def copy(self) -> Interruptions:
        other = Interruptions()
        other._running, other._at, other._just_now = self._running, self._at, self._just_now
        return other

    def to_checkpoint(self) -> dict[str, Any]:
        return {"running": self._running, "at": list(self._at), "just_now": self._just_now}

    @classmethod
    def from_checkpoint(cls, data: Any) -> Interruptions:
        """Raises KeyError, TypeError or ValueError where *data* is none."""
        self = cls()
        self._running, self._just_now = bool(data["running"]), bool(data["just_now"])
        self._at = tuple(int(at) for at in data["at"])
        return self
