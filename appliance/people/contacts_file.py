"""The contacts file: reading people and their consents from CSV, with every fault named.

The file is judged row by row; a row is right or has its faults listed, each with the column,
what is wrong and what to write. A quoted cell may span a few lines, as spreadsheets write notes;
an unclosed quote spoils its row, not the rest of the file. Nothing of a faulty field is quoted
back, since it may be a number or a name, but for dates, zones, languages and windows.

Long because a row's way from bytes to people is one pass, whose parts count the same lines.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from appliance.people.contacts_cells import CellReader
from appliance.people.contacts_format import (
    COLUMNS,
    ContactRow,
    ContactsUnreadable,
    Defaults,
    RejectedRow,
    RowFault,
)
from appliance.people.contacts_header import known_columns, no_header, read_header
from appliance.zones import REMEDY, zone_remedy
from firmware.wording import plural, worded

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

LINES_OF_A_ROW = 20
"""Lines that a quoted cell may span."""
_SAVE_AS_UTF8 = worded("save it as CSV UTF-8")
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How .xlsx and .ods files begin (ZIP), and .xls (OLE)."""
_DELIMITERS = ",;\t|"
_NAMES = {",": ",", ";": ";", "\t": "tab", "|": "|"}
_NOTHING = " \t,;|"
# One character more than a line may have tells that it has too many.
_LINE = re.compile(rf"([^\r\n]{{0,{LINE_LIMIT + 1}}})(\r\n|\r|\n|\Z)?")
_EMPTY = re.compile(r"(?:[ \t,;|]*(?:\r\n|\r|\n))+")
"""Lines without anything, which spreadsheets leave by the million."""
_MAY_BE_EMPTY = frozenset(_NOTHING + "\r\n")
"""What such a line begins with."""
_END_OF_LINE = re.compile(r"\r\n|\r|\n")
_SEPARATOR_LINE = re.compile(r'[ ]*"?sep=."?[ ,;|\t]*', re.IGNORECASE)
LINES_ABOVE_HEADER = 10
"""Lines that a title may have."""
_COLUMNS_OF_A_HEADER = 3
"""Names of columns that a line must hold to be the header below a title: fewer may be words."""


class ContactsFile:
    """A file whose rows are judged one by one, so that not all have to be in memory."""

    def __init__(self, text: str, file: str, defaults: Defaults) -> None:
        """Raises :class:`ContactsUnreadable` where the file is useless as a whole."""
        self._text = text
        lines = _lines(text)
        above, number, line = _header_line(lines)
        if len(line) > LINE_LIMIT:
            raise ContactsUnreadable(
                file,
                [
                    RowFault(
                        number,
                        "",
                        worded(
                            "the header is longer than {line_limit} characters",
                            line_limit=LINE_LIMIT,
                        ),
                        worded("write {names} in a line of its own", names=",".join(COLUMNS)),
                    )
                ],
            )
        if not line.strip(_NOTHING):
            raise ContactsUnreadable(file, [no_header(number)])
        delimiter = max(_DELIMITERS, key=lambda one: _names(line, one))
        header, faults = read_header(_cells(line, delimiter) or (), number)
        if faults:
            raise ContactsUnreadable(file, faults)
        self.header = tuple(name for name in header.columns if name)
        self.notes = [
            RowFault(one, "", worded("stands above the header"), worded("it is passed over"))
            for one in above
        ]
        self.notes += [
            RowFault(
                number, name, worded("is no column that the box knows"), worded("it is passed over")
            )
            for name in header.passed_over
        ]
        """What a person should know of the file as a whole."""
        self._lines = lines
        self._offset = 0
        self._reader = _RowReader(header.columns, delimiter, defaults, self._text)

    @property
    def share(self) -> float:
        """How much of the file is judged, from 0 to 1."""
        return self._offset / len(self._text)

    def judged(self) -> Iterator[ContactRow | RejectedRow | None]:
        """Yield what is found, in the order of the lines; can be drained once.

        None stands for lines that hold nothing.
        """
        for number, offset, line in self._lines:
            self._offset = offset
            if not line.strip(_NOTHING):
                yield None
            elif line.count('"') % 2 == 0:
                yield self._reader.read(number, offset, line)
            else:
                yield from self._spanning(number, offset, line)

    def _spanning(
        self, number: int, offset: int, line: str
    ) -> Iterator[ContactRow | RejectedRow | None]:
        """Judge a row whose quotation is open at the end of its line.

        Lines are added until it is closed and the row has its cells; where that does not happen
        within a few, the quote is a slip and each line is a row of its own.
        """
        parts = [(number, offset, line)]
        whole = line
        for following in islice(self._lines, LINES_OF_A_ROW):
            parts.append(following)
            whole += "\n" + following[2]
            if whole.count('"') % 2 == 0:
                break
        if len(whole) <= LINE_LIMIT and self._reader.fits(whole):
            yield self._reader.read(number, offset, whole, len(parts))
            return
        for one in parts:
            yield self._reader.read(*one) if one[2].strip(_NOTHING) else None


def _names(line: str, delimiters: str = _DELIMITERS) -> int:
    """Count the names of columns in a line, by the delimiter that finds most."""
    return max(known_columns(_cells(line, one) or ()) for one in delimiters)


def _header_line(lines: Iterator[tuple[int, int, str]]) -> tuple[list[int], int, str]:
    """Find the header: its number and text, behind the numbers of a title's lines above it.

    Lines without anything are passed over, and the one that tells spreadsheets the separator. A
    cell of the header may span lines. Where no line is a header it is the first that holds
    anything, to be refused.
    """
    above: list[int] = []
    first = 1, ""
    for number, _, line in lines:
        if len(line) <= LINE_LIMIT and (
            not line.strip(_NOTHING) or _SEPARATOR_LINE.fullmatch(line)
        ):
            continue
        for _ in range(LINES_OF_A_ROW):
            if len(line) > LINE_LIMIT or line.count('"') % 2 == 0:
                break
            line += "\n" + next(lines, (0, 0, ""))[2]
        if len(line) > LINE_LIMIT or _names(line) >= _COLUMNS_OF_A_HEADER:
            return above, number, line
        if not above:
            first = number, line
        above.append(number)
        if len(above) == LINES_ABOVE_HEADER:
            break
    return [], *first


def decoded(
    pieces: Sequence[bytes], file: str, notes: list[RowFault] | None = None
) -> Generator[None, None, str]:
    """Return the text of a file that came in *pieces*, a step for each.

    UTF-8; UTF-16 where its mark stands first (a spreadsheet's "Unicode text"); else Windows-1252,
    of which Latin-1's letters are a part, with a note among *notes*. Raises
    :class:`ContactsUnreadable` where it is no text.
    """
    # All that tells the kind of a file; a piece may be shorter.
    first = b"".join(pieces[:4])
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return (yield from _decoded(pieces, "utf-16", file))
    if first.startswith(_SPREADSHEETS):
        wrong = worded("is a spreadsheet's own file, not CSV")
        raise ContactsUnreadable(file, [RowFault(1, "", wrong, _SAVE_AS_UTF8)])
    if b"\0" in first.partition(b"\n")[0]:
        raise ContactsUnreadable(
            file, [RowFault(1, "", worded("is binary, not text"), _SAVE_AS_UTF8)]
        )
    try:
        return (yield from _decoded(pieces, "utf-8-sig", file))
    except ContactsUnreadable as no_utf8:
        try:
            text = yield from _decoded(pieces, "cp1252", file)
        except ContactsUnreadable:
            raise no_utf8 from None
        if notes is not None:
            what = worded("the file is not UTF-8 and was read as Windows-1252 (Latin-1)")
            notes.append(
                RowFault(
                    1,
                    "",
                    what,
                    worded("look at the names; better {save_as_utf8}", save_as_utf8=_SAVE_AS_UTF8),
                )
            )
        return text


def _decoded(pieces: Sequence[bytes], encoding: str, file: str) -> Generator[None, None, str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    texts: list[str] = []
    line = 1
    for number, piece in enumerate(pieces, 1):
        try:
            texts.append(decoder.decode(piece, final=number == len(pieces)))
        except UnicodeDecodeError as error:
            # The decoder names the place in what it was given together with what it had kept.
            line += error.object[: error.start].count(b"\n")
            raise ContactsUnreadable(
                file, [RowFault(line, "", worded("is not UTF-8"), _SAVE_AS_UTF8)]
            ) from error
        line += piece.count(b"\n")
        yield
    text = "".join(texts)
    yield
    return text


def _line_at(text: str, offset: int) -> tuple[str, int]:
    """Return the line that begins at *offset*, without its end, and where the next one begins.

    Of a line that is longer than it may be only the beginning is returned.
    """
    # Nearly all lines end like this and have no other end in them; a search takes a quarter of the
    # time that the pattern does.
    feed = text.find("\n", offset, offset + LINE_LIMIT + 1)
    if feed >= 0:
        line = text[offset:feed]
        if "\r" not in line:
            return line, feed + 1
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
        if text[offset : offset + 1] not in _MAY_BE_EMPTY:
            continue
        empty = _EMPTY.match(text, offset, offset + EMPTY_AT_ONCE)
        if empty is not None and number > 2:
            end = empty.end()
            if text[end - 1 : end + 1] == "\r\n":
                end += 1  # the limit fell between the two
            number += len(_END_OF_LINE.findall(text, offset, end))
            offset = end
            yield number - 1, empty.start(), ""


def _cells(line: str, delimiter: str) -> list[str] | None:
    """Return the cells of one line, or None where its quotes do not match."""
    if '"' not in line:
        return line.split(delimiter) if line else []
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

    columns: tuple[str, ...]
    """By position; empty where a column is passed over."""
    delimiter: str
    defaults: Defaults
    text: str
    _near: dict[tuple[str, str], str] = field(default_factory=dict)
    _places: dict[int, int] = field(default_factory=dict)
    """For each number the line and the offset of its first good row, as one integer."""
    _again: dict[int, _Person] = field(default_factory=dict)
    _needed: int = 0
    """How many cells a row needs: all up to the last column that is read."""

    def fits(self, row: str) -> bool:
        """Whether *row* has as many cells as there are columns, its quotes closed."""
        cells = _cells(row, self.delimiter)
        return cells is not None and len(cells) >= self._needed

    def __post_init__(self) -> None:
        self._needed = max(n for n, name in enumerate(self.columns, 1) if name)

    def read(self, number: int, offset: int, line: str, lines: int = 1) -> ContactRow | RejectedRow:
        cells = {"": line}
        try:
            cells = self._split(number, line)
            row = self._row(number, cells)
            self._compare(row, offset, lines)
        except _Faulty as faulty:
            return RejectedRow(line=number, cells=cells, faults=tuple(faulty.faults))
        return row

    def _split(self, number: int, line: str) -> dict[str, str]:
        if len(line) > LINE_LIMIT:
            raise _Faulty.one(
                number,
                "",
                worded("the line is longer than {line_limit} characters", line_limit=LINE_LIMIT),
                worded("shorten its cells"),
            )
        cells = _cells(line, self.delimiter)
        if cells is None:
            raise _Faulty.one(
                number,
                "",
                worded("a quotation mark is not closed or stands inside a cell"),
                worded('close it, and write a mark inside a cell twice ("")'),
            )
        while len(cells) > len(self.columns) and not cells[-1].strip():
            cells.pop()
        if not self._needed <= len(cells) <= len(self.columns):
            remedy = worded('put cells that hold "{names}" in quotes', names=_NAMES[self.delimiter])
            if self.delimiter == ";":
                remedy += worded(", such as windows of several spans")
            raise _Faulty.one(
                number,
                "",
                plural(
                    "there is {count} cell where the header has {count2}",
                    "there are {count} cells where the header has {count2}",
                    len(cells),
                    count2=len(self.columns),
                ),
                remedy,
            )
        pairs = zip(self.columns, cells, strict=False)
        return {name: cell for name, cell in pairs if name}

    def _row(self, line: int, cells: Mapping[str, str]) -> ContactRow:
        cell = CellReader(line, cells, self.defaults, self._near_zone)
        number = cell.number()
        zone = cell.zone(number)
        given_at = cell.moment("consent_given_at", zone, last=False)
        valid_until = cell.moment("valid_until", zone, last=True)
        now = self.defaults.now
        if given_at is not None and now is not None and given_at > now:
            cell.fault(
                "consent_given_at",
                worded("lies in the future"),
                worded("write when the consent was really given"),
            )
        if given_at is not None and valid_until is not None and valid_until <= given_at:
            cell.fault(
                "valid_until", worded("is not after consent_given_at"), worded("write a later date")
            )
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

    def _compare(self, row: ContactRow, offset: int, lines: int) -> None:
        number = int(row.number)
        if lines > 1:
            # Not read again from its place, where only its first line begins.
            self._again.setdefault(number, _Person.of(row))
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
                worded(
                    "the number is already on line {first} with a consent of the same moment",
                    first=first,
                ),
                worded("remove one of the lines"),
            )
        for column in ("name", "language", "timezone"):
            if getattr(before, column) != getattr(row, column):
                raise _Faulty.one(
                    row.line,
                    column,
                    worded("differs from line {line}, which has the same number", line=before.line),
                    worded("make both lines agree, or correct the number"),
                )
        before.consents[row.purpose, row.given_at] = row.line

    def _reread(self, place: int) -> ContactRow:
        number, offset = place >> _OFFSET_BITS, place & (1 << _OFFSET_BITS) - 1
        line, _ = _line_at(self.text, offset)
        return self._row(number, self._split(number, line))

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
