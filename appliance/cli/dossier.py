"""``dossier NUMBER [--out F]``: everything held about one person, for an access request."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from appliance.cli.output import check_target, write_target
from appliance.cli.paths import LEDGER, state_directory
from appliance.cli.session import ask

FORMS = {".html": "html", ".htm": "html", ".txt": "text", ".json": "json"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", help="as people write it, or E.164")
    parser.add_argument(
        "--out", type=Path, help="write a file: a page (.html), text (.txt) or JSON (any other)"
    )
    parser.add_argument("--json", action="store_true", help="JSON, whatever the file is called")


def run(arguments: argparse.Namespace) -> int:
    from appliance.dossier import as_html, as_text, compile_dossier
    from appliance.ledger import read_entries

    check_target("--out", arguments.out)
    given = {"number": arguments.number}
    if arguments.out is not None:
        # Remembered before it is written, so that an erasure finds it.
        given["out"] = str(arguments.out.absolute())
    person = ask(arguments, "dossier", given)
    # Read here, from the files: a long ledger must not hold up the loop of a box that calls.
    dossier = compile_dossier(person, read_entries(state_directory(arguments) / LEDGER))
    form = "json" if arguments.out is None else FORMS.get(arguments.out.suffix.lower(), "json")
    if arguments.json or form == "json":
        text = json.dumps(dossier, ensure_ascii=False, indent=2) + "\n"
    else:
        text = as_html(dossier) if form == "html" else as_text(dossier)
    if arguments.out is None:
        print(text, end="")
        return 0
    write_target("--out", arguments.out, text.encode())
    print(f"dossier in {arguments.out}; contacts erase removes it")
    return 0
