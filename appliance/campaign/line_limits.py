"""What each line's SIM may be used for in an hour and a day, and what it was used for. Pure.

Operators block SIMs that call too much, and prepaid ones run dry. Limits only narrow: a line that
has reached one takes no further call until what counts against it is old enough. Hours and days
are the last 60 minutes and the last 24 hours, so that no midnight opens a line early, whatever the
zone. Used up is folded from the ledger: a restart knows as much as the box that ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from appliance.campaign.packed_history import milliseconds, moment
from appliance.effects import Entry
from firmware.wording import plural, worded

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
_DAY_MS = int(DAY.total_seconds() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimits:
    """Of one line; None sets none."""

    calls_per_hour: int | None = None
    calls_per_day: int | None = None
    minutes_per_day: float | None = None
    """Of answered calls. A call begins only where the longest that it can take still fits."""
    numbers_per_day: int | None = None
    """Different people."""
    alarm_below: float | None = None
    """A balance under this is told; it keeps nobody from being called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A limit that a line has reached."""

    line: str
    limit: str
    """The key of the configuration."""
    detail: str
    until: datetime
    """When the line may call again, as far as this limit goes."""


class _Used(NamedTuple):
    """One call. Seconds are None where nobody knows how long it took.

    A tuple, which is made in half the time: each call of the ledger comes by here twice.
    """

    at: int
    attempt: str
    subject: str
    seconds: float | None = None


class LineUsage:
    """What each line did in the last day, folded from the ledger one row at a time."""

    def __init__(self) -> None:
        self._used: dict[str, dict[str, _Used]] = {}
        """Of each line, by attempt, the oldest first."""
        self._told: dict[str, dict[str, int]] = {}
        """When a row last told each limit of each line as reached."""

    def authorised(self, entry: Entry) -> None:
        """Take the row of a call that begins."""
        line = entry.data.get("line")
        if not isinstance(line, str):
            return
        attempt, at = str(entry.data.get("attempt")), milliseconds(entry.at)
        calls = self._used.get(line)
        if calls is None:
            calls = self._used[line] = {}
        calls[attempt] = _Used(at, attempt, entry.subject or "")
        # By this row's own time: a clock that was corrected backwards opens nothing.
        while at - (oldest := next(iter(calls.values()))).at >= _DAY_MS:
            del calls[oldest.attempt]

    def ended(self, entry: Entry) -> None:
        """Take the row of a call that is over."""
        line = entry.data.get("line")
        if not isinstance(line, str):
            return
        attempt, calls = str(entry.data.get("attempt")), self._used.get(line)
        begun = None if calls is None else calls.get(attempt)
        if calls is None or begun is None:
            return
        seconds = entry.data.get("talk_seconds")
        length = None
        if isinstance(seconds, int | float) and entry.data.get("outcome") != "unknown":
            length = float(seconds)
        calls[attempt] = _Used(begun.at, attempt, begun.subject, length)

    def told(self, entry: Entry) -> None:
        """Take the row of a limit that a line has reached."""
        line = entry.data.get("line")
        if isinstance(line, str):
            limit = str(entry.data.get("limit"))
            self._told[line] = {**self._told.get(line, {}), limit: milliseconds(entry.at)}

    def _day(self, line: str, at: int) -> list[_Used]:
        # One from the future, of a clock that ran ahead, counts as just now.
        return [one for one in self._used.get(line, {}).values() if at - one.at < _DAY_MS]

    def was_told(self, reached: Reached, now: datetime) -> bool:
        """Whether the ledger says so already, within the limit's own hour or day.

        A line at its limit takes one call whenever an old one drops out: one row for each would say
        nothing new.
        """
        told = self._told.get(reached.line, {}).get(reached.limit)
        span = HOUR if reached.limit == "calls_per_hour" else DAY
        return told is not None and now - moment(told) < span

    def reached(
        self, line: str, limits: LineLimits, now: datetime, call_seconds: float
    ) -> Reached | None:
        """Return the limit that keeps *line* from a further call at *now* the longest, or None.

        *call_seconds* is the longest that the call may take; it also stands for each call of which
        nobody knows the length.
        """
        at = milliseconds(now)
        day = self._day(line, at)
        hour = [one for one in day if at - one.at < _DAY_MS // 24]
        found = [
            _count(
                "calls_per_hour", limits.calls_per_hour, hour, line, HOUR, worded("the last hour")
            ),
            _count(
                "calls_per_day", limits.calls_per_day, day, line, DAY, worded("the last 24 hours")
            ),
            _minutes(limits.minutes_per_day, day, line, call_seconds),
            _numbers(limits.numbers_per_day, day, line),
        ]
        return max((one for one in found if one), key=lambda one: one.until, default=None)

    def used(self, line: str, now: datetime) -> dict[str, float]:
        """Return what *line* used, by the key of each limit; for ``status``."""
        at = milliseconds(now)
        day = self._day(line, at)
        return {
            "calls_per_hour": sum(at - one.at < _DAY_MS // 24 for one in day),
            "calls_per_day": len(day),
            "minutes_per_day": round(sum(one.seconds or 0.0 for one in day) / 60, 1),
            "numbers_per_day": len({one.subject for one in day}),
        }

    def copy(self) -> LineUsage:
        other = LineUsage()
        other._used = {line: calls.copy() for line, calls in self._used.items()}
        other._told = self._told.copy()
        return other

    def to_checkpoint(self) -> dict[str, Any]:
        return {
            "used": {
                line: [[one.at, one.attempt, one.subject, one.seconds] for one in calls.values()]
                for line, calls in self._used.items()
            },
            "told": {line: told.copy() for line, told in self._told.items()},
        }

    @classmethod
    def from_checkpoint(cls, data: Any) -> LineUsage:
        """Raises KeyError, TypeError or ValueError where *data* is none."""
        self = cls()
        for line, calls in data["used"].items():
            self._used[str(line)] = {
                str(attempt): _Used(
                    int(at), str(attempt), str(who), None if long is None else float(long)
                )
                for at, attempt, who, long in calls
            }
        for line, told in data["told"].items():
            self._told[str(line)] = {str(limit): int(at) for limit, at in told.items()}
        return self


def _count(
    limit: str, most: int | None, used: list[_Used], line: str, span: timedelta, when: str
) -> Reached | None:
    if most is None or len(used) < most:
        return None
    frees = sorted(one.at for one in used)[len(used) - most]
    return Reached(
        line=line,
        limit=limit,
        detail=plural(
            "{count} call in {when}, of {most}",
            "{count} calls in {when}, of {most}",
            len(used),
            when=when,
            most=most,
        ),
        until=moment(frees) + span,
    )


def _minutes(
    most: float | None, day: list[_Used], line: str, call_seconds: float
) -> Reached | None:
    if most is None:
        return None
    left = most * 60 - call_seconds
    total = sum(call_seconds if one.seconds is None else one.seconds for one in day)
    if total <= left:
        return None
    until = None
    for one in sorted(day, key=lambda one: one.at):
        total -= call_seconds if one.seconds is None else one.seconds
        until = moment(one.at) + DAY
        if total <= left:
            break
    return Reached(
        line=line,
        limit="minutes_per_day",
        detail=worded(
            "another call of up to {call_seconds:.1f} minutes could pass the {most:g} "
            "minutes of 24 hours",
            call_seconds=call_seconds / 60,
            most=most,
        ),
        until=until or datetime.max.replace(tzinfo=UTC),
    )


def _numbers(most: int | None, day: list[_Used], line: str) -> Reached | None:
    newest: dict[str, int] = {}
    for one in day:
        newest[one.subject] = max(one.at, newest.get(one.subject, one.at))
    if most is None or len(newest) < most:
        return None
    frees = sorted(newest.values())[len(newest) - most]
    return Reached(
        line=line,
        limit="numbers_per_day",
        detail=plural(
            "{count} person in the last 24 hours, of {most}",
            "{count} different people in the last 24 hours, of {most}",
            len(newest),
            most=most,
        ),
        until=moment(frees) + DAY,
    )
