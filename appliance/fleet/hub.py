"""The directory of headquarters: who belongs to the fleet, its keys, and the nodes' files.

::

    HUB/fleet.json          campaign and nodes
    HUB/secrets.json        keys of headquarters and the campaign's key: never on a node, mode 0600
    HUB/authority.crt .key  the fleet's certificate authority
    HUB/boxes/NAME.json     one enrolled box: public keys, since when, removed when
    HUB/nodes/NAME/         what the machine NAME gets: nats.conf, users.conf, its certificate

Only ``nodes/NAME`` is copied to a machine of the hub. Nothing here opens a connection.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.errors import Refused, UsageWrong
from appliance.fleet import hub_config
from appliance.fleet.hub_config import Member, Node
from appliance.fleet.keys import BoxKeys, new_seed, public_key
from appliance.fleet.messages import decode
from appliance.fleet.pseudonym import KEY_BYTES
from appliance.fleet.signing import new_sealing_key, new_signing_key
from appliance.fleet.subjects import name
from appliance.storage.files import make_private_directory, replace_file
from firmware.wording import joined, reason_of, said_by, worded

STORE = "/var/lib/autodialer-hub"
"""Where a node keeps its streams, unless ``fleet hub --store`` says otherwise."""
INSTALLED = "/etc/autodialer-hub"
"""Where the files of ``nodes/NAME`` lie on the machine NAME."""
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
LONGEST_HOST = 253
"""Characters of a name in the DNS (RFC 1035)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box as headquarters knows it."""

    box: str
    nkey: str
    sealing: str
    enrolled_at: str
    removed_at: str | None = None

    @property
    def member(self) -> Member:
        return Member(box=self.box, nkey=self.nkey, sealing=self.sealing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What headquarters alone holds."""

    seed: str
    """NATS key that may do everything in the fleet's account."""
    campaign_key: bytes
    signing: bytes
    """Ed25519 seed: signs ledger heads."""
    signing_public: bytes


class Hub:
    """One fleet's directory at headquarters."""

    def __init__(self, directory: Path, value: dict[str, Any]) -> None:
        self.directory = directory
        self.campaign = name(value["campaign"])
        self.nodes = [Node(**node) for node in value["nodes"]]
        self.tls = bool(value["tls"])

    @classmethod
    def open(cls, directory: Path) -> Hub:
        """Open a directory that :meth:`create` made. Raises :class:`~appliance.errors.Refused`."""
        try:
            return cls(directory, decode((directory / "fleet.json").read_bytes()))
        except FileNotFoundError:
            raise Refused(
                worded("{directory} holds no fleet", directory=directory),
                worded("make one with: autodialer fleet hub --hub DIR …"),
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _unreadable(directory / "fleet.json", error) from error

    @classmethod
    def create(
        cls, directory: Path, campaign: str, nodes: Sequence[Node], *, tls: bool = True
    ) -> Hub:
        """Begin a fleet; *tls* is given up only by a bench on its own machine.

        Only where nothing is yet: keys are never written over, whoever they are of.
        """
        if (directory / "fleet.json").exists():
            raise Refused(
                worded("{directory} holds a fleet already", directory=directory),
                worded("choose another directory"),
            )
        refuse_what_is_there(directory)
        _refuse_nodes(nodes)
        name(campaign)
        make_private_directory(directory)
        make_private_directory(directory / "boxes")
        signing, signing_public = new_signing_key()
        seed, _ = new_seed()
        held = {
            "seed": seed,
            "campaign_key": secrets.token_hex(KEY_BYTES),
            "signing": signing.hex(),
            "signing_public": signing_public.hex(),
        }
        replace_file(directory / "secrets.json", _json(held))
        if tls:
            from appliance.fleet.certificates import new_authority

            certificate, key = new_authority(campaign)
            replace_file(directory / "authority.crt", certificate.encode())
            replace_file(directory / "authority.key", key.encode())
        value = {"campaign": campaign, "tls": tls, "nodes": [asdict(node) for node in nodes]}
        replace_file(directory / "fleet.json", _json(value))
        return cls(directory, json.loads(_json(value)))

    @property
    def replicas(self) -> int:
        return len(self.nodes)

    @property
    def servers(self) -> tuple[str, ...]:
        scheme = "tls" if self.tls else "nats"
        return tuple(f"{scheme}://{node.host}:{node.port}" for node in self.nodes)

    @property
    def authority(self) -> str:
        if not self.tls:
            return ""
        return self._own("authority.crt")

    def secrets(self) -> Secrets:
        try:
            value = decode((self.directory / "secrets.json").read_bytes())
            return Secrets(
                seed=value["seed"],
                campaign_key=bytes.fromhex(value["campaign_key"]),
                signing=bytes.fromhex(value["signing"]),
                signing_public=bytes.fromhex(value["signing_public"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _unreadable(self.directory / "secrets.json", error) from error

    def boxes(self, *, removed: bool = False) -> list[Box]:
        """Return the enrolled boxes by name; with *removed* those that were removed too."""
        found = []
        for path in sorted((self.directory / "boxes").glob("*.json")):
            try:
                box = Box(**decode(path.read_bytes()))
            except (OSError, ValueError, TypeError) as error:
                raise _unreadable(path, error) from error
            if removed or box.removed_at is None:
                found.append(box)
        return found

    def box(self, wanted: str) -> Box:
        """Return the box *wanted*; raises :class:`~appliance.errors.Refused` for a name unknown."""
        for box in self.boxes():
            if box.box == wanted:
                return box
        known = ", ".join(box.box for box in self.boxes()) or worded("none")
        raise Refused(
            worded("no box is enrolled as {wanted}", wanted=wanted),
            worded("enrolled are: {known}", known=known),
        )

    def enrol(self, wanted: str) -> BoxKeys:
        """Enrol a box and return the keys that it will hold; only their public halves stay here.

        A name is never given twice, also not after a removal: the old box's rows bear it.
        """
        name(wanted)
        if wanted in ("all", "headquarters"):
            raise Refused(
                worded("{wanted} cannot name a box", wanted=wanted), worded("choose another name")
            )
        if any(box.box == wanted for box in self.boxes(removed=True)):
            raise Refused(
                worded("a box was enrolled as {wanted} before", wanted=wanted),
                worded("choose another name: its ledger and claims bear this one"),
            )
        held = self.secrets()
        seed, nkey = new_seed()
        private, public = new_sealing_key()
        box = Box(box=wanted, nkey=nkey, sealing=public.hex(), enrolled_at=_now())
        self._save(box)
        return BoxKeys(
            campaign=self.campaign,
            box=wanted,
            seed=seed,
            campaign_key=held.campaign_key,
            sealing_key=private,
            headquarters=held.signing_public,
            authority=self.authority,
            servers=self.servers,
        )

    def remove(self, wanted: str) -> Box:
        """Note that a box belongs to the fleet no more; the nodes learn it from their files."""
        box = replace(self.box(wanted), removed_at=_now())
        self._save(box)
        return box

    def write_nodes(self, *, store: str = STORE, installed: str | None = INSTALLED) -> list[Path]:
        """Write each node's files; return their directories.

        *installed* is where they will lie on the machine; None where they are used in place.
        """
        written = []
        users = hub_config.users_config(
            self.campaign,
            [box.member for box in self.boxes()],
            headquarters=public_key(self.secrets().seed),
        )
        make_private_directory(self.directory / "nodes")
        for node in self.nodes:
            directory = self.directory / "nodes" / node.name
            make_private_directory(directory)
            place = installed or str(directory)
            if self.tls and not (directory / "node.key").exists():
                self._certify(node, directory)
            text = hub_config.node_config(
                node,
                self.nodes,
                store=store if installed else f"{directory}/store",
                tls=place if self.tls else None,
            )
            replace_file(directory / "nats.conf", text.encode())
            replace_file(directory / "users.conf", users.encode())
            written.append(directory)
        return written

    def write_users(self) -> None:
        """Write who may connect, after an enrolment or a removal."""
        users = hub_config.users_config(
            self.campaign,
            [box.member for box in self.boxes()],
            headquarters=public_key(self.secrets().seed),
        )
        make_private_directory(self.directory / "nodes")
        for node in self.nodes:
            make_private_directory(self.directory / "nodes" / node.name)
            replace_file(self.directory / "nodes" / node.name / "users.conf", users.encode())

    def _certify(self, node: Node, directory: Path) -> None:
        from appliance.fleet.certificates import new_node

        key = self._own("authority.key")
        certificate, private = new_node(node.host, self.authority, key)
        replace_file(directory / "authority.crt", self.authority.encode())
        replace_file(directory / "node.crt", certificate.encode())
        replace_file(directory / "node.key", private.encode())

    def _own(self, file: str) -> str:
        try:
            return (self.directory / file).read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            raise _unreadable(self.directory / file, error) from error

    def _save(self, box: Box) -> None:
        replace_file(self.directory / "boxes" / f"{box.box}.json", _json(asdict(box)))


def _unreadable(path: Path, error: Exception) -> Refused:
    why = reason_of(error) if isinstance(error, OSError) else said_by(error)
    return Refused(joined(": ", [str(path), why]), worded("restore it from a backup"))


def refuse_what_is_there(directory: Path) -> None:
    """Raise :class:`~appliance.errors.Refused` unless *directory* is empty or not there yet."""
    if os.path.lexists(directory) and not directory.is_dir():
        raise Refused(
            worded("{directory} is no directory", directory=directory),
            worded("name a new directory"),
        )
    if directory.is_dir() and any(directory.iterdir()):
        raise Refused(
            worded("{directory} is not empty", directory=directory), worded("name a new directory")
        )


def _refuse_nodes(nodes: Sequence[Node]) -> None:
    """Refuse what no hub can be made of, before anything is written and copied to machines."""
    names = [node.name for node in nodes]
    if len(nodes) not in (1, 3, 5) or len(set(names)) != len(names):
        raise UsageWrong(
            worded(
                "a hub of {count} nodes named {names}", count=len(nodes), names=", ".join(names)
            ),
            worded("give three nodes (five at most, one on a bench), each with a name of its own"),
        )
    places: dict[tuple[str, int], str] = {}
    for node in nodes:
        if not _HOST.fullmatch(node.host) or len(node.host) > LONGEST_HOST:
            raise UsageWrong(
                worded("node {name}: {host} is no machine", name=node.name, host=node.host),
                worded("write its name in the DNS or its IPv4 address, such as hub1.example"),
            )
        for port in (node.port, node.cluster_port):
            if not 1 <= port <= 65535:
                raise UsageWrong(
                    worded("node {name}: {port} is no port", name=node.name, port=port),
                    worded("write one from 1 to 65535"),
                )
            other = places.setdefault((node.host.lower(), port), node.name)
            if other != node.name or node.port == node.cluster_port:
                raise UsageWrong(
                    worded(
                        "node {name}: port {port} of {host} is taken by node {other}",
                        name=node.name,
                        port=port,
                        host=node.host,
                        other=other,
                    ),
                    worded(
                        "each node is a machine of its own, with a port for boxes and one for nodes"
                    ),
                )


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
