"""Durable tables of rows: a log of transactions over snapshots, in generations.

Generation *g* is ``NAME-g.snapshot`` (missing for the first) and ``NAME-g.log``. The snapshot is
the state at the start of its log; the log before it ends exactly there, so the generation before
is kept as a second copy from which nothing is missing.

A log line is one transaction, or a part of a large one that a later line seals
(:mod:`appliance.storage.journal_format`). Only the last line of the newest log can be torn by a
cut; it was never acknowledged and is dropped. Any other bad line is damage: :class:`JournalCorrupt`
names it and nothing is changed.

Long because each damage is named where it is found.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Self

from appliance.storage import journal_snapshot
from appliance.storage.files import (
    SYSTEM_DISK,
    Disk,
    StorageFailed,
    make_private_directory,
    moved,
    remove_leftovers,
    replace_file,
    storage_failed,
)
from appliance.storage.journal_format import (
    Change,
    Header,
    JournalCorrupt,
    body,
    encode_row,
    newer_program,
    part_line,
    seal_line,
    transaction_line,
)
from firmware.durable import TEMPORARY, discard, write_all
from firmware.json_text import parse_json
from firmware.wording import worded

START_OVER = Change("", "", None)
_FILE = re.compile(r"([a-z]+)-(\d{8})\.(log|snapshot)")


class Journal:
    """The files of one journal, open for writing (or read-only). Not thread-safe.

    The caller keeps the live state: it applies what :meth:`load` yields once, and afterwards its
    own changes, each after :meth:`commit` or :meth:`compact` has returned.
    """

    def __init__(
        self, directory: Path, name: str, schema: int, disk: Disk, *, read_only: bool
    ) -> None:
        self._directory = directory
        self._name = name
        self._schema = schema
        self._disk = disk
        self._descriptor: int | None = None
        self._failure: StorageFailed | None = None
        self._stamp: object = None
        self._generation = 0
        self._transaction = 0
        self._parts = 0
        """The number under which parts were written last; it is used once."""
        self._parts_begun = False
        self.holds_given_up = False
        """Parts that will never be sealed are still in a file; :meth:`compact` takes them away."""
        self._oldest = 1
        self._read_only = read_only
        self.found_schema = schema
        """The schema of the files as they were found; rows may need migration if it is older."""
        self.log_bytes = self.snapshot_bytes = 0
        """Sizes of the newest log, which the next start must replay, and of its snapshot."""
        self.cut_bytes = 0
        """What opening dropped: never acknowledged."""

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

        The changes must be drained before the first commit; :data:`START_OVER` among them says
        that all before it are void, because the snapshot that they came from is damaged and the
        generation before it follows. Unless *must_exist*, an empty
        directory becomes an empty journal. Raises :class:`JournalCorrupt` (also while the changes
        are drained), :class:`SchemaUnknown`, :class:`StorageFailed`.
        """
        journal = cls(directory, name, schema, disk, read_only=read_only)
        if not read_only:
            make_private_directory(directory, disk)
        try:
            generations, unborn = journal._find()
            if not generations:
                if must_exist or unborn:
                    raise JournalCorrupt(name, 0, worded("the files are missing"))
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
            raise storage_failed(
                worded("opening {directory}", directory=directory), error
            ) from error
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
        self._append(transaction_line(self._transaction + 1, changes))
        self._transaction += 1

    def write_part(self, changes: Iterable[Change]) -> None:
        """Put *changes* on the medium without effect, until :meth:`seal`.

        For a transaction that is too large for one write. Others may be committed in between,
        and none of what was only written counts after a restart.
        """
        if not self._parts_begun:
            self._parts, self._parts_begun = self._parts + 1, True
        self._append(part_line(self._parts, changes))

    def seal(self) -> None:
        """Make all parts since the last seal one transaction. Raises :class:`StorageFailed`."""
        if not self._parts_begun:
            return
        self._append(seal_line(self._transaction + 1, self._parts))
        self._transaction += 1
        self._parts_begun = False

    def give_up_parts(self) -> None:
        """Never seal the parts since the last seal; their bytes stay until :meth:`compact`."""
        self.holds_given_up |= self._parts_begun
        self._parts_begun = False

    def look(self) -> StorageFailed | None:
        """See whether the log is still what is written to; see :attr:`failure`."""
        path = self._log(self._generation)
        if self._failure is None and self._stamp not in (None, self._disk.stamp_of(path)):
            self._failure = moved(path)
        return self._failure

    def _append(self, line: bytes) -> None:
        descriptor = self._usable()
        try:
            write_all(self._disk, descriptor, line)
            self._disk.sync(descriptor)
            self._stamp = self._disk.stamp(descriptor)
        except OSError as error:
            raise self._failed("writing", error) from error
        self.log_bytes += len(line)

    def compact(
        self, rows: Iterable[Change], *, changed: bool = False, keep_previous: bool = True
    ) -> None:
        """Start a new generation whose snapshot is *rows*, the whole state. Atomic.

        *changed* says that *rows* are more than a copy of what is on disk: the snapshot is itself
        a transaction (cheaper than a log line for a large one). With *keep_previous* false no
        older generation stays behind, not even after a cut, so that nothing which is not in
        *rows* is left in any file; the same where parts were given up, which may name people.
        Raises :class:`StorageFailed`; the state on disk is then the old one or the new.
        """
        old = self._usable()
        if self._parts_begun:
            raise RuntimeError("parts of a transaction would lose their seal")
        generation = self._generation + 1
        target = self._snapshot(generation)
        temporary = target.with_name(target.name + TEMPORARY)
        self._transaction += changed
        keep_previous = keep_previous and not self.holds_given_up
        self._oldest = generation - 1 if keep_previous else generation
        header = self._header(generation, self._transaction)
        # The old log stays open, and so locked, until the new generation is the one that counts.
        retired: int | None = None
        try:
            self.snapshot_bytes = journal_snapshot.write(self._disk, temporary, header, rows)
            self._descriptor = self._disk.open(self._log(generation), truncate=True)
            retired = old
            write_all(self._disk, self._descriptor, header)
            self._disk.sync(self._descriptor)
            self._disk.sync_directory(self._directory)
            self._disk.rename(temporary, target)
            self._disk.sync_directory(self._directory)
            self._generation = generation
            self._stamp = self._disk.stamp(self._descriptor)
            self.log_bytes = len(header)
            self._remove_before(self._oldest)
            self.holds_given_up = False
        except OSError as error:
            discard(temporary, self._disk)
            raise self._failed("compacting", error) from error
        finally:
            if retired is not None:
                self._disk.close(retired)

    def close(self) -> None:
        """Close the file, once or more often. Every commit is durable already."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._disk.close(descriptor)

    def _usable(self) -> int:
        if (failure := self.look()) is not None:
            raise failure
        if self._descriptor is None:
            raise StorageFailed(
                worded("the journal {name} is not open for writing", name=self._name)
            )
        return self._descriptor

    def _failed(self, doing: str, error: OSError) -> StorageFailed:
        self._failure = storage_failed(f"{doing} {self._directory}", error)
        return self._failure

    def _log(self, generation: int) -> Path:
        return self._directory / f"{self._name}-{generation:08d}.log"

    def _snapshot(self, generation: int) -> Path:
        return self._directory / f"{self._name}-{generation:08d}.snapshot"

    def _header(self, generation: int, transaction: int) -> bytes:
        return Header(self._name, self._schema, generation, transaction, self._oldest).line()

    def _start_first(self) -> None:
        header = self._header(1, 0)
        replace_file(self._log(1), header, self._disk)
        self._descriptor = self._disk.open(self._log(1))
        self._stamp = self._disk.stamp(self._descriptor)
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
                raise JournalCorrupt(self._log(newest).name, 0, worded("the file is missing"))
            return [], unborn
        whole = [newest]
        if newest - 1 in logs and (newest - 1 in snapshots or newest == 2):
            whole.insert(0, newest - 1)
        return whole, unborn

    def _load(self, generations: list[int]) -> Iterator[Change]:
        newest = generations[-1]
        try:
            with self._disk.reader(self._log(newest)) as stream:
                oldest = self._check_header(newest, self._log(newest), stream.readline()).oldest
            start, transaction = newest, None
            if newest > 1:
                transaction = yield from self._read_snapshot(newest)
            if newest > 1 and transaction is None:
                yield START_OVER
                start -= 1
                if start > 1 and start in generations:
                    transaction = yield from self._read_snapshot(start)
                usable = start in generations and start >= oldest
                if not usable or (start > 1 and transaction is None):
                    reason = worded("the snapshot is damaged")
                    raise JournalCorrupt(self._snapshot(newest).name, 0, reason)
            if start < newest:
                transaction = yield from self._read_log(start, transaction, sealed=True)
            self._transaction = yield from self._read_log(newest, transaction, sealed=False)
            self._generation = newest
            if not self._read_only:
                self._remove_before(oldest)
        except OSError as error:
            raise storage_failed(
                worded("reading {directory}", directory=self._directory), error
            ) from error

    def _read_snapshot(self, generation: int) -> Generator[Change, None, int | None]:
        """Yield the rows of a snapshot; return its transaction, or None where it is damaged."""
        read = yield from journal_snapshot.read(self._disk, self._snapshot(generation))
        if read is None:
            return None
        first, self.snapshot_bytes = read
        try:
            return self._check_header(generation, self._snapshot(generation), first).transaction
        except JournalCorrupt:
            return None

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
            raise JournalCorrupt(path.name, 1, worded("the file has no header"))
        header = self._check_header(generation, path, lines[0] + b"\n")
        transaction = header.transaction
        if follows is not None and transaction != follows:
            raise JournalCorrupt(
                path.name, 1, worded("the log does not continue what is before it")
            )
        good = len(lines[0]) + 1
        torn = bool(tail)
        parts: dict[int, list[Change]] = {}
        lines_of: dict[int, list[int]] = {}
        for number, raw in enumerate(lines[1:], 2):
            text = body(raw + b"\n")
            if text is None:
                damaged = b"\0" not in raw and b"\xff" not in raw
                if sealed or damaged or number != len(lines) or tail:
                    raise JournalCorrupt(path.name, number, worded("the line is damaged"))
                break
            value = parse_json(text)
            changes = [
                Change(table, key, None if row is None else encode_row(row))
                for table, key, row in value.get("changes", ())
            ]
            if "part" in value:
                parts.setdefault(value["part"], []).extend(changes)
                lines_of.setdefault(value["part"], []).append(number - 1)
                self._parts = max(self._parts, value["part"])
            else:
                transaction += 1
                if value["transaction"] != transaction:
                    raise JournalCorrupt(
                        path.name, number, worded("a transaction is missing before this one")
                    )
                if "seals" in value:
                    changes = parts.pop(value["seals"], [])
                    if not changes:
                        raise JournalCorrupt(
                            path.name, number, worded("the parts that it seals are gone")
                        )
                yield from changes
            good += len(raw) + 1
        if torn and sealed:
            raise JournalCorrupt(path.name, len(lines) + 1, worded("the line is not complete"))
        if not sealed:
            # A log of an older format goes on in the format of what is appended to it.
            # Parts without a seal stay out: nothing could erase the people in them.
            kept = contents[len(lines[0]) + 1 : good]
            if parts:
                void = {index for part in parts for index in lines_of[part]}
                whole = enumerate(kept.split(b"\n")[:-1], 1)
                kept = b"".join(raw + b"\n" for index, raw in whole if index not in void)
            renewed = header.line() + kept
            self.log_bytes = len(renewed)
            self.cut_bytes = len(contents) - good
            if not self._read_only:
                self._renew(path, renewed)
        return transaction

    def _renew(self, path: Path, contents: bytes) -> None:
        """Write the log anew: what was read may be in the page cache only (see the ledger)."""
        replace_file(path, contents, self._disk)
        held, self._descriptor = self._descriptor, self._disk.open(path)
        self._stamp = self._disk.stamp(self._descriptor)
        if held is not None:
            self._disk.close(held)

    def _check_header(self, generation: int, path: Path, raw: bytes) -> Header:
        header = Header.read(path.name, raw)
        if header.schema > self._schema:
            raise newer_program(path.name)
        if header.journal != self._name or header.generation != generation:
            raise JournalCorrupt(path.name, 1, worded("the header belongs to another file"))
        self.found_schema = min(self.found_schema, header.schema)
        return header

    def _remove_before(self, generation: int) -> None:
        for name in self._disk.names(self._directory):
            match = _FILE.fullmatch(name)
            if match and match[1] == self._name and int(match[2]) < generation:
                self._disk.remove(self._directory / name)
        self._disk.sync_directory(self._directory)
