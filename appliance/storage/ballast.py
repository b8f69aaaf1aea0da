"""A file of zeros that is given up where the storage is full, so that what is heard can be written.

The box stops calling long before, at its reserve; this is for what fills the rest meanwhile, in the
middle of a call: an objection, an outcome and the stop's latch still find room.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

FILE = "ballast"
SIZE = 4 << 20
"""Bytes: thousands of rows, and a snapshot of a small registry."""


class Ballast:
    """``STATE/ballast``. None of this raises: a box without one is no worse than before."""

    def __init__(self, state: Path, size: int = SIZE) -> None:
        self._path = state / FILE
        self._size = size

    @property
    def is_there(self) -> bool:
        try:
            return self._path.lstat().st_blocks * 512 >= self._size
        except OSError:
            return False

    def fill(self, free_bytes: int, spare: int) -> None:
        """Take the room, where *spare* bytes stay free after it."""
        if self.is_there or free_bytes < self._size + spare:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._path, flags, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("no ballast could be laid by: %s", error)
            self.release()

    def release(self) -> bool:
        """Give the room back; whether there was any."""
        there = self._path.is_file() and not self._path.is_symlink()
        if not there:
            return False
        try:
            self._path.unlink()
        except OSError as error:
            log.error("the ballast could not be given up: %s", error)
            return False
        log.error("the storage is full: the ballast was given up for the rows that come now")
        return True
