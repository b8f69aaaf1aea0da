"""Rows of the registry as the people and agreements that they stand for, and back. Pure.

A planner reads everybody at each start, so rows become objects without TinyDB between them.
A row is its values in the order of the table's columns: a third of the memory that a dictionary
takes, and the very bytes that stand in the journal. Rows shorter than the columns come from an
older schema; what they lack is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from appliance.model import Consent, Contact, Sketch
from appliance.storage.journal_format import encode_row, encode_texts

SCHEMA = 2
"""Version of the columns below. A later one appends columns; older rows are then shorter. Version 1
had no messages."""

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
    "messages": (
        "received_at",
        "sent_at",
        "line",
        "number",
        "numbers",
        "readings",
        "why",
        "pdus",
    ),
}
"""Tables and their columns. The document id is the subject, the consent's id, the number's keyed
hash and the message's id, each read as a hexadecimal number."""

_KEY_DIGITS = {"contacts": 32, "consents": 32, "suppressions": 64, "messages": 32}


def key_text(table: str, key: int) -> str:
    """Return a document id as the files have it."""
    return f"{key:0{_KEY_DIGITS[table]}x}"


def person_id(text: str) -> int:
    if len(text) != 32:
        raise ValueError("a subject or consent id has 32 hexadecimal digits")
    return int(text, 16)


def hash_id(number_hash: str) -> int:
    if len(number_hash) != 64:
        raise ValueError("a number hash has 64 hexadecimal digits")
    return int(number_hash, 16)


def number_of(row: bytes) -> int:
    """Read a contact's first column, which needs no JSON parser: digits only."""
    return int(row[2 : row.index(b'"', 2)])


def hash_of(row: bytes) -> str:
    """Read a contact's second column without a JSON parser: the keyed hash of the number."""
    start = row.index(b'",', 2) + 3
    return row[start : start + 64].decode()


def digits(number: str) -> int:
    if not number.startswith("+"):
        raise ValueError("a number is in E.164 form, with its +")
    return int(number)


def contact_of(key: int, row: bytes) -> Contact:
    number, number_hash, name, language, timezone = decode_row(row, len(COLUMNS["contacts"]))
    return Contact(
        subject=f"{key:032x}",
        number=number,
        number_hash=number_hash,
        name=name,
        language=language,
        timezone=timezone,
    )


def sketch_of(contact: bytes, row: bytes) -> Sketch:
    _, purpose, given_at, source, evidence, windows, until, _ = decode_row(
        row, len(COLUMNS["consents"])
    )
    # The last column; no name of a zone needs an escape, and what is no zone has no hours.
    timezone = contact[contact.rindex(b',"') + 2 : -2].decode()
    # By position, which takes half as long.
    return Sketch(
        f"+{number_of(contact)}",
        timezone,
        purpose,
        datetime.fromisoformat(given_at),
        windows,
        None if until is None else datetime.fromisoformat(until),
        bool(source.strip() and evidence.strip()),
    )


def consent_of(key: int, row: bytes) -> Consent:
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


def terms_of(row: bytes) -> tuple[str, dict[str, Any]]:
    """Return whose a consent is, and its terms as texts, without the words that name people."""
    subject, purpose, given_at, _, _, windows, until, _ = decode_row(row, len(COLUMNS["consents"]))
    return subject, {
        "purpose": purpose,
        "given_at": given_at,
        "valid_until": until,
        "windows": windows,
    }


def subject_of(row: bytes) -> int:
    """Read a consent's first column without a JSON parser: whose it is."""
    return int(row[2:34], 16)


def contact_row(contact: Contact) -> bytes:
    bytes.fromhex(contact.number_hash)
    return encode_texts(
        [
            contact.number,
            contact.number_hash,
            contact.name,
            contact.language,
            contact.timezone,
        ]
    )


def consent_row(consent: Consent) -> bytes:
    until = consent.valid_until
    return encode_texts(
        [
            consent.subject,
            consent.purpose,
            _written(consent.given_at),
            consent.source,
            consent.evidence,
            consent.windows,
            None if until is None else _written(until),
            _written(consent.recorded_at),
        ]
    )


def _written(at: datetime) -> str:
    # Instants that are equal in two zones are written differently; in one zone they are not.
    return _written_utc(at) if at.tzinfo is UTC else at.isoformat()


@lru_cache(maxsize=4096)
def _written_utc(at: datetime) -> str:
    """Return *at*, in UTC, as a row has it: the people of one list share few instants."""
    return at.isoformat()


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
    return values + [None] * (columns - len(values))


def decode_document(columns: tuple[str, ...], row: bytes) -> dict[str, Any]:
    return dict(zip(columns, decode_row(row, len(columns)), strict=True))
