"""Which text messages were dealt with, and which wait for a person: folded from the ledger.

A number is held back while a message that may be its objection waits. The messages themselves lie
in the registry; the fold knows ids and keyed hashes, so that neither a lost registry nor an older
backup of it lets a call through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from appliance.effects import Entry

MOST_GONE = 5000
"""Messages that are remembered when they are in the registry no more. A module tells a message
again until it is deleted there, and holds a few hundred."""


class Waiting(NamedTuple):
    """One message that nobody has looked at."""

    subject: str | None
    """Of the registered person that it is from, where that is certain."""
    number_hashes: tuple[str, ...]
    """Of everybody that it may be from."""


class KeptMessages:
    """The fold. Copied and written with the rest of it."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}
        self._held: dict[str, int] = {}
        """How many waiting messages hold each number back, by its hash."""
        self._there: dict[str, None] = {}
        """Messages that are to be in the registry still."""
        self._gone: dict[str, None] = {}
        """The newest of those that were dealt with and are not, the oldest first."""

    @property
    def any_waiting(self) -> bool:
        return bool(self._waiting)

    def waiting(self) -> Iterator[tuple[str, Waiting]]:
        """Yield the id of each message that waits, the oldest first."""
        yield from self._waiting.items()

    def knows(self, message: str) -> bool:
        """Whether the message was dealt with, of late: kept, or taken for an objection."""
        return message in self._there or message in self._gone

    def is_gone(self, message: str) -> bool:
        """Whether it was deleted, or never was to be in the registry."""
        return message in self._gone

    def holds(self, number_hash: str | None) -> bool:
        """Whether a message of this number waits."""
        return number_hash is not None and number_hash in self._held

    def kept(self, entry: Entry) -> None:
        """Take the row of a message that waits for a person from here on."""
        message = entry.data.get("message")
        if not isinstance(message, str) or self.knows(message):
            return
        self._there[message] = None
        hashes = entry.data.get("number_hashes")
        numbers = tuple(map(str, hashes)) if isinstance(hashes, list) else ()
        self._wait(message, Waiting(entry.subject, numbers))

    def read(self, entry: Entry) -> None:
        """Take the row of a message that a person has looked at."""
        message = entry.data.get("message")
        if isinstance(message, str):
            self._release(message)

    def deleted(self, entry: Entry) -> None:
        """Take the row of a message that is in the registry no more."""
        message = entry.data.get("message")
        if isinstance(message, str):
            self._there.pop(message, None)
            self._is_gone(message)
            if entry.data.get("by") != "retention":
                self._release(message)

    def objected(self, entry: Entry) -> None:
        """Take the row of a withdrawal: the message that it came by, if any, was dealt with."""
        message = entry.data.get("message")
        if isinstance(message, str) and not self.knows(message):
            self._is_gone(message)

    def erased(self, entry: Entry) -> None:
        """An erased number is suppressed for good, and its messages are gone with the person."""
        number_hash = entry.data.get("number_hash")
        for message, waiting in list(self._waiting.items()):
            if number_hash in waiting.number_hashes:
                self._release(message)

    def _is_gone(self, message: str) -> None:
        self._gone[message] = None
        if len(self._gone) > MOST_GONE:
            del self._gone[next(iter(self._gone))]

    def _wait(self, message: str, waiting: Waiting) -> None:
        self._waiting[message] = waiting
        for number_hash in waiting.number_hashes:
            self._held[number_hash] = self._held.get(number_hash, 0) + 1

    def _release(self, message: str) -> None:
        waiting = self._waiting.pop(message, None)
        for number_hash in () if waiting is None else waiting.number_hashes:
            left = self._held[number_hash] - 1
            if left:
                self._held[number_hash] = left
            else:
                del self._held[number_hash]

    def copy(self) -> KeptMessages:
        other = KeptMessages()
        other._waiting, other._held = self._waiting.copy(), self._held.copy()
        other._there, other._gone = self._there.copy(), self._gone.copy()
        return other

    def to_checkpoint(self) -> dict[str, Any]:
        """Everything in JSON types."""
        return {
            "messages_waiting": [
                [message, waiting.subject, list(waiting.number_hashes)]
                for message, waiting in self._waiting.items()
            ],
            "messages_known": [[message, False] for message in self._gone]
            + [[message, True] for message in self._there],
        }

    @classmethod
    def from_checkpoint(cls, data: dict[str, Any]) -> KeptMessages:
        """Undo :meth:`to_checkpoint`; what is none raises one of the errors of its reading."""
        messages = cls()
        for message, kept in data["messages_known"]:
            known = messages._there if kept else messages._gone
            known[str(message)] = None
        for message, subject, hashes in data["messages_waiting"]:
            messages._wait(str(message), Waiting(subject, tuple(map(str, hashes))))
        return messages
