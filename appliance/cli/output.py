"""Files that a command writes where its user says."""

from __future__ import annotations

import os
from pathlib import Path

from appliance.errors import Refused


def check_target(option: str, path: Path | None) -> None:
    """Refuse a file that could not be written, before anything is done for it."""
    if path is None:
        return
    folder = path.absolute().parent
    try:
        is_directory = path.is_dir()
    except OSError as error:
        raise Refused(f"{option} {path}: {error.strerror}", "write somewhere else") from error
    if is_directory:
        wrong, remedy = "is a directory", "add a file name"
    elif not folder.is_dir():
        wrong, remedy = f"there is no directory {folder}", "make it, or write somewhere else"
    elif not os.access(folder, os.W_OK | os.X_OK):
        wrong, remedy = "this account may not write there", "write somewhere else"
    else:
        return
    raise Refused(f"{option} {path}: {wrong}", remedy)


def write_target(option: str, path: Path, data: bytes) -> None:
    """Write *data* to *path*, whole or not at all."""
    from appliance.storage.files import StorageFailed, replace_file

    check_target(option, path)
    try:
        replace_file(path, data)
    except StorageFailed as failed:
        # The box's own storage may be sound; what fails here is the place that a person chose.
        raise Refused(f"{option}: {failed}", "make room there, or write somewhere else") from failed
