"""``fleet ACTION``: many boxes, one campaign.

All but ``join`` and ``demo`` are commands of headquarters, on the directory that ``fleet hub``
made. Each is in the module named for it, so that none is imported for another.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path

from appliance.cli.answer import answered, beside
from appliance.errors import Refused
from firmware.wording import worded

DIRECTORY = Path("fleet-hub")
HUB = frozenset({"hub", "demo"})
"""Actions that make the hub's certificates."""
LONGEST = 200
"""Characters of a name or a reason."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def headquarters(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--hub", type=Path, default=DIRECTORY, help=f"headquarters' directory ({DIRECTORY})"
        )
        return command

    hub = headquarters("hub", worded("make a hub's configuration, or check the running one"))
    hub.add_argument("--campaign", help="name of the campaign, to make a new fleet")
    hub.add_argument(
        "--node",
        action="append",
        default=[],
        metavar="NAME=HOST[:PORT[:CLUSTERPORT]]",
        help="one machine of the hub; give three",
    )
    hub.add_argument("--store", help="where each node keeps its streams")
    hub.add_argument(
        "--bench", action="store_true", help="without TLS, files used in place, on 127.0.0.1"
    )
    hub.add_argument("--check", action="store_true", help="try the running hub; make what lacks")

    enrol = headquarters("enrol", worded("let a box join; prints the passphrase of its file once"))
    enrol.add_argument("box", help="its name: small letters, digits, dashes")
    enrol.add_argument("--out", type=Path, help="the joining file (BOX.join)")

    remove = headquarters("remove", worded("let a box belong no more, and cut its connection"))
    remove.add_argument("box")
    _said(remove)

    join = commands.add_parser("join", help="make this box a member, with the file of enrol")
    join.add_argument("file", type=Path)
    join.add_argument("--key", type=Path, help="the key file to write (fleet.key beside config)")
    join.add_argument("--passphrase-file", type=Path, help="read it there instead of asking")

    headquarters("status", worded("what every box said last, and what was ordered"))
    watch = headquarters("watch", worded("show it live"))
    watch.add_argument("--count", type=_from(int, 1, 100_000), help="end after so many looks")

    for name, text in (
        ("stop", worded("stop boxes: hang up, and dial nobody until resumed")),
        ("resume", worded("begin a new epoch for boxes that are stopped")),
    ):
        order = headquarters(name, text)
        order.add_argument("boxes", nargs="*", metavar="BOX")
        order.add_argument("--all", action="store_true", help="every enrolled box")
        _said(order)
        if name == "stop":
            order.add_argument(
                "--wait",
                type=_from(float, 0, 3600),
                default=10.0,
                help="seconds to wait for confirmations",
            )
        else:
            order.add_argument(
                "--after-loss",
                action="store_true",
                help="the hub lost messages and everything was sent again: count from here",
            )

    revoke = headquarters("revoke", worded("an objection that reached headquarters, for every box"))
    revoke.add_argument("number", nargs="+", help="as people write it, or E.164")
    revoke.add_argument("--country", default="FR", help="where national numbers belong (FR)")

    send = headquarters(
        "send", worded("send a contacts file, sealed, to one box, which imports it")
    )
    send.add_argument("file", type=Path)
    send.add_argument("--box", required=True)

    verify = headquarters(
        "verify", worded("audit ledgers and claims; a broken promise stops the fleet")
    )
    verify.add_argument("--network", type=Path, nargs="*", default=[], help="logs of simulate")
    verify.add_argument(
        "--skew", type=_from(float, 0, 86400), default=0.5, help="seconds clocks may differ"
    )
    verify.add_argument("--cap", type=_from(int, 1, 1000), help="most attempts at one person")
    verify.add_argument("--save", type=Path, help="keep what was audited in a new directory")
    verify.add_argument("--copies", type=Path, help="audit such a directory instead of the hub")

    demo = commands.add_parser("demo", help="a whole fleet on this machine, with what goes wrong")
    demo.add_argument("--people", type=_from(int, 8, 900), default=60, help="on the lists (60)")
    demo.add_argument(
        "--speed", type=_from(float, 1, 100), default=10.0, help="box seconds a second (10)"
    )
    demo.add_argument("--seed", type=int, default=1)
    demo.add_argument("--directory", type=Path, help="for its files (a new one)")

    report = headquarters("report", worded("the campaign over all boxes, for people"))
    report.add_argument("--out", type=Path, help="write a page that opens in any browser")
    report.add_argument("--csv", type=Path, help="write one line per attempt")
    report.add_argument("--timezone", default="Europe/Paris", help="of the page (Europe/Paris)")
    for action in commands.choices.values():
        action.add_argument("--json", action="store_true", help="print JSON")


def _said(parser: argparse.ArgumentParser) -> None:
    """Add who orders and why: boxes show it, and take no order that does not say it."""
    for option, told in (("--by", "who"), ("--reason", "why")):
        parser.add_argument(option, type=_words, required=True, help=f"{told}; written to the log")


def _words(text: str) -> str:
    """Return *text* as it goes to the log; what the box takes itself is no longer either."""
    said = " ".join(text.split())
    if not said or len(said) > LONGEST or not said.isprintable():
        raise argparse.ArgumentTypeError(
            worded("is no short text; write up to {count} characters", count=LONGEST)
        )
    return said


def _from(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    """Return what reads a number of *kind* from *least* to *most*."""

    def read(text: str) -> float:
        try:
            value = kind(text) if len(text) < 20 else math.nan
        except ValueError:
            value = math.nan
        # Nothing is less or more than what is no number at all.
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                worded("must be a number from {least:g} to {most:g}", least=least, most=most)
            )
        return value

    return read


TOLD = frozenset("enrol remove join stop resume revoke send report demo".split())
"""Actions whose answer is gathered in ``arguments.told`` while the words are printed."""


def run(arguments: argparse.Namespace) -> int:
    if arguments.action not in TOLD and not (arguments.action == "hub" and arguments.campaign):
        return _act(arguments)
    with beside(arguments):
        code = _act(arguments)
    answered(arguments, arguments.told)
    return code


def _act(arguments: argparse.Namespace) -> int:
    # Certificates are made at headquarters alone.
    extra, more = ("hub", ("cryptography",)) if arguments.action in HUB else ("fleet", ())
    for library in ("nats", "nacl", *more):
        if importlib.util.find_spec(library) is None:
            raise Refused(
                worded(
                    "what fleet {action} needs is not installed ({library})",
                    action=arguments.action,
                    library=library,
                ),
                worded("in the program's source folder: pip install '.[{extra}]'", extra=extra),
            )
    match arguments.action:
        case "hub" | "enrol" | "remove":
            from appliance.cli import fleet_hub

            return fleet_hub.run(arguments)
        case "demo":
            from appliance.cli import fleet_demo

            return fleet_demo.run(arguments)
        case "join":
            from appliance.cli import fleet_join

            return fleet_join.run(arguments)
        case "verify" | "report":
            from appliance.cli import fleet_audit

            return fleet_audit.run(arguments)
        case _:
            from appliance.cli import fleet_orders

            return fleet_orders.run(arguments)
