"""Rows of the registry as the people and agreements that they stand for, and back. Pure.

A planner reads everybody at each start, so rows become objects without TinyDB between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from appliance.model import Consent, Contact, Sketch
from appliance.rows import decode_row
from appliance.storage.journal_format import encode_row

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


def subject_of(row: bytes) -> int:
    """Read a consent's first column without a JSON parser: whose it is."""
    return int(row[2:34], 16)


def contact_row(contact: Contact) -> bytes:
    bytes.fromhex(contact.number_hash)
    return encode_row(
        [
            contact.number,
            contact.number_hash,
            contact.name,
            contact.language,
            contact.timezone,
        ]
    )


def consent_row(consent: Consent) -> bytes:
    return encode_row(
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
