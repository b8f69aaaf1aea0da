"""Files that the box writes onto a stick or boot partition, where anybody else may write as well.

Each appears whole under its name or not at all, no link is followed, what is there already is not
written again, and a file that somebody else wrote, or edited since, stays as it is.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from appliance.errors import Refused
from firmware.wording import joined, reason_of, worded

_TEMPORARY = ".autodialer-result.tmp"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST = 1 << 18
_NOT_OURS = b"\0"
_SEAL = re.compile(rb"(.*\n)(# |)autodialer wrote this: ([0-9a-f]{16})\r?\n", re.DOTALL)


def write_beside(
    folder: Path, name: str, data: bytes, *, ours: Callable[[bytes], bool] | None = None
) -> str | None:
    """Write *data* as *name* into a folder that nobody trusts; returns the name it got.

    None where it cannot be written, as on a stick that was pulled out or is read-only. What the box
    wrote itself is known by *ours*, else by its first line; beside any other file the result gets
    a number.
    """
    is_ours = ours or (lambda there: _head(there) == _head(data))
    try:
        directory = os.open(folder, _FOLDER)
    except OSError:
        return None
    try:
        for final in _names(name):
            there = _read(directory, final)
            if there == data:
                return final
            if not there or is_ours(there):
                _put(directory, final, data)
                return final
    except OSError:
        pass
    finally:
        os.close(directory)
    return None


def _names(name: str) -> list[str]:
    stem, _, ending = name.rpartition(".")
    return [name, *(f"{stem}-{number}.{ending}" for number in range(2, 10))]


def drop_beside(folder: Path, name: str, data: bytes) -> None:
    """Remove *data* from where :func:`write_beside` put it as *name*: it is no more true."""
    try:
        directory = os.open(folder, _FOLDER)
    except OSError:
        return
    try:
        for final in _names(name):
            if _read(directory, final) == data:
                os.unlink(final, dir_fd=directory)
                os.fsync(directory)
    except OSError:
        pass  # It stays, as on a partition that is read-only.
    finally:
        os.close(directory)


def write_sealed(folder: Path, name: str, text: str, *, remark: str = "") -> bool:
    """Write *text* as *name* for whatever opens it on a computer; returns whether it is there.

    False where somebody else's file has that name or has come of ours: it stays. Raises Refused
    where it cannot be written. *remark* begins a line that is none of the text's own.
    """
    data = sealed(text, remark=remark)
    try:
        directory = os.open(folder, _FOLDER)
        try:
            there = _read(directory, name)
            if there and not is_sealed(there):
                return False
            if there != data:
                _put(directory, name, data)
        finally:
            os.close(directory)
    except OSError as error:
        raise Refused(
            joined(": ", [str(folder / name), reason_of(error)]),
            worded("make room, or mount it writable"),
        ) from error
    return True


def sealed(text: str, *, remark: str = "") -> bytes:
    """Return *text* as a Windows computer opens it, with a last line by which it is known again."""
    body = text.rstrip("\n") + "\n"
    last = f"{remark}autodialer wrote this: {_seal(body.encode())}\n"
    return (body + last).replace("\n", "\r\n").encode()


def is_sealed(data: bytes) -> bool:
    """Tell whether *data* is what the box wrote, all of it and nothing else."""
    found = _SEAL.fullmatch(data)
    return found is not None and _seal(found[1]) == found[3].decode()


def _seal(body: bytes) -> str:
    # Whoever copies a file may change its line ends; that is not editing it.
    return hashlib.sha256(body.replace(b"\r", b"")).hexdigest()[:16]


def _head(data: bytes) -> bytes:
    return re.split(rb"[\r\n]", data[:200], maxsplit=1)[0]


def _read(directory: int, name: str) -> bytes | None:
    """Return what is there, and None where nothing is."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        found = os.open(name, flags, dir_fd=directory)
    except FileNotFoundError:
        return None
    except OSError:
        return _NOT_OURS  # A link, or what cannot be opened.
    try:
        return os.read(found, _LARGEST)
    except OSError:
        return _NOT_OURS  # A folder.
    finally:
        os.close(found)


def _put(directory: int, name: str, data: bytes) -> None:
    _drop(directory)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        out = os.open(_TEMPORARY, flags, 0o644, dir_fd=directory)
        try:
            view = data
            while view:
                view = view[os.write(out, view) :]
            os.fsync(out)
        finally:
            os.close(out)
        os.rename(_TEMPORARY, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        # Half of it would only take room from whoever needs it.
        _drop(directory)
        raise
    os.fsync(directory)


def _drop(directory: int) -> None:
    try:
        os.unlink(_TEMPORARY, dir_fd=directory)
    except OSError:
        pass  # There is none, or nothing can be written here: what follows says so.
