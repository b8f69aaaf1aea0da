"""The rules of one run, with the weeks that they leave open. Pure.

The open spans of a week are worked out once for each (place, windows) that occur and remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from appliance.clearance.rests import PastRule, floor_beside
from appliance.law import (
    Ballot,
    Caller,
    CallerRule,
    CapRule,
    LawCalendar,
    Place,
    Profile,
    RestRule,
    judge_caller,
)
from appliance.law.calendar import AHEAD, WEEK
from appliance.model import Verdict
from appliance.windows import (
    Span,
    Windows,
    intersect,
    merge,
)
from appliance.zones import civil_zone

_REMEMBERED = 20_000

_Key = tuple[Place, Windows, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What stays the same for a whole run. Remembers open weeks, so keep one and pass it on."""

    purpose: str
    profile: Profile
    territory: str = ""
    ballots: tuple[Ballot, ...] = ()
    caller: Caller | None = None
    attended: bool = False
    max_attempts: int = 3
    """The campaign's own limit of attempts at one person, however long ago."""
    each_asked_for: bool = False
    """The callee asks for each of these calls, as a technician does for a self-test: the product's
    floor against nuisance is not meant for them. The law profile's caps and rests hold."""
    calendar: LawCalendar = field(init=False, repr=False, compare=False)
    past: tuple[PastRule, ...] = field(init=False, repr=False, compare=False)
    """Caps and rests of the profile, and the product's own."""
    _wished: dict[_Key, list[Span]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _open: dict[_Key, list[Span]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    _ahead: dict[_Key, list[Span]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _caller: dict[bool, tuple[Verdict, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    _first: dict[tuple[Place, Windows, float], tuple[float, Span | None]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        calendar = LawCalendar(self.profile, self.territory, self.ballots)
        object.__setattr__(self, "calendar", calendar)
        own = [rule for rule in self.profile.enforced if isinstance(rule, CapRule | RestRule)]
        floor = () if self.each_asked_for else floor_beside(own)
        object.__setattr__(self, "past", (*own, *floor))

    def place(self, number: str, timezone: str) -> Place | None:
        """Return where somebody is by number and zone; None where the zone is nobody's."""
        zone = civil_zone(timezone)
        return None if zone is None else self.calendar.places.of(number, zone)

    @property
    def somewhere(self) -> Place:
        """The box's own place: only to say what holds for somebody whose zone is not known."""
        return self.calendar.places.of(
            "", ZoneInfo(self.profile.territory(self.territory).zone), self.territory
        )

    def wished(self, place: Place, windows: Windows, week: int) -> list[Span]:
        """Return when *windows* alone are open in UTC week number *week*, cut at its ends."""
        key = (place, windows, week)
        spans = self._wished.get(key)
        if spans is None:
            spans = windows.spans(place.zone, week * WEEK, (week + 1) * WEEK)
            _remember(self._wished, key, spans)
        return spans

    def wished_ahead(self, place: Place, windows: Windows, week: int) -> list[Span]:
        """Return when *windows* alone are open in that week and the next :data:`AHEAD`."""
        key = (place, windows, week)
        spans = self._ahead.get(key)
        if spans is None:
            weeks = range(week, week + AHEAD + 1)
            spans = merge(span for one in weeks for span in self.wished(place, windows, one))
            _remember(self._ahead, key, spans)
        return spans

    def caller_verdicts(self, bench: bool) -> tuple[Verdict, ...]:
        """Return what the numbering rules say about the declared caller number."""
        found = self._caller.get(bench)
        if found is None:
            judged = [
                (rule, judge_caller(rule, self.caller, attended=self.attended, bench=bench))
                for rule in self.profile.enforced
                if isinstance(rule, CallerRule)
            ]
            found = tuple(
                Verdict(rule=rule.name, allowed=one.allowed, reason=one.reason)
                for rule, one in judged
            )
            self._caller[bench] = found
        return found

    def open(self, place: Place, windows: Windows, week: int) -> list[Span]:
        """Return when *windows* and the law are both open in that week, cut at its ends."""
        key = (place, windows, week)
        spans = self._open.get(key)
        if spans is None:
            law = self.calendar.week(place, week).open
            spans = intersect(self.wished(place, windows, week), law)
            _remember(self._open, key, spans)
        return spans

    def first(
        self, place: Place, windows: Windows, seconds: float
    ) -> tuple[float, Span | None] | None:
        """Return what was found for somebody with these hours, if anything, and from when on."""
        return self._first.get((place, windows, seconds))

    def note_first(
        self, place: Place, windows: Windows, seconds: float, after: float, span: Span | None
    ) -> None:
        """Keep a first span with room for *seconds* that nothing but hours and law bounds.

        None: hours and law leave no such span in all the weeks up to the horizon.
        """
        if len(self._first) >= _REMEMBERED:
            self._first.clear()
        self._first[place, windows, seconds] = (after, span)


def _remember(memory: dict[_Key, list[Span]], key: _Key, spans: list[Span]) -> None:
    # Old weeks are never asked for again; starting afresh now and then is simpler than ageing.
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = spans
