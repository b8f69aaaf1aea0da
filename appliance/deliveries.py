"""Files whose contents were answered and that their command has not written yet.

A command writes its file itself, with its user's rights, some time after the box has answered.
Who is erased in that moment would be in the file all the same: the erasure finds the file as it
was before. So nobody is erased while a file is on its way, and a file that comes too late is not
kept by its command.
"""

from __future__ import annotations

import time
from collections.abc import Callable

WITHIN = 300.0
"""Real seconds that an erasure waits for a file: a dossier reads the whole ledger first."""


class Deliveries:
    """The files that are on their way, by path. *clock* counts real seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def begin(self, path: str) -> None:
        """The contents of *path* are being answered."""
        self._until[path] = self._clock() + WITHIN

    def end(self, path: str) -> bool:
        """The file was written; return whether that was in time for it to be kept."""
        return self._until.pop(path, 0.0) > self._clock()

    def under_way(self) -> str | None:
        """Return one that is still awaited, or None."""
        now = self._clock()
        self._until = {path: until for path, until in self._until.items() if until > now}
        return next(iter(self._until), None)
