"""One box of the fleet's chaos: the real box and its real membership, on lines without modems.

A process of its own, so that it can be frozen, killed and started again at any moment:
``python -m tests.rigs.fleet_box DIRECTORY --seconds N``. Everything between the registry and the
line is the product; a line here takes a dial order, looks at its deadline as a modem's line does,
writes what the network saw, and ends the call some milliseconds later.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import queue
import random
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appliance.box.box import Box
from appliance.box.state import BoxState
from appliance.campaign import inputs
from appliance.campaign.fleet_inputs import ClaimGranted
from appliance.campaign.inputs import Input
from appliance.config import load as configuration
from appliance.config.paths import sample_config
from appliance.effects import AskClaim, Now
from appliance.fleet import wire
from appliance.fleet.follower import Follower
from appliance.fleet.keys import BoxKeys
from appliance.fleet.member import Member
from appliance.fleet.shared_state import SharedState
from firmware import events
from firmware.orders import Dial, HangUp, Order

SPEED = 10.0
"""Box seconds a second: a busy number is due again after 90 s."""
BEGIN = datetime(2027, 3, 9, 13, 5, tzinfo=UTC)
"""14:05 in Paris on a Tuesday: nearly six hours of the law's time are ahead."""
OBJECTS = 0.03
READY = "ready"
"""The file that says that this box can be ended in order: before, it would just die."""
PLANTS = ("", "push-only", "claim-skipped", "late-dial", "stale-epoch")


class RigClock:
    """Box time from one origin that every box of the rig shares, and over restarts."""

    def __init__(self, origin: float) -> None:
        self._origin = origin

    def monotonic(self) -> float:
        return (time.time() - self._origin) * SPEED

    def real(self, seconds: float) -> float:
        return seconds / SPEED


class RigLine:
    """A line that dials into a file."""

    def __init__(self, name: str, rig: Rig) -> None:
        self.name = name
        self._rig = rig
        self._orders: queue.Queue[Order] = queue.Queue()
        self._chance = random.Random(f"{rig.seed}-{name}-{os.getpid()}")
        threading.Thread(target=self._run, daemon=True).start()

    def order(self, order: Order) -> None:
        self._orders.put(order)

    def emergency_hang_up(self) -> None:
        """The next order says what there is to end."""

    def _run(self) -> None:
        while True:
            order = self._orders.get()
            if isinstance(order, Dial):
                self._dial(order)

    def _dial(self, dial: Dial) -> None:
        rig = self._rig
        if rig.plant == "late-dial" and self._chance.random() < 0.2:
            time.sleep(6.0)  # More than any skew that is granted to a busy scheduler.
        elif dial.dial_by is not None and rig.clock.monotonic() > dial.dial_by:
            self._ended(dial, events.Cause.FAILED, "the permission ended before the dial command")
            return
        rig.saw("dialled", dial.number)
        at = rig.clock.monotonic()
        rig.post(events.Dialled(line=self.name, at=at, attempt=dial.attempt))
        time.sleep(self._chance.uniform(0.002, 0.03))
        if self._chance.random() < OBJECTS:
            self._object(dial)
        self._ended(dial, events.Cause.BUSY, "test")

    def _object(self, dial: Dial) -> None:
        at, rig = self._rig.clock.monotonic(), self._rig
        call: dict[str, Any] = {"line": self.name, "attempt": dial.attempt}
        rig.post(events.Answered(at=at, evidence="test", weak=False, **call))
        rig.post(events.ClipStarted(at=at, clip=dial.greeting, **call))
        heard = events.KeyHeard(at=at, key="9", witness=events.Witness.HOST, sureness=0.9, **call)
        rig.post(heard)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            try:
                if isinstance(self._orders.get(timeout=0.05), HangUp):
                    return
            except queue.Empty:
                continue

    def _ended(self, dial: Dial, cause: events.Cause, evidence: str) -> None:
        self._rig.post(
            events.Ended(
                line=self.name,
                at=self._rig.clock.monotonic(),
                attempt=dial.attempt,
                cause=cause,
                evidence=evidence,
                code=None,
                confirmed=True,
            )
        )


class Granting:
    """A membership that skips the claim and says yes: the fault that must be found."""

    def __init__(self, member: Member, post: Any) -> None:
        self._member = member
        self._post = post

    def __getattr__(self, name: str) -> Any:
        return getattr(self._member, name)

    def ask(self, ask: AskClaim) -> None:
        granted = ClaimGranted(
            attempt=ask.attempt, sequence=10**6, number=len(ask.known) + 1, dial_by=float("inf")
        )
        self._post(granted)

    def refuses(self, attempt: str) -> str | None:
        return None

    def barred(self) -> str | None:
        return None


def _canary(parts: Any) -> bool:
    """The hub's own trial is left alone: it would find the fault before anybody is dialled."""
    return any(".canary." in part.subject for part in parts)


def _follow_no_log() -> None:
    async def deaf(self: Follower, nats: Any) -> None:
        await asyncio.Event().wait()

    setattr(Follower, "run", deaf)  # noqa: B010 - mypy would not let a method be replaced


def plant_push_only() -> None:
    """Claim without conditions and follow no log: only pushes that arrive hold this box back."""
    real = wire.write_together

    async def unconditional(client: Any, parts: Any, *, within: float) -> wire.Written:
        if not _canary(parts):
            parts = [dataclasses.replace(part, unless=None) for part in parts]
        return await real(client, parts, within=within)

    vars(wire)["write_together"] = unconditional
    _follow_no_log()


def plant_stale_epoch() -> None:
    """Ask whether an epoch is stopped that nobody ever stops, and be deaf to every stop."""
    real = wire.write_together

    async def stale(client: Any, parts: Any, *, within: float) -> wire.Written:
        if not _canary(parts):
            parts = [
                dataclasses.replace(part, unless=part.unless.replace(".stop.", ".stop.9"))
                if part.unless is not None
                else part
                for part in parts
            ]
        return await real(client, parts, within=within)

    vars(wire)["write_together"] = stale
    _follow_no_log()
    setattr(SharedState, "stop", lambda *_: None)  # noqa: B010


class Rig:
    """One box, its lines and its loop."""

    def __init__(self, directory: Path, arguments: argparse.Namespace) -> None:
        self.seed = arguments.seed
        self.plant = arguments.plant
        self.clock = RigClock(arguments.origin)
        self._skew = timedelta(seconds=arguments.skew)
        self._inbox: queue.Queue[Input] = queue.Queue()
        self._freezes = arguments.freeze
        self._chance = random.Random(f"{arguments.seed}-{directory.name}-{os.getpid()}")
        self._directory = directory
        self._network = (directory / "network.jsonl").open("a", buffering=1)
        loaded = configuration.load(sample_config())
        line = loaded.settings.lines[0]
        names = [f"line-{n}" for n in range(1, arguments.lines + 1)]
        lines = tuple(line.model_copy(update={"name": name}) for name in names)
        settings = loaded.settings.model_copy(update={"lines": lines})
        config = dataclasses.replace(loaded, settings=settings, state=directory / "state")
        self.state = BoxState.open(directory / "state")
        keys = BoxKeys.load(directory / "fleet.key")
        self.member = Member(
            keys,
            directory / "state",
            post=self.post,
            clock=self.clock,
            describe=lambda: {"calls": len(self.box.engine.calls)},
        )
        fleet: Any = self.member
        if self.plant == "claim-skipped":
            fleet = Granting(self.member, self.post)
        elif self.plant == "push-only":
            plant_push_only()
        elif self.plant == "stale-epoch":
            plant_stale_epoch()
        self.lines = {name: RigLine(name, self) for name in names}
        self.box = Box(config, self.state, self.now, lines=self.lines, post=self.post, fleet=fleet)

    def post(self, given: Input) -> None:
        """Give *given* to the box's loop; now and then freeze first, a claim in hand."""
        if isinstance(given, ClaimGranted) and self._chance.random() < self._freezes:
            os.kill(os.getpid(), signal.SIGSTOP)
        self._inbox.put(given)

    def now(self) -> Now:
        monotonic = self.clock.monotonic()
        utc = BEGIN + timedelta(seconds=monotonic) + self._skew
        return Now(monotonic=monotonic, utc=utc, trusted=True, source="rig")

    def saw(self, event: str, number: str) -> None:
        row = {"at": datetime.now(UTC).isoformat(), "event": event, "number": number}
        self._network.write(json.dumps(row) + "\n")

    def run(self, seconds: float) -> None:
        ending = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: ending.set())
        (self._directory / READY).touch()
        self.box.recover()
        self.member.start(self.state.ledger.head[0])
        for name in self.lines:
            ready = events.LineReady(
                line=name,
                at=self.clock.monotonic(),
                family="sim7600",
                model="rig",
                imei=None,
                iccid=None,
                witnesses=(events.Witness.HOST,),
                audio="pcm-serial",
            )
            self.post(ready)
        end = time.monotonic() + seconds
        while not ending.is_set() and time.monotonic() < end:
            self._turn(0.01)
        self.box.take([inputs.ShutDown()])
        settle = time.monotonic() + 3.0
        while time.monotonic() < settle and self.box.engine.calls:
            self._turn(0.05)
        # What is not sent would be at the next start; here the auditor waits for it.
        settle = time.monotonic() + 180.0
        while time.monotonic() < settle and not self._all_sent():
            self._turn(0.05)
        self.member.close()
        self.state.close()

    def _all_sent(self) -> bool:
        told = self.member.status()
        return bool(
            told["ledger_sent"] == self.state.ledger.head[0] and not told["objections_unsent"]
        )

    def _turn(self, wait: float) -> None:
        batch: list[Input] = []
        try:
            batch.append(self._inbox.get(timeout=wait))
            while True:
                batch.append(self._inbox.get_nowait())
        except queue.Empty:
            pass
        self.box.take([*batch, inputs.Tick()])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--origin", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", type=int, default=4)
    parser.add_argument("--skew", type=float, default=0.0)
    parser.add_argument("--freeze", type=float, default=0.0, help="share of grants that freeze it")
    parser.add_argument("--plant", choices=PLANTS, default="")
    arguments = parser.parse_args()
    Rig(arguments.directory, arguments).run(arguments.seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
