"""A box's storage through a life of its own, and what it has promised at each moment of it.

The run imports people, makes calls, notes withdrawals, saves a checkpoint, compacts, imports in
bulk, erases a person and rolls the ledger. :mod:`tests.rigs.crash` cuts it and holds what is left
against the promises.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appliance.effects import Record
from appliance.ledger import Ledger, checkpoint
from appliance.model import Consent, Contact, Revocation
from appliance.people.registry import Registry
from tests.rigs.power_cut import MemoryDisk

STATE = Path("/state")
LEDGER = STATE / "ledger"
START = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
SEGMENT_BYTES = 2500

Row = tuple[str, str | None, str]
People = tuple[frozenset[Contact], frozenset[Consent], frozenset[tuple[str, Revocation]]]
NOBODY: People = (frozenset(), frozenset(), frozenset())


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
        rows = [row_of(r.kind, r.subject, r.data) for r in records]
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


def row_of(kind: str, subject: str | None, data: dict[str, Any]) -> Row:
    """Return a ledger row as it is compared."""
    return kind, subject, repr(sorted(data.items()))


def _suppression(number: int) -> tuple[str, Revocation]:
    return contact(number).number_hash, Revocation(at=START, by="key")


def people(registry: Registry) -> People:
    """Return everything that the registry holds."""
    contacts = frozenset(registry.contacts())
    consents = frozenset(c for who in contacts for c in registry.consents(who.subject))
    return contacts, consents, frozenset(registry.suppressions().items())


def live(disk: MemoryDisk, promises: Promises) -> Iterator[str]:
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
