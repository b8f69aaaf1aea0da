"""Power cuts and failing media: a sample of the crash matrix, and a machine of random histories.

All of the matrix: ``python -m tests.rigs.crash``.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from appliance.effects import Record
from appliance.ledger import Ledger
from appliance.model import Revocation
from appliance.people.registry import Registry
from appliance.storage.files import StorageFailed
from tests.rigs import crash, crash_life
from tests.rigs.power_cut import MemoryDisk

THOROUGH = bool(os.environ.get("THOROUGH"))


def test_a_sample_of_the_crash_matrix_recovers() -> None:
    tally = crash.matrix(every=61 if THOROUGH else 150, nested_every=40, offset=7)
    assert tally.violations == []
    assert tally.total > 30


def test_a_sample_of_failing_system_calls_recovers() -> None:
    tally = crash.faults(every=13 if THOROUGH else 29)
    assert tally.violations == []
    assert tally.total > 18


class ForgetfulDisk(MemoryDisk):
    """Says that a file was synchronised, and lies."""

    def sync(self, descriptor: int) -> None:
        with self._call("sync"):
            pass


class NamelessDisk(MemoryDisk):
    """Says that a directory was synchronised, and lies."""

    def sync_directory(self, path: Path) -> None:
        with self._call("sync_directory"):
            pass


@pytest.mark.parametrize("disk", [ForgetfulDisk(), NamelessDisk()])
def test_the_matrix_would_show_a_missing_synchronisation(disk: MemoryDisk) -> None:
    tally = crash.matrix(every=11, nested_every=0, first=True, disk=disk)
    assert tally.violations


def test_after_a_failure_nothing_is_written_until_it_is_opened_anew() -> None:
    disk = MemoryDisk()
    box = crash_life.Box(disk, crash_life.Promises())
    box.register(range(1, 3))
    box.append(Record(kind="box.started"))
    disk.sync_fails = True
    with pytest.raises(StorageFailed, match="writing /state/ledger"):
        box.append(Record(kind="box.stopped"))
    disk.sync_fails = True
    with pytest.raises(StorageFailed):
        box.revoke(1)
    calls = disk.calls
    for _ in range(2):
        with pytest.raises(StorageFailed):
            box.append(Record(kind="box.stopped"))
        with pytest.raises(StorageFailed):
            box.revoke(2)
        with pytest.raises(StorageFailed):
            box.compact()
    assert disk.calls == calls
    assert box.ledger.failure is not None
    assert box.registry.failure is not None
    # What failed is not visible: nobody may rely on it.
    assert box.registry.revocation(crash_life.contact(1).subject) is None
    assert [e.kind for e in box.ledger.entries()] == ["box.started"]
    again = Ledger.open(crash_life.LEDGER, disk=disk)
    again.append([Record(kind="box.started")], crash_life.START)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "make room"), (errno.EIO, "replace the card"), (errno.EROFS, "read-only")],
)
def test_a_failure_comes_with_its_remedy(number: int, words: str) -> None:
    disk = MemoryDisk()
    box = crash_life.Box(disk, crash_life.Promises())

    def fail(name: str) -> None:
        raise OSError(number, "no")

    disk.before_call = fail
    with pytest.raises(StorageFailed) as caught:
        box.append(Record(kind="box.started"))
    assert words in caught.value.remedy
    with pytest.raises(StorageFailed) as caught:
        box.register(range(1, 3))
    assert words in caught.value.remedy


class _PowerCut(Exception):
    """Not an error of the program."""


class Histories(RuleBasedStateMachine):
    """Random histories; any operation may be cut at any of its system calls, in any way."""

    @initialize()
    def start(self) -> None:
        self.disk, self.promises = MemoryDisk(), crash_life.Promises()
        self.box = crash_life.Box(self.disk, self.promises)
        self.next = 1

    def attempt(self, cut_at: int, pick: int, operation: str, size: int) -> None:
        count = 0

        def cut(_name: str) -> None:
            nonlocal count
            count += 1
            if count == cut_at:
                raise _PowerCut

        self.disk.after_call = cut
        try:
            self.operate(operation, size)
            self.disk.after_call = None
        except _PowerCut:
            self.disk.after_call = None
            states = list(self.disk.states())
            self.recover(states[pick % len(states)][1])

    def operate(self, operation: str, size: int) -> None:
        known = sorted(int(c.subject, 16) for c in self.promises.people[-1][0])
        match operation:
            case "append":
                self.box.append(*(Record(kind="line.fault", data={"n": n}) for n in range(size)))
            case "register":
                first, self.next = self.next, self.next + size
                self.box.register(range(first, first + size))
            case "compact":
                self.box.compact()
            case "checkpoint":
                self.box.checkpoint()
            case "call" if known:
                self.box.call(known[size % len(known)], key="19"[size % 2])
            case "revoke" if known:
                self.box.revoke(known[size % len(known)])
            case "erase" if known:
                self.box.erase(known[size % len(known)])

    def recover(self, files: dict[Path, bytes]) -> None:
        crash.judge(files, self.promises)
        self.disk = MemoryDisk(files)
        promises = self.promises
        self.box = crash_life.Box(self.disk, promises)
        promises.rows = [
            crash_life.row_of(e.kind, e.subject, e.data) for e in self.box.ledger.entries()
        ]
        promises.flying = []
        promises.people = [crash_life.people(self.box.registry)]

    @rule(
        operation=st.sampled_from(
            ["append", "register", "register", "compact", "checkpoint", "call", "revoke", "erase"]
        ),
        size=st.integers(1, 9),
        cut_at=st.integers(1, 12),
        pick=st.integers(0, 10**6),
    )
    def operation_that_may_be_cut(self, operation: str, size: int, cut_at: int, pick: int) -> None:
        self.attempt(cut_at, pick, operation, size)

    @rule(
        operation=st.sampled_from(["append", "register", "compact", "call", "erase"]),
        size=st.integers(1, 9),
    )
    def operation_that_goes_through(self, operation: str, size: int) -> None:
        self.operate(operation, size)

    @rule()
    def restart(self) -> None:
        self.recover(self.disk.contents())


Histories.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestHistories = Histories.TestCase


def test_state_of_a_real_directory_goes_through_the_same_judge(tmp_path: Path) -> None:
    """The simulated disk and the real one read alike."""
    with Ledger.open(tmp_path / "ledger") as ledger:
        ledger.append([Record(kind="box.started")], crash_life.START)
    with Registry.open(tmp_path) as registry:
        registry.add([crash_life.contact(1)], [crash_life.consent(1)])
        registry.revoke(crash_life.contact(1).subject, Revocation(at=crash_life.START, by="key"))
        people = crash_life.people(registry)
        key = registry.number_key
    files = {
        crash_life.STATE / path.relative_to(tmp_path): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    rows = [crash_life.row_of("box.started", None, {})]
    crash.judge(files, crash_life.Promises(rows=rows, people=[people], number_key=key))
