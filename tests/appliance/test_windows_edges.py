"""Windows at their edges: what a week may hold, where a text ends, and whole days of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.windows import (
    DAY_SECONDS,
    Windows,
    WindowsInvalid,
    canonical_windows,
    day_segments,
    day_spans,
    intersect,
    interval,
    known_windows,
    known_zone,
    local_days,
    local_instant,
    merge,
    parse_windows,
    subtract,
)

NO_DAY: tuple[tuple[int, int], ...] = ()


def second(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def ordinal(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    ("monday", "whole"),
    [
        (((0, 1440),), True),
        (((0, 1),), True),
        (((1439, 1440),), True),
        (((0, 600), (601, 1440)), True),
        (((0, 1441),), False),
        (((-1, 600),), False),
        (((600, 600),), False),
        (((600, 599),), False),
        (((0, 600), (600, 700)), False),  # they touch: one span
        (((0, 600), (599, 700)), False),
        (((700, 800), (0, 600)), False),
    ],
)
def test_what_a_day_may_hold(monday: tuple[tuple[int, int], ...], whole: bool) -> None:
    days = (monday, *(NO_DAY,) * 6)
    if whole:
        assert Windows(days).days == days
    else:
        with pytest.raises(ValueError, match="sorted"):
            Windows(days)


@pytest.mark.parametrize("count", [0, 6, 8])
def test_a_week_has_seven_days(count: int) -> None:
    with pytest.raises(ValueError, match="seven"):
        Windows((NO_DAY,) * count)


def test_each_day_has_its_name_in_every_language() -> None:
    """The longest names, each alone: none stands for another day."""
    names = (
        "mon tue wed thu fri sat sun",
        "monday tuesday wednesday thursday friday saturday sunday",
        "lun mar mer jeu ven sam dim",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    )
    for line in names:
        for index, name in enumerate(line.split()):
            days = parse_windows(f"{name} 10:00-12:00").days
            assert [n for n, spans in enumerate(days) if spans] == [index]


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [
        ("mon-sun", [0, 1, 2, 3, 4, 5, 6]),
        ("tue-mon", [0, 1, 2, 3, 4, 5, 6]),
        ("sun-mon", [0, 6]),
        ("sat-tue", [0, 1, 5, 6]),
        ("wed-wed", [2]),
        ("mon,wed-thu,sun", [0, 2, 3, 6]),
    ],
)
def test_ranges_of_days(text: str, weekdays: list[int]) -> None:
    days = parse_windows(f"{text} 10:00-12:00").days
    assert [n for n, spans in enumerate(days) if spans] == weekdays


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("mon 00:00-24:00", ((0, 1440),)),
        ("mon 00:00-00:01", ((0, 1),)),
        ("mon 23:59-24:00", ((1439, 1440),)),
        ("mon 9h-9h59", ((540, 599),)),
        ("mon 9:05-10:00, 10:00-11:00", ((545, 660),)),
        ("mon 9:00-10:00, 10:01-11:00", ((540, 600), (601, 660))),
    ],
)
def test_times_to_the_minute(text: str, spans: tuple[tuple[int, int], ...]) -> None:
    windows = parse_windows(text)
    assert windows.days == (spans, *(NO_DAY,) * 6)
    assert canonical_windows(text) == windows.canonical()
    assert known_windows(text) == windows


@pytest.mark.parametrize(
    "text", ["mon 23:00-24:01", "mon 9:60-10:00", "mon 9h60-10h", "mon 24:00-24:30", "mon 9-10"]
)
def test_times_that_no_clock_shows(text: str) -> None:
    with pytest.raises(WindowsInvalid):
        parse_windows(text)


@pytest.mark.parametrize(("length", "read"), [(999, True), (1000, True), (1001, False)])
def test_a_text_of_a_thousand_characters_is_read(length: int, read: bool) -> None:
    text = "mon 10:00-12:00".ljust(length)
    if read:
        assert parse_windows(text).canonical() == "mon 10:00-12:00"
    else:
        with pytest.raises(WindowsInvalid, match="longer than 1000"):
            parse_windows(text)


@pytest.mark.parametrize(
    ("items", "canonical"),
    [
        ([(0, 60, 120), (1, 60, 120), (3, 60, 120)], "mon-tue 01:00-02:00; thu 01:00-02:00"),
        ([(5, 0, 60), (6, 0, 60)], "sat-sun 00:00-01:00"),
        ([(6, 0, 60)], "sun 00:00-01:00"),
        ([(0, 0, 60), (0, 90, 120)], "mon 00:00-01:00; mon 01:30-02:00"),
        ([], ""),
    ],
)
def test_the_one_text_of_a_week(items: list[tuple[int, int, int]], canonical: str) -> None:
    assert Windows.of(items).canonical() == canonical


def test_within_is_every_minute() -> None:
    wide, narrow = parse_windows("mon 10:00-12:00"), parse_windows("mon 10:30-12:00")
    assert (narrow.within(wide), wide.within(narrow), wide.within(wide)) == (True, False, True)
    assert not parse_windows("mon 10:30-12:01").within(wide)
    assert not parse_windows("mon-tue 10:30-12:00").within(wide)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Europe/Paris", True),
        ("GB", True),
        ("UTC", True),
        ("Etc/GMT+5", True),
        ("G", False),
        ("Europe", False),
        ("Europe/Lutetia", False),
        ("localtime", False),
        ("posix/Europe/Paris", False),
        ("right/Europe/Paris", False),
        ("../Europe/Paris", False),
        ("/usr/share", False),
        ("A" * 61, False),
        ("A" * 62, False),
        ("A" * 500, False),
        ("", False),
    ],
)
def test_which_names_are_zones(name: str, known: bool) -> None:
    assert known_zone(name) == (ZoneInfo(name) if known else None)


@pytest.mark.parametrize(
    ("zone", "day", "pieces"),
    [
        ("UTC", "2027-03-10", [("2027-03-10", "2027-03-11", 0)]),
        ("Europe/Paris", "2027-03-10", [("2027-03-09 23:00", "2027-03-10 23:00", 3600)]),
        (
            "Europe/Paris",
            "2027-03-28",
            [
                ("2027-03-27 23:00", "2027-03-28 01:00", 3600),
                ("2027-03-28 01:00", "2027-03-28 22:00", 7200),
            ],
        ),
        (
            "Europe/Paris",
            "2027-10-31",
            [
                ("2027-10-30 22:00", "2027-10-31 01:00", 7200),
                ("2027-10-31 01:00", "2027-10-31 23:00", 3600),
            ],
        ),
        # The furthest clocks of the world, and a day that never was.
        ("Pacific/Kiritimati", "2027-03-10", [("2027-03-09 10:00", "2027-03-10 10:00", 50_400)]),
        ("Pacific/Niue", "2027-03-10", [("2027-03-10 11:00", "2027-03-11 11:00", -39_600)]),
        ("Pacific/Apia", "2011-12-30", []),
        ("Pacific/Apia", "2011-12-29", [("2011-12-29 10:00", "2011-12-30 10:00", -36_000)]),
        ("Pacific/Apia", "2011-12-31", [("2011-12-30 10:00", "2011-12-31 10:00", 50_400)]),
        # A clock that goes back over midnight: the day comes in two parts.
        (
            "America/Havana",
            "2027-11-07",
            [
                ("2027-11-07 04:00", "2027-11-07 05:00", -14_400),
                ("2027-11-07 05:00", "2027-11-08 05:00", -18_000),
            ],
        ),
    ],
)
def test_the_pieces_of_a_day(zone: str, day: str, pieces: list[tuple[str, str, int]]) -> None:
    found = day_segments(ZoneInfo(zone), ordinal(day))
    assert found == tuple((second(a), second(b), offset) for a, b, offset in pieces)
    joined = [(second(pieces[0][0]), second(pieces[-1][1]))] if pieces else []
    assert day_spans(ZoneInfo(zone), ordinal(day)) == joined


@pytest.mark.parametrize(
    ("zone", "day", "minute", "at"),
    [
        ("UTC", "2027-03-10", 0, "2027-03-10"),
        ("UTC", "2027-03-10", 1440, "2027-03-11"),
        ("Europe/Paris", "2027-03-28", 119, "2027-03-28 00:59"),
        ("Europe/Paris", "2027-03-28", 120, "2027-03-28 01:00"),
        ("Europe/Paris", "2027-03-28", 180, "2027-03-28 01:00"),
        ("Europe/Paris", "2027-03-28", 181, "2027-03-28 01:01"),
        ("Europe/Paris", "2027-10-31", 120, "2027-10-31 00:00"),
        ("Europe/Paris", "2027-10-31", 180, "2027-10-31 02:00"),
        ("Pacific/Apia", "2011-12-30", 0, "2011-12-30 10:00"),
        ("Pacific/Apia", "2011-12-29", 1440, "2011-12-30 10:00"),
    ],
)
def test_the_first_second_at_which_the_clock_shows_it(
    zone: str, day: str, minute: int, at: str
) -> None:
    assert local_instant(ZoneInfo(zone), date.fromisoformat(day), minute) == second(at)


@pytest.mark.parametrize(
    ("start", "end", "first", "count"),
    [
        # No clock is more than sixteen hours off.
        ("1970-01-01 16:00", "1970-01-02 07:59:59", "1970-01-01", 2),
        ("1970-01-01 15:59:59", "1970-01-02 07:59:59", "1969-12-31", 3),
        ("1970-01-01 16:00", "1970-01-02 08:00", "1970-01-01", 3),
    ],
)
def test_no_date_is_looked_at_that_no_clock_can_show(
    start: str, end: str, first: str, count: int
) -> None:
    days = local_days(second(start), second(end))
    assert days == range(ordinal(first), ordinal(first) + count)


@given(st.integers(0, 4 * 10**9), st.integers(1, 10 * DAY_SECONDS))
def test_the_dates_that_any_clock_shows(start: int, length: int) -> None:
    days = local_days(start, start + length)
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Niue"):
        for at in (start, start + length - 1):
            assert datetime.fromtimestamp(at, ZoneInfo(zone)).toordinal() in days
    assert len(days) <= length // DAY_SECONDS + 4, "no more than it must look at"


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("2027-03-15 08:59:59", "2027-03-15 09:00:00", []),
        ("2027-03-15 08:59:59", "2027-03-15 09:00:01", [("09:00:00", "09:00:01")]),
        ("2027-03-15 10:59:59", "2027-03-15 12:00:00", [("10:59:59", "11:00:00")]),
        ("2027-03-15 11:00:00", "2027-03-15 12:00:00", []),
        ("2027-03-15 09:30:00", "2027-03-15 10:00:00", [("09:30:00", "10:00:00")]),
        ("2027-03-15 00:00:00", "2027-03-16 00:00:00", [("09:00:00", "11:00:00")]),
    ],
)
def test_spans_are_cut_to_what_was_asked(
    start: str, end: str, found: list[tuple[str, str]]
) -> None:
    windows = parse_windows("mon 10:00-12:00")
    spans = windows.spans(ZoneInfo("Europe/Paris"), second(start), second(end))
    assert spans == [(second(f"2027-03-15 {a}"), second(f"2027-03-15 {b}")) for a, b in found]


def test_spans_as_lists() -> None:
    assert merge([(5, 7), (0, 2), (2, 3), (6, 9)]) == [(0, 3), (5, 9)]
    assert merge([(0, 9), (1, 2)]) == [(0, 9)]
    assert intersect([(0, 5), (6, 9)], [(1, 2), (4, 7), (9, 10)]) == [(1, 2), (4, 5), (6, 7)]
    assert intersect([(0, 5)], [(5, 9)]) == []
    assert intersect([(0, 5), (5, 6)], [(0, 5), (5, 6)]) == [(0, 5), (5, 6)]
    assert subtract([(0, 10)], [(2, 3), (5, 6)]) == [(0, 2), (3, 5), (6, 10)]
    assert subtract([(0, 10)], [(0, 3), (9, 12)]) == [(3, 9)]
    assert subtract([(0, 10)], [(0, 10)]) == []
    assert subtract([(5, 10)], [(0, 5), (10, 12)]) == [(5, 10)]
    one = interval((0, 60))
    assert (one.start, one.end) == (
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("text", "reason", "remedy"),
    [
        ("", "there is no window", 'write it like "mon-fri 18:00-20:00; sat 10:00-12:00"'),
        ("mon", "“mon” has no time of day", 'write it like "mon-fri 18:00-20:00; sat'),
        ("foo 9:00-10:00", "“foo” is not a day", "write mon to sun"),
        ("mon 9:00", "“9:00” is not a span of time", "write it like"),
        ("mon 9:00-9:00", "“9:00-9:00” is empty", "write it like"),
        ("mon 22:00-02:00", "“22:00-02:00” ends before it starts", "swap the times"),
        ("mon 9,00-10:00", "“9” is not a span of time", "write it like"),
        ("mon 9-10:00", "“9” is not a time", "write hours and minutes: 18:00"),
        ("mon 25:00-26:00", "there is no time 25:00", "times go from 00:00 to 24:00"),
    ],
)
def test_what_is_wrong_and_what_to_write(text: str, reason: str, remedy: str) -> None:
    with pytest.raises(WindowsInvalid) as refused:
        parse_windows(text)
    assert refused.value.reason.startswith(reason)
    assert refused.value.remedy.startswith(remedy)
