"""``fleet hub``, ``enrol``, ``remove``: the hub's configuration and who belongs to it."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from pathlib import Path

from appliance.cli.output import check_outside_state, check_target, write_target
from appliance.cli.speech import say
from appliance.errors import Refused, UsageWrong
from appliance.fleet.canary import HubUnfit
from appliance.fleet.headquarters import FOLLOWS, LEADS, at_headquarters
from appliance.fleet.hub import INSTALLED, STORE, Hub
from appliance.fleet.hub_config import Node
from appliance.fleet.joining import close, new_passphrase
from appliance.fleet.subjects import NameRefused
from appliance.fleet.wire import HubRefused, NoAnswer
from firmware.wording import said_by, worded

_NODE = re.compile(
    r"([a-z0-9][a-z0-9-]{0,31})=([A-Za-z0-9.-]+)(?::(\d{1,9}))?(?::(\d{1,9}))?", re.ASCII
)


def run(arguments: argparse.Namespace) -> int:
    try:
        if arguments.action == "enrol":
            return _enrol(arguments)
        if arguments.action == "remove":
            return _remove(arguments)
        if arguments.campaign:
            return _make(arguments)
        if arguments.check:
            return asyncio.run(_check(arguments))
    except NameRefused as error:
        raise UsageWrong(said_by(error)) from error
    raise UsageWrong(
        worded("nothing to do"),
        worded("make a fleet with --campaign and three --node, or look with --check"),
    )


def _make(arguments: argparse.Namespace) -> int:
    check_outside_state(arguments, "--hub", arguments.hub)
    nodes = [_node(text, bench=arguments.bench) for text in arguments.node]
    hub = Hub.create(arguments.hub, arguments.campaign, nodes, tls=not arguments.bench)
    if arguments.bench:
        written = hub.write_nodes(installed=None)
    else:
        written = hub.write_nodes(store=arguments.store or STORE)
    copies = [
        {"node": node.name, "copy": str(directory), "to": f"{node.host}:{INSTALLED}"}
        for node, directory in zip(hub.nodes, written, strict=True)
    ]
    told = {"campaign": hub.campaign, "directory": str(arguments.hub), "copies": copies}
    arguments.told = told
    print(
        say(
            "the fleet of campaign {campaign} is in {hub}: keep it secret, back it up",
            campaign=hub.campaign,
            hub=arguments.hub,
        )
    )
    for node, directory in zip(hub.nodes, written, strict=True):
        print(
            say(
                "  {node}: copy {directory} to {host}:{installed}, start nats-server there",
                node=node.name,
                directory=directory,
                host=node.host,
                installed=INSTALLED,
            )
        )
    print(say("then: autodialer fleet hub --check"))
    return 0


def _node(text: str, *, bench: bool) -> Node:
    match = _NODE.fullmatch(text)
    if match is None:
        raise UsageWrong(
            worded("--node {text}: not a node", text=text),
            worded("write NAME=HOST, such as hub-1=hub1.example"),
        )
    name, host, port, cluster = match.groups()
    return Node(
        name=name,
        host=host,
        port=int(port or 443),
        cluster_port=int(cluster or 6222),
        listen="127.0.0.1" if bench else "0.0.0.0",  # noqa: S104 - a hub is to be reached
    )


async def _check(arguments: argparse.Namespace) -> int:
    hub = Hub.open(arguments.hub)
    hub.write_users()  # A fleet of an older program: what its nodes must tell stands there now.
    try:
        async with at_headquarters(hub) as headquarters:
            await headquarters.examine_nodes()
            made = await headquarters.prepare()
            nodes = await headquarters.nodes()
    except (NoAnswer, HubRefused) as error:
        raise Refused(
            worded("the hub does not answer as it must: {error}", error=error),
            worded("a majority of its nodes must run; see their logs"),
        ) from error
    except HubUnfit as unfit:
        raise Refused(str(unfit), unfit.remedy) from unfit
    if arguments.json:
        print(json.dumps({"made": made, "nodes": nodes, "fit": True}))
        return 0
    for what in made:
        print(say("made: {what}", what=what))
    for name, told in sorted(nodes.items()):
        print(say("node {name}: {told}", name=name, told=told))
    if all(told in (LEADS, FOLLOWS) for told in nodes.values()):
        fit = worded(
            "the hub is fit: written once, nothing deleted, claims judged, every disk synchronised"
        )
    else:
        fit = worded("the hub is fit, but for the nodes that do not follow: mend those")
    print(say(fit))
    return 0


def _enrol(arguments: argparse.Namespace) -> int:
    hub = Hub.open(arguments.hub)
    out: Path = arguments.out or Path(f"{arguments.box}.join")
    if out.exists():
        raise Refused(
            worded("{out} exists already", out=out), worded("name another file with --out")
        )
    check_target(arguments, "--out", out)
    passphrase = new_passphrase()
    keys = hub.enrol(arguments.box)
    hub.write_users()
    write_target(arguments, "--out", out, close(keys, passphrase))
    print(
        say(
            "{box} is enrolled. Bring {out} to the box, and tell whoever is there:",
            box=keys.box,
            out=out,
        )
    )
    print(f"  {passphrase}")
    print(say("Nobody can read it out again. On the box: autodialer fleet join FILE"))
    admitted = _admitted(hub, keys.box)
    told = {"box": keys.box, "file": str(out), "passphrase": passphrase, "admitted": admitted}
    arguments.told = {**told, "copies": _copies(hub)}
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    hub = Hub.open(arguments.hub)
    hub.box(arguments.box)

    async def fence() -> None:
        async with at_headquarters(hub) as headquarters:
            await headquarters.stop([arguments.box], by=arguments.by, reason=arguments.reason)

    untold = ""
    try:
        asyncio.run(fence())
        print(
            say(
                "{box} is stopped in the log: no claim of it is granted any more", box=arguments.box
            )
        )
    except (Refused, NoAnswer, HubRefused) as error:
        untold = str(error)
        print(
            say(
                "the hub could not be told to stop it ({error}); its key is taken all the same",
                error=error,
            )
        )
    hub.remove(arguments.box)
    hub.write_users()
    told = {"box": arguments.box, "stopped_in_log": not untold, "why_not": untold}
    arguments.told = {**told, "copies": _copies(hub)}
    _tell_nodes(hub)
    print(say("It held the campaign's key: for the next campaign make a new fleet with a new key."))
    return 0


def _admitted(hub: Hub, box: str) -> bool:
    """Tell the nodes of a new member, and make its consumers where the hub runs already.

    Returns whether it does.
    """
    _tell_nodes(hub)

    async def admit() -> None:
        async with at_headquarters(hub) as headquarters:
            await headquarters.admit(box)

    try:
        asyncio.run(admit())
    except (Refused, NoAnswer, HubRefused):
        print(say("The hub does not answer yet; then: autodialer fleet hub --check"))
        return False
    return True


def _tell_nodes(hub: Hub) -> None:
    print(say("Copy users.conf to each node and let it read it (systemctl reload autodialer-hub):"))
    for node in hub.nodes:
        print(
            say(
                "  {directory} to {host}:{installed}",
                directory=hub.directory / "nodes" / node.name / "users.conf",
                host=node.host,
                installed=INSTALLED,
            )
        )


def _copies(hub: Hub) -> list[dict[str, str]]:
    """Return which file belongs where once members came or went."""
    return [
        {
            "node": node.name,
            "copy": str(hub.directory / "nodes" / node.name / "users.conf"),
            "to": f"{node.host}:{INSTALLED}",
        }
        for node in hub.nodes
    ]
