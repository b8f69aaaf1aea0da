"""How fast a fleet is on this machine: claims, objections, stops, and a day of many boxes.

Three real nodes with TLS, R3, ``sync_interval: always``, and a key for each box; all of it on one
machine, so the figures compare and do not predict. Claims come from one process; objections and
stops are heard by real boxes, each a process on files of its own. A day
of a thousand boxes is played at whatever speed the hub takes it: seeded people, overlapping lists,
objections, outcomes and ledger packs, by boxes that share fifty connections.
"""

from __future__ import annotations

import asyncio
import random
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from appliance.demo.fleet_stage import HubStage
from appliance.effects import AskClaim
from appliance.fleet import subjects, wire
from appliance.fleet.claim import Asked
from appliance.fleet.exchange import Exchange
from appliance.fleet.headquarters import Headquarters, at_headquarters
from appliance.fleet.hub_config import inbox
from appliance.fleet.keys import BoxKeys
from appliance.fleet.member import boot_time
from appliance.fleet.messages import Ended, Objection
from appliance.fleet.subjects import Subjects
from appliance.model import Outcome
from bench.fleet_boxes import Boxes

LEDGER_LINE = 330
"""Bytes of an average row."""


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


class Bench:
    """The hub, its boxes' keys, and what was measured."""

    def __init__(self, directory: Path, boxes: int) -> None:
        self.stage = HubStage(directory)
        self.names = Subjects(self.stage.hub.campaign)
        self.keys = [self.stage.hub.enrol(f"box-{n}") for n in range(1, boxes + 1)]
        self.stage.hub.write_users()
        self.stage.start()
        self.stage.prepare()
        self.figures: list[dict[str, Any]] = []

    def note(self, name: str, value: float, unit: str, n: int) -> None:
        figure = {"name": name, "value": round(value, 3), "unit": unit, "n": n}
        self.figures.append(figure)

    async def connect(self, keys: BoxKeys) -> Client:
        return await wire.connect(
            keys.servers,
            seed=keys.seed,
            authority=keys.authority,
            name=keys.box,
            inbox=inbox(keys.box),
            forever=False,
        )

    async def claims(self, boxes: int, each: int) -> None:
        """*boxes* claim strangers, each one after the other."""
        clients = [await self.connect(keys) for keys in self.keys[:boxes]]
        took: list[float] = []

        async def one(client: Client, keys: BoxKeys) -> None:
            exchange = Exchange(client, self.names, keys.box, boot_time)
            for _ in range(each):
                begun = time.perf_counter()
                await claim(exchange, self.names, secrets.token_hex(16))
                took.append(time.perf_counter() - begun)

        begun = time.perf_counter()
        await asyncio.gather(
            *(one(client, keys) for client, keys in zip(clients, self.keys, strict=False))
        )
        seconds = time.perf_counter() - begun
        self.note(f"fleet: claims, {boxes} boxes: rate", len(took) / seconds, "1/s", len(took))
        self.note(f"fleet: claims, {boxes} boxes: p50", quantile(took, 0.5) * 1000, "ms", len(took))
        self.note(
            f"fleet: claims, {boxes} boxes: p99", quantile(took, 0.99) * 1000, "ms", len(took)
        )
        for client in clients:
            await client.close()

    async def heard(self, rounds: int) -> None:
        """From an objection on one real box's disk, or an order, to the disk of the last of all."""
        # Each box has a disk of its own in life; here they would wait for one.
        memory = Path("/dev/shm")  # noqa: S108
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
            boxes = await asyncio.to_thread(Boxes, Path(place), self.keys)
            try:
                await asyncio.sleep(2.0)
                before = boxes.processor()
                self._took("objection", await asyncio.to_thread(_objections, boxes, rounds))
                spent = (boxes.processor() - before) / rounds / len(boxes.names) * 1000
                self.note("fleet: processor of one box an objection", spent, "ms", rounds)
                async with at_headquarters(self.stage.hub) as headquarters:
                    self._took("stop", await _stops(headquarters, boxes, max(rounds // 3, 8)))
                self.note(
                    "fleet: a box of the bench",
                    quantile(boxes.resident(), 0.5),
                    "MiB",
                    len(self.keys),
                )
            finally:
                await asyncio.to_thread(boxes.close)

    def _took(self, what: str, took: Sequence[float]) -> None:
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            told = f"fleet: {what}, to the last of {len(self.keys)}: {name}"
            self.note(told, quantile(took, share) * 1000, "ms", len(took))

    async def day(self, boxes: int, attempts: int, seed: int) -> None:
        """Play *attempts* of a day of *boxes* boxes: people on overlapping lists, and the rest."""
        chance = random.Random(seed)
        people = [f"{chance.getrandbits(128):032x}" for _ in range(attempts)]
        clients = [await self.connect(keys) for keys in self.keys]
        granted = refused = 0
        before = disk(self.stage.hub.directory)

        async def one(index: int) -> None:
            nonlocal granted, refused
            client, keys = clients[index], self.keys[index]
            exchange = Exchange(client, self.names, keys.box, boot_time)
            own = random.Random(seed * 1000 + index)
            rows, subject = 0, subjects.ledger(keys.box)
            # The box that heard objections has sent rows of its own.
            sent = await wire.read_direct(client, subjects.LEDGERS, subject)
            last = sent.sequence if sent is not None else 0
            for _ in range(attempts // len(clients)):
                pid = own.choice(people)
                if await claim(exchange, self.names, pid):
                    granted += 1
                    ended = Ended(
                        box=keys.box,
                        attempt=secrets.token_hex(16),
                        outcome=Outcome.BUSY,
                        at=datetime.now(UTC),
                    )
                    outcome = self.names.outcome(pid, 1, keys.box)
                    await wire.write_once(client, outcome, ended.payload())
                    if own.random() < 0.03:
                        told = Objection(box=keys.box, at=datetime.now(UTC), by="key")
                        await wire.write_once(client, self.names.objection(pid), told.payload())
                else:
                    refused += 1
                rows += 7
                if rows >= 50:
                    rows = 0
                    headers = {wire.SUBJECT_SEQUENCE: str(last)}
                    pack = bytes(LEDGER_LINE * 50)
                    written = await wire.write(client, subject, pack, headers=headers)
                    last = written.sequence

        begun = time.perf_counter()
        await asyncio.gather(*(one(index) for index in range(len(clients))))
        seconds = time.perf_counter() - begun
        done = granted + refused
        self.note(f"fleet: a day of {boxes} boxes: attempts played", done / seconds, "1/s", done)
        need = boxes * 600 / 36000
        self.note(f"fleet: a day of {boxes} boxes: needs (600 each in 10 h)", need, "1/s", boxes)
        grown = disk(self.stage.hub.directory) - before
        self.note("fleet: disk of one node an attempt", grown / 3 / done, "bytes", done)
        for client in clients:
            await client.close()


def _objections(boxes: Boxes, rounds: int) -> list[float]:
    took = []
    for number in range(rounds):
        first = boxes.names[number % len(boxes.names)]
        others = [name for name in boxes.names if name != first]
        pid = secrets.token_hex(16)
        boxes.tell(first, "object", pid)
        begun = boxes.wait("objected", pid, [first])[first]
        took.append(max(boxes.wait("rev", pid, others).values()) - begun)
        time.sleep(0.25)
    return took


async def _stops(headquarters: Headquarters, boxes: Boxes, rounds: int) -> list[float]:
    took = []
    for _ in range(rounds):
        begun = time.monotonic()
        stopped = await headquarters.stop(boxes.names, by="bench", reason="bench")
        epoch = str(next(iter(stopped.values())))
        heard = await asyncio.to_thread(boxes.wait, "stop", epoch, boxes.names)
        took.append(max(heard.values()) - begun)
        opened = await headquarters.resume(boxes.names, by="bench", reason="bench")
        epoch = str(next(iter(opened.values())))
        await asyncio.to_thread(boxes.wait, "epoch", epoch, boxes.names)
        await asyncio.sleep(0.3)
    return took


def disk(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*.blk"))


async def claim(exchange: Exchange, names: Subjects, pid: str) -> bool:
    """Claim the first attempt at *pid*; return whether it was granted."""
    ask = AskClaim(attempt=secrets.token_hex(16), line="line-1", pid=pid, at=datetime.now(UTC))

    def asked() -> Asked:
        return Asked(
            pid=pid,
            number=1,
            subject=names.claim(pid, 1),
            epoch=10**6,
            sent_at=boot_time() + 30.0,
            floor=0,
        )

    answer = await exchange.claim(ask, asked, known=0)
    return bool(getattr(answer.event, "sequence", 0))


def memory() -> float:
    """Return what the fleet's part adds to a process, in MiB."""
    code = "import {}; print(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])"
    base = "appliance.daemon.daemon"
    sizes = []
    for modules in (base, f"{base}, appliance.fleet.member"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(modules)],
            capture_output=True,
            text=True,
            check=True,
        )
        sizes.append(int(done.stdout))
    return (sizes[1] - sizes[0]) / 1024


def run(boxes: int = 50, attempts: int = 3000) -> list[dict[str, Any]]:
    """Measure; some minutes on a busy machine."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as directory:
        bench = Bench(Path(directory), boxes)
        try:
            parts: list[Callable[[], Awaitable[None]]] = [
                lambda: bench.claims(1, 300),
                lambda: bench.claims(8, 100),
                lambda: bench.claims(boxes, 30),
                lambda: bench.heard(60),
                lambda: bench.day(1000, attempts, 1),
            ]
            for part in parts:
                asyncio.run(_run(part))
            bench.note("fleet: memory that it adds to a box", memory(), "MiB", 1)
        finally:
            bench.stage.end()
    return bench.figures


async def _run(part: Callable[[], Awaitable[None]]) -> None:
    await part()
