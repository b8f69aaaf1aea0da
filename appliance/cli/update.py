"""``update apply``, ``update confirm``: a new system from a stick, on a card that has two.

Both run as root, by units of the card (docs/update.md); what they decide stands in
:mod:`appliance.update`.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.cli.speech import say
from appliance.errors import Refused
from firmware.wording import joined, reason_of, worded

if TYPE_CHECKING:
    from appliance.update.carry_out import Updater


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    apply = commands.add_parser("apply", help="take the update on a stick; restarts the computer")
    apply.add_argument("place", type=Path, help="where the stick is mounted")
    apply.add_argument(
        "--again", action="store_true", help="also one that was tried before and taken back"
    )
    confirm = commands.add_parser(
        "confirm", help="at each start: confirm a new system that is well, or go back"
    )
    for action in (apply, confirm):
        action.add_argument("--rauc", default="rauc", help=argparse.SUPPRESS)
        action.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
        action.add_argument("--restart", default="systemctl reboot", help=argparse.SUPPRESS)
        # A container is younger than its kernel.
        action.add_argument("--booted-at", type=float, default=0.0, help=argparse.SUPPRESS)
        action.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    from appliance.update.carry_out import RaucFailed

    updater = _updater(arguments)
    try:
        if arguments.action == "apply":
            finding = updater.apply(arguments.place, again=arguments.again)
        else:
            finding = updater.confirm()
    except RaucFailed as failed:
        raise Refused(
            worded("rauc does not answer: {failed}", failed=failed),
            worded("updates by stick need a card made by make image"),
        ) from failed
    except OSError as error:
        raise Refused(
            joined(": ", [str(error.filename), reason_of(error)]), worded("run it as root")
        ) from error
    if arguments.json:
        told = None if finding is None else finding.ending.value
        print(json.dumps({"ending": told}))
    elif finding is not None:
        print(say(finding.message))
    return 1 if finding is not None and finding.ending.lamp in ("refused", "taken_back") else 0


def _updater(arguments: argparse.Namespace) -> Updater:
    from appliance.cli.paths import state_directory
    from appliance.config.unconfigured import is_unconfigured
    from appliance.config.validation import read_language
    from appliance.daemon.log_output import log_to_stderr
    from appliance.language import LANGUAGES
    from appliance.update.box import BoxSeen
    from appliance.update.carry_out import Places, Updater
    from appliance.update.rauc import Rauc

    log_to_stderr("info")
    root: Path = arguments.root
    known = Places()
    unknown = is_unconfigured(arguments.config)
    return Updater(
        rauc=Rauc(shlex.split(arguments.rauc)),
        box=BoxSeen(state=state_directory(arguments)),
        restart=lambda: _restart(arguments.restart),
        places=Places(
            notes=root / known.notes.relative_to("/"),
            boot=root / known.boot.relative_to("/"),
            card=root / known.card.relative_to("/"),
            told=root / known.told.relative_to("/"),
        ),
        uptime=lambda: time.clock_gettime(time.CLOCK_BOOTTIME) - arguments.booted_at,
        languages=LANGUAGES if unknown else (read_language(arguments.config),),
    )


def _restart(words: str) -> None:
    done = subprocess.run(shlex.split(words), check=False)
    if done.returncode:
        # The card's deadline, or a person at the switch, does it.
        print(say("autodialer: the computer could not be restarted"), file=sys.stderr)
