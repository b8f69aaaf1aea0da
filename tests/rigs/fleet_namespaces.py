"""A network of namespaces for the fleet's chaos: each node and each box on a wire of its own.

One bridge in a namespace that nobody else sees, where the rig itself lives as headquarters; a veth
to each party. Rules of ``iptables`` in a party's own namespace cut it (both sides are reset), let
it fall into a black hole, or send its packets through :mod:`~tests.rigs.fleet_delays`. Root only;
nothing of the machine's own network is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.rigs.fleet_delays import Delays, Weather, leave_for_a_new_one

NETS = Path("/run/netns")
_SUBNET = "10.77.0"
_MARK = "fleetchaos"


def why_not() -> str:
    """Return why there can be no namespaces here; empty where there can."""
    if os.geteuid() != 0:
        return "not root"
    missing = [name for name in ("ip", "iptables", "nsenter") if shutil.which(name) is None]
    return f"no {', '.join(missing)}" if missing else ""


def _do(*arguments: str) -> None:
    subprocess.run(arguments, check=True, capture_output=True, text=True)


class Party:
    """One node or box in its namespace, and what is done to its packets."""

    def __init__(self, network: Network, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.path = NETS / f"{network.prefix}-{name}"
        self._delays = network.delays
        near, far = f"v-{name}", "eth0"
        _do("ip", "netns", "add", self.path.name)
        _do("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", self.path.name)
        _do("ip", "link", "set", near, "master", "bridge", "up")
        self.do("ip", "link", "set", "lo", "up")
        self.do("ip", "address", "add", f"{address}/24", "dev", far)
        self.do("ip", "link", "set", far, "up")
        self._queue = network.delays.queue(self.path)

    def inside(self) -> list[str]:
        """Return what to write before a command that is to run in here."""
        return ["nsenter", f"--net={self.path}", "--"]

    def do(self, *arguments: str) -> None:
        _do(*self.inside(), *arguments)

    def cut(self) -> None:
        """Break every connection at both its ends, and let none come about."""
        for chain in ("INPUT", "OUTPUT"):
            reset = ("-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
            self.do("iptables", "-I", chain, *reset)

    def hold(self, *others: Party, deaf: bool = True, mute: bool = True) -> None:
        """Swallow everything, or what comes from and goes to *others*; nothing breaks."""
        for side, chain, wanted in (("-s", "INPUT", deaf), ("-d", "OUTPUT", mute)):
            if not wanted:
                continue
            for match in [[side, other.address] for other in others] or [[]]:
                self.do("iptables", "-I", chain, *match, "-j", "DROP")

    def slow(self, seconds: float) -> None:
        """Let what arrives arrive that much later."""
        self._delays.change(self._queue, Weather(delay=seconds))
        self.do("iptables", "-I", "INPUT", "-j", "NFQUEUE", "--queue-num", "0")

    def rough(self, weather: Weather) -> None:
        """Delay, disorder and lose packets of both directions."""
        self._delays.change(self._queue, weather)
        for chain in ("INPUT", "OUTPUT"):
            self.do("iptables", "-I", chain, "-j", "NFQUEUE", "--queue-num", "0")

    def mend(self) -> None:
        self.do("iptables", "-F")

    def close(self) -> None:
        """Nothing: the network takes its namespace away."""


class Network:
    """The bridge and who hangs on it. Made before this process has a second thread."""

    def __init__(self, seed: int) -> None:
        _sweep()
        self.prefix = f"{_MARK}-{os.getpid()}"
        self._parties: list[Party] = []
        leave_for_a_new_one()
        _do("ip", "link", "set", "lo", "up")
        _do("ip", "link", "add", "bridge", "type", "bridge")
        _do("ip", "address", "add", f"{_SUBNET}.254/24", "dev", "bridge")
        _do("ip", "link", "set", "bridge", "up")
        self.delays = Delays(seed)

    def party(self, name: str) -> Party:
        party = Party(self, name, f"{_SUBNET}.{len(self._parties) + 1}")
        self._parties.append(party)
        return party

    def close(self) -> None:
        for party in self._parties:
            _do("ip", "netns", "delete", party.path.name)
        self._parties.clear()


def _sweep() -> None:
    """Take away what a killed run left behind."""
    for path in NETS.glob(f"{_MARK}-*"):
        number = path.name.split("-")[1]
        if not Path(f"/proc/{number}").exists():
            subprocess.run(["ip", "netns", "delete", path.name], check=False, capture_output=True)
