"""A box that has grown: its start, its memory and its next choice at up to 100,000 people.

Each state directory is made by the box's own means (an import, rows through the ledger, a
checkpoint); each figure comes from a fresh process. A start is everything from opening the state
to the first order to dial, with every person planned.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appliance.box.box import Box
from appliance.box.state import BoxState
from appliance.campaign import inputs
from appliance.config import load as configuration
from appliance.config.load import Config
from appliance.config.paths import sample_config
from appliance.control.message_operations import MessageOperations
from appliance.control.people_operations import PeopleOperations
from appliance.effects import Effect, Now, Record
from appliance.people.contacts_format import COLUMNS
from appliance.service_ranges import NANP_SERVICE_AREA
from bench.busy_line import BusyLine, dialled

SIZES = ((1_000, 10_000), (10_000, 100_000), (100_000, 1_000_000))
"""People, and rows of the ledger."""
IMPORTED = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
STARTED = datetime(2027, 3, 10, 17, 30, tzinfo=UTC)
BATCH = 5_000
CHOICES = 400


def run() -> list[dict[str, object]]:
    """Return the rows of this module."""
    rows: list[dict[str, object]] = []
    for people, lines in SIZES:
        with tempfile.TemporaryDirectory(prefix="scale-", dir=os.environ.get("BENCH_DIR")) as name:
            state = Path(name) / "state"
            imported = _fresh("import", state, people)
            _fresh("history", state, lines)
            started = _fresh("start", state, people)
        label = f"scale: {people} people"
        rows.append(_row(f"{label}, import", imported["seconds"], "s", people))
        rows.append(_row(f"{label}, import, peak memory", imported["peak"], "MiB", people))
        rows.append(_row(f"{label}, import, longest step", imported["longest"], "ms", people))
        rows.append(_row(f"{label}, compaction", imported["compacted"], "s", people))
        label += f", {lines} ledger rows"
        for name, unit in (
            ("open", "s"),
            ("plan", "s"),
            ("start", "s"),
            ("peak", "MiB"),
            ("resident", "MiB"),
            ("choice_p50", "ms"),
            ("choice_p99", "ms"),
        ):
            rows.append(_row(f"{label}, {_NAMES[name]}", started[name], unit, lines))
    return rows


_NAMES = {
    "open": "open the state",
    "plan": "plan everybody",
    "start": "start to first dial",
    "peak": "peak memory",
    "resident": "memory while calling",
    "choice_p50": "next choice p50",
    "choice_p99": "next choice p99",
}


def _row(name: str, value: float, unit: str, n: int) -> dict[str, object]:
    return {"name": name, "value": round(value, 3), "unit": unit, "n": n}


def _fresh(what: str, state: Path, count: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.scale", what, str(state), str(count)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{what} of {count} failed: {done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


# --- in a process of its own -----------------------------------------------------------------


def _numbers() -> Iterator[str]:
    """Distinct numbers, all reserved for fiction: 60,000 French ones, then American ones."""
    for prefix in ("19900", "26191", "35301", "46571", "53649", "63998"):
        for n in range(10_000):
            yield f"+33{prefix}{n:04d}"
    for area in range(201, 990):
        if area % 100 != 11 and not re.match(NANP_SERVICE_AREA, str(area)):
            for n in range(100):
                yield f"+1{area}55501{n:02d}"


def _contacts(count: int) -> bytes:
    lines = [",".join(COLUMNS)]
    for n, number in enumerate(itertools.islice(_numbers(), count)):
        first = 8 + n % 10
        windows = f"mon-fri {first:02d}:00-{first + 1 + n % 4:02d}:00"
        lines.append(
            f"{number},Person {n},fr,Europe/Paris,neighbourhood-news,2026-01-04T12:00:00+01:00,"
            f"form,sheet {n // 40} line {n % 40},{windows},"
        )
    return "\n".join(lines).encode() + b"\n"


def _config(state: Path) -> Config:
    loaded = configuration.load(sample_config())
    line = loaded.settings.lines[0]
    settings = loaded.settings.model_copy(update={"lines": (line,)})
    return dataclasses.replace(loaded, state=state, settings=settings)


def _at(moment: datetime) -> Now:
    return Now(monotonic=0.0, utc=moment, trusted=True, source="bench")


def _memory(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"the kernel tells no {name}")


def _import(directory: Path, count: int) -> dict[str, float]:
    raw = _contacts(count)
    state = BoxState.open(directory)
    box = Box(_config(directory), state, lambda: _at(IMPORTED))
    people = PeopleOperations(box, MessageOperations(box))
    started = now = time.perf_counter()
    job = people.import_file({"file": "people.csv", "contents": raw})
    del raw
    done, longest = False, 0.0
    while not done:
        done = job.step()
        before, now = now, time.perf_counter()
        longest = max(longest, now - before)
    seconds = now - started
    answer = job.result
    if answer.get("new_people") != count:
        raise RuntimeError(
            f"imported {answer.get('new_people')} of {count}: {answer['faults'][:3]}"
        )
    compacting = time.perf_counter()
    state.registry.compact()
    compacted = time.perf_counter() - compacting
    state.close()
    return {
        "seconds": seconds,
        "longest": longest * 1e3,
        "peak": _memory("VmHWM"),
        "compacted": compacted,
    }


def _history(directory: Path, lines: int) -> dict[str, float]:
    """Fill the ledger with earlier campaigns' calls up to *lines* rows, and keep a checkpoint."""
    state = BoxState.open(directory)
    subjects = [contact.subject for contact in state.registry.contacts()]
    outcomes = itertools.cycle(("busy", "no_answer", "listened", "declined", "unreachable"))
    rows: list[Record] = []
    missing = lines - state.ledger.head[0]
    step = timedelta(days=300) / max(missing, 1)
    written = 0
    for call, subject in zip(range(missing), itertools.cycle(subjects), strict=False):
        attempt = f"{call:032x}"
        common: dict[str, Any] = {"attempt": attempt, "line": "line-1"}
        rows.append(
            Record(
                kind="call.authorised",
                subject=subject,
                data=common
                | {
                    "consent": f"{call + 2**64:032x}",
                    "purpose": f"earlier-campaign-{call * 4 // missing}",
                    "window_start": "2026-03-10T17:00:00+00:00",
                    "window_end": "2026-03-10T19:00:00+00:00",
                    "profile": "fr/2026-11",
                    "rules": ["stop", "clock", "consent", "window", "cap"],
                    "clock": "ntp",
                    "bench": True,
                },
            )
        )
        rows += [
            Record(kind=kind, subject=subject, data=common)
            for kind in ("call.dialled", "call.answered", "call.key")
        ]
        rows.append(
            Record(
                kind="call.ended",
                subject=subject,
                data=common | {"outcome": next(outcomes), "ring_seconds": 7.5},
            )
        )
        if len(rows) >= BATCH or written + len(rows) >= missing:
            rows = rows[: missing - written]
            written += len(rows)
            state.note(rows, IMPORTED + written * step)
            rows = []
        if written >= missing:
            break
    state.save_checkpoint(force=True)
    head = state.ledger.head[0]
    state.close()
    return {"rows": head}


def _start(directory: Path, count: int) -> dict[str, float]:
    """Start as a daemon does, then place one call after the other."""
    loaded = _config(directory)

    def now(seconds: float = 0.0) -> Now:
        utc = STARTED + timedelta(seconds=seconds)
        return Now(monotonic=seconds, utc=utc, trusted=True, source="bench")

    began = time.perf_counter()
    state = BoxState.open(directory)
    opened = time.perf_counter()
    engine = Box(loaded, state, now).engine
    line = BusyLine(engine, now)
    effects: Sequence[Effect] = [*engine.recover(now()), *line.ready()]
    while (attempt := dialled(effects)) is None:
        if engine.wake_at(now()) is None:
            raise RuntimeError(f"nobody was called: {engine.why_idle(now()).sentence}")
        effects = engine.step(inputs.Tick(), now())
    planned = time.perf_counter()
    choices = [spent * 1e3 for spent in line.choices(attempt, CHOICES)]
    figures = {
        "open": opened - began,
        "plan": planned - opened,
        "start": planned - began,
        "peak": _memory("VmHWM"),
        "resident": _memory("VmRSS"),
        "choice_p50": choices[len(choices) // 2],
        "choice_p99": choices[len(choices) * 99 // 100],
        "people": count,
    }
    state.close()
    return figures


def main(arguments: list[str]) -> int:
    what, state, count = arguments
    tasks = {"import": _import, "history": _history, "start": _start}
    print(json.dumps(tasks[what](Path(state), int(count))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
