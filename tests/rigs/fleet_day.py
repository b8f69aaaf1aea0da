"""A day of a thousand boxes at one real hub, as fast as this machine plays it.

``make fleet-day``, or ``python -m tests.rigs.fleet_day --boxes 1000 --attempts 600 --seed 1``.
Three real nodes (TLS, R3, every acknowledgement synchronised); each box has a key, a connection and
a durable consumer of its own, and the membership's own code for claims and for following the log.
What is left out is the telephone: a granted claim counts as dialled, and its outcome is written.

The day is drawn from the seed: attempts over ten hours on lists that overlap, objections of
callees, links that are cut, stops of some boxes each hour and of all boxes twice. Then the whole
log is read and judged: a dial without its claim, two for one attempt, a claim after the objection
or in a stop, an objection that a box never heard.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import resource
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from appliance.demo.fleet_stage import HubStage
from appliance.effects import AskClaim
from appliance.fleet import subjects, wire
from appliance.fleet.canary import examine
from appliance.fleet.claim import Acknowledged, Asked, NotWritten, Position
from appliance.fleet.exchange import Exchange
from appliance.fleet.follower import Follower
from appliance.fleet.headquarters import at_headquarters
from appliance.fleet.hub_config import inbox
from appliance.fleet.keys import BoxKeys
from appliance.fleet.member import ANEW, EXAMINE_AGAIN, boot_time
from appliance.fleet.messages import Claim, Ended, MessageUnreadable, Objection, Order
from appliance.fleet.subjects import Subjects
from appliance.model import Outcome

HOURS = 10
AT_ONCE = 60
"""Attempts, cuts and orders that are under way at the same time."""
ROWS_A_CALL = 7
ROWS_A_PACK = 50
LEDGER_LINE = 330
"""Bytes of an average row."""
CUTS_A_DAY = 2
BY = "day"


@dataclass(frozen=True, slots=True)
class Dial:
    box: str
    pid: str
    attempt: str
    sequence: int


@dataclass(slots=True)
class Seen:
    """What was done and measured, over all boxes."""

    counts: Counter[str] = field(default_factory=Counter)
    dials: list[Dial] = field(default_factory=list)
    claims: list[float] = field(default_factory=list)
    """Seconds from asking to the permit."""
    objected: dict[str, float] = field(default_factory=dict)
    """When the hub acknowledged each objection."""
    last_heard: dict[str, float] = field(default_factory=dict)
    heard_by: Counter[str] = field(default_factory=Counter)
    stops: list[float] = field(default_factory=list)


class DayBox:
    """A box without a telephone."""

    def __init__(self, keys: BoxKeys, names: Subjects, seen: Seen) -> None:
        self.name = keys.box
        self.turn = asyncio.Lock()
        self._keys, self._names, self._seen = keys, names, seen
        self._position = Position()
        self._objected: set[str] = set()
        self._rows = self._ledger_last = 0
        self._client: Client | None = None
        self._follower: Follower | None = None
        self._following: asyncio.Task[None] | None = None
        self._meeting: asyncio.Task[None] | None = None
        self._back = asyncio.Event()

    @property
    def heard(self) -> set[str]:
        return self._objected

    async def connect(self) -> None:
        keys = self._keys
        self._client = await wire.connect(
            keys.servers,
            seed=keys.seed,
            authority=keys.authority,
            name=keys.box,
            inbox=inbox(keys.box),
            forever=True,
            reconnected=self._reconnected,
        )
        last = await self._examined()
        self._position = self._position.meets(last, self._position.anchor_subject or None)
        self._follower = Follower(self._names.stream, keys.box, self._logged)
        self._following = asyncio.create_task(self._follower.run(self._client))

    async def close(self) -> None:
        for task in (self._following, self._meeting):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._client is not None:
            await wire.close(self._client)

    async def cut(self) -> None:
        """End the connection as a link does that breaks, and wait until the client is back.

        One that does not come back by itself is replaced, as a box replaces it.
        """
        assert self._client is not None
        self._back.clear()
        if self._client.is_connected:
            vars(self._client)["_transport"].close()
            self._seen.counts["links cut"] += 1
        try:
            await asyncio.wait_for(self._back.wait(), ANEW)
        except TimeoutError:
            self._seen.counts["connected anew"] += 1
            await self.close()
            await self.connect()

    async def _reconnected(self) -> None:
        if self._meeting is not None:
            self._meeting.cancel()
        self._meeting = asyncio.create_task(self._meet())

    async def _meet(self) -> None:
        assert self._follower is not None
        await self._examined()
        self._follower.again()
        self._back.set()

    async def _examined(self) -> int:
        """Ask until the hub answers, as a box does: a link may break again meanwhile."""
        assert self._client is not None
        while True:
            try:
                return await examine(self._client, self._keys.campaign, self._keys.box)
            except wire.NoAnswer:
                await asyncio.sleep(EXAMINE_AGAIN)

    async def _logged(self, subject: str, sequence: int, payload: bytes) -> None:
        self._seen.counts["messages heard"] += 1
        found = self._names.read(subject)
        match None if found is None else found.kind:
            case "rev" if found is not None:
                if found.pid not in self._objected:
                    self._objected.add(found.pid)
                    self._seen.heard_by[found.pid] += 1
                    self._seen.last_heard[found.pid] = time.monotonic()
            case "stop" if found is not None:
                self._position = self._position.stops(found.number, BY)
            case "epoch" if found is not None:
                with contextlib.suppress(MessageUnreadable):
                    Order.read(payload)
                    self._position = self._position.opens(found.number, sequence, after_loss=False)
            case _:
                pass
        self._position = self._position.sees(sequence)

    async def attempt(self, pid: str, objects: bool) -> None:
        counts = self._seen.counts
        if self._position.bars() is not None:
            counts["not asked: stopped"] += 1
            await asyncio.sleep(0.05)  # Or the day would be over before the stop is.
            return
        if pid in self._objected:
            counts["not asked: objected"] += 1
            return
        assert self._client is not None
        exchange = Exchange(self._client, self._names, self.name, boot_time)
        ask = AskClaim(attempt=secrets.token_hex(16), line="line-1", pid=pid, at=datetime.now(UTC))
        epoch, floor = self._position.epoch, self._position.highest

        def asked() -> Asked:
            return Asked(
                pid=pid,
                number=1,
                subject=self._names.claim(pid, 1),
                epoch=epoch,
                sent_at=boot_time(),
                floor=floor,
            )

        begun = time.perf_counter()
        answer = await exchange.claim(ask, asked, known=0)
        if isinstance(answer.event, NotWritten):
            counts[f"refused: {answer.event.reason.value}"] += 1
            return
        assert isinstance(answer.event, Acknowledged)
        self._seen.claims.append(time.perf_counter() - begun)
        if epoch != self._position.epoch or pid in self._objected or self._position.bars():
            counts["granted, and not dialled any more"] += 1
            return
        counts["dialled"] += 1
        self._seen.dials.append(Dial(self.name, pid, ask.attempt, answer.event.sequence))
        await self._end(ask, objects)

    async def _end(self, ask: AskClaim, objects: bool) -> None:
        assert self._client is not None
        now = datetime.now(UTC)
        if objects:
            told = Objection(box=self.name, at=now, by="key")
            await wire.write_once(self._client, self._names.objection(ask.pid), told.payload())
            self._seen.objected[ask.pid] = time.monotonic()
        outcome = Outcome.OPTED_OUT if objects else Outcome.BUSY
        ended = Ended(box=self.name, attempt=ask.attempt, outcome=outcome, at=now)
        await wire.write_once(
            self._client, self._names.outcome(ask.pid, 1, self.name), ended.payload()
        )
        self._rows += ROWS_A_CALL
        if self._rows >= ROWS_A_PACK:
            self._rows = 0
            written = await wire.write(
                self._client,
                subjects.ledger(self.name),
                bytes(LEDGER_LINE * ROWS_A_PACK),
                headers={wire.SUBJECT_SEQUENCE: str(self._ledger_last)},
            )
            self._ledger_last = written.sequence
            self._seen.counts["ledger packs"] += 1


@dataclass(frozen=True, slots=True, order=True)
class Happening:
    """At *at* (seconds of the day) *what* happens to *boxes*."""

    at: float
    what: str
    boxes: tuple[int, ...]
    pid: str = ""


def drawn(boxes: int, attempts: int, objecting: float, seed: int) -> list[Happening]:
    """The day, in its order."""
    chance = random.Random(seed)
    seconds = HOURS * 3600.0
    people = [f"{chance.getrandbits(128):032x}" for _ in range(boxes * attempts)]
    day = []
    for box in range(boxes):
        for _ in range(attempts):
            what = "object" if chance.random() < objecting else "call"
            day.append(Happening(chance.uniform(0, seconds), what, (box,), chance.choice(people)))
        day += [Happening(chance.uniform(0, seconds), "cut", (box,)) for _ in range(CUTS_A_DAY)]
    for hour in range(HOURS):
        some = tuple(sorted(chance.sample(range(boxes), max(boxes // 20, 1))))
        day.append(Happening((hour + chance.random()) * 3600.0, "stop", some))
    day += [Happening(seconds * third / 3, "stop", tuple(range(boxes))) for third in (1, 2)]
    return sorted(day)


class Day:
    def __init__(self, directory: Path, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.stage = HubStage(directory)
        self.names = Subjects(self.stage.hub.campaign)
        self.keys = [self.stage.hub.enrol(f"box-{n}") for n in range(1, arguments.boxes + 1)]
        self.stage.hub.write_users()
        self.stage.start()
        begun = time.monotonic()
        self.stage.prepare()
        self.prepared = time.monotonic() - begun
        print(f"streams and places made in {self.prepared:.0f} s", flush=True)
        self.seen = Seen()
        self.directory = directory

    async def play(self) -> dict[str, Any]:
        boxes = [DayBox(keys, self.names, self.seen) for keys in self.keys]
        begun = time.monotonic()
        for start in range(0, len(boxes), 20):
            await asyncio.gather(*(box.connect() for box in boxes[start : start + 20]))
        connected = time.monotonic() - begun
        print(f"{len(boxes)} boxes connected in {connected:.0f} s", flush=True)
        day = drawn(
            len(boxes), self.arguments.attempts, self.arguments.objecting, self.arguments.seed
        )
        before = disk(self.directory)
        begun = time.monotonic()
        await self._all(boxes, day)
        seconds = time.monotonic() - begun
        print(f"the day was played in {seconds:.0f} s", flush=True)
        await self._quiet(boxes)
        grown = (disk(self.directory) - before) / 3
        memory = self.stage_memory()
        findings = await self._judge(boxes)
        for box in boxes:
            await box.close()
        return self._told(seconds, connected, grown, memory, findings)

    async def _all(self, boxes: Sequence[DayBox], day: Sequence[Happening]) -> None:
        waiting = iter(day)
        done = 0

        async def work() -> None:
            nonlocal done
            for happening in waiting:
                try:
                    await self._happens(boxes, happening)
                except (wire.NoAnswer, wire.HubRefused, TimeoutError) as error:
                    self.seen.counts[f"no answer: {happening.what}"] += 1
                    print(f"{happening.what}: {error}", flush=True)
                done += 1
                if done % 20000 == 0:
                    print(f"{done} of {len(day)}: {dict(self.seen.counts)}", flush=True)

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    async def _happens(self, boxes: Sequence[DayBox], happening: Happening) -> None:
        if happening.what == "stop":
            await self._stop([boxes[index].name for index in happening.boxes])
            return
        box = boxes[happening.boxes[0]]
        async with box.turn:
            if happening.what == "cut":
                await box.cut()
            else:
                await box.attempt(happening.pid, happening.what == "object")

    async def _stop(self, names: Sequence[str]) -> None:
        async with at_headquarters(self.stage.hub) as headquarters:
            begun = time.monotonic()
            await headquarters.stop(names, by=BY, reason=BY)
            self.seen.stops.append(time.monotonic() - begun)
            self.seen.counts["boxes stopped"] += len(names)
            await asyncio.sleep(1.0)
            await headquarters.resume(names, by=BY, reason=BY)

    async def _quiet(self, boxes: Sequence[DayBox]) -> None:
        """Wait until every box heard every objection, a minute at most."""
        end = time.monotonic() + 60.0
        while time.monotonic() < end:
            if all(len(box.heard) >= len(self.seen.objected) for box in boxes):
                return
            await asyncio.sleep(0.5)

    async def _judge(self, boxes: Sequence[DayBox]) -> list[str]:
        findings = []
        claims: dict[tuple[str, int], tuple[int, Claim]] = {}
        permits: list[tuple[int, str]] = []
        revoked: dict[str, int] = {}
        orders: dict[str, list[tuple[int, str]]] = {}
        async with at_headquarters(self.stage.hub) as headquarters:
            stream = self.names.stream
            async for message in wire.read_all(headquarters.nats, stream, self.names.all, 0):
                found = self.names.read(message.subject)
                match None if found is None else found.kind:
                    case "claim" if found is not None:
                        told = Claim.read(message.payload)
                        claims[found.pid, found.number] = (message.sequence, told)
                    case "permit" if found is not None:
                        permits.append((message.sequence, found.box))
                    case "rev" if found is not None:
                        revoked[found.pid] = message.sequence
                    case ("stop" | "epoch") as kind if found is not None:
                        orders.setdefault(found.box, []).append((message.sequence, kind))
                    case _:
                        pass
        for (pid, number), (sequence, _) in claims.items():
            if sequence > revoked.get(pid, sequence):
                findings.append(f"claim {pid} {number} at {sequence} after its objection")
        for sequence, box in permits:
            before = [kind for at, kind in orders.get(box, []) if at < sequence]
            if before and before[-1] == "stop":
                findings.append(f"permit of {box} at {sequence} while it was stopped")
        dialled = Counter(dial.pid for dial in self.seen.dials)
        findings += [
            f"{pid} dialled {n} times for one attempt" for pid, n in dialled.items() if n > 1
        ]
        for dial in self.seen.dials:
            sequence, claim = claims.get((dial.pid, 1), (0, None))
            if claim is None or (claim.box, claim.attempt) != (dial.box, dial.attempt):
                findings.append(f"{dial.box} dialled {dial.pid} without its claim")
        for pid in self.seen.objected:
            if pid not in revoked:
                findings.append(f"the acknowledged objection of {pid} is not in the log")
            # The box where it was made knows it from the log, too.
            deaf = sum(pid not in box.heard for box in boxes)
            if deaf:
                findings.append(f"{deaf} boxes did not hear the objection of {pid}")
        return findings

    def stage_memory(self) -> float:
        """Return the largest node's memory in MiB."""
        sizes = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (process / "cmdline").read_bytes()
                if str(self.directory).encode() in command and b"nats-server" in command:
                    status = (process / "status").read_text()
                    sizes.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
        return max(sizes, default=0.0)

    def _told(
        self, seconds: float, connected: float, grown: float, memory: float, findings: list[str]
    ) -> dict[str, Any]:
        asked = len(self.seen.claims) + sum(
            count for what, count in self.seen.counts.items() if what.startswith("refused")
        )
        spread = [
            self.seen.last_heard[pid] - at
            for pid, at in self.seen.objected.items()
            if self.seen.heard_by[pid] == len(self.keys)
        ]
        return {
            "boxes": len(self.keys),
            "seed": self.arguments.seed,
            "streams and places made, s": round(self.prepared, 1),
            "connected, s": round(connected, 1),
            "played, s": round(seconds, 1),
            "claims asked": asked,
            "claims a second": round(asked / seconds),
            "happenings a day's second": round(asked / (HOURS * 3600), 1),
            "claim to permit, ms": quantiles(self.seen.claims),
            "objections": len(self.seen.objected),
            "objection to the last box, ms": quantiles(spread),
            "stop acknowledged, ms": quantiles(self.seen.stops),
            "messages heard a second": round(self.seen.counts["messages heard"] / seconds),
            "largest node, MiB": round(memory),
            "disk of a node, MB": round(grown / 1e6),
            "counts": dict(self.seen.counts.most_common()),
            "findings": findings[:20],
        }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    shares = {"p50": 0.5, "p99": 0.99, "worst": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[int(share * last)] * 1000, 1) for name, share in shares.items()}


def disk(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*.blk"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=1000)
    parser.add_argument("--attempts", type=int, default=600, help="of each box")
    parser.add_argument("--objecting", type=float, default=0.005, help="share of the called")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="fleet-day-") as directory:
        day = Day(Path(directory), arguments)
        try:
            told = asyncio.run(day.play())
        finally:
            day.stage.end()
        # Thousands of small files take a while to go.
        print(json.dumps(told, indent=1), flush=True)
    return 1 if told["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
