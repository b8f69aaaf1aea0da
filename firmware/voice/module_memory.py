"""Which files the box put on a module, remembered on the host.

Some modules cannot list their files, and a length proves little: an upload that was cut off may
have been filled up to the length that was declared. So a clip counts as stored only where an
upload of it was confirmed, and what was ever begun can be deleted later, also without a list.
"""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

from firmware.durable import replace_file
from firmware.json_text import parse_json

FOLDER = "module-files"
HASH_DIGITS = 8
"""So much of the hash of its content ends a clip's file name."""

_OURS = re.compile(rf"[a-z0-9-]+-[0-9a-f]{{{HASH_DIGITS}}}\.wav")

_log = logging.getLogger(__name__)


def is_ours(name: str) -> bool:
    """Whether *name* is one that the box gives to a clip, and nothing else beside it."""
    return _OURS.fullmatch(name) is not None


class FileMemory:
    """The memory of one module. Unreadable means nothing is known; never raises for the disk.

    Nothing known costs one more upload of each clip, and is safe.
    """

    def __init__(self, file: Path | None = None) -> None:
        """*file* None remembers for this object's life only."""
        self._file = file
        self._confirmed: dict[str, bool] = {}
        if file is not None:
            self._confirmed = _read(file)

    @classmethod
    def of(cls, state_dir: Path, module: str) -> FileMemory:
        """Return the memory of *module*, its IMEI or another name, under the lines' state."""
        return cls(state_dir / FOLDER / f"{re.sub(r'[^A-Za-z0-9_-]', '-', module)}.json")

    @property
    def names(self) -> frozenset[str]:
        """Files that may lie on the module, whole or not."""
        return frozenset(self._confirmed)

    def confirmed(self, name: str) -> bool:
        """Whether the module confirmed the last upload of *name*."""
        return self._confirmed.get(name, False)

    def begun(self, name: str) -> None:
        """An upload of *name* begins. Durable when this returns."""
        self._put(self._confirmed | {name: False})

    def stored(self, name: str) -> None:
        """The module has *name* whole."""
        self._put(self._confirmed | {name: True})

    def gone(self, name: str) -> None:
        """The module has no such file."""
        self._put({one: whole for one, whole in self._confirmed.items() if one != name})

    def _put(self, confirmed: dict[str, bool]) -> None:
        if confirmed == self._confirmed:
            return
        self._confirmed = confirmed
        if self._file is None:
            return
        try:
            replace_file(self._file, json.dumps(confirmed, indent=1, sort_keys=True).encode())
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._file, error)
            # What it says may be wrong now.
            try:
                self._file.unlink(missing_ok=True)
            except OSError as failed:
                _log.warning("%s cannot be removed: %s", self._file, failed)


def _read(file: Path) -> dict[str, bool]:
    try:
        kept = parse_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("%s is not readable: %s", file, error)
        return {}
    if not isinstance(kept, dict):
        return {}
    # Names go into AT commands, where a semicolon begins the next command.
    ours = {name: whole is True for name, whole in kept.items() if is_ours(name)}
    if len(ours) != len(kept):
        _log.warning("%s: %d names are not the box's, ignored", file, len(kept) - len(ours))
    return ours
