"""Where a demonstration keeps its state: a directory of its own, and nothing of anybody else's.

When it ends, a demonstration writes down every file that it leaves behind, each with its digest.
The next one removes these files where all of them are still as they were, and no others; a
directory in which somebody worked since (imported, revoked, put a file) is left as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from appliance.demo.processes import Stage
from appliance.errors import Refused
from appliance.people.exports import FILE as EXPORTS
from appliance.storage.files import StateInUse, StateLock
from appliance.storage.written_files import FILE as WRITTEN
from firmware.wording import joined, worded

SEAL = "left-behind.json"
SUFFIX = "-demo"
MOST_PLACES = 100

_NOT_COUNTED = frozenset({"lock", "control.sock", WRITTEN, EXPORTS})
"""The lock, and what later commands remember of files that they wrote elsewhere: these stay."""


def own_place(state: Path, suffix: str = SUFFIX) -> Path:
    """Return where a demonstration may live beside *state*: the first place that is free for it."""
    for number in range(1, MOST_PLACES + 1):
        place = state.with_name(f"{state.name}{suffix}{'' if number == 1 else f'-{number}'}")
        try:
            if why_not(place) is None:
                return place
        except StateInUse:
            continue
    raise Refused(
        worded(
            "{most_places} demonstrations beside {state} were worked with since",
            most_places=MOST_PLACES,
            state=state,
        ),
        worded("move some away, or name a directory with --state"),
    )


def why_not(place: Path) -> str | None:
    """Return why no demonstration may take *place*, or None where it may.

    Raises :class:`~appliance.storage.files.StateInUse` where a box runs there.
    """
    if not os.path.lexists(place):
        return None
    if place.is_symlink() or not place.is_dir():
        return worded("is no directory")
    found = _left_in(place)
    if not found:
        return None
    seal = _seal(place)
    if seal is None:
        stage = Stage(place)
        if stage.scenario.is_file() and stage.config.is_file():
            return worded("held a demonstration once, but there may be real people since")
        return worded("holds something that is not a demonstration")
    with StateLock.acquire(place):
        found = _left_in(place)
        changed = sorted({name for name, _ in found.items() ^ seal.items()})
    if changed:
        return worded(
            "held a demonstration once, but somebody worked there since ({changed})",
            changed=changed[0],
        )
    return None


def clear(stage: Stage) -> None:
    """Begin on an empty state. Removes what an earlier demonstration left, and nothing else."""
    reason = why_not(stage.state)
    if reason is not None:
        raise Refused(
            joined(" ", [str(stage.state), reason]), worded("name another directory with --state")
        )
    if stage.state.exists():
        with StateLock.acquire(stage.state):
            for name in _seal(stage.state) or {}:
                (stage.state / name).unlink(missing_ok=True)
            _seal_file(stage.state).unlink(missing_ok=True)
            for folder, _, _ in os.walk(stage.state, topdown=False):
                if Path(folder) != stage.state and not any(Path(folder).iterdir()):
                    Path(folder).rmdir()
    stage.directory.mkdir(parents=True, mode=0o700)
    stage.state.chmod(0o700)


def seal(stage: Stage) -> None:
    """Write down what is left behind; the last thing that a demonstration does."""
    text = json.dumps({"version": 1, "files": _left_in(stage.state)}, indent=1)
    _seal_file(stage.state).write_text(text + "\n", encoding="utf-8")


def _seal_file(place: Path) -> Path:
    return place / "demo" / SEAL


def _seal(place: Path) -> dict[str, str] | None:
    try:
        value: Any = json.loads(_seal_file(place).read_text(encoding="utf-8"))
        files = value["files"]
        return {str(name): str(digest) for name, digest in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _left_in(place: Path) -> dict[str, str]:
    """Return every file below *place* with what it holds; a link by what it says."""
    found = {}
    for folder, folders, files in os.walk(place):
        for name in files + [one for one in folders if (Path(folder) / one).is_symlink()]:
            path = Path(folder) / name
            short = path.relative_to(place).as_posix()
            if short in _NOT_COUNTED or path == _seal_file(place):
                continue
            found[short] = _contents(path)
    return found


def _contents(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if not path.is_file():
        return worded("no file")
    return hashlib.sha256(path.read_bytes()).hexdigest()
