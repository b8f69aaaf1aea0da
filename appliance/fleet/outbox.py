"""What of a box's ledger the others must know: objections, and how claimed attempts ended. Pure.

Nothing is queued beside the ledger, because a second queue could disagree with it. The rows are
read again from the last place at which everything was acknowledged; sending something twice does
no harm, since each of these subjects takes one message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appliance.effects import Entry
from appliance.fleet.messages import Ended, Objection
from appliance.fleet.subjects import PID, Subjects
from appliance.model import Outcome

ELSEWHERE = "fleet"
"""``by`` of an objection that came from the fleet: it is not sent back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One message that has to go out."""

    subject: str
    payload: bytes
    seq: int
    """The ledger row that it comes from."""
    objection: bool
    pid: str


class Outbox:
    """Follows the ledger. ``done`` is the newest row up to which nothing waits any more."""

    def __init__(self, names: Subjects, box: str) -> None:
        self._names = names
        self._box = box
        self._open: dict[str, tuple[int, str, int]] = {}
        """Claimed attempts without an end: row, pseudonym, number."""
        self._waiting: dict[str, Due] = {}
        self._unnamed: dict[str, int] = {}
        """People whose objection bears no pseudonym, and its row."""
        self._asked: set[str] = set()
        self._seen = 0

    @property
    def waiting(self) -> list[Due]:
        """What has to go out, objections first."""
        return sorted(self._waiting.values(), key=lambda due: (not due.objection, due.seq))

    @property
    def objections(self) -> int:
        """Objections that the fleet has not heard of yet."""
        return sum(due.objection for due in self._waiting.values()) + len(self._unnamed)

    @property
    def done(self) -> int:
        """The newest row up to which a start need not read again."""
        held = [due.seq for due in self._waiting.values()]
        held += [seq for seq, _, _ in self._open.values()]
        held += self._unnamed.values()
        return min(held) - 1 if held else self._seen

    def follow(self, entries: Iterable[Entry]) -> None:
        """Take further rows, in order."""
        for entry in entries:
            self._seen = entry.seq
            match entry.kind:
                case "call.authorised":
                    self._authorised(entry)
                case "call.ended":
                    self._ended(entry)
                case "fleet.claim_unused":
                    self._unused(entry)
                case "consent.revoked":
                    self._revoked(entry)
                case "fleet.objection":
                    self._unnamed.pop(entry.subject or "", None)
                    self._revoked(entry)
                case _:
                    pass

    def acknowledged(self, subject: str) -> None:
        """Note that the hub has *subject*'s message."""
        self._waiting.pop(subject, None)

    def _authorised(self, entry: Entry) -> None:
        claim = _claim(entry.data)
        if claim is not None:
            self._open[str(entry.data.get("attempt"))] = (entry.seq, *claim)

    def _ended(self, entry: Entry) -> None:
        attempt = str(entry.data.get("attempt"))
        found = self._open.pop(attempt, None)
        if found is None:
            return
        try:
            outcome = Outcome(entry.data.get("outcome", ""))
        except ValueError:
            outcome = Outcome.UNKNOWN
        self._end(attempt, found[1], found[2], outcome, entry.seq, entry.at)

    def _unused(self, entry: Entry) -> None:
        claim = _claim(entry.data)
        if claim is not None:
            self._end(str(entry.data.get("attempt")), *claim, None, entry.seq, entry.at)

    def _end(
        self, attempt: str, pid: str, number: int, outcome: Outcome | None, seq: int, at: datetime
    ) -> None:
        message = Ended(box=self._box, attempt=attempt, outcome=outcome, at=at)
        subject = self._names.outcome(pid, number, self._box)
        self._waiting[subject] = Due(
            subject=subject, payload=message.payload(), seq=seq, objection=False, pid=pid
        )

    def ask_names(self) -> tuple[str, ...]:
        """Return whose objection has to be named, once each."""
        new = tuple(subject for subject in self._unnamed if subject not in self._asked)
        self._asked.update(new)
        return new

    def _revoked(self, entry: Entry) -> None:
        pid, by = entry.data.get("pid"), str(entry.data.get("by", "command"))
        if by == ELSEWHERE:
            return
        if not isinstance(pid, str) or not PID.fullmatch(pid):
            if entry.kind == "consent.revoked" and entry.subject is not None:
                self._unnamed.setdefault(entry.subject, entry.seq)
            return
        subject = self._names.objection(pid)
        if subject in self._waiting:
            return
        message = Objection(box=self._box, at=_said(entry), by=by)
        self._waiting[subject] = Due(
            subject=subject, payload=message.payload(), seq=entry.seq, objection=True, pid=pid
        )


def _said(entry: Entry) -> datetime:
    """Return when the objection was said, which may be long before its row."""
    told = entry.data.get("said_at")
    try:
        at = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        at = None
    return entry.at if at is None or at.tzinfo is None else at


def _claim(data: dict[str, Any]) -> tuple[str, int] | None:
    claim = data.get("claim")
    if not isinstance(claim, dict):
        return None
    pid, number = claim.get("pid"), claim.get("number")
    if isinstance(pid, str) and PID.fullmatch(pid) and type(number) is int:
        return pid, number
    return None
