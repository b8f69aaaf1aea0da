"""The crash matrix: a run of the box's storage, cut at every system call, in every way.

``python -m bench.crash`` runs all of it and prints a table; it ends with 1 if any state did not
recover. The run imports people, makes calls, notes withdrawals, saves a checkpoint, compacts,
imports in bulk, erases a person and rolls the ledger. After each system call every state that a
cut may leave is opened by the real code, judged, written to and opened again; a sample of the
recoveries is cut at each of *its* system calls too.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appliance.effects import Record
from appliance.files import StorageFailed
from appliance.ledger import Ledger, checkpoint, verify
from appliance.model import Consent, Contact, Revocation
from appliance.store import Registry
from bench.power_cut import MemoryDisk

STATE = Path("/state")
LEDGER = STATE / "ledger"
START = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
SEGMENT_BYTES = 2500

Row = tuple[str, str | None, str]
People = tuple[frozenset[Contact], frozenset[Consent], frozenset[tuple[str, Revocation]]]
NOBODY: People = (frozenset(), frozenset(), frozenset())


class Violation(AssertionError):
    """A state that did not recover as it must."""


class _Enough(Exception):
    """A violation was found, and one was enough."""


@dataclass(slots=True)
class Promises:
    """What the box has told the world, and what it is in the middle of."""

    rows: list[Row] = field(default_factory=list)
    flying: list[Row] = field(default_factory=list)
    people: list[People] = field(default_factory=lambda: [NOBODY])
    """What may be registered: one value, or several while a change is on its way."""
    dialled: set[str] = field(default_factory=set)
    checkpoints: set[int] = field(default_factory=lambda: {0})
    """Sequence numbers that the newest checkpoint may stand at; 0 is none."""
    erased: set[bytes] = field(default_factory=set)
    number_key: bytes | None = None


@dataclass(slots=True)
class Tally:
    """What the matrix counted."""

    states: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    calls: int = 0

    @property
    def total(self) -> int:
        return sum(self.states.values())


def contact(number: int) -> Contact:
    return Contact(
        subject=f"{number:032x}",
        number=f"+3363998{number:04d}",
        number_hash=f"{number:04x}" * 16,
        name=f"Émile {number:04d}",
        language="fr",
        timezone="Europe/Paris",
    )


def consent(number: int) -> Consent:
    return Consent(
        id=f"{0xC0000000 + number:032x}",
        subject=f"{number:032x}",
        purpose="reminders",
        given_at=START - timedelta(days=number),
        source="form",
        evidence=f"form {number:04d}",
        windows="mon-fri 18:00-20:00",
        valid_until=None,
        recorded_at=START,
    )


class Box:
    """The storage of a box, driven as the daemon drives it; ``promises`` is kept alongside."""

    def __init__(self, disk: MemoryDisk, promises: Promises) -> None:
        self.promises = promises
        self._disk = disk
        self._at = START
        self.ledger = Ledger.open(LEDGER, segment_bytes=SEGMENT_BYTES, disk=disk)
        self.registry = Registry.open(STATE, disk=disk)
        promises.number_key = self.registry.number_key

    def append(self, *records: Record) -> None:
        rows = [_row(r.kind, r.subject, r.data) for r in records]
        self.promises.flying = rows
        self._at += timedelta(seconds=1)
        self.ledger.append(records, self._at)
        self.promises.rows += rows
        self.promises.flying = []

    def register(self, numbers: range) -> None:
        contacts, consents = [contact(n) for n in numbers], [consent(n) for n in numbers]
        now = self.promises.people[-1]
        with self._changing((now[0] | set(contacts), now[1] | set(consents), now[2])):
            self.registry.add(contacts, consents)

    def register_in_steps(self, numbers: range, *, revoking: int) -> None:
        """Import as a running box does: in parts, while somebody objects in between."""
        contacts, consents = [contact(n) for n in numbers], [consent(n) for n in numbers]
        intake = self.registry.intake()
        intake.take(contacts, consents)
        before = self.promises.people[-1]
        after: People = (before[0] | set(contacts), before[1] | set(consents), before[2])
        self.promises.people = [before, after]
        for step, _ in enumerate(intake.write(rows_per_step=4)):
            if step == 2:
                known = self.promises.people
                objected: list[People] = [
                    (p[0], p[1], p[2] | {_suppression(revoking)}) for p in known
                ]
                self.promises.people = known + objected
                self.registry.revoke(f"{revoking:032x}", Revocation(at=START, by="key"))
                self.promises.people = objected
        self.promises.people = [self.promises.people[-1]]

    def call(self, number: int, *, key: str) -> None:
        """One call, with the order of the real box: the permission is on disk before the dial."""
        subject, attempt = f"{number:032x}", f"a{len(self.promises.dialled)}"
        self.append(
            Record(kind="call.authorised", subject=subject, data={"attempt": attempt, "line": "l1"})
        )
        self.promises.dialled.add(attempt)
        self.append(
            Record(kind="call.answered", subject=subject, data={"attempt": attempt}),
            Record(kind="call.key", subject=subject, data={"attempt": attempt, "key": key}),
        )
        if key == "9":
            self.append(Record(kind="consent.revoked", subject=subject, data={"by": "key"}))
            self.revoke(number)
        self.append(
            Record(
                kind="call.ended",
                subject=subject,
                data={"attempt": attempt, "outcome": "listened", "note": "é" * 150},
            ),
            Record(kind="line.healed", data={"line": "l1", "why": "x" * 300}),
        )

    def revoke(self, number: int) -> None:
        now = self.promises.people[-1]
        with self._changing((now[0], now[1], now[2] | {_suppression(number)})):
            self.registry.revoke(f"{number:032x}", Revocation(at=START, by="key"))

    def compact(self) -> None:
        with self._changing(self.promises.people[-1]):
            self.registry.compact()

    def checkpoint(self) -> None:
        seq, digest = self.ledger.head
        self.promises.checkpoints = {seq, *self.promises.checkpoints}
        checkpoint.save(STATE, {"seq": seq}, seq, digest, self._disk)
        self.promises.checkpoints = {seq}

    def erase(self, number: int) -> None:
        now = self.promises.people[-1]
        after = (
            now[0] - {contact(number)},
            now[1] - {consent(number)},
            now[2] | {_suppression(number)},
        )
        with self._changing(after):
            self.registry.erase(f"{number:032x}", Revocation(at=START, by="key"))
        self.promises.erased |= {contact(number).number.encode(), contact(number).name.encode()}

    @contextmanager
    def _changing(self, *after: People) -> Iterator[None]:
        self.promises.people = [self.promises.people[-1], *after]
        yield
        self.promises.people = [after[-1]]


def _row(kind: str, subject: str | None, data: dict[str, Any]) -> Row:
    return kind, subject, repr(sorted(data.items()))


def _suppression(number: int) -> tuple[str, Revocation]:
    return contact(number).number_hash, Revocation(at=START, by="key")


def people(registry: Registry) -> People:
    """Return everything that the registry holds."""
    contacts = frozenset(registry.contacts())
    consents = frozenset(c for who in contacts for c in registry.consents(who.subject))
    return contacts, consents, frozenset(registry.suppressions().items())


def run(disk: MemoryDisk, promises: Promises) -> Iterator[str]:
    """Drive the box through the run on *disk*; yield the name of each step before it is taken."""
    yield "first start"
    box = Box(disk, promises)
    yield "import"
    box.register(range(1, 4))
    box.append(
        *(Record(kind="consent.granted", subject=f"{n:032x}", data={"n": n}) for n in range(1, 4))
    )
    yield "call"
    box.call(1, key="1")
    yield "revocation"
    box.call(2, key="9")
    yield "checkpoint"
    box.checkpoint()
    yield "compaction"
    box.compact()
    yield "call"
    box.call(3, key="1")
    yield "import in steps"
    box.register_in_steps(range(4, 14), revoking=3)
    yield "restart"
    box.ledger.close()
    box.registry.close()
    box = Box(disk, promises)
    yield "call"
    box.call(4, key="1")
    yield "compaction"
    box.compact()
    yield "revocation"
    box.call(5, key="9")
    yield "checkpoint"
    box.checkpoint()
    yield "erasure"
    box.erase(2)
    box.append(Record(kind="contact.erased", subject=f"{2:032x}"))
    yield "import"
    box.register(range(14, 16))
    yield "call"
    box.call(6, key="1")


def judge(files: dict[Path, bytes], promises: Promises, disk: MemoryDisk | None = None) -> None:
    """Open what a cut left, hold it against the promises, write on, open again."""
    disk = MemoryDisk(files) if disk is None else disk
    rows = _judge_once(disk, promises)
    with Ledger.open(LEDGER, segment_bytes=SEGMENT_BYTES, disk=disk) as ledger:
        ledger.append([Record(kind="box.started", data={"after": "cut"})], START)
    with Registry.open(STATE, disk=disk) as registry:
        registry.add([contact(9000)], [consent(9000)])
    with Ledger.open(LEDGER, segment_bytes=SEGMENT_BYTES, disk=disk) as ledger:
        again = [_row(e.kind, e.subject, e.data) for e in ledger.entries()]
    with Registry.open(STATE, disk=disk) as registry:
        found = registry.by_number(contact(9000).number)
    if again[:-1] != rows or again[-1][0] != "box.started" or found != contact(9000):
        raise Violation("what was written after the recovery was not there at the next start")


def _judge_once(disk: MemoryDisk, promises: Promises) -> list[Row]:
    with Ledger.open(LEDGER, segment_bytes=SEGMENT_BYTES, disk=disk) as ledger:
        entries = list(ledger.entries())
        kept = checkpoint.load(STATE, ledger, disk)
    rows = [_row(e.kind, e.subject, e.data) for e in entries]
    known = len(promises.rows)
    if rows[:known] != promises.rows:
        raise Violation(f"{len(rows)} of {known} acknowledged rows")
    if rows[known:] != promises.flying[: len(rows) - known]:
        raise Violation("rows that nobody wrote")
    authorised = {e.data["attempt"] for e in entries if e.kind == "call.authorised"}
    if promises.dialled - authorised:
        raise Violation("a phone rang that the ledger does not know: it would ring again")
    checked = verify(LEDGER, disk=disk)
    if not checked.ok or checked.lines != len(rows):
        raise Violation(f"verify: {checked.fault}")
    if (0 if kept is None else kept.seq) not in promises.checkpoints:
        raise Violation("not the newest checkpoint")
    with Registry.open(STATE, disk=disk) as registry:
        found = people(registry)
        if promises.number_key not in (None, registry.number_key):
            raise Violation("another number key: no suppressed number would be recognised")
    if found not in promises.people:
        raise Violation(f"{len(found[0])} people: neither the state before nor the one after")
    # Whoever is not registered (any more) is in no file either, acknowledged or not.
    gone = promises.erased | {
        contact.number.encode() for contact in promises.people[0][0] - found[0]
    }
    for path, data in disk.contents().items():
        if any(word in data for word in gone):
            raise Violation(f"an erased person is still in {path}")
    return rows


def matrix(
    *,
    every: int = 1,
    nested_every: int = 50,
    offset: int = 0,
    first: bool = False,
    disk: MemoryDisk | None = None,
) -> Tally:
    """Cut the run at every system call; judge each *every*-th state, and cut the recovery of
    each *nested_every*-th of those at its own calls (0: never). *first* ends it at the first
    violation, *disk* stands in for an honest one."""
    tally = Tally()
    disk, promises = MemoryDisk() if disk is None else disk, Promises()
    step = ""
    count = offset

    def cut(_call: str) -> None:
        nonlocal count
        tally.calls += 1
        for fate, files in disk.states():
            count += 1
            if count % every:
                continue
            _try(tally, step, fate, files, promises)
            if first and tally.violations:
                raise _Enough
            if nested_every and count // every % nested_every == 0:
                _cut_recovery(tally, step, files, promises)

    disk.after_call = cut
    try:
        for step in run(disk, promises):  # noqa: B007 - read by cut()
            pass
    except _Enough:
        pass
    return tally


def faults(*, every: int = 1) -> Tally:
    """Let each system call of the run fail once (full, broken, short), then go on from there.

    A failed synchronisation loses its bytes and leaves the pages clean, as Linux does: the
    contents read well until the power goes. Judged are what a reader sees after the failure, and
    what is left when the power goes once the box has been opened again.
    """
    tally = Tally()
    probe = MemoryDisk()
    for _ in run(probe, Promises()):
        pass
    for number in range(1, probe.calls + 1, every):
        for fate in ("ENOSPC", "EIO", "ENOSPC half-way"):
            _fail(tally, number, fate)
    tally.calls = probe.calls
    return tally


def _fail(tally: Tally, number: int, fate: str) -> None:
    disk, promises = MemoryDisk(), Promises()

    def fail(name: str) -> None:
        if disk.calls != number:
            return
        if fate == "ENOSPC half-way" and name == "write":
            disk.tear_next_write = True
        elif name == "sync":
            disk.sync_fails = True
        else:
            code = errno.EIO if fate == "EIO" else errno.ENOSPC
            raise OSError(code, os.strerror(code))

    disk.before_call = fail
    step = ""
    try:
        for step in run(disk, promises):  # noqa: B007 - read below
            pass
    except StorageFailed:
        pass
    else:
        tally.violations.append(f"call {number}, {fate}: the failure was not told")
        return
    disk.before_call = None
    _try(tally, step, fate, disk.contents(), promises)
    with Ledger.open(LEDGER, segment_bytes=SEGMENT_BYTES, disk=disk) as ledger:
        ledger.append([Record(kind="box.started")], START)
        promises.rows = [_row(e.kind, e.subject, e.data) for e in ledger.entries()]
    with Registry.open(STATE, disk=disk) as registry:
        promises.number_key = registry.number_key
        promises.people = [people(registry)]
    promises.flying = []
    for _, files in disk.states():
        _try(tally, step, f"{fate}, then cut", files, promises)


def _try(tally: Tally, step: str, fate: str, files: dict[Path, bytes], promises: Promises) -> None:
    tally.states[step, fate] += 1
    try:
        judge(files, promises)
    except Exception as error:  # noqa: BLE001 - every failure to recover is a finding
        tally.violations.append(f"{step}, {fate}: {type(error).__name__}: {error}")


def _cut_recovery(tally: Tally, step: str, files: dict[Path, bytes], promises: Promises) -> None:
    disk = MemoryDisk(files)

    def cut(_call: str) -> None:
        for fate, again in disk.states():
            _try(tally, f"{step}: recovery", fate, again, promises)

    disk.after_call = cut
    # Promised rows that are still flying may be kept or lost by either cut.
    with Ledger.open(LEDGER, segment_bytes=SEGMENT_BYTES, disk=disk):
        pass
    with Registry.open(STATE, disk=disk):
        pass


def table(tally: Tally) -> str:
    """Return the tally for people: steps down, what the cut did across."""
    fates = sorted({fate for _, fate in tally.states})
    steps = list(dict.fromkeys(step for step, _ in tally.states))
    width = max(map(len, steps))
    lines = [" " * width + "".join(f"{fate:>17}" for fate in fates) + f"{'all':>9}"]
    for step in steps:
        cells = [tally.states[step, fate] for fate in fates]
        lines.append(
            f"{step:<{width}}" + "".join(f"{n or '·':>17}" for n in cells) + f"{sum(cells):>9}"
        )
    lines.append("")
    lines.append(
        f"{tally.total} states after {tally.calls} system calls, {len(tally.violations)} violations"
    )
    return "\n".join(lines + tally.violations[:20])


def main() -> int:
    started = time.perf_counter()
    cuts, failures = matrix(nested_every=20), faults()
    print("Power cut after each system call, by what it left:\n")
    print(table(cuts))
    print("\nEach system call failing once:\n")
    print(table(failures))
    print(f"\n{time.perf_counter() - started:.1f} s")
    return 1 if cuts.violations or failures.violations else 0


if __name__ == "__main__":
    sys.exit(main())
