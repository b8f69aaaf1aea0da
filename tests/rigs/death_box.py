"""The box, with a lever on a pipe: ``freeze`` stops its loop, ``hold`` its whole interpreter.

Runs the real command; nothing else of it is touched. Started by :mod:`tests.rigs.death`.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from pathlib import Path

from appliance.cli.main import main
from appliance.daemon.daemon import Daemon

HELD_SECONDS = 60
LEVER = "lever"
DONE = "done"
"""Holds the monotonic time at which the lever took effect."""


def _listen(place: Path, frozen: threading.Event) -> None:
    with (place / LEVER).open() as lever:
        for line in lever:
            if line.strip() == "freeze":
                frozen.set()
            else:
                _note(place)
                # PyDLL, other than CDLL, keeps the interpreter's lock while the library works.
                ctypes.PyDLL(None).sleep(HELD_SECONDS)


def _note(place: Path) -> None:
    (place / (DONE + ".new")).write_text(str(time.monotonic()))
    (place / (DONE + ".new")).replace(place / DONE)


def run(place: Path, arguments: list[str]) -> int:
    """Run the box with *arguments* and its lever in *place*."""
    frozen = threading.Event()
    keep_house = Daemon._keep_house

    def kept(daemon: Daemon) -> None:
        if frozen.is_set():
            _note(place)
            time.sleep(HELD_SECONDS)
        keep_house(daemon)

    setattr(Daemon, "_keep_house", kept)  # noqa: B010
    os.mkfifo(place / LEVER)
    threading.Thread(target=_listen, args=(place, frozen), daemon=True).start()
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
