"""Reading the cells of one line of the contacts file; faults gather, with their remedies. Pure.

Nothing of a faulty cell is quoted back, since it may be a number or a name, but for dates, zones,
languages and windows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from appliance.errors import excerpt
from appliance.numbers import NumberRefused, read_number
from appliance.people.contacts_dates import written_date
from appliance.people.contacts_format import OPTIONAL, Defaults, RowFault, unguarded
from appliance.windows import WindowsInvalid, canonical_windows
from appliance.zones import NumberZones, civil_zone, contradicted, zone_fault, zones_of_number
from firmware.wording import worded

CELL_LIMIT = 500
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
# Marks without a shape that come along when a number is copied from a telephone or a page.
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_DAYS = re.compile(r"[1-9][0-9]{4}([.,][0-9]{1,12})?")
"""Days since 1899-12-30, with a part of a day: what a cell becomes that lost its format."""
_LANGUAGE = re.compile(r"([a-z]{2})([-_][a-z]{2})?", re.IGNORECASE)


class CellReader:
    """Reads the cells of one line; faults gather, and a stand-in keeps the rest going."""

    def __init__(
        self,
        line: int,
        cells: Mapping[str, str],
        defaults: Defaults,
        suggest: Callable[[str, str], str],
    ) -> None:
        self._line = line
        # Once for all: some columns are asked for more than once, and a call costs more than this.
        self._cells = {
            column: cell if (cell := written.strip())[:1] != "'" else unguarded(cell)
            for column, written in cells.items()
        }
        self._defaults = defaults
        self._suggest = suggest
        self.faults: list[RowFault] = []
        self.warnings: list[RowFault] = []

    def fault(self, column: str, what: str, remedy: str) -> None:
        self.faults.append(RowFault(self._line, column, what, remedy))

    def warning(self, column: str, what: str, remedy: str) -> None:
        """Note what a person should look at, though the row is taken."""
        self.warnings.append(RowFault(self._line, column, what, remedy))

    def raw(self, column: str) -> str:
        """Return a cell without what surrounds it or marks it as text; a missing one is empty."""
        return self._cells.get(column, "")

    def text(self, column: str) -> str:
        text = self.raw(column)
        if text.isascii() and text.isprintable() and 0 < len(text) <= CELL_LIMIT:
            return text
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        if not text and column not in OPTIONAL:
            self.fault(column, worded("is empty"), worded("fill it in"))
        elif len(text) > CELL_LIMIT:
            self.fault(
                column,
                worded("is longer than {cell_limit} characters", cell_limit=CELL_LIMIT),
                worded("shorten it"),
            )
        elif not text.isprintable() and any(unicodedata.category(c) == "Cc" for c in text):
            if "\n" in text or "\r" in text:
                self.fault(column, worded("holds a line break"), worded("write it on one line"))
            else:
                self.fault(
                    column, worded("holds a control character"), worded("type the text again")
                )
        return text

    def number(self) -> str:
        try:
            text = self.raw("number")
            if not text.isascii():
                text = _UNSEEN.sub("", text)
            return read_number(text, self._defaults.country, fiction=self._defaults.fiction)
        except NumberRefused as refused:
            self.fault("number", refused.reason, refused.remedy)
            return ""

    def language(self) -> str:
        text = self.raw("language") or self._defaults.language
        language = _language(text) if len(text) <= LONGEST_LANGUAGE else None
        if language is None:
            self.fault(
                "language",
                worded("“{shown}” is not a language", shown=excerpt(text)),
                worded("write its two letters, such as fr for French or en for English"),
            )
            return ""
        return language

    def zone(self, number: str) -> ZoneInfo:
        """Read the person's zone, or derive it from *number*, which is empty where it is faulty.

        The hours of a call are the callee's: the box's own zone says nothing about them.
        """
        name = self.raw("timezone")
        if not name:
            return self._zone_of_number(number, _told_by(number))
        zone = civil_zone(name)
        if zone is None:
            what = zone_fault(name) or worded("is not a time zone")
            wrong = worded("“{shown}” {what}", shown=excerpt(name), what=what)
            self.fault("timezone", wrong, self._suggest(name, _told_by(number).region))
            return ZoneInfo("UTC")
        if number and (others := contradicted(number, zone.key)):
            self.warning(
                "timezone",
                worded(
                    "the number is one of {some}, the zone is {key}",
                    some=_some(others),
                    key=zone.key,
                ),
                worded("make sure that the person lives there, and that no column has slipped"),
            )
        return zone

    def _zone_of_number(self, number: str, told: NumberZones) -> ZoneInfo:
        if told.single is not None:
            return ZoneInfo(told.single)
        if number:
            country = (
                worded("numbers of {region}", region=told.region)
                if told.region
                else worded("such numbers")
            )
            example = _some(told.zones) if told.zones else "Europe/Paris"
            self.fault(
                "timezone",
                worded("is empty, and {country} have more than one time zone", country=country)
                if told.zones
                else worded("is empty, and {country} name no country's time", country=country),
                worded("write where the person lives: {example}", example=example),
            )
        return ZoneInfo("UTC")

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
                self.fault(column, worded("is empty"), worded("write a date: 2026-11-24"))
            return None
        try:
            return _moment(text, zone, last)
        except ValueError:
            pass
        try:
            return _moment(self._iso(column, text), zone, last)
        except ValueError:
            if _DAYS.fullmatch(text):
                self.fault(
                    column,
                    worded("“{shown}” is a count of days, as spreadsheets keep a date", shown=text),
                    worded("format the column as a date or as text, and save it as CSV again"),
                )
                return None
            self.fault(
                column,
                worded("“{shown}” is not a date", shown=excerpt(text)),
                worded(
                    "write 2026-11-24, or 2026-11-24T18:30 with an offset such as +01:00 if not "
                    "local"
                ),
            )
            return None

    def _iso(self, column: str, text: str) -> str:
        """Return a date as people write it in the form of ISO 8601; else *text*.

        The day comes first, as in all countries of the law profiles but one; where the box speaks
        English and both could be the month, the date is nobody's to guess.
        """
        written = written_date(text)
        if written is None:
            return text
        if written.may_be_two and not self._defaults.day_first:
            self.fault(
                column,
                worded("“{shown}” may be two dates", shown=excerpt(text)),
                worded("write {date} if the day stands first", date=written.iso()),
            )
            return "1970-01-01"
        if written.turned is not None:
            self.fault(
                column,
                worded("“{shown}” has no month {month}", shown=excerpt(text), month=written.month),
                worded("write {date} if the month stands first", date=written.turned.iso()),
            )
            return "1970-01-01"
        return written.iso()


# Many people share few texts: their lists were filled in on few days.
@lru_cache(maxsize=4096)
def _moment(text: str, zone: ZoneInfo, last: bool) -> datetime:
    """Return the instant that *text* (ISO 8601) means in *zone*; raises ``ValueError``."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError
    day = date.fromisoformat(match[1])
    if not 1970 <= day.year <= 2200:
        raise ValueError
    if match[2] is None:
        local = datetime.combine(day + timedelta(days=1 if last else 0), time(), zone)
    elif match[3] is None:
        local = datetime.combine(day, time.fromisoformat(match[2]), zone)
    else:
        local = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3]}")
    return local.astimezone(UTC).replace(microsecond=0)


@lru_cache(maxsize=256)
def _language(text: str) -> str | None:
    match = _LANGUAGE.fullmatch(text)
    return None if match is None else match[1].lower()


LONGEST_LANGUAGE = 5
"""Characters: fr-FR. What is longer is none, and no memory's business."""


def _told_by(number: str) -> NumberZones:
    return zones_of_number(number) if number else NumberZones("", ())


def _some(zones: Sequence[str]) -> str:
    return ", ".join(zones[:3]) + (" …" if len(zones) > 3 else "")
