"""``run``: the box in the foreground; systemd runs this."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--until-idle", action="store_true", help="end when nobody may be called for half an hour"
    )
    parser.add_argument(
        "--supervisor",
        type=Path,
        metavar="DIR",
        default=os.environ.get("AUTODIALER_SUPERVISOR") or None,
        help="folder of the supervisor that watches this box; without its answer the box is stopped"
        " (default: $AUTODIALER_SUPERVISOR, else none)",
    )


def run(arguments: argparse.Namespace) -> int:
    from appliance.box.state import BoxState
    from appliance.config import load as configuration
    from appliance.daemon.daemon import Daemon
    from appliance.errors import Refused

    config = configuration.load(arguments.config, state=arguments.state, examine=True)
    logging.basicConfig(
        level=config.settings.logging.level.upper(),
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    panel = config.settings.panel
    if panel is not None and panel.stop_second is not None and arguments.supervisor is None:
        raise Refused(
            "the stop button's second contact is watched by the supervisor alone",
            "start autodialer-supervisor and name its folder with --supervisor",
        )
    state = BoxState.open(config.state)
    try:
        box = Daemon(config, state, arguments.supervisor)
        return box.run(until_idle=arguments.until_idle)
    finally:
        state.close()
