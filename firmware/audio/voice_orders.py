"""What is asked of a voice path, by any thread: before a call, and in it.

Who carries it out differs (a thread that paces a port, a card's callbacks, a thread that commands
the module); what counts does not. An order given before an emergency belongs to the call that the
emergency ended, and one given since to the next call, whose answer may come before its voice.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from firmware.clips.clip import Clip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to play, or None for silence."""

    clip: Clip | None
    mutes: int
    """How often the path had been muted when it was asked for."""
    epoch: int
    """How often the modem had been told to hang up by then, where the modem is what plays."""


class Orders:
    """The newest order, and whether it may be heard."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held around each change but those of an emergency; a path may hold it around what must
        not come between its own state and an order."""
        self.wanted: Wanted | None = None
        self.muted = False
        self.held = False
        """The module's voice buffer is full."""
        self._mutes = 0

    def ask(self, clip: Clip | None, *, epoch: int = 0) -> None:
        with self.lock:
            self.wanted = Wanted(clip, self._mutes, epoch)

    def take(self) -> Wanted | None:
        """Return what is to be carried out now, once."""
        with self.lock:
            wanted, self.wanted = self.wanted, None
        return wanted

    def mute(self) -> None:
        """Without the lock: an emergency waits for nobody."""
        self.muted = True
        self._mutes += 1

    def begin(self) -> None:
        """A call begins, and lifts a mute."""
        with self.lock:
            if self.wanted is not None and self.wanted.mutes != self._mutes:
                self.wanted = None
            self.muted = self.held = False

    def forget(self) -> None:
        with self.lock:
            self.wanted = None
