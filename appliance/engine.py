"""Who is called next, on which line, and what happens to everything that comes in.

One step takes one input at one instant and returns what the shell must do, in order. All that
the engine knows about the past is the ledger's fold (:class:`~appliance.campaign.CampaignState`);
it applies its own records to that fold as it emits them, so a restarted box and a running one
cannot disagree. Nothing here reads a clock, a file or a random number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from appliance import commands
from appliance.attempt import begin
from appliance.attempt import step as advance
from appliance.call_state import (
    AttemptInput,
    CallEvent,
    Concluded,
    Keys,
    State,
    TimeReached,
    Withdrawn,
)
from appliance.campaign import CampaignState
from appliance.effects import Effect, Entry, Now, Record, Send, StoreRevocation
from appliance.gate import Circumstances, longest_call
from appliance.habits import Habits
from appliance.idleness import Condition, Idle, explain
from appliance.interfaces import Gate, People
from appliance.line_state import LineState
from appliance.model import (
    Campaign,
    Clearance,
    Contact,
    Outcome,
    Revocation,
    Verdict,
)
from appliance.objection import delete, objects
from appliance.planner import Planner
from appliance.redaction import without_numbers
from appliance.scheduler import Scheduler
from firmware import events
from firmware.orders import SendSms

DECISIONS_PER_STEP = 32
"""Gate evaluations per step; the next step goes on where this one stopped."""
RECONSIDER = timedelta(minutes=5)
"""Pause before a refusal that names no end is looked at again."""
CLOCK_STEP = 60.0
"""Seconds of calendar time gained or lost against the box clock that void all plans."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Input = events.Event | commands.Command


class Engine:
    """The campaign's decisions. ``lines`` maps each line's name to whether it is a bench line.

    ``ids`` yields a fresh attempt id each time (32 random hex digits in life, a counter in a
    simulation). ``scheduler`` makes the order of people from the longest call's seconds; only
    a bench that compares orders gives another one.
    """

    def __init__(
        self,
        *,
        campaign: Campaign,
        lines: Mapping[str, bool],
        gate: Gate,
        people: People,
        state: CampaignState,
        ids: Iterator[str],
        habits: Habits | None = None,
        scheduler: Callable[[float], Scheduler] = Scheduler,
    ) -> None:
        self._campaign = campaign
        self._keys = Keys(listen=campaign.listen_key, object=campaign.object_key)
        self._lines = {name: LineState(name, bench) for name, bench in lines.items()}
        self._gate = gate
        self._people = people
        self._state = state
        self._ids = ids
        self._habits = habits or Habits()
        self._call_seconds = {
            language: longest_call(script, campaign.timers)
            for language, script in campaign.scripts.items()
        }
        self._planner = Planner(
            gate=gate,
            people=people,
            state=state,
            retry=campaign.retry,
            purpose=campaign.purpose,
            call_seconds=max(self._call_seconds.values()),
            bench=any(lines.values()),
            scheduler=scheduler,
        )
        self._trusted: bool | None = None
        self._offset: float | None = None
        self._storage_failure: str | None = None
        self._contact_open = False
        self._retired = False
        self._audio_ok = True
        self._effects: list[Effect] = []

    # --- reading -----------------------------------------------------------------------------

    @property
    def state(self) -> CampaignState:
        """The fold, up to and including the effects of the last step."""
        return self._state

    @property
    def refusals(self) -> Mapping[str, int]:
        """People who have no chance of a call as things stand, by the rule that says so."""
        return self._planner.refusals

    @property
    def planned(self) -> int:
        """People who still have a chance of a call."""
        return len(self._planner.scheduler)

    @property
    def calls(self) -> dict[str, State]:
        """The running call of each line that has one."""
        return {line.name: line.call for line in self._lines.values() if line.call is not None}

    @property
    def ready_lines(self) -> tuple[str, ...]:
        return tuple(line.name for line in self._lines.values() if line.ready)

    @property
    def line_faults(self) -> dict[str, events.LineFault]:
        return {n: line.fault for n, line in self._lines.items() if line.fault is not None}

    @property
    def stop_contact_open(self) -> bool:
        """The stop button is pressed, or its wire is cut."""
        return self._contact_open

    @property
    def audio_ok(self) -> bool:
        """False once a call's voice failed, until one worked."""
        return self._audio_ok

    @property
    def storage_failure(self) -> str | None:
        return self._storage_failure

    def reset_refusal(self) -> str | None:
        """Return why a :class:`~appliance.commands.Reset` would be refused, or None."""
        if not self._state.stopped:
            return "the emergency stop is not latched"
        if self._contact_open:
            return "the stop button is still pressed, or its wire is cut: release it first"
        return None

    def wake_at(self, now: Now) -> float | None:
        """Return the box-monotonic time of the next step that can matter, or None."""
        times = [
            line.call.deadline
            for line in self._lines.values()
            if line.call is not None and not isinstance(line.call, Concluded)
        ]
        if now.trusted and self._storage_failure is None and not self._planner.complete:
            times.append(now.monotonic)
        elif not self._campaign.attended and not self._blocked(now):
            opening = None
            if any(line.idle for line in self._lines.values()):
                opening = self._planner.scheduler.next_opening(now.utc)
            if opening is not None:
                wait = max((opening - now.utc).total_seconds(), 0.0)
                times.append(now.monotonic + wait)
        return min(times, default=None)

    def finished(self, now: Now, horizon: timedelta | None = None) -> bool:
        """Whether nobody is in a call and nobody may be called (within *horizon*, if given)."""
        if any(line.call is not None for line in self._lines.values()):
            return False
        if not now.trusted or self._trusted is None:
            return False
        if not self._planner.complete:
            return False
        opening = self._planner.scheduler.next_opening(now.utc)
        return opening is None or (horizon is not None and opening > now.utc + horizon)

    def why_idle(self, now: Now) -> Idle:
        """Say in one sentence why nobody is being dialled at this instant."""
        return explain(self._condition(now))

    def _blocked(self, now: Now) -> bool:
        """Whether the whole box may dial nobody (:func:`appliance.idleness.blocked` says why)."""
        return (
            self._storage_failure is not None
            or self._state.stopped
            or self._contact_open
            or (self._state.paused and not self._campaign.attended)
            or not now.trusted
            or not any(line.ready for line in self._lines.values())
        )

    def _condition(self, now: Now) -> Condition:
        lines = self._lines.values()
        return Condition(
            now=now,
            storage_failure=self._storage_failure,
            stopped=self._state.stopped,
            contact_open=self._contact_open,
            paused=self._state.paused,
            attended=self._campaign.attended,
            line_faults=tuple(line.fault for line in lines if line.fault is not None),
            lines_ready=sum(line.ready for line in lines),
            lines_idle=sum(line.idle for line in lines),
            calls_running=sum(line.call is not None for line in lines),
            planned=self._planner.complete,
            refused=self._planner.refused,
            next_opening=self._planner.scheduler.next_opening(now.utc),
        )

    # --- deciding ----------------------------------------------------------------------------

    def recover(self, now: Now) -> list[Effect]:
        """Close what a crash left open; the first call on a new engine.

        An attempt without an outcome counts as made and is never redialled by itself.
        """
        self._effects = []
        for open_attempt in self._state.open_attempts.values():
            self._record(
                "call.ended",
                open_attempt.subject,
                now,
                attempt=open_attempt.id,
                line=open_attempt.line,
                outcome=Outcome.UNKNOWN.value,
                evidence={"end": "found without an end at start", "confirmed": False},
                cause=None,
                ring_seconds=0.0,
                talk_seconds=0.0,
            )
        if self._habits.start_paused and not self._state.paused:
            self._record("dialling.paused", None, now, by="start")
        self._planner.everybody()
        return self._take_effects()

    def step(self, given: Input, now: Now) -> list[Effect]:
        """Take one input at one instant; return what to do, in order."""
        self._effects = []
        self._watch_clock(now)
        press = self._take(given, now)
        for line in self._lines.values():
            call = line.call
            if call is None or isinstance(call, Concluded):
                continue
            if now.monotonic >= call.deadline:
                self._move(line, TimeReached(), now)
        if now.trusted and self._storage_failure is None:
            self._planner.portion(now)
            if self._planner.complete and not self._retired and not self._blocked(now):
                if self._campaign.attended:
                    if press:
                        self._place(now, limit=1, pressed=True)
                else:
                    self._place(now, limit=len(self._lines), pressed=False)
        return self._take_effects()

    def retire(self) -> None:
        """Begin no further call: the box is ending. Not recorded, a restart knows nothing of it."""
        self._retired = True

    def observe(self, entries: Iterable[Entry], now: Now) -> list[Effect]:
        """Fold rows that the shell wrote by itself (imports, erasures), and act on them."""
        self._effects = []
        for entry in entries:
            self._state.apply(entry)
            if entry.subject is None:
                continue
            if entry.kind in ("consent.revoked", "contact.erased"):
                self._withdraw(entry.subject, str(entry.data.get("by", "command")), now)
            elif entry.kind == "consent.granted":
                self._planner.later((entry.subject,))
        return self._take_effects()

    def _take_effects(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        if self._storage_failure is not None:
            # Nothing can be recorded any more, so nothing may wait behind a record.
            return [effect for effect in effects if isinstance(effect, Send)]
        return effects

    def _record(self, kind: str, subject: str | None, now: Now, **data: object) -> None:
        self._emit(Record(kind=kind, subject=subject, data=data), now)

    def _emit(self, effect: Effect, now: Now) -> None:
        if isinstance(effect, Record):
            effect = replace(effect, data={k: without_numbers(v) for k, v in effect.data.items()})
            if not now.trusted:
                effect = replace(effect, data=effect.data | {"clock": "untrusted"})
            self._state.apply(
                Entry(
                    seq=self._state.seq + 1,
                    at=now.utc,
                    kind=effect.kind,
                    subject=effect.subject,
                    data=effect.data,
                )
            )
        self._effects.append(effect)

    def _watch_clock(self, now: Now) -> None:
        if now.trusted != self._trusted:
            if now.trusted:
                self._record("clock.trusted", None, now, source=now.source)
                self._planner.everybody()
            else:
                self._record("clock.lost", None, now, reason=now.source)
            self._trusted = now.trusted
        offset = (now.utc - _EPOCH).total_seconds() - now.monotonic
        if self._offset is None or abs(offset - self._offset) > CLOCK_STEP:
            if self._offset is not None:
                self._planner.everybody()
            self._offset = offset

    def _take(self, given: Input, now: Now) -> bool:
        """Take one input in; return whether it commands one attended call."""
        match given:
            case events.StopRaised():
                self._stop(given, now)
            case events.StopReleased():
                self._contact_open = False
            case events.StartPressed():
                return self._start(now)
            case events.StartHeld():
                self._pause("panel", now)
            case events.PanelFault():
                self._record("panel.fault", None, now, detail=given.detail)
            case events.LineReady():
                self._line_ready(given, now)
            case events.LineFault():
                self._line_fault(given, now)
            case events.IncomingRejected():
                if self._habits.incoming_call_objects and given.number is not None:
                    self._objection(given.number, "incoming", now)
            case events.SmsReceived():
                if objects(given.text, self._habits.objection_words):
                    self._objection(given.number, "sms", now, line=given.line)
                if self._storage_failure is None:
                    self._emit(Send(order=delete(given)), now)
            case (
                events.Dialled()
                | events.Ringing()
                | events.Answered()
                | events.ClipStarted()
                | events.ClipFinished()
                | events.KeyHeard()
                | events.KeyConfirmed()
                | events.KeyUnconfirmed()
                | events.MachineHeard()
                | events.AudioFailed()
                | events.Ended()
            ):
                self._call_event(given, now)
            case commands.Tick():
                pass
            case commands.Pause():
                self._pause(given.by, now)
            case commands.Resume():
                self._resume(given.by, now)
            case commands.Reset():
                if self.reset_refusal() is None:
                    self._record("stop.reset", None, now, by=given.by, reason=given.reason)
            case commands.PeopleChanged():
                if given.subjects is None:
                    self._planner.everybody()
                else:
                    self._planner.later(given.subjects)
            case commands.Revoke():
                self._revoke(given.subject, given.number_hash, given.by, now)
            case commands.StorageFailed():
                self._storage_failure = self._storage_failure or given.detail
                for line in self._lines.values():
                    # No objection could be recorded from here on.
                    self._move(line, Withdrawn(by="storage"), now)
            case _:
                assert_never(given)
        return False

    def _stop(self, event: events.StopRaised, now: Now) -> None:
        if event.source != "command":
            self._contact_open = True
        # Hang-ups go ahead of the row: they guard nothing and must not wait for the disk.
        for line in self._lines.values():
            self._move(line, event, now)
        if not self._state.stopped:
            self._record("stop.pressed", None, now, source=event.source)

    def _start(self, now: Now) -> bool:
        if not self._campaign.attended:
            if not self._state.stopped:
                self._resume("panel", now)
            return False
        if any(line.call is not None for line in self._lines.values()):
            return False
        self._record("panel.pressed", None, now, button="start")
        if not self._state.stopped:
            self._resume("panel", now)
        return True

    def _pause(self, by: str, now: Now) -> None:
        if not self._state.paused:
            self._record("dialling.paused", None, now, by=by)

    def _resume(self, by: str, now: Now) -> None:
        if self._state.paused:
            self._record("dialling.resumed", None, now, by=by)

    def _line_ready(self, event: events.LineReady, now: Now) -> None:
        line = self._lines.get(event.line)
        if line is None:
            return
        if line.fault is not None:
            self._record("line.healed", None, now, line=line.name, fault=line.fault.fault)
        line.ready, line.fault, line.unconfirmed = True, None, None

    def _line_fault(self, event: events.LineFault, now: Now) -> None:
        line = self._lines.get(event.line)
        if line is None:
            return
        if line.fault is None or (line.fault.fault, line.fault.final) != (event.fault, event.final):
            self._record(
                "line.fault",
                None,
                now,
                line=line.name,
                fault=event.fault,
                detail=event.detail,
                remedy=event.remedy,
                final=event.final,
            )
        line.ready, line.fault = False, event

    def _call_event(self, event: CallEvent, now: Now) -> None:
        line = self._lines.get(event.line)
        if line is None:
            return
        if line.call is not None and line.call.call.attempt == event.attempt:
            self._move(line, event, now)
        elif (
            isinstance(event, events.Ended)
            and event.confirmed
            and line.unconfirmed == event.attempt
        ):
            line.unconfirmed = None

    def _move(self, line: LineState, event: AttemptInput, now: Now) -> None:
        if line.call is None:
            return
        moved = advance(line.call, event, now)
        line.call = moved.state
        for effect in moved.effects:
            self._emit(effect, now)
        if isinstance(moved.state, Concluded):
            call, facts = moved.state.call, moved.state.facts
            if facts.introduced or facts.presses or facts.audio_failure is not None:
                self._audio_ok = facts.audio_failure is None
            line.call = None
            line.used_at = now.monotonic
            if not moved.state.confirmed:
                line.unconfirmed = call.attempt
            self._planner.later((call.subject,))

    # --- objections --------------------------------------------------------------------------

    def _objection(self, number: str, by: str, now: Now, *, line: str | None = None) -> None:
        number_hash = self._people.number_hash(number)
        if number_hash is None:
            return
        contact = self._people.by_number(number)
        subject = None if contact is None else contact.subject
        new = self._revoke(subject, number_hash, by, now)
        if new and line is not None and self._habits.confirmation:
            text = self._habits.confirmation
            self._emit(Send(order=SendSms(line=line, number=number, text=text)), now)

    def _revoke(self, subject: str | None, number_hash: str, by: str, now: Now) -> bool:
        """Record a withdrawal unless it changes nothing; returns whether it was recorded."""
        known = self._state.history(subject or "", number_hash).revocation
        consents = () if subject is None else self._people.consents(subject)
        newest = max((max(c.given_at, c.recorded_at) for c in consents), default=_EPOCH)
        new = known is None or newest > known.at
        if new:
            self._record("consent.revoked", subject, now, by=by, number_hash=number_hash)
            if subject is not None:
                # The row's order says when; an untrusted clock must not date it before the yes.
                at = max(now.utc, newest, self._state.newest_at or now.utc)
                revocation = Revocation(at=at, by=by)
                self._emit(StoreRevocation(subject=subject, revocation=revocation), now)
        if subject is not None:
            self._withdraw(subject, by, now)
        return new

    def _withdraw(self, subject: str, by: str, now: Now) -> None:
        self._planner.later((subject,))
        for line in self._lines.values():
            if line.call is not None and line.call.call.subject == subject:
                self._move(line, Withdrawn(by=by), now)

    # --- placing -----------------------------------------------------------------------------

    def _place(self, now: Now, *, limit: int, pressed: bool) -> None:
        """Begin up to *limit* calls, in the scheduler's order."""
        idle = sorted(
            (line for line in self._lines.values() if line.idle), key=lambda line: line.used_at
        )[:limit]
        for _ in range(DECISIONS_PER_STEP):
            taken = self._planner.scheduler.take(now.utc) if idle else None
            if taken is None:
                return
            subject, in_time = taken
            if in_time:
                self._try(subject, idle, now, pressed=pressed)
            else:
                self._planner.plan(subject, now)

    def _try(self, subject: str, idle: list[LineState], now: Now, *, pressed: bool) -> None:
        """Ask the gate at this very instant and, where it clears, begin the call."""
        contact = self._people.contact(subject)
        if contact is None:
            return
        consents = self._people.consents(subject)
        history = self._state.history(subject, contact.number_hash)
        due = self._planner.due(history, consents)
        if due is None or due > now.utc:
            self._planner.plan(subject, now)
            return
        refusals: tuple[Verdict, ...] = ()
        kinds = dict.fromkeys(line.bench for line in idle)
        for bench in kinds:
            circumstances = self._circumstances(contact, now, bench=bench, pressed=pressed)
            decision = self._gate.decide(contact, consents, history, circumstances)
            if decision.clearance is not None:
                line = next(line for line in idle if line.bench is bench)
                idle.remove(line)
                self._begin(line, contact, decision.clearance, now)
                return
            refusals = decision.refusals
        rules = tuple(verdict.rule for verdict in refusals)
        if self._planner.refusal_of(subject) != rules:
            self._record("call.refused", subject, now, rules=list(rules))
        elsewhere = {line.bench for line in self._lines.values()} - set(kinds)
        if not elsewhere and any(verdict.until is None for verdict in refusals):
            # Waiting changes nothing: this number, this caller, this kind of line.
            self._planner.park(subject, rules)
        else:
            self._planner.plan(subject, now, now.utc + RECONSIDER)

    def _circumstances(
        self, contact: Contact, now: Now, *, bench: bool, pressed: bool
    ) -> Circumstances:
        return Circumstances(
            now=now,
            stopped=self._state.stopped or self._contact_open,
            paused=self._state.paused,
            storage_ok=self._storage_failure is None,
            line_ready=True,
            bench=bench,
            pressed=pressed,
            call_seconds=self._call_seconds[self._campaign.script(contact.language).language],
        )

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
        )
        line.call = begun.state
        for effect in begun.effects:
            self._emit(effect, now)
