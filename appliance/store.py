"""People on disk: contacts, their consents, and the numbers that must never be called.

TinyDB's tables and queries over a durable journal. Stock TinyDB rewrites its whole file for every
change and loses everything in a cut; here its two private methods that all operations go through
are overridden: a change is collected, made durable as one journal transaction, and only then
visible. Rows are kept as JSON text, not as dictionaries, because 100,000 people must fit into a
small box.

What happened to people is not here but in the ledger, which knows them by ``subject`` alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from tinydb import TinyDB
from tinydb.queries import QueryLike
from tinydb.storages import Storage
from tinydb.table import Document, Table

from appliance.files import (
    SYSTEM_DISK,
    Disk,
    StorageError,
    StorageFailed,
    make_private_directory,
)
from appliance.journal import Change, Journal, encode_row
from appliance.model import Consent, Contact, Revocation, Sketch
from appliance.number_key import NumberKeyLost, make_number_key, read_number_key
from appliance.rows import Overlay, Rows, decode_row, encode_document

SCHEMA = 1
"""Version of the columns below. A later one appends columns; older rows are then shorter."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "contacts": ("number", "number_hash", "name", "language", "timezone"),
    "consents": (
        "subject",
        "purpose",
        "given_at",
        "source",
        "evidence",
        "windows",
        "valid_until",
        "recorded_at",
    ),
    "suppressions": ("at", "by"),
}
"""Tables and their columns. The document id is the subject, the consent's id and the number's
keyed hash, each read as a hexadecimal number."""

_KEY_DIGITS = {"contacts": 32, "consents": 32, "suppressions": 64}
BULK = 1000
"""Changes in one transaction from which a snapshot is cheaper than a log line."""


class RegistryConflict(ValueError):
    """A change that would make two people share a number, or an agreement change its text."""


class JournalStorage(Storage):
    """TinyDB's storage: the live rows in memory, every change durable before it is visible."""

    def __init__(
        self, directory: Path, *, must_exist: bool, read_only: bool, bulk: int, disk: Disk
    ) -> None:
        self.live: dict[str, dict[int, bytes]] = {table: {} for table in COLUMNS}
        self._pending: dict[str, dict[int, bytes | None]] | None = None
        self._bulk = bulk
        self.on_change: Callable[[str, int, bytes | None, bytes | None], None] | None = None
        """Told of every visible change: table, id, the row before, the row now."""
        self.journal, changes = Journal.open(
            directory,
            name="registry",
            schema=SCHEMA,
            must_exist=must_exist,
            read_only=read_only,
            disk=disk,
        )
        try:
            for table, key, row in changes:
                if row is None:
                    self.live[table].pop(int(key, 16), None)
                else:
                    self.live[table][int(key, 16)] = row
        except BaseException:
            self.journal.close()
            raise

    def read(self) -> dict[str, dict[str, Any]]:
        tables = {table: Rows(COLUMNS[table], rows) for table, rows in self.live.items()}
        return cast(dict[str, dict[str, Any]], tables)

    def write(self, data: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace everything (TinyDB's ``drop_tables``), as one transaction."""
        with self.transaction():
            for table, columns in COLUMNS.items():
                wanted = {
                    int(k): encode_document(columns, d) for k, d in data.get(table, {}).items()
                }
                gone = {key: None for key in self.live[table] if key not in wanted}
                self.change(table, {**wanted, **gone})

    def close(self) -> None:
        self.journal.close()

    @contextmanager
    def transaction(self, *, forget: bool = False) -> Iterator[None]:
        """Collect the changes of several operations and make them durable together.

        Inside it reads still see the state before. An exception discards what was collected.
        With *forget* the same step leaves nothing of the rows before in any file.
        """
        if self._pending is not None:
            raise RuntimeError("transactions do not nest")
        self._pending = {}
        try:
            yield
            pending = self._pending
        finally:
            self._pending = None
        self._commit(pending, forget=forget)

    def change(self, table: str, changes: dict[int, bytes | None]) -> None:
        if self._pending is None:
            self._commit({table: changes})
        else:
            self._pending.setdefault(table, {}).update(changes)

    def overlay(self, table: str) -> Overlay:
        return Overlay(COLUMNS[table], self.live[table])

    def compact(self) -> None:
        self.journal.compact(self._state({}))

    def _commit(self, pending: dict[str, dict[int, bytes | None]], *, forget: bool = False) -> None:
        count = sum(map(len, pending.values()))
        if not count:
            return
        if forget:
            self.journal.compact(self._state(pending), changed=True, keep_previous=False)
        elif count >= self._bulk and 4 * count >= sum(map(len, self.live.values())):
            self.journal.compact(self._state(pending), changed=True)
        else:
            self.journal.commit(
                Change(table, _key(table, key), row)
                for table, changes in pending.items()
                for key, row in changes.items()
            )
        for table, changes in pending.items():
            live = self.live[table]
            for key, row in changes.items():
                before = live.pop(key, None) if row is None else live.get(key)
                if row is not None:
                    live[key] = row
                if self.on_change is not None:
                    self.on_change(table, key, before, row)

    def _state(self, pending: Mapping[str, Mapping[int, bytes | None]]) -> Iterator[Change]:
        for table, live in self.live.items():
            changes = pending.get(table, {})
            for key, row in live.items():
                if key not in changes:
                    yield Change(table, _key(table, key), row)
            for key, new in changes.items():
                if new is not None:
                    yield Change(table, _key(table, key), new)


def _key(table: str, key: int) -> str:
    return f"{key:0{_KEY_DIGITS[table]}x}"


class DeltaTable(Table):
    """TinyDB's table, reading and changing single rows instead of the whole file."""

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], None]) -> None:
        storage = cast(JournalStorage, self._storage)
        overlay = storage.overlay(self.name)
        updater(cast(dict[int, Mapping[str, Any]], overlay))
        storage.change(self.name, overlay.changes())
        self.clear_cache()


class RegistryDatabase(TinyDB):
    """TinyDB whose tables change row by row; opened with ``storage=JournalStorage``."""

    table_class = DeltaTable


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
            for name in COLUMNS
        )
        self._lock = threading.RLock()
        self._by_number: dict[int, int] = {}
        self._consents_of: dict[int, int | tuple[int, ...]] = {}
        self.number_key = number_key
        """The key of every ``number_hash`` on this box."""
        for table in COLUMNS:
            for key, row in self._storage.live[table].items():
                self._index(table, key, None, row)
        self._storage.on_change = self._index

    @classmethod
    def open(
        cls, state: Path, *, read_only: bool = False, bulk: int = BULK, disk: Disk = SYSTEM_DISK
    ) -> Self:
        """Open ``STATE/registry`` and ``STATE/number.key``, creating both where missing.

        *read_only* changes nothing and may run beside the process that writes; *bulk* is the
        number of changes from which a transaction becomes a snapshot. Raises
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
                    bulk=bulk,
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
                        f"{path} is missing, but people are registered",
                        remedy="Restore it from the backup of the state directory.",
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

    def __len__(self) -> int:
        return len(self._contacts)

    def contact(self, subject: str) -> Contact | None:
        """Return the person with this id."""
        with self._lock:
            return self._contact(_id(subject))

    def by_number(self, number: str) -> Contact | None:
        """Return the person with this number (E.164 with ``+``)."""
        with self._lock:
            return self._contact(self._by_number.get(_digits(number)))

    def subjects(self) -> list[str]:
        """Return the ids of everybody, in the order of registration, without reading them."""
        with self._lock:
            return [_key("contacts", key) for key in self._storage.live["contacts"]]

    def contacts(self) -> Iterator[Contact]:
        """Yield everybody who is registered when this is called, in the order of registration."""
        with self._lock:
            keys = list(self._storage.live["contacts"])
        for key in keys:
            with self._lock:
                contact = self._contact(key)
            if contact is not None:
                yield contact

    def search(self, query: QueryLike) -> list[Contact]:
        """Return the people whose columns match a TinyDB query; reads everybody."""
        with self._lock:
            found = [document.doc_id for document in self._contacts.search(query)]
            return [contact for key in found if (contact := self._contact(key)) is not None]

    def consents(self, subject: str) -> tuple[Consent, ...]:
        """Return all agreements of one person, in the order in which they were recorded."""
        with self._lock:
            found = self._consents_of.get(_id(subject), ())
            keys = found if isinstance(found, tuple) else (found,)
            live = self._storage.live["consents"]
            rows = [(key, live[key]) for key in keys if key in live]
        return tuple(_consent_of(key, row) for key, row in rows)

    def sketch(self, subject: str) -> Sketch | None:
        """Return the hours of a person with a single agreement, without reading the rest."""
        with self._lock:
            person = _id(subject)
            key = self._consents_of.get(person)
            contact = self._storage.live["contacts"].get(person)
            row = self._storage.live["consents"].get(key) if isinstance(key, int) else None
        return None if contact is None or row is None else _sketch_of(contact, row)

    def consent(self, consent_id: str) -> Consent | None:
        """Return one agreement by its id."""
        key = _id(consent_id)
        row = self._storage.live["consents"].get(key)
        return None if row is None else _consent_of(key, row)

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
            found = self._suppressions.get(doc_id=_hash_id(number_hash))
        if not isinstance(found, dict):
            return None
        return Revocation(at=datetime.fromisoformat(found["at"]), by=found["by"])

    def suppressions(self) -> dict[str, Revocation]:
        """Return every withdrawal by the keyed hash of its number."""
        with self._lock:
            return {
                _key("suppressions", found.doc_id): Revocation(
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
            new_contacts, new_subjects = self._checked_contacts(contacts)
            new_consents = self._checked_consents(consents, new_subjects)
            with self._storage.transaction():
                self._storage.change("contacts", new_contacts)
                self._storage.change("consents", new_consents)

    def revoke(self, subject: str, revocation: Revocation) -> None:
        """Note a withdrawal durably. Raises :class:`KeyError` for an unknown *subject*."""
        contact = self.contact(subject)
        if contact is None:
            raise KeyError(subject)
        self.suppress(contact.number_hash, revocation)

    def suppress(self, number_hash: str, revocation: Revocation) -> None:
        """Note a withdrawal for a number, registered or not; an older one changes nothing."""
        with self._lock:
            key = _hash_id(number_hash)
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
                self._contacts.remove(doc_ids=[_id(one.subject) for one in contacts])
                self._consents.remove(
                    doc_ids=[_id(c.id) for one in contacts for c in self.consents(one.subject)]
                )
            return [contact.number_hash for contact in contacts]

    def compact(self) -> None:
        """Write a fresh snapshot; for a quiet moment, as it takes time at many people."""
        with self._lock:
            self._storage.compact()

    @property
    def wants_compaction(self) -> bool:
        """Whether replaying the log at the next start would take longer than is reasonable."""
        journal = self._storage.journal
        return journal.log_bytes > 1024 * 1024 + journal.snapshot_bytes // 2

    def close(self) -> None:
        """Close the files; calling it again does nothing. Every change is durable already."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _contact(self, key: int | None) -> Contact | None:
        row = None if key is None else self._storage.live["contacts"].get(key)
        return None if key is None or row is None else _contact_of(key, row)

    def _checked_contacts(
        self, contacts: Iterable[Contact]
    ) -> tuple[dict[int, bytes | None], set[int]]:
        rows: dict[int, bytes | None] = {}
        holders: dict[int, int] = {}
        for contact in contacts:
            key, number = _id(contact.subject), _digits(contact.number)
            holder = holders.setdefault(number, self._by_number.get(number, key))
            if holder != key:
                raise RegistryConflict(
                    f"the number of {contact.subject} belongs to {_key('contacts', holder)}"
                )
            bytes.fromhex(contact.number_hash)
            rows[key] = encode_row(
                [
                    contact.number,
                    contact.number_hash,
                    contact.name,
                    contact.language,
                    contact.timezone,
                ]
            )
        return rows, set(rows)

    def _checked_consents(
        self, consents: Iterable[Consent], new_subjects: set[int]
    ) -> dict[int, bytes | None]:
        rows: dict[int, bytes | None] = {}
        live = self._storage.live
        for consent in consents:
            key, subject = _id(consent.id), _id(consent.subject)
            if subject not in new_subjects and subject not in live["contacts"]:
                raise RegistryConflict(f"consent {consent.id} belongs to nobody")
            row = encode_row(
                [
                    consent.subject,
                    consent.purpose,
                    consent.given_at.isoformat(),
                    consent.source,
                    consent.evidence,
                    consent.windows,
                    None if consent.valid_until is None else consent.valid_until.isoformat(),
                    consent.recorded_at.isoformat(),
                ]
            )
            if rows.get(key, live["consents"].get(key, row)) != row:
                raise RegistryConflict(f"consent {consent.id} is known with another text")
            rows[key] = row
        return rows

    def _index(self, table: str, key: int, before: bytes | None, row: bytes | None) -> None:
        if table == "contacts":
            if before is not None:
                self._by_number.pop(_number(before), None)
            if row is not None:
                self._by_number[_number(row)] = key
        elif table == "consents" and before != row:
            subject = int(cast(bytes, row or before)[2:34], 16)
            found = self._consents_of.get(subject, ())
            keys = found if isinstance(found, tuple) else (found,)
            keys = (*keys, key) if row is not None else tuple(k for k in keys if k != key)
            if keys:
                self._consents_of[subject] = keys[0] if len(keys) == 1 else keys
            else:
                self._consents_of.pop(subject, None)


def _id(text: str) -> int:
    if len(text) != 32:
        raise ValueError("a subject or consent id has 32 hexadecimal digits")
    return int(text, 16)


def _hash_id(number_hash: str) -> int:
    if len(number_hash) != 64:
        raise ValueError("a number hash has 64 hexadecimal digits")
    return int(number_hash, 16)


def _number(row: bytes) -> int:
    """Read a contact's first column, which needs no JSON parser: digits only."""
    return int(row[2 : row.index(b'"', 2)])


def _digits(number: str) -> int:
    if not number.startswith("+"):
        raise ValueError("a number is in E.164 form, with its +")
    return int(number)


# A planner reads everybody at each start, so rows become objects without TinyDB between them.


def _contact_of(key: int, row: bytes) -> Contact:
    number, number_hash, name, language, timezone = decode_row(row, len(COLUMNS["contacts"]))
    return Contact(
        subject=f"{key:032x}",
        number=number,
        number_hash=number_hash,
        name=name,
        language=language,
        timezone=timezone,
    )


def _sketch_of(contact: bytes, row: bytes) -> Sketch:
    _, purpose, given_at, source, evidence, windows, until, _ = decode_row(
        row, len(COLUMNS["consents"])
    )
    # The last column; no name of a zone needs an escape, and what is no zone has no hours.
    timezone = contact[contact.rindex(b',"') + 2 : -2].decode()
    return Sketch(
        timezone=timezone,
        purpose=purpose,
        given_at=datetime.fromisoformat(given_at),
        windows=windows,
        valid_until=None if until is None else datetime.fromisoformat(until),
        proven=bool(source.strip() and evidence.strip()),
    )


def _consent_of(key: int, row: bytes) -> Consent:
    subject, purpose, given_at, source, evidence, windows, until, recorded_at = decode_row(
        row, len(COLUMNS["consents"])
    )
    return Consent(
        id=f"{key:032x}",
        subject=subject,
        purpose=purpose,
        given_at=datetime.fromisoformat(given_at),
        source=source,
        evidence=evidence,
        windows=windows,
        valid_until=None if until is None else datetime.fromisoformat(until),
        recorded_at=datetime.fromisoformat(recorded_at),
    )
