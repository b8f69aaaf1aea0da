"""TinyDB over a durable journal: rows in memory, every change on disk before it is visible.

Stock TinyDB rewrites its whole file for every change and loses everything in a cut; here its two
private methods that all operations go through are overridden: a change is collected, made durable
as one journal transaction, and only then visible. Rows are kept as JSON text, not as
dictionaries, because 100,000 people must fit into a small box.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from appliance.people.registry_rows import COLUMNS, SCHEMA, Overlay, Rows, encode_document, key_text
from appliance.storage.files import Disk
from appliance.storage.journal import Journal
from appliance.storage.journal_format import Change


class JournalStorage(Storage):
    """TinyDB's storage: the live rows in memory, every change durable before it is visible."""

    def __init__(self, directory: Path, *, must_exist: bool, read_only: bool, disk: Disk) -> None:
        self.live: dict[str, dict[int, bytes]] = {table: {} for table in COLUMNS}
        self._pending: dict[str, dict[int, bytes | None]] | None = None
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
            live = self.live
            for table, key, row in changes:
                if row is not None:
                    live[table][int(key, 16)] = row
                elif table:
                    live[table].pop(int(key, 16), None)
                else:
                    for rows in live.values():
                        rows.clear()
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
        else:
            self.journal.commit(
                Change(table, key_text(table, key), row)
                for table, changes in pending.items()
                for key, row in changes.items()
            )
        for table, changes in pending.items():
            self.show(table, changes.items())

    def show(self, table: str, changes: Iterable[tuple[int, bytes | None]]) -> None:
        """Make durable *changes* visible."""
        live = self.live[table]
        for key, row in changes:
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
                    yield Change(table, key_text(table, key), row)
            for key, new in changes.items():
                if new is not None:
                    yield Change(table, key_text(table, key), new)


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
