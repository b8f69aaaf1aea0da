"""Small files that a power cut leaves whole: the old contents or the new, never a mixture."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def replace_file(file: Path, data: bytes) -> None:
    """Put *data* under *file*, readable by its owner only. Durable when this returns.

    Makes the folder where it is missing. Raises OSError; the old contents are still there then.
    Two writers of one file must exclude each other.
    """
    folder = file.parent
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        give_folder_to_owner(folder)
        sync_folder(folder.parent)
    fresh = file.with_name(file.name + ".tmp")
    # Not through a link that somebody else laid: root may be at work in another's folder.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    descriptor = os.open(fresh, flags, 0o600)
    try:
        give_to_owner(descriptor, folder)
        # A card that is nearly full takes a part and says so only by the count.
        while data:
            count = os.write(descriptor, data)
            if count <= 0:
                raise OSError(errno.EIO, "the system accepted no byte")
            data = data[count:]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(file)
    sync_folder(folder)


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
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
