"""People on disk: contacts, their consents, and the numbers that must never be called.

TinyDB's tables and queries over a durable journal (:mod:`appliance.people.registry_database`). What
happened to people is not here but in the ledger, which knows them by ``subject`` alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self, cast

from tinydb.table import Document

from appliance.model import Consent, Contact, HexId, Revocation, Sketch
from appliance.numbers import hash_number
from appliance.people.kept_messages import KeptMessages
from appliance.people.number_key import (
    FROM_BACKUP,
    NumberKeyLost,
    make_number_key,
    read_number_key,
)
from appliance.people.registration import Intake
from appliance.people.registry_database import JournalStorage, RegistryDatabase
from appliance.people.registry_rows import (
    COLUMNS,
    consent_of,
    contact_of,
    decode_row,
    digits,
    hash_id,
    hash_of,
    key_text,
    number_of,
    person_id,
    sketch_of,
    subject_of,
    terms_of,
)
from appliance.storage.files import (
    SYSTEM_DISK,
    Disk,
    StorageError,
    StorageFailed,
    make_private_directory,
)
from firmware.wording import worded


class RegistryBusy(StorageError):
    """An import is being written; what was asked would tear it apart."""


class Registry:
    """Who may be asked: the people of one box. Thread-safe; one process writes at a time.

    After :class:`StorageFailed` every further change fails too, and nothing of the failed one is
    visible; open the registry anew to go on.
    """

    def __init__(self, database: RegistryDatabase, number_key: bytes) -> None:
        self._database = database
        self._storage = cast(JournalStorage, database.storage)
        self._contacts, self._consents, self._suppressions = (
            # Queries are cached nowhere: a transaction changes rows behind a table's back.
            database.table(name, cache_size=0)
            for name in ("contacts", "consents", "suppressions")
        )
        self._lock = threading.RLock()
        self.messages = KeptMessages(self._storage, self._lock)
        """Text messages that wait for a person, or were read by one."""
        self._writing = False
        """An intake is between its first part and its last visible row."""
        self.number_key = number_key
        """The key of every ``number_hash`` on this box."""
        live = self._storage.live
        self._by_number = {number_of(row): key for key, row in live["contacts"].items()}
        # From the keys that are there already, or each id would be in memory twice.
        self._consents_of: dict[int, int | tuple[int, ...]] = dict.fromkeys(live["contacts"], ())
        for key, row in live["consents"].items():
            self._index_consent(subject_of(row), key)
        self._storage.on_change = self._index

    @classmethod
    def open(cls, state: Path, *, read_only: bool = False, disk: Disk = SYSTEM_DISK) -> Self:
        """Open ``STATE/registry`` and ``STATE/number.key``, creating both where missing.

        *read_only* changes nothing and may run beside the process that writes. Raises
        :class:`JournalCorrupt`, :class:`NumberKeyLost`, :class:`StorageFailed`.
        """
        path = state / "number.key"
        number_key = read_number_key(path, disk)
        if not read_only:
            make_private_directory(state, disk)
        for attempt in range(3):
            try:
                database = RegistryDatabase(
                    state / "registry",
                    storage=JournalStorage,
                    # The key is made after the first journal file, so where it is, that was.
                    must_exist=number_key is not None,
                    read_only=read_only,
                    disk=disk,
                )
                break
            except StorageError:
                # A reader may have met the writer in the middle of a compaction.
                if not read_only or attempt == 2:
                    raise
        try:
            if number_key is None:
                live = cast(JournalStorage, database.storage).live
                if any(live.values()):
                    raise NumberKeyLost(
                        worded("{path} is missing, but people are registered", path=path),
                        remedy=FROM_BACKUP,
                    )
                number_key = make_number_key(path, disk, durable=not read_only)
            return cls(database, number_key)
        except BaseException:
            database.close()
            raise

    @property
    def failure(self) -> StorageFailed | None:
        """Why nothing can be written any more, or None."""
        return self._storage.journal.failure

    def look(self) -> StorageFailed | None:
        """See whether the files are still those that are written to; see :attr:`failure`."""
        with self._lock:
            return self._storage.journal.look()

    @property
    def cut_bytes(self) -> int:
        """What opening dropped: a transaction that nobody was told of."""
        return self._storage.journal.cut_bytes

    def __len__(self) -> int:
        return len(self._contacts)

    def contact(self, subject: str) -> Contact | None:
        """Return the person with this id."""
        with self._lock:
            return self._contact(person_id(subject))

    def by_number(self, number: str) -> Contact | None:
        """Return the person with this number (E.164 with ``+``)."""
        with self._lock:
            return self._contact(self._by_number.get(digits(number)))

    def subjects(self) -> list[int]:
        """Return the ids of everybody as numbers, in the order of registration, unread.

        The objects are the registry's own keys, so keeping them takes no memory.
        """
        with self._lock:
            return list(self._storage.live["contacts"])

    def contacts(self) -> Iterator[Contact]:
        """Yield everybody who is registered when this is called, in the order of registration."""
        with self._lock:
            keys = list(self._storage.live["contacts"])
        for key in keys:
            with self._lock:
                contact = self._contact(key)
            if contact is not None:
                yield contact

    def consents(self, subject: str) -> tuple[Consent, ...]:
        """Return all agreements of one person, in the order in which they were recorded."""
        with self._lock:
            found = self._consents_of.get(person_id(subject), ())
            keys = found if isinstance(found, tuple) else (found,)
            live = self._storage.live["consents"]
            rows = [(key, live[key]) for key in keys if key in live]
        return tuple(consent_of(key, row) for key, row in rows)

    def sketch(self, subject: HexId) -> Sketch | None:
        """Return the hours of a person with a single agreement, without reading the rest."""
        with self._lock:
            key = self._consents_of.get(cast(int, subject))
            contact = self._storage.live["contacts"].get(cast(int, subject))
            row = self._storage.live["consents"].get(key) if isinstance(key, int) else None
        return None if contact is None or row is None else sketch_of(contact, row)

    def consent(self, consent_id: str) -> Consent | None:
        """Return one agreement by its id."""
        key = person_id(consent_id)
        row = self._storage.live["consents"].get(key)
        return None if row is None else consent_of(key, row)

    def terms(self, consent: int) -> tuple[str, str | None, dict[str, Any]] | None:
        """Return whose an agreement is, the number's hash, and its terms for a ledger row as kept.

        It makes nothing of the texts, which takes a third of the time of doing so.
        """
        with self._lock:
            row = self._storage.live["consents"].get(consent)
            if row is None:
                return None
            contact = self._storage.live["contacts"].get(subject_of(row))
        subject, terms = terms_of(row)
        return subject, None if contact is None else hash_of(contact), terms

    def consent_count(self, subject: HexId | None = None) -> int:
        """Return how many agreements there are, of everybody or of one person."""
        with self._lock:
            if subject is None:
                return len(self._storage.live["consents"])
            found = self._consents_of.get(cast(int, subject), ())
        return len(found) if isinstance(found, tuple) else 1

    def hashed_otherwise(self) -> bool:
        """Whether people's number hashes were made with another key; looks at some of them."""
        keys = self.subjects()
        for key in keys[:: max(len(keys) // 32, 1)]:
            contact = self._contact(key)
            if contact is not None and contact.number_hash != hash_number(
                self.number_key, contact.number
            ):
                return True
        return False

    def consent_numbers(self) -> list[int]:
        """Return the ids of all agreements, as numbers, without reading them."""
        with self._lock:
            return list(self._storage.live["consents"])

    def revocation(self, subject: str) -> Revocation | None:
        """Return the newest withdrawal of one person, which follows the number, not the id."""
        contact = self.contact(subject)
        return None if contact is None else self.suppression(contact.number_hash)

    def suppression(self, number_hash: str) -> Revocation | None:
        """Return the newest withdrawal for a number that may belong to nobody registered."""
        with self._lock:
            withdrawn = self._storage.live["suppressions"]
            row = withdrawn.get(hash_id(number_hash)) if withdrawn else None
        if row is None:
            return None
        at, by = decode_row(row, len(COLUMNS["suppressions"]))
        return Revocation(at=datetime.fromisoformat(at), by=by)

    def suppressions(self) -> dict[str, Revocation]:
        """Return every withdrawal by the keyed hash of its number."""
        with self._lock:
            return {
                key_text("suppressions", found.doc_id): Revocation(
                    at=datetime.fromisoformat(found["at"]), by=found["by"]
                )
                for found in self._suppressions
            }

    def add(self, contacts: Iterable[Contact], consents: Iterable[Consent]) -> None:
        """Register people and agreements as one durable transaction: all or none.

        A contact that is known is replaced (its number may change to a free one); a consent that
        is known must be the same as before. Raises :class:`RegistryConflict` and
        :class:`StorageFailed`; nothing was changed then.
        """
        with self._lock:
            intake = self.intake()
            intake.take(contacts, consents)
            intake.commit()

    def intake(self) -> Intake:
        """Begin to add many people, in steps."""
        return Intake(self._storage, self._by_number, self._lock, self._intake_writes)

    def _intake_writes(self, writing: bool) -> None:
        if writing:
            self._must_be_free()
        self._writing = writing

    def _must_be_free(self) -> None:
        if self._writing:
            raise RegistryBusy(
                worded("an import is being written"), remedy=worded("Try again when it is done.")
            )

    def revoke(self, subject: str, revocation: Revocation) -> None:
        """Note a withdrawal durably. Raises :class:`KeyError` for an unknown *subject*."""
        contact = self.contact(subject)
        if contact is None:
            raise KeyError(subject)
        self.suppress(contact.number_hash, revocation)

    def suppress(self, number_hash: str, revocation: Revocation) -> None:
        """Note a withdrawal for a number, registered or not; an older one changes nothing."""
        with self._lock:
            key = hash_id(number_hash)
            known = self._suppressions.get(doc_id=key)
            if isinstance(known, dict) and datetime.fromisoformat(known["at"]) >= revocation.at:
                return
            document = {"at": revocation.at.isoformat(), "by": revocation.by}
            self._suppressions.upsert(Document(document, key))

    def erase(self, subject: str, revocation: Revocation) -> str:
        """Forget one person, in memory and in every file, and keep the number uncallable.

        What stays is the keyed hash of the number with its newest withdrawal: *revocation*, where
        none newer is known. Returns that hash. The bytes are gone from the files; what flash
        memory keeps below them is beyond a program. Raises :class:`KeyError` for an unknown
        *subject* and :class:`StorageFailed`: erase again after a restart then.
        """
        return self.erase_all([subject], revocation)[0]

    def erase_all(self, subjects: Iterable[str], revocation: Revocation) -> list[str]:
        """Forget several people as :meth:`erase` does, with one rewriting of the files."""
        with self._lock:
            self._must_be_free()
            contacts = []
            for subject in dict.fromkeys(subjects):
                contact = self.contact(subject)
                if contact is None:
                    raise KeyError(subject)
                contacts.append(contact)
            # One step: a cut leaves people whole, to be erased again, or in no file at all.
            with self._storage.transaction(forget=True):
                for contact in contacts:
                    self.suppress(contact.number_hash, revocation)
                self.messages.drop_of(contact.number for contact in contacts)
                self._contacts.remove(doc_ids=[person_id(one.subject) for one in contacts])
                self._consents.remove(
                    doc_ids=[
                        person_id(c.id) for one in contacts for c in self.consents(one.subject)
                    ]
                )
            return [contact.number_hash for contact in contacts]

    def compact(self) -> None:
        """Write a fresh snapshot; for a quiet moment, as it takes time at many people."""
        with self._lock:
            self._must_be_free()
            self._storage.compact()

    def forget_given_up(self) -> None:
        """Take what an import wrote before it was given up out of every file.

        Its people were never registered, so :meth:`erase` does not know them. Raises
        :class:`RegistryBusy` and :class:`StorageFailed`.
        """
        with self._lock:
            self._must_be_free()
            if self._storage.journal.holds_given_up:
                self._storage.compact()

    @property
    def wants_compaction(self) -> bool:
        """Whether the log is too long to be replayed, or holds an import that was given up."""
        journal = self._storage.journal
        if self._writing or journal.failure is not None:
            return False
        if journal.holds_given_up:
            return True
        return journal.log_bytes > 1024 * 1024 + journal.snapshot_bytes // 2

    def close(self) -> None:
        """Close the files; calling it again does nothing. Every change is durable already."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _contact(self, key: int | None) -> Contact | None:
        row = None if key is None else self._storage.live["contacts"].get(key)
        return None if key is None or row is None else contact_of(key, row)

    def _index(self, table: str, key: int, before: bytes | None, row: bytes | None) -> None:
        if table == "contacts":
            if before is not None:
                self._by_number.pop(number_of(before), None)
            if row is not None:
                self._by_number[number_of(row)] = key
        elif table == "consents" and before is None and row is not None:
            self._index_consent(subject_of(row), key)
        elif table == "consents" and before is not None and row is None:
            self._forget_consent(subject_of(before), key)

    def _index_consent(self, subject: int, key: int) -> None:
        found = self._consents_of.get(subject, ())
        if found == ():
            self._consents_of[subject] = key
        else:
            self._consents_of[subject] = (*(found if isinstance(found, tuple) else (found,)), key)

    def _forget_consent(self, subject: int, key: int) -> None:
        found = self._consents_of.pop(subject, ())
        keys = found if isinstance(found, tuple) else (found,)
        left = tuple(k for k in keys if k != key)
        if left:
            self._consents_of[subject] = left[0] if len(left) == 1 else left
