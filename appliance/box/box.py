"""Save, then act: the shell around the engine, without threads.

A :class:`Box` owns the engine and the opened state. It performs effects in their order, and the
promise of the whole project lies in :meth:`Box.perform`: what stands before a
:class:`~appliance.effects.Send` is on disk when the order goes out. The daemon feeds it events;
a command that finds no daemon uses one without lines.

Long because what must happen between the engine's word and the wire is one order of steps: the
disk, the fleet, the last look, the line.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from appliance.box.calendar_clock import CalendarClock, SimulatedCalendarClock
from appliance.box.clock import Readings
from appliance.box.clock_sources import LineFacts, read_all
from appliance.box.heard_objections import Callee, HeardObjections
from appliance.box.state import BoxState
from appliance.campaign import inputs
from appliance.campaign.doubts import RESET, Doubt
from appliance.campaign.engine import CLAIM_WAIT, Engine
from appliance.campaign.fleet_inputs import Fleet
from appliance.campaign.inputs import Input
from appliance.campaign.line_limits import LineLimits
from appliance.campaign.options import Options
from appliance.clearance.gate import LawGate
from appliance.config.load import Config
from appliance.effects import (
    AskClaim,
    Effect,
    Entry,
    KeepMessage,
    Now,
    Record,
    Send,
    StoreRevocation,
)
from appliance.model import Revocation
from appliance.objections.understand import Phrasebook
from appliance.people.registered import RegisteredPeople
from appliance.storage.files import StorageError
from firmware.clock import Clock
from firmware.events import CallerEvent, Cause, Ended, StartHeldToReset, StopRaised
from firmware.orders import AnswerCall, Dial, HangUp, Order
from firmware.wording import plural, said_by, worded

RECENT = 20
"""Rows of the ledger that a status may tell of."""


class LinePort(Protocol):
    """What the box needs of a line; :class:`firmware.line.line.Line` is one."""

    def order(self, order: Order) -> None: ...

    def emergency_hang_up(self) -> None: ...


class FleetMember(Fleet, Protocol):
    """This box's membership in a fleet; :class:`appliance.fleet.member.Member` is one.

    The box asks it between the gate's clearance and the dial, and once more between the disk and
    the wire. Any thread may be behind it; no method blocks on the network.
    """

    def ask(self, ask: AskClaim) -> None:
        """Claim an attempt whose row is on disk; the answer comes as an input of the engine."""
        ...

    def refuses(self, attempt: str) -> str | None:
        """Return why the dial command of *attempt* may not go out at this instant, or None."""
        ...

    def concluded(self, attempt: str) -> None:
        """Forget an attempt that is over."""
        ...

    def written(self, seq: int) -> None:
        """Note that the ledger is on disk up to row *seq*."""
        ...


class Box:
    """Engine and state of one box. Not thread-safe, but for :meth:`stop_everything`."""

    def __init__(
        self,
        config: Config,
        state: BoxState,
        now: Callable[[], Now],
        *,
        lines: Mapping[str, LinePort] | None = None,
        post: Callable[[Input], None] | None = None,
        fleet: FleetMember | None = None,
    ) -> None:
        """*post* takes what the box itself has to tell the engine at its next step."""
        self.config = config
        self.state = state
        self.now = now
        self.country = config.rules.profile.territory(config.settings.law.territory).region
        self._lines = lines or {}
        self.objections = HeardObjections(state.objection_notes, key=config.campaign.object_key)
        self._looked = now()
        """The clock at the last step: what a line's thread goes by."""
        self._post = post or (lambda _: None)
        self._fleet = fleet
        self.recent: deque[Entry] = deque(maxlen=RECENT)
        """The newest rows of the ledger since this box was opened."""
        self._stop = threading.Event()
        self._stop_lock = threading.Lock()
        self._stops_on_their_way = 0
        if state.campaign.stopped:
            self._stop.set()
        self.gate = LawGate(config.rules)
        self.people = RegisteredPeople(state.registry, self.country)
        self.engine = Engine(
            campaign=config.campaign,
            lines={line.name: line.bench for line in config.settings.lines},
            gate=self.gate,
            people=self.people,
            state=state.campaign,
            ids=_attempt_ids(),
            options=Options(
                start_paused=config.settings.campaign.start == "on_button",
                confirmation=config.settings.campaign.sms_confirmation,
                incoming_call_objects=config.settings.campaign.calling_back == "objects",
                limits={
                    name: LineLimits(
                        **limits.model_dump(exclude={"balance"}),
                        alarm_below=None if limits.balance is None else limits.balance.alarm_below,
                    )
                    for name, limits in config.settings.limits.items()
                },
                phrasebook=Phrasebook(config.settings.objections),
            ),
            fleet=fleet,
            claim_wait=CLAIM_WAIT * max(config.settings.clock.speed, 1.0),
        )

        if state.short:
            self.engine.doubts.raised(_lost_people(state))

    # --- the stop path -----------------------------------------------------------------------

    def stop_everything(self) -> None:
        """Silence and hang up every line at once; any thread, past every queue.

        Only the wire is touched here. The latch in the ledger follows through the engine: whoever
        calls this lets the box take one :class:`~firmware.events.StopRaised` besides, and no reset
        lets dials out again before it did.
        """
        with self._stop_lock:
            self._stops_on_their_way += 1
            self._stop.set()
        for line in self._lines.values():
            line.emergency_hang_up()

    # --- deciding ----------------------------------------------------------------------------

    def recover(self) -> None:
        """Conclude what a crash left open; the first thing on a new box."""
        self.perform(self.engine.recover(self.now()), self.now())

    def take(self, what_came: Iterable[Input]) -> None:
        """Step the engine over *what_came* at one instant and perform what follows."""
        if self.state.campaign.number_key is None and self.engine.storage_failure is None:
            # Before any row with the hash of a number.
            try:
                self.note([])
            except StorageError as error:
                self.storage_failed(error, self.now())
        now = self._looked = self.now()
        effects: list[Effect] = []
        with self._sound(now):
            try:
                for given in what_came:
                    if isinstance(given, StartHeldToReset) and self.reset_refusal() is not None:
                        continue  # Pressed again meanwhile: the engine may not have heard of it.
                    if isinstance(given, StopRaised):
                        with self._stop_lock:
                            self._stop.set()
                            self._stops_on_their_way = max(self._stops_on_their_way - 1, 0)
                    effects += self.engine.step(given, now)
                    if (
                        isinstance(given, inputs.Reset | StartHeldToReset)
                        and not self.engine.state.stopped
                    ):
                        self._release_stop()
            finally:
                # What came before a fault of the program is sound: an objection, a stop.
                self.perform(effects, now)

    @property
    def stops_are_taken(self) -> bool:
        """Whether the engine has heard of every stop that was carried out on the lines."""
        with self._stop_lock:
            return not self._stops_on_their_way

    def reset_refusal(self) -> str | None:
        """Return why a ``Reset`` is to be refused now, or None."""
        with self._stop_lock:
            if self._stops_on_their_way:
                return worded("another stop is on its way: see what it is about first")
        return self.engine.reset_refusal()

    def _release_stop(self) -> None:
        """Let dials out again, unless a stop was raised that the engine has not heard of yet."""
        with self._stop_lock:
            if not self._stops_on_their_way:
                self._stop.clear()

    def note(self, records: Sequence[Record]) -> None:
        """Write rows that the shell itself is the author of, and let the engine act on them."""
        now = self.now()
        records = self.state.with_key(records)
        if not now.trusted:
            records = [
                Record(kind=r.kind, subject=r.subject, data={**r.data, "clock": "untrusted"})
                for r in records
            ]
        self.state.compare()
        entries = self._append(records, now)
        with self._sound(now):
            effects = self.engine.observe(entries, now)
        self.perform(effects, now)

    def perform(self, effects: Iterable[Effect], now: Now) -> None:
        """Do what the engine asks, in order; a record is on disk before what follows it.

        Where the disk refuses, nothing that stands behind the refused record happens, and the
        engine is told, which ends every call.
        """
        pending: list[Record] = []
        try:
            with self._sound(now):
                for effect in effects:
                    match effect:
                        case Record():
                            pending.append(effect)
                        case Send():
                            self._flush(pending, now)
                            self._send(effect.order, now)
                        case StoreRevocation():
                            self._flush(pending, now)
                            self._revoke(effect.subject, effect.revocation)
                        case KeepMessage():
                            self._flush(pending, now)
                            self.state.registry.messages.keep(effect.message)
                        case AskClaim():
                            self._flush(pending, now)
                            if self._fleet is not None:
                                self._fleet.ask(effect)
                self._flush(pending, now)
        except StorageError as error:
            self.storage_failed(error, now)

    @contextmanager
    def _sound(self, now: Now) -> Iterator[None]:
        """Call nobody any more where a fault of the program comes between fold and ledger.

        A technician's command may meet it too, which the loop survives: what was folded and never
        written, or written and never folded, would be wrong from then on.
        """
        try:
            yield
        except StorageError:
            raise
        except BaseException as error:
            kind = type(error).__name__
            self._end_calls(
                worded("a fault of the program, {kind}: its log tells more", kind=kind), now
            )
            raise

    def _flush(self, pending: list[Record], now: Now) -> None:
        if not pending:
            return
        for entry in self._append(pending, now):
            self._settle_note(entry)
            if entry.kind == "consent.revoked" and entry.subject is None:
                # Nobody registered has the number; an import of it must find the objection.
                number_hash = str(entry.data["number_hash"])
                revocation = self.engine.state.history("", number_hash).revocation
                if revocation is not None:
                    self.state.registry.suppress(number_hash, revocation)
        pending.clear()

    def _append(self, records: Sequence[Record], now: Now) -> list[Entry]:
        """Write rows. Where there is a fleet, an objection's row bears the person's pseudonym in
        it, whichever way the objection came: by that the other boxes know whom not to call."""
        if self._fleet is None:
            entries = self.state.append(records, now.utc)
            self.recent.extend(entries)
            return entries
        entries = self.state.append([self._named(record) for record in records], now.utc)
        self.recent.extend(entries)
        for entry in entries:
            if entry.kind in ("call.ended", "fleet.claim_unused"):
                self._fleet.concluded(str(entry.data.get("attempt")))
        if entries:
            self._fleet.written(entries[-1].seq)
        return entries

    def _named(self, record: Record) -> Record:
        if self._fleet is None or record.kind != "consent.revoked" or "pid" in record.data:
            return record
        contact = None if record.subject is None else self.people.contact(record.subject)
        number = None if contact is None else contact.number
        if number is None:
            number = self.people.remembered(str(record.data.get("number_hash")))
        if number is None:
            return record
        return replace(record, data={**record.data, "pid": self._fleet.pseudonym(number)})

    def _send(self, order: Order, now: Now) -> None:
        if isinstance(order, Dial):
            cause = self._forbids(order)
            if cause is not None:
                self._post(
                    Ended(
                        line=order.line,
                        at=now.monotonic,
                        attempt=order.attempt,
                        cause=cause[0],
                        evidence=cause[1],
                        code=None,
                        confirmed=True,
                    )
                )
                return
        line = self._lines[order.line]
        if isinstance(order, Dial | AnswerCall):
            self._expect(order, now)
        if isinstance(order, AnswerCall) and self._stop.is_set():
            order = HangUp(line=order.line, attempt=order.attempt)
        line.order(order)
        if isinstance(order, Dial | AnswerCall) and self._stop.is_set():
            # It went past between the look and the order, which the line then took for a newer one.
            line.emergency_hang_up()

    def _settle_note(self, entry: Entry) -> None:
        """What was noted when it was heard is in the ledger by the end of its call."""
        call = str(entry.data.get("attempt") or entry.data.get("incoming") or "")
        if entry.kind == "consent.revoked":
            self.objections.folded(call)
        elif entry.kind in ("call.ended", "incoming.ended"):
            callee = self.objections.unfolded(call)
            if callee is not None:
                # The line heard it and took it back with a false answer; in doubt it was one.
                self._post(
                    inputs.Revoke(
                        subject=callee.subject,
                        number_hash=callee.number_hash,
                        by=callee.by,
                        call=call,
                    )
                )

    def _expect(self, order: Dial | AnswerCall, now: Now) -> None:
        """Say whose objection a key would be in this call, before anybody can press one."""
        engine, line = self.engine, order.line
        dialled = isinstance(order, Dial)
        state = engine.calls.get(line) if dialled else engine.incoming_calls.get(line)
        if state is not None and state.call.attempt == order.attempt:
            callee = Callee(
                subject=state.call.subject,
                number_hash=state.call.number_hash,
                by="key" if dialled else "incoming",
            )
            self.objections.expect(order.attempt, callee, now, after=self.state.ledger.head[0])

    def caller_shown(self, event: CallerEvent) -> None:
        """Note who calls, where calling is an objection; on the line's own thread."""
        number = self.engine.objector(event)
        number_hash = None if number is None else self.people.hashed(number)
        if number is None or number_hash is None:
            return
        contact = self.people.by_number(number)
        subject = None if contact is None else contact.subject
        caller = Callee(subject=subject, number_hash=number_hash, by="incoming")
        self.objections.called(event, caller, self._looked, after=self.state.ledger.head[0])

    def _forbids(self, dial: Dial) -> tuple[Cause, str] | None:
        """Look once more between the disk and the wire; the clearance is used up either way."""
        if self._stop.is_set():
            return Cause.EMERGENCY, worded("stopped before the dial command")
        if dial.dial_by is not None and self.now().monotonic > dial.dial_by:
            return Cause.FAILED, worded("the permission ended while the disk was slow")
        if self._fleet is not None:
            why = self._fleet.refuses(dial.attempt)
            if why is not None:
                return Cause.FAILED, worded("the claim does not stand any more: {why}", why=why)
        return None

    def _revoke(self, subject: str, revocation: Revocation) -> None:
        # Someone who was erased meanwhile stays suppressed by the hash in the ledger row.
        if self.state.registry.contact(subject) is not None:
            self.state.registry.revoke(subject, revocation)

    def storage_failed(self, error: StorageError, now: Now) -> None:
        """End every call and begin no other: ledger or registry takes nothing any more."""
        self._end_calls(said_by(error), now)

    def _end_calls(self, why: str, now: Now) -> None:
        """What the engine folds from here on is not written, so no checkpoint may keep it."""
        self.state.diverge()
        try:
            effects = self.engine.step(inputs.StorageFailed(detail=why), now)
        except Exception:
            # The engine cannot even say what to hang up. The stop is latched as any other is.
            self.stop_everything()
            self._post(StopRaised(at=now.monotonic, source="fault"))
            raise
        for effect in effects:
            if isinstance(effect, Send) and not isinstance(effect.order, Dial | AnswerCall):
                self._lines[effect.order.line].order(effect.order)


def calendar(
    config: Config,
    state: BoxState,
    clock: Clock,
    describe_lines: Callable[[], Iterable[LineFacts]] = tuple,
) -> Callable[[], Now]:
    """Return what tells the time for this configuration; lines know what their networks told."""
    if config.simulated_start is not None:
        return SimulatedCalendarClock(clock, config.simulated_start, state.floor).now

    def read() -> Readings:
        return read_all(describe_lines(), clock.monotonic(), state.campaign.clock_word)

    sources = config.settings.clock.sources
    return CalendarClock(clock, sources, lambda: state.floor, read=read).now


def _lost_people(state: BoxState) -> Doubt:
    consents = sum(count for _, count, _ in state.short)
    return Doubt(
        code="people",
        detail=worded(
            "the registry has lost {consents} of {people} that the ledger granted",
            consents=plural("{count} consent", "{count} consents", consents),
            people=plural("{count} person", "{count} people", len(state.short)),
        ),
        remedy=RESET,
    )


def _attempt_ids() -> Iterator[str]:
    while True:
        yield uuid.uuid4().hex
