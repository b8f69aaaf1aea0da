"""``run``: the box in the foreground; systemd runs this."""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from firmware.wording import worded

if TYPE_CHECKING:
    from appliance.daemon.starts import Starts

log = logging.getLogger(__name__)


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
    parser.add_argument(
        "--starts",
        type=Path,
        metavar="FILE",
        help="record of failed starts: each waits longer, and after the third the box stays in safe"
        " mode (default: starts.json in $RUNTIME_DIRECTORY, else none)",
    )


def run(arguments: argparse.Namespace) -> int:
    from appliance.cli.output import check_target
    from appliance.cli.sample import refuse_the_sample
    from appliance.daemon.starts import Starts, default_file

    refuse_the_sample(arguments, "run")

    file = arguments.starts or default_file()
    if file is None:
        return _run(arguments, settled=lambda: None)
    if not _wait_for_configuration(arguments):
        return 0
    starts = Starts(file)
    if arguments.starts is not None:
        check_target(arguments, "--starts", file, again=starts.is_ours())
    fault = starts.held()
    if fault is not None and not _stay_safe(arguments, fault, starts):
        return 0
    time.sleep(starts.pause())
    starts.begin()
    try:
        code = _run(arguments, settled=starts.succeeded)
    except Exception as error:
        starts.failed(str(error))
        raise
    if code == 0:
        starts.succeeded()
    else:
        starts.failed(worded("the box ended by itself: its log tells why"))
    return code


def _wait_for_configuration(arguments: argparse.Namespace) -> bool:
    """Wait while nobody has configured the box yet; False at the end of the program."""
    from appliance.config.paths import managers_state
    from appliance.config.unconfigured import data_is_missing, is_unconfigured

    while data_is_missing() or is_unconfigured(arguments.config):
        from appliance.daemon.log_output import log_to_stderr
        from appliance.daemon.waiting import DataMissing, Waiting

        log_to_stderr("info")
        kind = DataMissing if data_is_missing() else Waiting
        state = arguments.state or managers_state()
        stay = kind(arguments.config, state=state, supervisor=arguments.supervisor)
        if not stay.run():
            return False
    return True


def _stay_safe(arguments: argparse.Namespace, fault: str, starts: Starts) -> bool:
    """Stay in safe mode; True where a person has helped and the box is to try again."""
    from appliance.daemon.log_output import log_to_stderr
    from appliance.daemon.safe_mode import SafeMode

    log_to_stderr("info")
    safe = SafeMode(arguments.config, fault, state=arguments.state, supervisor=arguments.supervisor)
    if not safe.run():
        return False
    starts.succeeded()
    return True


def _run(arguments: argparse.Namespace, settled: Callable[[], None]) -> int:
    from appliance.box.state import BoxState
    from appliance.config import load as configuration
    from appliance.config.sample_clips import OWN_CLIP, STRANGER
    from appliance.daemon.daemon import Daemon
    from appliance.daemon.log_output import log_to_stderr
    from appliance.errors import Refused

    config = configuration.load(arguments.config, state=arguments.state, examine=True)
    log_to_stderr(config.settings.logging.level)
    for clip in config.strangers:
        log.warning("%s: %s; %s", clip, STRANGER, OWN_CLIP)
    panel = config.settings.panel
    if panel is not None and panel.stop_second is not None and arguments.supervisor is None:
        raise Refused(
            worded("the stop button's second contact is watched by the supervisor alone"),
            worded("start autodialer-supervisor and name its folder with --supervisor"),
        )
    state = BoxState.open(config.state)
    try:
        box = Daemon(config, state, arguments.supervisor, settled=settled)
        code = box.run(until_idle=arguments.until_idle)
    finally:
        state.close()
    # systemd starts it again by itself; elsewhere nobody would.
    if box.goes_on_anew and code == 0 and "NOTIFY_SOCKET" not in os.environ:
        return _run(arguments, settled)
    return code
