"""The crash matrix: a run of the box's storage, cut at every system call, in every way.

``python -m tests.rigs.crash`` runs all of it and prints a table; it ends with 1 if any state did
not recover. After each system call of the run (:mod:`tests.rigs.crash_life`) every state that a cut
may leave is opened by the real code, judged, written to and opened again; a sample of the
recoveries is cut at each of *its* system calls too.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from appliance.effects import Record
from appliance.ledger import Ledger, checkpoint, verify
from appliance.people.registry import Registry
from appliance.storage.files import StorageFailed
from tests.rigs.crash_life import (
    LEDGER,
    SEGMENT_BYTES,
    START,
    STATE,
    Promises,
    Row,
    consent,
    contact,
    live,
    people,
    row_of,
)
from tests.rigs.power_cut import MemoryDisk


class Violation(AssertionError):
    """A state that did not recover as it must."""


class _Enough(Exception):
    """A violation was found, and one was enough."""


@dataclass(slots=True)
class Tally:
    """What the matrix counted."""

    states: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    calls: int = 0

    @property
    def total(self) -> int:
        return sum(self.states.values())


def judge(files: dict[Path, bytes], promises: Promises, disk: MemoryDisk | None = None) -> None:
    """Open what a cut left, hold it against the promises, write on, open again."""
    disk = MemoryDisk(files) if disk is None else disk
    rows = _judge_once(disk, promises)
    with Ledger.open(LEDGER, segment_bytes=SEGMENT_BYTES, disk=disk) as ledger:
        ledger.append([Record(kind="box.started", data={"after": "cut"})], START)
    with Registry.open(STATE, disk=disk) as registry:
        registry.add([contact(9000)], [consent(9000)])
    with Ledger.open(LEDGER, segment_bytes=SEGMENT_BYTES, disk=disk) as ledger:
        again = [row_of(e.kind, e.subject, e.data) for e in ledger.entries()]
    with Registry.open(STATE, disk=disk) as registry:
        found = registry.by_number(contact(9000).number)
    if again[:-1] != rows or again[-1][0] != "box.started" or found != contact(9000):
        raise Violation("what was written after the recovery was not there at the next start")


def _judge_once(disk: MemoryDisk, promises: Promises) -> list[Row]:
    with Ledger.open(LEDGER, segment_bytes=SEGMENT_BYTES, disk=disk) as ledger:
        entries = list(ledger.entries())
        kept = checkpoint.load(STATE, ledger, disk)
    rows = [row_of(e.kind, e.subject, e.data) for e in entries]
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
        for step in live(disk, promises):  # noqa: B007 - read by cut()
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
    for _ in live(probe, Promises()):
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
        for step in live(disk, promises):  # noqa: B007 - read below
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
        promises.rows = [row_of(e.kind, e.subject, e.data) for e in ledger.entries()]
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
