"""The rules of one run, with the weeks that they leave open. Pure.

The open spans of a week are worked out once for each (zone, windows) that occur and remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from appliance.law import (
    Ballot,
    Caller,
    CallerRule,
    LawCalendar,
    Profile,
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

_REMEMBERED = 20_000

_Key = tuple[ZoneInfo, Windows, int]


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
    calendar: LawCalendar = field(init=False, repr=False, compare=False)
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

    _first: dict[tuple[ZoneInfo, Windows, float], tuple[float, Span | None]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        calendar = LawCalendar(self.profile, self.territory, self.ballots)
        object.__setattr__(self, "calendar", calendar)

    def wished(self, zone: ZoneInfo, windows: Windows, week: int) -> list[Span]:
        """Return when *windows* alone are open in UTC week number *week*, cut at its ends."""
        key = (zone, windows, week)
        spans = self._wished.get(key)
        if spans is None:
            spans = windows.spans(zone, week * WEEK, (week + 1) * WEEK)
            _remember(self._wished, key, spans)
        return spans

    def wished_ahead(self, zone: ZoneInfo, windows: Windows, week: int) -> list[Span]:
        """Return when *windows* alone are open in that week and the next :data:`AHEAD`."""
        key = (zone, windows, week)
        spans = self._ahead.get(key)
        if spans is None:
            weeks = range(week, week + AHEAD + 1)
            spans = merge(span for one in weeks for span in self.wished(zone, windows, one))
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

    def open(self, zone: ZoneInfo, windows: Windows, week: int) -> list[Span]:
        """Return when *windows* and the law are both open in that week, cut at its ends."""
        key = (zone, windows, week)
        spans = self._open.get(key)
        if spans is None:
            law = self.calendar.week(zone, week).open
            spans = intersect(self.wished(zone, windows, week), law)
            _remember(self._open, key, spans)
        return spans

    def first(
        self, zone: ZoneInfo, windows: Windows, seconds: float
    ) -> tuple[float, Span | None] | None:
        """Return what was found for somebody with these hours, if anything, and from when on."""
        return self._first.get((zone, windows, seconds))

    def note_first(
        self, zone: ZoneInfo, windows: Windows, seconds: float, after: float, span: Span | None
    ) -> None:
        """Keep a first span with room for *seconds* that nothing but hours and law bounds.

        None: hours and law leave no such span in all the weeks up to the horizon.
        """
        if len(self._first) >= _REMEMBERED:
            self._first.clear()
        self._first[zone, windows, seconds] = (after, span)


def _remember(memory: dict[_Key, list[Span]], key: _Key, spans: list[Span]) -> None:
    # Old weeks are never asked for again; starting afresh now and then is simpler than ageing.
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = spans
