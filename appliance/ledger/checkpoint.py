"""A fold of the ledger kept on disk, so that a start need not read all history.

A checkpoint is derived: losing it costs time, never facts. It counts only where the ledger has
the very row that it stands at.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from appliance.files import SYSTEM_DISK, Disk, replace_file
from appliance.ledger.format import LedgerCorrupt

FILE = "checkpoint.json"
_VERSION = 1


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
    value = {"version": _VERSION, "seq": seq, "hash": digest, "payload": payload}
    body = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    replace_file(directory / FILE, b"%08x %b\n" % (zlib.crc32(body), body), disk)


def read(directory: Path, disk: Disk = SYSTEM_DISK) -> Checkpoint | None:
    """Return what :func:`save` kept, or None where it is missing, damaged or of another version."""
    try:
        with disk.reader(directory / FILE) as stream:
            raw = stream.read()
        body = raw[9:-1]
        if raw != b"%08x %b\n" % (zlib.crc32(body), body):
            return None
        value = json.loads(body)
        if value["version"] != _VERSION:
            return None
        return Checkpoint(seq=value["seq"], hash=value["hash"], payload=value["payload"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


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
