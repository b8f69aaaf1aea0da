"""The shell of a simulated box: its disk, its clock and its inbox around the real engine.

Rows are in memory, an order goes out once the row before it is kept, and the power may be cut
between any two effects: what was not performed is lost then, and the next start folds what the
disk has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from appliance.box.heard_objections import Callee, HeardObjections
from appliance.campaign import inputs
from appliance.campaign.engine import Engine
from appliance.campaign.history import CampaignState
from appliance.campaign.inputs import Input
from appliance.campaign.interfaces import Gate
from appliance.campaign.options import Options
from appliance.campaign.scheduler import Scheduler
from appliance.effects import Effect, Entry, KeepMessage, Now, Record, Send, StoreRevocation
from appliance.model import Campaign
from appliance.storage.files import StorageFailed
from appliance.storage.objection_notes import ObjectionNote, unfolded
from firmware import events
from firmware.orders import AnswerCall, Dial
from tests.rigs.campaign_auditor import KEPT, Objected
from tests.rigs.simulated_callers import AnsweringLine
from tests.rigs.simulated_people import ORIGIN, SimulatedPeople
from tests.rigs.timeline import Timeline


class PowerCut(Exception):
    """The process died here."""


class SimulatedShell:
    """See the module; :meth:`attach` the lines, then :meth:`start`."""

    engine: Engine

    def __init__(
        self,
        *,
        campaign: Campaign,
        gate: Gate,
        scheduler: Callable[[], Scheduler],
        people: SimulatedPeople,
        attempts: Iterator[str],
        timeline: Timeline,
        random: Random,
    ) -> None:
        self.disk: list[Entry] = []
        self.inbox: list[Input] = []
        self.steps = 0
        self.restarts = 0
        self._campaign = campaign
        self._gate = gate
        self._scheduler = scheduler
        self._people = people
        self._attempts = attempts
        self._timeline = timeline
        self._random = random
        self._lines: Sequence[AnsweringLine] = ()
        self._clock_lost_until = 0.0
        self._booted_at = 0.0
        self._boot = 0
        self._cut_in: int | None = None
        self._disk_broken = False
        self._notes: dict[str, ObjectionNote] = {}
        """What survives a power cut beside the ledger."""
        self._objections = HeardObjections(self, key=campaign.object_key)
        self._read: dict[str, int] = {}
        """Text messages, and the rows on disk when each was read first."""
        self._taken: set[str] = set()
        self.reached: list[Objected] = []
        """Objections that have reached the box, as nobody can deny."""

    # --- the notes, as the box's own thread writes them ---------------------------------------

    def put(self, note: ObjectionNote) -> None:
        """Keep a note, as a disk does."""
        if self._disk_broken:
            raise StorageFailed("EIO")
        self._notes[note.attempt] = note

    def drop(self, attempt: str) -> None:
        self._notes.pop(attempt, None)

    def key_heard(self, event: events.KeyHeard) -> None:
        """A line heard a key, on its own thread."""
        self._objections.heard(event)
        note = self._notes.get(event.attempt)
        if event.key == self._campaign.object_key and note is not None:
            self._reach(note.number_hash, note.by, len(self.disk))

    def caller_shown(self, event: events.CallerEvent) -> None:
        """Somebody calls whom the line turns away, as its own thread tells at once."""
        contact = None if event.number is None else self._people.by_number(event.number)
        if contact is None or event.number is None:
            return
        caller = Callee(
            subject=contact.subject, number_hash=f"hash{event.number[1:]}", by="incoming"
        )
        self._objections.called(event, caller, self.now(), after=len(self.disk))
        if event.attempt in self._notes:
            self._reach(caller.number_hash, "incoming", len(self.disk))

    def _reach(self, number_hash: str, form: str, rows_on_disk: int) -> None:
        self.reached.append(Objected(self._timeline.now, number_hash, form, rows_on_disk))

    def attach(self, lines: Sequence[AnsweringLine]) -> None:
        """Give the box its lines."""
        self._lines = lines

    # --- what the box sees of the world ------------------------------------------------------

    def box_time(self) -> float:
        """The clock that is never stepped; each boot has one of its own."""
        return self._timeline.now - self._booted_at + 1000.0 * self._boot

    def now(self) -> Now:
        """Both clocks."""
        true = ORIGIN + timedelta(seconds=self._timeline.now)
        if self._timeline.now < self._clock_lost_until:
            since_boot = timedelta(seconds=self._timeline.now - self._booted_at)
            wrong = datetime(2000, 1, 1, tzinfo=UTC) + since_boot
            return Now(monotonic=self.box_time(), utc=wrong, trusted=False, source="no source")
        return Now(monotonic=self.box_time(), utc=true, trusted=True, source="ntp")

    def wake_at(self) -> float | None:
        """When the engine wants to be stepped again, in true time."""
        wake = self.engine.wake_at(self.now())
        return None if wake is None else self._timeline.now + wake - self.box_time() + 1e-6

    # --- what may befall it ------------------------------------------------------------------

    def cut_power(self, after: int) -> None:
        """Let the process die when it has performed so many more effects."""
        self._cut_in = after

    def lose_clock(self, seconds: float) -> None:
        """Take the calendar time away for so long."""
        self._clock_lost_until = self._timeline.now + seconds

    def break_disk(self) -> None:
        """Nothing can be written until the next start."""
        self._disk_broken = True

    @property
    def disk_broken(self) -> bool:
        return self._disk_broken

    # --- what it does ------------------------------------------------------------------------

    def start(self) -> None:
        """Boot: fold what the disk has, bring the lines up, and go on."""
        self._boot += 1
        self._booted_at = self._timeline.now
        self.inbox.clear()
        self._cut_in = None
        self._disk_broken = False
        state = CampaignState()
        known = 0
        if self.disk and self._random.random() < 0.5:
            known = self._random.randrange(len(self.disk))
            before = CampaignState()
            for entry in self.disk[:known]:
                before.apply(entry)
            state = CampaignState.from_checkpoint(before.to_checkpoint())
        for entry in self.disk[known:]:
            state.apply(entry)
        self._objections = HeardObjections(self, key=self._campaign.object_key)
        for note in unfolded(self._notes.values(), self.disk):
            row = Record(kind="consent.revoked", subject=note.subject, data=note.row)
            state.apply(self._append(row, self.now()))
        self._notes.clear()
        # The registry may have missed a withdrawal that the ledger has; the gate is told by the
        # ledger's fold, so nothing depends on it here.
        self.engine = Engine(
            campaign=self._campaign,
            lines={line.name: True for line in self._lines},
            gate=self._gate,
            people=self._people,
            state=state,
            ids=self._attempts,
            options=Options(incoming_call_objects=True),
            scheduler=self._scheduler,
        )
        state.apply(self._append(Record(kind="box.started"), self.now()))
        self._perform(self.engine.recover(self.now()))
        for line in self._lines:
            line.bring_up(self._random.uniform(5.0, 20.0))

    def restart(self) -> None:
        """Boot after a power cut."""
        self.restarts += 1
        if self._random.random() < 0.7:
            # No clock battery: the time comes back with the network.
            self.lose_clock(self._random.uniform(5.0, 120.0))
        self.start()

    def note(self, record: Record) -> None:
        """Keep a row that an operation has written, and show it to the engine."""
        entries = [self._append(record, self.now())]
        self._perform(self.engine.observe(entries, self.now()))

    def tick(self) -> None:
        self.inbox.append(inputs.Tick())

    def drain(self) -> None:
        """Step the engine until nothing lies in the inbox."""
        while self.inbox:
            self._step(self.inbox.pop(0))

    def _step(self, given: Input) -> None:
        self.steps += 1
        now, before = self.now(), len(self.disk)
        if isinstance(given, events.SmsReceived):
            # Read again after a cut it means nothing new: the row may be there since.
            before = self._read.setdefault(given.mark, before)
        try:
            self._perform(self.engine.step(given, now))
        except PowerCut:
            self.restart()
            return
        if self._disk_broken:
            return
        match given:
            case inputs.Revoke(call=None):
                self._reach(given.number_hash, "command", before)
            case events.SmsReceived(text=str(text), number=number, mark=mark):
                if mark in self._taken:
                    return
                self._taken.add(mark)
                objects = text.lower().startswith(("stop", "arrêt"))
                self._reach(f"hash{number[1:]}", "sms" if objects else KEPT, before)
            case events.IncomingRejected(number=str(number)):
                self._reach(f"hash{number[1:]}", "incoming", before)
            case events.IncomingRinging(number=str(number)):
                self._reach(f"hash{number[1:]}", "incoming", before)
            case _:
                pass

    def _append(self, record: Record, now: Now) -> Entry:
        entry = Entry(
            seq=len(self.disk) + 1,
            at=now.utc,
            kind=record.kind,
            subject=record.subject,
            data=record.data,
        )
        self.disk.append(entry)
        self._settle_note(entry)
        return entry

    def _settle_note(self, entry: Entry) -> None:
        """As the box's own shell does it."""
        call = str(entry.data.get("attempt") or entry.data.get("incoming") or "")
        if entry.kind == "consent.revoked":
            self._objections.folded(call)
        elif entry.kind in ("call.ended", "incoming.ended"):
            callee = self._objections.unfolded(call)
            if callee is not None:
                self.inbox.append(
                    inputs.Revoke(
                        subject=callee.subject,
                        number_hash=callee.number_hash,
                        by=callee.by,
                        call=call,
                    )
                )

    def _expect(self, order: Dial | AnswerCall) -> None:
        dialled = isinstance(order, Dial)
        calls = self.engine.calls if dialled else self.engine.incoming_calls
        state = calls.get(order.line)
        if state is not None and state.call.attempt == order.attempt:
            callee = Callee(
                subject=state.call.subject,
                number_hash=state.call.number_hash,
                by="key" if dialled else "incoming",
            )
            self._objections.expect(order.attempt, callee, self.now(), after=len(self.disk))

    def _perform(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if self._cut_in is not None:
                self._cut_in -= 1
                if self._cut_in < 0:
                    raise PowerCut
            match effect:
                case Record():
                    if self._disk_broken:
                        self.inbox.append(inputs.StorageFailed(detail="EIO"))
                        return
                    self._append(effect, self.now())
                case Send():
                    if isinstance(effect.order, Dial | AnswerCall):
                        self._expect(effect.order)
                    for line in self._lines:
                        if line.name == effect.order.line:
                            line.order(effect.order)
                case StoreRevocation() | KeepMessage():
                    pass
