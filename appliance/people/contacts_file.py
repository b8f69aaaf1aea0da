"""The contacts file: reading people and their consents from CSV, with every fault named.

The file is judged line by line; a line is right or has its faults listed, each with the column,
what is wrong and what to write. A field may not span lines: an unclosed quote then spoils one
row, not the rest of the file. Nothing of a faulty field is quoted back, since it may be a
number or a name, but for dates, zones, languages and windows.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from appliance.people.contacts_cells import CellReader
from appliance.people.contacts_format import (
    COLUMNS,
    IGNORED,
    OPTIONAL,
    ContactRow,
    ContactsUnreadable,
    Defaults,
    RejectedRow,
    RowFault,
)
from appliance.zones import REMEDY, zone_remedy

LINE_LIMIT = 4000
"""Characters of one line."""
EMPTY_AT_ONCE = 1 << 16
"""Characters of lines without anything that are passed over in one go."""
_OFFSET_BITS = 32
SUGGESTIONS = 20
"""Different misspelt zones that get a suggestion."""

__all__ = [
    "COLUMNS",
    "ContactRow",
    "ContactsFile",
    "ContactsUnreadable",
    "Defaults",
    "RejectedRow",
    "RowFault",
]

_SAVE_AS_UTF8 = "save it as CSV UTF-8"
# One character more than a line may have tells that it has too many.
_LINE = re.compile(rf"([^\r\n]{{0,{LINE_LIMIT + 1}}})(\r\n|\r|\n|\Z)?")
_EMPTY = re.compile(r"(?:[ \t,;]*(?:\r\n|\r|\n))+")
"""Lines without anything, which spreadsheets leave by the million."""
_END_OF_LINE = re.compile(r"\r\n|\r|\n")
_SEPARATOR_LINE = re.compile(r"sep=.", re.IGNORECASE)


class ContactsFile:
    """A file whose rows are judged one by one, so that not all have to be in memory."""

    def __init__(self, text: str, file: str, defaults: Defaults) -> None:
        """Raises :class:`ContactsUnreadable` where the file is useless as a whole."""
        self._text = text
        lines = _lines(text)
        number, _, line = next(lines)
        if _SEPARATOR_LINE.fullmatch(line[:20].strip()):
            number, _, line = next(lines, (2, 0, ""))
        if len(line) > LINE_LIMIT:
            raise ContactsUnreadable(
                file,
                [
                    RowFault(
                        number,
                        "",
                        f"the header is longer than {LINE_LIMIT} characters",
                        f"write {','.join(COLUMNS)} in a line of its own",
                    )
                ],
            )
        if not line or line.isspace():
            raise ContactsUnreadable(
                file,
                [RowFault(number, "", "there is no header", f"write {','.join(COLUMNS)} first")],
            )
        delimiter, self.header = _header(line, file, number)
        self._lines = lines
        self._reader = _RowReader(self.header, delimiter, defaults, self._text)

    def judged(self) -> Iterator[ContactRow | RejectedRow | None]:
        """Yield what is found, in the order of the lines; can be drained once.

        None stands for lines that hold nothing.
        """
        for number, offset, line in self._lines:
            yield self._reader.read(number, offset, line) if line.strip(" \t,;") else None


def decoded(pieces: Sequence[bytes], file: str) -> Generator[None, None, str]:
    """Return the text of a file that came in *pieces*, a step for each.

    Raises :class:`ContactsUnreadable` where it is none.
    """
    first = pieces[0] if pieces else b""
    if first.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in first.partition(b"\n")[0]:
        raise ContactsUnreadable(
            file, [RowFault(1, "", "is not UTF-8 (UTF-16 or binary)", _SAVE_AS_UTF8)]
        )
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    texts: list[str] = []
    line = 1
    for number, piece in enumerate(pieces, 1):
        try:
            texts.append(decoder.decode(piece, final=number == len(pieces)))
        except UnicodeDecodeError as error:
            # The decoder names the place in what it was given together with what it had kept.
            line += error.object[: error.start].count(b"\n")
            raise ContactsUnreadable(
                file, [RowFault(line, "", "is not UTF-8", _SAVE_AS_UTF8)]
            ) from error
        line += piece.count(b"\n")
        yield
    return "".join(texts)


def _line_at(text: str, offset: int) -> tuple[str, int]:
    """Return the line that begins at *offset*, without its end, and where the next one begins.

    Of a line that is longer than it may be only the beginning is returned.
    """
    match = _LINE.match(text, offset)
    assert match is not None  # the pattern fits everywhere
    if match[2] is not None:
        return match[1], match.end()
    feed = text.find("\n", match.end())
    end = len(text) if feed < 0 else feed + 1
    carriage = text.find("\r", match.end(), end)
    if carriage >= 0 and carriage + 1 != feed:
        end = carriage + 1
    return match[1], end


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each line's number, where it begins, and its text without its end.

    Of lines that hold nothing only some are yielded, so that a million of them hold nobody up.
    """
    number, offset = 1, 0
    while True:
        line, after = _line_at(text, offset)
        yield number, offset, line
        if after == len(text) and text[-1:] not in ("\n", "\r"):
            return
        if offset == after:
            return
        number, offset = number + 1, after
        empty = _EMPTY.match(text, offset, offset + EMPTY_AT_ONCE)
        if empty is not None and number > 2:
            end = empty.end()
            if text[end - 1 : end + 1] == "\r\n":
                end += 1  # the limit fell between the two
            number += len(_END_OF_LINE.findall(text, offset, end))
            offset = end
            yield number - 1, empty.start(), ""


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
class _Person:
    """What earlier lines said about a number that came again."""

    line: int
    name: str
    language: str
    timezone: str
    consents: dict[tuple[str, datetime], int]
    """Purpose and moment of each consent, with its line."""

    @classmethod
    def of(cls, row: ContactRow) -> _Person:
        consents = {(row.purpose, row.given_at): row.line}
        return cls(row.line, row.name, row.language, row.timezone, consents)


@dataclass(slots=True)
class _RowReader:
    """Judges one line after the other, and what two lines say about one number.

    Most numbers come once, so all that is kept of a good line is where it stands.
    """

    header: tuple[str, ...]
    delimiter: str
    defaults: Defaults
    text: str
    _near: dict[tuple[str, str], str] = field(default_factory=dict)
    _places: dict[int, int] = field(default_factory=dict)
    """For each number the line and the offset of its first good row, as one integer."""
    _again: dict[int, _Person] = field(default_factory=dict)

    def read(self, number: int, offset: int, line: str) -> ContactRow | RejectedRow:
        cells = {"": line}
        try:
            cells = dict(zip(self.header, self._split(number, line), strict=True))
            row = self._row(number, cells)
            self._compare(row, offset)
        except _Faulty as faulty:
            return RejectedRow(line=number, cells=cells, faults=tuple(faulty.faults))
        return row

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

    def _row(self, line: int, cells: Mapping[str, str]) -> ContactRow:
        cell = CellReader(line, cells, self.defaults, self._near_zone)
        number = cell.number()
        zone = cell.zone(number)
        given_at = cell.moment("consent_given_at", zone, last=False)
        valid_until = cell.moment("valid_until", zone, last=True)
        now = self.defaults.now
        if given_at is not None and now is not None and given_at > now:
            cell.fault(
                "consent_given_at", "lies in the future", "write when the consent was really given"
            )
        if given_at is not None and valid_until is not None and valid_until <= given_at:
            cell.fault("valid_until", "is not after consent_given_at", "write a later date")
        language, windows = cell.language(), cell.windows()
        name, purpose = cell.text("name"), cell.text("purpose")
        source, evidence = cell.text("consent_source"), cell.text("consent_evidence")
        if cell.faults or given_at is None:
            raise _Faulty(cell.faults)
        return ContactRow(
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
            warnings=tuple(cell.warnings),
        )

    def _compare(self, row: ContactRow, offset: int) -> None:
        number = int(row.number)
        place = self._places.setdefault(number, row.line << _OFFSET_BITS | offset)
        if place >> _OFFSET_BITS == row.line:
            return
        before = self._again.get(number)
        if before is None:
            before = self._again[number] = _Person.of(self._reread(place))
        first = before.consents.get((row.purpose, row.given_at))
        if first is not None:
            raise _Faulty.one(
                row.line,
                "number",
                f"the number is already on line {first} with a consent of the same moment",
                "remove one of the lines",
            )
        for column in ("name", "language", "timezone"):
            if getattr(before, column) != getattr(row, column):
                raise _Faulty.one(
                    row.line,
                    column,
                    f"differs from line {before.line}, which has the same number",
                    "make both lines agree, or correct the number",
                )
        before.consents[row.purpose, row.given_at] = row.line

    def _reread(self, place: int) -> ContactRow:
        number, offset = place >> _OFFSET_BITS, place & (1 << _OFFSET_BITS) - 1
        line, _ = _line_at(self.text, offset)
        return self._row(number, dict(zip(self.header, self._split(number, line), strict=True)))

    def _near_zone(self, name: str, region: str) -> str:
        """Return the remedy for a zone that is none.

        Looking for a likeness takes milliseconds, so only the first names get one.
        """
        key = (name, region)
        if key not in self._near:
            if len(self._near) >= SUGGESTIONS:
                return REMEDY
            self._near[key] = zone_remedy(name, region)
        return self._near[key]


class _Faulty(Exception):
    def __init__(self, faults: Sequence[RowFault]) -> None:
        super().__init__()
        self.faults = sorted(faults)

    @classmethod
    def one(cls, line: int, column: str, what: str, remedy: str) -> _Faulty:
        return cls([RowFault(line, column, what, remedy)])
