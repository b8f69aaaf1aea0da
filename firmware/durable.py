"""Small files that a power cut leaves whole: the old contents or the new, never a mixture.

The few system calls that this rests on go through a :class:`Disk`, so that a test can hand in one
that fails at any of them or that rebuilds what a cut would have left.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from firmware.wording import worded

TEMPORARY = ".tmp"
"""Suffix of a file that is being written."""


class Disk(Protocol):
    """The system calls that writing a durable file needs. All may raise ``OSError``."""

    def open(self, path: Path, *, truncate: bool = False) -> int:
        """Open *path* for appending with mode 0600, created where missing, exclusively locked."""
        ...

    def write(self, descriptor: int, data: bytes) -> int:
        """Write some of *data*, return how many bytes."""
        ...

    def sync(self, descriptor: int) -> None:
        """Force the file's data, and its size, onto the medium."""
        ...

    def close(self, descriptor: int) -> None: ...

    def rename(self, source: Path, target: Path) -> None:
        """Move *source* over *target*, atomically."""
        ...

    def remove(self, path: Path) -> None:
        """Remove *path*; one that does not exist is no fault."""
        ...

    def sync_directory(self, path: Path) -> None:
        """Force the names in directory *path* onto the medium."""
        ...


class SystemDisk:
    """The real thing."""

    def open(self, path: Path, *, truncate: bool = False) -> int:
        """Also raises BlockingIOError where another process has *path* locked."""
        # Not through a link that somebody else laid: root may be at work in another's directory.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            give_to_owner(descriptor, path.parent)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if truncate:
                os.ftruncate(descriptor, 0)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        os.fdatasync(descriptor)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def sync_directory(self, path: Path) -> None:
        sync_folder(path)


SYSTEM_DISK: Disk = SystemDisk()


def write_all(disk: Disk, descriptor: int, data: bytes) -> None:
    """Write every byte of *data*; a short write goes on, one that makes no progress is an error."""
    view = data
    while view:
        count = disk.write(descriptor, view)
        if count <= 0:
            raise OSError(errno.EIO, worded("the system accepted no byte"))
        view = view[count:]


def replace_in_parts(path: Path, parts: Iterable[bytes], disk: Disk = SYSTEM_DISK) -> None:
    """Put *parts* under *path*, readable by its owner only. Durable when this returns.

    Raises OSError; the old contents are still there then.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        descriptor = disk.open(temporary, truncate=True)
        try:
            for part in parts:
                write_all(disk, descriptor, part)
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
        disk.rename(temporary, path)
        disk.sync_directory(path.parent)
    except OSError:
        discard(temporary, disk)
        raise


def discard(path: Path, disk: Disk) -> None:
    """Remove a file that was given up, so that a full disk is not fuller than before."""
    try:
        disk.remove(path)
    except OSError:
        pass  # The failure that led here is told; the next write begins with an empty file.


def replace_file(file: Path, data: bytes) -> None:
    """Do the same with a small file, whose folder is made where it is missing."""
    folder = file.parent
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        give_folder_to_owner(folder)
        sync_folder(folder.parent)
    replace_in_parts(file, (data,))


def give_to_owner(descriptor: int, folder: Path) -> None:
    """Give a file that root opened to the owner of *folder*; nothing where anybody else did.

    A technician runs a command with sudo, and the box, which is not root, must go on with the files
    that it left. Raises OSError.
    """
    if os.geteuid() != 0:
        return
    wanted, found = folder.stat(), os.fstat(descriptor)
    if (found.st_uid, found.st_gid) != (wanted.st_uid, wanted.st_gid):
        os.fchown(descriptor, wanted.st_uid, wanted.st_gid)


def give_folder_to_owner(folder: Path) -> None:
    """Do the same with a folder that was just made. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        give_to_owner(descriptor, folder.parent)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Force the names in *folder* onto the medium. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
