"""``dossier NUMBER [--out F]``: everything held about one person, for an access request."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from appliance.cli.session import ask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number")
    parser.add_argument("--out", type=Path, help="write to a file instead of standard output")
    parser.add_argument("--json", action="store_true", help="print JSON (the only form so far)")


def run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "dossier", {"number": arguments.number})
    text = json.dumps(answer, ensure_ascii=False, indent=2) + "\n"
    if arguments.out is None:
        print(text, end="")
    else:
        from appliance.files import replace_file

        replace_file(arguments.out, text.encode())
        print(f"dossier in {arguments.out}")
    return 0
