"""What a box keeps of the fleet across a power cut, in ``STATE/fleet/``.

``position.json``: how far the log was followed, epoch, stop, and whether the hub is believed.
``outbox.json``: the newest ledger row of which everything that had to go out is acknowledged, the
newest that is in the hub's copy of the ledger, and whether everything that was ever heard has to go
out anew, since the hub lost it.
``objections``: the pseudonyms that objected elsewhere, 24 bytes each (16 of the pseudonym, 8 of the
time in milliseconds), only ever appended to. ``head.json``: the ledger head that headquarters
signed last.

None of it is evidence; the ledger is. A lost outbox sends everything again, which the hub knows
already; a lost position makes this box begin as a new one, whom the hub's own rules still bind.
Not thread-safe: one thread owns it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.fleet.claim import Position
from appliance.storage.files import (
    SYSTEM_DISK,
    Disk,
    StorageError,
    StorageFailed,
    make_private_directory,
    replace_file,
    storage_failed,
)
from firmware.durable import write_all
from firmware.wording import worded

_RECORD = struct.Struct(">16sq")


class MemoryDamaged(StorageError):
    """A file in ``STATE/fleet`` that this program did not write like that."""


class Memory:
    """The files of ``STATE/fleet``, opened."""

    def __init__(self, state: Path, disk: Disk = SYSTEM_DISK) -> None:
        """Open or begin them. Raises the storage errors and :class:`MemoryDamaged`."""
        self.directory = state / "fleet"
        self._disk = disk
        self._failure: StorageFailed | None = None
        """Why no objection can be added any more: only opening anew knows what is on disk."""
        make_private_directory(self.directory, disk)
        self.position = self._position()
        self._on_disk = self.position
        outbox = self._read("outbox.json")
        self.sent = _whole(outbox, "seq")
        """The newest ledger row of which everything that had to go out is acknowledged."""
        self.again = outbox is not None and outbox.get("again") is True
        """Whether what was heard of others goes out anew, after a hub lost it."""
        self.packed = _whole(outbox, "ledger")
        """The newest ledger row that the hub acknowledged; on disk with :meth:`keep`."""
        self._outbox_on_disk = self.sent, self.again, self.packed
        self.head = self._read("head.json") or {}
        self.objections: dict[bytes, int] = {}
        """Pseudonym to milliseconds since 1970: everybody who objected elsewhere."""
        self._load_objections()

    def move(self, position: Position) -> None:
        """Put *position* on disk. Raises :class:`~appliance.storage.files.StorageFailed`."""
        if position != self._on_disk:
            self._write("position.json", {"version": 1, **asdict(position)})
            self._on_disk = position
        self.position = position

    def follow(self, position: Position) -> None:
        """Move on without a write: it is on disk with the next :meth:`move` or :meth:`keep`."""
        self.position = position

    def acknowledged(self, seq: int) -> None:
        """Note that nothing up to ledger row *seq* waits to go out.

        Where it stands in the log is on disk before: who forgot both to send it and where it was
        would not notice that a hub lost it.
        """
        self.move(self.position)
        self._keep_outbox(seq, again=False)

    def keep(self) -> None:
        """Put on disk what was noted without a write."""
        self.move(self.position)
        self._keep_outbox(self.sent, again=self.again)

    def _keep_outbox(self, seq: int, *, again: bool) -> None:
        outbox = seq, again, self.packed
        if outbox != self._outbox_on_disk:
            told = {"version": 1, "seq": seq, "again": again, "ledger": self.packed}
            self._write("outbox.json", told)
            self._outbox_on_disk = outbox
        self.sent, self.again = seq, again

    def send_again(self) -> None:
        """Put on disk that everything goes out anew; :meth:`acknowledged` ends it.

        To be called before it is on disk that the hub lost something, and before the order is taken
        that lets the box count from there: a cut between the two would otherwise leave a box that
        has told nobody what the hub forgot.
        """
        self.packed = 0
        self._keep_outbox(0, again=True)

    def signed(self, head: dict[str, Any]) -> None:
        """Keep the newest head that headquarters signed."""
        if head != self.head:
            self._write("head.json", head)
            self.head = head

    def heard(self, objections: Iterable[tuple[str, datetime]]) -> list[str]:
        """Put objections on disk; return the pseudonyms that are new, in order."""
        new: dict[bytes, int] = {}
        for pid, at in objections:
            key = bytes.fromhex(pid)
            if key not in self.objections:
                new.setdefault(key, int(at.timestamp() * 1000))
        if new:
            if self._failure is not None:
                raise self._failure
            data = b"".join(_RECORD.pack(key, at) for key, at in new.items())
            path = self.directory / "objections"
            try:
                descriptor = self._disk.open(path)
                try:
                    write_all(self._disk, descriptor, data)
                    self._disk.sync(descriptor)
                finally:
                    self._disk.close(descriptor)
                if not self.objections:
                    self._disk.sync_directory(self.directory)
            except OSError as error:
                # A part of a record may stand there: what came behind it could not be read.
                self._failure = storage_failed(worded("writing {path}", path=path), error)
                raise self._failure from error
            # A new mapping, not a changed one: another thread may be looking at the old one.
            self.objections = {**self.objections, **new}
        return [key.hex() for key in new]

    def objected(self, pid: str) -> datetime | None:
        """Return when the person *pid* objected elsewhere, None where they did not."""
        at = self.objections.get(bytes.fromhex(pid))
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC)

    def _load_objections(self) -> None:
        path = self.directory / "objections"
        try:
            with self._disk.reader(path) as stream:
                data = stream.read()
            whole = len(data) - len(data) % _RECORD.size
            if whole != len(data):
                # A cut left a part of a record of which the hub was told nothing: it comes again.
                replace_file(path, data[:whole], self._disk)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_failed(worded("reading {path}", path=path), error) from error
        self.objections = dict(_RECORD.iter_unpack(data[:whole]))

    def _position(self) -> Position:
        value = self._read("position.json")
        if value is None:
            return Position()
        try:
            kinds = {
                "highest": int,
                "epoch": int,
                "stopped": bool,
                "stopped_by": str,
                "forgetful": str,
                "anchor": int,
                "anchor_subject": str,
            }
            given = {key: value[key] for key in kinds}
            if any(type(given[key]) is not kind for key, kind in kinds.items()):
                raise TypeError("a member of another kind")
            return Position(**given)
        except (KeyError, TypeError) as error:
            raise self._damaged("position.json", error) from error

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            with self._disk.reader(self.directory / name) as stream:
                value = json.loads(stream.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_failed(
                worded("reading {directory}", directory=self.directory / name), error
            ) from error
        except (ValueError, RecursionError) as error:
            raise self._damaged(name, error) from error
        if not isinstance(value, dict):
            raise self._damaged(name, ValueError("not an object"))
        return value

    def _write(self, name: str, value: dict[str, Any]) -> None:
        replace_file(self.directory / name, json.dumps(value).encode() + b"\n", self._disk)

    def _damaged(self, name: str, error: Exception) -> MemoryDamaged:
        return MemoryDamaged(
            f"{self.directory / name}: {error}",
            remedy=worded(
                "A backup of it would be older than what headquarters has: keep this state "
                "directory, enrol the box under a new name and give it a fresh state "
                "(docs/fleet.md, A box restored)."
            ),
        )


def _whole(value: dict[str, Any] | None, key: str) -> int:
    found = 0 if value is None else value.get(key)
    return found if type(found) is int and found >= 0 else 0
