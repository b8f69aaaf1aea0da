"""Who judges the fleet's chaos: the auditor, a program of its own, and what the rig was promised.

The auditor (``fleet verify``) reads ledgers, the hub's log and the networks' logs. The rig holds
what no log can excuse: each objection and stop that the hub acknowledged must be in the log still,
and no network may have seen a dial later than two seconds after it. Ledgers at headquarters must be
the boxes' own byte by byte, as far as they were sent.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.demo.processes import autodialer
from appliance.fleet.copies import Copies
from appliance.fleet.packs import raw
from appliance.fleet.pseudonym import pseudonym
from appliance.fleet.subjects import Subjects
from tests.rigs.fleet_ground import ChaosBox, Ground

WINDOW = 2.0


class AuditFailed(Exception):
    """The auditor could not judge; its own words."""


@dataclass(slots=True)
class Stopped:
    """A stop that the hub acknowledged, and when a person set about to end it."""

    box: str
    epoch: int
    at: float
    until: float = float("inf")


@dataclass(slots=True)
class Promised:
    """What the hub acknowledged to headquarters, by this machine's own clock."""

    objections: dict[str, float] = field(default_factory=dict)
    """Number to the moment of the acknowledgement."""
    stops: list[Stopped] = field(default_factory=list)

    def stopped(self, epochs: dict[str, int], at: float) -> None:
        self.stops += [Stopped(box=box, epoch=epoch, at=at) for box, epoch in epochs.items()]

    def resuming(self, boxes: Iterable[str], at: float) -> None:
        wanted = set(boxes)
        for one in self.stops:
            if one.box in wanted:
                one.until = min(one.until, at)


@dataclass(slots=True)
class Judgement:
    """What came of one run."""

    findings: list[str]
    told: dict[str, Any]
    """What the auditor counted."""
    unsent: int = 0
    """Rows that a box had not sent when the rig ended it; they are on its disk."""


def judge(
    ground: Ground, promised: Promised, directory: Path, *, cap: int, skew: float
) -> Judgement:
    """Let the auditor judge, and look whether what was promised was kept."""
    copies_in = directory / "copies"
    networks = [str(box.network) for box in ground.boxes if box.network.exists()]
    done = subprocess.run(
        autodialer(
            *("fleet", "verify", "--hub", str(ground.stage.hub.directory), "--json"),
            *("--save", str(copies_in), "--cap", str(cap), "--skew", str(skew)),
            *("--network", *networks),
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or not done.stdout:
        raise AuditFailed(f"{done.stdout}{done.stderr}".strip())
    told: dict[str, Any] = json.loads(done.stdout)
    if "findings" not in told:
        raise AuditFailed(done.stdout.strip())
    found = [f"{one['promise']}: {one['box']} {one['what']}" for one in told.pop("findings")]
    copies = Copies.load(copies_in)
    key = ground.stage.hub.secrets().campaign_key
    found += lost_orders(copies, promised, key)
    found += late_dials(ground.boxes, promised, skew)
    unsent = 0
    for box in ground.boxes:
        own = _ledger(box)
        there = b"".join(map(raw, copies.ledgers.get(box.name, [])))
        if not own.startswith(there):
            found.append(f"ledger: {box.name}: headquarters has another than the box")
        unsent += own[len(there) :].count(b"\n")
    return Judgement(found, told, unsent)


def lost_orders(copies: Copies, promised: Promised, key: bytes) -> list[str]:
    """Return each acknowledged objection and stop that the log has not."""
    names = Subjects(copies.campaign)
    there = {message.subject for message in copies.log}
    wanted = {
        names.objection(pseudonym(key, number)): f"the objection of {number}"
        for number in promised.objections
    }
    wanted |= {
        names.stop(one.epoch, one.box): f"the stop of {one.box} in epoch {one.epoch}"
        for one in promised.stops
    }
    return [
        f"lost: {what} was acknowledged, and is not in the log"
        for subject, what in wanted.items()
        if subject not in there
    ]


def late_dials(boxes: Sequence[ChaosBox], promised: Promised, skew: float) -> list[str]:
    """Return each dial that a network saw too long after an order was acknowledged."""
    found = []
    for box in boxes:
        stops = [one for one in promised.stops if one.box == box.name]
        for at, number in _dials(box.network):
            acknowledged = promised.objections.get(number)
            if acknowledged is not None and at > acknowledged + WINDOW + skew:
                late = at - acknowledged
                found.append(f"objection: {box.name} dialled {number} {late:.1f} s after it")
            for stop in stops:
                if stop.at + WINDOW + skew < at < stop.until:
                    late = at - stop.at
                    found.append(f"stop: {box.name} dialled {late:.1f} s after stop {stop.epoch}")
    return found


def _dials(path: Path) -> list[tuple[float, str]]:
    if not path.exists():
        return []
    rows = [json.loads(row) for row in path.read_text().splitlines()]
    return [
        (datetime.fromisoformat(row["at"]).timestamp(), row["number"])
        for row in rows
        if row["event"] == "dialled"
    ]


def _ledger(box: ChaosBox) -> bytes:
    paths = sorted((box.directory / "state" / "ledger").glob("*.jsonl"))
    return b"".join(path.read_bytes() for path in paths)
