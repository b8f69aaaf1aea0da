"""Reading the ledger: which segments there are, and the rows in them, one at a time."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from appliance.effects import Entry
from appliance.ledger.format import (
    GENESIS,
    MAX_LINE,
    BadLine,
    LedgerCorrupt,
    Line,
    check_follows,
    decode,
)
from appliance.storage.files import SYSTEM_DISK, Disk, storage_failed
from firmware.wording import worded

_BLOCK = 1 << 20
_NEAR = 16 * 1024
"""Bytes that are read through rather than halved once more."""
_SEGMENT = re.compile(r"(\d{10,})\.jsonl")


class Segment(NamedTuple):
    """One file; ``first`` is the sequence number that its name promises."""

    first: int
    path: Path


def segment_name(first: int) -> str:
    return f"{first:010d}.jsonl"


def segments(directory: Path, disk: Disk = SYSTEM_DISK) -> list[Segment]:
    """Return the segments in order. Raises :class:`LedgerCorrupt` for a name that cannot be one."""
    try:
        names = disk.names(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage_failed(worded("reading {directory}", directory=directory), error) from error
    found = []
    for name in names:
        if not name.endswith(".jsonl"):
            continue
        match = _SEGMENT.fullmatch(name)
        if match is None or segment_name(int(match[1])) != name or int(match[1]) == 0:
            raise LedgerCorrupt(name, 0, worded("not the name of a segment"))
        found.append(Segment(int(match[1]), directory / name))
    found.sort()
    if found and found[0].first != 1:
        raise LedgerCorrupt(
            found[0].path.name, 0, worded("the segments before this one are missing")
        )
    return found


def raw_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of *stream* with their newlines, in bounded memory.

    A line longer than any row comes in pieces, each of which is no row.
    """
    while raw := stream.readline(MAX_LINE + 1):
        yield raw


def last_line(path: Path, disk: Disk = SYSTEM_DISK) -> Line:
    """Return the last line of a sealed segment without reading the others."""
    with disk.reader(path) as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - MAX_LINE - 1))
        rows = stream.read().split(b"\n")
    try:
        if len(rows) < 2 or rows[-1]:
            raise BadLine(worded("a sealed segment must end with a whole line"))
        return decode(rows[-2])
    except BadLine as error:
        raise LedgerCorrupt(path.name, 0, worded("last line: {error}", error=error)) from error


def lines(directory: Path, after_seq: int = 0, disk: Disk = SYSTEM_DISK) -> Iterator[Line]:
    """Yield the lines after *after_seq*, each checked against its own hash and the chain.

    An incomplete last line is left out: a write may be going on. Raises :class:`LedgerCorrupt`.
    """
    found = segments(directory, disk)
    start = max(0, bisect.bisect_right([s.first for s in found], after_seq + 1) - 1)
    seq, prev = found[start].first - 1 if found else 0, GENESIS
    if start:
        before = last_line(found[start - 1].path, disk)
        if before.seq != seq:
            raise LedgerCorrupt(
                found[start].path.name,
                0,
                worded("the segment after {seq} is missing", seq=before.seq),
            )
        prev = before.hash
    for segment in found[start:]:
        if segment.first != seq + 1:
            raise LedgerCorrupt(
                segment.path.name, 0, worded("the segment after {seq} is missing", seq=seq)
            )
        with disk.reader(segment.path) as stream:
            start = 1
            if after_seq > seq and (near := _seek(stream, after_seq)) is not None:
                # Line numbers and sequence numbers advance together within a segment.
                start, seq, prev = near.seq - segment.first + 2, near.seq, near.hash
            for number, raw in enumerate(raw_lines(stream), start):
                if not raw.endswith(b"\n") and segment is found[-1]:
                    return
                try:
                    line = decode(raw[:-1])
                    check_follows(line, seq, prev)
                except BadLine as error:
                    raise LedgerCorrupt(segment.path.name, number, str(error)) from error
                seq, prev = line.seq, line.hash
                if seq > after_seq:
                    yield line


def _seek(stream: BinaryIO, after_seq: int) -> Line | None:
    """Move *stream* behind a sound line not later than *after_seq*, near it; return that line.

    Rows are found by halving the file, because their lengths vary. None, and the stream at its
    start, where the file is small or not in order: reading it line by line will tell.
    """
    low, high = 0, stream.seek(0, 2)
    found: tuple[Line, int] | None = None
    while high - low > _NEAR:
        middle = (low + high) // 2
        stream.seek(middle)
        stream.readline(MAX_LINE)
        raw = stream.readline(MAX_LINE)
        try:
            line = decode(raw[:-1])
        except BadLine:
            break
        if line.seq <= after_seq:
            low, found = middle, (line, stream.tell())
        else:
            high = middle
    stream.seek(found[1] if found else 0)
    return found[0] if found else None


def read_entries(directory: Path, after_seq: int = 0, disk: Disk = SYSTEM_DISK) -> Iterator[Entry]:
    """Yield the rows after *after_seq*, for readers that do not write (any process may)."""
    for line in lines(directory, after_seq, disk):
        yield line.entry()


def holds(directory: Path, text: bytes, disk: Disk = SYSTEM_DISK) -> bool:
    """Return whether *text* stands anywhere in the ledger, whose newest segments are read first.

    Rows are neither decoded nor checked. Raises the storage errors and :class:`LedgerCorrupt`.
    """
    for segment in reversed(segments(directory, disk)):
        try:
            with disk.reader(segment.path) as stream:
                before = b""
                while block := stream.read(_BLOCK):
                    if text in before + block:
                        return True
                    before = block[-len(text) :]
        except OSError as error:
            raise storage_failed(worded("reading {path}", path=segment.path), error) from error
    return False


def hash_at(directory: Path, seq: int, disk: Disk = SYSTEM_DISK) -> str | None:
    """Return the hash of line *seq*, or None where there is no such line."""
    if seq < 1:
        return None
    for line in lines(directory, seq - 1, disk):
        return line.hash
    return None
