"""Dates as people and their spreadsheets write them, in English and French. Pure.

``03/09/2026 18:30``, ``2026/9/3``, ``jeudi 3 septembre 2026``, ``3-Sep-26``, ``Sept 3rd, 2026, 6:30
PM``. A month in letters leaves no doubt; of two numbers either may be the month.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, NamedTuple

_MONTHS = {
    name: month
    for month, names in enumerate(
        (
            "jan janv january janvier",
            "feb fev fevr february fevrier",
            "mar march mars",
            "apr avr april avril",
            "may mai",
            "jun june juin",
            "jul juil july juillet",
            "aug aou august aout",
            "sep sept september septembre",
            "oct october octobre",
            "nov november novembre",
            "dec december decembre",
        ),
        1,
    )
    for name in names.split()
}
_WEEKDAY = (
    r"(?:(?:mon|tues?|wed|wednes|thurs?|fri|sat|satur|sun)(?:day)?"
    r"|lun(?:di)?|mar(?:di)?|mer(?:credi)?|jeu(?:di)?|ven(?:dredi)?|sam(?:edi)?|dim(?:anche)?)"
)
_CLOCK = (
    r"(?:,?[ ]+(?:(?:at|a)[ ]+)?"
    r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?"
    r"|[ ]?h[ ]?(?P<minute_h>[0-9]{2})?)(?:[ ]?(?P<half>[ap])\.?m\.?)?)?"
)
_MONTH = rf"(?P<name>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})"
_DAY = r"(?P<day>[0-9]{1,2})(?:er|st|nd|rd|th)?"
_DAY_FIRST = re.compile(
    rf"(?P<day>[0-9]{{1,2}})[ ]?([/.-])[ ]?(?P<month>[0-9]{{1,2}})[ ]?\2[ ]?{_YEAR}{_CLOCK}"
)
_FORMS = (
    _DAY_FIRST,
    *(
        re.compile(form + _CLOCK)
        for form in (
            r"(?P<year>[0-9]{4})([/.-])(?P<month>[0-9]{1,2})\2(?P<day>[0-9]{1,2})",
            rf"(?:{_WEEKDAY}\.?,?[ ]+)?{_DAY}[ /.-]+{_MONTH},?[ /.-]*{_YEAR}",
            rf"(?:{_WEEKDAY}\.?,?[ ]+)?{_MONTH}[ /.-]*{_DAY},?[ /.-]+{_YEAR}",
        )
    ),
)


class WrittenDate(NamedTuple):
    """What a text says; no calendar has seen it yet."""

    year: int
    month: int
    day: int
    clock: str
    """``T18:30`` or ``T18:30:00``; empty without a time of day."""
    by_place: bool
    """Whether nothing but its place tells the month from the day."""

    @property
    def may_be_two(self) -> bool:
        """Whether it is a date the other way round, too, and another one."""
        return self.by_place and self.day != self.month and max(self.day, self.month) <= 12

    @property
    def turned(self) -> WrittenDate | None:
        """The date that it is with the month before the day, where it can be no other."""
        if self.by_place and self.day <= 12 < self.month <= 31:
            return self._replace(day=self.month, month=self.day)
        return None

    def iso(self) -> str:
        """Return it in the form of ISO 8601."""
        return f"{self.year:04d}-{self.month:02d}-{self.day:02d}{self.clock}"


def written_date(text: str) -> WrittenDate | None:
    """Read *text* with the day before the month where both are numbers; None where it is no date.

    A year of two digits lies in this century.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower().strip()
    for form in _FORMS:
        match = form.fullmatch(plain)
        if match is not None:
            return _told(match, by_place=form is _DAY_FIRST)
    return None


def _told(match: re.Match[str], *, by_place: bool) -> WrittenDate:
    parts = match.groupdict()
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 2000
    month = _MONTHS[parts["name"]] if "name" in parts else int(parts["month"])
    return WrittenDate(year, month, int(parts["day"]), _clock(parts), by_place)


def _clock(parts: dict[str, str | Any]) -> str:
    if not parts["hour"]:
        return ""
    hour = int(parts["hour"])
    half = parts["half"]
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    minute = parts["minute"] or parts["minute_h"] or "00"
    return f"T{hour:02d}:{minute}" + (f":{parts['second']}" if parts["second"] else "")
