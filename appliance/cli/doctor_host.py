"""``doctor`` on the computer itself: storage, supply, heat, card, watchdog."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from firmware.host_health import Finding, Part, judge, read_host
from firmware.wording import worded

PARTS = {
    Part.SUPPLY: worded("power supply"),
    Part.TEMPERATURE: worded("temperature"),
    Part.SPACE: worded("storage"),
    Part.NAMES: worded("storage"),
    Part.READ_ONLY: worded("storage"),
    Part.CARD: worded("card"),
    Part.WATCHDOG: worded("watchdog"),
}
"""What the rows are called."""


def host_findings(
    state: Path,
    *,
    root: Path = Path("/"),
    ask: Callable[[], str | None] | None = None,
) -> Iterator[Finding]:
    """Yield what stands; *ask* prints the firmware's word where no file holds it."""
    health = read_host(state, root)
    if health.throttled is None:
        health = replace(health, throttled=firmware_word((ask or _vcgencmd)()))
    yield from judge(health)


def firmware_word(printed: str | None) -> int | None:
    """Return the word in what ``vcgencmd get_throttled`` printed: ``throttled=0x50000``."""
    found = re.fullmatch(r"throttled=0x([0-9a-fA-F]{1,8})", (printed or "").strip())
    return None if found is None else int(found[1], 16)


def _vcgencmd() -> str | None:
    """Kernels without the file have the command, for members of the group ``video``."""
    command = shutil.which("vcgencmd")
    if command is None:
        return None
    try:
        done = subprocess.run(
            [command, "get_throttled"], capture_output=True, timeout=2.0, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("ascii", "replace")
