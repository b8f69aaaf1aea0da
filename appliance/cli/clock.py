"""``clock`` and ``clock correct``: what the clock is believed for, and the way back after it ran
ahead."""

from __future__ import annotations

import argparse
import json
from typing import Any

from appliance.cli.paths import box_zone
from appliance.cli.session import ask
from appliance.screen.local_time import local


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    actions = parser.add_subparsers(dest="action", metavar="correct")
    correct = actions.add_parser(
        "correct",
        help="say that the clock is right now, though it ran ahead once; written to the ledger",
    )
    correct.add_argument("--by", required=True, help="who looked; written to the ledger")
    correct.add_argument("--reason", required=True, help="why; written to the ledger")
    correct.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "correct":
        given = {"by": arguments.by, "reason": arguments.reason}
        answer = ask(arguments, "clock.correct", given)
        if arguments.json:
            print(json.dumps(answer, ensure_ascii=False))
        else:
            zone = box_zone(arguments)
            now, was = local(answer["utc"], zone), local(answer["was"], zone)
            print(f"recorded: {now} is right; the floor was {was}")
            print(_belief(answer))
        return 0
    told = ask(arguments, "clock")
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        _print(told, box_zone(arguments))
    return 0


def _belief(told: dict[str, Any]) -> str:
    if told["trusted"]:
        return f"trusted: {told['source']}"
    return f"NOT TRUSTED, so nobody is called: {told['source']}"


def _print(told: dict[str, Any], zone: str | None) -> None:
    print(f"{local(told['utc'], zone)}, {_belief(told)}")
    print(f"sources asked: {', '.join(told['sources'])}")
    print(f"no earlier time is believed than {local(told['floor'], zone)}")
    if "kernel_answers" in told:
        kept = {True: "a time server keeps it", False: "no time server keeps it"}
        said = kept.get(told["synchronised"], "cannot be asked")
        helper = "" if told["kernel_answers"] else ", and no helper tells (autodialer-clock)"
        print(f"kernel: {said}{helper}")
    for witness in told["witnesses"]:
        ahead = witness["ahead_seconds"]
        differs = f"{abs(ahead):g} s {'ahead of' if ahead > 0 else 'behind'} the clock"
        seen = local(witness["utc"], zone)
        print(f"{witness['title']}: {seen}, {differs if ahead else 'as the clock'}")
    print(f"time zone rules: {told['time_zones']}")
