from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model import Interval
from appliance.windows import (
    DAY_SECONDS,
    Span,
    Windows,
    WindowsInvalid,
    day_segments,
    day_spans,
    intersect,
    interval,
    local_instant,
    merge,
    parse_windows,
    subtract,
)
from tests.support.hours import inside, outer_seconds

PARIS = ZoneInfo("Europe/Paris")
ZONES = [
    "Europe/Paris",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "Indian/Reunion",
    "Pacific/Tahiti",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Havana",
    "Asia/Kathmandu",
    "UTC",
]


ALWAYS = "mon-sun 00:00-24:00"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def intervals(text: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[Interval]:
    """The spans of *text* as intervals, asked for as the law's hours are."""
    return [interval(span) for span in parse_windows(text).spans(zone, *outer_seconds(start, end))]


def opened(text: str, zone: str, day: str, days: int = 1) -> list[tuple[str, str]]:
    """The intervals of some UTC days around *day*, as short UTC texts."""
    start = utc(day)
    found = intervals(text, ZoneInfo(zone), start, start + timedelta(days=days))
    return [(f"{i.start:%d %H:%M}", f"{i.end:%d %H:%M}") for i in found]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("mon-fri 18:00-20:00; sat 10:00-12:00", None),
        ("Mon-Fri 18:00-20:00;sat 10:00-12:00;", "mon-fri 18:00-20:00; sat 10:00-12:00"),
        ("MONDAY - friday 9:00 - 12:30", "mon-fri 09:00-12:30"),
        ("mon 18:00–20:00", "mon 18:00-20:00"),
        ("mon\u00a018:00-20:00", "mon 18:00-20:00"),
        ("mon,wed 10:00-12:00", "mon 10:00-12:00; wed 10:00-12:00"),
        ("mon 10:00-12:00, 14:00-16:00", "mon 10:00-12:00; mon 14:00-16:00"),
        ("mon 10:00-12:00; mon 11:00-13:00", "mon 10:00-13:00"),
        ("mon 10:00-12:00; mon 12:00-13:00", "mon 10:00-13:00"),
        ("mon 10:00-14:00; mon 11:00-12:00", "mon 10:00-14:00"),
        ("fri-mon 10:00-12:00", "mon 10:00-12:00; fri-sun 10:00-12:00"),
        ("sun 22:00-24:00", "sun 22:00-24:00"),
        ("mon-sun 00:00-24:00", "mon-sun 00:00-24:00"),
        ("sat 10:00-12:00; mon 10:00-12:00", "mon 10:00-12:00; sat 10:00-12:00"),
        ("mon-tue 10:00-12:00; wed 10:00-12:00", "mon-wed 10:00-12:00"),
        ("lun-ven 18h-20h", "mon-fri 18:00-20:00"),
        ("Lun.–Ven. 18H30 – 20H", "mon-fri 18:30-20:00"),
        ("du lundi au vendredi de 18h à 20h", "mon-fri 18:00-20:00"),
        (
            "lundi et jeudi de 9h30 à 12h et de 14 h à 16 h 15",
            "mon 09:30-12:00; mon 14:00-16:15; thu 09:30-12:00; thu 14:00-16:15",
        ),
        ("tous les jours 10h-12h", "mon-sun 10:00-12:00"),
        ("le week-end de 10h à 12h", "sat-sun 10:00-12:00"),
        ("mardi 18:00-20h", "tue 18:00-20:00"),
        ("mar, mer 18h-20h; dim 10h-12h", "tue-wed 18:00-20:00; sun 10:00-12:00"),
        ("lun-ven 18h-20h\nsam 10h-12h\n", "mon-fri 18:00-20:00; sat 10:00-12:00"),
        ("Montag bis Freitag 18:00-20:00", "mon-fri 18:00-20:00"),
        ("from monday to friday 18:00 to 20:00", "mon-fri 18:00-20:00"),
        (
            "every day 10:00-12:00 and 14:00-16:00",
            "mon-sun 10:00-12:00; mon-sun 14:00-16:00",
        ),
        ("sam 22h-24h", "sat 22:00-24:00"),
        ("lun-ven 18h-20h, sam 10h-12h", "mon-fri 18:00-20:00; sat 10:00-12:00"),
        ("mon 18:00-20:00, tue 9:00-10:00", "mon 18:00-20:00; tue 09:00-10:00"),
        ("lun-ven 18h-20h et sam 10h-12h", "mon-fri 18:00-20:00; sat 10:00-12:00"),
        ("lun-ven 18h-20h / sam 10h-12h", "mon-fri 18:00-20:00; sat 10:00-12:00"),
        ("lun/mer/ven 18h-20h", "mon 18:00-20:00; wed 18:00-20:00; fri 18:00-20:00"),
        ("du lundi au vendredi, de 18h à 20h", "mon-fri 18:00-20:00"),
        ("Mittwoch, Freitag 18:00-20:00", "wed 18:00-20:00; fri 18:00-20:00"),
        (
            "Lundi : 18h-20h ; mardi: 19 h - 20 h, 21h-22h",
            "mon 18:00-20:00; tue 19:00-20:00; tue 21:00-22:00",
        ),
        ("lundi entre 18h et 20h", "mon 18:00-20:00"),
        ("tue between 9:30 and 11am", "tue 09:30-11:00"),
        ("les lundis et jeudis 18h-20h.", "mon 18:00-20:00; thu 18:00-20:00"),
        ("Mondays 18.00-20.00", "mon 18:00-20:00"),
        ("Tues, Thurs 9am-12:30pm", "tue 09:00-12:30; thu 09:00-12:30"),
        ("mon 12am-1 a.m., sun 12 p.m.-1 p.m.", "mon 00:00-01:00; sun 12:00-13:00"),
        ("monday through friday 9 am to 5 pm", "mon-fri 09:00-17:00"),
        ("en semaine 18h-20h; weekends 10h-midi", "mon-fri 18:00-20:00; sat-sun 10:00-12:00"),
        ("weekdays 18:00-20:00", "mon-fri 18:00-20:00"),
        ("sam 22h-minuit", "sat 22:00-24:00"),
        ("lun‑ven 18h—20h", "mon-fri 18:00-20:00"),
        ("lun 18h a 20h", "mon 18:00-20:00"),
        ("lun-ven 18:00:00-20:00:00", "mon-fri 18:00-20:00"),
    ],
)
def test_canonical(text: str, canonical: str | None) -> None:
    windows = parse_windows(text)
    assert windows.canonical() == (canonical or text)
    assert parse_windows(windows.canonical()) == windows


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no window"),
        (" ; ;", "no window"),
        ("mon", "no time of day"),
        ("18:00-20:00", "days are missing"),
        ("mon 25:00-26:00", "no time 25:00"),
        ("mon 18:00-25:00", "no time 25:00"),
        ("mon 18:60-19:00", "no time 18:60"),
        ("mon 24:01-24:02", "no time 24:01"),
        ("mon 20:00-18:00", "ends before it starts"),
        ("mon 18:00-18:00", "is empty"),
        ("mon 22:00-02:00", "ends before it starts"),
        ("mon 18h0-20h00", "not a time"),
        ("mon 18hh-20h", "not a time"),
        ("lun-ven de 18h", "not a span"),
        ("entre 18h et 20h", "days are missing"),
        ("lun 18h à 20h à 22h", "not a span"),
        ("mon 18-20", "not a time"),
        ("mon 18:0-20:00", "not a time"),
        ("mon 18:00", "not a span"),
        ("mon 18:00-19:00-20:00", "not a span"),
        ("mon 18:00-20:00 tue 18:00-20:00", "not a span"),
        ("mon 18:00-20:00 Europe/Paris", "not a time"),
        ("lu-ve 18:00-20:00", "not a day"),
        ("mon-tue-wed 18:00-20:00", "not a range"),
        ("mon- 18:00-20:00", "not a day"),
        ("mon 18:00-20:00, tue", "no time of day"),
        ("mon 6-8pm", "not a time"),
        ("mon 13pm-14pm", "not a time"),
        ("mon 18:00:30-20:00", "not a time"),
        ("mon 18.5-20", "not a time"),
        ("lundi après-midi 14h-16h", "not a day"),
        ("tous les jours sauf dimanche 18h-20h", "not a day"),
        ("mon-fri except wed 18:00-20:00", "not a day"),
        ("lun-ven 18h-20h, pas mercredi", "no time of day"),
        ("pas le lundi 18h-20h", "not a day"),
        ("di 10h-12h", "not a day"),
        ("mon ١٨:00-20:00", "not a day"),
        ("mon 18:00-20:00;" * 100, "longer than"),
    ],
)
def test_refused_texts(text: str, reason: str) -> None:
    with pytest.raises(WindowsInvalid, match=reason) as refused:
        parse_windows(text)
    assert refused.value.remedy


def test_errors_show_no_control_characters() -> None:
    with pytest.raises(WindowsInvalid) as refused:
        parse_windows("mon\x1b[31m 18:00-20:00")
    assert refused.value.reason.isprintable()


def test_ordinary_week_in_local_time() -> None:
    # 2027-03-15 is a Monday, winter time in Paris.
    assert opened("mon-fri 18:00-20:00; sat 10:00-12:00", "Europe/Paris", "2027-03-15", 7) == [
        ("15 17:00", "15 19:00"),
        ("16 17:00", "16 19:00"),
        ("17 17:00", "17 19:00"),
        ("18 17:00", "18 19:00"),
        ("19 17:00", "19 19:00"),
        ("20 09:00", "20 11:00"),
    ]


@pytest.mark.parametrize(
    ("text", "zone", "day", "expected"),
    [
        # Paris, 28 March 2027: 02:00 to 03:00 does not come.
        ("sun 02:00-03:00", "Europe/Paris", "2027-03-28", []),
        ("sun 02:30-04:00", "Europe/Paris", "2027-03-28", [("28 01:00", "28 02:00")]),
        ("sun 01:30-02:30", "Europe/Paris", "2027-03-28", [("28 00:30", "28 01:00")]),
        ("sun 01:30-03:30", "Europe/Paris", "2027-03-28", [("28 00:30", "28 01:30")]),
        # Paris, 31 October 2027: 02:00 to 03:00 comes twice.
        ("sun 02:00-03:00", "Europe/Paris", "2027-10-31", [("31 00:00", "31 02:00")]),
        (
            "sun 02:15-02:45",
            "Europe/Paris",
            "2027-10-31",
            [("31 00:15", "31 00:45"), ("31 01:15", "31 01:45")],
        ),
        ("sun 01:00-02:30", "Europe/Paris", "2027-10-31", None),
        # Lord Howe moves by half an hour: on 4 April 2027, 01:30 to 02:00 comes twice.
        ("sun 01:30-02:00", "Australia/Lord_Howe", "2027-04-03", [("03 14:30", "03 15:30")]),
        # Samoa had no 30 December 2011, a Friday.
        ("fri 10:00-12:00", "Pacific/Apia", "2011-12-29", []),
        # Cuba turns its clock back at 01:00 to 00:00 on 7 November 2027.
        ("sun 00:00-01:00", "America/Havana", "2027-11-07", [("07 04:00", "07 06:00")]),
        # Kathmandu is 5:45 ahead.
        ("mon 06:00-06:30", "Asia/Kathmandu", "2027-03-15", [("15 00:15", "15 00:45")]),
    ],
)
def test_daylight_saving(
    text: str, zone: str, day: str, expected: list[tuple[str, str]] | None
) -> None:
    if expected is None:
        expected = [("31 00:00", "31 00:30"), ("31 01:00", "31 01:30")]
    assert opened(text, zone, day) == expected


def test_window_across_midnight_is_one_interval() -> None:
    assert opened("fri 22:00-24:00; sat 00:00-01:00", "Europe/Paris", "2027-03-19", 2) == [
        ("19 21:00", "20 00:00")
    ]


def test_always_is_the_whole_span() -> None:
    start = utc("2027-01-01")
    found = intervals(ALWAYS, PARIS, start, start + timedelta(days=800))
    assert [(i.start, i.end) for i in found] == [(start, start + timedelta(days=800))]


@pytest.mark.parametrize("zone", ZONES)
def test_days_tile_time(zone: str) -> None:
    """Every instant belongs to exactly one local day, in every zone, over changes of the clock."""
    first = date(2011, 12, 25).toordinal()
    for start, length in ((first, 12), (date(2027, 3, 1).toordinal(), 270)):
        spans = [s for o in range(start, start + length) for s in day_spans(ZoneInfo(zone), o)]
        joined = merge(spans)
        assert len(joined) == 1
        assert sum(b - a for a, b in spans) == joined[0][1] - joined[0][0]


def test_segments_of_a_long_day() -> None:
    segments = day_segments(PARIS, date(2027, 10, 31).toordinal())
    assert [end - start for start, end, _ in segments] == [3 * 3600, 22 * 3600]
    assert [offset for _, _, offset in segments] == [7200, 3600]


def test_local_instant_in_gap_and_overlap() -> None:
    gap = local_instant(PARIS, date(2027, 3, 28), 150)
    assert datetime.fromtimestamp(gap, UTC) == utc("2027-03-28 01:00")
    twice = local_instant(PARIS, date(2027, 10, 31), 150)
    assert datetime.fromtimestamp(twice, UTC) == utc("2027-10-31 00:30")
    end = local_instant(PARIS, date(2027, 10, 31), 1440)
    assert datetime.fromtimestamp(end, UTC) == utc("2027-10-31 23:00")
    skipped = local_instant(ZoneInfo("Pacific/Apia"), date(2011, 12, 30), 600)
    assert datetime.fromtimestamp(skipped, UTC) == utc("2011-12-30 10:00")


minutes = st.tuples(st.integers(0, 1439), st.integers(1, 240)).map(
    lambda pair: (pair[0], min(1440, pair[0] + pair[1]))
)
weekly = st.lists(st.tuples(st.integers(0, 6), minutes), min_size=1, max_size=8).map(
    lambda items: Windows.of((day, *span) for day, span in items)
)
spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 10)).map(lambda p: (p[0], p[0] + p[1])), max_size=8
)


def seconds(found: list[Span]) -> set[int]:
    return {second for start, end in found for second in range(start, end)}


@given(spans, spans)
def test_span_arithmetic_is_set_arithmetic(one: list[Span], other: list[Span]) -> None:
    a, b = merge(one), merge(other)
    assert seconds(a) == seconds(one)
    assert all(x[1] < y[0] for x, y in itertools.pairwise(a))
    assert seconds(intersect(a, b)) == seconds(one) & seconds(other)
    assert seconds(subtract(a, b)) == seconds(one) - seconds(other)
    assert intersect(a, b) == merge(intersect(a, b))


@given(weekly, weekly)
def test_intersection_narrows(one: Windows, other: Windows) -> None:
    both = one.intersect(other)
    assert both.within(one)
    assert both.within(other)
    assert both == other.intersect(one)
    assert parse_windows(one.canonical()) == one


@given(
    weekly,
    st.sampled_from(ZONES),
    st.integers(int(utc("2026-01-01").timestamp()), int(utc("2029-01-01").timestamp())),
)
def test_an_instant_is_open_exactly_when_the_clock_on_the_wall_says_so(
    windows: Windows, key: str, instant: int
) -> None:
    zone = ZoneInfo(key)
    found = windows.spans(zone, instant - DAY_SECONDS, instant + DAY_SECONDS)
    for second in range(instant - 7200, instant + 7200, 977):
        local = datetime.fromtimestamp(second, zone)
        minute = local.hour * 60 + local.minute
        expected = any(a <= minute < b for a, b in windows.days[local.weekday()])
        assert any(a <= second < b for a, b in found) == expected
        assert inside(windows, local) == expected


@given(st.text(alphabet="mondayfri 0123456789:-;,\t\x00é", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        windows = parse_windows(text)
    except WindowsInvalid:
        return
    assert parse_windows(windows.canonical()) == windows
