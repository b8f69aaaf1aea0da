"""``fleet demo``: a hub of three nodes and four boxes on this machine, judged by the auditor."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from appliance.cli.output import check_outside_state
from appliance.cli.speech import say
from appliance.demo.fleet_run import FleetPerformance
from appliance.fleet.hub import refuse_what_is_there


def run(arguments: argparse.Namespace) -> int:
    from appliance.config.paths import sample_config

    directory: Path = arguments.directory or Path(tempfile.mkdtemp(prefix="autodialer-fleet-"))
    check_outside_state(arguments, "--directory", directory)
    refuse_what_is_there(directory)

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
