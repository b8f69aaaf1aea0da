"""One claim on the wire: what is known of a person, the batch, and what its refusal means.

Everything here is one coroutine after the other on the client's loop; nothing is decided but what
the pure rules (:mod:`appliance.fleet.claim`) leave open, which is what a refusal was about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.client import Client

from appliance.effects import AskClaim
from appliance.fleet import wire
from appliance.fleet.claim import DIAL_WITHIN, Acknowledged, Asked, NotWritten, Reason
from appliance.fleet.messages import Claim, Ended, MessageUnreadable
from appliance.fleet.subjects import NAME, Subjects
from appliance.model import AttemptElsewhere
from firmware.wording import worded

READ_WITHIN = 5.0
MOST = 50
"""Claims of one person that are read at most; the configuration allows ten attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of asking: the event for the claim, and what the log knows of the person."""

    event: Acknowledged | NotWritten
    elsewhere: tuple[AttemptElsewhere, ...] = ()
    """Attempts at this person of which the asking box's history knows nothing."""

    @classmethod
    def claimed(cls, elsewhere: tuple[AttemptElsewhere, ...]) -> Answer:
        """Return the answer that others were faster, before anything was sent."""
        return cls(event=NotWritten(Reason.CLAIMED), elsewhere=elsewhere)

    @property
    def detail(self) -> str:
        return self.event.detail if isinstance(self.event, NotWritten) else ""


class Exchange:
    """Claims of one box on one connection."""

    def __init__(
        self,
        client: Client,
        names: Subjects,
        box: str,
        boot: Callable[[], float],
    ) -> None:
        """*boot* reads CLOCK_BOOTTIME."""
        self._client = client
        self._names = names
        self._box = box
        self._boot = boot

    async def look(self, ask: AskClaim) -> tuple[int, tuple[AttemptElsewhere, ...]]:
        """Return how many claims of the person the log has, and those that *ask* does not know.

        The log may show less than it has, never more: a claim that it does not show will be
        refused when it is made again.
        """
        last = await wire.read_last(
            self._client, self._names.stream, self._names.claims_of(ask.pid)
        )
        if last is None:
            return 0, ()
        subject = self._names.read(last.subject)
        count = min(subject.number if subject is not None else 0, MOST)
        known = {attempt.id for attempt in ask.known}
        unknown = []
        for number in range(1, count + 1):
            found = await self._attempt(ask, number)
            if found is not None and found.attempt not in known:
                unknown.append(found)
        return count, tuple(unknown)

    async def claim(self, ask: AskClaim, asked: Callable[[], Asked], *, known: int) -> Answer:
        """Send the claim, and again where the hub was only busy, within its two seconds.

        *known* are the claims that the log has already; attempts before the fleet that it lacks
        go up with this one, so that they count for all boxes. *asked* notes the moment of sending
        and returns the claim as it stands in the rules.
        """
        in_log = await self._ids(ask.pid, known) if known else set()
        prior = [attempt for attempt in ask.known if attempt.id not in in_log]
        if known + len(prior) != len(ask.known):
            return Answer(
                event=NotWritten(Reason.CLAIMED, worded("the log and the history disagree"))
            )
        parts = [
            wire.Part(
                subject=self._names.claim(ask.pid, known + place),
                payload=Claim(
                    box=self._box, attempt=attempt.id, at=attempt.authorised_at, prior=True
                ).payload(),
            )
            for place, attempt in enumerate(prior, start=1)
        ]
        mine = Claim(box=self._box, attempt=ask.attempt, at=ask.at)
        claim = asked()
        parts += [
            wire.Part(
                subject=claim.subject,
                payload=mine.payload(),
                unless=self._names.objection(ask.pid),
            ),
            wire.Part(
                subject=self._names.permit(ask.pid, claim.number, self._box),
                payload=mine.payload(),
                unless=self._names.stop(claim.epoch, self._box),
            ),
        ]
        while True:
            left = claim.sent_at + DIAL_WITHIN - self._boot()
            if left <= 0:
                return Answer(event=NotWritten(Reason.NO_ANSWER, worded("the hub was busy")))
            try:
                written = await wire.write_together(self._client, parts, within=left)
            except wire.NoAnswer as error:
                return Answer(event=NotWritten(Reason.NO_ANSWER, str(error)))
            except wire.HubRefused as refused:
                if refused.code == wire.BUSY:
                    continue
                return await self._why(ask, refused)
            return Answer(event=Acknowledged(written.sequence))

    async def _why(self, ask: AskClaim, refused: wire.HubRefused) -> Answer:
        """Find out what a refusal was about."""
        if refused.code == wire.EXISTS:
            try:
                _, elsewhere = await self.look(ask)
            except (wire.NoAnswer, wire.HubRefused) as error:
                return Answer(event=NotWritten(Reason.CLAIMED, str(error)))
            return Answer(event=NotWritten(Reason.CLAIMED), elsewhere=elsewhere)
        if refused.code == wire.WRONG_SEQUENCE:
            reason = Reason.OBJECTED
            if refused.sequence:
                try:
                    found = await wire.read_at(self._client, self._names.stream, refused.sequence)
                except (wire.NoAnswer, wire.HubRefused):
                    found = None
                subject = None if found is None else self._names.read(found.subject)
                if subject is not None and subject.kind == "stop":
                    reason = Reason.STOPPED
            return Answer(event=NotWritten(reason))
        return Answer(event=NotWritten(Reason.REFUSED, str(refused)))

    async def _ids(self, pid: str, count: int) -> set[str]:
        """Return the attempts that stand behind the first *count* claims."""
        ids = set()
        for number in range(1, count + 1):
            found = await wire.read_direct(
                self._client, self._names.stream, self._names.claim(pid, number)
            )
            if found is not None:
                try:
                    ids.add(Claim.read(found.payload).attempt)
                except MessageUnreadable:
                    continue
        return ids

    async def _attempt(self, ask: AskClaim, number: int) -> AttemptElsewhere | None:
        """Read one claim and how it ended, as the box whose claim it is tells it."""
        stream, pid = self._names.stream, ask.pid
        found = await wire.read_direct(self._client, stream, self._names.claim(pid, number))
        if found is None:
            return None
        # By the calendar of this box, which a bench may have on any day.
        written = datetime.fromisoformat(found.time).astimezone(UTC) + (ask.at - datetime.now(UTC))
        try:
            claim = Claim.read(found.payload)
        except MessageUnreadable:
            # Somebody was called, or may be in a call right now; that is all it tells.
            return AttemptElsewhere(
                number=number, box="", attempt=f"{found.sequence:032x}", at=written
            )
        # The clock of another box may be behind: its call would count as over, and rests as kept.
        made = claim.at if claim.prior else max(claim.at, written)
        ended = None
        if NAME.fullmatch(claim.box):
            mine = self._names.outcome(pid, number, claim.box)
            ended = await wire.read_direct(self._client, stream, mine)
        told: Ended | None = None
        if ended is not None:
            try:
                told = Ended.read(ended.payload)
            except MessageUnreadable:
                told = None
        return AttemptElsewhere(
            number=number,
            box=claim.box,
            attempt=claim.attempt,
            at=made,
            prior=claim.prior,
            ended=told is not None,
            outcome=None if told is None else told.outcome,
            ended_at=None if told is None else max(told.at, made),
        )


def unended(elsewhere: Sequence[AttemptElsewhere], box: str) -> list[AttemptElsewhere]:
    """Return *box*'s own claims without an end that its history does not know: nobody was dialled.

    Their acknowledgement came too late, or never: the box gave up before.
    """
    return [one for one in elsewhere if one.box == box and not one.ended and not one.prior]
