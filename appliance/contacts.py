"""The contacts file: reading people and their consents from CSV, with every fault named.

The file is judged line by line; a line is right or has its faults listed, each with the column,
what is wrong and what to write. A field may not span lines: an unclosed quote then spoils one
row, not the rest of the file. Nothing of a faulty field is quoted back, since it may be a
number or a name, but for dates, zones, languages and windows.
"""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from appliance.contact_rows import (
    COLUMNS,
    IGNORED,
    OPTIONAL,
    ContactsUnreadable,
    Defaults,
    Reading,
    RejectedRow,
    Row,
    RowFault,
    unguarded,
)
from appliance.numbers import NumberRefused, read_number
from appliance.windows import WindowsInvalid, canonical_windows, known_zone

SIZE_LIMIT = 64 << 20
"""Bytes; some 400,000 people."""
LINE_LIMIT = 4000
"""Characters of one line."""
CELL_LIMIT = 500
SUGGESTIONS = 20
"""Different misspelt zones that get a suggestion."""

__all__ = [
    "COLUMNS",
    "ContactsUnreadable",
    "Defaults",
    "Reading",
    "RejectedRow",
    "Row",
    "RowFault",
    "parse_contacts",
    "read_contacts",
]

_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_LANGUAGE = re.compile(r"([a-z]{2})([-_][a-z]{2})?", re.IGNORECASE)
_SAVE_AS_UTF8 = "save it as CSV UTF-8"
_SEPARATOR_LINE = re.compile(r"sep=.", re.IGNORECASE)


def read_contacts(path: Path, defaults: Defaults) -> Reading:
    """Read a file; raises :class:`ContactsUnreadable` where it is useless as a whole."""
    file = str(path)
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= SIZE_LIMIT else b""
    except OSError as error:
        raise ContactsUnreadable(
            file, [RowFault(1, "", f"cannot be read ({error.strerror})", "check path and rights")]
        ) from error
    if size > SIZE_LIMIT:
        raise ContactsUnreadable(
            file, [RowFault(1, "", "is larger than 64 MiB", "split it into several files")]
        )
    return parse_contacts(raw, file, defaults)


def parse_contacts(raw: bytes, file: str, defaults: Defaults) -> Reading:
    """Judge the bytes of a file; raises :class:`ContactsUnreadable`."""
    lines = _lines(raw, file)
    start = 1 if lines and _SEPARATOR_LINE.fullmatch(lines[0].strip()) else 0
    if len(lines) <= start or not lines[start].strip():
        raise ContactsUnreadable(
            file,
            [RowFault(start + 1, "", "there is no header", f"write {','.join(COLUMNS)} first")],
        )
    delimiter, header = _header(lines[start], file, start + 1)
    reader = _RowReader(header, delimiter, defaults)
    for number, line in enumerate(lines[start + 1 :], start + 2):
        if line.strip(" \t,;"):
            reader.read(number, line)
    return Reading(
        file=file, header=header, rows=tuple(reader.rows), rejected=tuple(reader.rejected)
    )


def _lines(raw: bytes, file: str) -> list[str]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in raw.partition(b"\n")[0]:
        raise ContactsUnreadable(
            file, [RowFault(1, "", "is not UTF-8 (UTF-16 or binary)", _SAVE_AS_UTF8)]
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ContactsUnreadable(
            file, [RowFault(line, "", "is not UTF-8", _SAVE_AS_UTF8)]
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _header(line: str, file: str, number: int) -> tuple[str, tuple[str, ...]]:
    known = {*COLUMNS, *IGNORED}

    def names(delimiter: str) -> tuple[str, ...]:
        return tuple(cell.strip().lower() for cell in _cells(line, delimiter) or ())

    delimiter = max(",;", key=lambda candidate: len(known.intersection(names(candidate))))
    header = names(delimiter)
    faults = [
        RowFault(number, name, "is missing from the header", "add the column")
        for name in COLUMNS
        if name not in header and name not in OPTIONAL
    ]
    seen: set[str] = set()
    for index, name in enumerate(header, 1):
        if not name:
            faults.append(
                RowFault(number, "", f"column {index} has no name", "name or remove the column")
            )
        elif name not in known:
            shown = "".join(c if c.isprintable() else "?" for c in name[:40])
            near = difflib.get_close_matches(name, COLUMNS, 1)
            remedy = f"did you mean {near[0]}?" if near else f"the columns are {', '.join(COLUMNS)}"
            faults.append(RowFault(number, shown, "is not a column of this file", remedy))
        elif name in seen:
            faults.append(RowFault(number, name, "is there twice", "remove one of the columns"))
        seen.add(name)
    if faults:
        raise ContactsUnreadable(file, faults)
    return delimiter, header


def _cells(line: str, delimiter: str) -> list[str] | None:
    """Return the cells of one line, or None where its quotes do not match."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


@dataclass(slots=True)
class _RowReader:
    """Judges one line after the other, and what two lines say about one number."""

    header: tuple[str, ...]
    delimiter: str
    defaults: Defaults
    rows: list[Row] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    _near: dict[str, str] = field(default_factory=dict)
    _people: dict[str, tuple[int, str, str, str]] = field(default_factory=dict)
    _consents: dict[tuple[str, str, datetime], int] = field(default_factory=dict)

    def read(self, number: int, line: str) -> None:
        cells = {"": line}
        try:
            cells = dict(zip(self.header, self._split(number, line), strict=True))
            row = self._row(number, cells)
            self._compare(row)
        except _Faulty as faulty:
            self.rejected.append(RejectedRow(line=number, cells=cells, faults=tuple(faulty.faults)))
        else:
            self.rows.append(row)

    def _split(self, number: int, line: str) -> list[str]:
        if len(line) > LINE_LIMIT:
            raise _Faulty.one(
                number, "", f"the line is longer than {LINE_LIMIT} characters", "shorten its cells"
            )
        cells = _cells(line, self.delimiter)
        if cells is None:
            raise _Faulty.one(
                number,
                "",
                "a quotation mark is not closed on its line or stands inside a cell",
                'close it, write a mark inside a cell twice (""), and keep each row on one line',
            )
        while len(cells) > len(self.header) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(self.header):
            remedy = f'put cells that hold "{self.delimiter}" in quotes'
            if self.delimiter == ";":
                remedy += ", such as windows of several spans"
            raise _Faulty.one(
                number,
                "",
                f"there are {len(cells)} cells where the header has {len(self.header)}",
                remedy,
            )
        return cells

    def _row(self, line: int, cells: Mapping[str, str]) -> Row:
        cell = _CellReader(line, cells, self.defaults, self._near_zone)
        zone = cell.zone()
        given_at = cell.moment("consent_given_at", zone, last=False)
        valid_until = cell.moment("valid_until", zone, last=True)
        now = self.defaults.now
        if given_at is not None and now is not None and given_at > now:
            cell.fault(
                "consent_given_at", "lies in the future", "write when the consent was really given"
            )
        if given_at is not None and valid_until is not None and valid_until <= given_at:
            cell.fault("valid_until", "is not after consent_given_at", "write a later date")
        number, language, windows = cell.number(), cell.language(), cell.windows()
        name, purpose = cell.text("name"), cell.text("purpose")
        source, evidence = cell.text("consent_source"), cell.text("consent_evidence")
        if cell.faults or given_at is None:
            raise _Faulty(cell.faults)
        return Row(
            line=line,
            number=number,
            name=name,
            language=language,
            timezone=zone.key,
            purpose=purpose,
            given_at=given_at,
            source=source,
            evidence=evidence,
            windows=windows,
            valid_until=valid_until,
        )

    def _compare(self, row: Row) -> None:
        consent = (row.number, row.purpose, row.given_at)
        first = self._consents.get(consent)
        if first is not None:
            raise _Faulty.one(
                row.line,
                "number",
                f"the number is already on line {first} with a consent of the same moment",
                "remove one of the lines",
            )
        person = (row.line, row.name, row.language, row.timezone)
        before = self._people.setdefault(row.number, person)
        for index, column in enumerate(("name", "language", "timezone"), 1):
            if before[index] != person[index]:
                raise _Faulty.one(
                    row.line,
                    column,
                    f"differs from line {before[0]}, which has the same number",
                    "make both lines agree, or correct the number",
                )
        self._consents[consent] = row.line

    def _near_zone(self, name: str) -> str:
        """Return the remedy for a zone that does not exist.

        Looking for a likeness takes milliseconds, so only the first names get one.
        """
        remedy = self._near.get(name, "write an IANA zone: Europe/Paris")
        if name not in self._near and len(self._near) < SUGGESTIONS:
            near = difflib.get_close_matches(name[:60], sorted(available_timezones()), 1)
            remedy = f"did you mean {near[0]}?" if near else remedy
            self._near[name] = remedy
        return remedy


class _Faulty(Exception):
    def __init__(self, faults: Sequence[RowFault]) -> None:
        super().__init__()
        self.faults = sorted(faults)

    @classmethod
    def one(cls, line: int, column: str, what: str, remedy: str) -> _Faulty:
        return cls([RowFault(line, column, what, remedy)])


class _CellReader:
    """Reads the cells of one line; faults gather, and a stand-in keeps the rest going."""

    def __init__(
        self,
        line: int,
        cells: Mapping[str, str],
        defaults: Defaults,
        suggest: Callable[[str], str],
    ) -> None:
        self._line = line
        self._cells = cells
        self._defaults = defaults
        self._suggest = suggest
        self.faults: list[RowFault] = []

    def fault(self, column: str, what: str, remedy: str) -> None:
        self.faults.append(RowFault(self._line, column, what, remedy))

    def raw(self, column: str) -> str:
        return unguarded(self._cells.get(column, "").strip())

    def text(self, column: str) -> str:
        text = unicodedata.normalize("NFC", self.raw(column))
        if not text and column not in OPTIONAL:
            self.fault(column, "is empty", "fill it in")
        elif len(text) > CELL_LIMIT:
            self.fault(column, f"is longer than {CELL_LIMIT} characters", "shorten it")
        elif not text.isprintable() and any(unicodedata.category(c) == "Cc" for c in text):
            self.fault(column, "holds a control character", "type the text again")
        return text

    def number(self) -> str:
        try:
            return read_number(
                self.raw("number"), self._defaults.country, fiction=self._defaults.fiction
            )
        except NumberRefused as refused:
            self.fault("number", refused.reason, refused.remedy)
            return ""

    def language(self) -> str:
        text = self.raw("language") or self._defaults.language
        match = _LANGUAGE.fullmatch(text)
        if match is None:
            self.fault("language", f"“{_shown(text)}” is not a language", "write two letters: fr")
            return ""
        return match[1].lower()

    def zone(self) -> ZoneInfo:
        name = self.raw("timezone") or self._defaults.timezone
        zone = known_zone(name)
        if zone is None:
            self.fault("timezone", f"“{_shown(name)}” is not a time zone", self._suggest(name))
            return ZoneInfo("UTC")
        return zone

    def windows(self) -> str:
        text = self.raw("windows")
        try:
            return canonical_windows(text)
        except WindowsInvalid as error:
            self.fault("windows", error.reason, error.remedy)
            return ""

    def moment(self, column: str, zone: ZoneInfo, *, last: bool) -> datetime | None:
        """Read a date or a date with time, local to the person where it names no offset.

        A bare date means its beginning, or, with *last*, that the whole day is included. Whole
        seconds: the ledger keeps no finer time, and a consent must not end up later than a
        withdrawal by a fraction that one of the two lost.
        """
        text = self.raw(column)
        if not text:
            if column not in OPTIONAL:
                self.fault(column, "is empty", "write a date: 2026-11-24")
            return None
        match = _MOMENT.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            day = date.fromisoformat(match[1])
            if not 1970 <= day.year <= 2200:
                raise ValueError
            if match[2] is None:
                local = datetime.combine(day + timedelta(days=1 if last else 0), time(), zone)
            else:
                at = time.fromisoformat(match[2])
                local = datetime.combine(day, at, zone)
                if match[3] is not None:
                    local = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3]}")
        except ValueError:
            self.fault(
                column,
                f"“{_shown(text)}” is not a date",
                "write 2026-11-24, or 2026-11-24T18:30 with an offset such as +01:00 if not local",
            )
            return None
        return local.astimezone(UTC).replace(microsecond=0)


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:40]
