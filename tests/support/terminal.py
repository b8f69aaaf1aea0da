"""Commands on a real pseudo-terminal, as a person sees them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;:?<>=]*[ -/]*[@-~]|[()][A-Z0-9]|[=>78M])|\x0f")
COLOURS = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
"""What sets a colour of text or ground (ECMA-48, SGR)."""
DRAWS = "\x1b[?1049h"
"""A screen of its own begins."""
RESTORED = "\x1b[?1049l"


class Shown(NamedTuple):
    """How a command ended, and every byte that it sent to the terminal."""

    code: int
    raw: str

    @property
    def text(self) -> str:
        return _ESCAPES.sub("", self.raw)


def at_a_terminal(
    *arguments: object,
    term: str = "xterm-256color",
    size: tuple[int, int] = (80, 24),
    env: Mapping[str, str] | None = None,
    keys: Sequence[tuple[str, str | int]] = (),
    within: float = 50.0,
    stdout: int | None = None,
) -> Shown:
    """Run a command on a pty of *size* (columns, rows) until it ends.

    *keys* are pairs: a text that must have been shown, and what is typed then, or the signal that
    is sent.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-m", "appliance.cli.main", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        env={**_without(os.environ, "NO_COLOR", "COLUMNS"), "TERM": term, **(env or {})},
        start_new_session=True,
    )
    os.close(theirs)
    seen = bytearray()
    reader = threading.Thread(target=_read, args=(ours, seen), daemon=True)
    reader.start()
    deadline = time.monotonic() + within
    try:
        for wanted, key in keys:
            _wait(wanted, seen, deadline)
            if isinstance(key, int):
                child.send_signal(key)
            else:
                os.write(ours, key.encode())
        code = child.wait(timeout=max(deadline - time.monotonic(), 1.0))
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        reader.join(timeout=5)
        os.close(ours)
    return Shown(code, seen.decode(errors="replace"))


def _without(env: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in names}


def _read(descriptor: int, seen: bytearray) -> None:
    try:
        while part := os.read(descriptor, 1 << 16):
            seen.extend(part)
    except OSError:
        pass  # the other side is closed: that is how a pty ends


def _wait(wanted: str, seen: bytearray, deadline: float) -> None:
    while wanted not in _ESCAPES.sub("", seen.decode(errors="replace")):
        assert time.monotonic() < deadline, f"waited in vain for {wanted!r}"
        time.sleep(0.05)
