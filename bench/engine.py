"""How fast the decision cores are: whole simulated calls, and the choice of who is next."""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from appliance.campaign import inputs
from appliance.campaign.engine import Engine
from appliance.campaign.history import CampaignState
from appliance.campaign.scheduler import Place, Scheduler
from appliance.clearance.gate import LawGate, Rules
from appliance.effects import Entry, Now
from appliance.law import Caller, Category, load_profile
from appliance.model import Campaign, Consent, Contact, HexId, Outcome, Retry
from bench.busy_line import BusyLine, dialled
from tests.rigs.simulated_campaign import SCRIPT, Setting, simulate
from tests.rigs.simulated_people import ORIGIN, PURPOSE, SimulatedPeople

SIZES = (1_000, 10_000, 100_000)
CHOICES = 1_000


def run() -> list[dict[str, object]]:
    """Return the rows of this module."""
    return [
        *_simulated_calls(),
        *itertools.chain.from_iterable(map(_choices, SIZES)),
        *_fold(1_000_000),
        *_reached(),
    ]


def _row(name: str, value: float, unit: str, n: int) -> dict[str, object]:
    return {"name": name, "value": round(value, 3), "unit": unit, "n": n}


def _simulated_calls() -> Iterator[dict[str, object]]:
    calls = steps = 0
    started = time.process_time()
    for seed in range(4):
        result = simulate(Setting(seed=seed, people=700, lines=8, trouble=0.5))
        if result.breaches:
            raise RuntimeError(f"a simulated campaign broke a law: {result.breaches[0]}")
        calls += result.calls
        steps += result.steps
    spent = time.process_time() - started
    yield _row("engine: simulated calls, audit included", calls / spent, "calls/s", calls)
    yield _row("engine: steps, simulated world included", steps / spent, "steps/s", steps)


def _people(count: int) -> SimulatedPeople:
    """A population whose hours differ: 40 kinds of windows, all in one zone."""
    people = SimulatedPeople()
    for n in range(count):
        subject = f"{n:032x}"
        contact = Contact(
            subject=subject,
            number=f"+33639{980000 + n % 10_000:06d}",
            number_hash=f"{n:064x}",
            name="",
            language="fr",
            timezone="Europe/Paris",
        )
        first = 8 + n % 10
        consent = Consent(
            id=f"{n + 2**64:032x}",
            subject=subject,
            purpose=PURPOSE,
            given_at=ORIGIN - timedelta(days=30),
            source="form",
            evidence="bench",
            windows=f"mon-fri {first:02d}:00-{first + 1 + n % 4:02d}:00",
            valid_until=None,
            recorded_at=ORIGIN - timedelta(days=30),
        )
        people.add(contact, consent)
    return people


def _choices(count: int) -> Iterator[dict[str, object]]:
    """Time to plan everybody, and from a freed line to the next order, under the real rules."""
    people = _people(count)
    caller = Caller(number="+33199000001", category=Category.FICTION)
    rules = Rules(purpose=PURPOSE, profile=load_profile("fr"), caller=caller)
    engine = Engine(
        campaign=Campaign(
            purpose=PURPOSE,
            attended=False,
            scripts={"fr": SCRIPT},
            default_language="fr",
            retry=Retry(after={Outcome.BUSY: timedelta(minutes=10)}),
        ),
        lines={"line-1": True},
        gate=LawGate(rules),
        people=people,
        state=CampaignState(),
        ids=(f"{n:032x}" for n in itertools.count()),
    )
    opened = 5 * 3600.0

    def now(seconds: float) -> Now:
        since = opened + seconds
        utc = ORIGIN + timedelta(seconds=since)
        return Now(monotonic=since, utc=utc, trusted=True, source="ntp")

    engine.recover(now(0.0))
    portions: list[float] = []
    while not portions or engine.wake_at(now(0.0)) is not None:
        begun = time.perf_counter()
        engine.step(inputs.Tick(), now(0.0))
        portions.append(time.perf_counter() - begun)
    line = BusyLine(engine, now)
    attempt = dialled(line.ready())
    times = [] if attempt is None else line.choices(attempt, min(CHOICES, count // 2))
    label = f"engine: {count} people"
    yield _row(f"{label}, plan everybody", sum(portions), "s", count)
    yield _row(f"{label}, longest portion", max(portions) * 1e3, "ms", len(portions))
    if times:
        yield _row(f"{label}, next choice p50", times[len(times) // 2] * 1e3, "ms", len(times))
        yield _row(
            f"{label}, next choice p99", times[len(times) * 99 // 100] * 1e3, "ms", len(times)
        )


def _fold_rows(count: int) -> Iterator[Entry]:
    for n in range(count):
        subject, attempt = f"{n % 100_000:032x}", f"{n:032x}"
        at = ORIGIN + timedelta(seconds=n)
        yield Entry(
            seq=2 * n + 1,
            at=at,
            kind="call.authorised",
            subject=subject,
            data={"attempt": attempt, "line": "line-1"},
        )
        yield Entry(
            seq=2 * n + 2,
            at=at,
            kind="call.ended",
            subject=subject,
            data={"attempt": attempt, "outcome": "busy"},
        )


def _fold(rows: int) -> Iterator[dict[str, object]]:
    state = CampaignState()
    spent = 0.0
    tracemalloc.start()
    for entry in _fold_rows(rows // 2):
        state.apply(entry)
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    entries = list(_fold_rows(50_000))
    fresh = CampaignState()
    started = time.perf_counter()
    for entry in entries:
        fresh.apply(entry)
    spent = time.perf_counter() - started
    yield _row("fold: rows applied", len(entries) / spent, "rows/s", len(entries))
    yield _row(f"fold: memory after {rows} rows of 100000 people", memory / 2**20, "MiB", rows)
    started = time.perf_counter()
    CampaignState.from_checkpoint(state.to_checkpoint())
    spent = time.perf_counter() - started
    yield _row("fold: 100000 people through a checkpoint, without JSON", spent, "s", 100_000)


class _FirstInFirstOut(Scheduler):
    """The order that a simple queue would give, to compare with: whoever was planned first."""

    def __init__(self) -> None:
        super().__init__()
        self._queue: dict[HexId, tuple[float, float, int]] = {}

    def __len__(self) -> int:
        return len(self._queue)

    def place(self, subject: HexId, opens: float, closes: float, attempts: int) -> None:
        self._queue[subject] = (opens, closes, attempts)

    def drop(self, subject: HexId) -> None:
        self._queue.pop(subject, None)

    def clear(self) -> None:
        self._queue.clear()

    def take(self, now: datetime) -> Place | None:
        instant = now.timestamp()
        for subject, (opens, closes, attempts) in self._queue.items():
            if opens <= instant:
                del self._queue[subject]
                return opens, closes, attempts, subject
        return None

    def next_opening(self, now: datetime) -> datetime | None:
        first = min((opens for opens, _, _ in self._queue.values()), default=None)
        return None if first is None else datetime.fromtimestamp(first, now.tzinfo)


def _reached() -> Iterator[dict[str, object]]:
    """People who heard the message on the first day, where the lines cannot reach everybody."""
    setting = Setting(people=1200, lines=1, trouble=0.0, days=1)
    for name, order in (
        ("never called first, then deadline", Scheduler),
        ("first in first out", _FirstInFirstOut),
    ):
        reached = people = 0
        for seed in range(3):
            result = simulate(replace(setting, seed=seed), scheduler=order)
            reached += result.people_tried
            people += setting.people
        yield _row(
            f"scheduler: people called inside their hours, {name}",
            reached / people,
            "share",
            people,
        )
