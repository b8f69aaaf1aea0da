"""Writing the ledger: a batch is one write and one synchronisation, or it did not happen.

Opening reads only the last segment. What it reads may come from the page cache, and after a
failed synchronisation the cache can show rows that the medium never got; so the last segment is
written anew, under a temporary name, before anything is appended to it. The same replacement cuts
off a torn tail.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from appliance.effects import Entry, Record
from appliance.ledger import reader
from appliance.ledger.format import (
    GENESIS,
    BadLine,
    LedgerCorrupt,
    Line,
    check_canonical,
    check_follows,
    decode,
    encode,
    timestamp,
)
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
from firmware.durable import write_all
from firmware.wording import worded

SEGMENT_BYTES = 1024 * 1024
"""A segment that has reached this size is sealed; the next batch starts another. Each start
reads the last one and writes it anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What opening cut off: the tail of a write that nobody was told had succeeded."""

    file: str
    line: int
    cut_bytes: int


class Ledger:
    """The append-only record, open for writing. Thread-safe; one process at a time.

    After :class:`StorageFailed` every further :meth:`append` fails too: what the medium holds is
    then known only to :meth:`open`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        disk: Disk,
        segment_bytes: int,
        head: tuple[int, str],
        segment: Path | None,
        size: int,
        recovery: Recovery | None,
        read_only: bool = False,
    ) -> None:
        self._directory = directory
        self._disk = disk
        self._segment_bytes = segment_bytes
        self._head = head
        self._size = size
        self._lock = threading.Lock()
        self._descriptor = None if segment is None else disk.open(segment)
        self._segment = segment
        self._stamp = None if self._descriptor is None else disk.stamp(self._descriptor)
        self._failure = (
            StorageFailed(worded("{directory} was opened to be read alone", directory=directory))
            if read_only
            else None
        )
        self._closed = False
        self.recovery = recovery

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        read_only: bool = False,
        disk: Disk = SYSTEM_DISK,
    ) -> Self:
        """Open the ledger in *directory*, which is created where missing.

        The last segment is verified whole, the ones before it not at all (:func:`verify` does
        that). A torn tail is cut off and told in ``recovery``; any other damage raises
        :class:`LedgerCorrupt` and changes nothing. *read_only* changes nothing either, may run
        beside the process that writes, and appends nothing. Raises :class:`StorageFailed`.
        """
        if not read_only:
            make_private_directory(directory, disk)
        found = reader.segments(directory, disk)
        try:
            seq, prev = 0, GENESIS
            if len(found) > 1:
                before = reader.last_line(found[-2].path, disk)
                seq, prev = before.seq, before.hash
            segment, size, recovery = None, 0, None
            if found:
                segment = found[-1].path
                if found[-1].first != seq + 1:
                    raise LedgerCorrupt(
                        segment.name, 0, worded("the segment after {seq} is missing", seq=seq)
                    )
                # Held while the file is replaced: fails where another process writes it.
                held = None if read_only else disk.open(segment)
                try:
                    with disk.reader(segment) as stream:
                        contents = stream.read()
                    (seq, prev), good, recovery = _examine(segment.name, contents, seq, prev)
                    size = len(good)
                    if held is not None:
                        remove_leftovers(directory, disk)
                        replace_file(segment, good, disk)
                finally:
                    if held is not None:
                        disk.close(held)
            return cls(
                directory,
                disk=disk,
                segment_bytes=segment_bytes,
                head=(seq, prev),
                segment=None if read_only else segment,
                size=size,
                recovery=recovery,
                read_only=read_only,
            )
        except OSError as error:
            raise storage_failed(
                worded("opening {directory}", directory=directory), error
            ) from error

    @property
    def directory(self) -> Path:
        return self._directory

    @property
    def head(self) -> tuple[int, str]:
        """Sequence number and hash of the last durable row; ``(0, 64 zeros)`` when empty."""
        return self._head

    @property
    def failure(self) -> StorageFailed | None:
        """Why nothing can be written any more, or None."""
        return self._failure

    def append(self, records: Sequence[Record], at: datetime) -> list[Entry]:
        """Make *records* durable, all with the time *at*, and return them as rows.

        Raises :class:`RecordRefused` before anything is written, or :class:`StorageFailed` when
        it is unknown how much of the batch is on disk.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._closed:
                raise StorageFailed(worded("the ledger is closed"))
            rows, data = self._encode(records, timestamp(at))
            if not rows:
                return []
            self._refuse_moved()
            try:
                self._write(data)
                assert self._descriptor is not None
                self._stamp = self._disk.stamp(self._descriptor)
            except OSError as error:
                self._failure = storage_failed(
                    worded("writing {directory}", directory=self._directory), error
                )
                raise self._failure from error
            self._head = rows[-1].seq, rows[-1].hash
            return [row.entry(of.data) for row, of in zip(rows, records, strict=True)]

    def look(self) -> StorageFailed | None:
        """See whether the file that is written to is still the one that was; see :attr:`failure`.

        What is appended to a file that lost its name, or its end, would be in no ledger.
        """
        with self._lock, suppress(StorageFailed):
            self._refuse_moved()
        return self._failure

    def _refuse_moved(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._segment is None or self._descriptor is None:
            return
        if self._disk.stamp_of(self._segment) != self._stamp:
            self._failure = moved(self._segment)
            raise self._failure

    def entries(self, after_seq: int = 0) -> Iterator[Entry]:
        """Yield the rows after *after_seq* up to the head at this moment, oldest first."""
        last = self._head[0]
        if after_seq >= last:
            return
        for entry in reader.read_entries(self._directory, after_seq, self._disk):
            yield entry
            if entry.seq >= last:
                return

    def hash_at(self, seq: int) -> str | None:
        """Return the hash of row *seq*, or None where there is none."""
        if seq == self._head[0]:
            return self._head[1]
        return reader.hash_at(self._directory, seq, self._disk) if seq < self._head[0] else None

    def close(self) -> None:
        """Close the file; calling it again does nothing. Every row is durable already."""
        with self._lock:
            self._closed = True
            if self._descriptor is not None:
                descriptor, self._descriptor = self._descriptor, None
                self._disk.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _encode(self, records: Sequence[Record], at: str) -> tuple[list[Line], bytes]:
        seq, prev = self._head
        rows, parts = [], []
        count = len(records)
        for position, record in enumerate(records, 1):
            row, raw = encode(
                seq=seq + position,
                at=at,
                kind=record.kind,
                subject=record.subject,
                data=record.data,
                prev=prev,
                batch=(position, count) if count > 1 else None,
            )
            prev = row.hash
            rows.append(row)
            parts.append(raw)
        return rows, b"".join(parts)

    def _write(self, data: bytes) -> None:
        if self._descriptor is not None and self._size < self._segment_bytes:
            write_all(self._disk, self._descriptor, data)
            self._disk.sync(self._descriptor)
            self._size += len(data)
            return
        path = self._directory / reader.segment_name(self._head[0] + 1)
        descriptor = self._disk.open(path)
        sealed, self._descriptor = self._descriptor, descriptor
        self._segment = path
        if sealed is not None:
            self._disk.close(sealed)
        write_all(self._disk, descriptor, data)
        self._disk.sync(descriptor)
        self._disk.sync_directory(self._directory)
        self._size = len(data)


def _examine(
    name: str, contents: bytes, seq: int, prev: str
) -> tuple[tuple[int, str], bytes, Recovery | None]:
    """Return the head, the sound bytes of the last segment, and what must be cut off."""
    offset = 0
    rows = contents.split(b"\n")
    tail = rows.pop()
    for number, raw in enumerate(rows, 1):
        try:
            line = decode(raw)
            check_follows(line, seq, prev)
            check_canonical(line)
        except BadLine as error:
            if not _is_torn(rows[number - 1 :], seq + 1):
                raise LedgerCorrupt(name, number, str(error)) from error
            recovery = Recovery(file=name, line=number, cut_bytes=len(contents) - offset)
            return (seq, prev), contents[:offset], recovery
        seq, prev = line.seq, line.hash
        offset += len(raw) + 1
    if not tail:
        return (seq, prev), contents, None
    try:
        # Only the newline was lost: a whole row is evidence, acknowledged or not.
        line = decode(tail)
        check_follows(line, seq, prev)
        check_canonical(line)
    except BadLine:
        recovery = Recovery(file=name, line=len(rows) + 1, cut_bytes=len(tail))
        return (seq, prev), contents[:offset], recovery
    return (line.seq, line.hash), contents + b"\n", None


def _is_torn(rows: list[bytes], expected: int) -> bool:
    """Tell whether terminated *rows*, the first of them bad, can be what a cut left of one write.

    A lost sector reads as zeros (or as erased flash, all ones): bytes that no row contains. So a
    whole bad line without them was altered, not torn. Sound rows behind it are acknowledged ones
    unless their marks put them into the same write as the row that is missing.
    """
    first_of_write = None
    for raw in rows:
        try:
            line = decode(raw)
        except BadLine:
            if b"\0" not in raw and b"\xff" not in raw:
                return False
            continue
        first, last = line.batch
        if not first <= expected < line.seq <= last or first_of_write not in (None, first):
            return False
        first_of_write = first
    return True
