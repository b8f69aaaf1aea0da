"""The memory of judged clips: the same sound is not heard through twice.

To hear a campaign's clips through takes a Pi seconds, and the arithmetic's library as long again.
So a judgement is kept under the digest of what it depends on: the samples, the longest that they
may last, and the very sources that judge. A change of any makes it unknown.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from firmware.bounded_read import open_regular
from firmware.clips.judgement import Judgement
from firmware.durable import replace_file
from firmware.wording import carried, received_all

if TYPE_CHECKING:
    from firmware.clips.clip import Clip

MOST = 256
"""Judgements that are kept; the oldest go first."""
LARGEST = 1 << 20
"""Bytes of a memory that is still read."""
_JUDGES = (
    *(f"clips/{name}.py" for name in ("band", "check", "clip", "judgement", "levels")),
    "dtmf",
    "events.py",
)
"""The sources that a judgement rests on, relative to the package."""


def memory_file() -> Path | None:
    """Return where judgements are kept; None where there is no such place.

    A service keeps them as long as it is restarted and not switched off: its root may be
    read-only, and a cache on the card would be one more thing that could keep it from starting.
    """
    service = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if service:
        return Path(service) / "clips.json"
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if cache.startswith("/"):
        return Path(cache) / "autodialer" / "clips.json"
    try:
        return Path.home() / ".cache" / "autodialer" / "clips.json"
    except RuntimeError:
        return None


class Judgements:
    """Judges clips, and remembers how; without a place to keep it, it judges each time."""

    def __init__(self, file: Path | None) -> None:
        self._judges = _judges_digest()
        # Without its sources nobody could say whether a judgement is still theirs.
        self._file = file if self._judges else None
        self._known = _read(self._file)
        self._changed = False

    def of(self, path: Path, clip: Clip, *, longest: float | None) -> Judgement:
        """Return how *clip*, which was loaded from *path*, is judged."""
        key = self._key(clip, longest)
        found = _remembered(path, self._known.get(key))
        if found is not None:
            return found
        # Imported late: the arithmetic takes as long to load as all else of a command.
        from firmware.clips.check import check_loaded

        report = check_loaded(path, clip, longest=longest)
        if self._file is not None:
            self._known[key] = {
                "faults": list(report.faults),
                "advice": list(report.advice),
                "too_long": report.too_long,
                "preparable": report.preparable,
            }
            self._changed = True
        return report

    def keep(self) -> None:
        """Write what was judged anew; where that fails it is judged again next time."""
        if self._file is None or not self._changed:
            return
        newest = dict(list(self._known.items())[-MOST:])
        try:
            replace_file(self._file, json.dumps(carried(newest), ensure_ascii=False).encode())
        except OSError:
            pass  # A full or read-only card is the doctor's to tell, and nothing is lost by it.
        self._changed = False

    def _key(self, clip: Clip, longest: float | None) -> str:
        digest = hashlib.sha256(self._judges)
        digest.update(f"{longest!r}\n".encode())
        digest.update(clip.pcm)
        return digest.hexdigest()


def _read(file: Path | None) -> dict[str, object]:
    """Return the memory in *file*, empty where there is none that only we could have written."""
    if file is None:
        return {}
    try:
        with open_regular(file) as stream:
            found = os.fstat(stream.fileno())
            others = stat.S_IWGRP | stat.S_IWOTH
            if found.st_uid != os.geteuid() or found.st_mode & others or found.st_size > LARGEST:
                return {}
            known = received_all(json.loads(stream.read(LARGEST)))
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _remembered(path: Path, entry: object) -> Judgement | None:
    match entry:
        case {
            "faults": list(faults),
            "advice": list(advice),
            "too_long": bool(too_long),
            "preparable": bool(preparable),
        } if all(isinstance(text, str) for text in (*faults, *advice)):
            return Judgement(
                path=path,
                faults=tuple(faults),
                advice=tuple(advice),
                too_long=too_long,
                preparable=preparable,
            )
    return None


def _judges_digest() -> bytes:
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    try:
        for name in _JUDGES:
            place = package / name
            for file in sorted(place.glob("*.*")) if place.is_dir() else [place]:
                digest.update(f"{file.name}\n".encode() + file.read_bytes())
    except OSError:
        return b""
    return digest.digest()
