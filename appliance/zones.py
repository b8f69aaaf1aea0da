"""Time zones of people: which names are civil time, and what a telephone number tells.

The zone of a person decides at which hour their phone may ring, so it has to be one that a place
keeps: ``EST`` and ``Etc/GMT+5`` are names of offsets, which no place with summer time follows.
Where a contacts file names no zone, the number does, if its country has one clock (tz database,
``zone.tab``); where the country has several, nobody can know and the file has to say it.

Pure but for the zone database, which is read once. ``phonenumbers`` is imported inside the
functions that need it: most commands never ask.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from appliance.numbers import NumberClass, country_code, number_class, plain_parts, plainly
from appliance.windows import known_zone
from firmware.wording import joined, worded

# Areas of the database whose names are places. Etc, SystemV, posix and right are not.
_PLACE = re.compile(
    r"(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific"
    r"|Brazil|Canada|Chile|Mexico|US)/.+"
)
# Names of whole countries, which the database keeps for older systems: each follows a place.
_COUNTRIES = frozenset(
    {"Cuba", "Egypt", "Eire", "GB", "GB-Eire", "Hongkong", "Iceland", "Iran", "Israel", "Jamaica"}
    | {"Japan", "Kwajalein", "Libya", "NZ", "NZ-CHAT", "Navajo", "PRC", "Poland", "Portugal"}
    | {"ROC", "ROK", "Singapore", "Turkey", "W-SU"}
)
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])([0-9]{1,2})(?::?([0-9]{2}))?")
_ZERO = frozenset({"UTC", "UCT", "UT", "GMT", "GMT0", "Z", "ZULU", "UNIVERSAL", "GREENWICH"})
_ABBREVIATION = re.compile(r"([A-Z]{2,5})(?:[0-9]{1,2}[A-Z]{3,4})?")
# Central European and other abbreviations as their own countries write them.
_LOCAL_NAMES = {
    "MEZ": "CET", "MESZ": "CEST", "HNE": "EST", "HAE": "EDT", "HEC": "CET", "HAEC": "CEST",
    "MET": "CET", "MEST": "CEST",
}  # fmt: skip
# What people and Windows call a zone, before "time" or "standard time".
_SPOKEN_NAMES = {
    "EASTERN": "EST", "CENTRAL": "CST", "MOUNTAIN": "MST", "PACIFIC": "PST", "ALASKAN": "AKST",
    "ALASKA": "AKST", "HAWAIIAN": "HST", "HAWAII": "HST", "ATLANTIC": "AST", "ROMANCE": "CET",
    "W. EUROPE": "CET", "CENTRAL EUROPE": "CET", "CENTRAL EUROPEAN": "CET", "INDIA": "IST",
    "BRITISH": "GMT", "UK": "GMT", "GMT": "GMT", "GREENWICH MEAN": "GMT",
}  # fmt: skip
_SPOKEN = re.compile(
    r"(.+?)(?: (?:STANDARD|DAYLIGHT|SUMMER|STD))?(?: TIME)?(?: ?\(.*\))?", re.IGNORECASE
)

_SAMPLED = tuple(datetime(2026, 1, 5, 12, tzinfo=UTC) + timedelta(days=7 * n) for n in range(157))
"""A moment of each week of three years: two zones that agree at all of them are one clock."""

REMEDY = worded("write the place as an IANA zone: Europe/Paris")
LIKENESS = 0.75
"""How alike a misspelt name must be to a zone's to be taken for it (difflib's ratio)."""


@dataclass(frozen=True, slots=True)
class NumberZones:
    """What a number tells about its holder's clock."""

    region: str
    """ISO 3166 code of the numbering region; empty where the number belongs to none."""
    zones: tuple[str, ...]
    """The country's zones in the order of the database; empty where the database knows none."""

    @property
    def single(self) -> str | None:
        """The one zone of a country with one clock, or None where it must be asked for."""
        return _one_clock(self.zones)


@lru_cache(maxsize=1024)
def civil_zone(name: str) -> ZoneInfo | None:
    """Return the zone of that name where it is one that people live by, else None."""
    return known_zone(name) if _PLACE.fullmatch(name) or name in _COUNTRIES else None


def zone_fault(name: str) -> str | None:
    """Say what is wrong with *name* as a person's zone, to stand after the name, or None."""
    if civil_zone(name) is not None:
        return None
    if known_zone(name) is not None:
        return worded("is no civil time: no place keeps it the whole year")
    return worded("is not a time zone")


def suggestions(name: str, region: str = "") -> list[str]:
    """Return the zones that *name* may mean, one for each clock; none where nobody can tell.

    *region* is the ISO 3166 code of the person's number, or of the law profile. An abbreviation
    or an offset is read in that country alone: IST is India, Ireland or Israel.
    """
    wanted = re.sub(r"\s+", "_", name.strip())
    by_text = _by_text()
    direct = by_text.get(wanted.casefold())
    if direct is not None:
        return [direct]
    zones = region_zones().get(region, ())
    spoken = _SPOKEN.fullmatch(wanted.replace("_", " "))
    short_name = _SPOKEN_NAMES.get(spoken[1].upper()) if spoken is not None else None
    bare = short_name or re.sub(r"[\s_]", "", name).upper()
    etc = bare.startswith("ETC/")
    bare = bare.removeprefix("ETC/")
    hour = _OFFSET.fullmatch("+0" if bare in _ZERO else bare)
    if hour is not None:
        minutes = int(hour[2]) * 60 + int(hour[3] or 0)
        # People write GMT+1 for an hour east of Greenwich; in the database's Etc/ it means west.
        east = (hour[1] == "+") is not etc
        return _clocks(_by_offset(timedelta(minutes=minutes if east else -minutes), zones))
    short = _ABBREVIATION.fullmatch(bare)
    if short is not None:
        meant = _LOCAL_NAMES.get(short[1], short[1])
        return _clocks(zone for zone in zones if meant in _abbreviations(zone))
    area = wanted.rstrip("/").casefold()
    if short_name or len(re.sub(r"[^A-Za-z]", "", wanted)) < 5:
        return []
    if any(zone.casefold().startswith(f"{area}/") for zone in by_text.values()):
        # A continent alone: any of its places would be a guess.
        return []
    import difflib

    near = difflib.get_close_matches(wanted.casefold()[:60], by_text, 1, LIKENESS)
    return [by_text[near[0]]] if near else []


def zone_remedy(name: str, region: str = "") -> str:
    """Say what to write instead of *name*."""
    found = suggestions(name, region)
    return worded("did you mean {names}?", names=joined(" or ", found)) if found else REMEDY


def zones_of_number(e164: str) -> NumberZones:
    """Return what *e164* tells: its numbering region and that country's zones."""
    return _zones_of_code(e164[1:4]) or _zones_of_number(e164)


@lru_cache(maxsize=1024)
def _zones_of_code(digits: str) -> NumberZones | None:
    """Return what all numbers that begin with these three digits tell by their country's code; None
    where they differ."""
    import phonenumbers

    code = int(country_code(f"+{digits}"))
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    return _zones_of_region(str(regions[0])) if len(regions) == 1 else None


@lru_cache(maxsize=512)
def _zones_of_region(region: str) -> NumberZones | None:
    """Return what all numbers of a country tell; None where the database knows no zone of it."""
    zones = region_zones().get(region, ())
    return NumberZones(region, zones) if zones else None


# A row of a contacts file asks twice about the same number.
@lru_cache(maxsize=16)
def _zones_of_number(e164: str) -> NumberZones:
    region = _region(e164)
    return _zones_of_region(region) or NumberZones(region, _library_zones(e164))


def contradicted(e164: str, zone: str) -> tuple[str, ...]:
    """Return the zones that *e164* names where none of them has the clock of *zone*.

    Empty where both agree, or where the number tells nothing. It is no proof: people keep a
    number when they move. But a list whose column slipped looks like this too.
    """
    told = zones_of_number(e164)
    if told.zones and not _has_clock(told.zones, zone):
        return told.zones
    finer = () if told.single else _library_zones(e164)
    return finer if finer and not _has_clock(finer, zone) else ()


@lru_cache(maxsize=1024)
def _one_clock(zones: tuple[str, ...]) -> str | None:
    """Return the first of *zones* where all of them have its clock, else None."""
    if not zones or any(not same_clock(zones[0], other) for other in zones[1:]):
        return None
    return zones[0]


@lru_cache(maxsize=4096)
def _has_clock(zones: tuple[str, ...], zone: str) -> bool:
    """Tell whether one of *zones* has the clock of *zone*."""
    return zone in zones or any(same_clock(zone, other) for other in zones)


@lru_cache(maxsize=8192)
def same_clock(one: str, other: str) -> bool:
    """Tell whether the clocks of two zones show the same the whole year round."""
    if one == other:
        return True
    first, second = known_zone(one), known_zone(other)
    if first is None or second is None:
        return False
    return all(
        at.astimezone(first).utcoffset() == at.astimezone(second).utcoffset() for at in _SAMPLED
    )


# --- the number -------------------------------------------------------------------------------


def _region(e164: str) -> str:
    if e164[1] == "1":
        if e164[2:5] in _AREAS:
            return _AREAS[e164[2:5]]
        if number_class(e164) is NumberClass.FICTION:
            # No plan tells the hundred numbers of fiction behind one area code apart.
            return _region_of_fiction(e164[:-2])
    return _region_by_library(e164)


@lru_cache(maxsize=1024)
def _region_of_fiction(begin: str) -> str:
    return _region_by_library(f"{begin}00")


def _region_by_library(e164: str) -> str:
    import phonenumbers

    code = int(country_code(e164))
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    if len(regions) == 1:
        return "" if regions[0] == "001" else str(regions[0])
    area = e164[2:5] if code == 1 else ""
    try:
        number = plainly(e164) or phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return ""
    region: str | None = phonenumbers.region_code_for_number(number)
    if region is not None and area:
        _AREAS[area] = region
    # Fiction ranges are not valid numbers everywhere; they belong to the code's main country.
    return region or (str(regions[0]) if regions else "")


LONGEST_PREFIX = 9
"""Digits, the country's code among them, of which the library looks for zones; a test knows when it
looks at more."""

_AREAS: dict[str, str] = {}
"""The countries of North America's area codes as they were met: each code belongs to one, and the
library tries all twenty-five for every number."""


def _library_zones(e164: str) -> tuple[str, ...]:
    """Return the zones of the number's prefix, as finely as the number library knows them."""
    # In North America every person's number is of a place, so its kind need not be found out.
    if e164[1] == "1" and plain_parts(e164) is not None:
        return _american_zones(e164[1 : 1 + LONGEST_PREFIX])
    return _zones_by_library(e164)


@lru_cache(maxsize=1024)
def _american_zones(prefix: str) -> tuple[str, ...]:
    """Return the zones of all North American numbers that begin with these digits."""
    from phonenumbers import PhoneNumber, timezone

    number = PhoneNumber(country_code=1, national_number=int(prefix[1:]))
    return _civil(timezone.time_zones_for_geographical_number(number))


@lru_cache(maxsize=16)
def _zones_by_library(e164: str) -> tuple[str, ...]:
    import phonenumbers
    from phonenumbers import timezone

    try:
        number = plainly(e164) or phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return ()
    told = (
        timezone.time_zones_for_geographical_number(number)
        if number.country_code == 1
        else timezone.time_zones_for_number(number)
    )
    return _civil(told)


def _civil(zones: Iterable[str]) -> tuple[str, ...]:
    return tuple(zone for zone in zones if civil_zone(zone) is not None)


# --- the database -----------------------------------------------------------------------------


@lru_cache(maxsize=1)
def region_zones() -> Mapping[str, tuple[str, ...]]:
    """Return each country's zones in the order of ``zone.tab`` (mostly by population)."""
    found: dict[str, list[str]] = {}
    for line in _table("zone.tab").splitlines():
        cells = line.split("\t")
        if line.startswith("#") or len(cells) < 3 or civil_zone(cells[2]) is None:
            continue
        # Nobody has a telephone number at the stations that the table counts with a country.
        if cells[0] == "AQ" or not cells[2].startswith("Antarctica/"):
            found.setdefault(cells[0], []).append(cells[2])
    return {region: tuple(zones) for region, zones in found.items()}


def _table(name: str) -> str:
    for directory in zoneinfo.TZPATH:
        with suppress(OSError, UnicodeDecodeError):
            return (Path(directory) / name).read_text(encoding="utf-8")
    from importlib import resources

    return (resources.files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _by_text() -> Mapping[str, str]:
    """Return each civil zone by its name without case, and by its city where that is unique."""
    listed = [zone for zones in region_zones().values() for zone in zones]
    names = dict.fromkeys([*listed, *sorted(zoneinfo.available_timezones())])
    found = {name.casefold(): name for name in names if civil_zone(name) is not None}
    cities: dict[str, set[str]] = {}
    for name in listed:
        cities.setdefault(name.rpartition("/")[2].casefold(), set()).add(name)
    for city, places in cities.items():
        if len(places) == 1:
            found.setdefault(city, next(iter(places)))
    return found


def _by_offset(wanted: timedelta, zones: Iterable[str]) -> list[str]:
    """Return the zones whose winter has that offset, or else those whose summer has."""
    listed = list(zones)
    winter = [zone for zone in listed if min(_offsets(zone), default=None) == wanted]
    return winter or [zone for zone in listed if wanted in _offsets(zone)]


def _clocks(zones: Iterable[str]) -> list[str]:
    """Return the first zone of each clock among *zones*."""
    found: list[str] = []
    for zone in zones:
        if not any(same_clock(zone, other) for other in found):
            found.append(zone)
    return found


@lru_cache(maxsize=512)
def _offsets(zone: str) -> frozenset[timedelta]:
    found = known_zone(zone)
    if found is None:
        return frozenset()
    return frozenset(at.astimezone(found).utcoffset() or timedelta() for at in _SAMPLED[:52])


@lru_cache(maxsize=512)
def _abbreviations(zone: str) -> frozenset[str]:
    found = known_zone(zone)
    if found is None:
        return frozenset()
    # Somebody who writes CET all year means the same place as who writes CEST in summer.
    return frozenset(at.astimezone(found).tzname() or "" for at in _SAMPLED[:52])
