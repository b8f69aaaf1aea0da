"""Boxes' memberships on real files against a real hub, each behind a link of its own."""

from __future__ import annotations

import dataclasses
import queue
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from appliance.campaign import inputs
from appliance.campaign.fleet_inputs import (
    ClaimDenied,
    ClaimGranted,
    ObjectedElsewhere,
)
from appliance.effects import AskClaim, Record
from appliance.fleet.headquarters import Headquarters
from appliance.fleet.keys import BoxKeys
from appliance.fleet.member import Member
from appliance.fleet.subjects import Subjects
from appliance.ledger import Ledger
from appliance.model import Attempt
from firmware.clock import SystemClock
from tests.support.hub_server import HubServer, at_hub
from tests.support.link_proxy import LinkProxy, wait_until

NAMES = Subjects("spring")
_numbers = count(1)


def somebody() -> str:
    """Return a number that no test had before, of those reserved for fiction."""
    return f"+336399{80000 + next(_numbers):05d}"


class BoxBench:
    """A box's membership on real files, behind a link of its own."""

    def __init__(self, directory: Path, keys: BoxKeys, port: int, *, made: bool = False) -> None:
        """*made*: its state directory is there already."""
        self.link = LinkProxy(port)
        self.keys = dataclasses.replace(keys, servers=(f"nats://127.0.0.1:{self.link.port}",))
        self.directory = directory / keys.box
        self.directory.mkdir(exist_ok=made)
        self.ledger = Ledger.open(self.directory / "ledger")
        self.inputs: queue.Queue[Any] = queue.Queue()
        self.heard: list[Any] = []
        self.boot_offset = 0.0
        self.member = self._made()

    def _made(self) -> Member:
        from appliance.fleet.member import boot_time

        return Member(
            self.keys,
            self.directory,
            post=self.inputs.put,
            clock=SystemClock(),
            describe=lambda: {"calls": 0},
            boot=lambda: boot_time() + self.boot_offset,
        )

    def start(self) -> None:
        self.member.start(self.ledger.head[0])
        wait_until(lambda: self.member.status()["connected"])

    def restart(self) -> None:
        self.member.close()
        self.member = self._made()
        self.start()

    def write(self, *records: Record) -> None:
        entries = self.ledger.append(records, datetime.now(UTC))
        self.member.written(entries[-1].seq)

    def ask(self, number: str, known: tuple[Attempt, ...] = ()) -> str:
        attempt = secrets.token_hex(16)
        pid = self.member.pseudonym(number)
        asked = {"attempt": attempt, "line": "line-1", "pid": pid, "number": len(known) + 1}
        self.write(Record(kind="fleet.claim_asked", subject="s", data=asked))
        self.member.ask(
            AskClaim(
                attempt=attempt,
                line="line-1",
                pid=pid,
                at=datetime.now(UTC),
                known=known,
            )
        )
        return attempt

    def claim(self, number: str, known: tuple[Attempt, ...] = ()) -> ClaimGranted | ClaimDenied:
        self.ask(number, known)
        answer = self.next(ClaimGranted, ClaimDenied)
        assert isinstance(answer, ClaimGranted | ClaimDenied)
        return answer

    def next(self, *kinds: type, seconds: float = 15.0) -> Any:
        """Return the next input of one of *kinds*; others are kept in :attr:`heard`."""
        while True:
            given = self.inputs.get(timeout=seconds)
            if isinstance(given, kinds):
                return given
            if not isinstance(given, inputs.Tick):
                self.heard.append(given)

    def hears(self, *pids: str) -> None:
        """Wait until the objection of each of *pids* came, once; those of other tests come too."""
        wanted = set(pids)
        while wanted:
            wanted.discard(self.next(ObjectedElsewhere).pid)

    def close(self) -> None:
        self.member.close()
        self.link.close()
        self.ledger.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    made = HubServer(tmp_path_factory.mktemp("hub"))
    made.start()
    made.prepare()
    yield made
    made.close()


class Fleet:
    """Boxes on demand, each with a name that no box had before."""

    _names = count(1)

    def __init__(self, server: HubServer, directory: Path) -> None:
        self.server = server
        self._directory = directory
        self.boxes: list[BoxBench] = []

    def box(self, *, start: bool = True) -> BoxBench:
        keys = self.server.hub.enrol(f"box-{next(self._names)}")
        self.server.reload()

        async def admit(headquarters: Headquarters) -> list[str]:
            return await headquarters.admit(keys.box)

        at_hub(self.server.hub, admit)
        box = BoxBench(self._directory, keys, self.server.hub.nodes[0].port)
        self.boxes.append(box)
        if start:
            box.start()
        return box

    def headquarters(self, work: Any) -> Any:
        return at_hub(self.server.hub, work)

    def said(self, box: BoxBench) -> dict[str, Any]:
        """Return what *box* said last of itself."""

        async def look(headquarters: Headquarters) -> dict[str, Any]:
            seen = await headquarters.seen()
            return next((one.status or {} for one in seen if one.box == box.keys.box), {})

        told: dict[str, Any] = self.headquarters(look)
        return told

    def stop(self, *boxes: BoxBench) -> None:
        async def order(headquarters: Headquarters) -> object:
            names = [box.keys.box for box in boxes]
            return await headquarters.stop(names, by="Ada", reason="noise")

        self.headquarters(order)

    def resume(self, *boxes: BoxBench, after_loss: bool = False) -> None:
        async def order(headquarters: Headquarters) -> object:
            names = [box.keys.box for box in boxes]
            return await headquarters.resume(names, by="Ada", reason="over", after_loss=after_loss)

        self.headquarters(order)


@pytest.fixture
def fleet(server: HubServer, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(server, tmp_path)
    yield made
    for box in made.boxes:
        box.close()
