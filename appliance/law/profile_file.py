"""Reading a law profile from YAML, with every fault named as ``FILE:LINE:COLUMN``.

Long because each key stands here with what to write where it is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from appliance.law.profile_values import Values
from appliance.law.rules import (
    BallotRule,
    CallerRule,
    CapRule,
    Category,
    Confidence,
    Duty,
    EnforcedRule,
    HolidayRule,
    HoursRule,
    NumberRange,
    Profile,
    RestRule,
    Rule,
    Territory,
)
from appliance.model import Outcome
from appliance.windows import Windows, WindowsInvalid, parse_windows
from firmware.wording import worded
from firmware.yaml_document import Document, DocumentFaulty, Path_, parse_document

_HERE = Path(__file__).parent
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,31}")
_DATED = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")

_TOP = frozenset(
    {"name", "version", "title", "region", "zone", "holidays", "geographic", "territories"}
    | {"includes", "rules"}
)
_TERRITORY = frozenset(
    {"title", "zone", "zones", "region", "holidays", "numbers", "areas", "votes"}
)
_COMMON = frozenset({"id", "kind", "text", "source", "date", "confidence"})
_KINDS: dict[str, frozenset[str]] = {
    "hours": frozenset({"hours"}),
    "holidays": frozenset(),
    "ballot-silence": frozenset({"until"}),
    "cap": frozenset({"attempts", "days"}),
    "rest": frozenset({"after", "hours", "days"}),
    "caller": frozenset({"allowed", "barred"}),
    "duty": frozenset({"bearer"}),
}


def profile_names() -> list[str]:
    """Return the names of the profiles that come with the box."""
    return sorted(path.stem for path in _HERE.glob("*.yaml"))


@lru_cache(maxsize=16)
def load_profile(name: str) -> Profile:
    """Return a profile that comes with the box; parsed once, since it never changes.

    Raises :class:`KeyError` for a name that is not one of :func:`profile_names`, and
    :class:`~firmware.yaml_document.DocumentFaulty` where the file is damaged.
    """
    if name not in profile_names():
        raise KeyError(name)
    file = _HERE / f"{name}.yaml"
    return read_profile(file.read_text(encoding="utf-8"), str(file), thorough=False)


def read_profile(
    text: str,
    file: str,
    *,
    include: Callable[[str], Profile] = load_profile,
    thorough: bool = True,
) -> Profile:
    """Read a profile; raises :class:`~firmware.yaml_document.DocumentFaulty` with all faults.

    *thorough* also asks the number and holiday libraries whether they know the regions and
    subdivisions named; the box's own profiles skip that at every start, because importing both
    libraries costs more than the rest of it.

    A profile that ``includes`` others is their intersection: it holds every rule of each, under
    its own name, and each of their territories.
    """
    reader = _Reader(parse_document(text, file), include, thorough)
    profile = reader.profile()
    if reader.faults:
        raise DocumentFaulty(file, reader.faults)
    return profile


class _Reader(Values):
    """Walks the document once; after a fault it goes on with a harmless stand-in."""

    def __init__(
        self, document: Document, include: Callable[[str], Profile], thorough: bool
    ) -> None:
        super().__init__(document)
        self.include = include
        self.thorough = thorough

    # --- the profile -------------------------------------------------------------------------

    def profile(self) -> Profile:
        name = self.text(("name",), worded("write a short lower-case name"), _NAME) or "unnamed"
        if not self.keys((), _TOP):
            return Profile(
                name=name, version="", title="", territories={}, enforced=(), duties=(), advice=()
            )
        version = self.text(("version",), worded('write year and month, such as "2026-11"'), _DATED)
        title = worded(self.text(("title",), worded("write the jurisdiction's name")))
        territories = self.territories(title)
        rules = self.rules(name, territories)
        for included in self.included():
            rules += included.rules()
            for key, territory in included.territories.items():
                name_here = key or included.name
                own = replace(territory, name=name_here, jurisdiction=included.name)
                territories.setdefault(name_here, own)
        seen: set[str] = set()
        for rule in rules:
            if rule.name in seen:
                self.fault(
                    ("rules",),
                    worded("the id of {rule} is given twice; make it unique", rule=rule.name),
                )
            seen.add(rule.name)
        certain = [r for r in rules if r.confidence is not Confidence.LOW]
        return Profile(
            name=name,
            version=version,
            title=title,
            territories=territories,
            enforced=tuple(r for r in certain if isinstance(r, EnforcedRule)),
            duties=tuple(r for r in certain if isinstance(r, Duty)),
            advice=tuple(r for r in rules if r.confidence is Confidence.LOW),
        )

    def included(self) -> Iterator[Profile]:
        if self.value(("includes",)) is None:
            return
        for path, name in self.members(("includes",), worded("write the names of profiles")):
            try:
                yield self.include(str(name))
            except KeyError:
                self.fault(
                    path,
                    worded(
                        "there is no profile “{name}”; write one that comes with the box", name=name
                    ),
                )

    def territories(self, title: str) -> dict[str, Territory]:
        region = self.value(("region",))
        found = {
            "": Territory(
                name="",
                title=title,
                zones=(self.zone(("zone",)),),
                region="" if region is None else self.region(("region",)),
                geographic=self.prefixes(("geographic",)),
            )
        }
        value = self.value(("territories",))
        if value is None or not self.keys(("territories",), value or ()):
            return found
        for name in value:
            path: Path_ = ("territories", name)
            if not _NAME.fullmatch(name):
                self.fault(
                    path, worded("is not a name; write lower-case letters, digits and dashes")
                )
            if self.keys(path, _TERRITORY):
                found[name] = self.territory(name, path, found[""])
        return found

    def territory(self, name: str, path: Path_, main: Territory) -> Territory:
        zones = self.zones(path) or main.zones
        has_region = self.value((*path, "region")) is not None
        votes = self.value((*path, "votes"))
        if votes not in (None, "eve"):
            self.fault(
                (*path, "votes"), worded("write eve where it votes a day early, or leave it out")
            )
        return Territory(
            name=name,
            title=worded(self.text((*path, "title"), worded("write the territory's name"))),
            zones=zones,
            region=self.region((*path, "region")) if has_region else main.region,
            holidays=self.subdivisions((*path, "holidays")),
            numbers=self.prefixes((*path, "numbers")),
            areas=self.names(
                (*path, "areas"), worded("write areas of the zone database, as America")
            ),
            votes_on_eve=votes == "eve",
            own_clock=zones[0] != main.zone,
        )

    def region(self, path: Path_) -> str:
        region = self.text(path, worded("write a numbering region, such as FR"))
        if not self.thorough:
            return region
        from phonenumbers import SUPPORTED_REGIONS

        if region not in SUPPORTED_REGIONS:
            self.fault(
                path,
                worded(
                    "“{region}” has no numbering plan; write a region such as FR",
                    region=region[:10],
                ),
            )
        return region

    def subdivisions(self, path: Path_) -> tuple[str, ...]:
        if self.value(path) is None:
            return ()
        country = self.text(
            ("holidays",), worded("write the country of the holiday calendar, such as FR")
        )
        known = _subdivisions(country) if self.thorough else frozenset()
        names: list[str] = []
        for place, _ in self.members(path, worded("write subdivisions of the holiday calendar")):
            name = self.text(place, worded("write a subdivision of the holiday calendar"))
            if self.thorough and name not in known:
                self.fault(
                    place,
                    worded(
                        "“{name}” is not a subdivision of calendar {country}",
                        name=name[:20],
                        country=country,
                    ),
                )
            names.append(name)
        return tuple(names)

    # --- rules -------------------------------------------------------------------------------

    def rules(self, profile: str, territories: dict[str, Territory]) -> list[Rule]:
        if self.value(("rules",)) is None and self.value(("includes",)) is not None:
            return []
        found: list[Rule] = []
        for path, item in self.members(("rules",), worded("write a list of rules")):
            if not isinstance(item, dict):
                self.fault(path, worded("is not a mapping; write key: value"))
                continue
            kind = self.text(
                (*path, "kind"), worded("write one of {names}", names=", ".join(sorted(_KINDS)))
            )
            if kind not in _KINDS:
                self.fault(
                    (*path, "kind"),
                    worded("is not one of {names}", names=", ".join(sorted(_KINDS))),
                )
                continue
            self.keys(path, _COMMON | _KINDS[kind])
            found.append(self.rule(kind, path, profile, territories))
        return found

    def rule(self, kind: str, path: Path_, profile: str, territories: dict[str, Territory]) -> Rule:
        name = self.text((*path, "id"), worded("write a unique id"), _ID)
        common: dict[str, Any] = {
            "name": f"{profile}.{name}",
            "text": worded(self.text((*path, "text"), worded("write the rule in one sentence"))),
            "source": worded(self.text((*path, "source"), worded("write where the rule stands"))),
            "dated": self.text(
                (*path, "date"), worded('write "2026", "2026-11" or "2026-11-24"'), _DATED
            ),
            "confidence": self.confidence((*path, "confidence")),
        }
        match kind:
            case "hours":
                return HoursRule(**common, hours=self.hours((*path, "hours")))
            case "holidays":
                return self.holidays(common, territories)
            case "ballot-silence":
                return self.ballots(common, path, territories)
            case "cap":
                return CapRule(
                    **common,
                    attempts=self.count((*path, "attempts"), worded("write how many attempts")),
                    days=self.count((*path, "days"), worded("write in how many days")),
                )
            case "rest":
                return self.rest(common, path)
            case "caller":
                return CallerRule(
                    **common,
                    allowed=self.ranges((*path, "allowed")),
                    barred=self.ranges((*path, "barred")),
                )
            case _:
                bearer = self.text((*path, "bearer"), worded("write box or operator"))
                if bearer not in ("box", "operator"):
                    self.fault((*path, "bearer"), worded("write box or operator"))
                return Duty(**common, bearer=bearer)

    def holidays(self, common: dict[str, Any], territories: dict[str, Territory]) -> HolidayRule:
        country = self.text(
            ("holidays",), worded("write the country of the holiday calendar, such as FR")
        )
        if self.thorough and not _subdivisions(country):
            self.fault(("holidays",), worded("has no holiday calendar; write a country such as FR"))
        listed = [t for t in territories.values() if t.holidays]
        return HolidayRule(
            **common,
            country=country,
            subdivisions=tuple((t.name, t.holidays) for t in listed),
        )

    def ballots(
        self, common: dict[str, Any], path: Path_, territories: dict[str, Territory]
    ) -> BallotRule:
        until = self.value((*path, "until"))
        if until not in (None, "close", "end-of-day"):
            self.fault((*path, "until"), worded("write close or end-of-day, or leave it out"))
        return BallotRule(
            **common,
            zone=territories[""].zone,
            territories=tuple(t for t in territories.values() if t.own_clock or t.votes_on_eve),
            whole_day=until == "end-of-day",
        )

    def rest(self, common: dict[str, Any], path: Path_) -> RestRule:
        by_days = self.value((*path, "days")) is not None
        unit = "days" if by_days else "hours"
        if by_days and self.value((*path, "hours")) is not None:
            self.fault((*path, "hours"), worded("stands beside days; write one of them"))
        count = self.count(
            (*path, unit), worded("write how many {unit} of rest, in hours or days", unit=unit)
        )
        return RestRule(
            **common,
            after=self.outcomes((*path, "after")),
            hours=0 if by_days else count,
            days=count if by_days else 0,
        )

    def confidence(self, path: Path_) -> Confidence:
        text = self.text(path, worded("write H, M or L"))
        try:
            return Confidence(text)
        except ValueError:
            self.fault(
                path, worded("write H (primary text), M (good secondary source) or L (advice)")
            )
            return Confidence.LOW

    def hours(self, path: Path_) -> Windows:
        text = self.text(
            path, worded("write weekly hours, such as mon-fri 10:00-20:00"), default="?"
        )
        try:
            return parse_windows(text)
        except WindowsInvalid as error:
            self.fault(path, f"{error.reason}; {error.remedy}")
            return parse_windows("mon 00:00-00:01")

    def outcomes(self, path: Path_) -> frozenset[Outcome]:
        found: set[Outcome] = set()
        for place, item in self.members(
            path, worded("write a list of outcomes, such as [declined]")
        ):
            try:
                found.add(Outcome(str(item)))
            except ValueError:
                self.fault(
                    place,
                    worded("is not an outcome; write one of {names}", names=", ".join(Outcome)),
                )
        return frozenset(found)

    def ranges(self, path: Path_) -> tuple[NumberRange, ...]:
        value = self.value(path)
        if not isinstance(value, dict):
            self.fault(path, worded("is not a mapping; write category: [prefixes]"))
            return ()
        found: list[NumberRange] = []
        for name in value:
            try:
                category = Category(name)
            except ValueError:
                self.fault(
                    (*path, name), worded("is not one of {names}", names=", ".join(Category))
                )
                continue
            places = self.members(
                (*path, name), worded('write a list of prefixes, such as ["+33162"]')
            )
            prefixes = tuple(
                self.text(place, worded('write a prefix with +, such as "+33162"'), _PREFIX)
                for place, _ in places
            )
            found.append(NumberRange(category=category, prefixes=prefixes))
        return tuple(found)


def _subdivisions(country: str) -> frozenset[str]:
    """Return the subdivisions that the holiday calendar of *country* knows, aliases included."""
    import holidays

    try:
        calendar = holidays.country_holidays(country)
    except NotImplementedError:
        return frozenset()
    return frozenset({"", *calendar.subdivisions, *calendar.subdivisions_aliases})
