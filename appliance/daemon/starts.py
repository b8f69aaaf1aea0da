"""How often the box has failed to start lately: back-off, and then safe mode.

A start that fails is repeated by the manager; without this nine times a minute for ever, with a
journal of 95 MB a day and a panel as dark as one without power. With it each further try waits
longer, and after :data:`MOST` failures within :data:`WITHIN` the box stays up in safe mode
(:mod:`appliance.daemon.safe_mode`) until a person helps.

The file lies where a power cut forgets it (``RuntimeDirectory=``): cutting the power is a person's
way to try again. A start counts as failed from its beginning, until it has run for
:data:`SETTLED` or has ended in order; so a program that is killed has failed too.
"""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path

from firmware.bounded_read import read_bounded
from firmware.json_text import parse_json
from firmware.wording import worded

log = logging.getLogger(__name__)

MOST = 3
WITHIN = 3600.0
"""Real seconds."""
BACK_OFF = (0.0, 5.0, 15.0)
"""Real seconds before the first, second and third try, beside the manager's own."""
SETTLED = 60.0
"""Real seconds after which a start has succeeded."""
WORDLESS = worded("it ended without a word: killed, or out of memory; the journal may tell")
_LARGEST = 1 << 16
_WORDS = 300


class Starts:
    """The record in *file*. An unwritable one damps nothing, and is only logged."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def is_ours(self) -> bool:
        """Whether what lies there is such a record; it is replaced and removed."""
        try:
            rows = parse_json(read_bounded(self._file, _LARGEST))
            return isinstance(rows, list) and all(
                isinstance(at, float | int) and isinstance(fault, str) for at, fault in rows
            )
        except (OSError, ValueError, TypeError):
            return False

    def failures(self) -> list[str]:
        """Return what was wrong with each start that failed lately, oldest first."""
        return [fault for _, fault in self._load()]

    def held(self) -> str | None:
        """Return the last fault where too many starts have failed, else None."""
        failures = self.failures()
        return failures[-1] if len(failures) >= MOST else None

    def pause(self) -> float:
        """Return how many real seconds this start has to wait."""
        return BACK_OFF[min(len(self.failures()), len(BACK_OFF) - 1)]

    def begin(self) -> None:
        """Note a start, as failed until something better is known."""
        self._save([*self._load(), (_now(), WORDLESS)][-MOST:])

    def failed(self, fault: str) -> None:
        """Note what was wrong with the start that :meth:`begin` noted."""
        words = " ".join(fault.split())[:_WORDS]
        *before, (at, _) = self._load() or [(_now(), "")]
        self._save([*before, (at, words or WORDLESS)])

    def succeeded(self) -> None:
        """Forget every failure."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the record of starts cannot be removed: %s", error)

    def _load(self) -> list[tuple[float, str]]:
        try:
            rows = parse_json(read_bounded(self._file, _LARGEST))
            found = [(float(at), str(fault)) for at, fault in rows]
        except (OSError, ValueError, TypeError):
            return []
        now = _now()
        # Of another boot is what lies in the future.
        return [(at, fault) for at, fault in found if 0 <= now - at < WITHIN]

    def _save(self, rows: list[tuple[float, str]]) -> None:
        fresh = self._file.with_name(self._file.name + ".new")
        try:
            fresh.write_text(json.dumps(rows), encoding="utf-8")
            fresh.replace(self._file)
        except OSError as error:
            log.warning("the record of starts cannot be written: %s", error)


def _now() -> float:
    """Real seconds since the machine was booted, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def default_file() -> Path | None:
    """Return the record's place below the service manager's folder; None where there is none."""
    folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(folder) / "starts.json" if folder else None
