"""What durability costs: appends, changes, starts and memory, beside stock TinyDB and SQLite.

Times include the real synchronisation of this machine's disk, so compare within one run only.
Every start is measured in a fresh process; bytes written are what the kernel was asked to write.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tinydb import TinyDB

from appliance.effects import Record
from appliance.ledger import Ledger, verify
from appliance.model import Consent, Contact, Revocation
from appliance.people.registry import Registry

AT = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
Rows = list[dict[str, object]]

_START = """
import sys, time, json
from pathlib import Path
from appliance.ledger import Ledger
from appliance.people.registry import Registry
def rss():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
base, began = rss(), time.perf_counter()
if sys.argv[1] == "registry":
    opened = Registry.open(Path(sys.argv[2]))
else:
    opened = Ledger.open(Path(sys.argv[2]))
print(json.dumps({"seconds": time.perf_counter() - began, "peak": rss(), "base": base}))
"""


def run() -> Rows:
    """Return the figures of the ledger and the registry."""
    with tempfile.TemporaryDirectory(prefix="storage-", dir=os.environ.get("BENCH_DIR")) as name:
        top = Path(name)
        rows: Rows = []
        rows += _appends(top)
        rows += _updates(top)
        for count in (1_000, 10_000, 100_000):
            rows += _registry(top / f"people-{count}", count)
        for count in (10_000, 1_000_000):
            rows += _history(top / f"history-{count}", count)
        return rows


def _row(name: str, value: float, unit: str, n: int) -> dict[str, object]:
    return {"name": f"storage: {name}", "value": round(value, 3), "unit": unit, "n": n}


def _written() -> int:
    for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise RuntimeError("the kernel tells no bytes written")


def _call(number: int) -> Iterator[list[Record]]:
    """The batches of one call: what must be on disk before the next thing happens."""
    attempt = f"{number:032x}"

    def record(kind: str, **data: object) -> Record:
        return Record(kind=kind, subject=f"{number % 1000:032x}", data={"attempt": attempt, **data})

    yield [
        record(
            "call.authorised",
            line="line-1",
            consent=attempt,
            window_start="2026-11-24T17:00:00.000Z",
            window_end="2026-11-24T19:00:00.000Z",
            profile="fr/2026-11",
            clock="ntp",
        )
    ]
    yield [record("call.answered", after=4.2)]
    yield [record("call.key", key="1", witness="notice")]
    yield [
        record(
            "call.ended",
            outcome="listened",
            evidence=["VOICE CALL: END"],
            cause=16,
            ring_seconds=4.2,
            talk_seconds=31.5,
        )
    ]


def _appends(top: Path) -> Rows:
    calls = 100
    with Ledger.open(top / "appends") as ledger:
        times: list[float] = []
        before, began = _written(), time.perf_counter()
        for number in range(calls):
            for batch in _call(number):
                start = time.perf_counter()
                ledger.append(batch, AT)
                times.append(time.perf_counter() - start)
        seconds, size = time.perf_counter() - began, _written() - before
        began = time.perf_counter()
        for number in range(20):
            ledger.append(
                [record for k in range(25) for b in _call(k + number) for record in b], AT
            )
        grouped = time.perf_counter() - began
    times.sort()
    return [
        _row("durable appends, one at a time", len(times) / seconds, "/s", len(times)),
        _row("durable append p50", times[len(times) // 2] * 1000, "ms", len(times)),
        _row("durable append p99", times[len(times) * 99 // 100] * 1000, "ms", len(times)),
        _row("durable rows in batches of 100", 2000 / grouped, "/s", 2000),
        _row("ledger bytes written per call", size / calls, "B", calls),
    ]


def _updates(top: Path) -> Rows:
    """One small change at a time to 10,000 people, as each store makes it durable."""
    people = 10_000
    contacts, consents = _people(people)
    registry = Registry.open(top / "updates")
    registry.add(contacts, consents)
    documents = {str(n): {"name": c.name, "number": c.number} for n, c in enumerate(contacts, 1)}
    (top / "stock.json").write_text(json.dumps({"_default": documents}), encoding="utf-8")
    stock = TinyDB(top / "stock.json")
    base = sqlite3.connect(top / "base.sqlite", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, document TEXT)")
    base.executemany(
        "INSERT INTO people VALUES (?, ?)", ((int(k), json.dumps(d)) for k, d in documents.items())
    )
    text = json.dumps({"name": "x" * 150})

    def ours(n: int) -> None:
        registry.revoke(contacts[n].subject, Revocation(at=AT, by="key"))

    def theirs(n: int) -> None:
        stock.update({"revoked": AT.isoformat()}, doc_ids=[n + 1])

    def sqlite(n: int) -> None:
        base.execute("UPDATE people SET document = ? WHERE id = ?", (text, n + 1))

    rows = []
    for name, change, count in (
        ("journal", ours, 300),
        ("SQLite WAL FULL", sqlite, 300),
        ("stock TinyDB", theirs, 10),
    ):
        before, began = _written(), time.perf_counter()
        for n in range(count):
            change(n)
        seconds, size = time.perf_counter() - began, _written() - before
        rows.append(_row(f"changes among 10,000 people, {name}", count / seconds, "/s", count))
        rows.append(_row(f"bytes written per change, {name}", size / count, "B", count))
    for close in (registry.close, stock.close, base.close):
        _closing: Callable[[], object] = close
        _closing()
    return rows


def _people(count: int) -> tuple[list[Contact], list[Consent]]:
    contacts = [
        Contact(
            subject=f"{n * 0x9E3779B97F4A7C15F39CC0605CEDC834 % (1 << 128):032x}",
            number=f"+336399{n:06d}",
            number_hash=f"{n * 0x9E3779B97F4A7C15F39CC0605CEDC834 % (1 << 250):064x}",
            name=f"Camille Durand {n}",
            language="fr",
            timezone="Europe/Paris",
        )
        for n in range(1, count + 1)
    ]
    consents = [
        Consent(
            id=f"{(n + 1) * 0xD1B54A32D192ED03AEF17502108EF2D9 % (1 << 128):032x}",
            subject=contact.subject,
            purpose="appointment reminders",
            given_at=AT - timedelta(minutes=n),
            source="web form",
            evidence=f"form 2026-03, record {n}",
            windows="mon-fri 18:00-20:00; sat 10:00-12:00",
            valid_until=AT + timedelta(days=365),
            recorded_at=AT,
        )
        for n, contact in enumerate(contacts)
    ]
    return contacts, consents


def _registry(state: Path, count: int) -> Rows:
    contacts, consents = _people(count)
    registry = Registry.open(state)
    began = time.perf_counter()
    registry.add(contacts, consents)
    imported = time.perf_counter() - began
    began = time.perf_counter()
    for contact in contacts[:: max(1, count // 1000)]:
        registry.contact(contact.subject)
        registry.consents(contact.subject)
    looked = (time.perf_counter() - began) / len(contacts[:: max(1, count // 1000)])
    began = time.perf_counter()
    registry.erase(contacts[0].subject, Revocation(at=AT, by="command"))
    erased = time.perf_counter() - began
    registry.close()
    start = _fresh("registry", state)
    size = sum(path.stat().st_size for path in (state / "registry").iterdir())
    return [
        _row(f"import of {count:,} people", imported, "s", 1),
        _row(f"look up one of {count:,} with consents", looked * 1e6, "us", 1000),
        _row(f"erase one of {count:,}", erased, "s", 1),
        _row(f"open the registry of {count:,}", start["seconds"], "s", 1),
        _row(f"peak memory of that process, {count:,}", start["peak"], "MiB", 1),
        _row(f"of which before opening, {count:,}", start["base"], "MiB", 1),
        _row(f"registry on disk, {count:,}", size / 2**20, "MiB", 1),
    ]


def _history(directory: Path, count: int) -> Rows:
    with Ledger.open(directory) as ledger:
        number = 0
        while ledger.head[0] < count:
            batch = [record for k in range(250) for b in _call(number + k) for record in b]
            ledger.append(batch, AT)
            number += 250
        last = ledger.head[0]
        began = time.perf_counter()
        tail = sum(1 for _ in ledger.entries(last - 100))
        sought = time.perf_counter() - began
        began = time.perf_counter()
        folded = sum(1 for _ in ledger.entries(max(0, last - 100_000)))
        fold = (time.perf_counter() - began) / folded
    start = _fresh("ledger", directory)
    began = time.perf_counter()
    verification = verify(directory)
    seconds = time.perf_counter() - began
    if not verification.ok or tail != 100:
        raise RuntimeError("the ledger of the bench does not verify")
    return [
        _row(f"open the ledger of {count:,} rows", start["seconds"], "s", 1),
        _row(f"peak memory of that process, {count:,} rows", start["peak"], "MiB", 1),
        _row(f"last 100 of {count:,} rows", sought * 1000, "ms", 1),
        _row(f"read rows back, of {count:,}", 1 / fold, "rows/s", folded),
        _row(f"verify {count:,} rows", seconds, "s", 1),
        _row(f"verified rows per second, of {count:,}", verification.lines / seconds, "/s", 1),
    ]


def _fresh(what: str, directory: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", _START, what, str(directory)],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
