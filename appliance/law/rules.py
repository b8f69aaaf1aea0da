"""What a law profile holds: rules, territories, ballots. Data only; nothing here decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum, unique
from typing import NamedTuple

from appliance.model import Outcome
from appliance.windows import Windows


@unique
class Confidence(StrEnum):
    """How well the source of a rule was checked."""

    HIGH = "H"
    """The primary text or the regulator's page was read."""
    MEDIUM = "M"
    """A good secondary source."""
    LOW = "L"
    """One unverified source: advice to the operator, never enforced."""


@unique
class Category(StrEnum):
    """What kind of number the box calls from, as its operator declares it."""

    AUTOMATED_SYSTEM = "automated-system"
    """From a range that the numbering plan opens to automated calling systems."""
    TECHNICAL_PLATFORM = "technical-platform"
    MACHINE_TO_MACHINE = "machine-to-machine"
    MOBILE = "mobile"
    GEOGRAPHIC = "geographic"
    NON_GEOGRAPHIC = "non-geographic"
    FOREIGN = "foreign"
    """A number of another country's plan."""
    FICTION = "fiction"
    """A number reserved for fiction, on a bench: it stands for one that the plan allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The number that the callee sees, as declared in the configuration."""

    number: str
    """E.164."""
    category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One day of voting: serial calls are silent from its eve until the polls close."""

    day: date
    closes: time
    territory: str | None = None
    """A territory of the profile that votes on this day, or None where everybody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """A part of the jurisdiction with its own clock, numbering region or public holidays."""

    name: str
    title: str
    zones: tuple[str, ...]
    """IANA zones of its polling stations, the most populous first."""
    region: str
    """Region of the number library in which national numbers are read; empty for none."""
    holidays: tuple[str, ...] = ()
    """Subdivisions of the holiday calendar whose days are added to the national ones."""
    numbers: tuple[str, ...] = ()
    """Prefixes (E.164, with ``+``) of numbers whose holders live there."""
    areas: tuple[str, ...] = ()
    """Areas of the zone database, such as ``America``: whoever lives in one of their zones, and in
    no other territory, counts as living here."""
    votes_on_eve: bool = False
    """It votes on the day before the others do."""
    own_clock: bool = False
    """Its zone is not that of the main part, so that a person's zone tells that they live here."""
    jurisdiction: str = ""
    """Name of the included profile that it comes from; empty for the profile's own."""
    geographic: tuple[str, ...] = ()
    """Of a whole jurisdiction: prefixes of numbers that tell where in it their holders live."""

    @property
    def zone(self) -> str:
        """Zone of most of its people."""
        return self.zones[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule carries. ``name`` is ``PROFILE.ID``, as verdicts and the ledger show it."""

    name: str
    text: str
    """The rule in one sentence, for people; a message, as is the source."""
    source: str
    dated: str
    """Year, month or day of the text, or of the page that was read (ISO 8601)."""
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursRule(Rule):
    """Calls only in these weekly hours of the called person's zone."""

    hours: Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayRule(Rule):
    """No calls on public holidays, by the date in the called person's zone."""

    country: str
    """ISO 3166 code of the holiday calendar."""
    subdivisions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Territory to the subdivisions of the calendar that are added there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotRule(Rule):
    """No serial calls from 00:00 on the eve of a ballot until its polling stations close."""

    zone: str
    """Where the main part of the jurisdiction votes: it counts for people abroad."""
    territories: tuple[Territory, ...] = ()
    """Parts that vote by a clock or on a day of their own."""
    whole_day: bool = False
    """Silence lasts to the end of the day of the vote, whenever the polls close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapRule(Rule):
    """At most so many attempts at one person in any so many days, whatever became of them."""

    attempts: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRule(Rule):
    """No attempt for so long after one that ended in one of these ways."""

    after: frozenset[Outcome] = frozenset()
    answered: bool = False
    """Also after every call that was answered, or may have been."""
    hours: int = 0
    minutes: int = 0
    days: int = 0
    """Whole calendar days of the callee's zone instead: of sixty days, the call may come on the
    sixty-first, from its first minute on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRange:
    """A range of callers' numbers and the category it belongs to."""

    category: Category
    prefixes: tuple[str, ...]
    """E.164 with ``+``, cut where the range is fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRule(Rule):
    """An automated calling system shows only numbers of these ranges.

    Calls that a person commands one by one are no automated system: attended mode is exempt.
    """

    allowed: tuple[NumberRange, ...]
    barred: tuple[NumberRange, ...]
    """Ranges that are known to be barred, so that the verdict can name their category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty(Rule):
    """What the box always does by construction, or what the operator must do; not a gate."""

    bearer: str
    """``box`` or ``operator``."""


EnforcedRule = HoursRule | HolidayRule | BallotRule | CapRule | RestRule | CallerRule


class RuleWords(NamedTuple):
    """A rule as a person reads it."""

    name: str
    text: str
    source: str
    dated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One jurisdiction's rules. A profile only narrows; the person's consent comes first."""

    name: str
    version: str
    title: str
    territories: dict[str, Territory]
    """By name; the entry ``""`` is the whole jurisdiction and serves where none is configured."""
    enforced: tuple[EnforcedRule, ...]
    duties: tuple[Duty, ...]
    advice: tuple[Rule, ...]
    """Rules of low confidence, whatever their kind."""

    @property
    def label(self) -> str:
        """Name and version, as the ledger shows them: ``fr/2026-11``."""
        return f"{self.name}/{self.version}"

    def territory(self, name: str | None) -> Territory:
        """Return a territory by name; raises :class:`KeyError` for one that is not known."""
        return self.territories[name or ""]

    @property
    def knows_ballots(self) -> bool:
        """Whether any rule says what a configured ballot means."""
        return any(isinstance(rule, BallotRule) for rule in self.enforced)

    def words(self) -> tuple[RuleWords, ...]:
        """Return what each enforced rule says and where it comes from, for people."""
        return tuple(RuleWords(r.name, r.text, r.source, r.dated) for r in self.enforced)

    def rules(self) -> tuple[Rule, ...]:
        """Return every rule that the profile knows, enforced or not."""
        return (*self.enforced, *self.duties, *self.advice)
