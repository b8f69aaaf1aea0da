"""``run``: the box in the foreground; systemd runs this."""

from __future__ import annotations

import argparse
import logging
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--until-idle", action="store_true", help="end when nobody may be called for half an hour"
    )


def run(arguments: argparse.Namespace) -> int:
    from appliance.box.state import BoxState
    from appliance.config import load as configuration
    from appliance.daemon.daemon import Daemon

    config = configuration.load(arguments.config, state=arguments.state, examine=True)
    logging.basicConfig(
        level=config.settings.logging.level.upper(),
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    state = BoxState.open(config.state)
    try:
        return Daemon(config, state).run(until_idle=arguments.until_idle)
    finally:
        state.close()
