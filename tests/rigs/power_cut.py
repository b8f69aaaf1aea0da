"""A disk in memory that knows what a power cut may leave of it.

It keeps, besides the current contents, what was synchronised and what is still on its way. A cut
may lose or keep what is on its way in any order: of a file, any prefix of the unsynchronised
bytes, the same with the length already grown (zeros behind), or a sector lost in the middle; of a
directory, any prefix of the unsynchronised changes of names, or all but one. This is what POSIX
promises, which is less than ext4 usually keeps.
"""

from __future__ import annotations

import errno
import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

SECTOR = 512


@dataclass(slots=True)
class _File:
    current: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    synced: bool = True
    """Whether nothing is on its way to the medium."""


@dataclass(frozen=True, slots=True)
class _NameChange:
    directory: Path
    path: Path
    file: _File | None
    """None: the name goes away."""
    moved_from: Path | None = None


class MemoryDisk:
    """The :class:`appliance.storage.files.Disk` of a bench. *after_call* is told of every system
    call.

    ``short_writes`` makes each write accept at most that many bytes; ``tear_next_write`` makes
    the next one fail half-way; ``sync_fails`` makes the next synchronisation fail, after which
    the bytes are lost though a reader still sees them, as on Linux.
    """

    def __init__(self, files: dict[Path, bytes] | None = None) -> None:
        self.names_now: dict[Path, _File] = {}
        self.names_durable: dict[Path, _File] = {}
        self.directories: set[Path] = {Path("/")}
        self.pending: list[_NameChange] = []
        self.descriptors: dict[int, _File] = {}
        self.calls = 0
        self.short_writes: int | None = None
        self.tear_next_write = False
        self.sync_fails = False
        self.before_call: Callable[[str], None] | None = None
        self.after_call: Callable[[str], None] | None = None
        self._next = 3
        for path, data in (files or {}).items():
            self.names_now[path] = _File(bytearray(data), data)
            self.directories.update(path.parents)
        self.names_durable = dict(self.names_now)

    def contents(self) -> dict[Path, bytes]:
        """Return what a reader sees now."""
        return {path: bytes(file.current) for path, file in self.names_now.items()}

    # The Disk protocol.

    def names(self, directory: Path) -> list[str]:
        if directory not in self.directories:
            raise FileNotFoundError(errno.ENOENT, "no such directory", str(directory))
        return sorted(path.name for path in self.names_now if path.parent == directory)

    def is_directory(self, path: Path) -> bool:
        return path in self.directories

    def reader(self, path: Path) -> BinaryIO:
        if path not in self.names_now:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        return io.BytesIO(bytes(self.names_now[path].current))

    def make_directory(self, path: Path) -> None:
        with self._call("make_directory"):
            self.directories.add(path)

    def open(self, path: Path, *, truncate: bool = False) -> int:
        with self._call("open"):
            file = self.names_now.get(path)
            if file is None or (truncate and file.current):
                # A truncated file is modelled as a new one: both may be what a cut leaves.
                file = _File()
                self.names_now[path] = file
                self.pending.append(_NameChange(path.parent, path, file))
            self._next += 1
            self.descriptors[self._next] = file
            return self._next

    def write(self, descriptor: int, data: bytes) -> int:
        with self._call("write"):
            file = self.descriptors[descriptor]
            accepted = data if self.short_writes is None else data[: self.short_writes]
            if self.tear_next_write:
                accepted = data[: len(data) // 2]
            file.current += accepted
            file.synced = False
            if self.tear_next_write:
                self.tear_next_write = False
                raise OSError(errno.ENOSPC, "No space left on device")
            return len(accepted)

    def stamp(self, descriptor: int) -> object:
        return None

    def stamp_of(self, path: Path) -> object | None:
        return None

    def sync(self, descriptor: int) -> None:
        with self._call("sync"):
            file = self.descriptors[descriptor]
            if not self.sync_fails:
                file.durable = bytes(file.current)
            file.synced = True
            if self.sync_fails:
                self.sync_fails = False
                raise OSError(errno.EIO, "Input/output error")

    def close(self, descriptor: int) -> None:
        del self.descriptors[descriptor]

    def rename(self, source: Path, target: Path) -> None:
        with self._call("rename"):
            file = self.names_now.pop(source)
            self.names_now[target] = file
            self.pending.append(_NameChange(target.parent, target, file, source))

    def remove(self, path: Path) -> None:
        with self._call("remove"):
            if self.names_now.pop(path, None) is not None:
                self.pending.append(_NameChange(path.parent, path, None))

    def sync_directory(self, path: Path) -> None:
        with self._call("sync_directory"):
            for change in self.pending:
                if change.directory == path:
                    _apply(self.names_durable, change)
            self.pending = [c for c in self.pending if c.directory != path]

    def _call(self, name: str) -> _Call:
        return _Call(self, name)

    # What a cut may leave.

    def states(self) -> Iterator[tuple[str, dict[Path, bytes]]]:
        """Yield every distinct set of files that a cut at this moment may leave, with its kind.

        Where several files are on their way at once, one is torn at a time while the others are
        all lost or all kept.
        """
        seen: set[int] = set()
        for fate, names in self._name_fates():
            files = {id(file): file for file in names.values()}
            moving = [key for key, file in files.items() if not file.synced]
            for others in (False, True):
                choices: list[tuple[str, int | None, bytes]] = [("", None, b"")]
                choices += [
                    (how, key, data) for key in moving for how, data in _data_fates(files[key])
                ]
                for how, chosen, data in choices:
                    state = {
                        path: data
                        if id(file) == chosen
                        else (bytes(file.current) if others else file.durable)
                        for path, file in names.items()
                    }
                    mark = hash(tuple(sorted((str(p), d) for p, d in state.items())))
                    if mark not in seen:
                        seen.add(mark)
                        lost = "kept" if others else "lost"
                        yield (how or (lost if moving else fate)), state

    def _name_fates(self) -> Iterator[tuple[str, dict[Path, _File]]]:
        count = len(self.pending)
        fates = [
            ("names kept" if k == count else "names lost", self.pending[:k])
            for k in range(count, -1, -1)
        ]
        if count > 1:
            fates += [
                ("names reordered", self.pending[:k] + self.pending[k + 1 :])
                for k in range(count - 1)
            ]
        for fate, changes in fates:
            names = dict(self.names_durable)
            for change in changes:
                _apply(names, change)
            yield fate, names


class _Call:
    """One system call: the hooks may count, cut, or make it fail."""

    def __init__(self, disk: MemoryDisk, name: str) -> None:
        self._disk = disk
        self._name = name

    def __enter__(self) -> None:
        self._disk.calls += 1
        if self._disk.before_call is not None:
            self._disk.before_call(self._name)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None and self._disk.after_call is not None:
            self._disk.after_call(self._name)


def _apply(names: dict[Path, _File], change: _NameChange) -> None:
    if change.moved_from is not None:
        names.pop(change.moved_from, None)
    if change.file is None:
        names.pop(change.path, None)
    else:
        names[change.path] = change.file


def _data_fates(file: _File) -> Iterator[tuple[str, bytes]]:
    """Yield what a cut may leave of a file that is being appended to."""
    old, new = len(file.durable), bytes(file.current)
    yield "kept", new
    yield "lost", file.durable
    yield "grown", file.durable + bytes(len(new) - old)
    # Every byte near the ends and each side of every line end and sector; others in steps.
    ends = [i + 1 for i in range(old, len(new)) if new[i : i + 1] == b"\n"]
    cuts = set(range(old, min(old + 12, len(new)))) | set(range(old, len(new), 37))
    for place in itertools.chain(ends, range(old - old % SECTOR, len(new), SECTOR)):
        cuts.update((place - 1, place, place + 1))
    for cut in sorted(c for c in cuts if old < c < len(new)):
        yield "torn", new[:cut]
        yield "torn, grown", new[:cut] + bytes(len(new) - cut)
    first = old - old % SECTOR
    for start in range(first, len(new), SECTOR):
        low, high = max(start, old), min(start + SECTOR, len(new))
        yield "sector lost", new[:low] + bytes(high - low) + new[high:]
        yield "sector alone", file.durable + bytes(low - old) + new[low:high]
        yield "sector erased", new[:low] + b"\xff" * (high - low) + new[high:]
