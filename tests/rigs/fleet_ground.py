"""Where the fleet's chaos happens: boxes and nodes, their links and their disks.

On Linux as root each party lives in a network namespace and each disk is an image whose power can
be cut. Elsewhere links are proxies in this process, nodes share one address and disks are plain
directories; :meth:`Ground.lacks` says so, and the rig prints it.
"""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from appliance.box.state import BoxState, granted
from appliance.demo.fleet_stage import HubStage
from appliance.demo.link import LinkProxy
from appliance.fleet.hub_config import Node
from appliance.fleet.keys import BoxKeys
from appliance.model import Consent, Contact
from appliance.numbers import hash_number
from tests.rigs import fleet_disks, fleet_namespaces
from tests.rigs.fleet_box import BEGIN, READY
from tests.rigs.fleet_disks import PowerDisk
from tests.rigs.fleet_namespaces import Network, Party

PURPOSE = "neighbourhood-news"
NODES = ("hub-1", "hub-2", "hub-3")
END_WITHIN = 240.0
"""Seconds that a box may take to send what it has and to end."""
_FICTION = ("+3319900", "+3326191", "+3335301", "+3346571", "+3353649", "+3363998")
"""Numbers that nobody has, ten thousand behind each."""
_NODE_DISK = 4 << 30
_BOX_DISK = 2 << 30


def numbers(count: int) -> list[str]:
    """Return *count* numbers that nobody has."""
    return [f"{_FICTION[n // 10000]}{n % 10000:04d}" for n in range(count)]


class ChaosBox:
    """One box: its process, its link, its disk, its files."""

    def __init__(
        self,
        name: str,
        directory: Path,
        link: LinkProxy | Party,
        disk: PowerDisk | None,
        *,
        skew: float,
    ) -> None:
        self.name = name
        self.directory = directory
        self.link = link
        self.disk = disk
        self.skew = skew
        self.frozen = False
        """The rig froze it, and will let it go."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def network(self) -> Path:
        """What the network saw of it: outside of its disk, whose power may be cut."""
        return self.directory / "network.jsonl"

    def people(self, numbers: Sequence[str]) -> None:
        """Put *numbers* on its list, with a consent each."""
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

    def start(self, origin: float, *, seed: int, plant: str, freeze: float) -> None:
        (self.directory / READY).unlink(missing_ok=True)
        inside = self.link.inside() if isinstance(self.link, Party) else []
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *inside,
                    *(sys.executable, "-m", "tests.rigs.fleet_box", str(self.directory)),
                    *("--seconds", "86400", "--origin", str(origin), "--seed", str(seed)),
                    *("--skew", str(self.skew), "--freeze", str(freeze), "--plant", plant),
                ],
                stdout=log,
                stderr=log,
            )

    def froze_itself(self) -> bool:
        """Return whether it stands still and the rig did not do it."""
        if self.frozen or self._process is None:
            return False
        try:
            state = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            return False
        return state == "T"

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
        until = time.monotonic() + END_WITHIN
        while not (self.directory / READY).exists() and time.monotonic() < until:
            time.sleep(0.1)  # It was killed a moment ago, and is still starting.
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()


class Ground:
    """The parties of one run, set up and not started."""

    def __init__(
        self,
        directory: Path,
        boxes: int,
        *,
        seed: int,
        skews: Sequence[float],
        lazy: bool = False,
        power: bool = True,
    ) -> None:
        """*lazy* lets the nodes synchronise their disks when they like, as their default is.

        Without *power* the disks are plain directories, which is a good deal faster.
        """
        self.lacks: list[str] = []
        why = fleet_namespaces.why_not()
        if why:
            self.lacks.append(f"no network namespaces ({why}): links are proxies, no partitions")
        self._network = None if why else Network(seed)
        cannot = fleet_disks.why_not() if power else "as ordered"
        if cannot:
            self.lacks.append(f"no disks whose power can be cut ({cannot})")
        self._disks: list[PowerDisk] = []
        self.nodes: dict[str, Party] = {}
        self.node_disks: dict[str, PowerDisk] = {}
        nodes = None
        if self._network is not None:
            self.nodes = {name: self._network.party(name) for name in NODES}
            nodes = [
                Node(name=name, host=party.address, listen=party.address)
                for name, party in self.nodes.items()
            ]
        self.stage = HubStage(directory, nodes, self._inside)
        for name in NODES:
            place = self.stage.hub.directory / "nodes" / name
            if lazy:
                text = (place / "nats.conf").read_text()
                (place / "nats.conf").write_text(text.replace("sync_interval: always", ""))
            if not cannot:
                self.node_disks[name] = self._disk(place / "disk.img", place / "store", _NODE_DISK)
        self.boxes = [
            self._box(directory, f"box-{n + 1}", skews[n], disk=not cannot) for n in range(boxes)
        ]
        self.stage.hub.write_users()

    @property
    def delayed(self) -> tuple[int, int]:
        """How many packets were judged one by one, and how many of them were lost."""
        if self._network is None:
            return 0, 0
        return self._network.delays.seen, self._network.delays.lost

    def close(self) -> None:
        self.stage.end()
        for box in self.boxes:
            box.link.close()
        for disk in self._disks:
            disk.close()
        if self._network is not None:
            self._network.close()

    def _inside(self, node: str) -> list[str]:
        return self.nodes[node].inside() if self.nodes else []

    def _disk(self, image: Path, place: Path, size: int) -> PowerDisk:
        disk = PowerDisk(image, place, size)
        self._disks.append(disk)
        return disk

    def _box(self, directory: Path, name: str, skew: float, *, disk: bool) -> ChaosBox:
        place = directory / name
        place.mkdir()
        keys: BoxKeys = self.stage.hub.enrol(name)
        link: LinkProxy | Party
        if self._network is not None:
            link = self._network.party(name)
        else:
            number = int(name.rsplit("-", 1)[1])
            link = LinkProxy(self.stage.hub.nodes[number % len(NODES)].port)
            keys = dataclasses.replace(keys, servers=(f"tls://127.0.0.1:{link.port}",))
        keys.save(place / "fleet.key")
        made = self._disk(place / "disk.img", place / "state", _BOX_DISK) if disk else None
        return ChaosBox(name, place, link, made, skew=skew)
