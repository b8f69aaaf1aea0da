"""How long each command takes to start, as a multiple of a bare Python of the same machine.

Processor time, the least of several runs: a busy machine lengthens the clock's time, not this. The
state is empty, so that what is measured is the way to the answer, not the answer.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.config.paths import sample_config

RUNS = 5
COMMANDS = (
    ("--help",),
    ("status",),
    ("stop", "--help"),
    ("why", "+33199000012"),
    ("ledger", "verify"),
    ("doctor",),
    ("check",),
    ("config", "explain", "campaign"),
    ("completion", "bash"),
)


def run() -> list[dict[str, object]]:
    """Measure each command once; the unit is a start of ``python -c ''``."""
    sample = sample_config()
    with TemporaryDirectory(prefix="autodialer-") as folder:
        directory = Path(folder)
        shutil.copy(sample, directory / "config.yaml")
        (directory / "audio").symlink_to(sample.parent / "audio")
        bare = _least([sys.executable, "-c", ""], directory)
        return [
            {
                "name": f"start-up of {' '.join(words)}",
                "value": round(
                    _least([sys.executable, "-m", "appliance.cli.main", *words], directory) / bare,
                    1,
                ),
                "unit": "starts of Python",
                "n": RUNS,
            }
            for words in COMMANDS
        ]


def _least(command: list[str], directory: Path) -> float:
    """Return the processor seconds of the cheapest of several runs."""
    found = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=directory, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(
            after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
        )
    return min(found)
