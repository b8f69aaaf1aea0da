"""rauc, as far as it is asked here: what is in a bundle, what runs, write, confirm."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.provisioning.folder import printable
from appliance.update.decide import Bundle, Ending, found, of_rauc
from firmware.json_text import parse_json
from firmware.wording import reason_of, worded

INFO_WITHIN = 120.0
INSTALL_WITHIN = 3600.0
"""Real seconds: half a gigabyte from a slow stick onto a slow card, and as much again."""
MOST_BUNDLES = 20
LARGEST = 2 << 30
END = 1 << 16
"""Bytes at a bundle's end that hold its signature, and so tell one from any other."""
_ON_ITS_WAY = re.compile(r"^\d+% |Message: |^(?:installing|idle|input bundle:.*)$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,100}\.raucb", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Slots:
    """What ``rauc status`` says."""

    compatible: str
    booted: str
    """Boot name of the slot that runs."""
    written: tuple[tuple[str, str, str], ...]
    """Boot name, version and build of what was written into each slot."""


class RaucFailed(Exception):
    """rauc is not there, or does not answer; the argument says what it said."""


class Rauc:
    """*words* is how it is called."""

    def __init__(self, words: Sequence[str] = ("rauc",)) -> None:
        self._words = tuple(words)

    def bundles(self, folder: Path) -> list[Bundle]:
        """Return what lies in *folder*, each as rauc judges it; nothing where there is none."""
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            directory = os.open(folder, flags)
        except OSError:
            return []
        try:
            names = sorted(
                name
                for name in os.listdir(directory)  # noqa: PTH208
                if name.casefold().endswith(".raucb") and not name.startswith("._")
            )
            return [self._bundle(directory, folder, name) for name in names[:MOST_BUNDLES]]
        except OSError as error:
            return [_unreadable(folder.name, reason_of(error))]
        finally:
            os.close(directory)

    def _bundle(self, directory: int, folder: Path, name: str) -> Bundle:
        shown = printable(name)
        if not _NAME.fullmatch(name):
            return _unreadable(
                shown, worded("its name has other letters than a-z, 0-9, dot and hyphen")
            )
        try:
            identity = _identity(directory, name)
        except OSError as error:
            return _unreadable(shown, reason_of(error))
        done = self._run("info", "--output-format=json", str(folder / name), within=INFO_WITHIN)
        try:
            if done.returncode:
                raise ValueError(done.returncode)
            told: dict[str, Any] = parse_json(done.stdout.strip().encode())
            return Bundle(
                name=shown,
                identity=identity,
                compatible=str(told["compatible"] or ""),
                version=printable(str(told["version"] or "")),
                build=str(told["build"] or ""),
            )
        except (ValueError, KeyError, TypeError):
            said = _last_words(done)
            wrong = of_rauc(said, shown, otherwise=Ending.TORN)
            return Bundle(name=shown, identity=identity, wrong=wrong)

    def slots(self) -> Slots:
        """Return what runs. Raises RaucFailed."""
        done = self._run("status", "--detailed", "--output-format=json", within=INFO_WITHIN)
        try:
            told: dict[str, Any] = json.loads(done.stdout)
            slots = [inner for one in told["slots"] for inner in one.values()]
            return Slots(
                compatible=str(told["compatible"]),
                booted=str(told["booted"]),
                written=tuple(
                    (
                        str(slot["bootname"]),
                        str(bundle.get("version") or ""),
                        str(bundle.get("build") or ""),
                    )
                    for slot in slots
                    for bundle in [slot.get("slot_status", {}).get("bundle", {})]
                ),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RaucFailed(_last_words(done)) from error

    def install(self, bundle: Path) -> str:
        """Write *bundle* into the other slot; returns what rauc has to say against it."""
        done = self._run("install", str(bundle), within=INSTALL_WITHIN)
        return "" if done.returncode == 0 else _last_words(done)

    def mark(self, how: str, slot: str = "booted") -> None:
        """Mark a slot ``good`` or ``bad``. Raises RaucFailed."""
        done = self._run("status", f"mark-{how}", slot, within=INFO_WITHIN)
        if done.returncode:
            raise RaucFailed(_last_words(done))

    def _run(self, *words: str, within: float) -> subprocess.CompletedProcess[str]:
        command = [*self._words, *words]
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=within,
                check=False,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        except (OSError, subprocess.SubprocessError) as error:
            return subprocess.CompletedProcess(command, 127, "", str(error))


def _identity(directory: int, name: str) -> str:
    """Return the SHA-256 of the end of a file. Raises OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    file = os.open(name, flags, dir_fd=directory)
    try:
        seen = os.fstat(file)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(0, worded("is no file"))
        if seen.st_size > LARGEST:
            raise OSError(0, worded("is larger than {largest} GiB", largest=LARGEST >> 30))
        return hashlib.sha256(os.pread(file, END, max(seen.st_size - END, 0))).hexdigest()
    finally:
        os.close(file)


def _unreadable(name: str, reason: str) -> Bundle:
    return Bundle(name=name, wrong=found(Ending.TORN, name=name, reason=reason))


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """Return the end of what it said, from wherever it said it."""
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("LastError:")]
    # What it reports on its way names signatures and checksums that are in order.
    others = [line for line in lines if not _ON_ITS_WAY.search(line)]
    return printable_words("; ".join(told or others[-12:])) or worded("rauc ended without a word")


def printable_words(text: str) -> str:
    """Return words of another program as they may stand in a text that people read."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[-2000:]
