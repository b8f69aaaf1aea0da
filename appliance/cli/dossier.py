"""``dossier NUMBER [--out F]``: everything held about one person, for an access request."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from appliance.cli.delivery import Output
from appliance.cli.output import check_target
from appliance.cli.paths import LEDGER, box_zone, state_directory
from appliance.cli.session import ask
from appliance.cli.speech import language, say
from appliance.language import LANGUAGES

FORMS = {".html": "html", ".htm": "html", ".txt": "text", ".json": "json"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", help="as people write it, or E.164")
    parser.add_argument(
        "--out", type=Path, help="write a file: a page (.html), text (.txt) or JSON (any other)"
    )
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        help="of the page; the person's own by default, or else the box's",
    )
    parser.add_argument("--json", action="store_true", help="JSON, whatever the file is called")


def run(arguments: argparse.Namespace) -> int:
    from appliance.ledger import read_entries
    from appliance.report.dossier import as_html, as_text, compile_dossier

    def compiled(person: dict[str, Any]) -> str:
        # Read here, from the files: a long ledger must not hold up the loop of a box that calls.
        dossier = compile_dossier(person, read_entries(state_directory(arguments) / LEDGER))
        form = "json" if arguments.out is None else FORMS.get(arguments.out.suffix.lower(), "json")
        if arguments.json or form == "json":
            return json.dumps(dossier, ensure_ascii=False, indent=2) + "\n"
        if not dossier.get("timezone"):
            # Somebody whom the box does not know any more reads the box's own time and language.
            dossier |= {"timezone": box_zone(arguments) or "UTC"}
        wanted = arguments.language or ""
        if form == "text":
            return as_text(dossier, wanted, language())
        return as_html(dossier, _rule_texts(dossier), wanted, language())

    check_target(arguments, "--out", arguments.out)
    given = {"number": arguments.number}
    if arguments.out is None:
        text = compiled(ask(arguments, "dossier", given))
        print(text, end="")
        return 0
    output = Output(arguments=arguments, option="--out", path=arguments.out, contents=compiled)
    # Remembered before it is written, so that an erasure finds it.
    ask(arguments, "dossier", given | {"out": output.place}, output)
    print(say("dossier in {out}; contacts erase removes it", out=arguments.out))
    return 0


def _rule_texts(dossier: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    """Return the words, sources and dates of the law's rules that the dossier names."""
    from appliance.law import load_profile, profile_names

    texts: dict[str, tuple[str, str, str]] = {}
    for label in {str(one["profile"]) for one in dossier["attempts"]}:
        name, _, version = label.partition("/")
        if name not in profile_names():
            continue
        profile = load_profile(name)
        # Rules of a version that this program no longer has keep their names alone.
        if profile.label == label or not version:
            texts |= {one.name: (one.text, one.source, one.dated) for one in profile.words()}
    return texts
