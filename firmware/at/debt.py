"""The results that commands which were given up still owe, so that no later one takes them."""

from __future__ import annotations

from collections.abc import Iterable

DEBT_SECONDS = 30.0
"""How long a late result is expected; the slowest seen was a hang-up of about 10 s."""

# A late row or state under these prefixes is still a fact, and dropping a live one loses a call.
_NEVER_DEAD = frozenset({"+CLCC:", "+CREG:", "+CGREG:", "+CEREG:", "+CPIN:", "+CUSD:", "+CLIP:"})


class Debt:
    """How many results are owed, until when, and which information lines are dead with them."""

    def __init__(self) -> None:
        self._count = 0
        self._until: float
        """Only while the count is above 0."""
        self._dead: set[str] = set()

    def owed(self, now: float) -> int:
        """Final results that may still come."""
        if self._count and now >= self._until:
            self._count = 0
        if not self._count:
            self._dead.clear()
        return self._count

    def owe(self, finals: int, now: float, seconds: float = DEBT_SECONDS) -> None:
        """Expect *finals* more results for *seconds*."""
        if finals:
            older = self.owed(now)
            self._count = older + finals
            self._until = max(self._until if older else now, now + seconds)

    def pay(self) -> None:
        """One of them has come."""
        self._count = max(0, self._count - 1)

    def bury(self, prefixes: Iterable[str]) -> None:
        """Information lines that begin so belong to a command which was given up."""
        self._dead |= set(prefixes) - _NEVER_DEAD

    def claims(self, line: str, now: float) -> bool:
        """Whether *line* belongs to a command which was given up."""
        return bool(self.owed(now)) and line.startswith(tuple(self._dead))
