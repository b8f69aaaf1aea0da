"""The people of the demonstration: a contacts file and a scenario, from a seed.

Everybody has a number that regulators reserve for fiction. The contacts file carries what the box
is told; the scenario carries what the network does when the number is dialled. Nothing links the
two but the number, so the box cannot know what will happen.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

COLUMNS = (
    "number",
    "name",
    "language",
    "timezone",
    "purpose",
    "consent_given_at",
    "consent_source",
    "consent_evidence",
    "windows",
    "valid_until",
)

_NAMES = (
    "Aïcha Arnaud Béatrice Bruno Camille Cédric Danièle David Élodie Éric Fanny Félix Gaëlle "
    "Gilles Hélène Hugo Inès Ivan Jeanne Jules Karim Katia Léa Luc Maëlle Marc Nadia Noé Odile "
    "Oscar Pauline Paul Quentin Rachel Rémi Sophie Simon Théo Thérèse Ugo Valérie Victor Wanda "
    "Xavier Yasmine Yves Zoé Zacharie"
).split()

_GREETING_HEARD = 4.0
"""Seconds of greeting that a simulated callee must really hear before it presses a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKind:
    """One kind of person: how many, what the box is told, what the network does."""

    share: int
    row: dict[str, str] = field(default_factory=dict)
    behaviour: dict[str, Any] | list[dict[str, Any]] | None = None
    """None where the law must keep the box from ever dialling."""
    faults: list[dict[str, Any]] = field(default_factory=list)
    english: bool = False


USUAL_KEYS = {"1": "1", "9": "9"}
"""The keys of the stories, to listen and to object, and what a campaign has in their place."""


def _answers(*keys: tuple[str, float], **more: Any) -> dict[str, Any]:
    presses = [{"key": key, "heard": heard} for key, heard in keys]
    return {"answer": {"keys": presses, **more}} if presses else {"answer": more}


_LISTENS = _answers(("1", _GREETING_HEARD))

# A population of 45 meets every story in these shares; a smaller one gets one of each first.
CALLABLE: tuple[PersonKind, ...] = (
    PersonKind(share=6, behaviour=_LISTENS),
    PersonKind(share=3, behaviour=_LISTENS, english=True),
    PersonKind(share=1, behaviour=_LISTENS, faults=[{"fault": "false_answer"}]),
    PersonKind(share=1, behaviour=_LISTENS, faults=[{"fault": "garbage_bytes"}]),
    PersonKind(share=1, behaviour=_LISTENS, faults=[{"fault": "late_ok", "seconds": 0.03}]),
    PersonKind(share=1, behaviour=_LISTENS, faults=[{"fault": "lost_notices"}]),
    PersonKind(share=1, behaviour=_LISTENS, faults=[{"fault": "no_key_notices"}]),
    PersonKind(share=1, behaviour=_LISTENS, faults=[{"fault": "ignore_hang_up"}]),
    PersonKind(share=2, behaviour=_answers(("1", _GREETING_HEARD), hangs_up_heard=9.0)),
    PersonKind(share=2, behaviour=_answers(hangs_up_heard=3.0)),
    PersonKind(share=1, behaviour=_answers(patience=60)),
    PersonKind(share=2, behaviour=_answers(("9", _GREETING_HEARD))),
    PersonKind(share=2, behaviour={"voicemail": {}}),
    PersonKind(share=2, behaviour=[{"busy": {}}, _LISTENS]),
    PersonKind(share=1, behaviour={"busy": {}}),
    PersonKind(share=2, behaviour={"no_answer": {}}),
    PersonKind(share=2, behaviour={"reject": {}}),
    PersonKind(share=2, behaviour={"unreachable": {}}),
    PersonKind(share=1, behaviour=_LISTENS, faults=[{"fault": "usb_loss", "call": 1, "after": 9}]),
    PersonKind(share=1, behaviour=_LISTENS, faults=[{"fault": "dial_error", "call": 1}]),
)

REFUSED: tuple[PersonKind, ...] = (
    PersonKind(share=2, row={"windows": "sat 10:00-12:00"}),
    PersonKind(share=2, row={"valid_until": "2027-03-01"}),
    PersonKind(share=2, row={"purpose": "charity-run"}),
    PersonKind(share=2, row={"timezone": "Pacific/Noumea", "windows": "mon-sun 00:00-24:00"}),
    PersonKind(share=1, row={"windows": "mon-fri 20:00-21:30"}),
)

FAULTY_ROWS: tuple[dict[str, str], ...] = (
    {"number": "+33199000099;+CMGD=1,4"},
    {"number": "112"},
    {"number": "+33899000000"},
    {"windows": "mon-fri 25:00-26:00"},
    {"timezone": "Europe/Pariss"},
    {"consent_given_at": "yesterday"},
    {"consent_given_at": "2027-12-01"},
)
"""Rows that a spreadsheet may well contain and that must never become a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The two files of a demonstration."""

    contacts: str
    """CSV of the contract."""
    scenario: str
    """YAML for the simulated network."""
    people: int
    faulty: int


def pressing(behaviour: Any, keys: Mapping[str, str]) -> Any:
    """Return a story's *behaviour* with a campaign's own *keys* in place of the usual ones."""
    if isinstance(behaviour, dict):
        return {
            name: keys.get(inner, inner) if name == "key" else pressing(inner, keys)
            for name, inner in behaviour.items()
        }
    return [pressing(one, keys) for one in behaviour] if isinstance(behaviour, list) else behaviour


def make(count: int, seed: int, purpose: str, keys: Mapping[str, str] = USUAL_KEYS) -> Population:
    """Return *count* people whose stories and order follow from *seed*."""
    dice = random.Random(seed)
    stories = _stories(count)
    dice.shuffle(stories)
    numbers = _numbers(dice, count)
    rows: list[dict[str, str]] = []
    rules: list[dict[str, Any]] = []
    for index, (story, number) in enumerate(zip(stories, numbers, strict=True)):
        rows.append(_row(index, number, purpose, story))
        if story.behaviour is not None:
            rule: dict[str, Any] = {
                "number": number,
                "behaviour": pressing(story.behaviour, keys),
            }
            if story.faults:
                rule["faults"] = story.faults
            rules.append(rule)
    for index, wrong in enumerate(FAULTY_ROWS):
        place = dice.randrange(len(rows) + 1)
        row = _row(count + index, f"+3319900{9000 + index:04d}", purpose, PersonKind(share=1))
        rows.insert(place, {**row, **wrong})
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return Population(
        contacts=table.getvalue(),
        scenario=yaml.dump(rules, Dumper=_PlainDumper, allow_unicode=True, sort_keys=False),
        people=count,
        faulty=len(FAULTY_ROWS),
    )


class _PlainDumper(yaml.SafeDumper):
    """Repeats a value that occurs twice: a scenario is read by people too."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _stories(count: int) -> list[PersonKind]:
    """Deal the stories so that a small population still meets as many as it can."""
    everything = CALLABLE + REFUSED
    dealt: list[PersonKind] = []
    left = {story_index: story.share for story_index, story in enumerate(everything)}
    while len(dealt) < count:
        if not any(left.values()):
            left = {index: story.share for index, story in enumerate(everything)}
        for index, story in enumerate(everything):
            if left[index] and len(dealt) < count:
                left[index] -= 1
                dealt.append(story)
    return dealt


def _numbers(dice: random.Random, count: int) -> list[str]:
    if count > 8000:
        raise ValueError("the ranges for fiction hold no more than 8000 people here")
    tails = dice.sample(range(8000), count)
    return [f"+3363998{tail:04d}" if tail % 2 else f"+3319900{tail:04d}" for tail in tails]


def _row(index: int, number: str, purpose: str, story: PersonKind) -> dict[str, str]:
    first = _NAMES[index % len(_NAMES)]
    row = {
        "number": number,
        "name": f"{first} {index + 1}",
        "language": "en" if story.english else "fr",
        "timezone": "Europe/Paris",
        "purpose": purpose,
        "consent_given_at": "2027-01-15T11:30:00+01:00",
        "consent_source": "paper form",
        "consent_evidence": f"form {index + 1:04d}, wording of January 2027",
        "windows": "mon-fri 18:00-20:00",
        "valid_until": "2027-12-31",
    }
    return {**row, **story.row}


def will_be_called(count: int) -> int:
    """Return how many of *count* people the law and their consent let the box call."""
    return sum(story.behaviour is not None for story in _stories(count))
