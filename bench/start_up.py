"""How long each command takes to start, as a multiple of a bare Python of the same machine.

Processor time. Each round starts a bare Python and every command in turn, so that whatever else the
machine does falls on all alike, and medians are compared. What asks a running box asks one, an idle
one; all else sees a state in which nothing happened yet: what is measured is the way to the answer.
Commands that last (``run``, ``demo``) are asked for their help. The clips were heard before, as on
every box that was checked once; ``check, clips never heard`` is the first time. Byte code is made
before, as ``make`` and the packages make it.
"""

from __future__ import annotations

import compileall
import os
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import appliance
import firmware
from appliance.config.paths import sample_config
from appliance.demo.processes import BoxProcess, Stage, write_config

ROUNDS = 9
NUMBER = "+33199000012"
BARE = "-c pass"
NEVER_HEARD = "check, clips never heard"
NO_BOX = "no box runs"
RUNNING = (
    "status",
    "status --json",
    "watch --count 1",
    f"why {NUMBER}",
    "clock",
    "pause",
    "resume",
    "messages list",
    "contacts list",
    "fleet status",
)
"""What a box that runs answers."""
ALONE = (
    "--help",
    "check",
    "doctor",
    "ledger verify",
    "report --json",
    f"dossier {NUMBER}",
    "config explain campaign",
    "completion bash",
    "audio check audio/greeting.fr.wav",
    "modem list",
    "panel card",
    *(f"{name} --help" for name in "demo rehearse run stop reset simulate provision".split()),
)
"""What needs no box, or only says how it is used."""


def run() -> list[dict[str, object]]:
    """Measure all commands; the unit is a start of ``python -c pass``."""
    for package in (firmware, appliance):
        (folder,) = package.__path__
        compileall.compile_dir(folder, quiet=2)
    with TemporaryDirectory(prefix="autodialer-") as directory:
        place = Path(directory)
        sample = sample_config()
        shutil.copy(sample, place / "config.yaml")
        (place / "audio").symlink_to(sample.parent / "audio")
        stage = Stage(place / "running")
        stage.directory.mkdir(parents=True)
        write_config(stage, sample, lines=1, speed=1.0)
        box = BoxProcess(stage, until_idle=False)
        on_box = ("--config", str(stage.config))
        try:
            commands = {words: (*on_box, *words.split()) for words in RUNNING}
            commands |= {words: tuple(words.split()) for words in ALONE}
            found = _ratios(commands, place)
            found |= _ratios({NEVER_HEARD: ("check",)}, place, forget=True)
        finally:
            box.end()
        found |= _ratios({f"status, {NO_BOX}": (*on_box, "status")}, place)
    return [
        {
            "name": f"start-up of {words}",
            "value": round(ratio, 1),
            "unit": "starts of Python",
            "n": ROUNDS,
        }
        for words, ratio in found.items()
    ]


def _ratios(
    commands: Mapping[str, tuple[str, ...]], directory: Path, *, forget: bool = False
) -> dict[str, float]:
    """Return the median of each command, in medians of a bare Python between them."""
    cache = directory / "cache"
    seconds: dict[str, list[float]] = {words: [] for words in (BARE, *commands)}
    for measured in range(-1, ROUNDS):
        for words in seconds:
            if forget:
                shutil.rmtree(cache, ignore_errors=True)
            arguments = BARE.split() if words == BARE else _program(commands[words])
            spent = _seconds(arguments, directory, cache)
            # The first round warms what the system keeps in memory.
            if measured >= 0:
                seconds[words].append(spent)
    bare = statistics.median(seconds.pop(BARE))
    return {words: statistics.median(spent) / bare for words, spent in seconds.items()}


def _program(words: tuple[str, ...]) -> list[str]:
    return ["-m", "appliance.cli.main", *words]


def _seconds(arguments: list[str], directory: Path, cache: Path) -> float:
    """Return the processor seconds of one run of Python."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        capture_output=True,
        check=False,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
