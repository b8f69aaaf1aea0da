"""Objections, whichever way they come: recorded before anything that they cause. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from appliance.campaign.interfaces import People
from appliance.campaign.lines import Lines
from appliance.campaign.planner import Planner
from appliance.campaign.recorder import Recorder
from appliance.effects import Now, Send, StoreRevocation
from firmware.orders import SendSms

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Withdrawals:
    """Ends consent. ``confirmation`` is the answer to an objection by text message, or empty."""

    def __init__(
        self,
        *,
        people: People,
        recorder: Recorder,
        lines: Lines,
        planner: Planner,
        confirmation: str,
    ) -> None:
        self._people = people
        self._recorder = recorder
        self._lines = lines
        self._planner = planner
        self._confirmation = confirmation

    def objection(
        self,
        number: str,
        by: str,
        now: Now,
        *,
        line: str | None = None,
        said_at: datetime | None = None,
        **more: object,
    ) -> None:
        """Take an objection of whoever has *number* (E.164); *line* is where an answer may leave.

        *said_at* and *more* are as for :meth:`revoke`.
        """
        number_hash = self._people.number_hash(number)
        if number_hash is None:
            return
        contact = self._people.by_number(number)
        subject = None if contact is None else contact.subject
        new = self.revoke(subject, number_hash, by, now, said_at=said_at, **more)
        if new and line is not None and self._confirmation:
            order = SendSms(line=line, number=number, text=self._confirmation)
            self._recorder.emit(Send(order=order), now)

    def revoke(
        self,
        subject: str | None,
        number_hash: str,
        by: str,
        now: Now,
        *,
        said_at: datetime | None = None,
        **more: object,
    ) -> bool:
        """Record a withdrawal; return whether a consent stood until now for all that is known.

        Each one is recorded, also of somebody who has withdrawn before: a form that was signed in
        between may still be on its way here, and only the latest objection outweighs it. *said_at*
        is when it was said, where that was long before it came here: a consent given later stands.
        *more* is what the row says besides.
        """
        state = self._recorder.state
        known = state.history(subject or "", number_hash).revocation
        consents = () if subject is None else self._people.consents(subject)
        newest = max((max(c.given_at, c.recorded_at) for c in consents), default=_LONG_AGO)
        stands = said_at is not None and any(c.given_at > said_at for c in consents)
        if said_at is not None:
            more["said_at"] = said_at.isoformat()
        else:
            ends = max(newest, self._people.arriving(number_hash) or _LONG_AGO)
            if ends > max(now.utc, state.newest_at or now.utc):
                # The clock is behind, and no row of the ledger tells of those consents yet.
                more["ends"] = ends.isoformat()
        self._recorder.record(
            "consent.revoked", subject, now, by=by, number_hash=number_hash, **more
        )
        revocation = state.history(subject or "", number_hash).revocation
        if subject is not None and revocation is not None:
            self._recorder.emit(StoreRevocation(subject=subject, revocation=revocation), now)
            if stands:
                self._planner.later((subject,))
            else:
                self.withdraw(subject, by, now)
        return not stands and (known is None or newest > known.at)

    def withdraw(self, subject: str, by: str, now: Now) -> None:
        """Act on a withdrawal that is recorded: no place in the plan, and no call goes on."""
        self._planner.later((subject,))
        self._lines.withdraw(subject, by, now)
