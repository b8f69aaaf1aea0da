"""The restore matrix: each file of the state deleted, cut, zeroed, older or another box's.

``python -m tests.rigs.restore_matrix [--pairs]`` prints what the real box makes of each, alone and
with ``--pairs`` in pairs, opened afterwards and changed beside a running box. It judges by who is
called: whoever would not have been called before the damage must not be called after it, nor may
anybody be left out in silence. Exit code 1 where one cell breaks that.

The box is the real one on real files; its line notes whom it is told to dial, and each callee hangs
up at the greeting.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from appliance.box.state import BoxState
from appliance.campaign import inputs
from appliance.config import load as configuration
from appliance.config.load import Config
from appliance.config.paths import sample_config
from appliance.control.job import Job
from appliance.control.operations import Operations
from appliance.daemon.state_watch import StateWatch
from appliance.effects import Record
from appliance.ledger import Ledger
from appliance.model import Consent
from appliance.storage.files import StorageError
from firmware import events
from firmware.orders import Dial
from tests.support.box_bench import Bench, answered_and_pressed

SEGMENT = 2500
"""Bytes, so that a short life has several segments."""

LISTENER, REFUSER, OBJECTOR, ERASED, STRICTER, FRESH, STRANGER = (
    f"+33199002{number:03d}" for number in range(7)
)
OBJECTED = {OBJECTOR, ERASED, STRANGER}


class Life(Bench):
    """One box and what happens to it."""

    def ask(self, operation: str, **arguments: object) -> object:
        outcome = Operations(self.box).begin(operation, dict(arguments))
        return outcome.run() if isinstance(outcome, Job) else outcome

    def let_it_call(self, rounds: int = 12) -> list[str]:
        """Let the box dial whom it may; every callee hangs up at the greeting."""
        self.box.recover()
        self.ready()
        called = []
        for _ in range(rounds):
            self.box.take([inputs.Tick()])
            dials = [order for order in self.line.orders if isinstance(order, Dial)]
            self.line.orders.clear()
            for dial in dials:
                called.append(dial.number)
                self._hang_up(dial)
        return called

    def _hang_up(self, dial: Dial) -> None:
        ended = events.Ended(
            line="line-1",
            at=2.0,
            attempt=dial.attempt,
            cause=events.Cause.REMOTE_HANG_UP,
            evidence="test",
            code=None,
            confirmed=True,
        )
        self.box.take([*answered_and_pressed(dial.attempt, "5")[:2], ended])
        self.seconds += 30

    def agree_to_less(self, number: str) -> None:
        """Let somebody agree anew, to mornings alone."""
        contact = self.state.registry.by_number(number)
        assert contact is not None
        (first,) = self.state.registry.consents(contact.subject)
        newer = Consent(
            id=first.id[::-1],
            subject=contact.subject,
            purpose=first.purpose,
            given_at=first.given_at + timedelta(days=10),
            source="form",
            evidence="form 2",
            windows="mon-fri 08:00-09:00",
            valid_until=None,
            recorded_at=first.recorded_at,
        )
        self.state.registry.add([], [newer])
        self.box.note([self.state.granted(newer)])

    def finish(self) -> None:
        self.state.save_checkpoint(force=True)
        self.state.close()


@dataclass(slots=True)
class World:
    """The state as it is, as it was at the last backup, and another box's."""

    now: Path
    older: Path
    other: Path
    config: Config
    seconds: float
    callable: set[str] = field(default_factory=set)


def build(place: Path) -> World:
    """Live the life that the matrix is about."""
    config = configuration.load(sample_config())
    life = Life(place / "now", config)
    life.register(LISTENER)
    life.let_it_call(4)
    for number in (OBJECTOR, ERASED, STRICTER):
        life.register(number)
    life.finish()
    shutil.copytree(place / "now", place / "older")
    life.state = BoxState.open(place / "now")
    life.box = life.make()
    # What only the newer state knows, and what keeps these people from being called.
    life.ask("contacts.revoke", number=OBJECTOR)
    life.ask("contacts.revoke", number=STRANGER)
    life.ask("contacts.erase", number=ERASED)
    life.agree_to_less(STRICTER)
    life.register(REFUSER)
    life.let_it_call(4)
    for _ in range(12):
        life.box.note([Record(kind="panel.pressed", data={"button": "start"})])
    life.register(FRESH)
    life.finish()
    other = Life(place / "other", config)
    other.register("+33199003001")
    for _ in range(30):
        other.box.note([Record(kind="panel.pressed", data={"button": "start"})])
    other.ask("contacts.revoke", number="+33199003001")
    other.finish()
    for state in (place / "now", place / "older", place / "other"):
        (state / "written.jsonl").write_text('{"path": "/x", "sha256": "0"}\n')
    world = World(
        place / "now", place / "older", place / "other", config, seconds=life.seconds + 600
    )
    with trial(world) as copy:
        box = opened(world, copy)
        world.callable = set(box.let_it_call())
        box.state.close()
    assert world.callable == {FRESH}, world.callable
    return world


# --- what is done to which file --------------------------------------------------------------


def _segments(state: Path) -> list[Path]:
    return sorted((state / "ledger").glob("*.jsonl"))


UNITS: dict[str, Callable[[Path], Path]] = {
    "ledger": lambda state: state / "ledger",
    "newest segment": lambda state: _segments(state)[-1],
    "old segment": lambda state: _segments(state)[1],
    "registry": lambda state: state / "registry",
    "number.key": lambda state: state / "number.key",
    "checkpoint.json": lambda state: state / "checkpoint.json",
    "ledger.head": lambda state: state / "ledger.head",
    "objections": lambda state: state / "objections",
    "written.jsonl": lambda state: state / "written.jsonl",
    "lock": lambda state: state / "lock",
}


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.is_file())
    return [path] if path.exists() else []


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _put(source: Path, target: Path) -> None:
    _remove(target)
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(source, target)


def _delete(path: Path, unit: str, world: World) -> None:
    _remove(path)


def _cut(path: Path, unit: str, world: World) -> None:
    for file in _files(path):
        os.truncate(file, file.stat().st_size // 2)


def _zero(path: Path, unit: str, world: World) -> None:
    for file in _files(path):
        file.write_bytes(bytes(file.stat().st_size))


def _older(path: Path, unit: str, world: World) -> None:
    _put(UNITS[unit](world.older), path)


def _others(path: Path, unit: str, world: World) -> None:
    _put(UNITS[unit](world.other), path)


TREATMENTS: dict[str, Callable[[Path, str, World], None]] = {
    "deleted": _delete,
    "cut": _cut,
    "zeroed": _zero,
    "older": _older,
    "another's": _others,
}

Damage = tuple[tuple[str, str], ...]
"""Units and what is done to them, in order."""


def singles() -> Iterator[Damage]:
    for one in itertools.product(UNITS, TREATMENTS):
        yield (one,)


def pairs() -> Iterator[Damage]:
    for first, second in itertools.combinations(UNITS, 2):
        for how in itertools.product(TREATMENTS, repeat=2):
            yield ((first, how[0]), (second, how[1]))


def inflict(damage: Damage, state: Path, world: World) -> None:
    # Found before anything is done: a ledger that is gone has no segments to speak of.
    places = [(UNITS[unit](state), unit, how) for unit, how in damage]
    for path, unit, how in places:
        if how in ("deleted", "older", "another's") or path.exists():
            TREATMENTS[how](path, unit, world)


# --- what the box makes of it ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one cell."""

    says: str
    """``refused``, the doubts that stand, ``remark`` or nothing."""
    called: frozenset[str]
    after_reset: frozenset[str]
    """Whom it calls once a person has accepted what is lost."""
    broken: str = ""


@contextmanager
def trial(world: World) -> Iterator[Path]:
    """Yield a copy of the state that is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=world.now.parent) as place:
        copy = Path(place) / "state"
        shutil.copytree(world.now, copy)
        yield copy


def opened(world: World, state: Path) -> Life:
    """Open *state* at the time of the matrix; raises as the box does."""
    life = Life(state, world.config)
    life.seconds = world.seconds
    return life


def offline(damage: Damage, world: World) -> Finding:
    """Damage a state, open it, and let the box call whom it may."""
    with trial(world) as copy:
        inflict(damage, copy, world)
        try:
            box = opened(world, copy)
        except StorageError as error:
            remedy = "" if error.remedy else "no remedy"
            return Finding(
                says="refused", called=frozenset(), after_reset=frozenset(), broken=remedy
            )
        try:
            _verify(box)
            return _judged(box, world)
        finally:
            box.state.close()


def beside(damage: Damage, world: World) -> Finding:
    """Damage a state under a running box, let it call, and open it again."""
    with trial(world) as copy:
        box = opened(world, copy)
        seconds = [0.0]
        watch = StateWatch(box.state, lambda told: box.box.take([told]), lambda: seconds[0])
        try:
            inflict(damage, copy, world)
            seconds[0] += 60.0
            failed = watch.look()
            if failed is not None:
                box.box.storage_failed(failed, box.now())
            finding = _judged(box, world)
        except StorageError as error:
            finding = Finding(says=f"storage: {error}", called=frozenset(), after_reset=frozenset())
        finally:
            watch.close()
            box.state.close()
        return finding


def _verify(box: Life) -> None:
    posted: list[inputs.Input] = []
    watch = StateWatch(box.state, posted.append)
    watch.begin()
    while watch.is_reading:
        watch.wait(0.01)
    watch.close()
    box.box.take(posted)


def _judged(box: Life, world: World) -> Finding:
    engine = box.box.engine
    facts = Operations(box.box).facts()
    said = [doubt.code for doubt in engine.doubts.all()]
    if engine.storage_failure is not None:
        said.append("storage")
    if (said and facts.state_ok and facts.storage_ok) or (said and "unverified" in said):
        return _finding(said, frozenset(), frozenset(), "no lamp shows it")
    called = frozenset(box.let_it_call())
    said += ["remark"] if box.state.remarks else []
    after: frozenset[str] = frozenset()
    stands = set(said) - {"remark"}
    if stands and stands <= {"rows", "people"}:
        box.ask("reset", by="matrix", reason="what is lost is lost")
        after = frozenset(box.let_it_call())
    broken = ""
    if called - world.callable:
        broken = "called somebody whom it would not have called"
    elif called != world.callable and not stands:
        broken = "left somebody out in silence"
    elif after & OBJECTED:
        broken = "called an objector after the reset"
    return _finding(said, called, after, broken)


def _finding(
    said: list[str], called: frozenset[str], after: frozenset[str], broken: str
) -> Finding:
    return Finding(says=", ".join(said), called=called, after_reset=after, broken=broken)


# --- the table -------------------------------------------------------------------------------


def judge(
    cells: Iterable[Damage], world: World, how: Callable[[Damage, World], Finding]
) -> dict[Damage, Finding]:
    return {damage: how(damage, world) for damage in cells}


def table(found: dict[Damage, Finding], world: World) -> list[str]:
    """Lay the cells of single files out: a row a file, a column a treatment."""
    rows = [f"{'':<16}" + "".join(f"{how:<22}" for how in TREATMENTS)]
    for unit in UNITS:
        cells = [found[((unit, how),)] for how in TREATMENTS]
        rows.append(f"{unit:<16}" + "".join(f"{_cell(cell, world):<22}" for cell in cells))
    return rows


def _cell(cell: Finding, world: World) -> str:
    if cell.broken:
        return f"BROKEN {cell.says}"
    if not cell.says:
        return "as before" if cell.called == world.callable else "calls nobody"
    return cell.says if not cell.called else f"{cell.says}; as before"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", action="store_true", help="pairs of files too: minutes")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="restore-matrix-") as place, small_segments():
        world = build(Path(place))
        print("Opened afterwards:\n")
        alone = judge(singles(), world, offline)
        print("\n".join(table(alone, world)))
        print("\nChanged under a running box:\n")
        running = judge(singles(), world, beside)
        print("\n".join(table(running, world)))
        everything = [*alone.items(), *running.items()]
        if arguments.pairs:
            both = judge(pairs(), world, offline)
            everything += both.items()
            print(f"\n{len(both)} pairs, opened afterwards:")
            for said, count in Counter(one.says or "as before" for one in both.values()).items():
                print(f"{count:>6}  {said}")
    bad = [(damage, finding) for damage, finding in everything if finding.broken]
    for damage, finding in bad:
        what = " and ".join(f"{unit} {how}" for unit, how in damage)
        print(f"BROKEN: {what}: {finding.broken} (says: {finding.says or 'nothing'})")
    sooner = sum(bool(finding.after_reset - world.callable) for _, finding in everything)
    print(
        f"\n{len(everything)} cells, {len(bad)} broken. In {sooner} of them somebody is called "
        "after a person's reset who would have rested: ledger and checkpoint are both lost."
    )
    return 1 if bad else 0


@contextmanager
def small_segments() -> Iterator[None]:
    """Have every ledger roll its segments early."""
    defaults = Ledger.open.__func__.__kwdefaults__  # type: ignore[attr-defined]
    before = defaults["segment_bytes"]
    defaults["segment_bytes"] = SEGMENT
    try:
        yield
    finally:
        defaults["segment_bytes"] = before


if __name__ == "__main__":
    sys.exit(main())
