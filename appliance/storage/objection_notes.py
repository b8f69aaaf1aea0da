"""Objections on disk from the moment they are heard, one small file each.

An objection counts when it is heard, and the loop that writes the ledger may just then be slow,
stopped or about to be killed. So the thread that hears it writes a note, and does so before
anything waits: ``STATE/objections/ID.json``, synchronised with its directory. The loop removes the
note once the ledger has the row. A note that is still there at a start was never folded, unless
only its removal was lost: it names the last row that the ledger had before the call, and a row
behind that which tells of the same call makes it void.

A note holds no number: the random id of a registered person, and the keyed hash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from appliance.storage.files import (
    SYSTEM_DISK,
    Disk,
    StorageFailed,
    make_private_directory,
    remove_leftovers,
    replace_file,
    storage_failed,
)
from firmware.wording import worded

_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionNote:
    """One objection as it was heard."""

    attempt: str
    """The call in which it was heard, dialled or received."""
    subject: str | None
    """The registered person; None where nobody has the number."""
    number_hash: str
    by: str
    """``key`` in a call that the box dialled, ``incoming`` in one that it received."""
    heard_at: datetime | None
    """None where the clock was not trusted."""
    after: int
    """The ledger's last row before the call."""

    @property
    def row(self) -> dict[str, Any]:
        """What ``consent.revoked`` says of it, apart from the subject."""
        call = "incoming" if self.by == "incoming" else "attempt"
        told: dict[str, Any] = {"by": self.by, "number_hash": self.number_hash, call: self.attempt}
        if self.heard_at is not None:
            told["heard_at"] = self.heard_at.isoformat(timespec="milliseconds")
        return told


class LedgerRow(Protocol):
    """What the notes ask of a row of the ledger."""

    @property
    def seq(self) -> int: ...

    @property
    def kind(self) -> str: ...

    @property
    def data(self) -> Mapping[str, Any]: ...


class ObjectionNotes:
    """The notes in one directory. :meth:`put` and :meth:`drop` may be called from any thread."""

    def __init__(self, directory: Path, disk: Disk = SYSTEM_DISK) -> None:
        self._directory = directory
        self._disk = disk

    def prepare(self) -> None:
        """Create the directory durably and remove half-written notes. Raises StorageFailed."""
        make_private_directory(self._directory, self._disk)
        try:
            remove_leftovers(self._directory, self._disk)
        except OSError as error:
            raise storage_failed(
                worded("tidying {directory}", directory=self._directory), error
            ) from error

    def put(self, note: ObjectionNote) -> None:
        """Make *note* durable. Raises StorageFailed, ValueError for an id that is no file name."""
        if _ID.fullmatch(note.attempt) is None:
            raise ValueError("a call's id must be a plain file name")
        told = asdict(note)
        told["heard_at"] = None if note.heard_at is None else note.heard_at.isoformat()
        replace_file(self._path(note.attempt), json.dumps(told).encode() + b"\n", self._disk)

    def drop(self, attempt: str) -> None:
        """Remove the note of *attempt*, if there is one: the ledger has it.

        Its removal need not be durable, see the module. Raises StorageFailed.
        """
        try:
            self._disk.remove(self._path(attempt))
        except OSError as error:
            raise storage_failed(
                worded("removing {path}", path=self._path(attempt)), error
            ) from error

    def all(self) -> list[ObjectionNote]:
        """Return every note, whole as each is. Raises StorageFailed where one cannot be read."""
        if not self._disk.is_directory(self._directory):
            return []
        notes = []
        try:
            for name in self._disk.names(self._directory):
                if name.endswith(_SUFFIX):
                    with self._disk.reader(self._directory / name) as stream:
                        notes.append(_read(self._directory / name, stream.read()))
        except OSError as error:
            raise storage_failed(
                worded("reading {directory}", directory=self._directory), error
            ) from error
        return notes

    def _path(self, attempt: str) -> Path:
        return self._directory / (attempt + _SUFFIX)


def unfolded(notes: Iterable[ObjectionNote], rows: Iterable[LedgerRow]) -> list[ObjectionNote]:
    """Return the notes that no later ``consent.revoked`` among *rows* tells of.

    An earlier one of the same call is another objection: who called, where calling objects, and
    then pressed the key.
    """
    told: dict[object, int] = {}
    for row in rows:
        if row.kind == "consent.revoked":
            for call in (row.data.get("attempt"), row.data.get("incoming")):
                told[call] = row.seq
    return [note for note in notes if told.get(note.attempt, 0) <= note.after]


def _read(path: Path, data: bytes) -> ObjectionNote:
    try:
        told = json.loads(data)
        heard_at = told["heard_at"]
        return ObjectionNote(
            attempt=str(told["attempt"]),
            subject=None if told["subject"] is None else str(told["subject"]),
            number_hash=str(told["number_hash"]),
            by=str(told["by"]),
            heard_at=None if heard_at is None else datetime.fromisoformat(heard_at),
            after=int(told["after"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StorageFailed(
            worded("{path} cannot be read as an objection: {error}", path=path, error=error),
            remedy=worded(
                "Somebody objected in this call: revoke the person by hand, then remove it."
            ),
        ) from error
