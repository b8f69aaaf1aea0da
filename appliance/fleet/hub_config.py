"""The configuration files of the hub's nodes, from who belongs to the fleet. Pure.

Three things in them are decisions and not taste. ``sync_interval: always``: without it the server
acknowledges what a power cut loses. Permissions by subject: a box may write its own ledger,
status and outcomes, claims and objections, and nothing of headquarters; it may read the campaign's
log, which holds pseudonyms alone. Ping every 5 s, twice: a link that swallows everything is
noticed in 10 to 15 s, where the default needs four minutes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.fleet import subjects
from appliance.fleet.subjects import Subjects

PING_SECONDS = 5
PINGS = 2
NODES = "hub.nodes"
"""Where headquarters asks every node how it runs; each answers for itself."""
_JSZ = "$SYS.REQ.SERVER.PING.JSZ"
OLDEST = (2, 14, 4)
"""The first server whose atomic batches are right with subjects of equal length; older ones than
2.12 ignore the conditions of a claim and say yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One machine of the hub."""

    name: str
    host: str
    """As the boxes and the other nodes reach it; it stands in its certificate."""
    port: int = 443
    cluster_port: int = 6222
    listen: str = "0.0.0.0"  # noqa: S104 - a hub is there to be reached; TLS and keys guard it


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An enrolled box: its name and its public keys."""

    box: str
    nkey: str
    sealing: str
    """X25519 public key, hex."""


def node_config(node: Node, nodes: Iterable[Node], *, store: str, tls: str | None) -> str:
    """Return the configuration of *node*; *tls* is the directory of its certificate, or None."""
    nodes = list(nodes)
    lines = [
        "# Written by: autodialer fleet hub. Changed by hand, it is found by: fleet hub --check",
        f"server_name: {_quoted(node.name)}",
        f'listen: "{node.listen}:{node.port}"',
        f'ping_interval: "{PING_SECONDS}s"',
        f"ping_max: {PINGS}",
        'write_deadline: "5s"',
        "max_payload: 1MB",
        "jetstream {",
        f"  store_dir: {_quoted(store)}",
        "  # An acknowledged claim, objection or stop is on the disks of two nodes of three.",
        "  sync_interval: always",
        "  # The default is 50: one busy moment of 50 boxes would be refused.",
        "  limits { batch { max_inflight_per_stream: 2000 } }",
        "}",
        *_tls(tls, clients=False),
    ]
    if len(nodes) > 1:
        routes = ", ".join(
            f'"nats-route://{other.host}:{other.cluster_port}"'
            for other in nodes
            if other.name != node.name
        )
        lines += [
            "cluster {",
            "  name: fleet",
            f'  listen: "{node.listen}:{node.cluster_port}"',
            f"  routes: [{routes}]",
            "  # A box goes where its configuration says; addresses among nodes are no business",
            "  # of its, and their names stand in no certificate.",
            "  no_advertise: true",
            *("  " + line for line in _tls(tls, clients=True)),
            "}",
        ]
    lines += ["include 'users.conf'", ""]
    return "\n".join(lines)


def users_config(campaign: str, members: Iterable[Member], *, headquarters: str) -> str:
    """Return who may connect and what each may do; *headquarters* is its public NATS key."""
    users = [f"      {{ nkey: {headquarters} }}"]
    for member in members:
        permissions = json.dumps(
            {
                "publish": {"allow": box_publishes(campaign, member.box)},
                "subscribe": {"allow": box_subscribes(campaign, member.box)},
            }
        )
        users.append(f"      # {member.box}")
        users.append(f"      {{ nkey: {member.nkey}, permissions: {permissions} }}")
    return "\n".join(
        [
            "# Written by: autodialer fleet hub, enrol and remove. After a change every node",
            "# reads it with SIGHUP; a removed box loses its open connection at that moment.",
            "accounts {",
            "  FLEET {",
            "    jetstream: enabled",
            "    # So headquarters alone may ask every node how it keeps its disk.",
            f'    imports: [ {{ service: {{ account: SYS, subject: "{_JSZ}" }}, to: "{NODES}" }} ]',
            "    users: [",
            *users,
            "    ]",
            "  }",
            "  SYS {",
            "    users: []",
            f'    exports: [ {{ service: "{_JSZ}", response: stream, accounts: [FLEET] }} ]',
            "  }",
            "}",
            "system_account: SYS",
            "",
        ]
    )


def box_publishes(campaign: str, box: str) -> list[str]:
    """Return what *box* may write: what is its own, and what any box may say of a person."""
    names = Subjects(campaign)
    stream = names.stream
    return [
        f"c.{campaign}.claim.*.*",
        f"c.{campaign}.permit.*.*.{box}",
        f"c.{campaign}.outcome.*.*.{box}",
        names.objections,
        f"c.{campaign}.canary.{box}.>",
        names.push_objection,
        subjects.ledger(box),
        subjects.status(box),
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.DIRECT.GET.{stream}",
        f"$JS.API.DIRECT.GET.{stream}.c.{campaign}.>",
        f"$JS.API.STREAM.MSG.GET.{stream}",
        f"$JS.API.DIRECT.GET.{subjects.LEDGERS}.{subjects.ledger(box)}",
        f"$JS.API.DIRECT.GET.{subjects.HEADS}.{subjects.head(box)}",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{box}",
        f"$JS.API.CONSUMER.INFO.{stream}.{box}",
        f"$JS.ACK.{stream}.{box}.>",
        f"$JS.API.CONSUMER.MSG.NEXT.{subjects.LISTS}.{box}",
        f"$JS.ACK.{subjects.LISTS}.{box}.>",
    ]


def box_subscribes(campaign: str, box: str) -> list[str]:
    """Return what *box* may listen to."""
    names = Subjects(campaign)
    return [
        f"{inbox(box)}.>",
        names.push_stop(box),
        names.push_stop("all"),
        names.push_objection,
        subjects.head(box),
    ]


def inbox(box: str) -> str:
    """The prefix of the answers to *box*: no other box may listen there."""
    return f"_INBOX_{box}"


def _tls(directory: str | None, *, clients: bool) -> list[str]:
    """*clients* asks the other side for a certificate too: between nodes."""
    if directory is None:
        return []
    lines = [
        "tls {",
        f"  cert_file: {_quoted(directory + '/node.crt')}",
        f"  key_file: {_quoted(directory + '/node.key')}",
        f"  ca_file: {_quoted(directory + '/authority.crt')}",
        '  min_version: "1.3"',
        "  timeout: 5",
    ]
    if clients:
        lines.append("  verify: true")
    return [*lines, "}"]


def _quoted(text: str) -> str:
    return json.dumps(text)
