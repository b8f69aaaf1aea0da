"""``why NUMBER [--at TIME]``: may this number be called, when next, and each rule's verdict."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from appliance.cli.session import ask
from appliance.cli.speech import say, several
from appliance.ledger_words import rule_name
from appliance.windows import known_zone
from firmware.wording import worded


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(
            worded(
                '"{text}" is not a date and time with offset; write 2027-03-10T17:30:00+01:00',
                text=text,
            )
        )
    if not 2000 <= moment.year < 2200:
        raise argparse.ArgumentTypeError(
            worded(
                "no calendar of the box reaches the year {year}; write one from 2000 to 2199",
                year=moment.year,
            )
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
    """Lay the answer out, one rule a row, in the language of the person who asks."""
    zone = known_zone(answer.get("timezone", "UTC")) or ZoneInfo("UTC")
    number, at = answer["number"], _local(answer["at"], zone)
    rows = [
        say("{number} may be called at {time}", number=number, time=at)
        if answer["may_be_called"]
        else say("{number} may NOT be called at {time}", number=number, time=at)
    ]
    names = [say(rule_name(verdict["rule"])) for verdict in answer["verdicts"]]
    width = max(map(len, names))
    yes, no = say("yes"), say("NO")
    signs = max(len(yes), len(no))
    for name, verdict in zip(names, answer["verdicts"], strict=True):
        sign = yes if verdict["allowed"] else no
        rows.append(f"  {sign:<{signs}}  {name:<{width}}  {say(verdict['reason'])}")
    chance = answer["next_chance"]
    if answer.get("territories"):
        rows.append(say("judged as somebody in {names}", names=", ".join(answer["territories"])))
    if answer["known"]:
        span = (
            say("none within 400 days")
            if chance is None
            else say(
                "{start} to {end}",
                start=_local(chance["start"], zone),
                end=_local(chance["end"], zone),
            )
        )
        rows.append(say("next moment that all rules of time agree: {span}", span=span))
        rows.append(
            several(
                "subject {subject}, {count} attempt so far",
                "subject {subject}, {count} attempts so far",
                answer["attempts"],
                subject=answer["subject"],
            )
        )
    return "\n".join(rows)


def _local(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
