"""Who is called next, on which line, and what happens to everything that comes in.

One step takes one input at one instant and returns what the shell must do, in order. All that
the engine knows about the past is the ledger's fold
(:class:`~appliance.campaign.history.CampaignState`); it applies its own records to that fold as it
emits them, so a restarted box and a running one cannot disagree. Nothing here reads a clock, a file
or a random number.

Long because every input that the box can take stands here, side by side with what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from appliance.call import incoming_state, ledger_rows
from appliance.call.state import AttemptState, ShutDown, Withdrawn
from appliance.campaign import inputs, interruptions
from appliance.campaign.claims import Claims
from appliance.campaign.doubts import HOST, Doubts
from appliance.campaign.fleet_inputs import (
    ClaimDenied,
    ClaimGranted,
    Fleet,
    FleetResumed,
    FleetStopped,
    NameObjections,
    ObjectedElsewhere,
    standing,
)
from appliance.campaign.history import CampaignState
from appliance.campaign.idleness import Condition, Idle, explain
from appliance.campaign.incoming_calls import IncomingCalls
from appliance.campaign.inputs import Input
from appliance.campaign.interfaces import Gate, People
from appliance.campaign.line_limits import Reached
from appliance.campaign.lines import Lines
from appliance.campaign.messages import Messages
from appliance.campaign.options import Options
from appliance.campaign.placing import Placer, circumstances
from appliance.campaign.planner import Planner
from appliance.campaign.recorder import Recorder
from appliance.campaign.scheduler import Scheduler
from appliance.campaign.withdrawals import Withdrawals
from appliance.clearance.circumstances import Circumstances, longest_call
from appliance.effects import Effect, Entry, Now
from appliance.model import Campaign, hex_text
from firmware import events
from firmware.wording import joined, worded

CLAIM_WAIT = 30.0
"""Box seconds after which a claim without an answer is given up; the fleet's own bound is two."""
HELD = worded("start held for five seconds")
"""Why a stop was reset at the panel, where nobody can type a reason."""
CLOCK_STEP = 60.0
"""Seconds of calendar time gained or lost against the box clock that void all plans."""


class Engine:
    """The campaign's decisions. ``lines`` maps each line's name to whether it is a bench line.

    ``ids`` yields a fresh attempt id each time (32 random hex digits in life, a counter in a
    simulation). ``scheduler`` makes the order of people; only a bench that compares orders
    gives another one.
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
        options: Options | None = None,
        fleet: Fleet | None = None,
        claim_wait: float = CLAIM_WAIT,
        scheduler: Callable[[], Scheduler] = Scheduler,
    ) -> None:
        self._campaign = campaign
        self._people = people
        self._state = state
        self._options = options or Options()
        call_seconds = {
            language: longest_call(script, campaign.timers)
            for language, script in campaign.scripts.items()
        }
        self._recorder = Recorder(state)
        self._planner = Planner(
            gate=gate,
            people=people,
            state=state,
            retry=campaign.retry,
            purpose=campaign.purpose,
            call_seconds=max(call_seconds.values()),
            bench=any(lines.values()),
            scheduler=scheduler,
        )
        self._lines = Lines(lines, self._recorder, freed=self._planner.later)
        self._withdrawals = Withdrawals(
            people=people,
            recorder=self._recorder,
            lines=self._lines,
            planner=self._planner,
            confirmation=self._options.confirmation,
        )
        self._messages = Messages(
            people=people,
            recorder=self._recorder,
            withdrawals=self._withdrawals,
            planner=self._planner,
            phrasebook=self._options.phrasebook,
            ids=ids,
        )
        self._iccids: dict[str, str | None] = {}
        """Of each line's SIM: its country reads national numbers."""
        self._incoming = IncomingCalls(
            campaign=campaign,
            people=people,
            recorder=self._recorder,
            lines=self._lines,
            withdrawals=self._withdrawals,
        )
        self._placer = Placer(
            campaign=campaign,
            gate=gate,
            people=people,
            recorder=self._recorder,
            lines=self._lines,
            planner=self._planner,
            ids=ids,
            call_seconds=call_seconds,
            fleet=fleet,
            limits={n: one for n, one in self._options.limits.items() if n in lines},
        )
        self._fleet = fleet
        self._claims: Claims | None = None
        if fleet is not None:
            self._claims = self._placer.claims = Claims(
                fleet=fleet,
                people=people,
                recorder=self._recorder,
                lines=self._lines,
                planner=self._planner,
                withdrawals=self._withdrawals,
                ids=ids,
                purpose=campaign.purpose,
                wait=claim_wait,
                begin=self._placer.claimed,
            )
        self._trusted: bool | None = None
        self._offset: float | None = None
        self._panel_ok = True
        self._dials_from: float | None = None
        """Box-monotonic time before which nobody is dialled, after an end within a call."""

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

    def upcoming(self, most: int) -> list[tuple[str, datetime, int]]:
        """Return who is likely called next: subject, when their chance opens, calls so far."""
        return [
            (hex_text(subject), datetime.fromtimestamp(opens, UTC), attempts)
            for opens, _, attempts, subject in self._planner.scheduler.upcoming(most)
        ]

    @property
    def calls(self) -> dict[str, AttemptState]:
        """The running call of each line that has one."""
        return self._lines.calls

    @property
    def incoming_calls(self) -> Mapping[str, incoming_state.Live]:
        """The incoming call of each line that has one."""
        return self._incoming.running

    @property
    def ready_lines(self) -> tuple[str, ...]:
        return self._lines.ready

    @property
    def unconfirmed_lines(self) -> set[str]:
        """Lines that have not confirmed the end of their last call."""
        return self._lines.unconfirmed | self._incoming.unconfirmed

    @property
    def line_faults(self) -> dict[str, events.LineFault]:
        return self._lines.faults

    @property
    def stop_contact_open(self) -> bool:
        """The stop button is pressed, or its wire is cut."""
        return self._recorder.contact_open

    @property
    def audio_ok(self) -> bool:
        """False once a call's voice failed, until one worked."""
        return self._lines.audio_ok

    @property
    def panel_ok(self) -> bool:
        """False from a fault of a button or lamp until all of them worked again."""
        return self._panel_ok

    @property
    def storage_failure(self) -> str | None:
        return self._recorder.storage_failure

    @property
    def doubts(self) -> Doubts:
        """What a person must look at before anybody is called."""
        return self._recorder.doubts

    def circumstances(
        self,
        now: Now,
        *,
        bench: bool,
        call_seconds: float,
        line_ready: bool = True,
        number: str | None = None,
    ) -> Circumstances:
        """Return how the box stands, for a question to the gate about one call that a person
        asks for."""
        return circumstances(
            self._recorder,
            now,
            bench=bench,
            pressed=True,
            call_seconds=call_seconds,
            line_ready=line_ready,
            fleet=None if number is None else standing(self._fleet, number),
            limit=joined(
                "; ", [joined(": ", [one.line, one.detail]) for one in self.limits_reached(now)]
            )
            if self._options.limits
            else None,
        )

    def reset_refusal(self) -> str | None:
        """Return why a :class:`~appliance.campaign.inputs.Reset` would be refused, or None."""
        if not self._state.stopped:
            return worded("the emergency stop is not latched")
        if self._recorder.contact_open:
            return worded("the stop button is still pressed, or its wire is cut: release it first")
        return None

    def wake_at(self, now: Now) -> float | None:
        """Return the box-monotonic time of the next step that can matter, or None."""
        times = self._lines.deadlines + self._incoming.deadlines
        if self._claims is not None:
            times += self._claims.deadlines
            if self._claims.scanning and now.trusted and self.storage_failure is None:
                times.append(now.monotonic)
        if now.trusted and self.storage_failure is None and not self._planner.settled:
            times.append(now.monotonic)
        elif not self._campaign.attended and not self._blocked(now):
            opening = None
            if self._lines.any_idle and not self._placer.retired:
                opening = self._planner.scheduler.next_opening(now.utc)
                if opening is not None and not self._placer.open_lines(now):
                    frees = [one.until for one in self._placer.reached(now).values()]
                    opening = max(opening, min(frees, default=opening))
            if opening is not None:
                wait = max((opening - now.utc).total_seconds(), 0.0)
                times.append(now.monotonic + wait)
        elif self._dials_from is not None and self._waits(now):
            times.append(self._dials_from)
        return min(times, default=None)

    def finished(self, now: Now, horizon: timedelta | None = None) -> bool:
        """Whether nobody is in a call and nobody may be called (within *horizon*, if given)."""
        if self._lines.calls or self._incoming.running or self.claims_running:
            return False
        if not now.trusted or self._trusted is None or self.doubts:
            return False
        if not self._planner.settled:
            return False
        opening = self._planner.scheduler.next_opening(now.utc)
        return opening is None or (horizon is not None and opening > now.utc + horizon)

    @property
    def claims_running(self) -> int:
        """Attempts for which the fleet is being asked."""
        return 0 if self._claims is None else self._claims.running

    def why_idle(self, now: Now) -> Idle:
        """Say in one sentence why nobody is being dialled at this instant."""
        return explain(self._condition(now))

    def _blocked(self, now: Now) -> bool:
        """Whether the whole box may dial nobody (:func:`appliance.campaign.idleness.blocked` says
        why)."""
        return (
            self.storage_failure is not None
            or bool(self.doubts)
            or self._state.stopped
            or self._recorder.contact_open
            or self._state.paused
            or not now.trusted
            or not self._lines.any_ready
            or (self._fleet is not None and self._fleet.barred() is not None)
            or self._waits(now)
        )

    def limits_reached(self, now: Now) -> tuple[Reached, ...]:
        """Return the limits that keep lines from calling, where no line is left that may."""
        if not self._lines.idle or self._placer.open_lines(now):
            return ()
        idle = {line.name for line in self._lines.idle}
        return tuple(one for one in self._placer.reached(now).values() if one.line in idle)

    def line_limit(self, name: str, now: Now) -> Reached | None:
        """Return the limit that keeps the line *name* from a further call, or None."""
        return self._placer.reached(now).get(name)

    def _waits(self, now: Now) -> bool:
        """Whether the pause after an end within a call still runs."""
        return self._dials_from is not None and now.monotonic < self._dials_from

    def _condition(self, now: Now) -> Condition:
        return Condition(
            now=now,
            storage_failure=self.storage_failure,
            doubt=self.doubts.sentence,
            stopped=self._state.stopped,
            contact_open=self._recorder.contact_open,
            paused=self._state.paused,
            interrupted=self._state.interruptions.held,
            dials_in=self._dials_from - now.monotonic
            if self._dials_from is not None and self._waits(now)
            else None,
            attended=self._campaign.attended,
            line_faults=tuple(self._lines.faults.values()),
            lines_ready=len(self._lines.ready),
            lines_idle=len(self._lines.idle),
            calls_running=len(self._lines.calls) + len(self._incoming.running),
            planned=self._planner.complete,
            refused=self._planner.refused,
            fleet=None if self._fleet is None else self._fleet.barred(),
            limits=self.limits_reached(now),
            next_opening=self._planner.scheduler.next_opening(now.utc),
        )

    # --- deciding ----------------------------------------------------------------------------

    def recover(self, now: Now) -> list[Effect]:
        """Close what a crash left open; the first call on a new engine.

        An attempt without an outcome counts as made and is never redialled by itself.
        """
        for open_attempt in self._state.open_attempts.values():
            self._recorder.emit(ledger_rows.lost(open_attempt), now)
        if self._options.start_paused and not self._state.paused:
            self._record("dialling.paused", None, now, by="start")
        # In attended mode a person presses for each call, and nobody is rung by the start itself.
        if not self._campaign.attended:
            pause = self._state.interruptions.pause
            if self._state.interruptions.held and not self._state.paused:
                self._record("dialling.paused", None, now, by=interruptions.BY)
            elif pause is not None:
                self._dials_from = now.monotonic + pause.total_seconds()
        self._planner.everybody()
        return self._recorder.take()

    def step(self, given: Input, now: Now) -> list[Effect]:
        """Take one input at one instant; return what to do, in order."""
        self._watch_clock(now)
        press = self._take(given, now)
        if isinstance(given, inputs.Tick):
            # Every batch ends with one. Before it, what has happened may still stand behind this
            # input: no deadline passes while the event that meets it waits to be taken.
            self._lines.time_passed(now)
            self._incoming.time_passed(now)
        if self._claims is not None:
            self._claims.time_passed(now)
            if now.trusted and self.storage_failure is None:
                self._claims.portion(now)
        if now.trusted and self.storage_failure is None:
            self._planner.portion(now)
            self._placer.tell_limits(now)
            attended = self._campaign.attended
            may = self._planner.complete and not self._placer.retired and not self._blocked(now)
            if may and (press or not attended):
                limit = 1 if attended else len(self._lines)
                self._placer.place(now, limit=limit, pressed=attended)
        return self._recorder.take()

    def retire(self) -> None:
        """Begin no further call; not recorded."""
        self._placer.retired = True

    def observe(self, entries: Iterable[Entry], now: Now) -> list[Effect]:
        """Fold rows that the shell wrote by itself (imports, erasures), and act on them."""
        for entry in entries:
            self._state.apply(entry)
            if entry.subject is None:
                if entry.kind in ("message.read", "message.deleted"):
                    # Whose it may have been is not known here.
                    self._planner.everybody()
                continue
            if entry.kind in ("message.read", "message.deleted"):
                self._planner.later((entry.subject,))
            if entry.kind in ("consent.revoked", "contact.erased"):
                by = str(entry.data.get("by", "command"))
                self._withdrawals.withdraw(entry.subject, by, now)
            elif entry.kind == "consent.granted":
                self._planner.later((entry.subject,))
        return self._recorder.take()

    def objector(self, given: events.CallerEvent) -> str | None:
        """Return who objects by calling, as E.164; None where calling is no objection, or nobody
        can tell who called. Changes nothing: may be asked on a line's thread."""
        return self._caller(given) if self._options.incoming_call_objects else None

    def _caller(self, given: events.CallerEvent) -> str | None:
        """Return the caller's number as E.164: of those it can be, one that is registered."""
        if given.number is None:
            return None
        iccid = self._iccids.get(given.line)
        numbers = self._people.possible(given.number, given.kind, iccid)
        known = (number for number in numbers if self._people.by_number(number) is not None)
        return next(known, numbers[0] if numbers else None)

    def _record(self, kind: str, subject: str | None, now: Now, **data: object) -> None:
        self._recorder.record(kind, subject, now, **data)

    def _watch_clock(self, now: Now) -> None:
        if now.trusted != self._trusted:
            if now.trusted:
                self._record("clock.trusted", None, now, source=now.source)
                self._planner.everybody()
            else:
                self._record("clock.lost", None, now, reason=now.source)
            self._trusted = now.trusted
        offset = now.utc.timestamp() - now.monotonic
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
                self._recorder.contact_open = False
            case events.StartPressed():
                return self._start(now)
            case events.StartHeld():
                self._pause("panel", now)
            case events.StartHeldToReset():
                if self.reset_refusal() is None:
                    self._record("stop.reset", None, now, by="panel", reason=HELD)
            case events.PanelFault():
                self._panel_ok = False
                self._record("panel.fault", None, now, detail=given.detail)
            case events.PanelHealed():
                self._panel_ok = True
                self._record("panel.healed", None, now)
            case events.LineReady():
                self._iccids[given.line] = given.iccid
                self._lines.became_ready(given, now)
                self._incoming.became_ready(given.line)
            case events.LineFault():
                self._lines.failed(given, now)
            case events.IncomingRejected() | events.IncomingRinging() | events.WaitingGone():
                objector = self.objector(given)
                caller = objector or self._caller(given)
                if objector is not None:
                    self._withdrawals.objection(objector, "incoming", now, incoming=given.attempt)
                if isinstance(given, events.IncomingRinging):
                    silent = (
                        self._state.stopped or self._recorder.contact_open or self._placer.retired
                    )
                    self._incoming.ringing(replace(given, number=caller), now, stopped=silent)
                elif isinstance(given, events.WaitingGone):
                    self._incoming.gone(replace(given, number=caller), now)
            case events.BalanceTold():
                self._placer.balance_told(given.line, given.amount, now)
            case events.SmsReceived():
                self._messages.received(given, self._iccids.get(given.line), now)
            case (
                events.Dialled()
                | events.Ringing()
                | events.Answered()
                | events.ClipStarted()
                | events.ClipAdvanced()
                | events.ClipFinished()
                | events.KeyHeard()
                | events.KeyConfirmed()
                | events.KeyUnconfirmed()
                | events.MachineHeard()
                | events.AudioFailed()
                | events.Ended()
            ):
                if not self._incoming.takes(given, now):
                    self._lines.call_event(given, now)
            case inputs.Tick():
                pass
            case inputs.Pause():
                self._pause(given.by, now)
            case inputs.Resume():
                self._resume(given.by, now)
            case inputs.Reset():
                if self.reset_refusal() is None:
                    self._record("stop.reset", None, now, by=given.by, reason=given.reason)
            case (
                ClaimGranted()
                | ClaimDenied()
                | ObjectedElsewhere()
                | FleetStopped()
                | FleetResumed()
                | NameObjections()
            ):
                if self._claims is not None:
                    self._claims.take(given, now)
            case inputs.PeopleChanged():
                if self._claims is not None:
                    self._claims.somebody_new()
                if given.subjects is None:
                    self._planner.everybody()
                else:
                    self._planner.later(given.subjects)
            case inputs.Revoke(subject=subject, number_hash=number_hash, by=by):
                self._withdrawals.revoke(subject, number_hash, by, now, said_at=None, **given.told)
            case inputs.ShutDown():
                self.retire()
                self._lines.move_all(ShutDown(), now)
                self._incoming.end("shutdown", now)
            case inputs.StateDoubted():
                new = all(given.doubt.code != doubt.code for doubt in self.doubts.all())
                self.doubts.raised(given.doubt)
                if given.doubt.is_host and new:
                    limit = given.doubt.code.removeprefix(HOST)
                    self._record("limit.reached", None, now, limit=limit, detail=given.doubt.detail)
            case inputs.DoubtSettled():
                self.doubts.settled(given.code)
            case inputs.StorageFailed():
                self._recorder.storage_failure = self.storage_failure or given.detail
                # No objection could be recorded from here on.
                self._lines.move_all(Withdrawn(by="storage"), now)
                self._incoming.end("storage", now)
            case _:
                assert_never(given)
        return False

    def _stop(self, event: events.StopRaised, now: Now) -> None:
        if event.source not in ("command", "fault"):
            self._recorder.contact_open = True
        # Hang-ups go ahead of the row: they guard nothing and must not wait for the disk.
        self._lines.move_all(event, now)
        self._incoming.end("stop", now)
        if not self._state.stopped:
            self._record("stop.pressed", None, now, source=event.source)

    def _start(self, now: Now) -> bool:
        if self._campaign.attended:
            if self._lines.calls or self.claims_running:
                return False
            self._record("panel.pressed", None, now, button="start")
        if not self._state.stopped:
            self._resume("panel", now)
        return self._campaign.attended

    def _pause(self, by: str, now: Now) -> None:
        if not self._state.paused:
            self._record("dialling.paused", None, now, by=by)

    def _resume(self, by: str, now: Now) -> None:
        waits, self._dials_from = self._waits(now), None
        if self._state.paused or waits:
            self._record("dialling.resumed", None, now, by=by)
