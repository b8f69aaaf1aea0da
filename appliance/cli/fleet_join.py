"""``fleet join FILE``: makes this box a member of the fleet whose headquarters wrote FILE."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from appliance.cli.output import check_outside_state
from appliance.cli.questions import secret
from appliance.cli.speech import say
from appliance.errors import Refused
from appliance.fleet.joining import open_file
from firmware.bounded_read import read_bounded
from firmware.wording import worded

LIMIT = 256 * 1024


def run(arguments: argparse.Namespace) -> int:
    target: Path = arguments.key or arguments.config.parent / "fleet.key"
    check_outside_state(arguments, "--key", target)
    if target.is_dir():
        raise Refused(
            worded("--key {target}: is a directory", target=target), worded("add a file name")
        )
    if not target.absolute().parent.is_dir():
        raise Refused(
            worded(
                "--key {target}: there is no directory {parent}",
                target=target,
                parent=target.absolute().parent,
            ),
            worded("make it, or write somewhere else"),
        )
    if os.path.lexists(target):
        raise Refused(
            worded("{target} exists: this box is a member already", target=target),
            worded(
                "take it away first if headquarters removed the old name, or name another with "
                "--key"
            ),
        )
    contents = read_bounded(arguments.file, LIMIT)
    keys = open_file(contents, _passphrase(arguments), str(arguments.file))
    keys.save(target)
    key = target.name if target.parent == arguments.config.parent else str(target)
    section = {"box": keys.box, "key": key, "servers": list(keys.servers)}
    told = {"key": str(target), "box": keys.box, "servers": list(keys.servers)}
    arguments.told = {**told, "configuration": {"fleet": section}}
    print(
        say(
            "{target} is written; it is this box's identity, readable by its owner alone.",
            target=target,
        )
    )
    print(say("Add to {config}, then start the box:", config=arguments.config))
    print()
    print("fleet:")
    print(say("  box: {box}", box=keys.box))
    print(
        say(
            "  key: {target}",
            target=target.name if target.parent == arguments.config.parent else target,
        )
    )
    servers = ", ".join(f'"{server}"' for server in keys.servers)
    print(f"  servers: [{servers}]")
    print()
    print(say("Then destroy {file}.", file=arguments.file))
    return 0


def _passphrase(arguments: argparse.Namespace) -> str:
    if arguments.passphrase_file is not None:
        return read_bounded(arguments.passphrase_file, 4096).decode("utf-8", "replace").strip()
    return secret(say("passphrase: "))
