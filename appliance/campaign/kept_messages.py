"""Which text messages were dealt with, and which wait for a person: folded from the ledger.

A number is held back while a message that may be its objection waits. The messages themselves lie
in the registry; the fold knows ids and keyed hashes, so that neither a lost registry nor an older
backup of it lets a call through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from appliance.effects import Entry


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
        self._known: dict[str, bool] = {}
        """Every message that was dealt with, and whether it is to be in the registry still."""

    @property
    def any_waiting(self) -> bool:
        return bool(self._waiting)

    def waiting(self) -> Iterator[tuple[str, Waiting]]:
        """Yield the id of each message that waits, the oldest first."""
        yield from self._waiting.items()

    def knows(self, message: str) -> bool:
        """Whether the message was dealt with: kept, or taken for an objection."""
        return message in self._known

    def is_gone(self, message: str) -> bool:
        """Whether it was deleted, or never was to be in the registry."""
        return self._known.get(message) is False

    def holds(self, number_hash: str | None) -> bool:
        """Whether a message of this number waits."""
        return number_hash is not None and number_hash in self._held

    def kept(self, entry: Entry) -> None:
        """Take the row of a message that waits for a person from here on."""
        message = entry.data.get("message")
        if not isinstance(message, str) or message in self._known:
            return
        self._known[message] = True
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
            self._known[message] = False
            if entry.data.get("by") != "retention":
                self._release(message)

    def objected(self, entry: Entry) -> None:
        """Take the row of a withdrawal: the message that it came by, if any, was dealt with."""
        message = entry.data.get("message")
        if isinstance(message, str):
            self._known.setdefault(message, False)

    def erased(self, entry: Entry) -> None:
        """An erased number is suppressed for good, and its messages are gone with the person."""
        number_hash = entry.data.get("number_hash")
        for message, waiting in list(self._waiting.items()):
            if number_hash in waiting.number_hashes:
                self._release(message)

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
        other._known = self._known.copy()
        return other

    def to_checkpoint(self) -> dict[str, Any]:
        """Everything in JSON types."""
        return {
            "messages_waiting": [
                [message, waiting.subject, list(waiting.number_hashes)]
                for message, waiting in self._waiting.items()
            ],
            "messages_known": [[message, kept] for message, kept in self._known.items()],
        }

    @classmethod
    def from_checkpoint(cls, data: dict[str, Any]) -> KeptMessages:
        """Undo :meth:`to_checkpoint`; what is none raises one of the errors of its reading."""
        messages = cls()
        for message, kept in data["messages_known"]:
            messages._known[str(message)] = bool(kept)
        for message, subject, hashes in data["messages_waiting"]:
            messages._wait(str(message), Waiting(subject, tuple(map(str, hashes))))
        return messages
