"""Where the state lies, for every command that reads it."""

from __future__ import annotations

import argparse
from pathlib import Path

from appliance.errors import Refused
from firmware.wording import worded

LEDGER = "ledger"
PEOPLE = "people"


def state_directory(arguments: argparse.Namespace) -> Path:
    """Return ``--state``, or ``box.state`` of the configuration."""
    if arguments.state is not None:
        return Path(arguments.state)
    from appliance.config import paths

    return paths.state_directory(arguments.config)


def existing_state(arguments: argparse.Namespace, *, begins: bool = False) -> Path:
    """Return the state directory; refuses where there is none yet, unless the command *begins* it.

    What is there and is no directory is somebody's mistake, and refused in any case.
    """
    directory = state_directory(arguments)
    if directory.exists() and not directory.is_dir():
        raise Refused(
            worded("{directory} is not a directory", directory=directory),
            worded("name the state directory with --state"),
        )
    if not begins and not directory.exists():
        raise Refused(
            worded("{directory} does not exist", directory=directory),
            worded("name the state directory with --state, or start the box once"),
        )
    return directory


def box_zone(arguments: argparse.Namespace) -> str | None:
    """Return the box's zone, ``law.timezone``, for whoever reads; None where it cannot be told."""
    from firmware.yaml_document import DocumentFaulty, read_document

    try:
        settings = read_document(arguments.config).value
    except DocumentFaulty:
        return None
    return zone_of(settings)


def zone_of(settings: object) -> str | None:
    """Return ``law.timezone`` of a configuration as it was read; None where it names none."""
    law = settings.get("law") if isinstance(settings, dict) else None
    zone = law.get("timezone") if isinstance(law, dict) else None
    return zone if isinstance(zone, str) else None
