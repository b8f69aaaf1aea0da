"""The shell of a simulated box: its disk, its clock and its inbox around the real engine.

Rows are in memory, an order goes out once the row before it is kept, and the power may be cut
between any two effects: what was not performed is lost then, and the next start folds what the
disk has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from appliance.campaign import inputs
from appliance.campaign.engine import Engine
from appliance.campaign.history import CampaignState
from appliance.campaign.inputs import Input
from appliance.campaign.interfaces import Gate
from appliance.campaign.options import Options
from appliance.campaign.scheduler import Scheduler
from appliance.effects import Effect, Entry, KeepMessage, Now, Record, Send, StoreRevocation
from appliance.model import Campaign
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
        now = self.now()
        try:
            self._perform(self.engine.step(given, now))
        except PowerCut:
            self.restart()

    def _append(self, record: Record, now: Now) -> Entry:
        entry = Entry(
            seq=len(self.disk) + 1,
            at=now.utc,
            kind=record.kind,
            subject=record.subject,
            data=record.data,
        )
        self.disk.append(entry)
        return entry

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
                    for line in self._lines:
                        if line.name == effect.order.line:
                            line.order(effect.order)
                case StoreRevocation() | KeepMessage():
                    pass
