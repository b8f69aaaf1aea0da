"""Chaos for a fleet: real hub nodes, real boxes as processes, and everything broken at random.

``make chaos`` as root, or ``python -m tests.rigs.fleet_chaos --minutes 10 --boxes 4 --seed 1``.
Each box and node has a network namespace and a disk of its own (:mod:`~tests.rigs.fleet_ground`).
Links are cut, swallow everything, are slow, lose and disorder packets; a node is unreachable for
one box, or for the other nodes, in one direction or both; boxes are frozen between any two
instructions and between claim and dial, killed, and lose power; nodes are killed, stopped, and lose
power one by one or all at once, with what their disks had not synchronised; boxes' clocks differ by
minutes. People object at boxes and at headquarters; headquarters stops and resumes.

Then others judge (:mod:`~tests.rigs.fleet_judge`). ``--plant`` puts a fault in, and then the
verdict must be that a promise was broken: exit code 0 means that the rig told right. ``--results``
appends what came of the run to a file, ``--add-up`` adds such a file up. Put ``--directory`` on a
memory file system for many dials; then only the images' file systems are real.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.errors import Refused
from appliance.fleet.headquarters import Headquarters, at_headquarters
from appliance.fleet.wire import HubRefused, NoAnswer
from tests.rigs.fleet_box import PLANTS
from tests.rigs.fleet_delays import Weather
from tests.rigs.fleet_ground import NODES, ChaosBox, Ground, numbers
from tests.rigs.fleet_judge import AuditFailed, Judgement, Promised, judge
from tests.rigs.fleet_namespaces import Party

CAP = 2
FREEZES = 0.004
"""The share of grants at which a box freezes with the claim in its hand."""
LAZY = "lazy-disks"
"""The plant in the hub: nodes that synchronise their disks when they like, all of which lose power;
every other is in a box (:data:`~tests.rigs.fleet_box.PLANTS`)."""


class Chaos:
    """The whole rig."""

    def __init__(self, directory: Path, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.chance = random.Random(arguments.seed)
        self.directory = directory
        skews = [self.chance.uniform(-300, 300) for _ in range(arguments.boxes)]
        self.ground = Ground(
            directory,
            arguments.boxes,
            seed=arguments.seed,
            skews=skews,
            lazy=arguments.plant == LAZY,
            power=not arguments.plain_disks,
        )
        self.boxes = self.ground.boxes
        self.stage = self.ground.stage
        self.numbers = numbers(arguments.people)
        for box in self.boxes:
            box.people([number for number in self.numbers if self.chance.random() < 0.6])
        self.done: Counter[str] = Counter()
        self.promised = Promised()
        self.origin = 0.0
        self.seconds = 0.0
        self.over = threading.Event()

    def run(self) -> int:
        for lack in self.ground.lacks:
            print(f"*** THIS RUN PROVES LESS: {lack}", flush=True)
        try:
            self.stage.start()
            self.stage.prepare()
            self.origin = time.time()
            threading.Thread(target=self._thaw, daemon=True).start()
            for box in self.boxes:
                self._start(box)
            time.sleep(3.0)
            begun = time.monotonic()
            while time.monotonic() < begun + self.arguments.minutes * 60:
                self._something()
                time.sleep(self.chance.uniform(0.1, 1.0))
            self.seconds = time.monotonic() - begun
            self._calm()
            for box in self.boxes:
                box.end()
            self.over.set()
            return self._judge()
        finally:
            for box in self.boxes:
                box.kill()
            self.ground.close()

    def _start(self, box: ChaosBox) -> None:
        plant = self.arguments.plant if self.arguments.plant in PLANTS else ""
        if plant != "push-only" and box is not self.boxes[0]:
            plant = ""
        box.start(self.origin, seed=self.arguments.seed, plant=plant, freeze=FREEZES)

    def _happenings(self) -> list[tuple[int, Callable[[], None]]]:
        if self.arguments.plant in ("push-only", "stale-epoch"):
            # What a push misses: the rest would only take its time.
            return [(3, self._missed_news), (1, self._cut)]
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
        if self.ground.nodes:
            happenings += [(8, self._rough), (3, self._one_node_gone), (4, self._partition)]
        if self.ground.node_disks:
            happenings += [(3, self._box_without_power), (2, self._nodes_without_power)]
        if self.arguments.plant == LAZY:
            happenings = [(3, self._objection), (2, self._stop), (2, self._nodes_without_power)]
        return happenings

    def _something(self) -> None:
        work = self.chance.choice(
            [work for weight, work in self._happenings() for _ in range(weight)]
        )
        self.done[work.__name__.strip("_")] += 1
        try:
            work()
        except (Refused, NoAnswer, HubRefused):
            self.done["hub did not answer"] += 1

    # --- links -------------------------------------------------------------------------------

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

    def _rough(self) -> None:
        """A bad mobile link: late, in disorder, with holes."""
        box = self.chance.choice(self.boxes)
        assert isinstance(box.link, Party)
        box.link.rough(
            Weather(
                delay=self.chance.uniform(0.0, 0.3),
                jitter=self.chance.uniform(0.0, 0.4),
                loss=self.chance.uniform(0.0, 0.1),
            )
        )
        time.sleep(self.chance.uniform(2.0, 8.0))
        box.link.mend()

    def _one_node_gone(self) -> None:
        """One node is a black hole to one box; the others are as before."""
        box = self.chance.choice(self.boxes)
        assert isinstance(box.link, Party)
        box.link.hold(self.ground.nodes[self.chance.choice(NODES)])
        time.sleep(self.chance.uniform(2.0, 15.0))
        box.link.mend()

    def _partition(self) -> None:
        """A node hears nothing from one or both others, or they nothing from it, or both."""
        name = self.chance.choice(NODES)
        others = [party for other, party in self.ground.nodes.items() if other != name]
        deaf, mute = self.chance.choice([(True, True), (True, True), (True, False), (False, True)])
        node = self.ground.nodes[name]
        node.hold(*self.chance.sample(others, self.chance.choice([1, 2])), deaf=deaf, mute=mute)
        time.sleep(self.chance.uniform(2.0, 15.0))
        node.mend()
        time.sleep(2.0)

    # --- boxes and nodes ---------------------------------------------------------------------

    def _freeze(self) -> None:
        box = self.chance.choice(self.boxes)
        box.frozen = True
        box.signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.3, 4.0))
        box.signal(signal.SIGCONT)
        box.frozen = False

    def _thaw(self) -> None:
        """Let boxes go that froze with a claim in their hand."""
        chance = random.Random(self.arguments.seed + 1)
        until: dict[str, float] = {}
        while not self.over.wait(0.05):
            for box in self.boxes:
                if not box.froze_itself():
                    until.pop(box.name, None)
                elif box.name not in until:
                    self.done["frozen between claim and dial"] += 1
                    until[box.name] = time.monotonic() + chance.uniform(0.1, 4.0)
                elif time.monotonic() >= until[box.name]:
                    box.signal(signal.SIGCONT)

    def _kill_box(self) -> None:
        box = self.chance.choice(self.boxes)
        box.kill()
        self._start(box)

    def _box_without_power(self) -> None:
        box = self.chance.choice(self.boxes)
        assert box.disk is not None
        # The processor ends with its disk: what runs on could be told that lost bytes are safe.
        box.kill()
        box.disk.cut_power()
        box.disk.restore()
        time.sleep(self.chance.uniform(0.0, 2.0))
        self._start(box)

    def _node(self) -> None:
        name = self.chance.choice(NODES)
        if self.chance.random() < 0.5:
            self.stage.kill(name)
            time.sleep(self.chance.uniform(1.0, 6.0))
            self.stage.start(name)
        else:
            self.stage.signal(name, signal.SIGSTOP)
            time.sleep(self.chance.uniform(1.0, 6.0))
            self.stage.signal(name, signal.SIGCONT)
        time.sleep(2.0)

    def _nodes_without_power(self) -> None:
        """One, two or all lose power within milliseconds, and come back in any order."""
        count = 3 if self.arguments.plant == LAZY else self.chance.choice([1, 1, 2, 3])
        names = self.chance.sample(NODES, count)
        for name in names:
            self.stage.kill(name)
            self.ground.node_disks[name].cut_power()
        self.done["nodes that lost power"] += count
        for name in self.chance.sample(names, count):
            self.ground.node_disks[name].restore()
            time.sleep(self.chance.uniform(0.0, 2.0))
            self.stage.start(name)
        time.sleep(4.0)

    # --- people and headquarters -------------------------------------------------------------

    def _objection(self) -> None:
        self._at(lambda headquarters: self._object(headquarters, self.chance.choice(self.numbers)))

    async def _object(self, headquarters: Headquarters, *objectors: str) -> None:
        for number in objectors:
            await headquarters.object(number)
            self.promised.objections.setdefault(number, time.time())

    async def _order_stop(self, headquarters: Headquarters, *names: str) -> None:
        epochs = await headquarters.stop(names, by="chaos", reason="a stop")
        self.promised.stopped(epochs, time.time())

    async def _order_resume(self, headquarters: Headquarters, *names: str) -> None:
        self.promised.resuming(names, time.time())
        await headquarters.resume(names, by="chaos", reason="over")

    def _stop(self) -> None:
        names = [box.name for box in self.boxes if self.chance.random() < 0.5]
        try:
            self._at(lambda headquarters: self._order_stop(headquarters, *names))
            time.sleep(self.chance.uniform(0.0, 2.0))
        finally:
            self._at(lambda headquarters: self._order_resume(headquarters, *names))

    def _late_news(self) -> None:
        """Stop a box, or object for many, while it hears everything a moment late."""
        box = self.chance.choice(self.boxes)
        box.link.slow(self.chance.uniform(0.2, 0.9))
        time.sleep(0.3)
        many = self.chance.random() < 0.3
        try:
            if many:
                objectors = self.chance.sample(self.numbers, 40)
                self._at(lambda headquarters: self._object(headquarters, *objectors))
            else:
                self._at(lambda headquarters: self._order_stop(headquarters, box.name))
            time.sleep(1.5)
        finally:
            box.link.mend()
            if not many:
                self._at(lambda headquarters: self._order_resume(headquarters, box.name))

    def _missed_news(self) -> None:
        """Stop a box while it is cut off, and let it come back before it is resumed."""
        box = self.chance.choice(self.boxes)
        box.link.cut()
        try:
            self._at(lambda headquarters: self._order_stop(headquarters, box.name))
        finally:
            box.link.mend()
            time.sleep(self.chance.uniform(4.0, 8.0))
            self._at(lambda headquarters: self._order_resume(headquarters, box.name))

    def _at(self, work: Callable[[Headquarters], Any]) -> None:
        async def go() -> None:
            async with at_headquarters(self.stage.hub) as headquarters:
                await work(headquarters)

        asyncio.run(go())

    # --- the end -----------------------------------------------------------------------------

    def _calm(self) -> None:
        """Mend everything, and let the boxes send what they have."""
        for party in self.ground.nodes.values():
            party.mend()
        for box in self.boxes:
            box.link.mend()
            box.signal(signal.SIGCONT)
        time.sleep(20.0)

    def _forgetful(self) -> list[str]:
        """Return the boxes that stopped because the hub forgot what it had acknowledged."""
        found: list[str] = []

        async def look(headquarters: Headquarters) -> None:
            found.extend(
                one.box
                for one in await headquarters.seen()
                if "forgotten" in str((one.status or {}).get("barred"))
            )

        self._at(look)
        return found

    def _judge(self) -> int:
        try:
            forgetful = self._forgetful()
            judged = judge(
                self.ground, self.promised, self.directory, cap=CAP, skew=self.arguments.skew
            )
        except (HubRefused, NoAnswer, AuditFailed) as error:
            # Lazy disks lost the whole log once, and nothing was left to be audited.
            forgetful, judged = [], Judgement([f"hub: the log cannot be read: {error}"], {})
        findings = judged.findings
        findings += [f"hub: it forgot what {name} had seen, who dials nobody" for name in forgetful]
        seen, lost = self.ground.delayed
        result = {
            "seed": self.arguments.seed,
            "plant": self.arguments.plant,
            "lacks": self.ground.lacks,
            "seconds": round(self.seconds),
            **judged.told,
            "packets delayed": seen,
            "packets lost": lost,
            "happened": dict(self.done),
            "promised": [len(self.promised.objections), len(self.promised.stops)],
            "rows not sent at the end": judged.unsent,
            "findings": findings,
        }
        if self.arguments.results is not None:
            with self.arguments.results.open("a") as stream:
                stream.write(json.dumps(result) + "\n")
        print(json.dumps({**result, "findings": len(findings)}))
        print("\n".join(findings[:20]) or "every promise was kept")
        if self.arguments.plant:
            print("the planted fault was found" if findings else "NOT FOUND")
            return 0 if findings else 1
        return 1 if findings else 0


def add_up(path: Path) -> int:
    """Print the sums over all runs of a file of results; plants are told apart."""
    sums: Counter[str] = Counter()
    happened: Counter[str] = Counter()
    for row in path.read_text().splitlines():
        result = json.loads(row)
        if result["plant"]:
            found = "found" if result["findings"] else "NOT FOUND"
            print(f"planted {result['plant']}, seed {result['seed']}: {found}")
            continue
        sums["runs"] += 1
        sums["runs that lacked something"] += bool(result["lacks"])
        sums["findings"] += len(result["findings"])
        names = ("seconds", "dials", "calls", "claims", "rows", "objections", "stops")
        for name in (*names, "packets delayed", "packets lost"):
            sums[name] += result[name]
        happened.update(result["happened"])
    print(json.dumps({**sums, "happened": dict(happened.most_common())}, indent=1))
    return 1 if sums["findings"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--boxes", type=int, default=4)
    parser.add_argument("--people", type=int, default=16000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skew", type=float, default=0.3, help="seconds granted to the scheduler")
    parser.add_argument("--plant", choices=(*PLANTS, LAZY), default="")
    parser.add_argument("--plain-disks", action="store_true", help="no power cuts, more dials")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--add-up", type=Path)
    arguments = parser.parse_args()
    if arguments.add_up is not None:
        return add_up(arguments.add_up)
    directory = arguments.directory or Path(tempfile.mkdtemp(prefix="fleet-chaos-"))
    directory.mkdir(exist_ok=True)
    # Ended from outside it takes its namespaces, mounts and processes away, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    code = Chaos(directory, arguments).run()
    if code == 0 and arguments.directory is None:
        shutil.rmtree(directory)
    elif code:
        print(f"everything lies in {directory}", file=sys.stderr)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
