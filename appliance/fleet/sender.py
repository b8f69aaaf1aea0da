"""What leaves the box: objections and outcomes at once, the ledger in packs, until it is there.

The ledger on disk is the queue. The hub says what it has: the box's last pack, and the message of
each subject that takes one. So nothing is remembered here that a power cut could make wrong.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from nats.aio.client import Client as Nats

from appliance.fleet import packs, subjects, wire
from appliance.fleet.canary import numbered
from appliance.fleet.claim import mark
from appliance.fleet.keys import BoxKeys
from appliance.fleet.memory import Memory
from appliance.fleet.messages import Objection, encode
from appliance.fleet.outbox import Due, Outbox
from appliance.fleet.packs import Head, Pack
from appliance.fleet.signing import SignatureWrong, open_head
from appliance.fleet.subjects import Subjects
from appliance.ledger import reader
from appliance.ledger.format import Line
from firmware.wording import worded

log = logging.getLogger(__name__)

LEDGER = "ledger"
ROWS_AT_ONCE = 2000
"""Ledger rows that are read before the loop looks at anything else."""


_NOT_WHOLE = worded("the hub's copy of this box's ledger is not whole yet")


def _ends_before(seq: int) -> str:
    return worded("headquarters has row {seq} of this box's ledger, which ends before it", seq=seq)


class LedgerForked(Exception):
    """Headquarters has rows of this box that its ledger has not: it was restored, or changed."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.remedy = worded(
            "Calls and objections may be missing here: keep this state directory, enrol "
            "the box under a new name and give it a fresh state (docs/fleet.md, A box "
            "restored)."
        )


class Sender:
    """Lives on the client's loop, but for the figures that it tells."""

    def __init__(
        self,
        keys: BoxKeys,
        names: Subjects,
        state: Path,
        memory: Memory,
        *,
        unnamed: Callable[[tuple[str, ...]], None],
        saw: Callable[[int, str], None],
    ) -> None:
        """*unnamed* asks for the names of people who objected without one.

        *saw* notes where a message stands in the log: number and mark.
        """
        self._unnamed = unnamed
        self._saw = saw
        self._unplaced = False
        """Something is in the log, and where was not told: it was there already."""
        self._keys = keys
        self._names = names
        self._directory = state / LEDGER
        self._memory = memory
        self._outbox = Outbox(names, keys.box)
        self._followed = memory.sent
        self._pack = 0
        """Sequence number of this box's newest pack in the hub's stream."""
        self._head = Head()
        """The newest row that the hub has."""
        self._again: dict[str, Due] = {}
        self._wake = asyncio.Event()
        self.objections_waiting = 0
        self.ledger_sent = 0
        if memory.again:
            self.everything(memory.objections)

    def wake(self) -> None:
        """To be called on the loop: there may be something to send."""
        self._wake.set()

    def look(self, head: int) -> None:
        """Follow the ledger without a hub: how many objections wait is to be seen."""
        while self._read(head):
            pass

    def asked(self, attempt: str) -> bool:
        """Return whether this ledger has asked for *attempt*; reads until it finds it.

        Raises the storage errors.
        """
        return reader.holds(self._directory, f'"attempt":"{attempt}"'.encode())

    async def due(self) -> None:
        """Wait until there may be something to send."""
        await self._wake.wait()
        self._wake.clear()

    async def meet(self, nats: Nats, head: int) -> None:
        """Compare what the hub has of this box's ledger with the ledger.

        Raises :class:`LedgerForked`, and what the wire raises.
        """
        box = self._keys.box
        last = await wire.read_direct(nats, subjects.LEDGERS, subjects.ledger(box))
        if last is None:
            self._pack, self._head = 0, Head()
        else:
            try:
                lines = packs.read(last.payload)
            except packs.PackRefused as error:
                raise LedgerForked(
                    worded("headquarters has of this box what it never sent: {error}", error=error)
                ) from error
            there = Head(lines[-1].seq, lines[-1].hash)
            ours = reader.hash_at(self._directory, there.seq) if there.seq <= head else None
            if ours != there.hash:
                raise LedgerForked(
                    _ends_before(there.seq)
                    if ours is None
                    else worded(
                        "headquarters has row {seq} of this box's ledger, which holds another "
                        "there",
                        seq=there.seq,
                    )
                )
            self._pack, self._head = last.sequence, there
        if head < self._memory.packed:
            raise LedgerForked(_ends_before(self._memory.packed))
        self.ledger_sent = self._head.seq
        self._memory.packed = max(self._memory.packed, self._head.seq)
        signed = await wire.read_direct(nats, subjects.HEADS, subjects.head(box))
        if signed is not None:
            self.take_head(signed.payload)

    async def lost(self, nats: Nats, head: int) -> str:
        """Say what the hub has lost of the ledger that it acknowledged; empty where it has all.

        A node that lags shows less than there is, but the majority takes rows again only where
        they are gone. To be asked behind :meth:`meet`; raises what the wire raises.
        """
        there, packed = self._head.seq, self._memory.packed
        if there >= packed:
            return ""
        pack = next(packs.packs(self._rows(head)))
        written = await self._put(nats, pack)
        if written is None or written.duplicate:
            raise wire.NoAnswer(_NOT_WHOLE)
        return worded(
            "it has this box's ledger up to row {there} and had acknowledged row {packed}",
            there=there,
            packed=packed,
        )

    def take_head(self, payload: bytes) -> None:
        """Keep a head that headquarters signed, if it did."""
        try:
            head = open_head(payload, self._keys.headquarters, self._keys.box)
        except SignatureWrong as error:
            log.error("a head that headquarters did not sign: %s", error)
            return
        if head.seq >= int(self._memory.head.get("seq", 0)):
            self._memory.signed(json.loads(payload))

    def everything(self, heard: Mapping[bytes, int]) -> None:
        """Send all objections and outcomes anew, and those that were heard of others."""
        from datetime import UTC, datetime

        self._outbox = Outbox(self._names, self._keys.box)
        self._followed = 0
        for key, at in heard.items():
            pid = key.hex()
            told = Objection(
                box=self._keys.box, at=datetime.fromtimestamp(at / 1000, UTC), by="fleet"
            )
            subject = self._names.objection(pid)
            self._again[subject] = Due(
                subject=subject, payload=told.payload(), seq=0, objection=True, pid=pid
            )
        self.wake()

    async def send(self, nats: Nats, head: int) -> None:
        """Send what is due up to ledger row *head*. Raises what the wire raises."""
        while True:
            read = self._read(head)
            await self._messages(nats)
            if not read:
                break
            await asyncio.sleep(0)
        await self._ledger(nats, head)

    def _read(self, head: int) -> bool:
        """Follow the ledger for a while; return whether there is more."""
        if self._followed >= head:
            return False
        count = 0
        for line in reader.lines(self._directory, self._followed):
            if line.seq > head:
                return False
            self._outbox.follow([line.entry()])
            self._followed = line.seq
            count += 1
            if count >= ROWS_AT_ONCE:
                break
        self.objections_waiting = self._outbox.objections
        asked = self._outbox.ask_names()
        if asked:
            self._unnamed(asked)
        return self._followed < head and count > 0

    async def _messages(self, nats: Nats) -> None:
        for due in [*self._again.values(), *self._outbox.waiting]:
            if due.objection:
                told = {**json.loads(due.payload), "pid": due.pid}
                with suppress(wire.NoAnswer):  # Only faster; the log follows.
                    await wire.send(nats, self._names.push_objection, encode(told))
            # None where it stands there already: somebody else said it, or we did before a cut.
            written = await wire.write_once(nats, due.subject, due.payload)
            if written is None:
                self._unplaced = True
            else:
                self._saw(written.sequence, mark(due.subject, due.payload))
            self._outbox.acknowledged(due.subject)
            self._again.pop(due.subject, None)
            self.objections_waiting = self._outbox.objections
        if self._unplaced:
            # What is numbered now stands behind it: a hub that lost the one lost the other.
            self._saw(*await numbered(nats, self._keys.campaign, self._keys.box))
            self._unplaced = False
        if not self._again:
            self._memory.acknowledged(self._outbox.done)

    async def _ledger(self, nats: Nats, head: int) -> None:
        while self._head.seq < head:
            for pack in packs.packs(self._rows(head)):
                if await self._put(nats, pack) is None:
                    # Its place is taken, by this very pack or one that was cut otherwise: see
                    # where the hub stands, and go on from there.
                    await asyncio.sleep(0.05)
                    await self.meet(nats, head)
                    if self._head.seq < self._memory.packed:
                        raise wire.NoAnswer(_NOT_WHOLE)
                    break

    def _rows(self, head: int) -> Iterator[Line]:
        """Yield the rows up to *head* that the hub lacks."""
        lines = reader.lines(self._directory, self._head.seq)
        return (line for line in lines if line.seq <= head)

    async def _put(self, nats: Nats, pack: Pack) -> wire.Written | None:
        """Write *pack* behind the one before; None where that place is taken."""
        headers = {
            wire.MESSAGE_ID: f"{self._keys.box}-{pack.first}-{pack.lines[-1].hash[:16]}",
            wire.SUBJECT_SEQUENCE: str(self._pack),
        }
        try:
            written = await wire.write(
                nats, subjects.ledger(self._keys.box), pack.payload(), headers=headers
            )
        except wire.HubRefused as refused:
            if refused.code in (wire.WRONG_SEQUENCE, wire.BUSY):
                return None
            raise
        self._pack, self._head = written.sequence, pack.head
        self.ledger_sent = self._head.seq
        self._memory.packed = max(self._memory.packed, self._head.seq)
        return written
