"""What a ledger lacks that the box knew once: the rows that bring it back. Pure.

After a backup was restored the ledger may end before calls were made and objections heard. What
the box still knows of them (its checkpoint, the registry) goes into the ledger again, as rows that
say so: nobody is called whom the box would not have called before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from appliance.campaign.history import CampaignState
from appliance.campaign.packed_history import LOST
from appliance.effects import Record
from appliance.model import Attempt, Outcome

RESTORED = "restored"
"""By whom and from where a row comes that stands for one which the ledger has lost."""


def lacks(fold: CampaignState, other: CampaignState) -> list[Record]:
    """Return the rows that make *fold* know what narrows in *other*, which saw more.

    The stop latch and the pause, withdrawals, erasures, messages that wait, and every attempt.
    """
    rows: list[Record] = []
    if other.stopped and not fold.stopped:
        rows.append(Record(kind="stop.pressed", data={"source": RESTORED}))
    if other.paused and not fold.paused:
        rows.append(Record(kind="dialling.paused", data={"by": RESTORED}))
    known = dict(fold.suppressions())
    for number_hash, revocation in other.suppressions():
        if number_hash not in known or known[number_hash].at < revocation.at:
            rows.append(withdrawn(number_hash, revocation.at, revocation.by))
    for subject in other.people():
        rows += _of_person(fold, other, subject)
    for subject in sorted(other.erased - fold.erased):
        rows.append(Record(kind="contact.erased", subject=subject, data={"by": RESTORED}))
    for message, waiting in other.messages.waiting():
        if not fold.messages.knows(message):
            data = {"message": message, "number_hashes": list(waiting.number_hashes), "again": True}
            rows.append(Record(kind="message.kept", subject=waiting.subject, data=data))
    pasts = dict(fold.pasts())
    for number_hash, attempts in other.pasts():
        rows += _again(attempts, pasts.get(number_hash, ()), None, number_hash)
    return rows


def withdrawn(number_hash: str, at: datetime, by: str) -> Record:
    """Return the row of a withdrawal at *at* whose own row the ledger has lost."""
    data = {"by": by, "number_hash": number_hash, "ends": at.isoformat(), "again": True}
    return Record(kind="consent.revoked", data=data)


def _of_person(fold: CampaignState, other: CampaignState, subject: str) -> Iterator[Record]:
    more, less = other.history(subject), fold.history(subject)
    revoked, known = more.revocation, less.revocation
    if revoked is not None and revoked.by != LOST and (known is None or known.at < revoked.at):
        data = {"by": revoked.by, "ends": revoked.at.isoformat(), "again": True}
        yield Record(kind="consent.revoked", subject=subject, data=data)
    yield from _again(more.attempts, less.attempts, subject, None)


def _again(
    attempts: tuple[Attempt, ...],
    known: tuple[Attempt, ...],
    subject: str | None,
    number_hash: str | None,
) -> Iterator[Record]:
    had = {attempt.id for attempt in known}
    for attempt in attempts:
        if attempt.id in had:
            continue
        data: dict[str, Any] = {
            "attempt": attempt.id,
            "purpose": attempt.purpose,
            "authorised_at": attempt.authorised_at.isoformat(),
            "ended_at": None if attempt.ended_at is None else attempt.ended_at.isoformat(),
            # One without an end may have been a whole call.
            "outcome": (attempt.outcome or Outcome.UNKNOWN).value,
            "bench": attempt.bench,
            "answered": attempt.answered,
        }
        if number_hash is not None:
            data["number_hash"] = number_hash
        yield Record(kind="call.restored", subject=subject, data=data)
