"""A whole campaign on a simulated clock, with simulated lines and people, from one seed.

The engine, the attempt machine, the fold, the planner and the gate are the real ones. What is
simulated is the world around them: the shell with its disk (rows in memory, lost orders where it
dies), the clock and its trust, the panel, the operator, the network and the callees. Nothing
here waits, so thousands of calls take a second, and one seed always gives the same run.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from appliance import commands
from appliance.campaign import CampaignState
from appliance.effects import Effect, Entry, Now, Record, Send, StoreRevocation
from appliance.engine import Engine, Input
from appliance.gate import Rules
from appliance.habits import Habits
from appliance.interfaces import Gate, LawGate
from appliance.law import Profile, Territory
from appliance.model import Campaign, Contact, Outcome, Retry, Script, Timers
from appliance.scheduler import Scheduler
from bench.campaign_auditor import Row, audit
from bench.simulated_callers import AnsweringLine
from bench.simulated_network import CLIP_SECONDS, SeenCall
from bench.simulated_people import ORIGIN, PURPOSE, SimulatedPeople
from bench.timeline import Timeline
from firmware import events

SCRIPT = Script(
    language="fr",
    greeting="greeting",
    prompt="prompt",
    message="message",
    farewell="farewell",
    opted_out="opted",
    incoming="incoming",
    durations=CLIP_SECONDS,
)

NO_LAW = Profile(
    name="none",
    version="1",
    title="Consent and windows alone, so that an auditor needs nothing else",
    territories={"": Territory(name="", title="", zone="UTC", region="FR")},
    enforced=(),
    duties=(),
    advice=(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a run is made of; everything else follows from the seed."""

    seed: int = 0
    people: int = 20
    lines: int = 2
    attended: bool = False
    max_attempts: int = 3
    trouble: float = 1.0
    """Average disturbances (stops, restarts, clock losses, objections …) per box hour."""
    loss: float = 0.02
    """Share of progress notices that never arrive."""
    days: int = 6
    """The run ends here at the latest."""


@dataclass(slots=True)
class Result:
    """What came of a run."""

    breaches: list[str]
    calls: int
    """Dial commands that reached the network."""
    outcomes: Counter[str]
    disturbances: Counter[str]
    rows: int
    steps: int
    finished: bool
    """Nobody was left to be called when the run ended."""
    people_tried: int
    """People who were called at least once."""
    entries: list[Entry] = field(default_factory=list)


class PowerCut(Exception):
    """The process died here."""


class World:
    """One box and everything around it."""

    def __init__(
        self,
        setting: Setting,
        gate: Gate | None = None,
        scheduler: Callable[[], Scheduler] = Scheduler,
    ) -> None:
        self._setting = setting
        self._scheduler = scheduler
        self._random = Random(setting.seed)
        self._timeline = Timeline()
        self._disk: list[Entry] = []
        self._log: list[SeenCall] = []
        self._callers: list[SeenCall] = []
        self._people = SimulatedPeople()
        self._inbox: list[Input] = []
        self._clock_lost_until = 0.0
        self._booted_at = 0.0
        self._cut_in: int | None = None
        self._disk_broken = False
        self._boot = 0
        self._steps = 0
        self._disturbances: Counter[str] = Counter()
        self._attempts = (f"{n:032x}" for n in itertools.count(1))
        self._campaign = Campaign(
            purpose=PURPOSE,
            attended=setting.attended,
            scripts={"fr": SCRIPT},
            default_language="fr",
            timers=Timers(ring=timedelta(seconds=40), prompt_repeats=self._random.randrange(3)),
            retry=Retry(
                max_attempts=setting.max_attempts,
                after={
                    Outcome.BUSY: timedelta(minutes=10),
                    Outcome.NO_ANSWER: timedelta(hours=1),
                    Outcome.REJECTED: timedelta(hours=20),
                    Outcome.UNREACHABLE: timedelta(hours=4),
                    Outcome.VOICEMAIL: timedelta(hours=3),
                    Outcome.FAILED: timedelta(minutes=5),
                    Outcome.STOPPED: timedelta(hours=1),
                    Outcome.UNKNOWN: timedelta(minutes=1),
                },
            ),
        )
        self._gate = gate or LawGate(
            Rules(
                purpose=PURPOSE,
                profile=NO_LAW,
                attended=setting.attended,
                max_attempts=setting.max_attempts,
            )
        )
        self._people.register(setting.people, self._random)
        self._lines = [
            AnsweringLine(
                f"line-{n + 1}",
                timeline=self._timeline,
                random=Random(self._random.getrandbits(64)),
                post=self._inbox.append,
                box_time=self._box_time,
                rows_on_disk=lambda: len(self._disk),
                log=self._log,
                callers=self._callers,
                loss=setting.loss,
            )
            for n in range(setting.lines)
        ]
        self._engine = self._start()
        if setting.trouble > 0:
            self._plan_trouble()
        if setting.attended:
            self._timeline.after(30.0, self._press)

    # --- the world ---------------------------------------------------------------------------

    def _agree(self, contact: Contact, given_at: datetime) -> None:
        """Have somebody agree anew while the box runs."""
        consent = self._people.agree(contact, given_at, self._random)
        row = Record(
            kind="consent.granted",
            subject=contact.subject,
            data={"consent": consent.id, "given_at": given_at.isoformat()},
        )
        entries = [self._append(row, self._now())]
        self._perform(self._engine.observe(entries, self._now()))

    def _box_time(self) -> float:
        return self._timeline.now - self._booted_at + 1000.0 * self._boot

    def _now(self) -> Now:
        true = ORIGIN + timedelta(seconds=self._timeline.now)
        if self._timeline.now < self._clock_lost_until:
            since_boot = timedelta(seconds=self._timeline.now - self._booted_at)
            wrong = datetime(2000, 1, 1, tzinfo=UTC) + since_boot
            return Now(monotonic=self._box_time(), utc=wrong, trusted=False, source="no source")
        return Now(monotonic=self._box_time(), utc=true, trusted=True, source="ntp")

    # --- the shell ---------------------------------------------------------------------------

    def _start(self) -> Engine:
        """Boot: fold what the disk has, bring the lines up, and go on."""
        self._boot += 1
        self._booted_at = self._timeline.now
        self._inbox.clear()
        self._cut_in = None
        self._disk_broken = False
        state = CampaignState()
        known = 0
        if self._disk and self._random.random() < 0.5:
            known = self._random.randrange(len(self._disk))
            before = CampaignState()
            for entry in self._disk[:known]:
                before.apply(entry)
            state = CampaignState.from_checkpoint(before.to_checkpoint())
        for entry in self._disk[known:]:
            state.apply(entry)
        # The registry may have missed a withdrawal that the ledger has; the gate is told by the
        # ledger's fold, so nothing depends on it here.
        self._engine = Engine(
            campaign=self._campaign,
            lines={line.name: True for line in self._lines},
            gate=self._gate,
            people=self._people,
            state=state,
            ids=self._attempts,
            habits=Habits(incoming_call_objects=True),
            scheduler=self._scheduler,
        )
        state.apply(self._append(Record(kind="box.started"), self._now()))
        self._perform(self._engine.recover(self._now()))
        for line in self._lines:
            line.bring_up(self._random.uniform(5.0, 20.0))
        return self._engine

    def _append(self, record: Record, now: Now) -> Entry:
        entry = Entry(
            seq=len(self._disk) + 1,
            at=now.utc,
            kind=record.kind,
            subject=record.subject,
            data=record.data,
        )
        self._disk.append(entry)
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
                        self._inbox.append(commands.StorageFailed(detail="EIO"))
                        return
                    self._append(effect, self._now())
                case Send():
                    for line in self._lines:
                        if line.name == effect.order.line:
                            line.order(effect.order)
                case StoreRevocation():
                    pass

    def _step(self, given: Input) -> None:
        self._steps += 1
        now = self._now()
        try:
            self._perform(self._engine.step(given, now))
        except PowerCut:
            self._restart()

    def _restart(self) -> None:
        self._disturbances["power cut"] += 1
        if self._random.random() < 0.7:
            # No clock battery: the time comes back with the network.
            self._clock_lost_until = self._timeline.now + self._random.uniform(5.0, 120.0)
        self._start()

    # --- trouble -----------------------------------------------------------------------------

    def _plan_trouble(self) -> None:
        wait = self._random.expovariate(self._setting.trouble / 3600.0)
        self._timeline.after(wait, self._trouble)

    def _trouble(self) -> None:
        random = self._random
        kind = random.choice(
            (
                "stop",
                "stop",
                "power cut",
                "power cut",
                "clock",
                "pause",
                "revoke",
                "sms",
                "incoming",
                "caller",
                "agree",
                "line",
                "disk",
                "nobody",
            )
        )
        self._disturbances[kind] += 1
        subjects = tuple(self._people.everybody())
        subject = random.choice(subjects) if subjects else ""
        contact = self._people.contact(subject)
        match kind:
            case "stop":
                self._press_stop()
            case "power cut":
                self._cut_in = random.randrange(6)
            case "clock":
                self._clock_lost_until = self._timeline.now + random.uniform(1.0, 1800.0)
                self._timeline.after(self._clock_lost_until - self._timeline.now, self._tick)
                self._tick()
            case "pause":
                self._inbox.append(
                    random.choice(
                        (events.StartHeld(at=self._box_time()), commands.Pause(by="operator"))
                    )
                )
                self._timeline.after(
                    random.uniform(1.0, 3000.0),
                    lambda: self._inbox.append(commands.Resume(by="operator")),
                )
            case "revoke" if contact is not None:
                self._inbox.append(
                    commands.Revoke(subject=subject, number_hash=contact.number_hash)
                )
            case "sms" if contact is not None:
                text = random.choice(("STOP", "Arrêt.", "Bonjour", ""))
                self._inbox.append(
                    events.SmsReceived(
                        line="line-1", at=self._box_time(), number=contact.number, text=text
                    )
                )
            case "caller":
                number = contact.number if contact is not None else "+33639989999"
                random.choice(self._lines).ring(random.choice((number, number, None)))
            case "incoming" if contact is not None:
                self._inbox.append(
                    events.IncomingRejected(
                        line="line-1", at=self._box_time(), number=contact.number
                    )
                )
            case "agree" if contact is not None and not self._disk_broken:
                if self._now().trusted:
                    self._agree(contact, self._now().utc)
            case "line":
                random.choice(self._lines).fail(random.uniform(5.0, 600.0))
            case "disk":
                self._disk_broken = True
                self._timeline.after(random.uniform(60.0, 1200.0), self._restart)
            case _:
                pass
        self._plan_trouble()

    def _tick(self) -> None:
        self._inbox.append(commands.Tick())

    def _press(self) -> None:
        self._inbox.append(events.StartPressed(at=self._box_time()))
        self._timeline.after(self._random.uniform(5.0, 200.0), self._press)

    def _press_stop(self) -> None:
        for line in self._lines:
            line.emergency_hang_up()
        self._inbox.append(events.StopRaised(at=self._box_time(), source="button"))
        wait = self._random.uniform(1.0, 600.0)
        self._timeline.after(
            wait, lambda: self._inbox.append(events.StopReleased(at=self._box_time()))
        )
        self._timeline.after(wait * self._random.uniform(0.5, 2.0), self._reset)
        self._timeline.after(wait * 2.0 + 5.0, self._reset)

    def _reset(self) -> None:
        self._inbox.append(commands.Reset(by="operator", reason="simulated"))

    # --- running -----------------------------------------------------------------------------

    def run(self) -> Result:
        """Run until nobody is left to be called, or the days are over; then let calls end."""
        horizon = self._setting.days * 86400.0
        timeline = self._timeline
        finished = False
        while timeline.now < horizon and not finished:
            wake = self._engine.wake_at(self._now())
            wake_true = (
                float("inf") if wake is None else timeline.now + wake - self._box_time() + 1e-6
            )
            next_at = min(max(wake_true, timeline.now), timeline.next_at, timeline.now + 3600.0)
            if timeline.next_at <= next_at:
                timeline.pop()()
            else:
                timeline.now = next_at
                self._tick()
            if self._inbox:
                self._drain()
                finished = not self._engine.calls and self._engine.finished(self._now())
        self._settle()
        rows = [Row(e.seq, e.at, e.kind, e.subject, e.data) for e in self._disk]
        outcomes = Counter(
            str(entry.data["outcome"]) for entry in self._disk if entry.kind == "call.ended"
        )
        breaches = audit(
            rows,
            self._people.registered(),
            self._log,
            self._callers,
            origin=ORIGIN,
            max_attempts=self._setting.max_attempts,
            attended=self._setting.attended,
            finished=True,
        )
        return Result(
            breaches=breaches,
            calls=len(self._log),
            outcomes=outcomes,
            disturbances=self._disturbances,
            rows=len(rows),
            steps=self._steps,
            finished=finished,
            people_tried=len({call.number for call in self._log}),
            entries=self._disk,
        )

    def _drain(self) -> None:
        inbox = self._inbox
        while inbox:
            self._step(inbox.pop(0))

    def _settle(self) -> None:
        """Begin nothing more, and wait until every running call has its end."""
        if self._disk_broken or self._engine.storage_failure is not None:
            self._restart()
        self._inbox.append(commands.Pause(by="end"))
        self._drain()
        until = self._timeline.now + 600.0
        while self._engine.calls and self._timeline.now < until:
            wake = self._engine.wake_at(self._now())
            wake_true = (
                until if wake is None else self._timeline.now + wake - self._box_time() + 1e-6
            )
            if self._timeline.next_at <= wake_true:
                self._timeline.pop()()
            else:
                self._timeline.now = max(wake_true, self._timeline.now)
                self._tick()
            self._drain()


def simulate(
    setting: Setting,
    gate: Gate | None = None,
    scheduler: Callable[[], Scheduler] = Scheduler,
) -> Result:
    """Run one world."""
    return World(setting, gate, scheduler).run()


def many(setting: Setting) -> Iterator[Result]:
    """Run worlds that differ in their seed, for ever."""
    for seed in itertools.count(setting.seed):
        yield simulate(replace(setting, seed=seed))
