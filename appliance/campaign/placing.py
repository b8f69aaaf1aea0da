"""Turning a chance into a call: the scheduler's next person, the gate's verdict, a line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from appliance.call.attempt import begin
from appliance.call.state import ClaimProof, Keys
from appliance.campaign.claims import Claims
from appliance.campaign.fleet_inputs import Fleet, standing
from appliance.campaign.interfaces import Gate, People
from appliance.campaign.line_limits import LineLimits, Reached
from appliance.campaign.lines import Lines, LineState
from appliance.campaign.planner import Planner
from appliance.campaign.recorder import Recorder
from appliance.clearance.circumstances import Circumstances, FleetStanding
from appliance.effects import Now
from appliance.model import Campaign, Clearance, Contact, Verdict
from firmware.wording import worded

DECISIONS_PER_STEP = 32
"""Gate evaluations per step; the next step goes on where this one stopped."""
RECONSIDER = timedelta(minutes=5)
"""Pause before a refusal that names no end is looked at again."""


def circumstances(
    recorder: Recorder,
    now: Now,
    *,
    bench: bool,
    pressed: bool,
    call_seconds: float,
    line_ready: bool = True,
    fleet: FleetStanding | None = None,
    limit: str | None = None,
) -> Circumstances:
    """Return how the box stands at *now*, for the gate: the only place that reads it together."""
    return Circumstances(
        now=now,
        stopped=recorder.state.stopped or recorder.contact_open,
        paused=recorder.state.paused,
        storage_ok=recorder.storage_failure is None,
        doubt=recorder.doubts.sentence,
        line_ready=line_ready,
        bench=bench,
        pressed=pressed,
        call_seconds=call_seconds,
        fleet=fleet,
        limit=limit,
    )


class Placer:
    """Begins calls. ``call_seconds`` is the longest call in each language of the campaign."""

    def __init__(
        self,
        *,
        campaign: Campaign,
        gate: Gate,
        people: People,
        recorder: Recorder,
        lines: Lines,
        planner: Planner,
        ids: Iterator[str],
        call_seconds: Mapping[str, float],
        fleet: Fleet | None,
        limits: Mapping[str, LineLimits],
    ) -> None:
        self._limits = limits
        self._campaign = campaign
        self._keys = Keys(listen=campaign.listen_key, object=campaign.object_key)
        self._gate = gate
        self._people = people
        self._recorder = recorder
        self._lines = lines
        self._planner = planner
        self._ids = ids
        self._call_seconds = call_seconds
        self._fleet = fleet
        self.claims: Claims | None = None
        """Asks the fleet before each call, where this box belongs to one."""
        self.retired = False
        """The box is ending: a grant that still comes begins no call."""

    def reached(self, now: Now) -> dict[str, Reached]:
        """Return the limit that keeps each line from a further call, of those that have one."""
        longest = max(self._call_seconds.values())
        found = (
            self._recorder.state.usage.reached(name, limits, now.utc, longest)
            for name, limits in self._limits.items()
        )
        return {one.line: one for one in found if one is not None}

    def open_lines(self, now: Now) -> list[LineState]:
        """Return the idle lines whose limits leave room for a call, the longest unused first."""
        idle = self._lines.idle
        if not idle or not self._limits:
            return idle
        reached = self.reached(now)
        return [line for line in idle if line.name not in reached]

    def balance_told(self, line: str, amount: float, now: Now) -> None:
        """Record a balance under the line's alarm, once a day."""
        limits = self._limits.get(line)
        if limits is None or limits.alarm_below is None or amount >= limits.alarm_below:
            return
        detail = worded(
            "the SIM's balance is {amount:g}, under {alarm_below:g}",
            amount=amount,
            alarm_below=limits.alarm_below,
        )
        low = Reached(line=line, limit="balance", detail=detail, until=now.utc)
        if not self._recorder.state.usage.was_told(low, now.utc):
            self._recorder.record(
                "limit.reached", None, now, line=line, limit="balance", detail=detail
            )

    def tell_limits(self, now: Now) -> None:
        """Record each limit once when it is reached."""
        for one in self.reached(now).values() if self._limits else ():
            if not self._recorder.state.usage.was_told(one, now.utc):
                self._recorder.record(
                    "limit.reached",
                    None,
                    now,
                    line=one.line,
                    limit=one.limit,
                    detail=one.detail,
                    until=one.until.isoformat(timespec="seconds"),
                )

    def place(self, now: Now, *, limit: int, pressed: bool) -> None:
        """Begin up to *limit* calls, in the scheduler's order.

        *pressed* says that a person asked for this one call.
        """
        idle = self.open_lines(now)[:limit]
        for _ in range(DECISIONS_PER_STEP):
            subject = self._planner.take(now) if idle else None
            if subject is None:
                return
            if subject:
                self._try(subject, idle, now, pressed=pressed)

    def _try(self, subject: str, idle: list[LineState], now: Now, *, pressed: bool) -> None:
        """Ask the gate at this very instant and, where it clears, begin the call."""
        contact = self._people.contact(subject)
        if contact is None:
            return
        consents = self._people.consents(subject)
        history = self._recorder.state.history(subject, contact.number_hash)
        due = self._planner.due(history, consents)
        if due is None or due > now.utc:
            self._planner.plan(subject, now)
            return
        refusals: tuple[Verdict, ...] = ()
        kinds = dict.fromkeys(line.bench for line in idle)
        for bench in kinds:
            asked = self._asked(contact, now, bench=bench, pressed=pressed)
            decision = self._gate.decide(contact, consents, history, asked)
            if decision.clearance is not None:
                line = next(line for line in idle if line.bench is bench)
                idle.remove(line)
                if self.claims is None:
                    self._begin(line, contact, decision.clearance, now, attempt=next(self._ids))
                else:
                    self.claims.ask(line, contact, pressed=pressed, now=now)
                return
            refusals = decision.refusals
        rules = tuple(verdict.rule for verdict in refusals)
        if self._planner.refusal_of(subject) != rules:
            self._recorder.record("call.refused", subject, now, rules=list(rules))
        elsewhere = self._lines.kinds - set(kinds)
        if not elsewhere and any(verdict.until is None for verdict in refusals):
            # Waiting changes nothing: this number, this caller, this kind of line.
            self._planner.park(subject, rules)
        else:
            self._planner.plan(subject, now, now.utc + RECONSIDER)

    def _asked(self, contact: Contact, now: Now, *, bench: bool, pressed: bool) -> Circumstances:
        return circumstances(
            self._recorder,
            now,
            bench=bench,
            pressed=pressed,
            call_seconds=self._call_seconds[self._campaign.script(contact.language).language],
            fleet=standing(self._fleet, contact.number),
            # Only lines that have room are asked about.
            limit="" if self._limits else None,
        )

    def claimed(
        self,
        line: LineState,
        subject: str,
        attempt: str,
        pressed: bool,
        claim: ClaimProof,
        now: Now,
    ) -> str | None:
        """Begin the call on a grant of the fleet, if the gate still agrees; else say why not."""
        contact = self._people.contact(subject)
        state = self._recorder.state
        if contact is None:
            return "erased"
        asked = self._asked(contact, now, bench=line.bench, pressed=pressed)
        decision = self._gate.decide(
            contact,
            self._people.consents(subject),
            state.history(subject, contact.number_hash),
            asked,
        )
        if self.retired:
            return "ending"
        if line.name in self.reached(now):
            return "limit"
        if decision.clearance is None:
            return " ".join(verdict.rule for verdict in decision.refusals)
        self._begin(line, contact, decision.clearance, now, attempt=attempt, claim=claim)
        return None

    def _begin(
        self,
        line: LineState,
        contact: Contact,
        clearance: Clearance,
        now: Now,
        *,
        attempt: str,
        claim: ClaimProof | None = None,
    ) -> None:
        begun = begin(
            clearance,
            script=self._campaign.script(contact.language),
            timers=self._campaign.timers,
            keys=self._keys,
            line=line.name,
            attempt=attempt,
            number_hash=contact.number_hash,
            now=now,
            purpose=self._campaign.purpose,
            linger=line.linger,
            claim=claim,
        )
        self._lines.begin(line, begun, now)
