"""Taking in a folder that nobody trusts: each file is copied once, and only the copy is read.

A stick may hold links, devices, names that clash and files without end, and it may be pulled out
at any byte. So each name is opened without following links, by the folder's descriptor; only
regular files of known names and bounded size are copied; and everything that is wrong is named at
once. What lies on the stick is not looked at a second time, however it changes meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from appliance.control.protocol import FILE_LIMIT
from appliance.language import Message, marked
from firmware.wording import reason_of

NAME = "autodialer"
"""Name of the folder on a stick or boot partition."""
CONFIG, CONTACTS, WITHDRAWALS = "config.yaml", "contacts.csv", "withdrawals.txt"
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"
CLIPS = "clips"
PIECE = 1 << 18
_MIB = 1 << 20

LIMITS = {
    CONFIG: _MIB,
    CONTACTS: FILE_LIMIT,
    WITHDRAWALS: 8 * _MIB,
    MANIFEST: _MIB >> 2,
    SIGNATURE: 1 << 16,
}
"""The files that a folder may hold beside its clips, and how many bytes each may have."""
CLIP_LIMIT = 16 * _MIB
MOST_FILES = 200
TOTAL_LIMIT = 160 * _MIB
RESERVE = 32 * _MIB
"""Bytes that stay free on the box's own storage: its ledger needs room while people are called."""
README, LISEZMOI, SAMPLE = "README.txt", "LISEZMOI.txt", "config.sample.yaml"
"""What a box that waits lays into the folder, for whoever opens it on a computer."""
UPDATES, SSH_KEY = "update", "ssh.pub"
"""What else may lie in the folder and is not this room's: update bundles (:mod:`appliance.update`),
and the key that the card lets in (docs/decisions/0013-the-card.md)."""
OURS = re.compile(
    r"(?:RESULT|UPDATE)(?:-\d)?\.txt|README\.txt|LISEZMOI\.txt|config\.sample\.yaml"
    r"|autodialer-report(?:-\d)?\.html(?:\.anchor|-\d\.anchor)?|\.autodialer-\w+\.tmp",
    re.IGNORECASE,
)
"""What the box itself writes into the folder."""
_LITTER = re.compile(r"\._.*|\.DS_Store|Thumbs\.db|desktop\.ini|\.Trash.*|.*~", re.IGNORECASE)
"""What desktops leave behind in any folder that they show."""
_CLIP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.wav")


@dataclass(frozen=True, slots=True)
class Copied:
    """One file of the folder as it was copied."""

    name: str
    sha256: str
    size: int
    whole: bool = True
    """False where its end could not be read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a folder is refused: a code for the ledger, and a sentence for people."""

    code: str
    message: Message


@dataclass(slots=True)
class Taken:
    """What was copied of a folder, and what is wrong with the folder itself."""

    files: dict[str, Copied] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.faults

    def payload(self) -> dict[str, Copied]:
        """Return the files that say what is to be done, without manifest and signature."""
        return {n: f for n, f in self.files.items() if n not in (MANIFEST, SIGNATURE)}

    def digest(self) -> str:
        """Return SHA-256 (hex) over names and hashes: which folder this is, signed or not."""
        listing = "".join(f"{name} {one.sha256}\n" for name, one in sorted(self.payload().items()))
        return hashlib.sha256(listing.encode()).hexdigest()

    def wrong(self, code: str, text: str, **values: object) -> None:
        self.faults.append(Fault(code, Message(text, values)))


def take(source: Path, target: Path, *, read: Callable[[int, int], bytes] = os.read) -> Taken:
    """Copy the folder *source* into the empty directory *target*; returns what came of it.

    Raises OSError only where *target* cannot be written. *read* is the system call that reads.
    """
    taken = Taken()
    try:
        folder = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        taken.wrong(
            "unreadable",
            marked("the folder cannot be opened ({reason}); it must be a plain folder"),
            reason=reason_of(error),
        )
        return taken
    try:
        names = list(_listed(folder, "", taken))
        _clashes(names, taken)
        if taken.sound and len(names) > MOST_FILES:
            taken.wrong(
                "hostile",
                marked("there are more than {most} files; leave only what the box needs"),
                most=MOST_FILES,
            )
        _copy_all(folder, names, target, taken, read)
    finally:
        os.close(folder)
    return taken


def is_bare(source: Path) -> bool:
    """Tell whether the folder *source* holds something, but nothing that anybody sent to the box:
    only what the box laid there itself, updates, and what desktops leave behind.

    What cannot be looked at is not bare: :func:`take` says what is wrong with it.
    """
    try:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = os.open(source, flags)
    except OSError:
        return False
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry, _ in zip(entries, range(4 * MOST_FILES), strict=False)]
    except OSError:
        return False
    finally:
        os.close(folder)
    return bool(names) and all(
        _is_passed_over(name) or _LITTER.fullmatch(name) or name.casefold() == UPDATES
        for name in names
    )


def _is_passed_over(name: str) -> bool:
    return OURS.fullmatch(name) is not None or name.casefold() == SSH_KEY


def _listed(folder: int, below: str, taken: Taken) -> Iterator[str]:
    """Yield the names of files in *folder*; what may not be there becomes a fault."""
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if count > 4 * MOST_FILES:
                    taken.wrong(
                        "hostile",
                        marked("there are more than {most} files; leave only what the box needs"),
                        most=MOST_FILES,
                    )
                    return
                yield from _judged(folder, below, entry, taken)
    except OSError as error:
        taken.wrong(
            "unreadable",
            marked("the folder could not be read to its end ({reason}); plug it in again"),
            reason=reason_of(error),
        )


def _judged(folder: int, below: str, entry: os.DirEntry[str], taken: Taken) -> Iterator[str]:
    name = below + entry.name
    kind = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISDIR(kind) and not below and entry.name.casefold() == UPDATES:
        return
    if stat.S_ISREG(kind):
        if _LITTER.fullmatch(entry.name) or (not below and _is_passed_over(entry.name)):
            return
        known = name in LIMITS if not below else _CLIP.fullmatch(entry.name) is not None
        if known:
            yield name
        else:
            taken.wrong(
                "unknown",
                marked("{name} is not a file of a box's folder; take it out"),
                name=printable(name),
            )
    elif stat.S_ISDIR(kind) and name == CLIPS:
        try:
            inner = os.open(
                CLIPS,
                os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC,
                dir_fd=folder,
            )
        except OSError as error:
            taken.wrong("unreadable", _UNREADABLE, name=CLIPS, reason=reason_of(error))
            return
        try:
            yield from _listed(inner, f"{CLIPS}/", taken)
        finally:
            os.close(inner)
    else:
        taken.wrong(
            "hostile",
            marked("{name} is neither a file nor the folder of clips; take it out"),
            name=printable(name),
        )


_UNREADABLE = marked("{name} could not be read ({reason}); pack the folder anew")


def _clashes(names: list[str], taken: Taken) -> None:
    """Two names that a stick from another system takes for one."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            taken.wrong(
                "hostile",
                marked("{name} and {other} differ in capitals only; leave one"),
                name=printable(name),
                other=printable(other),
            )


def _copy_all(
    folder: int,
    names: list[str],
    target: Path,
    taken: Taken,
    read: Callable[[int, int], bytes],
) -> None:
    (target / CLIPS).mkdir(mode=0o700)
    # Withdrawals first: they count also where the rest cannot be read any more.
    total = 0
    for name in sorted(names, key=lambda one: (one != WITHDRAWALS, one)):
        if not taken.sound and name not in (WITHDRAWALS, MANIFEST, SIGNATURE):
            continue
        if total > TOTAL_LIMIT:
            taken.wrong("hostile", marked("the folder is too large; leave only what is needed"))
            return
        room = os.statvfs(target)
        try:
            copied = _copy(folder, name, target / name, read, room.f_bavail * room.f_frsize)
        except _Refused as refused:
            taken.faults.append(refused.fault)
            if refused.copied is not None:
                taken.files[name] = refused.copied
            continue
        taken.files[name] = copied
        total += copied.size


class _Refused(Exception):
    def __init__(self, fault: Fault, copied: Copied | None = None) -> None:
        super().__init__(fault.code)
        self.fault = fault
        self.copied = copied


def _copy(
    folder: int, name: str, target: Path, read: Callable[[int, int], bytes], room: int
) -> Copied:
    limit = LIMITS.get(name, CLIP_LIMIT)
    # Without O_NONBLOCK a pipe that took the file's place would keep us for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    shown = printable(name)
    try:
        source = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        code = "hostile" if error.errno == errno.ELOOP else "unreadable"
        values: dict[str, object] = {"name": shown, "reason": reason_of(error)}
        raise _Refused(Fault(code, Message(_UNREADABLE, values))) from error
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    size, digest = 0, hashlib.sha256()
    try:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode):
            text = marked("{name} is neither a file nor the folder of clips; take it out")
            raise _Refused(Fault("hostile", Message(text, {"name": shown})))
        if found.st_size > limit:
            raise _too_large(shown, limit)
        if found.st_size + RESERVE > room:
            text = marked("the box has too little room for this folder; its storage is nearly full")
            raise _Refused(Fault("disk", Message(text)))
        while True:
            try:
                piece = read(source, PIECE)
            except OSError as error:
                values = {"name": shown, "reason": reason_of(error)}
                raise _Refused(
                    Fault("unreadable", Message(_UNREADABLE, values)),
                    Copied(name, digest.hexdigest(), size, whole=False),
                ) from error
            if not piece:
                break
            size += len(piece)
            if size > limit:
                raise _too_large(shown, limit)
            digest.update(piece)
            while piece:
                piece = piece[os.write(out, piece) :]
        os.fsync(out)
    finally:
        os.close(source)
        os.close(out)
    return Copied(name, digest.hexdigest(), size)


def _too_large(name: str, limit: int) -> _Refused:
    text = marked("{name} is larger than {limit} KiB")
    return _Refused(Fault("hostile", Message(text, {"name": name, "limit": limit >> 10})))


def printable(name: str) -> str:
    """Return a name from a stick as it may stand in a text that people read."""
    shown = "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "?" for c in name)
    return shown if len(shown) <= 80 else f"{shown[:77]}…"


def sync_tree(directory: Path) -> None:
    """Force the names in *directory*, and in its folder of clips, onto the medium."""
    for each in (directory / CLIPS, directory):
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
