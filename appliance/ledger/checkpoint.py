"""A fold of the ledger kept on disk, so that a start need not read all history.

A checkpoint is derived: losing it costs time, never facts. It counts only where the ledger has
the very row that it stands at.

It is a line of what it stands at, and then one line for each member of the fold or, where the
member is a list, for each of its items, so that neither writing nor reading has all of it in
memory twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from appliance.ledger.format import LedgerCorrupt
from appliance.storage.files import SYSTEM_DISK, Disk, replace_file_in_parts
from appliance.storage.journal_format import body, frame
from firmware.json_text import parse_json

FILE = "checkpoint.json"
_VERSION = 2


class _Hashes(Protocol):
    @property
    def head(self) -> tuple[int, str]: ...

    def hash_at(self, seq: int) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """``payload`` is the fold of all rows up to and including ``seq``."""

    seq: int
    hash: str
    payload: dict[str, Any]


def save(
    directory: Path, payload: dict[str, Any], seq: int, digest: str, disk: Disk = SYSTEM_DISK
) -> None:
    """Keep *payload*, the fold up to row *seq* with hash *digest*. Raises :class:`StorageFailed`.

    *payload* must be plain JSON (keys are strings).
    """
    replace_file_in_parts(directory / FILE, _lines(payload, seq, digest), disk)


def _lines(payload: dict[str, Any], seq: int, digest: str) -> Iterator[bytes]:
    lists = {key: len(value) for key, value in payload.items() if isinstance(value, list)}
    head = {"version": _VERSION, "seq": seq, "hash": digest, "lists": lists}
    yield _line({**head, "members": len(payload) - len(lists)})
    for key, value in payload.items():
        for item in value if isinstance(value, list) else (value,):
            yield _line([key, item])


def _line(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return frame(text.encode())


def read(directory: Path, disk: Disk = SYSTEM_DISK) -> Checkpoint | None:
    """Return what :func:`save` kept, or None where it is missing, damaged or of another version."""
    try:
        with disk.reader(directory / FILE) as stream:
            head = parse_json(body(stream.readline()) or b"null")
            if head["version"] != _VERSION:
                return None
            payload: dict[str, Any] = {key: [] for key in head["lists"]}
            members = 0
            for raw in stream:
                key, value = parse_json(body(raw) or b"null")
                if key in head["lists"]:
                    payload[key].append(value)
                else:
                    payload[key] = value
                    members += 1
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = {key: len(payload[key]) for key in head["lists"]} == head["lists"]
    if not whole or members != head["members"]:
        return None
    return Checkpoint(seq=head["seq"], hash=head["hash"], payload=payload)


def load(directory: Path, ledger: _Hashes, disk: Disk = SYSTEM_DISK) -> Checkpoint | None:
    """Return the checkpoint in *directory* if *ledger* has the row that it stands at, else None.

    Raises :class:`~appliance.ledger.format.LedgerCorrupt` where the ledger ends before that row. A
    checkpoint is written after its rows are durable, so rows are gone: the calls they authorised
    would be forgotten, and made again.
    """
    found = read(directory, disk)
    if found is None:
        return None
    end, _ = ledger.head
    if found.seq > end:
        reason = f"the ledger ends at row {end}, but the checkpoint has seen row {found.seq}"
        raise LedgerCorrupt("the newest segment", 0, reason)
    return found if ledger.hash_at(found.seq) == found.hash else None
