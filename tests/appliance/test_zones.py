"""Which names are civil time, what a wrong one means, and what a number tells."""

from __future__ import annotations

import zoneinfo
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_LONGEST_PREFIX

from appliance import zones
from appliance.numbers import NumberClass, number_class
from appliance.windows import known_zone
from appliance.zones import (
    REMEDY,
    civil_zone,
    contradicted,
    same_clock,
    suggestions,
    zone_fault,
    zone_remedy,
    zones_of_number,
)


@pytest.mark.parametrize(
    "name",
    "EST MST HST GMT GMT0 GMT+0 GMT-0 UTC UCT Universal Zulu Greenwich Etc/GMT-5 Etc/GMT+12 "
    "Etc/UTC Etc/Greenwich CET EET MET WET EST5EDT CST6CDT MST7MDT PST8PDT Factory "
    "localtime".split(),
)
def test_names_of_offsets_are_no_civil_time(name: str) -> None:
    assert civil_zone(name) is None
    assert zone_fault(name) is not None


@pytest.mark.parametrize(
    "name",
    "Europe/Paris America/Argentina/Buenos_Aires Antarctica/Troll US/Eastern Japan GB "
    "Arctic/Longyearbyen Brazil/East Pacific/Marquesas".split(),
)
def test_names_of_places_are(name: str) -> None:
    assert civil_zone(name) == ZoneInfo(name)
    assert zone_fault(name) is None


def test_every_zone_of_the_database_is_a_place_or_an_offset() -> None:
    offsets = {name for name in zoneinfo.available_timezones() if civil_zone(name) is None}
    assert all("/" not in name or name.startswith("Etc/") for name in offsets)
    assert len(offsets) > 40


@pytest.mark.parametrize(
    ("name", "region", "expected"),
    [
        ("UTC+1", "FR", ["Europe/Paris"]),
        ("utc + 1", "FR", ["Europe/Paris"]),
        ("GMT+1", "FR", ["Europe/Paris"]),
        ("+01:00", "FR", ["Europe/Paris"]),
        ("UTC+02:00", "FR", ["Europe/Paris"]),
        ("UTC+1", "", []),
        ("UTC+1", "US", []),
        ("CEST", "FR", ["Europe/Paris"]),
        ("CET", "FR", ["Europe/Paris"]),
        ("MESZ", "DE", ["Europe/Berlin"]),
        ("CEST", "US", []),
        # What people and Windows say.
        ("Eastern", "US", ["America/New_York"]),
        ("Eastern Standard Time", "US", ["America/New_York"]),
        ("eastern time", "FR", []),
        ("Pacific Time", "US", ["America/Los_Angeles"]),
        ("Romance Standard Time", "FR", ["Europe/Paris"]),
        ("W. Europe Standard Time", "DE", ["Europe/Berlin"]),
        ("GMT Standard Time", "GB", ["Europe/London"]),
        ("MET", "FR", ["Europe/Paris"]),
        ("HAEC", "FR", ["Europe/Paris"]),
        # A continent alone.
        ("Pacific/", "FR", []),
        ("Australia", "AU", []),
        ("America", "US", []),
        ("EST", "US", ["America/New_York"]),
        ("EDT", "US", ["America/New_York"]),
        ("EST5EDT", "US", ["America/New_York"]),
        ("PST8PDT", "US", ["America/Los_Angeles"]),
        ("EDT", "FR", []),
        # Two clocks of one country have the abbreviation.
        ("MST", "US", ["America/Denver", "America/Phoenix"]),
        ("BST", "GB", ["Europe/London"]),
        ("BST", "FR", []),
        ("BST", "", []),
        ("IST", "IN", ["Asia/Kolkata"]),
        ("IST", "IE", ["Europe/Dublin"]),
        ("IST", "IL", ["Asia/Jerusalem"]),
        ("IST", "FR", []),
        ("GMT", "GB", ["Europe/London"]),
        ("GMT", "FR", []),
        ("UTC", "FR", []),
        ("Zulu", "FR", []),
        ("Etc/GMT-1", "FR", ["Europe/Paris"]),
        ("Etc/GMT+5", "US", ["America/New_York"]),
        # In the database's names the sign is the other way round.
        ("Etc/GMT-5", "US", []),
        ("Europe/Pariss", "", ["Europe/Paris"]),
        ("europe/paris", "", ["Europe/Paris"]),
        ("America/New York", "", ["America/New_York"]),
        ("Paris", "", ["Europe/Paris"]),
        ("Mars/Olympus", "", []),
        ("Europe", "FR", []),
        ("../../etc/passwd", "FR", []),
        ("", "FR", []),
    ],
)
def test_suggestions_lead_to_a_place_or_to_none(
    name: str, region: str, expected: list[str]
) -> None:
    assert suggestions(name, region) == expected
    remedy = zone_remedy(name, region)
    assert remedy == (f"did you mean {' or '.join(expected)}?" if expected else REMEDY)


@given(st.text(max_size=80), st.sampled_from(["", "FR", "US", "GB", "XX"]))
def test_whatever_is_written_only_places_are_suggested(name: str, region: str) -> None:
    assert all(civil_zone(zone) is not None for zone in suggestions(name, region))


@pytest.mark.parametrize(
    ("number", "region", "single"),
    [
        ("+33639980012", "FR", "Europe/Paris"),
        ("+33199001234", "FR", "Europe/Paris"),
        ("+447700900123", "GB", "Europe/London"),
        ("+442079460123", "GB", "Europe/London"),
        ("+12125550124", "US", None),
        ("+14165550100", "CA", None),
        ("+18765550100", "JM", "America/Jamaica"),
        ("+999123456", "", None),
    ],
)
def test_a_number_tells_the_zone_of_a_country_with_one_clock(
    number: str, region: str, single: str | None
) -> None:
    told = zones_of_number(number)
    assert (told.region, told.single) == (region, single)


@pytest.mark.parametrize("country", ["689", "34", "351", "61", "55", "7", "52"])
def test_countries_with_several_clocks_name_none(country: str) -> None:
    import phonenumbers

    region = phonenumbers.region_code_for_country_code(int(country))
    example = phonenumbers.example_number(region)
    assert example is not None
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert zones_of_number(e164).single is None


def test_clocks_are_compared_the_whole_year_round() -> None:
    assert same_clock("Europe/Paris", "Europe/Berlin")
    assert not same_clock("Europe/Paris", "Africa/Lagos")
    assert not same_clock("America/Denver", "America/Phoenix")
    assert same_clock("Europe/Atlantis", "Europe/Atlantis")
    assert not same_clock("Europe/Atlantis", "Europe/Paris")
    assert not contradicted("+33639980012", "Europe/Madrid")
    assert known_zone("EST") is not None, "the database has it, which is why it must be refused"


@given(st.integers(200, 999), st.integers(2_000_000, 9_999_999))
def test_an_area_code_of_north_america_tells_the_country_as_the_library_does(
    area: int, rest: int
) -> None:
    e164 = f"+1{area}{rest}"
    number = phonenumbers.parse(e164, None)
    region = phonenumbers.region_code_for_number(number)
    if region is not None:
        assert zones_of_number(e164).region == region


@pytest.mark.parametrize("number", ["+12465550175", "+12465092145", "+12469460520"])
def test_a_mobile_of_barbados_is_of_barbados(number: str) -> None:
    """The library names all clocks of the continent for some kinds of number there."""
    assert contradicted(number, "America/Anchorage")
    assert contradicted(number, "America/Barbados") == ()


def zones_of(number: phonenumbers.PhoneNumber) -> tuple[str, ...]:
    told = timezone.time_zones_for_geographical_number(number)
    return tuple(zone for zone in told if civil_zone(zone) is not None)


@given(st.integers(200, 999), st.integers(0, 9_999_999))
def test_the_zones_of_a_north_american_number_are_those_of_its_first_digits(
    area: int, rest: int
) -> None:
    e164 = f"+1{area}{rest:07d}"
    assert zones._library_zones(e164) == zones_of(phonenumbers.parse(e164, None))


def test_the_library_looks_at_no_more_digits_than_are_asked_about() -> None:
    assert TIMEZONE_LONGEST_PREFIX <= zones.LONGEST_PREFIX


@pytest.mark.parametrize("hundreds", range(2, 10))
def test_one_number_of_fiction_tells_the_country_of_its_area_code(hundreds: int) -> None:
    for area in range(hundreds * 100, hundreds * 100 + 100):
        for last in (0, 37, 50, 99):
            e164 = f"+1{area}55501{last:02d}"
            if number_class(e164) is NumberClass.FICTION:
                asked = phonenumbers.region_code_for_number(phonenumbers.parse(e164, None))
                assert zones._region(e164) == (asked or "US"), e164
