"""Snapshots of a journal: the header, a line for each row, and a last line that counts them."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path

from appliance.storage.files import Disk
from appliance.storage.journal_format import Change, body, end_line, snapshot_line
from firmware.durable import write_all
from firmware.json_text import parse_json

_BUFFER = 1024 * 1024


def write(disk: Disk, path: Path, header: bytes, rows: Iterable[Change]) -> int:
    """Write a snapshot and synchronise it; return its size. Raises ``OSError``."""
    descriptor = disk.open(path, truncate=True)
    size = count = 0
    try:
        buffer = bytearray(header)
        for change in rows:
            if change.row is None:
                continue
            buffer += snapshot_line(change)
            count += 1
            if len(buffer) >= _BUFFER:
                size += len(buffer)
                write_all(disk, descriptor, bytes(buffer))
                buffer.clear()
        buffer += end_line(count)
        size += len(buffer)
        write_all(disk, descriptor, bytes(buffer))
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
    return size


def read(disk: Disk, path: Path) -> Generator[Change, None, tuple[bytes, int] | None]:
    """Yield the rows; return the header's line and the size.

    None where any line is not as it was written: then the rows so far are void.
    """
    count = 0
    try:
        with disk.reader(path) as stream:
            first = stream.readline()
            for raw in stream:
                text = body(raw)
                if text is None:
                    return None
                if text.startswith(b"{"):
                    whole = parse_json(text)["end"] == count and not stream.read(1)
                    return (first, stream.tell()) if whole else None
                # What is left of the frame ["TABLE","KEY",ROW] is the row's text as it stands.
                _, table, _, key, _ = text.split(b'"', 4)
                row = text[len(table) + len(key) + 7 : -1]
                yield Change(table.decode(), key.decode(), row)
                count += 1
    except (OSError, ValueError, KeyError):
        return None
    return None
