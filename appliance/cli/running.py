"""``status``, ``watch``, ``pause``, ``resume``, ``stop``, ``reset``: the running box."""

from __future__ import annotations

import argparse
import json
import sys

from appliance.cli.session import ask, ask_running
from appliance.cli.speech import say, several, speaker
from appliance.cli.streams import visible
from firmware.wording import worded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WATCH_EVERY = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    command = parser.get_default("command")
    parser.add_argument("--json", action="store_true", help="print JSON")
    if command == "watch":
        parser.add_argument(
            "--plain", action="store_true", help="lines of text as they change, for any terminal"
        )
        parser.add_argument("--count", type=_count, help="end after so many looks")
    if command in ("pause", "resume"):
        parser.add_argument("--by", default="command", help="who; written to the ledger")
    if command == "reset":
        parser.add_argument("--by", required=True, help="who resets; written to the ledger")
        parser.add_argument("--reason", required=True, help="why; written to the ledger")


def _count(text: str) -> int:
    count = int(text) if text.isdecimal() and len(text) < 9 else 0
    if not count:
        raise argparse.ArgumentTypeError(
            worded("{text!r} is not a number of looks; write 1 or more", text=text[:20])
        )
    return count


def run(arguments: argparse.Namespace) -> int:
    command = arguments.command
    if command == "status":
        try:
            status = ask(arguments, "status")
        except Exception as error:  # noqa: BLE001 - to name its class would load the YAML reader
            return _without_configuration(arguments, error)
        print(json.dumps(status, ensure_ascii=False) if arguments.json else _for_reader(status))
        return 0
    if command == "watch":
        return _watch(arguments)
    if command == "stop":
        from appliance.cli import stopping

        return stopping.stop(arguments)
    if command == "reset":
        answer = ask(arguments, "reset", {"by": arguments.by, "reason": arguments.reason})
        if arguments.json:
            print(json.dumps(answer, ensure_ascii=False))
        elif answer.get("accepted"):
            lost = answer["people"]
            print(
                several(
                    "accepted: calling goes on without what is lost of {count} person",
                    "accepted: calling goes on without what is lost of {count} people",
                    lost,
                )
                if lost
                else say("accepted: calling goes on")
            )
        elif answer.get("waits"):
            print(
                say(
                    "the emergency stop is released; calling still waits: {waits}",
                    waits=answer["waits"],
                )
            )
        else:
            print(say("the emergency stop is released; dialling goes on"))
        return 0
    answer = ask(arguments, command, {"by": arguments.by})
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print(say("paused") if command == "pause" else say("resumed"))
    return 0


def _without_configuration(arguments: argparse.Namespace, error: Exception) -> int:
    """Tell of a box that is down and could not start whether its emergency stop is latched.

    Raises *error* again where it is no faulty configuration, or where there is no state.
    """
    from appliance.cli.failures import answer_to, print_failure, report
    from appliance.cli.paths import existing_state
    from appliance.config.unconfigured import data_is_missing

    documents = sys.modules.get("firmware.yaml_document")
    if documents is None or not isinstance(error, documents.DocumentFaulty) or data_is_missing():
        raise error
    from appliance.box.latch import stop_stands
    from appliance.errors import Refused
    from appliance.screen.status import without_configuration

    try:
        stopped = stop_stands(existing_state(arguments))
    except (Refused, documents.DocumentFaulty):
        # Where the state lies cannot be told either: what is wrong with the file is the answer.
        raise error from None
    found = answer_to(error)
    assert found is not None  # a faulty document is an expected error
    code, what = found
    if arguments.json:
        print_failure(**what, running=False, stopped=stopped)
        return code
    print(without_configuration(stopped, speaker()), flush=True)
    report(error, as_json=False)
    return code


def _watch(arguments: argparse.Namespace) -> int:
    import time

    if draws(arguments):
        from appliance.cli.watching import Watch

        ask_running(arguments, "status")
        Watch(lambda operation, given: ask_running(arguments, operation, given)).run(mouse=False)
        return 0
    from appliance.screen.status import CLOCK

    shown: list[str] = []
    looks = 0
    while arguments.count is None or looks < arguments.count:
        if looks:
            time.sleep(WATCH_EVERY)
        status = ask_running(arguments, "status")
        if arguments.json:
            print(json.dumps(status, ensure_ascii=False), flush=True)
        else:
            rows = visible(_for_reader(status)).split("\n")
            # The clock changes at every look, and is no news by itself.
            news = [row for row in rows if row not in shown]
            if not all(row.startswith(f"{say(CLOCK)} ") for row in news):
                print("\n".join(news), flush=True)
            shown = rows
        looks += 1
    return 0


def draws(arguments: argparse.Namespace) -> bool:
    """Whether to draw: on a terminal that can, for a person who did not ask for lines."""
    import os

    given = (getattr(arguments, name, None) for name in ("json", "plain", "count"))
    if any(given):
        return False
    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")
    )


def _for_reader(status: dict[str, Any]) -> str:
    """One line a fact for a program; folded to the terminal's width for a person."""
    from appliance.screen.status import as_text, folded

    text = as_text(status, speaker())
    if not sys.stdout.isatty():
        return text
    import shutil

    return folded(text, shutil.get_terminal_size().columns)
