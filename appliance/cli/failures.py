"""How a command tells that it did not do what was asked: words for people, JSON for programs.

Both come from one :func:`answer_to`, so that a program learns no less than a person.
"""

from __future__ import annotations

import re
import sys

from appliance.cli.speech import say, several
from appliance.language import marked
from firmware.wording import joined, plural, reason_of, said_by, worded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REFUSED = 1
USAGE = 2
_DIGITS = re.compile(r"\d{4,}")
"""What a PIN may be (3GPP TS 31.101: four to eight digits), and longer."""
SUPERUSER = worded("run the command as the box's user, for example with sudo -u autodialer")

# What the system says where it refuses a file (strerror(3)), for the catalogues.
SYSTEM_WORDS = (
    marked("No such file or directory"),
    marked("Permission denied"),
    marked("Is a directory"),
    marked("Not a directory"),
    marked("File exists"),
    marked("No space left on device"),
    marked("Read-only file system"),
    marked("Input/output error"),
    marked("Operation not permitted"),
    marked("Device or resource busy"),
    marked("File name too long"),
    marked("Disk quota exceeded"),
    marked("Too many levels of symbolic links"),
    marked("No such device"),
    marked("Connection refused"),
    marked("Connection timed out"),
    marked("Network is unreachable"),
    marked("No route to host"),
    marked("No such device or address"),
    marked("Resource temporarily unavailable"),
    marked("Directory not empty"),
    marked("File too large"),
    marked("Invalid argument"),
)

# What argparse says of a command line, for the catalogues; the rest our parser says by itself.
ARGPARSE_WORDS = (
    marked("the following arguments are required: {value}"),
    marked("expected one argument"),
    marked("expected at least one argument"),
    marked("expected at most one argument"),
    marked("ignored explicit argument {value!r}"),
    marked("ambiguous option: {option} could match {matches}"),
)


def print_failure(error: str, remedy: str, **more: Any) -> None:
    """Print ``{"error": …, "remedy": …}`` where the answer would stand."""
    import json

    print(json.dumps({"error": error, "remedy": remedy, **more}, ensure_ascii=False), flush=True)


def usage_fault(error: str, remedy: str, *, as_json: bool) -> int:
    """Tell what is wrong with the command line or a file that it names; return the exit code."""
    if as_json:
        print_failure(error, remedy)
    else:
        sentence = joined("; ", [error, remedy])
        print(say("autodialer: {sentence}", sentence=sentence), file=sys.stderr)
    return USAGE


def answer_to(error: Exception) -> tuple[int, dict[str, Any]] | None:
    """Return the exit code of an expected error and what to say of it; None for a bug."""
    from appliance.config.unconfigured import data_is_missing
    from appliance.errors import NobodyListens, UsageWrong
    from firmware.errors import FirmwareError

    documents = sys.modules.get("firmware.yaml_document")
    faulty = documents is not None and isinstance(error, documents.DocumentFaulty)
    if (faulty or isinstance(error, NobodyListens)) and data_is_missing():
        # The configuration that is there is the card's sample, and the box has no place for the
        # socket at which it would say so.
        from appliance.box.lamps import DATA_LOST, DATA_LOST_REMEDY

        return REFUSED, {"error": DATA_LOST, "remedy": DATA_LOST_REMEDY}
    if isinstance(error, NobodyListens):
        return REFUSED, {
            "error": worded("no box is running here"),
            "remedy": worded("start one with: autodialer run"),
        }
    if faulty:
        return USAGE, _faulty(error)
    if isinstance(error, FirmwareError) or hasattr(error, "remedy"):
        code = USAGE if isinstance(error, UsageWrong) else REFUSED
        return code, {"error": said_by(error), "remedy": getattr(error, "remedy", "")}
    if isinstance(error, OSError):
        why = reason_of(error)
        told = joined(": ", [str(error.filename), why]) if error.filename else why
        remedy = SUPERUSER if isinstance(error, PermissionError) else ""
        return REFUSED, {"error": told, "remedy": remedy}
    return None


def _faulty(error: Any) -> dict[str, Any]:
    count = len(error.faults)
    return {
        "error": plural("{file}: {count} fault", "{file}: {count} faults", count, file=error.file),
        "remedy": worded("mend each of them"),
        "faults": [
            {
                "file": error.file,
                "line": fault.mark.line,
                "column": fault.mark.column,
                "key": fault.path,
                "message": fault.message,
            }
            for fault in error.faults
        ],
    }


def _print_faults(error: Any, file: str) -> None:
    """Print each fault, with its line and a caret below the place where the file has it."""
    from pathlib import Path

    try:
        lines = Path(file).read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except OSError:
        lines = []
    for fault in error.faults:
        print(say(fault.text(file)), file=sys.stderr)
        row, column = fault.mark.line, fault.mark.column
        # A PIN is nobody's business, least of all the journal's.
        if not 0 < row <= len(lines) or not lines[row - 1].strip() or "sim_pin" in lines[row - 1]:
            continue
        text = lines[row - 1].rstrip("\r").replace("\t", " ")
        if not fault.path or fault.path.startswith("lines"):
            # Nor is one whose key is misspelt, or stands on the line before.
            text = _DIGITS.sub(lambda found: "*" * len(found[0]), text)
        # One column a sign, so that the caret stands below the right one.
        text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
        start = max(0, column - SHOWN // 2) if len(text) > SHOWN else 0
        print(f"    {text[start : start + SHOWN]}", file=sys.stderr)
        print(f"    {' ' * (column - 1 - start)}^", file=sys.stderr)


SHOWN = 90
"""Columns of a line that are shown of a long one."""


def report(error: Exception, *, as_json: bool) -> int | None:
    """Print an expected error with its remedy and return the exit code; None for a bug."""
    found = answer_to(error)
    if found is None:
        return None
    code, what = found
    if as_json:
        print_failure(**what)
    elif "faults" in what:
        _print_faults(error, what["faults"][0]["file"])
        count = len(what["faults"])
        print(
            several("autodialer: {count} fault", "autodialer: {count} faults", count),
            file=sys.stderr,
        )
    else:
        sentence = joined(
            "; ", [what["error"], what["remedy"]] if what["remedy"] else [what["error"]]
        )
        print(say("autodialer: {sentence}", sentence=sentence), file=sys.stderr)
    return code
