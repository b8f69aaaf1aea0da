"""``messages list|show|delete``: text messages that the box kept, as it did not understand them.

Nobody calls their senders until a person has looked. What turns out to be an objection is taken
with ``contacts revoke``.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from appliance.cli.paths import box_zone
from appliance.cli.session import ask
from appliance.screen.local_time import local

WHY = {
    "not_understood": "not understood",
    "unreadable": "no text could be read",
    "sender_unknown": "its sender cannot be called back",
    "several_people": "may be from several people",
    "text_lost": "its text is gone, its sender is still held back",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    commands.add_parser("list", help="all of them, without their text")
    show = commands.add_parser("show", help="read one; its sender may be called again after that")
    show.add_argument("message", help="its id, or how that begins")
    delete = commands.add_parser("delete", help="delete for good")
    delete.add_argument("message", nargs="+", help="an id, or how it begins")
    for action in commands.choices.values():
        action.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "list":
            answer = ask(arguments, "messages.list")
        case "show":
            answer = ask(arguments, "messages.show", {"message": arguments.message})
        case _:
            answer = ask(arguments, "messages.delete", {"messages": arguments.message})
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    elif arguments.action == "list":
        _print_list(answer["messages"], box_zone(arguments))
    elif arguments.action == "show":
        _print_one(answer, box_zone(arguments))
    else:
        count = len(answer["deleted"])
        print(f"{count} message{'s' if count != 1 else ''} deleted")
    return 0


def _print_list(messages: list[dict[str, Any]], zone: str | None) -> None:
    for one in messages:
        state = "waits" if one["waits"] else "read"
        received = local(one.get("received_at", ""), zone)
        print(
            f"{one['message'][:8]}  {received:<23}  {one['sender'] or '':<18}  "
            f"{state:<5}  {WHY.get(one['why'], one['why'])}"
        )
    waiting = sum(one["waits"] for one in messages)
    print(f"{len(messages)} messages, {waiting} wait to be read")


def _print_one(one: dict[str, Any], zone: str | None) -> None:
    print(f"message   {one['message']}")
    print(f"why kept  {WHY.get(one['why'], one['why'])}")
    if "text" not in one:
        print("its text is not in the registry; its sender may be called again")
        return
    sent = local(one["sent_at"], zone) if one["sent_at"] else "unknown"
    print(f"received  {local(one['received_at'], zone)} on {one['line']}, sent {sent}")
    print(f"sender    {one['sender']}")
    print(f"text      {one['text'] if one['text'] is not None else '(none could be read)'}")
    for other in one["other_readings"]:
        print(f"or        {other}")
    for pdu in one["pdus"]:
        print(f"as sent   {pdu}")
    if one["numbers"]:
        print(f"if it objects: autodialer contacts revoke {one['numbers'][0]}")
    print(f"if not:        autodialer messages delete {one['message'][:8]}")
