"""What another process uses, from ``/proc``."""

from __future__ import annotations

import os
import time
from pathlib import Path


def processor_percent(process: int, seconds: float) -> float:
    """Watch a process for *seconds*; return percent of one core."""
    before = _ticks(process)
    time.sleep(seconds)
    used = (_ticks(process) - before) / os.sysconf("SC_CLK_TCK")
    return round(100 * used / seconds, 2)


def resident_mib(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise RuntimeError(f"process {process} tells no VmRSS")


def _ticks(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
