"""A box that is about to be updated begins no further call, for as long as the updater lives."""

from __future__ import annotations

import time

from appliance.box import updated
from appliance.box.box import Box

HELD = 3600.0
"""Real seconds after which a hold is over by itself: an updater that died must stop nobody."""
LOOK_EVERY = 5.0
"""Real seconds between two looks at what the updater tells."""


class UpdateHold:
    """Whether this box is held, and what its lamps say of an update."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._held: float | None = None
        self._looked: float | None = None
        self._told: updated.Lit = ""

    def hold(self) -> None:
        """Begin no further call from now on; nothing that is recorded changes."""
        self._held = time.monotonic()
        self._box.engine.retire()

    @property
    def held(self) -> bool:
        return self._held is not None

    def is_over(self) -> bool:
        """Whether the updater has not been heard of for too long: the box is to start anew."""
        return self._held is not None and time.monotonic() - self._held >= HELD

    def shown(self) -> updated.Lit:
        """Return what the lamps say."""
        if self.held:
            return "writing"
        now = time.monotonic()
        if self._looked is None or now - self._looked >= LOOK_EVERY:
            self._looked = now
            last = updated.load()
            self._told = "" if last is None else last.shown
        return self._told
