"""Each id of the ledger has words, found where the code writes it; French pages show no English."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appliance import ledger_words as words
from appliance.clearance.rests import FLOOR, rest_length
from appliance.effects import Entry
from appliance.language import LANGUAGES, catalogue, translator
from appliance.law import CapRule, load_profile, profile_names
from appliance.model import Outcome
from appliance.report import dossier as dossiers
from appliance.report.figures import add_up
from appliance.report.report import Frame, LawFacts, as_html
from firmware.events import Cause, Machine, Witness
from firmware.faults import Fault

ROOT = Path(__file__).parents[2]
KIND = re.compile(r"[a-z]+\.[a-z_]+")
FRENCH = translator("fr")


def nodes(*rooms: str) -> Iterator[ast.AST]:
    for room in rooms:
        yield from _nodes(room)


@cache
def _nodes(room: str) -> list[ast.AST]:
    """The nodes that may name an id."""
    return [
        node
        for module in ROOT.glob(f"{room}/**/*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword | ast.Dict | ast.Call)
    ]


def text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def keywords(name: str, *rooms: str) -> set[str]:
    """The literals that are handed out by *name*, as an argument or in a mapping."""
    found = set()
    for node in nodes(*rooms):
        if isinstance(node, ast.keyword) and node.arg == name:
            found.add(text(node.value))
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found |= {text(value) for key, value in pairs if text(key) == name}
    return found - {""}


def first_arguments(which: Callable[[str], bool], *rooms: str) -> set[str]:
    return {
        text(node.args[0])
        for node in nodes(*rooms)
        if isinstance(node, ast.Call) and node.args and which(called(node))
    } - {""}


def rules_of_the_box() -> set[str]:
    named = keywords("rule", "appliance/clearance")
    named |= first_arguments(lambda name: name == "_verdict", "appliance/clearance")
    return named | {rule.name for rule in FLOOR}


def kinds_written() -> set[str]:
    named = keywords("kind", "appliance")
    named |= first_arguments(
        lambda name: name in ("record", "_record", "_ended", "_row"), "appliance"
    )
    return {kind for kind in named if KIND.fullmatch(kind)}


def kinds_documented() -> set[str]:
    page = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
    heads = re.findall(r"^\| (`[a-z.]+_?[a-z_`, .]*) \|", page, re.MULTILINE)
    return {kind for head in heads for kind in re.findall(r"`([a-z]+\.[a-z_]+)`", head)}


def who() -> set[str]:
    """Every ``by`` and ``source`` that is no person's name, and no clock's source."""
    found = keywords("by", "appliance")
    for node in nodes("appliance", "firmware"):
        if isinstance(node, ast.Call) and called(node) == "StopRaised":
            found |= {text(one.value) for one in node.keywords if one.arg == "source"}
    found |= first_arguments(lambda name: name in ("Pressed", "_latch"), "firmware/supervisor")
    return found - {""}


def test_the_search_finds_what_there_is() -> None:
    assert {"stop", "line_kind", "in_call", "fit", "fleet", "floor.busy"} <= rules_of_the_box()
    assert {"call.ended", "consent.revoked", "box.started", "line.fault"} <= kinds_written()
    assert {"key", "sms", "command", "wire", "button", "supervisor"} <= who() | {"sms"}
    assert {"call.ended", "incoming.key", "config.loaded", "box.stopped"} <= kinds_documented()


def test_each_rule_of_the_box_has_words() -> None:
    assert rules_of_the_box() == set(words.RULES)


def test_the_floor_is_told_as_it_is() -> None:
    for rule in FLOOR:
        told = words.RULES[rule.name].refused
        if isinstance(rule, CapRule):
            assert f"{rule.attempts} calls" in told
            assert f"{rule.days} days" in told
        else:
            spoken = {"24 hours": "the day", "1 hour": "the hour"}
            assert spoken.get(str(rest_length(rule)), str(rest_length(rule))) in told


def test_each_kind_of_row_has_words() -> None:
    assert kinds_written() <= set(words.KINDS)
    assert kinds_documented() == set(words.KINDS)


def test_whoever_did_it_has_words() -> None:
    assert who() <= set(words.BY)


@pytest.mark.parametrize(
    ("table", "ids"),
    [
        (words.OUTCOMES, Outcome),
        (words.MEANINGS, Outcome),
        (words.CAUSES, Cause),
        (words.MACHINES, Machine),
        (words.WITNESSES, Witness),
        (words.FAULTS, Fault),
        (words.LANGUAGES, LANGUAGES),
    ],
    ids=["outcomes", "meanings", "causes", "machines", "witnesses", "faults", "languages"],
)
def test_each_id_of_a_closed_list_has_words(table: dict[Any, str], ids: type[StrEnum]) -> None:
    assert set(table) == set(ids)
    assert all(table.values())


@pytest.mark.parametrize("profile", profile_names())
def test_each_rule_of_the_law_is_told_in_every_language(profile: str) -> None:
    for language in LANGUAGES[1:]:
        known = catalogue(language)._catalog  # type: ignore[attr-defined]
        law = load_profile(profile)
        read = [text for rule in law.rules() for text in (rule.text, rule.source)]
        read += [place.title for place in law.territories.values()]
        assert [text for text in read if not known.get(str(text))] == []


def test_days_of_the_week_are_said_and_times_stay() -> None:
    told = "mon-fri 18:00-20:00; sat 10:00-12:00"
    assert words.hours(told, translator("en")) == told
    assert words.hours(told, FRENCH) == "lun-ven 18:00-20:00; sam 10:00-12:00"


@pytest.mark.parametrize(
    "name", [words.rule_name, words.kind_name, words.fault_name, words.done_by]
)
def test_what_only_a_newer_box_writes_stands_for_itself(name: Callable[[str], str]) -> None:
    assert name("new.thing") == "new.thing"


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("remote_hang_up", "l'autre côté a raccroché"),
        ("port-missing", "port absent"),
        ("button", "bouton d'arrêt"),
        ("Camille, at the desk", "Camille, at the desk"),
        ("9", "9"),
        ("", ""),
    ],
)
def test_what_a_screen_shows_of_a_row_is_said_too(detail: str, told: str) -> None:
    assert FRENCH(words.detail_name(detail)) == told


# --- the pages, with everything that they may show ---------------------------------------------

AT = datetime(2027, 3, 9, 17, 0, tzinfo=UTC)
PROFILE = load_profile("fr")
RULES = [*words.RULES, *(rule.name for rule in PROFILE.enforced)]


def ledger() -> list[Entry]:
    """Rows of one person and of the box, with each id that a page may show."""
    rows: list[tuple[str, str | None, dict[str, Any]]] = [
        (kind, "s1", {"number_hash": "h"}) for kind in words.KINDS if not kind.startswith("call.")
    ]
    rows += [("stop.pressed", None, {"source": by}) for by in words.BY]
    rows += [("dialling.paused", None, {"by": by}) for by in words.BY]
    rows += [("consent.revoked", "s2", {"by": by}) for by in words.BY]
    rows += [("stop.reset", None, {"by": "panel", "reason": "start held for five seconds"})]
    rows += [("line.fault", None, {"line": "l", "fault": fault.value}) for fault in Fault]
    rows += [("call.refused", f"r{rule}", {"rules": [rule]}) for rule in RULES]
    rows += [("call.refused", "s1", {"rules": RULES})]
    causes, machines = list(Cause), list(Machine)
    for number, outcome in enumerate(Outcome):
        attempt: dict[str, Any] = {"attempt": f"a{number}", "line": "l"}
        rows += [
            (
                "call.authorised",
                "s1",
                attempt
                | {"profile": PROFILE.label, "rules": RULES, "consent": "c", "purpose": "news"},
            ),
            ("call.answered", "s1", attempt | {"evidence": "call list"}),
            *(
                ("call.key", "s1", attempt | {"key": "1", "witness": one.value, "counted": True})
                for one in Witness
            ),
            (
                "call.ended",
                "s1",
                attempt
                | {
                    "outcome": outcome.value,
                    "cause": causes[number % len(causes)].value,
                    "evidence": {
                        "end": "the call left the call list",
                        "confirmed": number % 2 == 0,
                        "machine": machines[number % len(machines)].value,
                        "code": 17,
                    },
                },
            ),
        ]
    return [
        Entry(seq=n, at=AT + timedelta(minutes=n), kind=kind, subject=who, data=data)
        for n, (kind, who, data) in enumerate(rows, 1)
    ]


def person() -> dict[str, Any]:
    return {
        "number": "+33639980012",
        "known": True,
        "subject": "s1",
        "name": "Camille",
        "language": "fr",
        "timezone": "Europe/Paris",
        "number_hash": "h",
        "objection": {"at": AT.isoformat(), "by": "key"},
        "consents": [
            {
                "purpose": "news",
                "given_at": AT.isoformat(),
                "source": "papier",
                "evidence": "feuille 1",
                "windows": "mon-fri 18:00-20:00; sun 10:00-12:00",
                "valid_until": None,
                "recorded_at": AT.isoformat(),
            }
        ],
        "messages": [
            {"received_at": AT.isoformat(), "sent_at": None, "text": None},
        ],
    }


def report(language: str) -> str:
    law = LawFacts(label=PROFILE.label, title=PROFILE.title, rules=PROFILE.words())
    zone = ZoneInfo("Europe/Paris")
    frame = Frame(title="-", head=(1, "ab"), zone=zone, language=language, law=law)
    return as_html(add_up(ledger(), zone), frame)


def page(language: str) -> str:
    texts = {one.name: (one.text, one.source, one.dated) for one in PROFILE.words()}
    return dossiers.as_html(dossiers.compile_dossier(person(), ledger()), texts, language)


def letter(language: str) -> str:
    return dossiers.as_text(dossiers.compile_dossier(person(), ledger()), language)


def read(page: str) -> str:
    """What a person reads of a page: its text, and what a reader of screens says besides."""
    page = re.sub(r"(?s)<style.*?</style>|<(?:code|pre)>.*?</(?:code|pre)>", " ", page)
    labels = re.findall(r'(?:aria-label|data-head|title)="([^"]*)"', page)
    return html.unescape(" ".join([re.sub(r"<[^>]*>", " ", page), *labels]))


def english() -> list[str]:
    """Messages of a word or more that are another text in French."""
    known = catalogue("fr")._catalog  # type: ignore[attr-defined]
    return [
        message
        for message, told in known.items()
        if isinstance(message, str)
        and re.fullmatch(r"[A-Za-z][A-Za-z' ,.:-]{3,}", message)
        and told != message
        # An English word that is a French one, or a part of one: "date", "mode", "pause".
        and " " in message.strip()
    ]


IDS = re.compile(
    r"\b(line_kind|in_call|floor\.\w+|opted_out|no_answer|remote_hang_up|local_hang_up|line_lost"
    r"|(?:call|consent|contact|message|state|box|stop|line|panel)\.[a-z]+(?:_[a-z]+)?"
    r"|(?:port|sim|no|module|bring-up)-[a-z]+|host|sms|mon|tue|wed|thu|sun|confirmed)\b"
)


@pytest.mark.parametrize("shown", [report, page, letter])
def test_a_french_page_says_nothing_in_english(shown: Callable[[str], str]) -> None:
    told = read(shown("fr"))
    assert sorted(set(IDS.findall(told))) == []
    found = [text for text in english() if re.search(rf"(?<!\w){re.escape(text)}(?!\w)", told)]
    assert found == []


NUMBERED = re.compile(
    r"(?i)\b(?:keys?|press(?:es|ed)?|touches?|appuy\w+ sur|pressez)\s+(?:la )?[0-9]\b"
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("shown", [report, page, letter])
def test_a_page_names_only_the_keys_that_were_pressed(
    shown: Callable[[str], str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The campaign's keys are 5 and 0: no words may speak of 1 and 9."""
    pressed = [
        replace(row, data=row.data | {"key": "50"[n % 2]}) if row.kind == "call.key" else row
        for n, row in enumerate(ledger())
    ]
    monkeypatch.setitem(globals(), "ledger", lambda: pressed)
    found = {text[-1] for text in NUMBERED.findall(read(shown(language)))}
    assert found <= {"5", "0"}


def test_no_message_names_a_key_by_its_number() -> None:
    """``campaign.keys`` decides which they are, and may have been others when a row was written."""
    assert NUMBERED.search("pressed 9: never called again")
    assert NUMBERED.search("a appuyé sur 1 et raccroché")
    known = catalogue("fr")._catalog  # type: ignore[attr-defined]
    texts = [text for pair in known.items() for text in pair if isinstance(text, str)]
    assert len(texts) > 1000
    assert [text for text in texts if NUMBERED.search(text)] == []


@pytest.mark.parametrize("shown", [report, page, letter])
def test_an_english_page_shows_words_for_the_ids_too(shown: Callable[[str], str]) -> None:
    told = read(shown("en"))
    assert "kind of line" in told or "the line is one for this kind of number" in told
    for hidden in ("line_kind", "in_call", "floor.busy", "call.authorised", "remote_hang_up"):
        assert hidden not in told


def test_a_refused_call_says_what_was_so_then() -> None:
    told = read(page("en"))
    assert "it was outside the hours that the person chose" in told
    assert "it was within the hours that the person chose" in told
