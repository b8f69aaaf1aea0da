"""Files with people's data that the box wrote for its operator, remembered so that it can forget.

A rejects file, an export and a dossier hold what an erasure must remove, and they lie wherever
the operator asked for them. Their paths are written down before the files are, so that no cut
leaves one unknown; a path without a file is forgotten when somebody is erased.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path

from appliance.numbers import national_digits
from appliance.storage.files import SYSTEM_DISK, Disk, StorageError, replace_file
from appliance.storage.written_files import WrittenFiles, put
from firmware.json_text import parse_json
from firmware.wording import said_by, worded

FILE = "exports.json"
_VERSION = 1

_SEPARATORS = " \t\r\n\u00a0\u202f()./\u2010\u2011\u2013-"
_GAP = f"[{re.escape(_SEPARATORS)}]*"
_SQUEEZE = str.maketrans("", "", _SEPARATORS)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d[0-9:.]*(?:Z|[+-]\d\d:\d\d)?)?")


@unique
class Kind(StrEnum):
    """What a file is, which says how a person is removed from it."""

    REJECTS = "rejects"
    EXPORT = "export"
    DOSSIER = "dossier"


@dataclass(frozen=True, slots=True, order=True)
class HandedOut:
    """One file. ``number_hash`` says whom a dossier is about."""

    path: str
    kind: Kind
    number_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """What became of the files when somebody was erased."""

    rewritten: dict[str, int]
    """Path to the rows that were removed from it."""
    removed: tuple[str, ...]
    """Dossiers of the person."""
    unreachable: dict[str, str]
    """Path to the reason: its operator must remove the person's lines."""


class IndexUnreadable(StorageError):
    """``STATE/exports.json`` is not what the box wrote."""


class Index:
    """The files that were handed out, in ``STATE/exports.json``."""

    def __init__(self, state: Path, disk: Disk = SYSTEM_DISK) -> None:
        self._path = state / FILE
        self._written = WrittenFiles(state)
        self._disk = disk

    def files(self) -> tuple[HandedOut, ...]:
        """Return what is remembered. Raises :class:`IndexUnreadable`."""
        try:
            with self._disk.reader(self._path) as stream:
                value = parse_json(stream.read())
            if value["version"] != _VERSION:
                raise ValueError(f"version {value['version']!r}")
            return tuple(
                HandedOut(str(path), Kind(kind), str(number_hash))
                for path, kind, number_hash in value["files"]
            )
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexUnreadable(
                f"{self._path}: {error}",
                remedy=worded(
                    "Remove the person's lines from your exports and rejects files by hand, then "
                    "move this file away."
                ),
            ) from error

    def remember(self, file: HandedOut) -> None:
        """Write down that *file* will be written; raises ``StorageError``."""
        known = self.files()
        if file not in known:
            # A path that is written anew holds what was asked for last.
            self._save([*(one for one in known if one.path != file.path), file])

    def forget(self, people: Iterable[tuple[str, str]]) -> Forgetting:
        """Remove people (number in E.164, its hash) from every file, and vanished files from here.

        Nothing is raised for a file that cannot be reached: it is named, and stays remembered.
        """
        people = tuple(people)
        rewritten: dict[str, int] = {}
        removed: list[str] = []
        unreachable: dict[str, str] = {}
        kept: list[HandedOut] = []
        known = self.files()
        for file in known:
            path = Path(file.path)
            try:
                with self._disk.reader(path) as stream:
                    data = stream.read()
                text = data.decode("utf-8-sig")
                if file.kind is Kind.DOSSIER:
                    about = [number for number, digest in people if digest == file.number_hash]
                    if not about:
                        kept.append(file)
                    elif without("\n" + text, about)[1]:
                        self._disk.remove(path)
                        removed.append(file.path)
                    # Otherwise somebody put another file there.
                    continue
                kept.append(file)
                rest, count = without(text, [number for number, _ in people])
                if count:
                    # Spreadsheets take a file without its mark for another alphabet's.
                    mark = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
                    self._rewrite(path, mark + rest.encode())
                    rewritten[file.path] = count
            except FileNotFoundError:
                continue
            except (OSError, ValueError, StorageError) as error:
                unreachable[file.path] = said_by(error)
                if file not in kept:
                    kept.append(file)
        if len(kept) != len(known):
            self._save(kept)
        return Forgetting(rewritten=rewritten, removed=tuple(removed), unreachable=unreachable)

    def _rewrite(self, path: Path, data: bytes) -> None:
        # Still the box's own, if it was: the next command may replace it.
        if self._written.holds(path):
            self._written.remember(path, hashlib.sha256(data).hexdigest())
        put(path, data, replace=True)

    def _save(self, files: Iterable[HandedOut]) -> None:
        rows = [[file.path, file.kind.value, file.number_hash] for file in sorted(files)]
        value = {"version": _VERSION, "files": rows}
        replace_file(self._path, json.dumps(value, indent=1).encode() + b"\n", self._disk)


def mentions(number: str) -> re.Pattern[str]:
    """Return what finds *number* (E.164) as people write it, in a line of a file.

    With or without the country's code and the trunk prefix, in any grouping.
    """
    national = national_digits(number)
    code = number[1 : len(number) - len(national)]
    digits = _GAP.join(national)
    before = rf"(?:(?:\+|00)?{_GAP.join(code)}{_GAP})?\(?[0-9]?\)?{_GAP}"
    return re.compile(rf"(?<![0-9]){before}{digits}(?![0-9])")


def without(text: str, numbers: Iterable[str]) -> tuple[str, int]:
    """Return *text* without the rows that mention *numbers*, and how many they were.

    The header stays whatever it says.
    """
    # Most numbers are in most files not at all, which one search without separators tells.
    squeezed = text.translate(_SQUEEZE)
    patterns = [mentions(number) for number in numbers if national_digits(number) in squeezed]
    if not patterns:
        return text, 0
    header, *rows = _rows(text)
    # Dates are digits with separators too, and no telephone numbers.
    bare = ((row, _MOMENT.sub("", row)) for row in rows)
    kept = [row for row, rest in bare if not any(one.search(rest) for one in patterns)]
    return header + "".join(kept), len(rows) - len(kept)


def _rows(text: str) -> list[str]:
    """Return the rows of a table with their ends; a quoted cell may go over several lines (RFC
    4180, 2.6), as a note in a refused row does."""
    lines = _LINE.findall(text)
    if text.count('"') % 2:
        # Somebody's own quote: what is no table is looked at line by line.
        return lines
    rows: list[str] = []
    is_open = False
    for line in lines:
        if is_open:
            rows[-1] += line
        else:
            rows.append(line)
        is_open ^= line.count('"') % 2 == 1
    return rows


WITHIN = 300.0
"""Real seconds that an erasure waits for a file: a dossier reads the whole ledger first."""


class Deliveries:
    """The files that are on their way, by path. *clock* counts real seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def begin(self, path: str) -> None:
        """The contents of *path* are being answered."""
        self._until[path] = self._clock() + WITHIN

    def end(self, path: str) -> bool:
        """The file was written; return whether that was in time for it to be kept."""
        return self._until.pop(path, 0.0) > self._clock()

    def under_way(self) -> str | None:
        """Return one that is still awaited, or None."""
        now = self._clock()
        self._until = {path: until for path, until in self._until.items() if until > now}
        return next(iter(self._until), None)
