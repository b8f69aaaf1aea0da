"""Which voice path a line uses when the configured one has proven dead: a small durable memory.

A SIM7600 firmware is known (LE20B06, CS calls) that accepts the voice stream and never plays it,
and some modules refuse to switch it on at all. Their own file player still works. Whether to use
it is decided from evidence (a self-test that nobody could hear, or refusals in several calls
running), kept per line over restarts, and void as soon as another module or another setting is
in place. A technician withdraws it with ``autodialer modem selftest --stream``.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from firmware.durable import replace_file, sync_folder
from firmware.families.base import Family
from firmware.json_text import parse_json
from firmware.line_settings import MODULE, PREFIX

REFUSALS = 2
"""Calls in a row whose voice was refused to the end after the answer."""

_log = logging.getLogger(__name__)


def is_stream(setting: str | None) -> bool:
    """Whether *setting* names a serial voice port."""
    return setting is not None and setting != MODULE and not setting.startswith(PREFIX)


def may_fall_back(family: Family) -> bool:
    """Whether the module can play clips itself and tells keys: without them nobody could object."""
    return family.stored_clips is not None and family.module_keys


class VoiceChoice:
    """The memory of one line, in one file. Unreadable means nothing was decided."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._refusals = 0

    @property
    def exists(self) -> bool:
        """Whether anything was decided, for whichever module."""
        return self._file.exists()

    def given_up(self, imei: str | None, setting: str | None) -> str | None:
        """Return why the voice stream of this module was given up, or None."""
        if not is_stream(setting):
            return None
        try:
            kept = parse_json(self._file.read_text(encoding="utf-8"))
            if (kept["imei"], kept["audio"]) == (imei, setting):
                return str(kept["why"])
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s is not readable: %s", self._file, error)
        return None

    def effective(self, imei: str | None, setting: str | None, family: Family) -> str | None:
        """Return the ``audio`` setting to use in place of *setting*."""
        fallen_back = self.given_up(imei, setting) is not None and may_fall_back(family)
        return MODULE if fallen_back else setting

    def give_up(self, imei: str | None, setting: str | None, why: str) -> None:
        """Use the module's player from the next bring-up on. Durable when this returns."""
        self._refusals = 0
        text = json.dumps({"imei": imei, "audio": setting, "why": why}, ensure_ascii=False)
        replace_file(self._file, text.encode())

    def forget(self) -> bool:
        """Use the stream again; return whether anything had been decided."""
        self._refusals = 0
        existed = self._file.exists()
        self._file.unlink(missing_ok=True)
        if existed:
            sync_folder(self._file.parent)
        return existed

    def refused(self) -> bool:
        """A call's voice was refused to the end; return whether that is enough to give up."""
        self._refusals += 1
        return self._refusals >= REFUSALS

    def worked(self) -> None:
        """A call's voice was switched on."""
        self._refusals = 0


def choice_file(state_dir: Path, line: str) -> Path:
    """Return where the memory of *line* lies under its lines' state directory."""
    return state_dir / f"{line}.voice.json"
