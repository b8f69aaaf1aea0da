"""Turning a chance into a call: the scheduler's next person, the gate's verdict, a line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from appliance.call.attempt import begin
from appliance.call.state import Keys
from appliance.campaign.interfaces import Gate, People
from appliance.campaign.lines import Lines, LineState
from appliance.campaign.planner import Planner
from appliance.campaign.recorder import Recorder
from appliance.clearance.circumstances import Circumstances
from appliance.effects import Now
from appliance.model import Campaign, Clearance, Contact, Verdict

DECISIONS_PER_STEP = 32
"""Gate evaluations per step; the next step goes on where this one stopped."""
RECONSIDER = timedelta(minutes=5)
"""Pause before a refusal that names no end is looked at again."""


def circumstances(
    recorder: Recorder,
    now: Now,
    *,
    contact_open: bool,
    bench: bool,
    pressed: bool,
    call_seconds: float,
    line_ready: bool = True,
) -> Circumstances:
    """Return how the box stands at *now*, for the gate: the only place that reads it together."""
    return Circumstances(
        now=now,
        stopped=recorder.state.stopped or contact_open,
        paused=recorder.state.paused,
        storage_ok=recorder.storage_failure is None,
        line_ready=line_ready,
        bench=bench,
        pressed=pressed,
        call_seconds=call_seconds,
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
    ) -> None:
        self._campaign = campaign
        self._keys = Keys(listen=campaign.listen_key, object=campaign.object_key)
        self._gate = gate
        self._people = people
        self._recorder = recorder
        self._lines = lines
        self._planner = planner
        self._ids = ids
        self._call_seconds = call_seconds

    def place(self, now: Now, *, limit: int, pressed: bool, contact_open: bool) -> None:
        """Begin up to *limit* calls, in the scheduler's order.

        *pressed* says that a person asked for this one call; *contact_open*, that the stop
        contact is open, whatever the ledger says.
        """
        idle = self._lines.idle[:limit]
        for _ in range(DECISIONS_PER_STEP):
            subject = self._planner.take(now) if idle else None
            if subject is None:
                return
            if subject:
                self._try(subject, idle, now, pressed=pressed, contact_open=contact_open)

    def _try(
        self, subject: str, idle: list[LineState], now: Now, *, pressed: bool, contact_open: bool
    ) -> None:
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
            script = self._campaign.script(contact.language)
            asked = circumstances(
                self._recorder,
                now,
                contact_open=contact_open,
                bench=bench,
                pressed=pressed,
                call_seconds=self._call_seconds[script.language],
            )
            decision = self._gate.decide(contact, consents, history, asked)
            if decision.clearance is not None:
                line = next(line for line in idle if line.bench is bench)
                idle.remove(line)
                self._begin(line, contact, decision.clearance, now)
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

    def _begin(self, line: LineState, contact: Contact, clearance: Clearance, now: Now) -> None:
        begun = begin(
            clearance,
            script=self._campaign.script(contact.language),
            timers=self._campaign.timers,
            keys=self._keys,
            line=line.name,
            attempt=next(self._ids),
            number_hash=contact.number_hash,
            now=now,
            purpose=self._campaign.purpose,
            linger=line.linger,
        )
        self._lines.begin(line, begun, now)
