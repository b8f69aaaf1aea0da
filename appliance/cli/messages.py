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
from appliance.cli.speech import say, several
from appliance.screen.local_time import local
from firmware.wording import joined, plural, worded

WHY = {
    "not_understood": worded("not understood"),
    "unreadable": worded("no text could be read"),
    "sender_unknown": worded("its sender cannot be called back"),
    "several_people": worded("may be from several people"),
    "text_lost": worded("its text is gone, its sender is still held back"),
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
        print(several("{count} message deleted", "{count} messages deleted", count))
    return 0


def _print_list(messages: list[dict[str, Any]], zone: str | None) -> None:
    for one in messages:
        state = say("waits") if one["waits"] else say("read")
        received = local(one.get("received_at", ""), zone)
        print(
            f"{one['message'][:8]}  {received:<23}  {one['sender'] or '':<18}  "
            f"{state:<7}  {say(WHY.get(one['why'], one['why']))}"
        )
    waiting = sum(one["waits"] for one in messages)
    held = plural("{count} message", "{count} messages", len(messages))
    unread = plural("{count} waits to be read", "{count} wait to be read", waiting)
    print(say(joined(", ", [held, unread])))


def _print_one(one: dict[str, Any], zone: str | None) -> None:
    print(say("message   {id}", id=one["message"]))
    print(say("why kept  {why}", why=say(WHY.get(one["why"], one["why"]))))
    if "text" not in one:
        print(say("its text is not in the registry; its sender may be called again"))
        return
    sent = local(one["sent_at"], zone) if one["sent_at"] else say("unknown")
    print(
        say(
            "received  {time} on {line}, sent {sent}",
            time=local(one["received_at"], zone),
            line=one["line"],
            sent=sent,
        )
    )
    print(say("sender    {sender}", sender=one["sender"]))
    text = one["text"] if one["text"] is not None else say("(none could be read)")
    print(say("text      {text}", text=text))
    for other in one["other_readings"]:
        print(say("or        {text}", text=other))
    for pdu in one["pdus"]:
        print(say("as sent   {pdu}", pdu=pdu))
    if one["numbers"]:
        print(say("if it objects: autodialer contacts revoke {numbers}", numbers=one["numbers"][0]))
    print(say("if not:        autodialer messages delete {what}", what=one["message"][:8]))
