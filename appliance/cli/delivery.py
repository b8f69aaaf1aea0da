"""The file that a command makes of an answer about people, and how the box learns of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.cli.output import write_target, written_files
from appliance.control.protocol import ControlClient
from appliance.errors import NobodyListens, Refused
from appliance.storage.written_files import takes_a_stream
from firmware.wording import worded


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The file with people's data that a command makes of an answer."""

    arguments: argparse.Namespace
    option: str
    path: Path
    contents: Callable[[Any], str]
    """What is to be written, of the answer; nothing where it is empty."""

    @property
    def place(self) -> str | None:
        """The path as the box is told it; None for a stream, which nobody can be erased from."""
        return None if takes_a_stream(self.path) else str(self.path.absolute())

    def write(self, answer: Any) -> bool:
        """Write the file; return whether there was anything to write."""
        contents = self.contents(answer)
        if contents:
            write_target(self.arguments, self.option, self.path, contents.encode())
        return bool(contents)

    def deliver(self, directory: Path, answer: Any) -> None:
        """Write the file and tell the box, which erases nobody until then, or not for long."""
        try:
            written = self.write(answer)
        finally:
            in_time = _delivered(directory, self.place)
        if written and not in_time:
            if written_files(self.arguments).holds(self.path):
                self.path.unlink(missing_ok=True)
            raise Refused(
                worded(
                    "{option} {path}: not kept, as it took so long that somebody may have been "
                    "erased meanwhile",
                    option=self.option,
                    path=self.path,
                ),
                worded("try again"),
            )


def _delivered(directory: Path, place: str | None) -> bool:
    try:
        with ControlClient(directory) as client:
            return bool(client.ask("delivered", {"path": place})["in_time"])
    except (NobodyListens, Refused):
        return False
