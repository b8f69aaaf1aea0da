"""``fleet demo``: a hub of three nodes and four boxes on this machine, judged by the auditor."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from appliance.cli.output import check_outside_state
from appliance.cli.speech import say
from appliance.demo.fleet_run import FleetPerformance
from appliance.errors import Refused
from firmware.wording import worded


def run(arguments: argparse.Namespace) -> int:
    from appliance.config.paths import sample_config

    directory: Path = arguments.directory or Path(tempfile.mkdtemp(prefix="autodialer-fleet-"))
    check_outside_state(arguments, "--directory", directory)
    if os.path.lexists(directory) and not directory.is_dir():
        raise Refused(
            worded("{directory} is not a directory", directory=directory),
            worded("name a new directory"),
        )
    if directory.exists() and any(directory.iterdir()):
        raise Refused(
            worded("{directory} is not empty", directory=directory), worded("name a new directory")
        )

    def tell(text: str) -> None:
        print(say(text), flush=True)

    performance = FleetPerformance(
        directory,
        people=arguments.people,
        speed=arguments.speed,
        seed=arguments.seed,
        shipped=sample_config(),
        say=tell,
    )
    code = performance.run()
    arguments.told = {"passed": code == 0, "directory": str(directory)}
    return code
