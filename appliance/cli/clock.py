"""``clock`` and ``clock correct``: what the clock is believed for, and the way back after it ran
ahead."""

from __future__ import annotations

import argparse
import json
from typing import Any

from appliance.cli.paths import box_zone
from appliance.cli.session import ask
from appliance.cli.speech import say
from appliance.screen.local_time import local
from firmware.wording import joined, worded


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
            print(say("recorded: {now} is right; the floor was {was}", now=now, was=was))
            print(say(_belief(answer)))
        return 0
    told = ask(arguments, "clock")
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        _print(told, box_zone(arguments))
    return 0


def _belief(told: dict[str, Any]) -> str:
    if told["trusted"]:
        return worded("trusted: {source}", source=told["source"])
    return worded("NOT TRUSTED, so nobody is called: {source}", source=told["source"])


def _print(told: dict[str, Any], zone: str | None) -> None:
    print(f"{local(told['utc'], zone)}, {say(_belief(told))}")
    print(say("sources asked: {names}", names=", ".join(told["sources"])))
    print(say("no earlier time is believed than {time}", time=local(told["floor"], zone)))
    if "kernel_answers" in told:
        kept = {True: worded("a time server keeps it"), False: worded("no time server keeps it")}
        said = kept.get(told["synchronised"], worded("cannot be asked"))
        helper = "" if told["kernel_answers"] else say("no helper tells (autodialer-clock)")
        print(say("kernel: {said}", said=said) + (f", {helper}" if helper else ""))
    for witness in told["witnesses"]:
        ahead = witness["ahead_seconds"]
        if not ahead:
            differs = say("as the clock")
        elif ahead > 0:
            differs = say("{seconds:g} s ahead of the clock", seconds=ahead)
        else:
            differs = say("{seconds:g} s behind the clock", seconds=-ahead)
        seen = f"{local(witness['utc'], zone)}, {differs}"
        print(say(joined(": ", [say(witness["title"]), seen])))
    print(say("time zone rules: {time_zones}", time_zones=told["time_zones"]))
