"""Weekly windows: spans of a person's local wall-clock time, and the arithmetic of spans. Pure.

A window such as ``mon-fri 18:00-20:00`` means every instant at which a clock on that person's
wall shows a time in it. That settles daylight saving without exceptions: a time that the clock
skips never comes, a time that it shows twice is in the window twice, and a day that a zone
left out (Samoa, 2011) has no windows.

Spans are half-open pairs of whole UTC seconds since 1970, in lists that are sorted and do not
touch; :class:`~appliance.model.Interval` is their form for everybody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from appliance.errors import excerpt
from appliance.model import Interval
from firmware.errors import ErrorWithRemedy
from firmware.wording import worded

Span = tuple[int, int]
"""``(start, end)`` in UTC seconds since 1970, half-open."""

Minutes = tuple[int, int]
"""``(start, end)`` in minutes since local midnight, half-open; end at most 1440."""

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_SECONDS = 86_400

# As people write them, in the languages of the law profiles; no name stands for two days, which is
# why German's two letters are missing: "di" is Tuesday there, and Sunday in French.
_WRITTEN_DAYS = (
    DAY_NAMES,
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    ("mondays", "tuesdays", "wednesdays", "thursdays", "fridays", "saturdays", "sundays"),
    ("mon", "tues", "weds", "thur", "fri", "sat", "sun"),
    ("mon", "tues", "wed", "thurs", "fri", "sat", "sun"),
    ("lun", "mar", "mer", "jeu", "ven", "sam", "dim"),
    ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    ("lundis", "mardis", "mercredis", "jeudis", "vendredis", "samedis", "dimanches"),
    ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"),
)
_DAYS = {name: index for names in _WRITTEN_DAYS for index, name in enumerate(names)}
# Every dash and every space that a word processor puts in place of the plain ones.
_PLAIN = str.maketrans(dict.fromkeys("–—‑‐−", "-") | dict.fromkeys("\u00a0\u202f\u2009", " "))
_CLOCK = r"[0-9]{1,2}(?:[:.][0-9]{2}| ?h ?(?:[0-9]{2})?)?"
# Words that people put around days and times, and the marks that they stand for.
_PHRASES = (
    (re.compile(r"\b(?:tous les jours|chaque jour|every day|daily|täglich)\b"), "mon-sun"),
    (re.compile(r"\b(?:(?:en|jours de) semaine|weekdays)\b"), "mon-fri"),
    (re.compile(r"\b(?:les? )?week[- ]?ends?\b"), "sat-sun"),
    (re.compile(r"(?<!après[- ])\b(?:midi|noon)\b"), "12:00"),
    (re.compile(r"\b(?:minuit|midnight)\b"), "24:00"),
    (re.compile(rf"\b(?:entre|between)\s+({_CLOCK})\s*(?:et|and)\s+(?={_CLOCK})"), r"\1-"),
    (re.compile(r"(?<=[0-9h]) a (?=[0-9])"), "-"),
    (re.compile(r"\s*\b(?:jusqu[’']à|à|au|to|until|through|bis)\b\s*"), "-"),
    (re.compile(r"\s*(?:\b(?:et|and|und)\b|[&/])\s*"), ","),
    (re.compile(r"\b(?:du|de|des|le|les|from|von)\b"), ""),
    # "lundi : 18h-20h" and "lundi, 18h-20h": what stands between a day and its times.
    (re.compile(r"\b([^\W\d_]{2,}\.?)\s*[,:]\s*(?=[0-9])"), r"\1 "),
    # "18h-20h, sam 10h-12h": a day behind a time begins the next item.
    (re.compile(r"([0-9] ?h?)\s*,\s*(?=[^\W\d_])"), r"\1;"),
)
_HALF_DAY = re.compile(r"\b([0-9]{1,2})(?:[:.]([0-9]{2}))? ?([ap])\.?m\b\.?")
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MAX_TEXT = 1000
_EXAMPLE = "mon-fri 18:00-20:00; sat 10:00-12:00"
_ITEM = re.compile(r"(?P<days>[^0-9]*?)\s*(?P<times>[0-9].*)", re.DOTALL)
_ZONE = re.compile(r"(?!localtime|posix|right)[A-Za-z][A-Za-z0-9_+/-]{1,60}")
_TIME = re.compile(r"([0-9]{1,2})(?:[:.]([0-9]{2})(?::00)?| ?h ?([0-9]{2})?)")

# Every offset in the zone database lies within these hours of UTC, and no zone has ever changed
# its offset twice within the sampling step.
_EARLIEST_OFFSET = -16 * 3600
_LATEST_OFFSET = 16 * 3600
_SAMPLE = 4 * 3600


class WindowsInvalid(ErrorWithRemedy, ValueError):
    """The text is not a list of weekly windows; ``remedy`` says what to write."""

    def __init__(
        self, reason: str, remedy: str = worded('write it like "{example}"', example=_EXAMPLE)
    ) -> None:
        super().__init__(reason, remedy)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Windows:
    """Seven days, Monday first, each with its sorted, disjoint, not touching spans of minutes."""

    days: tuple[tuple[Minutes, ...], ...]

    def __post_init__(self) -> None:
        if len(self.days) != 7:
            raise ValueError("a week has seven days")
        for spans in self.days:
            before = -1
            for start, end in spans:
                if not before < start < end <= 1440:
                    raise ValueError("a day's spans must be sorted and must not touch")
                before = end

    @classmethod
    def of(cls, items: Iterable[tuple[int, int, int]]) -> Windows:
        """Build from ``(weekday, start minute, end minute)``, merging what overlaps or touches."""
        days: list[list[Minutes]] = [[] for _ in range(7)]
        for weekday, start, end in items:
            days[weekday].append((start, end))
        return cls(tuple(tuple(merge(spans)) for spans in days))

    def canonical(self) -> str:
        """Return the one text that stands for these windows; parsing it gives them back."""
        parts: list[str] = []
        first = 0
        while first < 7:
            last = first
            while last < 6 and self.days[last + 1] == self.days[first]:
                last += 1
            name = DAY_NAMES[first] if first == last else f"{DAY_NAMES[first]}-{DAY_NAMES[last]}"
            parts += [f"{name} {_clock(a)}-{_clock(b)}" for a, b in self.days[first]]
            first = last + 1
        return "; ".join(parts)

    def intersect(self, other: Windows) -> Windows:
        """Return the windows in which both agree; never more than either."""
        return Windows(
            tuple(tuple(intersect(a, b)) for a, b in zip(self.days, other.days, strict=True))
        )

    def within(self, other: Windows) -> bool:
        """Tell whether every minute of these windows is also in *other*."""
        return self.intersect(other) == self

    def spans(self, zone: ZoneInfo, start: int, end: int) -> list[Span]:
        """Return the spans of ``[start, end)`` in which the windows are open in *zone*."""
        found: list[Span] = []
        for ordinal in local_days(start, end):
            ranges = self.days[(ordinal + 6) % 7]
            if not ranges:
                continue
            midnight = (ordinal - _EPOCH_ORDINAL) * DAY_SECONDS
            for since, until, offset in day_segments(zone, ordinal):
                for a, b in ranges:
                    lo = max(midnight + a * 60 - offset, since, start)
                    hi = min(midnight + b * 60 - offset, until, end)
                    if lo < hi:
                        found.append((lo, hi))
        return merge(found)


def parse_windows(text: str) -> Windows:
    """Read ``mon-fri 18:00-20:00; sat 10:00-12:00``.

    Items are parted by ``;`` or lines; in one item, days and spans may be listed with ``,``. Day
    names are English, French or German, English and French ones also short, in any case; a range
    of days may wrap (``fri-mon``). ``18h``, ``18h30``, ``18.30`` and ``6:30 pm`` are times too, and
    ``du lundi au vendredi, de 18h à 20h et samedi : 10h-midi`` is understood. ``24:00`` ends a day.
    A span may not cross midnight. Raises :class:`WindowsInvalid`.
    """
    if len(text) > _MAX_TEXT:
        raise WindowsInvalid(
            worded("the text is longer than {max_text} characters", max_text=_MAX_TEXT)
        )
    normal = text.translate(_PLAIN).lower()
    # A line is an item, unless its days and times stand on two.
    normal = re.sub(r"([0-9][^;\r\n]*)[\r\n]+", r"\1;", normal)
    normal = re.sub(r"[\r\n]+", " ", normal)
    normal = _HALF_DAY.sub(_of_24_hours, normal)
    for phrase, mark in _PHRASES:
        normal = phrase.sub(mark, normal)
    items: list[tuple[int, int, int]] = []
    for part in normal.split(";"):
        part = part.strip(" \t.,")
        if not part:
            continue
        match = _ITEM.fullmatch(part)
        if match is None:
            raise WindowsInvalid(worded("“{shown}” has no time of day", shown=excerpt(part)))
        days = _days(match["days"])
        for spans in match["times"].split(","):
            start, end = _minutes(spans.strip())
            items += [(day, start, end) for day in days]
    if not items:
        raise WindowsInvalid(worded("there is no window"))
    return Windows.of(items)


@lru_cache(maxsize=1024)
def known_zone(name: str) -> ZoneInfo | None:
    """Return the IANA zone of that name, or None where there is none."""
    if not _ZONE.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # KeyError: not in the database; OSError: a directory of it, such as "Europe".
        return None


@lru_cache(maxsize=4096)
def known_windows(text: str) -> Windows:
    """Parse as :func:`parse_windows`, remembering: many people share few texts."""
    return parse_windows(text)


@lru_cache(maxsize=4096)
def canonical_windows(text: str) -> str:
    """Return the canonical form of *text*; raises :class:`WindowsInvalid`."""
    return parse_windows(text).canonical()


@lru_cache(maxsize=8192)
def day_segments(zone: ZoneInfo, ordinal: int) -> tuple[tuple[int, int, int], ...]:
    """Return the pieces ``(start, end, offset)`` of one local day, in UTC seconds.

    *ordinal* is the proleptic Gregorian ordinal of the local date. Together the pieces hold
    every instant at which a clock in *zone* shows that date; the offset (seconds east of UTC)
    is constant in each. An ordinary day has one piece of 86,400 seconds.
    """
    midnight = (ordinal - _EPOCH_ORDINAL) * DAY_SECONDS
    at = midnight - _LATEST_OFFSET
    last = midnight + DAY_SECONDS - _EARLIEST_OFFSET
    offset = _offset(zone, at)
    since = at
    pieces: list[tuple[int, int, int]] = []
    while at < last:
        then = at + _SAMPLE
        after = _offset(zone, then)
        if after != offset:
            low, high = at, then
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
            pieces.append((since, high, offset))
            since, offset = high, after
        at = then
    pieces.append((since, at, offset))
    clipped = ((max(a, midnight - o), min(b, midnight + DAY_SECONDS - o), o) for a, b, o in pieces)
    return tuple(piece for piece in clipped if piece[0] < piece[1])


def local_days(start: int, end: int) -> range:
    """Return the ordinals of all dates that any clock on earth shows in ``[start, end)``."""
    first = (start + _EARLIEST_OFFSET) // DAY_SECONDS + _EPOCH_ORDINAL
    last = (end + _LATEST_OFFSET) // DAY_SECONDS + _EPOCH_ORDINAL
    return range(first, last + 1)


def day_spans(zone: ZoneInfo, ordinal: int) -> list[Span]:
    """Return the spans at which a clock in *zone* shows the date *ordinal*."""
    return merge((a, b) for a, b, _ in day_segments(zone, ordinal))


def local_instant(zone: ZoneInfo, day: date, minute: int) -> int:
    """Return the first UTC second of *day* at which the clock shows *minute* or later.

    *minute* counts from midnight and may be 1440. Where the clock skips it, this is the moment
    of the skip; where the clock shows it twice, the first.
    """
    ordinal = day.toordinal()
    midnight = (ordinal - _EPOCH_ORDINAL) * DAY_SECONDS
    segments = day_segments(zone, ordinal)
    for since, until, offset in segments:
        wanted = midnight + minute * 60 - offset
        if wanted < until:
            return max(wanted, since)
    if segments:
        return segments[-1][1]
    return local_instant(zone, day + timedelta(days=1), 0)


def merge(spans: Iterable[Span]) -> list[Span]:
    """Return the union: sorted, with overlapping and touching spans joined."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def intersect(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """Return the spans that lie in both lists."""
    common: list[Span] = []
    i = j = 0
    while i < len(one) and j < len(other):
        start = max(one[i][0], other[j][0])
        end = min(one[i][1], other[j][1])
        if start < end:
            common.append((start, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return common


def subtract(spans: Sequence[Span], holes: Sequence[Span]) -> list[Span]:
    """Return *spans* without *holes*."""
    left: list[Span] = []
    for start, end in spans:
        at = start
        for a, b in holes:
            if at < min(a, end):
                left.append((at, min(a, end)))
            at = max(at, min(b, end))
        if at < end:
            left.append((at, end))
    return left


def interval(span: Span) -> Interval:
    """Return *span* with aware UTC times."""
    return Interval(datetime.fromtimestamp(span[0], UTC), datetime.fromtimestamp(span[1], UTC))


def _offset(zone: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    if offset is None:  # pragma: no cover - ZoneInfo always knows
        raise ValueError(f"zone {zone} has no offset")
    return int(offset.total_seconds())


def _days(text: str) -> list[int]:
    if not text.strip():
        raise WindowsInvalid(worded("the days are missing"))
    days: list[int] = []
    for part in text.split(","):
        names = [name.strip().rstrip(".") for name in part.split("-")]
        for name in names:
            if name not in _DAYS:
                raise WindowsInvalid(
                    worded("“{shown}” is not a day", shown=excerpt(name)),
                    worded('write mon to sun, like "{example}"', example=_EXAMPLE),
                )
        if len(names) > 2:
            raise WindowsInvalid(worded("“{shown}” is not a range of days", shown=excerpt(part)))
        first, last = _DAYS[names[0]], _DAYS[names[-1]]
        days += [(first + step) % 7 for step in range((last - first) % 7 + 1)]
    return days


def _of_24_hours(match: re.Match[str]) -> str:
    """Return ``18:30`` for ``6:30 pm``; what no such clock shows stays as it is."""
    hour = int(match[1])
    if not 1 <= hour <= 12:
        return match[0]
    return f"{hour % 12 + (12 if match[3] == 'p' else 0)}:{match[2] or '00'}"


def _minutes(text: str) -> Minutes:
    ends = [end.strip() for end in text.split("-")]
    if len(ends) != 2:
        raise WindowsInvalid(
            worded("“{shown}” is not a span of time, like 18:00-20:00", shown=excerpt(text))
        )
    start, end = _minute(ends[0]), _minute(ends[1])
    if start == end:
        raise WindowsInvalid(
            worded("“{shown}” is empty: it ends when it starts", shown=excerpt(text))
        )
    if start > end:
        raise WindowsInvalid(
            worded("“{shown}” ends before it starts", shown=excerpt(text)),
            worded(
                'swap the times; a window over midnight is two: "fri 22:00-24:00; sat 00:00-01:00"'
            ),
        )
    return start, end


def _minute(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None or not text.isascii():
        raise WindowsInvalid(
            worded("“{shown}” is not a time", shown=excerpt(text)),
            worded("write hours and minutes: 18:00"),
        )
    hour, minute = int(match[1]), int(match[2] or match[3] or 0)
    if minute > 59 or hour * 60 + minute > 1440:
        raise WindowsInvalid(
            worded("there is no time {shown}", shown=excerpt(text)),
            worded("times go from 00:00 to 24:00"),
        )
    return hour * 60 + minute


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
