"""Durable tables of rows: a log of transactions over snapshots, in generations.

Generation *g* is ``NAME-g.snapshot`` (missing for the first) and ``NAME-g.log``. The snapshot is
the state at the start of its log; the log before it ends exactly there, so the generation before
is kept as a second copy from which nothing is missing.

Every line is ``CRC32 JSON``. A log line is one transaction. Only the last line of the newest log
can be torn by a cut; it was never acknowledged and is dropped. Any other bad line is damage:
:class:`JournalCorrupt` names it and nothing is changed.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from appliance.files import (
    SYSTEM_DISK,
    TEMPORARY,
    Disk,
    StorageError,
    StorageFailed,
    discard,
    make_private_directory,
    remove_leftovers,
    replace_file,
    storage_failed,
    write_all,
)

FORMAT = 1
"""Version of the lines themselves; what the rows mean is versioned by the caller's schema."""

_BUFFER = 1024 * 1024
_FILE = re.compile(r"([a-z]+)-(\d{8})\.(log|snapshot)")


class JournalCorrupt(StorageError):
    """Acknowledged data is damaged. Nothing was changed; ``file`` and ``line`` say where."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(
            f"{file}:{line}: {reason}",
            remedy="Keep a copy of the registry directory, then restore it from a backup.",
        )
        self.file = file
        self.line = line
        self.reason = reason


class SchemaUnknown(StorageError):
    """The files were written by a newer version of the program."""


class Change(NamedTuple):
    """One row put or taken away. ``row`` is its JSON text, None where it is removed."""

    table: str
    key: str
    row: bytes | None


class Journal:
    """The files of one journal, open for writing (or read-only). Not thread-safe.

    The caller keeps the live state: it applies what :meth:`load` yields once, and afterwards its
    own changes, each after :meth:`commit` or :meth:`compact` has returned.
    """

    def __init__(self, directory: Path, name: str, schema: int, disk: Disk) -> None:
        self._directory = directory
        self._name = name
        self._schema = schema
        self._disk = disk
        self._descriptor: int | None = None
        self._failure: StorageFailed | None = None
        self._generation = 0
        self._transaction = 0
        self._oldest = 1
        self._read_only = True
        self.found_schema = schema
        """The schema of the files as they were found; rows may need migration if it is older."""
        self.log_bytes = 0
        """Size of the newest log: what the next start must replay."""
        self.snapshot_bytes = 0
        self.cut_bytes = 0
        """What opening dropped: a transaction that was never acknowledged."""

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        name: str,
        schema: int,
        must_exist: bool = False,
        read_only: bool = False,
        disk: Disk = SYSTEM_DISK,
    ) -> tuple[Self, Iterator[Change]]:
        """Open the journal *name* in *directory*; return it with all its changes, oldest first.

        The changes must be drained before the first commit. Unless *must_exist*, an empty
        directory becomes an empty journal. Raises :class:`JournalCorrupt` (also while the changes
        are drained), :class:`SchemaUnknown`, :class:`StorageFailed`.
        """
        journal = cls(directory, name, schema, disk)
        journal._read_only = read_only
        if not read_only:
            make_private_directory(directory, disk)
        try:
            generations, unborn = journal._find()
            if not generations:
                if must_exist or unborn:
                    raise JournalCorrupt(name, 0, "the files are missing")
                if not read_only:
                    journal._start_first()
                return journal, iter(())
            if not read_only:
                # Locked first: nothing is removed under another process's hands.
                journal._descriptor = disk.open(journal._log(generations[-1]))
                for generation in unborn:
                    disk.remove(journal._log(generation))
                remove_leftovers(directory, disk)
        except OSError as error:
            raise storage_failed(f"opening {directory}", error) from error
        return journal, journal._load(generations)

    @property
    def failure(self) -> StorageFailed | None:
        """Why nothing can be written any more, or None."""
        return self._failure

    @property
    def generation(self) -> int:
        return self._generation

    def commit(self, changes: Iterable[Change]) -> None:
        """Make *changes* durable as one transaction: all or none. Raises :class:`StorageFailed`."""
        line = _line(_transaction(self._transaction + 1, changes))
        descriptor = self._usable()
        try:
            write_all(self._disk, descriptor, line)
            self._disk.sync(descriptor)
        except OSError as error:
            raise self._failed("writing", error) from error
        self._transaction += 1
        self.log_bytes += len(line)

    def compact(
        self, rows: Iterable[Change], *, changed: bool = False, keep_previous: bool = True
    ) -> None:
        """Start a new generation whose snapshot is *rows*, the whole state. Atomic.

        *changed* says that *rows* are more than a copy of what is on disk: the snapshot is itself
        a transaction (cheaper than a log line for a large one). With *keep_previous* false no
        older generation stays behind, not even after a cut, so that nothing which is not in
        *rows* is left in any file. Raises :class:`StorageFailed`; the state on disk is then the
        old one or the new.
        """
        old = self._usable()
        generation = self._generation + 1
        target = self._snapshot(generation)
        temporary = target.with_name(target.name + TEMPORARY)
        self._transaction += changed
        self._oldest = generation - 1 if keep_previous else generation
        header = self._header(generation, self._transaction)
        # The old log stays open, and so locked, until the new generation is the one that counts.
        retired: int | None = None
        try:
            self.snapshot_bytes = self._write_snapshot(temporary, header, rows)
            self._descriptor = self._disk.open(self._log(generation), truncate=True)
            retired = old
            write_all(self._disk, self._descriptor, _line(header))
            self._disk.sync(self._descriptor)
            self._disk.sync_directory(self._directory)
            self._disk.rename(temporary, target)
            self._disk.sync_directory(self._directory)
            self._generation = generation
            self.log_bytes = len(_line(header))
            self._remove_before(self._oldest)
        except OSError as error:
            discard(temporary, self._disk)
            raise self._failed("compacting", error) from error
        finally:
            if retired is not None:
                self._disk.close(retired)

    def close(self) -> None:
        """Close the file; calling it again does nothing. Every commit is durable already."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._disk.close(descriptor)

    def _usable(self) -> int:
        if self._failure is not None:
            raise self._failure
        if self._descriptor is None:
            raise StorageFailed(f"the journal {self._name} is not open for writing")
        return self._descriptor

    def _failed(self, doing: str, error: OSError) -> StorageFailed:
        self._failure = storage_failed(f"{doing} {self._directory}", error)
        return self._failure

    def _log(self, generation: int) -> Path:
        return self._directory / f"{self._name}-{generation:08d}.log"

    def _snapshot(self, generation: int) -> Path:
        return self._directory / f"{self._name}-{generation:08d}.snapshot"

    def _header(self, generation: int, transaction: int) -> bytes:
        return json.dumps(
            {
                "journal": self._name,
                "format": FORMAT,
                "schema": self._schema,
                "generation": generation,
                "transaction": transaction,
                "oldest": self._oldest,
            }
        ).encode()

    def _start_first(self) -> None:
        header = _line(self._header(1, 0))
        replace_file(self._log(1), header, self._disk)
        self._descriptor = self._disk.open(self._log(1))
        self._generation, self.log_bytes = 1, len(header)

    def _find(self) -> tuple[list[int], set[int]]:
        """Return the generations that count, oldest first, and those that were never born."""
        logs: set[int] = set()
        snapshots: set[int] = set()
        if self._read_only and not self._disk.is_directory(self._directory):
            return [], set()
        for name in self._disk.names(self._directory):
            match = _FILE.fullmatch(name)
            if match and match[1] == self._name:
                (logs if match[3] == "log" else snapshots).add(int(match[2]))
        newest = max(snapshots, default=1)
        # A log without its snapshot is what a cut leaves of a compaction: nothing is in it yet.
        unborn = {g for g in logs if g > newest}
        logs -= unborn
        if newest not in logs:
            if logs or snapshots:
                raise JournalCorrupt(self._log(newest).name, 0, "the file is missing")
            return [], unborn
        whole = [newest]
        if newest - 1 in logs and (newest - 1 in snapshots or newest == 2):
            whole.insert(0, newest - 1)
        return whole, unborn

    def _load(self, generations: list[int]) -> Iterator[Change]:
        newest = generations[-1]
        try:
            with self._disk.reader(self._log(newest)) as stream:
                header = self._check_header(self._log(newest), stream.readline(), newest)
            oldest: int = header["oldest"]
            if newest == 1 or self._snapshot_is_sound(newest):
                start = newest
            elif newest - 1 >= oldest and self._previous_is_sound(generations):
                start = newest - 1
            else:
                raise JournalCorrupt(self._snapshot(newest).name, 0, "the snapshot is damaged")
            transaction = None
            if start > 1:
                transaction = yield from self._read_snapshot(start)
            if start < newest:
                transaction = yield from self._read_log(start, transaction, sealed=True)
            self._transaction = yield from self._read_log(newest, transaction, sealed=False)
            self._generation = newest
            self._oldest = oldest
            if not self._read_only:
                self._remove_before(oldest)
        except OSError as error:
            raise storage_failed(f"reading {self._directory}", error) from error

    def _previous_is_sound(self, generations: list[int]) -> bool:
        return len(generations) == 2 and (
            generations[0] == 1 or self._snapshot_is_sound(generations[0])
        )

    def _snapshot_is_sound(self, generation: int) -> bool:
        """Tell whether every line of the snapshot is as it was written."""
        path = self._snapshot(generation)
        count = -1
        ended = False
        try:
            with self._disk.reader(path) as stream:
                for raw in stream:
                    body = _body(raw)
                    if body is None or ended:
                        return False
                    ended = body.startswith(b'{"end":')
                    if ended and json.loads(body)["end"] != count:
                        return False
                    count += 1
                self.snapshot_bytes = stream.tell()
        except (OSError, ValueError, KeyError):
            return False
        return ended

    def _read_snapshot(self, generation: int) -> Generator[Change, None, int]:
        path = self._snapshot(generation)
        with self._disk.reader(path) as stream:
            header = self._check_header(path, stream.readline(), generation)
            for raw in stream:
                body = raw[9:-1]
                if body.startswith(b"{"):
                    break
                _, table, _, key, _ = body.split(b'"', 4)
                # What is left of the frame ["TABLE","KEY",ROW] is the row's text as it stands.
                row = body[len(table) + len(key) + 7 : -1]
                yield Change(table.decode(), key.decode(), row)
        return int(header["transaction"])

    def _read_log(
        self, generation: int, follows: int | None, *, sealed: bool
    ) -> Generator[Change, None, int]:
        """Yield a log's changes; renew the file unless it is sealed or the journal read-only."""
        path = self._log(generation)
        with self._disk.reader(path) as stream:
            contents = stream.read()
        lines = contents.split(b"\n")
        tail = lines.pop()
        if not lines:
            raise JournalCorrupt(path.name, 1, "the file has no header")
        transaction = int(self._check_header(path, lines[0] + b"\n", generation)["transaction"])
        if follows is not None and transaction != follows:
            raise JournalCorrupt(path.name, 1, "the log does not continue what is before it")
        good = len(lines[0]) + 1
        torn = bool(tail)
        for number, raw in enumerate(lines[1:], 2):
            body = _body(raw + b"\n")
            if body is None:
                damaged = b"\0" not in raw and b"\xff" not in raw
                if sealed or damaged or number != len(lines) or tail:
                    raise JournalCorrupt(path.name, number, "the line is damaged")
                torn = True
                break
            value = json.loads(body)
            transaction += 1
            if value["transaction"] != transaction:
                raise JournalCorrupt(path.name, number, "a transaction is missing before this one")
            good += len(raw) + 1
            for table, key, row in value["changes"]:
                yield Change(table, key, None if row is None else encode_row(row))
        if torn and sealed:
            raise JournalCorrupt(path.name, len(lines) + 1, "the line is not complete")
        if not sealed:
            self.log_bytes = good
            self.cut_bytes = len(contents) - good
            if not self._read_only:
                self._renew(path, contents[:good])
        return transaction

    def _renew(self, path: Path, contents: bytes) -> None:
        """Write the log anew: what was read may be in the page cache only (see the ledger)."""
        replace_file(path, contents, self._disk)
        held, self._descriptor = self._descriptor, self._disk.open(path)
        if held is not None:
            self._disk.close(held)

    def _check_header(self, path: Path, raw: bytes, generation: int) -> dict[str, Any]:
        body = _body(raw)
        if body is None:
            raise JournalCorrupt(path.name, 1, "the header is damaged")
        try:
            header: dict[str, Any] = json.loads(body)
            if header["format"] > FORMAT or header["schema"] > self._schema:
                raise SchemaUnknown(
                    f"{path} was written by a newer autodialer",
                    remedy="Install that version again, or restore a backup from before it.",
                )
            if header["journal"] != self._name or header["generation"] != generation:
                raise JournalCorrupt(path.name, 1, "the header belongs to another file")
            if not all(type(header[name]) is int for name in ("transaction", "oldest")):
                raise JournalCorrupt(path.name, 1, "the header is unusable")
            self.found_schema = min(self.found_schema, header["schema"])
        except (ValueError, KeyError, TypeError) as error:
            raise JournalCorrupt(path.name, 1, f"the header is unusable: {error!r}") from error
        return header

    def _write_snapshot(self, path: Path, header: bytes, rows: Iterable[Change]) -> int:
        descriptor = self._disk.open(path, truncate=True)
        size = count = 0
        try:
            buffer = bytearray(_line(header))
            for table, key, row in rows:
                if row is None:
                    continue
                buffer += _line(b'["%b","%b",%b]' % (table.encode(), key.encode(), row))
                count += 1
                if len(buffer) >= _BUFFER:
                    size += len(buffer)
                    write_all(self._disk, descriptor, bytes(buffer))
                    buffer.clear()
            buffer += _line(b'{"end":%d}' % count)
            size += len(buffer)
            write_all(self._disk, descriptor, bytes(buffer))
            self._disk.sync(descriptor)
        finally:
            self._disk.close(descriptor)
        return size

    def _remove_before(self, generation: int) -> None:
        for name in self._disk.names(self._directory):
            match = _FILE.fullmatch(name)
            if match and match[1] == self._name and int(match[2]) < generation:
                self._disk.remove(self._directory / name)
        self._disk.sync_directory(self._directory)


def encode_row(row: Any) -> bytes:
    """Return a row as the JSON text that the files hold."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _transaction(number: int, changes: Iterable[Change]) -> bytes:
    parts = [
        b'["%b","%b",%b]' % (c.table.encode(), c.key.encode(), b"null" if c.row is None else c.row)
        for c in changes
    ]
    return b'{"transaction":%d,"changes":[%b]}' % (number, b",".join(parts))


def _line(body: bytes) -> bytes:
    return b"%08x %b\n" % (zlib.crc32(body), body)


def _body(raw: bytes) -> bytes | None:
    """Return the JSON of a line if it is whole and its checksum fits, else None."""
    body = raw[9:-1]
    if len(raw) < 10 or raw[-1:] != b"\n" or raw[:9] != b"%08x " % zlib.crc32(body):
        return None
    return body
