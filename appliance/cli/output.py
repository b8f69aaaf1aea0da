"""Files that a command writes where its user says: decided here for every command.

Refused are the state directory, the configuration and everything that it names (keys, clips, law
profiles, devices), and each existing file that the box did not write itself
(:mod:`appliance.storage.written_files`).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from appliance.cli.paths import state_directory
from appliance.cli.streams import plain
from appliance.errors import Refused
from appliance.storage.written_files import (
    Protected,
    WrittenFiles,
    digest_of,
    in_the_state,
    judge,
    names_in,
    put,
    stream,
    takes_a_stream,
)
from firmware.durable import give_to_owner
from firmware.wording import joined, reason_of, worded

DEMONSTRATION = "demo"
"""The part of a demonstration's state that holds no state: its people, clips and logs."""


def check_target(
    arguments: argparse.Namespace,
    option: str,
    path: Path | None,
    *,
    clip: bool = False,
    again: bool = False,
) -> None:
    """Refuse a file that may not or could not be written, before anything is done for it.

    *clip* says that the command makes clips, which may be ones that the configuration names;
    *again* that what is there was seen to be the box's own by what it holds.
    """
    if path is None:
        return
    if plain(str(path)) != str(path):
        raise Refused(
            worded(
                "{option}: the file's name is not text in the encoding of this locale",
                option=option,
            ),
            worded("write to a file with another name"),
        )
    try:
        refusal = judge(
            path, protected(arguments, clip=clip), written_files(arguments), again=again
        )
        if refusal is None and takes_a_stream(path):
            return
        folder = path.absolute().parent
        is_folder = folder.is_dir()
    except OSError as error:
        raise Refused(
            _of(option, path, reason_of(error)), worded("write somewhere else")
        ) from error
    if refusal is not None:
        wrong, remedy = refusal.wrong, refusal.remedy
    elif not is_folder:
        wrong, remedy = (
            worded("there is no directory {folder}", folder=folder),
            worded("make it, or write somewhere else"),
        )
    elif not os.access(folder, os.W_OK | os.X_OK):
        wrong, remedy = worded("this account may not write there"), worded("write somewhere else")
    else:
        return
    raise Refused(_of(option, path, wrong), remedy)


def check_outside_state(arguments: argparse.Namespace, option: str, path: Path) -> None:
    """Refuse a file or directory in the state directory, for what judges the rest by itself.

    A new key file and a new directory are written only where nothing is yet; what the configuration
    names for them is the very place.
    """
    try:
        refusal = in_the_state(path, protected(arguments))
    except OSError as error:
        raise Refused(
            _of(option, path, reason_of(error)), worded("write somewhere else")
        ) from error
    if refusal is not None:
        raise Refused(_of(option, path, refusal.wrong), refusal.remedy)


def write_target(arguments: argparse.Namespace, option: str, path: Path, data: bytes) -> None:
    """Write *data* to *path*, whole or not at all, and remember that the box wrote it."""
    import hashlib

    check_target(arguments, option, path)
    try:
        if takes_a_stream(path):
            stream(path, data)
            return
        there = os.path.lexists(path)
        written_files(arguments).remember(path, hashlib.sha256(data).hexdigest())
        put(path, data, replace=there)
    except OSError as error:
        # The box's own storage may be sound; what fails here is the place that a person chose.
        remedy = worded("make room there, or write somewhere else")
        raise Refused(_of(option, path, reason_of(error)), remedy) from error


def remember_target(arguments: argparse.Namespace, path: Path) -> None:
    """Remember a file that another part of the program wrote at a place that was checked."""
    with path.open("rb") as opened:
        give_to_owner(opened.fileno(), path.absolute().parent)
    written_files(arguments).remember(path, digest_of(path))


def written_files(arguments: argparse.Namespace) -> WrittenFiles:
    """Return what commands wrote for this box."""
    return WrittenFiles(_state(arguments))


def protected(arguments: argparse.Namespace, *, clip: bool = False) -> Protected:
    """Return what no command may write over, with this configuration."""
    file: Path = arguments.config
    named = [(Path(os.path.abspath(file)), worded("the configuration"))]  # noqa: PTH100
    named += [(place, worded("named in the configuration")) for place in _named(file, clip=clip)]
    state = _state(arguments)
    shown = state is not None and (state / DEMONSTRATION / "config.yaml").is_file()
    return Protected(state=state, named=named, own_part=DEMONSTRATION if shown else "")


def _of(option: str, path: Path, wrong: str) -> str:
    return joined(": ", [f"{option} {path}", wrong])


def _state(arguments: argparse.Namespace) -> Path | None:
    try:
        return state_directory(arguments)
    except Exception:  # noqa: BLE001
        # A configuration that cannot be read names no state; `check` says what is wrong with it.
        return None


def _named(file: Path, *, clip: bool) -> list[Path]:
    """Return every path that a text of the configuration could be, whatever its key is called."""
    from firmware.yaml_document import read_document

    try:
        value = read_document(file).value
    except Exception:  # noqa: BLE001
        return []
    if not isinstance(value, dict):
        return []
    campaign = value.get("campaign")
    clips = set(names_in([campaign.get("clips")])) if isinstance(campaign, dict) else set()
    base, found = file.resolve().parent, []
    for text in names_in([value]):
        if (clip and text in clips) or not text or "://" in text or "\0" in text:
            continue
        place = Path(os.path.abspath(base / Path(text).expanduser()))  # noqa: PTH100
        # An SSH key has its public half beside it.
        found += [place, place.with_name(f"{place.name}.pub")] if place.name else []
    return found
