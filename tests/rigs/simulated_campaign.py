"""A whole campaign on a simulated clock, with simulated lines and people, from one seed.

The engine, the attempt machine, the fold, the planner and the gate are the real ones. What is
simulated is the shell (:mod:`tests.rigs.simulated_shell`) and the world around it: the panel, the
operator, the network, the callees, and what goes wrong. Nothing here waits, so thousands of calls
take a second, and one seed always gives the same run.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from appliance.campaign import inputs
from appliance.campaign.interfaces import Gate
from appliance.campaign.scheduler import Scheduler
from appliance.clearance.gate import LawGate, Rules
from appliance.effects import Entry, Record
from appliance.law import Profile, Territory
from appliance.model import Campaign, Contact, Outcome, Retry, Script, Timers
from firmware import events
from tests.rigs.campaign_auditor import Row, audit
from tests.rigs.simulated_callers import AnsweringLine
from tests.rigs.simulated_network import CLIP_SECONDS, SeenCall
from tests.rigs.simulated_people import ORIGIN, PURPOSE, SimulatedPeople
from tests.rigs.simulated_shell import SimulatedShell
from tests.rigs.timeline import Timeline

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
    territories={"": Territory(name="", title="", zones=("UTC",), region="FR")},
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


class World:
    """One box and everything around it."""

    def __init__(
        self,
        setting: Setting,
        gate: Gate | None = None,
        scheduler: Callable[[], Scheduler] = Scheduler,
    ) -> None:
        self._setting = setting
        self._random = Random(setting.seed)
        self._timeline = Timeline()
        self._log: list[SeenCall] = []
        self._callers: list[SeenCall] = []
        self._people = SimulatedPeople()
        self._disturbances: Counter[str] = Counter()
        campaign = Campaign(
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
        gate = gate or LawGate(
            Rules(
                purpose=PURPOSE,
                profile=NO_LAW,
                attended=setting.attended,
                max_attempts=setting.max_attempts,
            )
        )
        self._people.register(setting.people, self._random)
        self._shell = SimulatedShell(
            campaign=campaign,
            gate=gate,
            scheduler=scheduler,
            people=self._people,
            attempts=(f"{n:032x}" for n in itertools.count(1)),
            timeline=self._timeline,
            random=self._random,
        )
        self._inbox = self._shell.inbox
        self._lines = [
            AnsweringLine(
                f"line-{n + 1}",
                timeline=self._timeline,
                random=Random(self._random.getrandbits(64)),
                post=self._inbox.append,
                box_time=self._shell.box_time,
                rows_on_disk=lambda: len(self._shell.disk),
                log=self._log,
                callers=self._callers,
                loss=setting.loss,
                key_heard=self._shell.key_heard,
            )
            for n in range(setting.lines)
        ]
        self._shell.attach(self._lines)
        self._shell.start()
        if setting.trouble > 0:
            self._plan_trouble()
        if setting.attended:
            self._timeline.after(30.0, self._press)

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
                self._shell.cut_power(random.randrange(6))
            case "clock":
                lost = random.uniform(1.0, 1800.0)
                self._shell.lose_clock(lost)
                self._timeline.after(lost, self._shell.tick)
                self._shell.tick()
            case "pause":
                self._inbox.append(
                    random.choice(
                        (events.StartHeld(at=self._shell.box_time()), inputs.Pause(by="operator"))
                    )
                )
                self._timeline.after(
                    random.uniform(1.0, 3000.0),
                    lambda: self._inbox.append(inputs.Resume(by="operator")),
                )
            case "revoke" if contact is not None:
                self._inbox.append(inputs.Revoke(subject=subject, number_hash=contact.number_hash))
            case "sms" if contact is not None:
                text = random.choice(("STOP", "Arrêt.", "Bonjour", ""))
                self._lines[0].deliver(contact.number, text)
            case "caller":
                number = contact.number if contact is not None else "+33639989999"
                random.choice(self._lines).ring(random.choice((number, number, None)))
            case "incoming" if contact is not None:
                call = events.IncomingRejected(
                    line="line-1",
                    at=self._shell.box_time(),
                    attempt=f"in-{random.getrandbits(64):x}",
                    number=contact.number,
                )
                self._shell.caller_shown(call)
                self._inbox.append(call)
            case "agree" if contact is not None and not self._shell.disk_broken:
                now = self._shell.now()
                if now.trusted:
                    self._agree(contact, now.utc)
            case "line":
                random.choice(self._lines).fail(random.uniform(5.0, 600.0))
            case "disk":
                self._shell.break_disk()
                self._timeline.after(random.uniform(60.0, 1200.0), self._shell.restart)
            case _:
                pass
        self._plan_trouble()

    def _agree(self, contact: Contact, given_at: datetime) -> None:
        """Have somebody agree anew while the box runs."""
        consent = self._people.agree(contact, given_at, self._random)
        row = Record(
            kind="consent.granted",
            subject=contact.subject,
            data={"consent": consent.id, "given_at": given_at.isoformat()},
        )
        self._shell.note(row)

    def _press(self) -> None:
        self._inbox.append(events.StartPressed(at=self._shell.box_time()))
        self._timeline.after(self._random.uniform(5.0, 200.0), self._press)

    def _press_stop(self) -> None:
        for line in self._lines:
            line.emergency_hang_up()
        self._inbox.append(events.StopRaised(at=self._shell.box_time(), source="button"))
        wait = self._random.uniform(1.0, 600.0)
        self._timeline.after(
            wait, lambda: self._inbox.append(events.StopReleased(at=self._shell.box_time()))
        )
        self._timeline.after(wait * self._random.uniform(0.5, 2.0), self._reset)
        self._timeline.after(wait * 2.0 + 5.0, self._reset)

    def _reset(self) -> None:
        self._inbox.append(inputs.Reset(by="operator", reason="simulated"))

    # --- running -----------------------------------------------------------------------------

    def run(self) -> Result:
        """Run until nobody is left to be called, or the days are over; then let calls end."""
        horizon = self._setting.days * 86400.0
        timeline, shell = self._timeline, self._shell
        finished = False
        while timeline.now < horizon and not finished:
            wake = shell.wake_at()
            if wake is None:
                wake = float("inf")
            next_at = min(max(wake, timeline.now), timeline.next_at, timeline.now + 3600.0)
            if timeline.next_at <= next_at:
                timeline.pop()()
            else:
                timeline.now = next_at
                shell.tick()
            if shell.inbox:
                shell.drain()
                finished = not shell.engine.calls and shell.engine.finished(shell.now())
        self._settle()
        rows = [Row(e.seq, e.at, e.kind, e.subject, e.data) for e in shell.disk]
        outcomes = Counter(
            str(entry.data["outcome"]) for entry in shell.disk if entry.kind == "call.ended"
        )
        breaches = audit(
            rows,
            self._people.registered(),
            self._log,
            self._callers,
            shell.reached,
            origin=ORIGIN,
            max_attempts=self._setting.max_attempts,
            attended=self._setting.attended,
            finished=True,
        )
        return Result(
            breaches=breaches,
            calls=len(self._log),
            outcomes=outcomes,
            disturbances=self._disturbances + Counter({"power cut": shell.restarts}),
            rows=len(rows),
            steps=shell.steps,
            finished=finished,
            people_tried=len({call.number for call in self._log}),
            entries=shell.disk,
        )

    def _settle(self) -> None:
        """Begin nothing more, and wait until every running call has its end."""
        timeline, shell = self._timeline, self._shell
        if shell.disk_broken or shell.engine.storage_failure is not None:
            shell.restart()
        shell.inbox.append(inputs.Pause(by="end"))
        shell.drain()
        until = timeline.now + 600.0
        while shell.engine.calls and timeline.now < until:
            wake = shell.wake_at()
            if wake is None:
                wake = until
            if timeline.next_at <= wake:
                timeline.pop()()
            else:
                timeline.now = max(wake, timeline.now)
                shell.tick()
            shell.drain()


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
