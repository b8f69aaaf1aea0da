"""The words of the contacts file: its columns, rows, and faults. Data only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from firmware.wording import joined

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
"""The columns of the file, in the order in which it is written."""

OPTIONAL = frozenset({"name", "language", "timezone", "valid_until"})
"""Columns that may be missing, and cells that may be empty."""

IGNORED = frozenset({"subject", "line", "reasons"})
"""Columns that the box's own exports and rejects files add."""


@dataclass(frozen=True, slots=True, order=True)
class RowFault:
    """One thing that is wrong in the file."""

    line: int
    """Counted from 1, the header included."""
    column: str
    """Name of the column, empty where the whole line or file is meant."""
    what: str
    remedy: str

    def text(self, file: str) -> str:
        """Return ``FILE:LINE: column: what; remedy``."""
        place = f"{file}:{self.line}: {self.column}: " if self.column else f"{file}:{self.line}: "
        return place + joined("; ", [self.what, self.remedy])


class ContactsUnreadable(Exception):
    """The file as a whole cannot be used (missing, not UTF-8, no such columns)."""

    def __init__(self, file: str, faults: Sequence[RowFault]) -> None:
        self.file = file
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(fault.text(file) for fault in self.faults))


class ContactRow(NamedTuple):
    """One good line: a person and one consent."""

    line: int
    number: str
    """E.164."""
    name: str
    language: str
    timezone: str
    purpose: str
    given_at: datetime
    source: str
    evidence: str
    windows: str
    """Canonical."""
    valid_until: datetime | None
    warnings: tuple[RowFault, ...] = ()
    """What a person should look at, though the row is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """One line with faults, its cells as they were written."""

    line: int
    cells: dict[str, str]
    """By column; a line whose cells could not be told apart stands whole under ``""``."""
    faults: tuple[RowFault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What the configuration adds to a file."""

    country: str
    """Region in which national numbers are read; empty for none."""
    language: str
    """Language of rows that name none."""
    fiction: bool
    """Whether numbers reserved for fiction are accepted (some line is a bench line)."""
    day_first: bool = False
    """Whether 03/04/2026 is the third of April: where the box speaks a language in which it is."""
    now: datetime | None = None
    """Nothing can have been given later; None where the clock cannot be trusted."""


_WRITTEN_NUMBER = re.compile(r"\+[0-9](?: ?[0-9]){6,14}")
_MARKED = re.compile(r"[0-9=+\-@\t\r]")
"""What stands behind an apostrophe that a person typed to mark text."""
_QUANTITY = re.compile(r"(?=.*[0-9])[0-9 .,:/%-]+(?:[eE][+-]?[0-9]+)?")
"""What a spreadsheet takes for a number, a date or a time, and saves as it likes."""


def guarded(cell: str) -> str:
    """Return *cell* so that a spreadsheet takes it for text, not for a formula or a quantity.

    Telephone numbers, which begin with ``+`` by contract, are written in groups and left alone.
    """
    if _WRITTEN_NUMBER.fullmatch(cell):
        return cell
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "'") or _QUANTITY.fullmatch(cell):
        return "'" + cell
    return cell


def unguarded(cell: str) -> str:
    """Undo :func:`guarded`, and the apostrophe by which people mark text in spreadsheets."""
    rest = cell[1:]
    if cell.startswith("'") and (guarded(rest) == cell or _MARKED.match(rest)):
        return rest
    return cell
