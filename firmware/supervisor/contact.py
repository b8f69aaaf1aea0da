"""When the emergency stop counts as pressed: the debounce of one or two contacts. Pure.

A contact is *open* when it asks for a stop: pressed, cut, unplugged or unreadable. Two kinds of
facts come in, both stamped with real monotonic seconds:

* **edges**, stamped by the kernel when the level changed. Between two of them the level is known,
  so the length of every opening is exact, however late the program reads them;
* **samples**, a level that was read. They prove an opening only between the first and the last
  sample that saw it, because the level may have been anything before and after.

An opening that is proven to have lasted :data:`LATCH_SECONDS` raises the stop. One that was
shorter is a spike, such as a modem's transmitter induces in an unshielded cable. So a spike under
5 ms never raises; an opening of 10 ms always does, with edges at any delay, and without them as
long as samples are no more than :data:`SAMPLE_SECONDS` apart. (Samples cannot see that a contact
closed for less than that between two openings: such a burst counts as one opening.)
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

LATCH_SECONDS = 0.005
"""A proven opening of this length is a press."""
SAMPLE_SECONDS = 0.002
"""The longest pause between two samples of a contact that gives no edges: of an opening of 10 ms
at least 6 ms then lie between its first and its last sample."""
RELEASE_SECONDS = 0.1
"""How long the contact must stay closed to count as released."""
DISAGREE_SECONDS = 0.25
"""Two contacts of one button do not move at the same instant; for longer they may not differ."""


class Channel:
    """One contact. Starts as closed; the first fact decides."""

    __slots__ = ("_closed_since", "_open_since", "pressed")

    def __init__(self) -> None:
        self.pressed = False
        """An opening was long enough, and the contact was not yet released since."""
        self._open_since: float | None = None
        self._closed_since: float | None = None

    def edge(self, *, opened: bool, at: float) -> bool:
        """Take a change of level at *at*; return whether it raises the stop."""
        if opened:
            self._closed_since = None
            if self._open_since is None:
                self._open_since = at
            return False
        # The level was open up to this very instant.
        raised = self._lasted(at)
        self._close(at)
        return raised

    def sample(self, *, open_now: bool, at: float) -> bool:
        """Take a level read at *at*; return whether it raises the stop."""
        if not open_now:
            self._close(at)
            return False
        self._closed_since = None
        if self._open_since is None:
            self._open_since = at
        return self._lasted(at)

    def released(self, now: float) -> bool:
        """Whether the contact has just been let go; True once for each press."""
        if not self.pressed or self._closed_since is None:
            return False
        if now < self._closed_since + RELEASE_SECONDS:
            return False
        self.pressed = False
        return True

    @property
    def open_since(self) -> float | None:
        return self._open_since

    @property
    def due_at(self) -> float | None:
        """When an opening under way becomes a press, or a press may end; None where nothing can."""
        if self._open_since is not None and not self.pressed:
            return self._open_since + LATCH_SECONDS
        if self.pressed and self._closed_since is not None:
            return self._closed_since + RELEASE_SECONDS
        return None

    def _close(self, at: float) -> None:
        self._open_since = None
        if self._closed_since is None:
            self._closed_since = at

    def _lasted(self, until: float) -> bool:
        if self.pressed or self._open_since is None:
            return False
        if until < self._open_since + LATCH_SECONDS:
            return False
        self.pressed = True
        return True


class Change(Enum):
    """What the facts add up to."""

    PRESSED = auto()
    RELEASED = auto()
    DISAGREE = auto()
    """The two contacts of the button say different things: a wire or a contact has failed."""
    AGREE = auto()


class Seen(NamedTuple):
    """One fact about one contact: an edge or a sample, see the module."""

    channel: int
    open_now: bool
    at: float
    edge: bool = False


class StopContact:
    """The button: *channels* contacts, of which each alone can stop the box."""

    __slots__ = ("_channels", "_differ", "_differ_since", "pressed")

    def __init__(self, channels: int = 1) -> None:
        if channels not in (1, 2):
            raise ValueError("a stop button has one contact or two")
        self._channels = tuple(Channel() for _ in range(channels))
        self.pressed = False
        self._differ_since: float | None = None
        self._differ = False

    def take(self, fact: Seen) -> list[Change]:
        """Take one fact; return what it changes."""
        channel = self._channels[fact.channel]
        raised = (
            channel.edge(opened=fact.open_now, at=fact.at)
            if fact.edge
            else channel.sample(open_now=fact.open_now, at=fact.at)
        )
        changes = []
        if raised and not self.pressed:
            self.pressed = True
            changes.append(Change.PRESSED)
        return changes + self.tick(fact.at)

    def tick(self, now: float) -> list[Change]:
        """Let time pass; return what it changes."""
        changes = []
        for channel in self._channels:
            channel.released(now)
        if self.pressed and not any(channel.pressed for channel in self._channels):
            self.pressed = False
            changes.append(Change.RELEASED)
        return changes + self._compare(now)

    @property
    def began(self) -> float | None:
        """When the opening that is under way began."""
        times = [channel.open_since for channel in self._channels]
        return min((at for at in times if at is not None), default=None)

    @property
    def due_at(self) -> float | None:
        """When to read the contacts again at the latest; None where nothing is under way."""
        times = [channel.due_at for channel in self._channels]
        if self._differ_since is not None and not self._differ:
            times.append(self._differ_since + DISAGREE_SECONDS)
        return min((at for at in times if at is not None), default=None)

    def _compare(self, now: float) -> list[Change]:
        if len({channel.pressed for channel in self._channels}) < 2:
            self._differ_since = None
            if self._differ:
                self._differ = False
                return [Change.AGREE]
            return []
        if self._differ_since is None:
            self._differ_since = now
        if self._differ or now < self._differ_since + DISAGREE_SECONDS:
            return []
        self._differ = True
        return [Change.DISAGREE]
