"""Claims of a box that belongs to a fleet: between the gate's clearance and the dial. Pure.

The gate clears a person, the row ``fleet.claim_asked`` goes to disk, the fleet is asked; the line
waits meanwhile and takes nobody else. A grant is judged by the gate once more, at that instant, and
only then becomes a call: ``call.authorised`` carries the claim. Anything else is no call: a
refusal, an answer that came too late, none at all. What the log knows of the person (attempts at
other boxes and how they ended) enters the history as if this box had made them, so that caps and
rests count for all boxes together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import assert_never

from appliance.call.state import ClaimProof
from appliance.campaign.fleet_inputs import (
    ClaimDenied,
    ClaimGranted,
    Fleet,
    FleetInput,
    FleetResumed,
    FleetStopped,
    NameObjections,
    ObjectedElsewhere,
)
from appliance.campaign.interfaces import People
from appliance.campaign.lines import Lines, LineState
from appliance.campaign.planner import Planner
from appliance.campaign.recorder import Recorder
from appliance.campaign.withdrawals import Withdrawals
from appliance.effects import AskClaim, Now
from appliance.model import AttemptElsewhere, Contact, HexId, Outcome, hex_text
from firmware.events import StopRaised

RECONSIDER = timedelta(minutes=5)
"""Pause before a person is claimed again about whom the fleet said no."""
ASK_AGAIN = timedelta(seconds=30)
"""Pause before a person is claimed again where nobody answered, or not about the person."""
ABOUT_PERSON = frozenset({"claimed", "objected"})
SCANNED_PER_STEP = 100
"""People looked at per step for an objection elsewhere: some milliseconds on a Raspberry Pi."""
LOST = timedelta(hours=24)
"""An attempt elsewhere without an end counts as unknown after this: its box is dead or cut off."""
OBJECTED = "fleet"
"""``by`` of an objection that came from another box or from headquarters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A line that waits for the fleet's answer."""

    ask: AskClaim
    subject: str
    pressed: bool
    deadline: float
    """Box-monotonic: without an answer by then the line is given up; the fleet answers in two
    seconds, so this only bounds a fault."""


class Claims:
    """Asks, waits, and takes what the fleet says. *begin* makes a call of a grant, or refuses."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        people: People,
        recorder: Recorder,
        lines: Lines,
        planner: Planner,
        withdrawals: Withdrawals,
        ids: Iterator[str],
        purpose: str,
        wait: float,
        begin: Callable[[LineState, str, str, bool, ClaimProof, Now], str | None],
    ) -> None:
        """*wait* bounds the waiting in box seconds. *begin* gets line, subject, attempt, whether
        a person pressed for it, and the claim; it returns why there is no call, or None."""
        self._fleet = fleet
        self._people = people
        self._recorder = recorder
        self._lines = lines
        self._planner = planner
        self._withdrawals = withdrawals
        self._ids = ids
        self._purpose = purpose
        self._wait = wait
        self._begin = begin
        self._waiting: dict[str, Waiting] = {}
        self._to_scan: Iterator[HexId] | None = None
        self._scan_again = fleet.heard > 0
        self._known_as: dict[int, HexId] = {}
        """Who is registered, by pseudonym (:func:`_short`); whole after the first look at all."""
        self._objectors: dict[str, None] = {}
        """Pseudonyms that objected elsewhere and are to be looked up."""

    @property
    def running(self) -> int:
        """Claims that wait for their answer."""
        return len(self._waiting)

    @property
    def deadlines(self) -> list[float]:
        return [waiting.deadline for waiting in self._waiting.values()]

    @property
    def scanning(self) -> bool:
        """Whether somebody registered may have objected elsewhere without a row here."""
        return bool(self._scan_again or self._objectors or self._to_scan is not None)

    def somebody_new(self) -> None:
        """Look through everybody again: an import may bring who objected elsewhere before."""
        self._known_as.clear()
        self._scan_again = self._scan_again or self._fleet.heard > 0

    def ask(self, line: LineState, contact: Contact, *, pressed: bool, now: Now) -> None:
        """Ask for an attempt at *contact* on *line*, which waits from here on."""
        history = self._recorder.state.history(contact.subject, contact.number_hash)
        ask = AskClaim(
            attempt=next(self._ids),
            line=line.name,
            pid=self._fleet.pseudonym(contact.number),
            at=now.utc,
            known=history.attempts_for(self._purpose),
        )
        self._waiting[ask.attempt] = Waiting(
            ask=ask,
            subject=contact.subject,
            pressed=pressed,
            deadline=now.monotonic + self._wait,
        )
        line.claiming = True
        self._recorder.record(
            "fleet.claim_asked",
            contact.subject,
            now,
            attempt=ask.attempt,
            line=line.name,
            pid=ask.pid,
            number=len(ask.known) + 1,
        )
        self._recorder.emit(ask, now)

    def take(self, given: FleetInput, now: Now) -> None:
        """Take what the fleet says."""
        match given:
            case ClaimGranted():
                self._granted(given, now)
            case ClaimDenied():
                self._denied(given, now)
            case ObjectedElsewhere():
                self._objected(given, now)
            case FleetStopped():
                self._stopped(given, now)
            case NameObjections():
                for subject in given.subjects:
                    self._name(subject, now)
            case FleetResumed():
                self._recorder.record(
                    "fleet.resumed",
                    None,
                    now,
                    by=given.by,
                    reason=given.reason,
                    epoch=given.epoch,
                )
                self._planner.everybody()
            case _:
                assert_never(given)

    def time_passed(self, now: Now) -> None:
        """Give up claims whose answer does not come."""
        for attempt, waiting in list(self._waiting.items()):
            if now.monotonic >= waiting.deadline:
                self._denied(ClaimDenied(attempt=attempt, reason="no_answer"), now)

    def _granted(self, granted: ClaimGranted, now: Now) -> None:
        waiting = self._waiting.pop(granted.attempt, None)
        if waiting is None:
            return  # Given up before; the fleet's own check would refuse the dial, too.
        line = self._lines.named(waiting.ask.line)
        proof = ClaimProof(
            sequence=granted.sequence,
            number=granted.number,
            pid=waiting.ask.pid,
            dial_by=granted.dial_by,
        )
        line.claiming = False
        why: str | None
        if now.monotonic > granted.dial_by:
            why = "late"
        elif not line.idle:
            why = "line"
        else:
            why = self._begin(line, waiting.subject, granted.attempt, waiting.pressed, proof, now)
        if why is not None:
            self._unused(waiting, proof.number, proof.sequence, why, now)

    def _denied(self, denied: ClaimDenied, now: Now) -> None:
        waiting = self._waiting.pop(denied.attempt, None)
        if waiting is None:
            return
        self._lines.named(waiting.ask.line).claiming = False
        for attempt in denied.elsewhere:
            self._elsewhere(waiting, attempt, now)
        if denied.sequence:
            self._unused(waiting, denied.number, denied.sequence, denied.reason, now)
            return
        self._recorder.record(
            "fleet.claim_refused",
            waiting.subject,
            now,
            attempt=denied.attempt,
            reason=denied.reason,
            detail=denied.detail,
        )
        about_person = denied.reason in ABOUT_PERSON
        self._reconsider(waiting, now, RECONSIDER if about_person else ASK_AGAIN)

    def _unused(self, waiting: Waiting, number: int, sequence: int, why: str, now: Now) -> None:
        """Record that a claim is in the log and nobody was dialled: the attempt counts."""
        self._recorder.record(
            "fleet.claim_unused",
            waiting.subject,
            now,
            attempt=waiting.ask.attempt,
            purpose=self._purpose,
            reason=why,
            claim={"pid": waiting.ask.pid, "number": number, "sequence": sequence},
        )
        self._reconsider(waiting, now)

    def _elsewhere(self, waiting: Waiting, attempt: AttemptElsewhere, now: Now) -> None:
        """Let an attempt of another box count for this one's rules, once its end is known."""
        outcome = attempt.outcome
        if not attempt.ended:
            if now.utc - attempt.at < LOST and not attempt.prior:
                return  # A call may be under way: asked again, it will be known.
            outcome = Outcome.UNKNOWN
        elif outcome is None:
            outcome = Outcome.FAILED
        self._recorder.record(
            "fleet.attempt_elsewhere",
            waiting.subject,
            now,
            attempt=attempt.attempt,
            purpose=self._purpose,
            box=attempt.box,
            number=attempt.number,
            made_at=attempt.at.isoformat(),
            ended_at=(attempt.ended_at or attempt.at).isoformat(),
            outcome=outcome.value,
        )

    def _reconsider(self, waiting: Waiting, now: Now, pause: timedelta = RECONSIDER) -> None:
        self._planner.plan(waiting.subject, now, now.utc + pause)

    def _objected(self, objected: ObjectedElsewhere, now: Now) -> None:
        """End a call with that person at once; their own row follows (:meth:`portion`)."""
        self._lines.withdraw_claimed(objected.pid, OBJECTED, now)
        if self._known_as:
            self._objectors[objected.pid] = None
        else:
            self._scan_again = True

    def portion(self, now: Now) -> None:
        """Look at a bounded number of people for who objected elsewhere.

        Nobody of them can be dialled before, since the gate asks for the person's own pseudonym;
        this only brings their rows and the registry up to date. The first look, and one after an
        import, goes through everybody and remembers who has which pseudonym, so that each further
        objection costs a look at one person and not at ten thousand.
        """
        for pid in [*islice(self._objectors, SCANNED_PER_STEP)]:
            del self._objectors[pid]
            key = self._known_as.get(_short(pid))
            if key is not None and self._look_at(key, now) != pid:
                self._scan_again = True  # Somebody else by now, or erased: seldom.
        if self._to_scan is None:
            if not self._scan_again:
                return
            self._scan_again = False
            self._to_scan = iter(self._people.subjects())
        some = [*islice(self._to_scan, SCANNED_PER_STEP)]
        for key in some:
            found = self._look_at(key, now)
            if found is not None:
                self._known_as[_short(found)] = key
        if len(some) < SCANNED_PER_STEP:
            self._to_scan = None

    def _look_at(self, key: HexId, now: Now) -> str | None:
        """Bring one person's rows up to date; return their pseudonym, None where nobody is."""
        contact = self._people.contact(hex_text(key))
        if contact is None:
            return None
        pid = self._fleet.pseudonym(contact.number)
        at = self._fleet.objected(pid)
        if at is not None:
            self.revoke(contact, at, now)
        return pid

    def _name(self, subject: str, now: Now) -> None:
        """Record by what name the fleet hears of an objection, or that it need not."""
        contact = self._people.contact(subject)
        pid, said = None, {}
        if contact is not None:
            history = self._recorder.state.history(subject, contact.number_hash)
            revocation = history.revocation
            newer = revocation is None or any(
                consent.given_at > revocation.at for consent in self._people.consents(subject)
            )
            if revocation is not None and not newer:
                pid = self._fleet.pseudonym(contact.number)
                said = {"by": revocation.by, "said_at": revocation.at.isoformat()}
        self._recorder.record("fleet.objection", subject, now, pid=pid, **said)

    def revoke(self, contact: Contact, at: datetime, now: Now) -> None:
        """Record for a registered person what another box heard, unless it is known here.

        A consent that was given after the objection is left alone; in this campaign the fleet's
        log refuses the person all the same.
        """
        history = self._recorder.state.history(contact.subject, contact.number_hash)
        consents = self._people.consents(contact.subject)
        newest = max((consent.given_at for consent in consents), default=None)
        if newest is not None and newest > at:
            return
        if history.revocation is not None and (newest is None or history.revocation.at >= newest):
            return
        self._withdrawals.revoke(
            contact.subject,
            contact.number_hash,
            OBJECTED,
            now,
            pid=self._fleet.pseudonym(contact.number),
            heard_at=at.isoformat(),
        )

    def _stopped(self, stopped: FleetStopped, now: Now) -> None:
        if stopped.hang_up:
            # Hang-ups go ahead of the row: they guard nothing and must not wait for the disk.
            self._lines.move_all(StopRaised(at=now.monotonic, source="fleet"), now)
        self._recorder.record(
            "fleet.stopped",
            None,
            now,
            by=stopped.by,
            reason=stopped.reason,
            epoch=stopped.epoch,
            hang_up=stopped.hang_up,
        )


def _short(pid: str) -> int:
    """Return the first 60 bits of a pseudonym: a number of 32 bytes, for a hundred thousand."""
    return int(pid[:15], 16)
