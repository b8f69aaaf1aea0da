"""A thread for what a sound card may keep waiting for ever.

PortAudio's calls return within milliseconds on a card that works and may never return on one
that fails in the wrong moment (see :class:`~firmware.voice.sound_card.Stream`). Neither the
line nor the listener may wait for that, so such calls are made here, one after another, and a
thread that hangs is left behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class CardThread:
    """Does one thing after another, in the order they were asked for. Actions do not raise."""

    def __init__(self, name: str) -> None:
        self._actions: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon, so that a card that hangs does not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def post(self, action: Callable[[], None]) -> None:
        """Have *action* done soon. Any thread, never blocks."""
        self._actions.put(action)

    def done(self, action: Callable[[], None], *, within: float) -> bool:
        """Have *action* done and wait for it; False where it is not done *within* seconds."""
        done = threading.Event()

        def do() -> None:
            action()
            done.set()

        self._actions.put(do)
        return done.wait(within)

    def leave(self) -> None:
        """End after what was asked for so far; a thread that hangs ends if it ever goes on."""
        self._actions.put(None)

    def _run(self) -> None:
        while True:
            action = self._actions.get()
            if action is None:
                return
            action()
