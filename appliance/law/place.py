"""Where a person is, as far as calling rules ask: their clock, and the territories they live in.

A contacts file names a zone, and every number has a prefix. Both point to territories of the law
profile: ``+596`` and ``America/Martinique`` to Martinique, ``+33 3 88`` to Alsace. Where they
disagree the person counts as living in both, which only narrows. The territory that the
configuration names is the box's guess for everybody of whom zone and number tell nothing more
than the whole country, such as holders of French mobile numbers; it never stands for anybody
else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from appliance.law.rules import Profile, Territory


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person is. People of one place share all rules of time."""

    zone: ZoneInfo
    territories: frozenset[str] = frozenset()
    """Names of territories of the profile; empty for the main part and for abroad."""


class Places:
    """Finds the place of a person by prefix and zone; quick enough for 100,000 at each start."""

    def __init__(self, profile: Profile, default: str = "") -> None:
        """*default* is the configured territory; raises :class:`KeyError` for an unknown one."""
        guess = profile.territory(default)
        together: dict[str, list[Territory]] = {}
        for territory in profile.territories.values():
            together.setdefault(territory.jurisdiction, []).append(territory)
        self._jurisdictions = [_Jurisdiction(name, own, guess) for name, own in together.items()]
        self._prefixes = {prefix for one in self._jurisdictions for prefix in one.by_prefix}
        self._lengths = sorted({len(prefix) for prefix in self._prefixes}, reverse=True)
        self._known: dict[tuple[str, ZoneInfo, str], Place] = {}

    def of(self, number: str, zone: ZoneInfo, territory: str = "") -> Place:
        """Return the place of a person; *number* is E.164, or empty where it is not known.

        *territory* is the one that the person's own data names, which decides alone.
        """
        prefix = self._prefix(number)
        key = (prefix, zone, territory)
        found = self._known.get(key)
        if found is None:
            told: set[str] = set()
            for one in self._jurisdictions:
                told |= one.territories(prefix, zone.key, territory)
            found = self._known[key] = Place(zone, frozenset(told))
        return found

    def _prefix(self, number: str) -> str:
        for length in self._lengths:
            if number[:length] in self._prefixes:
                return number[:length]
        return ""


class _Jurisdiction:
    """The territories of one profile: an intersection of several asks each of its own."""

    def __init__(self, name: str, territories: list[Territory], guess: Territory) -> None:
        self._whole = self._main = ""
        self._guess = guess if guess.jurisdiction == name else None
        self.by_prefix: dict[str, set[str]] = {}
        self._by_zone: dict[str, set[str]] = {}
        self._areas: dict[str, str] = {}
        self._names = {territory.name for territory in territories}
        for territory in territories:
            if territory.name == name:
                self._whole, self._main = name, territory.zone
                for prefix in territory.geographic:
                    self.by_prefix.setdefault(prefix, set())
                continue
            for zone in territory.zones if territory.own_clock else ():
                self._by_zone.setdefault(zone, set()).add(territory.name)
            for prefix in territory.numbers:
                self.by_prefix.setdefault(prefix, set()).add(territory.name)
            for area in territory.areas:
                self._areas[area] = territory.name

    def territories(self, prefix: str, zone: str, named: str) -> set[str]:
        told = {named} & self._names if named else self._told(prefix, zone)
        if self._whole and zone == self._main:
            told.add(self._whole)
        return told - {""}

    def _told(self, prefix: str, zone: str) -> set[str]:
        zoned = self._by_zone.get(zone, set())
        located = next((p for p in _shorter(prefix) if p in self.by_prefix), None)
        numbered = set() if located is None else self.by_prefix[located]
        told = (zoned & numbered) or (zoned | numbered)
        if told:
            return set(told)
        area = self._areas.get(zone.partition("/")[0])
        if area is not None:
            return {area}
        if self._guess is not None and located is None and zone in self._guess.zones:
            return {self._guess.name}
        return set()


def _shorter(prefix: str) -> Iterator[str]:
    for length in range(len(prefix), 1, -1):
        yield prefix[:length]


def polling_zones(territory: Territory, zone: str) -> tuple[str, ...]:
    """Return the clocks by which somebody with *zone* votes in *territory*."""
    if zone in territory.zones or zone.partition("/")[0] in territory.areas:
        return (zone,)
    return territory.zones
