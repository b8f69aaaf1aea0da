"""Text messages that wait for a person, or were read by one: what people wrote, on disk."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.model import KeptMessage
from appliance.people.registry_rows import COLUMNS, decode_row, key_text, person_id
from appliance.storage.journal_format import encode_row

if TYPE_CHECKING:
    from appliance.people.registry_database import JournalStorage

TABLE = "messages"


class KeptMessages:
    """The table of the registry. Thread-safe; every change is durable before it is visible."""

    def __init__(self, storage: JournalStorage, lock: threading.RLock) -> None:
        self._storage = storage
        self._lock = lock

    def __iter__(self) -> Iterator[KeptMessage]:
        """Yield all messages, the oldest first."""
        with self._lock:
            rows = list(self._storage.live[TABLE].items())
        yield from (_message(key, row) for key, row in rows)

    def __len__(self) -> int:
        return len(self._storage.live[TABLE])

    def get(self, message: str) -> KeptMessage | None:
        with self._lock:
            key = person_id(message)
            row = self._storage.live[TABLE].get(key)
        return None if row is None else _message(key, row)

    def of_number(self, number: str) -> list[KeptMessage]:
        """Return those that may be from *number* (E.164)."""
        return [message for message in self if number in message.numbers]

    def keep(self, message: KeptMessage) -> None:
        """Add *message*; one that is there already stays. Raises StorageFailed."""
        with self._lock:
            key = person_id(message.id)
            if key not in self._storage.live[TABLE]:
                self._storage.change(TABLE, {key: _row(message)})

    def forget(self, messages: Iterable[str]) -> None:
        """Take messages out of memory and every file. Raises StorageFailed."""
        with self._lock:
            there = [k for k in map(person_id, messages) if k in self._storage.live[TABLE]]
            if there:
                with self._storage.transaction(forget=True):
                    self._storage.change(TABLE, dict.fromkeys(there))

    def drop_of(self, numbers: Iterable[str]) -> None:
        """Take the messages of *numbers* out as part of a running transaction."""
        gone = set(numbers)
        keys = [person_id(m.id) for m in self if gone.intersection(m.numbers)]
        if keys:
            self._storage.change(TABLE, dict.fromkeys(keys))


def _row(message: KeptMessage) -> bytes:
    return encode_row(
        [
            message.received_at.isoformat(),
            None if message.sent_at is None else message.sent_at.isoformat(),
            message.line,
            message.number,
            list(message.numbers),
            list(message.readings),
            message.why,
            list(message.pdus),
        ]
    )


def _message(key: int, row: bytes) -> KeptMessage:
    received, sent, line, number, numbers, readings, why, pdus = decode_row(
        row, len(COLUMNS[TABLE])
    )
    return KeptMessage(
        id=key_text(TABLE, key),
        received_at=datetime.fromisoformat(received),
        sent_at=None if sent is None else datetime.fromisoformat(sent),
        line=line,
        number=number,
        numbers=tuple(numbers),
        readings=tuple(readings),
        why=why,
        pdus=tuple(pdus),
    )
