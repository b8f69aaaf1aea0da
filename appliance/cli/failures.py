"""How a command tells that it did not do what was asked: words for people, JSON for programs.

Both come from one :func:`told`, so that a program learns no less than a person.
"""

from __future__ import annotations

import sys
from typing import Any

REFUSED = 1
USAGE = 2
SUPERUSER = "run the command as the box's user, for example with sudo -u autodialer"


def print_failure(error: str, remedy: str, **more: Any) -> None:
    """Print ``{"error": …, "remedy": …}`` where the answer would stand."""
    import json

    print(json.dumps({"error": error, "remedy": remedy, **more}, ensure_ascii=False), flush=True)


def told(error: Exception) -> tuple[int, dict[str, Any]] | None:
    """Return the exit code of an expected error and what to say of it; None for a bug."""
    from appliance.errors import NobodyListens
    from firmware.errors import FirmwareError

    if isinstance(error, NobodyListens):
        return REFUSED, {
            "error": "no box is running here",
            "remedy": "start one with: autodialer run",
        }
    documents = sys.modules.get("firmware.yaml_document")
    if documents is not None and isinstance(error, documents.DocumentFaulty):
        return USAGE, _faulty(error)
    if isinstance(error, FirmwareError) or hasattr(error, "remedy"):
        return REFUSED, {"error": str(error), "remedy": str(getattr(error, "remedy", ""))}
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        remedy = SUPERUSER if isinstance(error, PermissionError) else ""
        return REFUSED, {"error": f"{place}{error.strerror or error}", "remedy": remedy}
    return None


def _faulty(error: Any) -> dict[str, Any]:
    count = len(error.faults)
    return {
        "error": f"{error.file}: {count} fault{'s' if count != 1 else ''}",
        "remedy": "mend each of them",
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


def report(error: Exception, *, as_json: bool) -> int | None:
    """Print an expected error with its remedy and return the exit code; None for a bug."""
    found = told(error)
    if found is None:
        return None
    code, what = found
    if as_json:
        print_failure(**what)
    elif "faults" in what:
        print(error, file=sys.stderr)
        count = len(what["faults"])
        print(f"autodialer: {count} fault{'s' if count != 1 else ''}", file=sys.stderr)
    else:
        remedy = what["remedy"]
        print(f"autodialer: {what['error']}{f'; {remedy}' if remedy else ''}", file=sys.stderr)
    return code
