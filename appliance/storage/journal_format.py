"""The lines of a journal: ``CRC32 JSON``, each a header, a transaction or a part of one. Pure.

A transaction is one line, or, where it is large, parts under one number and the line that seals
them. Parts without a seal were never acknowledged and count for nothing.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from appliance.storage.files import StorageError
from firmware.json_text import parse_json
from firmware.wording import joined, worded

FORMAT = 2
"""Version of the lines themselves; what the rows mean is versioned by the caller's schema.
Format 1 had no parts."""


class JournalCorrupt(StorageError):
    """Acknowledged data is damaged. Nothing was changed; ``file`` and ``line`` say where."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(
            f"{file}:{line}: " + joined("", [reason]),
            remedy=worded(
                "Keep a copy of the state directory; docs/backup.md says what to do then."
            ),
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


class Header(NamedTuple):
    """The first line of every file."""

    journal: str
    schema: int
    generation: int
    transaction: int
    """The last transaction before this file's own."""
    oldest: int
    """The oldest generation that may still be read."""

    def line(self) -> bytes:
        return frame(json.dumps({**self._asdict(), "format": FORMAT}).encode())

    @classmethod
    def read(cls, file: str, raw: bytes) -> Header:
        """Read what :meth:`line` wrote.

        Raises :class:`JournalCorrupt`, or :class:`SchemaUnknown` for a newer format.
        """
        text = body(raw)
        if text is None:
            raise JournalCorrupt(file, 1, worded("the header is damaged"))
        try:
            value: dict[str, Any] = parse_json(text)
            if value.pop("format") > FORMAT:
                raise newer_program(file)
            header = cls(**value)
            if not all(type(number) is int for number in header[1:]):
                raise TypeError("a number is none")
        except (ValueError, KeyError, TypeError) as error:
            raise JournalCorrupt(
                file, 1, worded("the header is unusable: {error!r}", error=error)
            ) from error
        return header


def newer_program(file: str) -> SchemaUnknown:
    return SchemaUnknown(
        worded("{file} was written by a newer autodialer", file=file),
        remedy=worded("Install that version again, or restore a backup from before it."),
    )


def encode_row(row: Any) -> bytes:
    """Return a row as the JSON text that the files hold."""
    return _ENCODER.encode(row).encode()


def encode_texts(row: Iterable[str | None]) -> bytes:
    """Do the same for texts alone, in half the time: most rows are such."""
    cells = ["null" if cell is None else encode_basestring(cell) for cell in row]
    return f"[{','.join(cells)}]".encode()


# Made once: to make one takes longer than to encode a row.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def transaction_line(number: int, changes: Iterable[Change]) -> bytes:
    return frame(b'{"transaction":%d,"changes":[%b]}' % (number, _joined(changes)))


def part_line(number: int, changes: Iterable[Change]) -> bytes:
    """Return a part of the transaction whose parts bear *number*."""
    return frame(b'{"part":%d,"changes":[%b]}' % (number, _joined(changes)))


def seal_line(transaction: int, number: int) -> bytes:
    """Return the line by which all parts *number* become transaction *transaction*."""
    return frame(b'{"transaction":%d,"seals":%d}' % (transaction, number))


def snapshot_line(change: Change) -> bytes:
    return frame(_change(change))


def end_line(count: int) -> bytes:
    return frame(b'{"end":%d}' % count)


def _joined(changes: Iterable[Change]) -> bytes:
    return b",".join(map(_change, changes))


def _change(change: Change) -> bytes:
    row = b"null" if change.row is None else change.row
    return b'["%b","%b",%b]' % (change.table.encode(), change.key.encode(), row)


def frame(text: bytes) -> bytes:
    """Return *text*, which has no newline, as a line with its checksum in front."""
    return b"%08x %b\n" % (zlib.crc32(text), text)


def body(raw: bytes) -> bytes | None:
    """Return the text of a line if it is whole and its checksum fits, else None."""
    text = raw[9:-1]
    if len(raw) < 10 or raw[-1:] != b"\n" or raw[:9] != b"%08x " % zlib.crc32(text):
        return None
    return text
