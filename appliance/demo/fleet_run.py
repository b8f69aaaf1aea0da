"""The fleet's demonstration: four boxes, overlapping lists, and everything that may go wrong.

On the way a link is cut, a node of the hub is killed, somebody objects at one box while the others
still have them on their lists, and headquarters stops everybody. At its end an auditor, a program
of its own, reads the ledgers, the hub's log and what the simulated networks saw, and judges.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from appliance.demo.fleet_stage import FleetBox, HubStage, Person
from appliance.demo.link import LinkProxy
from appliance.demo.processes import autodialer
from appliance.errors import Refused
from firmware.wording import plural, worded

BOXES = ("north", "east", "south", "west")
LINES = 2
CUT_SECONDS = 6.0
STOP_SECONDS = 3.0
GIVE_UP = 240.0
QUIET = 10.0
"""Seconds without a new call after which the rest are people who come later."""

LISTENS = {"answer": {"keys": [{"key": "1", "heard": 3.0}], "patience": 120}}
OBJECTS = {"answer": {"keys": [{"key": "9", "heard": 3.0}], "patience": 120}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How many people have been called when each incident happens, as shares of all."""

    objection: float = 0.1
    cut: float = 0.25
    kill: float = 0.4
    stop: float = 0.65


class FleetPerformance:
    """Runs the demonstration in *directory*, which must be empty or missing."""

    def __init__(
        self,
        directory: Path,
        *,
        people: int,
        speed: float,
        seed: int,
        shipped: Path,
        say: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._speed = speed
        self._seed = seed
        self._shipped = shipped
        self._say = say
        self._begun = time.monotonic()
        chance = random.Random(seed)
        self._people = [
            Person(f"+3319900{n:04d}", OBJECTS if n % 8 == 0 else LISTENS)
            for n in range(1, people + 1)
        ]
        self._lists = {
            # Each box has three of five people, so most are on two lists or three.
            box: [person for person in self._people if chance.random() < 0.6]
            for box in BOXES
        }
        for person in self._people:
            if not any(person in some for some in self._lists.values()):
                self._lists[BOXES[0]].append(person)
        # On everybody's list, and called by nobody: they object before their turn.
        self._objector = Person("+33199009999", LISTENS)
        for some in self._lists.values():
            some.append(self._objector)
        self.hub = HubStage(directory)
        self._link = LinkProxy(self.hub.hub.nodes[0].port)
        self._boxes: list[FleetBox] = []

    # --- the story ---------------------------------------------------------------------------

    def run(self) -> int:
        """Play it; return the auditor's exit code."""
        try:
            self._set_up()
            shares = Shares()
            total = len(self._people)
            self._until(total * shares.objection)
            self._object()
            self._until(total * shares.cut)
            self._cut()
            self._until(total * shares.kill)
            self._kill()
            self._until(total * shares.stop)
            self._stop()
            self._until(total, quiet=QUIET)
            left = total - len(self._reached())
            if left:
                self._tell(
                    worded(
                        "{left} come later: a claim of theirs was used up, and rests count",
                        left=left,
                    )
                )
            self._tell(worded("the boxes end and send the rest"))
        finally:
            self._together(FleetBox.end)
        try:
            return self._audit()
        finally:
            self._link.close()
            self.hub.end()

    def _set_up(self) -> None:
        self._tell(worded("three nodes of a hub start, with TLS and a key for each box"))
        self.hub.start()
        on_lists = sum(map(len, self._lists.values()))
        for name in BOXES:
            link = self._link if name == "west" else None
            box = FleetBox(name, self._directory, self.hub.hub, link=link)
            self._boxes.append(box)
        self._together(
            lambda box: box.set_up(
                self._lists[box.name], shipped=self._shipped, lines=LINES, speed=self._speed
            )
        )
        self.hub.reload()
        took = self.hub.prepare()
        self._tell(worded("the hub is fit ({took:.1f} s until it had its leaders)", took=took))
        self._tell(
            worded(
                "{count} people stand on four lists {on_lists} times; each may be called once",
                count=len(self._people) + 1,
                on_lists=on_lists,
            )
        )
        self._together(lambda box: box.start(lines=LINES, speed=self._speed, seed=self._seed))
        self._tell(
            worded(
                "{count} boxes with {lines} lines each are at work", count=len(BOXES), lines=LINES
            )
        )

    def _object(self) -> None:
        number = self._objector.number
        self._box("east").command("contacts", "revoke", number)
        self._tell(worded("EAST hears the objection of somebody who is on all four lists"))
        heard = self._wait(lambda: self._heard() == len(BOXES), 10.0)
        told = (
            worded("every box has it on disk")
            if heard
            else worded("not every box has heard it yet")
        )
        self._tell(worded("  {told}; none of them may call that person now", told=told))

    def _cut(self) -> None:
        self._link.cut()
        self._tell(worded("WEST loses its link"))
        self._wait(lambda: bool(self._fleet("west").get("barred")), 10.0)
        before = len(self._authorised("west"))
        self._tell(worded("  it says: {get}", get=self._fleet("west").get("barred")))
        time.sleep(CUT_SECONDS)
        more = len(self._authorised("west")) - before
        self._tell(
            worded(
                "  {cut_seconds:.0f} s cut off: it began {calls}, and ends its old ones",
                cut_seconds=CUT_SECONDS,
                calls=plural("{count} call", "{count} calls", more),
            )
        )
        self._link.mend()
        begun = time.monotonic()
        if self._wait(lambda: not self._fleet("west").get("barred"), 20.0):
            self._tell(
                worded(
                    "  the link is back; it may call again {monotonic:.1f} s on",
                    monotonic=time.monotonic() - begun,
                )
            )

    def _kill(self) -> None:
        # West reaches the hub through the first node alone; its link is for cutting.
        leader = self.hub.leader()
        self.hub.kill(leader)
        self._tell(worded("KILLED: {leader}, which led the campaign's log", leader=leader))
        begun = time.monotonic()
        time.sleep(0.5)  # What was granted before it died is on disk by now.
        claims = self._claims()
        if self._wait(lambda: self._claims() > claims, 40.0):
            self._tell(
                worded(
                    "  the other two go on: next claim granted {monotonic:.1f} s on",
                    monotonic=time.monotonic() - begun,
                )
            )
        self.hub.start(leader)
        self._tell(worded("  {leader} starts again and catches up", leader=leader))

    def _stop(self) -> None:
        self._tell(worded("HEADQUARTERS STOPS EVERYBODY:"))
        self._headquarters("stop", "--all", "--by", "demo", "--reason", worded("to show it"))
        before = self._dials()
        time.sleep(STOP_SECONDS)
        self._tell(
            plural(
                "  {stop_seconds:.0f} s stopped: {count} dial",
                "  {stop_seconds:.0f} s stopped: {count} dials",
                self._dials() - before,
                stop_seconds=STOP_SECONDS,
            )
        )
        self._headquarters("resume", "--all", "--by", "demo", "--reason", "shown")

    def _audit(self) -> int:
        logs = [str(box.stage.network_log) for box in self._boxes]
        self._tell(worded("the auditor reads ledgers, the hub's log and what the networks saw:"))
        code = self._headquarters("verify", "--cap", "2", "--network", *logs)
        seconds = time.monotonic() - self._begun
        self._tell(
            worded(
                "all files lie in {directory}; {seconds:.0f} s",
                directory=self._directory,
                seconds=seconds,
            )
        )
        return code

    def _together(self, work: Callable[[FleetBox], None]) -> None:
        with ThreadPoolExecutor(len(BOXES)) as pool:
            list(pool.map(work, self._boxes))

    # --- looking -----------------------------------------------------------------------------

    def _tell(self, text: str) -> None:
        self._say(f"{time.monotonic() - self._begun:6.1f} s  {text}")

    def _box(self, name: str) -> FleetBox:
        return next(box for box in self._boxes if box.name == name)

    def _fleet(self, name: str) -> dict[str, object]:
        status = self._box(name).ask("status")
        return {} if status is None else dict(status.get("fleet") or {})

    def _heard(self) -> int:
        """Return how many boxes know of the objection: their own, or another's."""
        return sum(
            any(row.kind == "consent.revoked" for row in box.rows())
            or bool(self._fleet(box.name).get("objections_heard"))
            for box in self._boxes
        )

    def _authorised(self, name: str) -> list[object]:
        return [row for row in self._box(name).rows() if row.kind == "call.authorised"]

    def _claims(self) -> int:
        return sum(len(self._authorised(box.name)) for box in self._boxes)

    def _dials(self) -> int:
        return sum(
            box.stage.network_log.read_text().count('"dialled"')
            for box in self._boxes
            if box.stage.network_log.exists()
        )

    def _reached(self) -> set[str]:
        """Return the numbers that the networks saw being dialled."""
        return {
            person.number
            for person in self._people
            if any(
                box.stage.network_log.exists()
                and person.number in box.stage.network_log.read_text()
                for box in self._boxes
            )
        }

    def _until(self, count: float, *, quiet: float | None = None) -> None:
        """Wait until *count* people have been called, or nobody new for *quiet* seconds."""
        told = last = -1
        since = time.monotonic()
        end = time.monotonic() + GIVE_UP
        while True:
            reached = len(self._reached())
            if reached // 5 != told // 5:
                told = reached
                self._tell(
                    plural(
                        "  … {reached} of {count} person called",
                        "  … {reached} of {count} people called",
                        len(self._people),
                        reached=reached,
                    )
                )
            if reached != last:
                last, since = reached, time.monotonic()
            if reached >= count or (quiet is not None and time.monotonic() - since > quiet):
                return
            if time.monotonic() > end:
                raise Refused(
                    worded("the demonstration does not go on"),
                    worded("see {directory}", directory=self._directory),
                )
            time.sleep(0.25)

    def _wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.1)
        return False

    def _headquarters(self, action: str, *arguments: str) -> int:
        command = autodialer("fleet", action, "--hub", str(self.hub.hub.directory), *arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        for row in (done.stdout + done.stderr).strip().splitlines():
            self._say(f"          {row}")
        return done.returncode
