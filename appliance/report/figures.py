"""What a ledger adds up to, for people: folded from its rows alone. Pure.

No number and no name can be in it, because none is in the ledger. Days and hours are those of the
zone that is handed in: the callees' own clocks are personal data, which the ledger does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from appliance.effects import Entry

HOUR = timedelta(hours=1)
MOST_WINDOW_HOURS = 24 * 8
"""Hours of one window that are marked; none of a week is longer."""

Cell = tuple[int, int]
"""Weekday (0 is Monday) and hour."""


@dataclass(slots=True)
class AttemptRow:
    """One attempt."""

    attempt: str
    subject: str
    line: str
    authorised_at: datetime
    bench: bool
    rules: tuple[str, ...] = ()
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    ended_seq: int | None = None
    """Number of the ledger row that holds the whole evidence."""
    outcome: str = "running"
    cause: str = ""
    ring_seconds: float = 0.0
    talk_seconds: float = 0.0
    keys: list[str] = field(default_factory=list)
    heard_by: list[str] = field(default_factory=list)
    seconds_to_key: float | None = None
    """From the answer to the first key, in seconds."""
    evidence: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person did to the box, or that befell it."""

    at: datetime
    what: str
    by: str
    reason: str


@dataclass(slots=True)
class LineFigures:
    """How one line did."""

    calls: int = 0
    answered: int = 0
    failed: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    down_seconds: float = 0.0
    down_since: datetime | None = None


@dataclass(slots=True)
class Figures:
    """The whole of it."""

    rows: list[AttemptRow] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    latest: dict[str, str] = field(default_factory=dict)
    """The outcome of each person's newest attempt that has one, by subject."""
    days: dict[str, Counter[str]] = field(default_factory=dict)
    cells: Counter[Cell] = field(default_factory=Counter)
    wished: set[Cell] = field(default_factory=set)
    """Hours that some callee's window opened, of all who were called."""
    revoked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Refusals by the rule that refused; one refusal may name several."""
    waiting: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """People with a consent who were never called, with the rules that refused last."""
    consents: int = 0
    people: int = 0
    erased: int = 0
    stops: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)
    lines: dict[str, LineFigures] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None
    purposes: set[str] = field(default_factory=set)
    profiles: set[str] = field(default_factory=set)
    boxes: set[str] = field(default_factory=set)

    @property
    def attempts_per_person(self) -> Counter[int]:
        """How many people were called once, twice and so on."""
        return Counter(Counter(row.subject for row in self.rows).values())

    @property
    def people_by_outcome(self) -> Counter[str]:
        """People by the outcome of their newest attempt."""
        return Counter(self.latest.values())

    @property
    def bench_only(self) -> bool:
        """Whether no real phone rang."""
        return bool(self.rows) and all(row.bench for row in self.rows)


_PEOPLE_DID = {
    "stop.pressed": "stop",
    "stop.reset": "reset",
    "dialling.paused": "pause",
    "dialling.resumed": "resume",
    "clock.corrected": "clock",
    "state.restored": "restored",
    "state.accepted": "accepted",
}


def add_up(entries: Iterable[Entry], zone: ZoneInfo) -> Figures:
    """Fold ledger rows into figures; days and hours are those of *zone*."""
    fold = _Fold(zone)
    for entry in entries:
        fold.take(entry)
    return fold.done()


class _Agreed(NamedTuple):
    """When a consent was given and ends; None where its row does not say."""

    given_at: datetime | None
    valid_until: datetime | None


_NEVER = datetime.min.replace(tzinfo=UTC)


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


class _Fold:
    """The figures while rows are taken."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._figures = Figures()
        self._running: dict[str, AttemptRow] = {}
        self._registered: dict[str, tuple[str, ...]] = {}
        self._agreed: dict[str, dict[str, _Agreed]] = {}
        """By person and purpose, their newest consent."""
        self._purpose = ""
        self._called: set[str] = set()
        self._gone: set[str] = set()

    def take(self, entry: Entry) -> None:
        figures, data = self._figures, entry.data
        figures.first = figures.first or entry.at
        figures.last = entry.at
        match entry.kind:
            case "consent.granted":
                figures.consents += 1
                if entry.subject:
                    self._registered.setdefault(entry.subject, ())
                    self._gone.discard(entry.subject)
                    self._granted(entry.subject, data)
            case "consent.revoked":
                figures.revoked[str(data.get("by"))] += 1
                if entry.subject:
                    self._gone.add(entry.subject)
            case "contact.erased":
                figures.erased += 1
                if entry.subject:
                    self._gone.add(entry.subject)
            case "call.refused":
                rules = tuple(str(rule) for rule in data.get("rules") or ())
                figures.refused.update(rules)
                if entry.subject:
                    self._registered[entry.subject] = rules
            case "line.fault" | "line.healed":
                self._line_changed(entry)
            case "config.loaded":
                self._purpose = str(data.get("purpose"))
                figures.purposes.add(self._purpose)
            case "box.started":
                figures.boxes.add(str(data.get("box")))
            case kind if kind.startswith("call."):
                self._call(entry)
            case kind if kind in _PEOPLE_DID:
                self._person_did(entry)

    def _granted(self, subject: str, data: Mapping[str, Any]) -> None:
        if "purpose" not in data:
            return  # a row of an older box
        agreed = _Agreed(_moment(data.get("given_at")), _moment(data.get("valid_until")))
        known = self._agreed.setdefault(subject, {})
        purpose = str(data.get("purpose"))
        before = known.get(purpose)
        if before is None or (agreed.given_at or _NEVER) >= (before.given_at or _NEVER):
            known[purpose] = agreed

    def _unasked(self, subject: str) -> tuple[str, ...]:
        """Return the rule that keeps from a call whoever the box never came to decide on.

        A person without a live consent for the campaign gets no place in its plan, so no row of the
        ledger says so of them; their consents, which are rows, do.
        """
        last = self._figures.last
        if not self._purpose or last is None or subject not in self._agreed:
            return ()
        agreed = self._agreed[subject].get(self._purpose)
        ended = agreed is not None and agreed.valid_until is not None and agreed.valid_until <= last
        return ("consent",) if agreed is None or ended else ()

    def _person_did(self, entry: Entry) -> None:
        data = entry.data
        self._figures.stops += entry.kind == "stop.pressed"
        self._figures.events.append(
            Event(
                entry.at,
                _PEOPLE_DID[entry.kind],
                str(data.get("by") or data.get("source") or ""),
                str(data.get("reason") or data.get("why") or ""),
            )
        )

    def _line_changed(self, entry: Entry) -> None:
        line = self._line(str(entry.data.get("line")))
        if entry.kind == "line.fault":
            fault = str(entry.data.get("fault"))
            self._figures.faults[fault] += 1
            line.faults[fault] += 1
            line.down_since = line.down_since or entry.at
        elif line.down_since is not None:
            line.down_seconds += (entry.at - line.down_since).total_seconds()
            line.down_since = None

    def _line(self, name: str) -> LineFigures:
        return self._figures.lines.setdefault(name, LineFigures())

    def _call(self, entry: Entry) -> None:
        data = entry.data
        attempt = str(data.get("attempt"))
        if entry.kind == "call.authorised":
            self._authorised(attempt, entry)
            return
        row = self._running.get(attempt)
        if row is None:
            return
        match entry.kind:
            case "call.answered":
                row.answered_at = entry.at
                self._line(row.line).answered += 1
            case "call.key":
                if row.answered_at is not None and row.seconds_to_key is None:
                    row.seconds_to_key = (entry.at - row.answered_at).total_seconds()
                row.keys.append(str(data.get("key")))
                row.heard_by.append(str(data.get("witness")))
            case "call.ended":
                self._ended(self._running.pop(attempt), entry)

    def _authorised(self, attempt: str, entry: Entry) -> None:
        figures, data = self._figures, entry.data
        row = AttemptRow(
            attempt=attempt,
            subject=entry.subject or "",
            line=str(data.get("line")),
            authorised_at=entry.at,
            bench=bool(data.get("bench")),
            rules=tuple(str(rule) for rule in data.get("rules") or ()),
        )
        figures.profiles.add(str(data.get("profile")))
        figures.rows.append(row)
        figures.cells[self._cell(entry.at)] += 1
        self._line(row.line).calls += 1
        self._running[attempt] = row
        self._called.add(row.subject)
        self._mark_window(data.get("window_start"), data.get("window_end"))

    def _mark_window(self, start: object, end: object) -> None:
        try:
            at, until = datetime.fromisoformat(str(start)), datetime.fromisoformat(str(end))
        except ValueError:
            return  # a row of an older box
        if at >= until:
            return
        self._figures.wished.add(self._cell(until - timedelta(seconds=1)))
        for _ in range(MOST_WINDOW_HOURS):
            if at >= until:
                break
            self._figures.wished.add(self._cell(at))
            at += HOUR

    def _cell(self, at: datetime) -> Cell:
        local = at.astimezone(self._zone)
        return local.weekday(), local.hour

    def _ended(self, row: AttemptRow, entry: Entry) -> None:
        figures, data = self._figures, entry.data
        row.ended_at = entry.at
        row.ended_seq = entry.seq
        row.outcome = str(data["outcome"])
        row.cause = str(data.get("cause") or "")
        row.ring_seconds = float(data.get("ring_seconds") or 0)
        row.talk_seconds = float(data.get("talk_seconds") or 0)
        evidence = data.get("evidence")
        row.evidence = dict(evidence) if isinstance(evidence, dict) else {}
        figures.outcomes[row.outcome] += 1
        figures.latest[row.subject] = row.outcome
        self._line(row.line).failed += row.outcome == "failed"
        day = f"{row.authorised_at.astimezone(self._zone):%Y-%m-%d}"
        figures.days.setdefault(day, Counter())[row.outcome] += 1

    def done(self) -> Figures:
        figures = self._figures
        figures.people = len(self._registered)
        figures.waiting = {
            subject: rules or self._unasked(subject)
            for subject, rules in self._registered.items()
            if subject not in self._called and subject not in self._gone
        }
        if figures.last is not None:
            for line in figures.lines.values():
                if line.down_since is not None:
                    line.down_seconds += (figures.last - line.down_since).total_seconds()
                    line.down_since = None
        return figures
