"""Files that survive a power cut: the few system calls that evidence and people's data rest on.

Everything durable goes through a :class:`Disk`, so that a test can hand in one that fails at any
call or that rebuilds what a cut would have left. Three rules hold here and nowhere else need
repeating: a file appears under its final name only when its bytes are on the medium; a directory
is synchronised before anybody relies on a name in it; a failed synchronisation is never tried
again, because Linux marks the pages clean and would report success the second time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from firmware import durable
from firmware.errors import ErrorWithRemedy
from firmware.wording import joined, reason_of, worded

_REMEDIES = {
    errno.ENOSPC: worded("The storage is full: make room, then restart the box."),
    errno.EDQUOT: worded("The disk quota is used up: raise it, then restart the box."),
    errno.EIO: worded("The storage is failing: copy the state directory and replace the card."),
    errno.EROFS: worded(
        "The file system is read-only: check the card with fsck, then mount it writable."
    ),
    errno.EACCES: worded("Give the state directory to the account that the box runs as."),
    errno.EPERM: worded("Give the state directory to the account that the box runs as."),
}


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class StorageError(ErrorWithRemedy):
    """Base of everything that the storage of the box raises on purpose."""


class StorageFailed(StorageError):
    """Something could not be made durable. What was asked last may or may not be on disk.

    The object that raised it refuses everything from then on; only opening it anew, which reads
    back what really is there, makes it usable again.
    """


class StateInUse(StorageError):
    """Another process holds the state directory; two processes never write."""


def storage_failed(doing: str, error: OSError) -> StorageFailed:
    """Return the failure of *doing* (``writing PATH``) with the remedy for its error number."""
    remedy = _REMEDIES.get(error.errno or 0, worded("Check the storage, then restart the box."))
    return StorageFailed(joined(": ", [doing, reason_of(error)]), remedy=remedy)


class Disk(durable.Disk, Protocol):
    """The system calls that the state directory needs. All may raise ``OSError``."""

    def names(self, directory: Path) -> list[str]:
        """Return the names in *directory*, sorted."""
        ...

    def is_directory(self, path: Path) -> bool: ...

    def reader(self, path: Path) -> BinaryIO:
        """Open *path* for buffered reading."""
        ...

    def make_directory(self, path: Path) -> None:
        """Create *path* with mode 0700; one that exists is left alone."""
        ...

    def stamp(self, descriptor: int) -> object:
        """Return what changes whenever somebody else writes, cuts or replaces the file."""
        ...

    def stamp_of(self, path: Path) -> object | None:
        """Return the same for the file of this name; None where there is none."""
        ...


class SystemDisk(durable.SystemDisk):
    """The real thing."""

    def __init__(self) -> None:
        self.on_full: Callable[[], bool] = lambda: False
        """Makes room where the storage is full, and says whether it could."""

    def write(self, descriptor: int, data: bytes) -> int:
        try:
            return super().write(descriptor, data)
        except OSError as error:
            if error.errno not in _FULL or not self.on_full():
                raise
            return super().write(descriptor, data)

    def names(self, directory: Path) -> list[str]:
        return sorted(path.name for path in directory.iterdir())

    def is_directory(self, path: Path) -> bool:
        return path.is_dir()

    def reader(self, path: Path) -> BinaryIO:
        return path.open("rb")

    def make_directory(self, path: Path) -> None:
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            return
        durable.give_folder_to_owner(path)

    def stamp(self, descriptor: int) -> object:
        return _stamp(os.fstat(descriptor))

    def stamp_of(self, path: Path) -> object | None:
        try:
            return _stamp(path.lstat())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open(self, path: Path, *, truncate: bool = False) -> int:
        try:
            try:
                return super().open(path, truncate=truncate)
            except OSError as error:
                if error.errno not in _FULL or not self.on_full():
                    raise
                return super().open(path, truncate=truncate)
        except BlockingIOError:
            # Second line of defence behind StateLock: whoever writes this file has it locked.
            raise StateInUse(
                worded("{path} is being written by another process", path=path),
                remedy=worded(
                    "Stop the other autodialer first, or use the commands that talk to it."
                ),
            ) from None


SYSTEM_DISK = SystemDisk()


def _stamp(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def moved(path: Path) -> StorageFailed:
    """Return the failure of a file that was changed under the process which has it open."""
    return StorageFailed(
        worded("{path} was changed, moved or removed under the running box", path=path),
        remedy=worded("Restart the box: it compares everything that it has at its start."),
    )


def make_private_directory(path: Path, disk: Disk = SYSTEM_DISK) -> None:
    """Create *path* (mode 0700) with its parents, durably. Raises :class:`StorageFailed`.

    One that exists is made durable too, together with every name beside it: whoever made it may
    have failed at just that, and what is put into it would vanish with it.
    """
    try:
        missing = [path] if not disk.is_directory(path) else []
        while missing and not disk.is_directory(missing[-1].parent):
            missing.append(missing[-1].parent)
        for directory in reversed(missing):
            disk.make_directory(directory)
            disk.sync_directory(directory.parent)
        if not missing:
            try:
                disk.sync_directory(path.parent)
            except PermissionError:
                pass  # Somebody else's directory, in which the installation made ours.
    except OSError as error:
        raise storage_failed(worded("creating {path}", path=path), error) from error


def replace_file(path: Path, data: bytes, disk: Disk = SYSTEM_DISK) -> None:
    """Put *data* under *path* so that a cut leaves the old contents or the new, never a mixture.

    Raises :class:`StorageFailed`; the old contents are then still there.
    """
    replace_file_in_parts(path, (data,), disk)


def replace_file_in_parts(path: Path, parts: Iterable[bytes], disk: Disk = SYSTEM_DISK) -> None:
    """Do the same with contents that need not be in memory at once."""
    try:
        durable.replace_in_parts(path, parts, disk)
    except OSError as error:
        raise storage_failed(worded("writing {path}", path=path), error) from error


def remove_leftovers(directory: Path, disk: Disk = SYSTEM_DISK) -> None:
    """Remove the half-written files that a cut left in *directory*."""
    for name in disk.names(directory):
        if name.endswith(durable.TEMPORARY):
            disk.remove(directory / name)


class StateLock:
    """One process per state directory: an advisory lock on ``STATE/lock``, which names its holder.

    The kernel releases it when the process dies, however it dies.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, state: Path) -> Self:
        """Create *state* where missing and lock it, or raise :class:`StateInUse` at once."""
        make_private_directory(state)
        path = state / "lock"
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(path, flags, 0o600)
            durable.give_to_owner(descriptor, state)
        except OSError as error:
            raise storage_failed(worded("opening {path}", path=path), error) from error
        try:
            _lock(state, descriptor, fcntl.LOCK_EX, tries=3)
        except StateInUse:
            os.close(descriptor)
            raise
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(descriptor)
            raise storage_failed(worded("writing {path}", path=path), error) from error
        return cls(descriptor)

    @staticmethod
    def look(state: Path) -> None:
        """Raise :class:`StateInUse` where somebody has it; writes nothing and keeps nothing."""
        path = state / "lock"
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_failed(worded("opening {path}", path=path), error) from error
        try:
            _lock(state, descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Let go; calling it again does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _lock(state: Path, descriptor: int, kind: int, tries: int = 1) -> None:
    for left in range(tries - 1, -1, -1):
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                # Somebody may be only looking, which takes no time.
                time.sleep(0.01)
                continue
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            raise StateInUse(
                worded(
                    "{state} is in use by process {holder}", state=state, holder=holder or "unknown"
                ),
                remedy=worded("Stop that autodialer first, or use the commands that talk to it."),
            ) from None
        return
