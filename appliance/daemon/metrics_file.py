"""Writes the metrics where ``metrics.textfile`` names a file for node_exporter."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.screen.metrics import HEADER, exposition
from firmware.bounded_read import open_regular
from firmware.wording import worded

log = logging.getLogger(__name__)

WRITE_EVERY = 15.0
"""Real seconds: no scraper asks more often."""


class MetricsFile:
    """Called by the loop; whatever goes wrong here costs no call."""

    def __init__(
        self,
        file: Path | None,
        status: Callable[[], dict[str, Any]],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._status = status
        self._now = now
        self._next = 0.0
        self._failed = False

    def look(self) -> None:
        """Write, where it is time to."""
        if self._file is None or self._now() < self._next:
            return
        self._next = self._now() + WRITE_EVERY
        try:
            write(self._file, exposition(self._status(), time.time()))
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.warning("the metrics are not written: %s", error)
            self._failed = True


def write(file: Path, text: str) -> None:
    """Replace *file* whole, readable by everybody: it names nobody. Raises OSError.

    A file that is somebody else's stays as it is.
    """
    try:
        with open_regular(file) as stream:
            ours = stream.read(len(HEADER)) == HEADER.encode()
    except FileNotFoundError:
        ours = True
    if not ours:
        raise FileExistsError(
            worded("{file} holds something that the box did not write", file=file)
        )
    # The collector reads *.prom alone, so that it never sees a part.
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o644)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
