"""What the two buttons mean, from sampled levels: pure, without pins, threads or clocks.

Times are real monotonic seconds: they are about fingers and bouncing metal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

RELEASE_SECONDS = 0.1
"""How long the stop contact must stay closed to count as released. Opening counts at once."""
SETTLE_SECONDS = 0.05
"""How long the start contact must stay open to count as let go (bouncing lasts a few ms)."""
HOLD_SECONDS = 1.5
"""A start button that is down for so long was held, not pressed."""
RESET_SECONDS = 5.0
"""A start button that is down for so long, while it resets, resets."""


class Level(Enum):
    """What a contact to ground reads as."""

    CLOSED = auto()
    OPEN = auto()
    UNREADABLE = auto()
    """The pin could not be read; for the stop as good as open."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The stop contact opened; ``wire`` says that it could not be read."""

    wire: bool


class Released(Enum):
    """The stop contact closed again, and stayed closed."""

    RELEASED = auto()


class StopButton:
    """The normally closed emergency stop: open, cut and unreadable all mean stop.

    Starts as closed; the first sample decides, so a contact found open at start is raised.
    """

    __slots__ = ("_closed_since", "open")

    def __init__(self) -> None:
        self.open = False
        self._closed_since: float | None = None

    def sample(self, level: Level, now: float) -> Raised | Released | None:
        """Take one reading; return what it changes, once for each change."""
        if level is not Level.CLOSED:
            self._closed_since = None
            if self.open:
                return None
            self.open = True
            return Raised(wire=level is Level.UNREADABLE)
        if not self.open:
            return None
        if self._closed_since is None:
            self._closed_since = now
        if now - self._closed_since < RELEASE_SECONDS:
            return None
        self.open = False
        self._closed_since = None
        return Released.RELEASED


class Press(Enum):
    """What the finger meant."""

    SHORT = auto()
    LONG = auto()
    RESET = auto()
    TEST = auto()
    """Held on after a long press: all lamps are to be lit."""


class StartButton:
    """The normally open start button: a short press on letting go, a long one while held.

    A button that is down already when the box starts (stuck, or leaned on) means nothing until
    it was let go once. An unreadable pin counts as not pressed: nothing starts by accident.

    While a stop is latched and its contact closed, the button *resets*: held for
    :data:`RESET_SECONDS` it clears the stop, and held for less it means nothing. That must be so
    from the first to the last moment of the press: whoever leans on the button while somebody
    releases the stop resets nothing.
    """

    __slots__ = (
        "_armed",
        "_down_since",
        "_hold",
        "_open_since",
        "_reset",
        "_resets",
        "_spent",
        "_tests",
    )

    def __init__(self, hold: float = HOLD_SECONDS, reset: float = RESET_SECONDS) -> None:
        self._hold = hold
        self._reset = reset
        self._resets = False
        self._tests = False
        self._armed = False
        self._down_since: float | None = None
        self._open_since: float | None = None
        self._spent = False

    @property
    def counting(self) -> float | None:
        """Since when a press lasts that will reset, if it goes on; None while there is none."""
        return self._down_since if self._resets and not self._spent else None

    def sample(self, level: Level, now: float, *, resets: bool = False) -> Press | None:
        """Take one reading; return a press when it becomes certain."""
        if level is Level.UNREADABLE:
            # A finger cannot be told from a fault: whatever was going on means nothing.
            self._armed, self._down_since, self._open_since = False, None, None
            return None
        if level is Level.CLOSED:
            self._open_since = None
            if not self._armed:
                return None
            if self._down_since is None:
                self._down_since, self._spent, self._resets = now, False, resets
            if self._resets != resets:
                self._spent = True
            if self._resets:
                if not self._spent and now - self._down_since >= self._reset:
                    self._spent = True
                    return Press.RESET
                return None
            held = now - self._down_since
            if not self._spent and held >= self._hold:
                self._spent, self._tests = True, True
                return Press.LONG
            if self._tests and held >= self._reset:
                self._tests = False
                return Press.TEST
            return None
        if self._open_since is None:
            self._open_since = now
        if now - self._open_since < SETTLE_SECONDS:
            return None
        self._armed = True
        if self._down_since is None:
            return None
        held, self._down_since, self._tests = now - self._down_since, None, False
        if self._resets and held >= self._hold:
            return None
        return None if self._spent else Press.SHORT
