"""One line per attempt, for spreadsheets. Pure."""

from __future__ import annotations

import csv
import io
import json

from appliance.report.figures import Figures

COLUMNS = (
    "attempt",
    "subject",
    "line",
    "authorised_at",
    "ended_at",
    "outcome",
    "cause",
    "ring_seconds",
    "talk_seconds",
    "keys",
    "heard_by",
    "bench",
    "ended_row",
    "evidence",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula (CWE-1236)."""


def as_csv(figures: Figures) -> str:
    """Return the table; no cell can become a formula."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in figures.rows:
        cells = (
            row.attempt,
            row.subject,
            row.line,
            row.authorised_at.isoformat(timespec="milliseconds"),
            "" if row.ended_at is None else row.ended_at.isoformat(timespec="milliseconds"),
            row.outcome,
            row.cause,
            row.ring_seconds,
            row.talk_seconds,
            " ".join(row.keys),
            " ".join(row.heard_by),
            "yes" if row.bench else "no",
            "" if row.ended_seq is None else row.ended_seq,
            json.dumps(row.evidence, ensure_ascii=False) if row.evidence else "",
        )
        writer.writerow([_harmless(cell) for cell in cells])
    return stream.getvalue()


def _harmless(cell: str | float) -> str | float:
    if not isinstance(cell, str):
        return cell
    line = " ".join(cell.splitlines())
    return f"'{line}" if cell.startswith(_FORMULA) else line
