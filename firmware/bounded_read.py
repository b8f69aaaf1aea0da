"""Files that a person or a program names, read without trusting what lies there.

A path may lead to a device that never ends, to a pipe that nobody writes to or to a file of
gigabytes. Reading stops at a limit and begins only where reading is what the file is for.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from firmware.wording import worded


def read_bounded(path: Path, limit: int, *, pipes: bool = False) -> bytes:
    """Return the contents of the file *path*, at most *limit* bytes.

    Raises ``OSError``: as the system does, ``EFBIG`` where the file is longer, ``ENODEV`` where
    it is a device, a socket or, without *pipes*, a pipe (the shell makes one of ``<(command)``).
    ``strerror`` is a phrase for a person.
    """
    with open_regular(path, pipes=pipes) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, worded("Is larger than {size}", size=_size(limit)), str(path))
    return data


def open_regular(path: Path, *, pipes: bool = False) -> BinaryIO:
    """Open the file *path* to read bytes; raises ``OSError`` as :func:`read_bounded` does."""
    # Without O_NONBLOCK the open itself waits for whoever should write into a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if pipes else os.O_NONBLOCK))
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind) or (pipes and stat.S_ISFIFO(kind)):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.ENODEV, worded("Is a device or pipe, not a file"), str(path))


def _size(limit: int) -> str:
    return f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"
