"""A table's documents as rows of JSON text, and the two views that TinyDB needs of them.

A row is its values in the order of the table's columns: a third of the memory that a dictionary
takes, and the very bytes that stand in the journal. Rows shorter than the columns come from an
older schema; what they lack is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from appliance.storage.journal_format import encode_row

# Unlike decode() it looks for no white space around the value, which takes as long as the rest.
_decode = json.JSONDecoder().raw_decode


class Rows(Mapping[str, dict[str, Any]]):
    """One table as TinyDB reads it: document id (text) to document, decoded when asked for."""

    def __init__(self, columns: tuple[str, ...], live: Mapping[int, bytes]) -> None:
        self._columns = columns
        self._live = live

    def __getitem__(self, key: str) -> dict[str, Any]:
        return decode_document(self._columns, self._live[int(key)])

    def __iter__(self) -> Iterator[str]:
        return map(str, self._live)

    def __len__(self) -> int:
        return len(self._live)


class Overlay(MutableMapping[int, dict[str, Any]]):
    """One table as TinyDB changes it: reads through, keeps what was written and what was handed
    out (the updater may change that in place)."""

    def __init__(self, columns: tuple[str, ...], live: Mapping[int, bytes]) -> None:
        self._columns = columns
        self._live = live
        self._written: dict[int, bytes | None] = {}
        self._lent: dict[int, dict[str, Any]] = {}

    def __getitem__(self, key: int) -> dict[str, Any]:
        if key not in self._lent:
            row = self._written[key] if key in self._written else self._live[key]
            if row is None:
                raise KeyError(key)
            self._lent[key] = decode_document(self._columns, row)
        return self._lent[key]

    def __setitem__(self, key: int, document: dict[str, Any]) -> None:
        self._lent.pop(key, None)
        self._written[key] = encode_document(self._columns, document)

    def __delitem__(self, key: int) -> None:
        if key not in self:
            raise KeyError(key)
        self._lent.pop(key, None)
        self._written[key] = None

    def __contains__(self, key: object) -> bool:
        if key in self._written:
            return self._written[key] is not None
        return key in self._live

    def __iter__(self) -> Iterator[int]:
        yield from (key for key in self._live if self._written.get(key, b"") is not None)
        yield from (
            k for k, row in self._written.items() if row is not None and k not in self._live
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def changes(self) -> dict[int, bytes | None]:
        for key, document in self._lent.items():
            self._written[key] = encode_document(self._columns, document)
        return {k: row for k, row in self._written.items() if row != self._live.get(k)}


def encode_document(columns: tuple[str, ...], document: Mapping[str, Any]) -> bytes:
    """Return *document* as a row: its values in the order of *columns*, as JSON text."""
    if extra := document.keys() - set(columns):
        raise ValueError(f"no such column: {', '.join(sorted(extra))}")
    return encode_row([document.get(column) for column in columns])


def decode_row(row: bytes, columns: int) -> list[Any]:
    """Return the values of *row*; what an older schema lacks is None."""
    values: list[Any] = _decode(row.decode())[0]
    if len(values) < columns:
        values += [None] * (columns - len(values))
    return values


def decode_document(columns: tuple[str, ...], row: bytes) -> dict[str, Any]:
    return dict(zip(columns, decode_row(row, len(columns)), strict=True))
