"""A rehearsal: somebody's own configuration, clips and people on simulated modems.

Nobody real is called: the lines are simulators, and everybody's number is replaced by one of a
range for fiction before the box sees it. Who answers how is dealt out from the demonstration's
stories.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from appliance.demo.people import CALLABLE, USUAL_KEYS, Population, pressing
from appliance.demo.processes import Stage

MOST_PEOPLE = 8000
"""Numbers in the two ranges for fiction that are used here."""
SUFFIX = "-rehearsal"


def fiction(index: int) -> str:
    """Return a number that nobody has: mobiles and landlines of the French ranges in turn."""
    return f"+3363998{index:04d}" if index % 2 else f"+3319900{index:04d}"


def population(exported: str, keys: Mapping[str, str] = USUAL_KEYS) -> Population:
    """Return the people of a contacts file that was exported, with numbers that nobody has.

    *keys* are the campaign's own in place of the stories' usual ones.
    """
    reader = csv.DictReader(io.StringIO(exported))
    known: dict[str, str] = {}
    table = io.StringIO()
    writer = csv.DictWriter(table, reader.fieldnames or [], lineterminator="\r\n")
    writer.writeheader()
    for row in reader:
        number = known.setdefault(row["number"], fiction(len(known)))
        if len(known) > MOST_PEOPLE:
            raise ValueError(f"a rehearsal has room for {MOST_PEOPLE} people")
        writer.writerow({**row, "number": number})
    stories = [story for story in CALLABLE for _ in range(story.share)]
    rules: list[dict[str, Any]] = []
    for index, number in enumerate(known.values()):
        story = stories[index * 7 % len(stories)]
        rule: dict[str, Any] = {
            "number": number,
            "behaviour": pressing(story.behaviour, keys),
        }
        if story.faults:
            rule["faults"] = list(story.faults)
        rules.append(rule)
    return Population(
        contacts=table.getvalue(),
        scenario=_plain_yaml(rules),
        people=len(known),
        faulty=0,
    )


def configuration(
    settings: Mapping[str, Any],
    base: Path,
    stage: Stage,
    *,
    lines: Sequence[str],
    speed: float,
    start: str,
) -> str:
    """Return *settings* with simulated lines, panel and clock, and paths that stand anywhere.

    *base* is where its paths begin, *lines* the names of its lines, *start* when the simulated
    clock begins (ISO 8601).
    """
    kept = {
        key: value for key, value in settings.items() if key not in ("fleet", "ledger", "metrics")
    }
    clips = {
        language: {role: str(base / place) for role, place in group.items()}
        for language, group in settings["campaign"]["clips"].items()
    }
    law = dict(settings["law"])
    profile = base / str(law["profile"])
    if profile.is_file():
        law["profile"] = str(profile)
    changed = {
        "box": {**settings["box"], "state": str(stage.state)},
        "campaign": {**settings["campaign"], "clips": clips, "start": "at_once"},
        "law": law,
        "lines": [
            {
                "name": name,
                "port": str(stage.links / f"line-{number}.at"),
                "emergency_port": str(stage.links / f"line-{number}.at2"),
                "audio": str(stage.links / f"line-{number}.audio"),
                "family": "auto",
                "bench": True,
            }
            for number, name in enumerate(lines, 1)
        ],
        "panel": {"simulated": True},
        "clock": {"simulated_start": start, "speed": speed},
        "logging": {"level": "info"},
    }
    return _plain_yaml({**kept, **changed})


class _Dumper(yaml.SafeDumper):
    """Writes what begins like a number in quotes, without which no reader of the box takes it."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        like_a_number = text[:1].isdigit() or text[:1] in ("+", "-", ".")
        style = '"' if like_a_number else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def _plain_yaml(value: object) -> str:
    """Return YAML without anchors, which no reader of the box takes."""
    plain = json.loads(json.dumps(value))
    return yaml.dump(plain, Dumper=_Dumper, allow_unicode=True, sort_keys=False)
