"""Whether what the box decides by is what its whole ledger says, from the first row on.

A start reads the last segment and a checkpoint, not all history. So the whole chain is read once
more beside the running box, at its start and daily, and the latch and the withdrawals that are
found in the rows are compared with those that the box goes by.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from appliance.campaign.history import CampaignState, instant
from appliance.ledger import verify
from appliance.ledger.format import Line
from appliance.storage.files import SYSTEM_DISK, Disk, StorageError
from firmware.wording import plural, said_by, worded

_TELLING = frozenset({"stop.pressed", "stop.reset", "consent.revoked", "contact.erased"})


@dataclass(frozen=True, slots=True)
class Latches:
    """What no checkpoint may have lost, as a fold has it at row ``seq``."""

    seq: int
    stopped: bool
    withdrawn: dict[str, datetime]
    """By the keyed hash of the number."""

    @classmethod
    def of(cls, fold: CampaignState) -> Latches:
        known = {number_hash: revocation.at for number_hash, revocation in fold.suppressions()}
        return cls(fold.seq, fold.stopped, known)


@dataclass(slots=True)
class _Read:
    stopped: bool = False
    withdrawn: dict[str, datetime] = field(default_factory=dict)

    def take(self, line: Line) -> None:
        if line.kind not in _TELLING:
            return
        if line.kind.startswith("stop."):
            self.stopped = line.kind == "stop.pressed"
            return
        data = json.loads(line.data.decode())
        number_hash = data.get("number_hash")
        if isinstance(number_hash, str):
            # A message counts from when it was said, which may be days before its row.
            at = instant(data.get("said_at")) or datetime.fromisoformat(line.at)
            known = self.withdrawn.get(number_hash)
            erased = line.kind == "contact.erased"
            if known is None or (at > known and not erased):
                self.withdrawn[number_hash] = at


def what_is_wrong(
    directory: Path, latches: Latches, pause: Callable[[], None] | None = None
) -> str | None:
    """Read the ledger up to ``latches.seq``; return what is wrong with it, or None.

    *pause* is called after every row, so that whoever runs beside it is not held up.
    """
    read = _Read()

    def each(line: Line) -> None:
        read.take(line)
        if pause is not None:
            pause()

    try:
        found = verify(directory, until=latches.seq, each=each)
    except StorageError as error:
        return said_by(error)
    if found.fault is not None:
        return worded("the ledger is not what the box wrote: {fault}", fault=found.fault)
    if read.stopped and not latches.stopped:
        return worded(
            "the ledger says that the emergency stop is latched, and the box does not know it"
        )
    unknown = [
        number_hash
        for number_hash, at in read.withdrawn.items()
        if latches.withdrawn.get(number_hash, at) < at or number_hash not in latches.withdrawn
    ]
    if unknown:
        return plural(
            "the ledger knows {count} withdrawal that the box does not go by",
            "the ledger knows {count} withdrawals that the box does not go by",
            len(unknown),
        )
    return None


class FileWatch:
    """Sees that the files of the state stay as they are, but for what the box itself writes."""

    def __init__(self, state: Path, disk: Disk = SYSTEM_DISK) -> None:
        self._key = state / "number.key"
        self._ledger = state / "ledger"
        self._disk = disk
        self._key_held = self._held(self._key)
        self._sealed: dict[Path, object | None] = {}
        self.look()

    def _held(self, path: Path) -> bytes | None:
        """What a small file holds."""
        try:
            with self._disk.reader(path) as stream:
                return stream.read(4096)
        except OSError:
            return None

    def _stamp_of(self, path: Path) -> object | None:
        """Of a file that is not open: ext4 may forget the parts of a second of its time."""
        found = self._disk.stamp_of(path)
        return (*found[:-1], found[-1] // 1_000_000_000) if isinstance(found, tuple) else found

    def look(self) -> str | None:
        """Return what was changed since the last look, or None."""
        if self._held(self._key) != self._key_held:
            return worded("{key} was changed or removed under the running box", key=self._key)
        try:
            names = [name for name in self._disk.names(self._ledger) if name.endswith(".jsonl")]
        except OSError:
            return worded("{ledger} was removed under the running box", ledger=self._ledger)
        # The last one is being written, which its writer looks after.
        sealed = {self._ledger / name for name in names[:-1]}
        for path in sorted(sealed | self._sealed.keys()):
            stamp = self._stamp_of(path)
            if self._sealed.setdefault(path, stamp) != stamp or stamp is None:
                return worded("{path} was changed or removed under the running box", path=path)
        return None
