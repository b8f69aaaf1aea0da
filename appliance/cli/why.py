"""``why NUMBER [--at TIME]``: may this number be called, when next, and each rule's verdict."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from appliance.cli.session import ask
from appliance.windows import known_zone


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f'"{text}" is not a date and time with offset; write 2027-03-10T17:30:00+01:00'
        )
    if not 2000 <= moment.year < 2200:
        raise argparse.ArgumentTypeError(
            f"no calendar of the box reaches the year {moment.year}; write one from 2000 to 2199"
        )
    return moment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", help="as people write it, or E.164")
    parser.add_argument("--at", type=_moment, help="ask for this moment instead of now")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    given = {"number": arguments.number}
    if arguments.at is not None:
        given["at"] = arguments.at.isoformat()
    answer = ask(arguments, "why", given)
    print(json.dumps(answer, ensure_ascii=False) if arguments.json else as_text(answer))
    return 0


def as_text(answer: dict[str, Any]) -> str:
    zone = known_zone(answer.get("timezone", "UTC")) or ZoneInfo("UTC")
    may = "may be called" if answer["may_be_called"] else "may NOT be called"
    rows = [f"{answer['number']} {may} at {_local(answer['at'], zone)}"]
    width = max(len(verdict["rule"]) for verdict in answer["verdicts"])
    for verdict in answer["verdicts"]:
        sign = "yes" if verdict["allowed"] else "NO "
        rows.append(f"  {sign}  {verdict['rule']:<{width}}  {verdict['reason']}")
    chance = answer["next_chance"]
    if answer.get("territories"):
        rows.append(f"judged as somebody in {', '.join(answer['territories'])}")
    if answer["known"]:
        rows.append(
            "next moment that all rules of time agree: "
            + (
                "none within 400 days"
                if chance is None
                else f"{_local(chance['start'], zone)} to {_local(chance['end'], zone)}"
            )
        )
        rows.append(f"subject {answer['subject']}, {answer['attempts']} attempts so far")
    return "\n".join(rows)


def _local(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
