"""``check``: configuration, clips and law profile; every fault at once.

``--with-state`` opens the state besides, as a start would, and changes nothing. A package that was
updated asks the new version this before it may run, while the old one still has the state.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from appliance.cli.speech import say
from firmware.wording import joined, plural, worded

if TYPE_CHECKING:
    from appliance.config.load import Config

TRIES = 4
"""Looks at a state that a running box may be changing meanwhile."""
BETWEEN = 0.5
"""Real seconds between two looks."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--with-state",
        action="store_true",
        help="open the state too, as a start would, beside a running box as well; changes nothing",
    )


def run(arguments: argparse.Namespace) -> int:
    from appliance.clearance.circumstances import longest_call
    from appliance.clearance.rests import FLOOR, RING_FLOOR, spoken
    from appliance.config import load as configuration
    from appliance.law import ballot_notes

    config: Config = configuration.load(arguments.config, state=arguments.state, examine=True)
    rules, settings = config.rules, config.settings
    refusals = [
        joined(": ", [verdict.rule, verdict.reason])
        for verdict in rules.caller_verdicts(config.bench)
        if not verdict.allowed
    ]
    facts: dict[str, Any] = {
        "config": str(config.file),
        "state": str(config.state),
        "profile": rules.profile.label,
        "mode": settings.campaign.mode,
        "lines": [
            {"name": line.name, "port": line.port, "present": _present(config.file, line.port)}
            for line in settings.lines
        ],
        "clips": {name: round(clip.seconds, 1) for name, clip in sorted(config.clips.items())},
        "longest_call_seconds": {
            language: round(longest_call(script, config.campaign.timers))
            for language, script in config.campaign.scripts.items()
        },
        "clip_advice": list(config.clip_advice),
        "sample_clips": [str(clip) for clip in config.strangers],
        "advice": [joined(": ", [rule.name, rule.text]) for rule in rules.profile.advice],
        "floor": [
            worded("A phone rings for at least {spoken}.", spoken=spoken(RING_FLOOR)),
            *(rule.text for rule in FLOOR),
        ],
        "floor_holds": list(config.floors),
        "ballots": ballot_notes(rules.profile, rules.ballots),
        "refusals": refusals,
    }
    if settings.fleet is not None:
        from appliance.fleet.membership import keys_of

        keys = keys_of(settings.fleet, config.file)
        facts["fleet"] = {"campaign": keys.campaign, "box": keys.box, "servers": keys.servers}
    if arguments.with_state:
        facts["opened"] = _opened(config)
    if arguments.json:
        print(json.dumps(facts, ensure_ascii=False))
    else:
        _print(facts)
    return 1 if refusals else 0


def _opened(config: Config) -> dict[str, Any] | None:
    """Return what a start would find in the state; None where there is none yet.

    Raises the storage errors that a start would raise, seen at each of several looks.
    """
    from appliance.storage.files import StorageError

    if not config.state.exists():
        return None
    for left in range(TRIES - 1, -1, -1):
        try:
            return _look(config)
        except (StorageError, OSError):
            if not left:
                raise
            # The running box may have been in the middle of a write or of a compaction.
            time.sleep(BETWEEN)
    return None


def _look(config: Config) -> dict[str, Any]:
    from appliance.box.box import Box, calendar
    from appliance.box.state import BoxState
    from appliance.control.operations import Operations
    from appliance.law import Place
    from appliance.law.calendar import WEEK
    from firmware.clock import SystemClock

    fleet = None
    if config.settings.fleet is not None:
        from appliance.fleet.membership import Passive, keys_of

        fleet = Passive(keys_of(config.settings.fleet, config.file))
    # The holiday calendars are files of a library: a package that lacks one calls nobody.
    zone = ZoneInfo(config.settings.law.timezone)
    config.rules.calendar.ahead(Place(zone=zone), int(time.time()) // WEEK)
    state = BoxState.open_to_read(config.state, beside_a_box=True)
    try:
        clock = SystemClock(config.settings.clock.speed)
        box = Box(config, state, calendar(config, state, clock), fleet=fleet)
        status = Operations(box).perform("status", {})
        return {
            "rows": state.ledger.head[0],
            "people": len(state.registry.subjects()),
            "stopped": status["stopped"],
            # That the ledger is read through besides is every start's first work, and no doubt.
            "doubts": [
                doubt["detail"] for doubt in status["doubts"] if doubt["code"] != "unverified"
            ],
            "remarks": list(status["remarks"]),
        }
    finally:
        state.close()


def _present(config: Path, port: str) -> bool | None:
    if port == "auto" or "://" in port:
        return None
    return (config.parent / port).exists()


def _print(facts: dict[str, Any]) -> None:
    from appliance.config.sample_clips import OWN_CLIP, STRANGER

    print(say("{file}: right", file=facts["config"]))
    print(
        say(
            "law profile {profile}, {mode} mode, state in {state}",
            profile=facts["profile"],
            mode=say(facts["mode"]),
            state=facts["state"],
        )
    )
    for line in facts["lines"]:
        absent = "" if line["present"] is not False else say(" (not there now)")
        print(
            say("line {name}: {port}{absent}", name=line["name"], port=line["port"], absent=absent)
        )
    for name, seconds in facts["clips"].items():
        print(say("clip {name}: {seconds} s", name=name, seconds=seconds))
    for advice in facts["clip_advice"]:
        print(say("advice on a clip: {advice}", advice=advice))
    for clip in facts["sample_clips"]:
        told = joined(": ", [clip, STRANGER])
        print(say("PLEASE LOOK: {what}", what=joined("; ", [told, OWN_CLIP])))
    for language, seconds in facts["longest_call_seconds"].items():
        print(
            say(
                "longest call in {language}: {seconds} s, so calls end at least that early",
                language=language,
                seconds=seconds,
            )
        )
    for advice in facts["advice"]:
        print(say("advice, not enforced: {advice}", advice=advice))
    print(say("floor of the product, where no rule is stricter:"))
    for floor in facts["floor"]:
        print(f"  {say(floor)}")
    for floor in facts["floor_holds"]:
        print(say("the floor holds: {floor}", floor=floor))
    if "fleet" in facts:
        fleet = facts["fleet"]
        servers = ", ".join(fleet["servers"])
        print(
            say(
                "fleet {campaign}: this box is {box}, its hub {servers}",
                campaign=fleet["campaign"],
                box=fleet["box"],
                servers=servers,
            )
        )
    if "opened" in facts:
        _print_opened(facts["opened"])
    for note in facts["ballots"]:
        print(say("PLEASE LOOK: {what}", what=say(note)))
    for refusal in facts["refusals"]:
        print(say("NOBODY WILL BE CALLED: {why}", why=say(refusal)))


def _print_opened(opened: dict[str, Any] | None) -> None:
    if opened is None:
        print(say("no state yet: nothing to open"))
        return
    print(
        say(
            "the state opens: {rows}, {people}",
            rows=plural("{count} row", "{count} rows", opened["rows"]),
            people=plural("{count} person", "{count} people", opened["people"]),
        )
    )
    for remark in opened["remarks"]:
        print(say("the state: {remark}", remark=remark))
    for doubt in opened["doubts"]:
        print(say("CALLING WAITS FOR A PERSON: {why}", why=say(doubt)))
