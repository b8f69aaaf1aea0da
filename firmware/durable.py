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
        sync_folder(folder.parent)
    fresh = file.with_name(file.name + ".tmp")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
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


def sync_folder(folder: Path) -> None:
    """Force the names in *folder* onto the medium. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
