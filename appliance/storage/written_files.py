"""Files outside the state that commands wrote for a person, and which of them may be replaced.

No command destroys what the box did not write. A file is the box's own while it is, byte for byte,
what a command wrote there last; whoever changed it since made it theirs. Paths and digests stand
in ``STATE/written.jsonl``, a line each, the last one of a path counts. Losing that file costs
nothing but a remark: what is not known is not replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from firmware.durable import TEMPORARY, give_to_owner
from firmware.wording import worded

FILE = "written.jsonl"
MOST_BYTES = 256 * 1024
"""Of the list; a longer one is written anew with the files that are still there."""

_CHUNK = 1 << 20
# Linux: memory devices have major number 1; null, zero and full take what is written to them.
_SINKS = frozenset(os.makedev(1, minor) for minor in (3, 5, 7))
_OWN_STREAM = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/self/fd/\d+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command may not write there, and what to do."""

    wrong: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """What no command writes over, whatever it is told."""

    state: Path | None
    """The state directory; None where the configuration does not tell it."""
    named: Sequence[tuple[Path, str]] = ()
    """The configuration and what it names, each with what it is."""
    own_part: str = ""
    """The name of a directory in the state that commands may write to, or empty."""


def judge(
    path: Path, protected: Protected, written: WrittenFiles, *, again: bool = False
) -> Refusal | None:
    """Return why *path* may not be written by a command, or None where it may.

    *again* says that an existing file is known to be the box's own. A path counts as what it
    says and as what it leads to (links, ``..``, mounts). Raises ``OSError`` where it cannot be
    looked at.
    """
    if goes_to_the_caller(path):
        return None
    plain, real = Path(os.path.abspath(path)), Path(os.path.realpath(path))  # noqa: PTH100
    elsewhere = worded("write somewhere else")
    refusal = in_the_state(path, protected)
    if refusal is not None:
        return refusal
    for other, what in protected.named:
        if plain == other or real == Path(os.path.realpath(other)) or _same(path, other):
            return Refusal(worded("is {what}", what=what), elsewhere)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        return Refusal(worded("is a symbolic link"), worded("name the file itself, or a new one"))
    if stat.S_ISDIR(found.st_mode):
        return Refusal(worded("is a directory"), worded("add a file name"))
    if stat.S_ISFIFO(found.st_mode) or _is_sink(found):
        return None
    if not stat.S_ISREG(found.st_mode):
        return Refusal(worded("is a device or a socket"), elsewhere)
    if not (again or written.holds(path)):
        return Refusal(
            worded("exists, and is not what this box wrote there"),
            worded("name a new file, or move that one away first"),
        )
    return None


def in_the_state(path: Path, protected: Protected) -> Refusal | None:
    """Return the refusal where *path* lies in the state directory, which is the box's alone."""
    plain, real = Path(os.path.abspath(path)), Path(os.path.realpath(path))  # noqa: PTH100
    if protected.state is not None and _within(protected.state, protected.own_part, plain, real):
        return Refusal(
            worded("lies in the state directory {state}", state=protected.state),
            worded("write somewhere else"),
        )
    return None


def goes_to_the_caller(path: Path) -> bool:
    """Whether *path* is a stream that whoever runs the command has opened already."""
    return _OWN_STREAM.fullmatch(str(path)) is not None


def takes_a_stream(path: Path) -> bool:
    """Whether *path* is written to and never replaced: a pipe, ``/dev/null``, the caller's own."""
    if goes_to_the_caller(path):
        return True
    try:
        found = path.stat()
    except OSError:
        return False
    return stat.S_ISFIFO(found.st_mode) or _is_sink(found)


class WrittenFiles:
    """The list in one state directory; nothing is known where there is none."""

    def __init__(self, state: Path | None) -> None:
        self._path = None if state is None or not state.is_dir() else state / FILE

    def holds(self, path: Path) -> bool:
        """Whether *path* holds exactly what a command wrote there last."""
        known = self._digests().get(_name(path))
        if known is None:
            return False
        try:
            return digest_of(path) == known
        except OSError:
            return False

    def remember(self, path: Path, digest: str) -> None:
        """Note what *path* will hold; before it does, so that no cut leaves it unknown.

        Where the state takes nothing any more the file is not known later, and so not replaced.
        """
        if self._path is None:
            return
        line = json.dumps({"path": _name(path), "sha256": digest}) + "\n"
        with suppress(OSError):
            self._shorten()
            self._append(line.encode())

    def _append(self, data: bytes) -> None:
        assert self._path is not None
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            give_to_owner(descriptor, self._path.parent)
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _shorten(self) -> None:
        assert self._path is not None
        if not self._path.exists() or self._path.stat().st_size < MOST_BYTES:
            return
        kept = {path: digest for path, digest in self._digests().items() if Path(path).exists()}
        lines = (json.dumps({"path": p, "sha256": d}) + "\n" for p, d in kept.items())
        put(self._path, "".join(lines).encode(), replace=True)

    def _digests(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if self._path is None:
            return found
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            return found
        for line in lines:
            # A line that a cut tore, or that somebody edited, makes nothing the box's own.
            with suppress(ValueError, KeyError, TypeError):
                row = json.loads(line)
                found[str(row["path"])] = str(row["sha256"])
        return found


def put(path: Path, data: bytes, *, replace: bool) -> None:
    """Write *data* to *path*, whole or not at all; only with *replace* over what is there.

    The name of the half-written file is drawn by lot, so that nobody's file has it. Raises
    ``OSError``.
    """
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}{TEMPORARY}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            give_to_owner(descriptor, path.parent)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if replace:
            temporary.replace(path)
        else:
            _name_new(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def stream(path: Path, data: bytes) -> None:
    """Write *data* into what :func:`takes_a_stream`. Raises ``OSError``."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's contents in hex. Raises ``OSError``."""
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _name_new(temporary: Path, path: Path) -> None:
    try:
        # Fails where somebody made the file meanwhile; a rename would not.
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        # A stick's file system knows no second name.
        if os.path.lexists(path):
            raise FileExistsError(17, worded("File exists"), str(path)) from None
        temporary.replace(path)
    else:
        temporary.unlink()


def _sync(directory: Path) -> None:
    with suppress(OSError):  # Somebody else's directory may be one to write to, not to open.
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _within(state: Path, own_part: str, *paths: Path) -> bool:
    roots = {Path(os.path.abspath(state)), Path(os.path.realpath(state))}  # noqa: PTH100
    identity = _identity(state)
    for path in paths:
        for above in (path, *path.parents):
            # By device and number too: a bind mount is the same directory by another name.
            if above in roots or (identity is not None and _identity(above) == identity):
                inside = path.relative_to(above).parts
                if not (own_part and len(inside) > 1 and inside[0] == own_part):
                    return True
                break
    return False


def _same(path: Path, other: Path) -> bool:
    mine = _identity(path)
    return mine is not None and mine == _identity(other)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _is_sink(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) and found.st_rdev in _SINKS


def _name(path: Path) -> str:
    # The directory by what it leads to, so that a file has one name however it is written.
    return str(Path(os.path.realpath(path.absolute().parent)) / path.name)


def names_in(values: Iterable[object]) -> Iterable[str]:
    """Yield every text in nested lists and mappings, such as a configuration's."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from names_in(value.values())
        elif isinstance(value, list | tuple):
            yield from names_in(value)
