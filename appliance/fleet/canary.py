"""Is this hub fit to be believed? Asked at each connection, before anybody is called.

A server that is too old *ignores* the conditions of a claim and says yes; one that was set up
otherwise lets messages be overwritten. Both look healthy. So the box tries what must be refused:
it overwrites its canary, and claims where the canary has objected. A hub that takes either, or
whose stream lacks a rule, is refused, and nobody is dialled.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from nats.aio.client import Client

from appliance.fleet import streams, wire
from appliance.fleet.claim import mark
from appliance.fleet.hub_config import OLDEST
from appliance.fleet.messages import encode
from appliance.fleet.subjects import Subjects
from firmware.wording import worded


class HubUnfit(Exception):
    """The hub would let through what it must refuse; ``remedy`` says what to do at headquarters."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


async def examine(client: Client, campaign: str, box: str) -> int:
    """Try the hub and return the last sequence number of the campaign's stream.

    Raises :class:`HubUnfit`, and :class:`~appliance.fleet.wire.NoAnswer` where nobody answers.
    """
    version = wire.version_of(client)
    if version < OLDEST:
        raise HubUnfit(
            worded(
                "the hub's server is {names}, which ignores the conditions of a claim",
                names=".".join(map(str, version)),
            ),
            worded(
                "Install nats-server {names} or newer on every node.",
                names=".".join(map(str, OLDEST)),
            ),
        )
    names = Subjects(campaign)
    try:
        info = await wire.api(client, f"STREAM.INFO.{names.stream}")
    except wire.HubRefused as refused:
        raise HubUnfit(
            worded(
                "the hub has no log of campaign {campaign}: {refused}",
                campaign=campaign,
                refused=refused,
            ),
            worded("Make it at headquarters with: autodialer fleet hub --check"),
        ) from refused
    found = info["config"]
    wanted = streams.campaign_stream(campaign, found.get("num_replicas", 1))
    faults = streams.unlike(wanted, found)
    if faults:
        raise HubUnfit(
            worded(
                "the log of campaign {campaign} is not write-once: {names}",
                campaign=campaign,
                names="; ".join(faults),
            ),
            worded("See what changed it, then at headquarters: autodialer fleet hub --check"),
        )
    await _overwrite(client, names.canary(box, "rev"))
    await _claim(client, names, box)
    return int(info["state"]["last_seq"])


def unfit_node(told: dict[str, Any]) -> HubUnfit | None:
    """Return what is wrong with a node that *told* of itself (JSZ of nats-server), or None."""
    server, found = _inner(told, "server"), _inner(_inner(told, "data"), "config")
    name, version = str(server.get("name", "?")), str(server.get("ver", "?"))
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers < OLDEST:
        return HubUnfit(
            worded("node {name} runs nats-server {version}", name=name, version=version),
            worded(
                "Install nats-server {names} or newer on every node.",
                names=".".join(map(str, OLDEST)),
            ),
        )
    if found.get("sync_always") is not True:
        return HubUnfit(
            worded(
                "node {name} acknowledges what is not on its disk yet: a power cut would lose it",
                name=name,
            ),
            worded(
                "Write sync_interval: always into its nats.conf, as fleet hub did, and start it "
                "anew."
            ),
        )
    return None


def _inner(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


async def numbered(client: Client, campaign: str, box: str) -> tuple[int, str]:
    """Write a canary; return its number, which the majority of the nodes gave it, and its mark.

    A node that led the log until a moment ago, and does not know yet, tells an old number when it
    is asked; it cannot get a write acknowledged.
    """
    subject = Subjects(campaign).canary(box, f"seen-{secrets.token_hex(8)}")
    return (await wire.write(client, subject, b"{}")).sequence, mark(subject, b"{}")


async def _overwrite(client: Client, subject: str) -> None:
    """Write the canary twice: the second, at the latest, must be refused."""
    payload = encode({"canary": True})
    for _ in range(2):
        try:
            await wire.write(client, subject, payload)
        except wire.HubRefused as refused:
            if refused.code == wire.EXISTS:
                return
            if refused.code != wire.BUSY:
                raise HubUnfit(
                    worded("the hub takes no canary: {refused}", refused=refused), _SPACE
                ) from refused
    raise HubUnfit(worded("the hub overwrote a message that is written once"), _RULES)


async def _claim(client: Client, names: Subjects, box: str) -> None:
    """Claim under the condition that the canary has not objected, which it has."""
    parts = [
        wire.Part(
            subject=names.canary(box, "claim"),
            payload=b"{}",
            unless=names.canary(box, "rev"),
        ),
        wire.Part(
            subject=names.canary(box, "permit"), payload=b"{}", unless=names.canary(box, "stop")
        ),
    ]
    for _ in range(5):
        try:
            await wire.write_together(client, parts, within=5.0)
        except wire.HubRefused as refused:
            if refused.code == wire.WRONG_SEQUENCE:
                return
            if refused.code == wire.BUSY:
                continue
            if refused.code in wire.NO_ROOM:
                raise HubUnfit(
                    worded("the hub has no room for a claim: {refused}", refused=refused), _SPACE
                ) from refused
            raise HubUnfit(
                worded("the hub does not judge claims: {refused}", refused=refused), _RULES
            ) from refused
        raise HubUnfit(worded("the hub granted a claim on somebody who had objected"), _RULES)
    raise wire.NoAnswer(worded("the hub is too busy to be tried"))


_RULES = worded("Dial nobody with it: see at headquarters with autodialer fleet hub --check.")
_SPACE = worded(
    "Make room on the hub's disks and restart the nodes one by one, which look at their start how "
    "much there is; then: autodialer fleet hub --check."
)
