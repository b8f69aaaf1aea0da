"""A fold of the ledger kept on disk, so that a start need not read all history.

A checkpoint is derived: losing it costs time, never facts. It counts only where it is, byte for
byte, what the box wrote, which a keyed hash over its contents and over the row that it stands at
shows: whoever edits it edits nothing but the speed of the next start.

It is a line of what it stands at, then one line for each member of the fold or, where the member
is a list, for each of its items, so that neither writing nor reading has all of it in memory
twice, and last the keyed hash.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from appliance.ledger.format import LedgerCorrupt
from appliance.storage.files import SYSTEM_DISK, Disk, replace_file, replace_file_in_parts
from appliance.storage.journal_format import body, frame
from firmware.json_text import parse_json

FILE = "checkpoint.json"
HEAD = "ledger.head"
_VERSION = 3


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
    directory: Path,
    payload: dict[str, Any],
    seq: int,
    digest: str,
    disk: Disk = SYSTEM_DISK,
    *,
    key: bytes = b"",
) -> None:
    """Keep *payload*, the fold up to row *seq* with hash *digest*. Raises :class:`StorageFailed`.

    *payload* must be plain JSON (keys are strings). *key* is known to the box alone.
    """
    replace_file_in_parts(directory / FILE, _sealed(_lines(payload, seq, digest), key), disk)


def _sealed(lines: Iterator[bytes], key: bytes) -> Iterator[bytes]:
    seal = hmac.new(key, digestmod=hashlib.sha256)
    for line in lines:
        seal.update(line)
        yield line
    yield _line({"seal": seal.hexdigest()})


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


def read(directory: Path, disk: Disk = SYSTEM_DISK, *, key: bytes = b"") -> Checkpoint | None:
    """Return what :func:`save` kept under *key*.

    None where it is missing, damaged, edited, of another box or of another version.
    """
    seal, sealed = hmac.new(key, digestmod=hashlib.sha256), None
    try:
        with disk.reader(directory / FILE) as stream:
            first = stream.readline()
            head = parse_json(body(first) or b"null")
            if head["version"] != _VERSION:
                return None
            seal.update(first)
            payload: dict[str, Any] = {key: [] for key in head["lists"]}
            members = 0
            for raw in stream:
                value = parse_json(body(raw) or b"null")
                if isinstance(value, dict):
                    sealed = str(value["seal"])
                    if stream.read(1):
                        return None
                    break
                seal.update(raw)
                name, item = value
                if name in head["lists"]:
                    payload[name].append(item)
                else:
                    payload[name] = item
                    members += 1
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = {name: len(payload[name]) for name in head["lists"]} == head["lists"]
    if not whole or members != head["members"]:
        return None
    if sealed is None or not hmac.compare_digest(sealed, seal.hexdigest()):
        return None
    return Checkpoint(seq=head["seq"], hash=head["hash"], payload=payload)


def is_there(directory: Path, disk: Disk = SYSTEM_DISK) -> bool:
    """Whether there is a checkpoint, whatever it is worth."""
    try:
        with disk.reader(directory / FILE) as stream:
            return stream.read(1) != b""
    except OSError:
        return False


def is_older_format(directory: Path, disk: Disk = SYSTEM_DISK) -> bool:
    """Whether the checkpoint is one of an earlier version of the program, which had no seal."""
    try:
        with disk.reader(directory / FILE) as stream:
            return bool(json.loads(body(stream.readline()) or b"null")["version"] < _VERSION)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def load(
    directory: Path, ledger: _Hashes, disk: Disk = SYSTEM_DISK, *, key: bytes = b""
) -> Checkpoint | None:
    """Return the checkpoint in *directory* if *ledger* has the row that it stands at, else None.

    Raises :class:`~appliance.ledger.format.LedgerCorrupt` where the ledger ends before that row. A
    checkpoint is written after its rows are durable, so rows are gone: the calls they authorised
    would be forgotten, and made again.
    """
    found = read(directory, disk, key=key)
    if found is None:
        return None
    end, _ = ledger.head
    if found.seq > end:
        reason = f"the ledger ends at row {end}, but the checkpoint has seen row {found.seq}"
        raise LedgerCorrupt("the newest segment", 0, reason)
    return found if ledger.hash_at(found.seq) == found.hash else None


def save_head(
    directory: Path, head: tuple[int, str], disk: Disk = SYSTEM_DISK, *, key: bytes = b""
) -> None:
    """Note how far the ledger came, apart from it and from the checkpoint.

    Restoring the one or losing the other then still shows. Raises :class:`StorageFailed`.
    """
    seq, digest = head
    told = {"seq": seq, "hash": digest, "seal": _head_seal(seq, digest, key)}
    replace_file(directory / HEAD, (json.dumps(told) + "\n").encode(), disk)


def read_head(
    directory: Path, disk: Disk = SYSTEM_DISK, *, key: bytes = b""
) -> tuple[int, str] | None:
    """Return what :func:`save_head` noted under *key*, or None as :func:`read` does."""
    try:
        with disk.reader(directory / HEAD) as stream:
            told = json.loads(stream.read(1024))
        seq, digest, seal = told["seq"], told["hash"], told["seal"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if type(seq) is not int or not (isinstance(digest, str) and isinstance(seal, str)):
        return None
    return (seq, digest) if hmac.compare_digest(seal, _head_seal(seq, digest, key)) else None


def _head_seal(seq: int, digest: str, key: bytes) -> str:
    return hmac.new(key, f"head {seq} {digest}".encode(), hashlib.sha256).hexdigest()
