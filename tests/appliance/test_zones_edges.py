"""Zones at their edges: how near a name must be, how many are told, and what a number tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import phonenumbers
import pytest

from appliance import zones
from appliance.zones import (
    NumberZones,
    contradicted,
    region_zones,
    same_clock,
    suggestions,
    zone_fault,
    zones_of_number,
)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Europe/Paris", None),
        ("EST", "is no civil time: no place keeps it the whole year"),
        ("Etc/GMT+5", "is no civil time: no place keeps it the whole year"),
        ("Europe/Pariss", "is not a time zone"),
        ("Europe", "is not a time zone"),
    ],
)
def test_what_is_wrong_with_a_name(name: str, fault: str | None) -> None:
    assert zone_fault(name) == fault


@pytest.mark.parametrize(
    ("name", "region", "expected"),
    [
        # Offsets: the sign, minutes, and the winter before the summer.
        ("UTC+5:30", "IN", ["Asia/Kolkata"]),
        ("+0530", "IN", ["Asia/Kolkata"]),
        ("UTC-5:30", "IN", []),
        ("+5", "IN", []),
        ("UTC-3:30", "CA", ["America/St_Johns"]),
        ("UTC+0", "GB", ["Europe/London"]),
        ("UTC+1", "GB", ["Europe/London"]),
        ("GMT", "PT", ["Atlantic/Azores", "Europe/Lisbon"][1:]),
        ("UTC-5", "US", ["America/New_York"]),
        ("UTC-7", "US", ["America/Denver", "America/Phoenix"]),
        ("Etc/GMT+7", "US", ["America/Denver", "America/Phoenix"]),
        # Abbreviations of the winter and of the summer.
        ("CDT", "US", ["America/Chicago"]),
        ("CST6CDT", "US", ["America/Chicago"]),
        ("WET", "PT", ["Europe/Lisbon"]),
        ("WEST", "PT", ["Europe/Lisbon"]),
        # Spoken.
        ("India Standard Time", "IN", ["Asia/Kolkata"]),
        ("UK time", "GB", ["Europe/London"]),
        ("Mountain Time (US & Canada)", "US", ["America/Denver", "America/Phoenix"]),
        ("central europe standard time", "CZ", ["Europe/Prague"]),
        # A misspelling, near and too far.
        ("Europe/Parsi", "", ["Europe/Paris"]),
        ("Amercia/New_York", "", ["America/New_York"]),
        ("Berlin ", "", ["Europe/Berlin"]),
        ("europe/berlin", "", ["Europe/Berlin"]),
        ("Berlim", "", ["Europe/Berlin"]),
        ("Brln", "", []),
        ("Berl-n", "", ["Europe/Berlin"]),  # five letters, and no abbreviation
        ("Lim-a", "", []),
        ("Xxxxx", "", []),
        ("Asia/", "", []),
        ("Asia", "", []),
    ],
)
def test_what_a_wrong_name_may_mean(name: str, region: str, expected: list[str]) -> None:
    assert suggestions(name, region) == expected


def test_no_suggestion_names_more_than_three_clocks() -> None:
    for region in region_zones():
        for hour in range(-12, 15):
            found = suggestions(f"UTC{hour:+d}", region)
            assert len(found) <= 3
            assert not any(same_clock(a, b) for n, a in enumerate(found) for b in found[n + 1 :]), (
                "each another clock"
            )


@pytest.mark.parametrize(
    ("zones", "single"),
    [
        ((), None),
        (("Europe/Paris",), "Europe/Paris"),
        (("Europe/Paris", "Europe/Berlin"), "Europe/Paris"),
        (("Europe/Paris", "Europe/London"), None),
        (("Europe/Paris", "Europe/Berlin", "Europe/London"), None),
    ],
)
def test_the_one_clock_of_a_country(zones: tuple[str, ...], single: str | None) -> None:
    assert NumberZones("XX", zones).single == single


@pytest.mark.parametrize(
    ("number", "region", "one"),
    [
        ("+33639980012", "FR", "Europe/Paris"),
        ("+12125550124", "US", "America/New_York"),
        ("+14165550100", "CA", "America/Toronto"),
        ("+61491570006", "AU", "Australia/Sydney"),
        ("+447700900123", "GB", "Europe/London"),
        ("+999123456", "", None),
    ],
)
def test_a_number_tells_region_and_zones(number: str, region: str, one: str | None) -> None:
    told = zones_of_number(number)
    assert told.region == region
    assert one in told.zones if one is not None else told.zones == ()


@pytest.mark.parametrize(
    ("number", "zone", "against"),
    [
        ("+33639980012", "Europe/Paris", False),
        ("+33639980012", "Europe/Berlin", False),  # the same clock
        ("+33639980012", "Europe/London", True),
        ("+33639980012", "America/New_York", True),
        ("+12125550124", "America/New_York", False),
        ("+12125550124", "Europe/Paris", True),
        ("+12125550124", "America/Los_Angeles", True),  # an area code tells the coast
        ("+999123456", "Europe/Paris", False),  # it tells nothing
    ],
)
def test_a_zone_that_a_number_speaks_against(number: str, zone: str, against: bool) -> None:
    assert bool(contradicted(number, zone)) is against


def test_the_table_of_countries() -> None:
    table = region_zones()
    assert table["FR"] == ("Europe/Paris",)
    assert table["GB"] == ("Europe/London",)
    assert table["US"][0] == "America/New_York"
    assert table["ES"] == ("Europe/Madrid", "Africa/Ceuta", "Atlantic/Canary")
    assert "Antarctica/McMurdo" in table["AQ"]
    stations = {
        region for region, zones in table.items() if any(z.startswith("Antarctica/") for z in zones)
    }
    assert stations == {"AQ"}, "nobody has a telephone number there"
    assert len(table) > 240


def test_clocks_that_differ_in_winter_or_summer_alone() -> None:
    assert not same_clock("Europe/London", "Africa/Abidjan")
    assert not same_clock("Europe/Paris", "Africa/Tunis")
    assert same_clock("America/New_York", "America/Toronto")
    assert not same_clock("Nowhere/At_All", "Nowhere/Else")
    for known in ("Africa/Abidjan", "Europe/Paris", "Asia/Tokyo"):
        assert not same_clock("Nowhere/At_All", known)
        assert not same_clock(known, "Nowhere/At_All")


def test_clocks_are_compared_in_each_week_of_three_years() -> None:
    seen = zones._SAMPLED
    assert seen[0] == datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert {later - one for one, later in pairwise(seen)} == {timedelta(days=7)}
    assert seen[-1] - seen[0] == timedelta(weeks=156)


def example(region: str, kind: int = phonenumbers.PhoneNumberType.FIXED_LINE) -> str:
    number = phonenumbers.example_number_for_type(region, kind)
    assert number is not None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def test_countries_that_share_a_code_are_told_apart_whoever_was_asked_about_before() -> None:
    mobile = phonenumbers.PhoneNumberType.MOBILE
    asked = [("FI", "FI"), ("AX", "AX"), ("GB", "GB"), ("GG", "GG"), ("JE", "JE"), ("NO", "NO")]
    for region, told in [*asked, *reversed(asked)]:
        assert zones_of_number(example(region)).region == told
    # The same digits behind the code's first as a number of Great Britain.
    assert zones_of_number("+447700900123").region == "GB"
    assert zones_of_number(example("JE", mobile)).region == "JE"
    assert zones_of_number(example("FI")).zones == ("Europe/Helsinki",)
    assert zones_of_number(example("AX")).zones == ("Europe/Mariehamn",)


def test_area_codes_that_end_alike_are_of_their_own_countries() -> None:
    for number, region in (
        ("+14165550100", "CA"),
        ("+13165550100", "US"),
        ("+14165550101", "CA"),
        # No area has this code: the code's main country.
        ("+12005550100", "US"),
        ("+12005550101", "US"),
    ):
        assert zones_of_number(number).region == region


def test_a_number_of_no_country_is_of_no_region() -> None:
    number = phonenumbers.example_number_for_non_geo_entity(800)
    assert number is not None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert zones_of_number(e164) == NumberZones("", ())


@pytest.mark.parametrize("offset", ["UTC+2", "UTC+02", "UTC+0200", "UTC+02:00", "+2"])
def test_an_offset_however_it_is_written(offset: str) -> None:
    assert suggestions(offset, "FI") == ["Europe/Helsinki"]
    assert suggestions(offset.replace("+", "-"), "FI") == []
