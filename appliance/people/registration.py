"""People on their way into the registry: all of them become durable at one instant, or none.

Two ways lead there. :meth:`Intake.commit` writes one transaction at once. :meth:`Intake.write`
does it in steps between which a running box takes its events: parts that count for nothing, the
seal that makes them one transaction, and then the people become visible, some at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

from appliance.model import Consent, Contact
from appliance.people.registry_database import JournalStorage
from appliance.people.registry_rows import (
    consent_row,
    contact_of,
    contact_row,
    digits,
    key_text,
    person_id,
)
from appliance.storage.journal_format import Change

ROWS_PER_STEP = 1000
"""Rows written, with one synchronisation, or made visible in one step."""

_Rows = dict[int, bytes | None]


class RegistryConflict(ValueError):
    """A change that would make two people share a number, or an agreement change its text."""


class Intake:
    """What one import adds. Nothing of it is known to anybody before it is written."""

    def __init__(
        self,
        storage: JournalStorage,
        by_number: Mapping[int, int],
        lock: threading.RLock,
        writing: Callable[[bool], None],
    ) -> None:
        self._storage = storage
        self._by_number = by_number
        self._lock = lock
        self._writing = writing
        self._contacts: _Rows = {}
        self._consents: _Rows = {}
        self._numbers: dict[int, int] = {}

    def take(self, contacts: Iterable[Contact], consents: Iterable[Consent]) -> None:
        """Add people and agreements.

        A contact that is known is replaced (its number may change to a free one); a consent that
        is known must be the same as before. Raises :class:`RegistryConflict`: give the intake up.
        """
        with self._lock:
            for contact in contacts:
                self._take_contact(contact)
            for consent in consents:
                self._take_consent(consent)

    def by_number(self, number: str) -> Contact | None:
        """Return whom :meth:`take` was given with this number."""
        key = self._numbers.get(digits(number))
        row = None if key is None else self._contacts[key]
        return None if key is None or row is None else contact_of(key, row)

    def consents(self) -> list[int]:
        """Return the ids of the agreements that were taken, as numbers."""
        return list(self._consents)

    def commit(self) -> None:
        """Write everything as one transaction. Raises :class:`StorageFailed`."""
        with self._lock, self._storage.transaction():
            self._storage.change("contacts", self._contacts)
            self._storage.change("consents", self._consents)

    def write(self, rows_per_step: int = ROWS_PER_STEP) -> Generator[None, None, None]:
        """Write everything in steps. Raises :class:`StorageFailed`; nothing counts then.

        What was written is the registry's from then on, and the intake's no more.

        Closing the iterator early gives up what is not sealed and finishes what is.
        """
        journal = self._storage.journal
        tables = (("contacts", self._contacts), ("consents", self._consents))
        sealed = False
        self._writing(True)
        try:
            for table, rows in tables:
                for some in _batched(list(rows), rows_per_step):
                    with self._lock:
                        journal.write_part(
                            Change(table, key_text(table, key), rows[key]) for key in some
                        )
                    yield
            with self._lock:
                journal.seal()
            sealed = True
            # This and clear() below (a dictionary keeps its size when it is emptied one by one)
            # give back 25 of 185 MiB at 100,000 people: the ledger's rows come next.
            self._numbers.clear()
            yield
            for table, rows in tables:
                for some in _batched(list(rows), rows_per_step):
                    with self._lock:
                        self._storage.show(table, [(key, rows.pop(key)) for key in some])
                    yield
                rows.clear()
        finally:
            with self._lock:
                if sealed:
                    for table, rows in tables:
                        self._storage.show(table, rows.items())
                else:
                    journal.give_up_parts()
            self._writing(False)

    def _take_contact(self, contact: Contact) -> None:
        key, number = person_id(contact.subject), digits(contact.number)
        holder = self._numbers.get(number, self._by_number.get(number, key))
        if holder != key:
            raise RegistryConflict(
                f"the number of {contact.subject} belongs to {key_text('contacts', holder)}"
            )
        self._numbers[number] = key
        self._contacts[key] = contact_row(contact)

    def _take_consent(self, consent: Consent) -> None:
        key, subject = person_id(consent.id), person_id(consent.subject)
        live = self._storage.live
        if subject not in self._contacts and subject not in live["contacts"]:
            raise RegistryConflict(f"consent {consent.id} belongs to nobody")
        row = consent_row(consent)
        if self._consents.get(key, live["consents"].get(key, row)) != row:
            raise RegistryConflict(f"consent {consent.id} is known with another text")
        self._consents[key] = row


def _batched(keys: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
