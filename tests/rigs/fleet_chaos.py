"""Chaos for a fleet: real hub nodes, real boxes as processes, links and everybody broken at random.

``make chaos``, or ``python -m tests.rigs.fleet_chaos --minutes 10 --boxes 6 --seed 1``. Links are
cut, held (nothing breaks, nothing arrives), slowed and mended; boxes are frozen between any two
instructions, killed and started again, and live with clocks that differ by minutes; nodes are
killed and stopped; people object at boxes and at headquarters; headquarters stops and resumes.
Then the auditor, which shares no code with the box, judges ledgers, the hub's log and the
networks' logs, and each ledger at the hub is compared with the one on the box's disk byte by byte.

``--plant`` puts a fault in (``push-only``, ``claim-skipped``, ``late-dial``, ``stale-epoch``), and
then the verdict must be that a promise was broken: exit code 0 means that the rig told right.
What it does not do: partitions between nodes, power cuts of their disks, real networks.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from appliance.box.state import BoxState, granted
from appliance.demo.fleet_stage import HubStage
from appliance.demo.link import LinkProxy
from appliance.errors import Refused
from appliance.fleet.audit import audit, told
from appliance.fleet.collecting import collect, verify_ledgers
from appliance.fleet.copies import Copies, read_network
from appliance.fleet.headquarters import Headquarters, at_headquarters
from appliance.fleet.packs import raw
from appliance.fleet.wire import HubRefused, NoAnswer
from appliance.model import Consent, Contact
from appliance.numbers import hash_number
from tests.rigs.fleet_box import BEGIN, PLANTS

PURPOSE = "neighbourhood-news"


class ChaosBox:
    """One box: its process, its link, its files."""

    def __init__(self, name: str, directory: Path, stage: HubStage, *, skew: float) -> None:
        self.name = name
        self.directory = directory / name
        self.directory.mkdir()
        node = stage.hub.nodes[len(name) % 3]
        self.link = LinkProxy(node.port)
        keys = stage.hub.enrol(name)
        servers = (f"tls://127.0.0.1:{self.link.port}",)
        dataclasses.replace(keys, servers=servers).save(self.directory / "fleet.key")
        self.skew = skew
        self._process: subprocess.Popen[bytes] | None = None

    def people(self, numbers: list[str]) -> None:
        state = BoxState.open(self.directory / "state")
        key = state.registry.number_key
        contacts, consents = [], []
        for number in numbers:
            digest = hash_number(key, number)
            contacts.append(
                Contact(
                    subject=digest[:32],
                    number=number,
                    number_hash=digest,
                    name="P",
                    language="fr",
                    timezone="Europe/Paris",
                )
            )
            consents.append(
                Consent(
                    id=digest[32:],
                    subject=digest[:32],
                    purpose=PURPOSE,
                    given_at=datetime(2027, 1, 15, tzinfo=UTC),
                    source="form",
                    evidence="form 1",
                    windows="mon-fri 10:00-20:00",
                    valid_until=None,
                    recorded_at=datetime(2027, 1, 15, tzinfo=UTC),
                )
            )
        state.registry.add(contacts, consents)
        for start in range(0, len(consents), 500):
            state.note([granted(one) for one in consents[start : start + 500]], BEGIN)
        state.close()

    def start(self, origin: float, seconds: float, seed: int, plant: str) -> None:
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.rigs.fleet_box", str(self.directory)),
                    *("--seconds", str(seconds), "--origin", str(origin), "--seed", str(seed)),
                    *("--skew", str(self.skew), "--plant", plant),
                ],
                stdout=log,
                stderr=log,
            )

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end(self) -> None:
        if self._process is None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(90)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Chaos:
    """The whole rig."""

    def __init__(self, directory: Path, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.chance = random.Random(arguments.seed)
        self.stage = HubStage(directory)
        self.directory = directory
        self.boxes = [
            ChaosBox(f"box-{n}", directory, self.stage, skew=self.chance.uniform(-300, 300))
            for n in range(1, arguments.boxes + 1)
        ]
        numbers = [f"+3319900{n:04d}" for n in range(min(arguments.people, 10000))]
        numbers += [f"+3326191{n:04d}" for n in range(max(arguments.people - 10000, 0))]
        self.numbers = numbers
        for box in self.boxes:
            box.people([number for number in numbers if self.chance.random() < 0.6])
        self.stage.hub.write_users()
        self.done: Counter[str] = Counter()
        self.origin = time.time()
        self.stopped: set[str] = set()

    def run(self) -> int:
        self.stage.start()
        self.stage.prepare()
        self.origin = time.time()
        end = time.monotonic() + self.arguments.minutes * 60
        try:
            for box in self.boxes:
                self._start(box)
            time.sleep(3.0)
            while time.monotonic() < end:
                self._something()
                time.sleep(self.chance.uniform(0.1, 1.0))
            self._calm()
        finally:
            for box in self.boxes:
                box.end()
        try:
            return self._judge()
        finally:
            for box in self.boxes:
                box.link.close()
            self.stage.end()

    def _start(self, box: ChaosBox) -> None:
        faulty = box is self.boxes[0]
        plant = self.arguments.plant if faulty or self.arguments.plant == "push-only" else ""
        box.start(self.origin, 24 * 3600.0, self.arguments.seed, plant)

    def _something(self) -> None:
        happenings: list[tuple[int, Callable[[], None]]] = [
            (10, self._cut),
            (6, self._hold),
            (6, self._freeze),
            (3, self._kill_box),
            (2, self._node),
            (12, self._objection),
            (4, self._stop),
            (6, self._late_news),
            (6, self._missed_news),
        ]
        if self.arguments.plant in ("push-only", "stale-epoch"):
            # What a push misses: the rest would only take its time.
            happenings = [(3, self._missed_news), (1, self._cut)]
        names = [work for weight, work in happenings for _ in range(weight)]
        work = self.chance.choice(names)
        self.done[work.__name__.strip("_")] += 1
        try:
            work()
        except (Refused, NoAnswer, HubRefused):
            self.done["hub did not answer"] += 1

    def _cut(self) -> None:
        box = self.chance.choice(self.boxes)
        box.link.cut()
        time.sleep(self.chance.uniform(0.0, 3.0))
        box.link.mend()

    def _hold(self) -> None:
        box = self.chance.choice(self.boxes)
        box.link.hold()
        time.sleep(self.chance.uniform(0.5, 8.0))
        box.link.mend()

    def _freeze(self) -> None:
        box = self.chance.choice(self.boxes)
        box.signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.3, 4.0))
        box.signal(signal.SIGCONT)

    def _kill_box(self) -> None:
        box = self.chance.choice(self.boxes)
        box.kill()
        self._start(box)

    def _node(self) -> None:
        name = self.chance.choice(self.stage.hub.nodes).name
        if self.chance.random() < 0.5:
            self.stage.kill(name)
            time.sleep(self.chance.uniform(1.0, 6.0))
            self.stage.start(name)
        else:
            self.stage.signal(name, signal.SIGSTOP)
            time.sleep(self.chance.uniform(1.0, 6.0))
            self.stage.signal(name, signal.SIGCONT)
        time.sleep(2.0)

    def _objection(self) -> None:
        number = self.chance.choice(self.numbers)

        async def work(headquarters: Headquarters) -> None:
            await headquarters.object(number)

        self._at(work)

    def _stop(self) -> None:
        names = [box.name for box in self.boxes if self.chance.random() < 0.5]

        async def stop(headquarters: Headquarters) -> None:
            await headquarters.stop(names, by="chaos", reason="a stop")

        async def resume(headquarters: Headquarters) -> None:
            await headquarters.resume(names, by="chaos", reason="over")

        self.stopped |= set(names)
        self._at(stop)
        time.sleep(self.chance.uniform(0.0, 2.0))
        self._at(resume)
        self.stopped -= set(names)

    def _late_news(self) -> None:
        """Stop a box, and object for many, while it hears everything a moment late."""
        box = self.chance.choice(self.boxes)
        box.link.slow(self.chance.uniform(0.2, 0.9))
        time.sleep(0.3)

        async def stop(headquarters: Headquarters) -> None:
            await headquarters.stop([box.name], by="chaos", reason="while it hears late")

        async def resume(headquarters: Headquarters) -> None:
            await headquarters.resume([box.name], by="chaos", reason="over")

        async def object_many(headquarters: Headquarters) -> None:
            for number in self.chance.sample(self.numbers, 40):
                await headquarters.object(number)

        try:
            self._at(object_many if self.chance.random() < 0.3 else stop)
            time.sleep(1.5)
        finally:
            box.link.mend()
        self._at(resume)

    def _missed_news(self) -> None:
        """Stop a box while it is cut off, and let it come back before it is resumed."""
        box = self.chance.choice(self.boxes)
        box.link.cut()

        async def stop(headquarters: Headquarters) -> None:
            await headquarters.stop([box.name], by="chaos", reason="while it is cut off")

        async def resume(headquarters: Headquarters) -> None:
            await headquarters.resume([box.name], by="chaos", reason="over")

        try:
            self._at(stop)
        finally:
            box.link.mend()
        time.sleep(self.chance.uniform(4.0, 8.0))
        self._at(resume)

    def _at(self, work: Callable[[Headquarters], object]) -> None:
        async def go() -> None:
            async with at_headquarters(self.stage.hub) as headquarters:
                await work(headquarters)  # type: ignore[misc]

        asyncio.run(go())

    def _calm(self) -> None:
        """Mend everything, and let the boxes send what they have."""
        for box in self.boxes:
            box.link.mend()
            box.signal(signal.SIGCONT)
        time.sleep(20.0)

    def _judge(self) -> int:
        async def read() -> Copies:
            async with at_headquarters(self.stage.hub) as headquarters:
                await verify_ledgers(headquarters)
                return await collect(headquarters)

        copies = asyncio.run(read())
        networks = [box.directory / "network.jsonl" for box in self.boxes]
        dials = read_network(
            [path for path in networks if path.exists()], self.stage.hub.secrets().campaign_key
        )
        verdict = audit(
            copies.campaign,
            copies.log,
            copies.ledgers,
            cap=2,
            network=dials,
            skew=self.arguments.skew,
        )
        print("\n".join(told(verdict)))
        unlike = [box.name for box in self.boxes if not self._same(box, copies)]
        print(f"ledgers at the hub that are not the boxes' own, byte by byte: {unlike or 'none'}")
        print(json.dumps({"happened": dict(self.done), "seed": self.arguments.seed}))
        clean = verdict.clean and not unlike and not copies.damaged
        if self.arguments.plant:
            print("the planted fault was found" if not verdict.clean else "NOT FOUND")
            return 0 if not verdict.clean else 1
        return 0 if clean else 1

    @staticmethod
    def _same(box: ChaosBox, copies: Copies) -> bool:
        paths = sorted((box.directory / "state" / "ledger").glob("*.jsonl"))
        on_disk = b"".join(path.read_bytes() for path in paths)
        return on_disk == b"".join(map(raw, copies.ledgers.get(box.name, [])))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--boxes", type=int, default=6)
    parser.add_argument("--people", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skew", type=float, default=0.3, help="seconds granted to the scheduler")
    parser.add_argument("--plant", choices=PLANTS, default="")
    parser.add_argument("--directory", type=Path)
    arguments = parser.parse_args()
    directory = arguments.directory or Path(tempfile.mkdtemp(prefix="fleet-chaos-"))
    directory.mkdir(exist_ok=True)
    return Chaos(directory, arguments).run()


if __name__ == "__main__":
    raise SystemExit(main())
