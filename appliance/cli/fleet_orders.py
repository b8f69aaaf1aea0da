"""``fleet status|watch|stop|resume|revoke|send``: what headquarters sees and orders."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from appliance.control.protocol import FILE_LIMIT
from appliance.errors import Refused
from appliance.fleet import lists, subjects, wire
from appliance.fleet.collecting import LedgerState, verify_ledgers
from appliance.fleet.headquarters import BoxSeen, Headquarters, at_headquarters
from appliance.fleet.hub import Hub
from appliance.fleet.signing import seal
from appliance.numbers import NumberRefused, mask, read_number, said_by_a_person
from firmware.bounded_read import read_bounded

T = TypeVar("T")
SILENT = 150.0
"""Seconds without a word after which a box that said it is connected is called silent."""
WATCH_EVERY = 2.0


def run(arguments: argparse.Namespace) -> int:
    hub = Hub.open(arguments.hub)
    match arguments.action:
        case "status":
            return _status(hub, as_json=arguments.json)
        case "watch":
            return _watch(hub, arguments.count)
        case "stop":
            return _stop(hub, arguments)
        case "resume":
            return _resume(hub, arguments)
        case "revoke":
            return _revoke(hub, arguments)
        case "send":
            return _send(hub, arguments)
    raise Refused(f"{arguments.action} is not an action")


def _at(hub: Hub, work: Callable[[Headquarters], Awaitable[T]]) -> T:
    async def go() -> T:
        async with at_headquarters(hub) as headquarters:
            return await work(headquarters)

    try:
        return asyncio.run(go())
    except (wire.NoAnswer, wire.HubRefused) as error:
        raise Refused(
            f"the hub does not answer as it must: {error}",
            "a majority of its nodes must run: see fleet hub --check",
        ) from error


def _chosen(hub: Hub, arguments: argparse.Namespace) -> list[str]:
    if arguments.all == bool(arguments.boxes):
        raise Refused("which boxes?", "name them, or write --all")
    if arguments.all:
        boxes = [box.box for box in hub.boxes()]
    else:
        boxes = [hub.box(name).box for name in arguments.boxes]
    if not boxes:
        raise Refused("no box is enrolled", "enrol one with: autodialer fleet enrol BOX")
    return boxes


# --- looking ---------------------------------------------------------------------------------


def _status(hub: Hub, *, as_json: bool) -> int:
    async def look(
        headquarters: Headquarters,
    ) -> tuple[list[BoxSeen], list[LedgerState], dict[str, str]]:
        ledgers = await verify_ledgers(headquarters)
        return await headquarters.seen(), ledgers, await headquarters.nodes()

    seen, ledgers, nodes = _at(hub, look)
    verified = {one.box: one for one in ledgers}
    if as_json:
        boxes = [
            {
                "box": one.box,
                "epoch": one.epoch,
                "stop_ordered": one.ordered_stop,
                "stop_confirmed": one.confirmed_stop,
                "heard_at": None if one.heard_at is None else one.heard_at.isoformat(),
                "ledger_fault": verified[one.box].fault,
                "ledger_signed": verified[one.box].head.seq,
                "status": one.status,
            }
            for one in seen
        ]
        print(json.dumps({"campaign": hub.campaign, "nodes": nodes, "boxes": boxes}))
        return 0
    print("\n".join(as_rows(hub, seen, verified, nodes)))
    return 0


def as_rows(
    hub: Hub, seen: list[BoxSeen], ledgers: dict[str, LedgerState], nodes: dict[str, str]
) -> list[str]:
    """Return the status for a person: a line for the hub, one for each box."""
    off = [name for name, told in nodes.items() if "off" in told or "behind" in told]
    health = f"; {', '.join(f'{name} {nodes[name]}' for name in off)}" if off else ""
    rows = [f"campaign {hub.campaign}: {len(seen)} boxes, hub of {len(hub.nodes)} nodes{health}"]
    width = max((len(one.box) for one in seen), default=3)
    told = (_words(one, ledgers[one.box]) for one in seen)
    rows += [f"  {one.box:<{width}}  {words}" for one, words in zip(seen, told, strict=True)]
    return rows


def _words(one: BoxSeen, ledger: LedgerState) -> str:
    if ledger.fault:
        return f"FENCED: its ledger is not sound: {ledger.fault}"
    told, at = one.status, one.heard_at
    if told is None or at is None:
        return "never heard of"
    ago = (datetime.now(UTC) - at).total_seconds()
    words = []
    if one.ordered_stop:
        words.append("stopped" if one.confirmed_stop else "STOP ORDERED, not confirmed yet")
    elif told.get("barred"):
        words.append(f"calls nobody: {told['barred']}")
    else:
        words.append("may call")
    if ago > SILENT:
        words.append(f"silent for {_ago(ago)}")
    words.append(f"{told.get('calls', 0)} calls running")
    # The box's own word may be a minute old, and headquarters has verified more since.
    sent = max(int(told.get("ledger_sent", 0)), ledger.head.seq)
    words.append(f"ledger {ledger.head.seq} of {sent} signed")
    if told.get("objections_unsent"):
        words.append(f"{told['objections_unsent']} OBJECTIONS NOT SENT YET")
    if told.get("last_list"):
        words.append(f"list {told['last_list']}")
    return ", ".join(words)


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _watch(hub: Hub, count: int | None) -> int:
    """Show the status again and again, also while nodes die: then what was seen last."""
    rows: list[str] = []

    def show(*more: str) -> None:
        print("\x1b[H\x1b[2J" + "\n".join([*rows, *more]), flush=True)

    async def look(headquarters: Headquarters) -> None:
        ledgers = {one.box: one for one in await verify_ledgers(headquarters)}
        seen = await headquarters.seen()
        rows[:] = as_rows(hub, seen, ledgers, await headquarters.nodes())
        rows.append(f"{datetime.now():%H:%M:%S}; Ctrl-C ends")  # noqa: DTZ005 - on a person's own clock

    looks = 0
    with suppress(KeyboardInterrupt):
        while count is None or looks < count:
            if looks:
                time.sleep(WATCH_EVERY)
            looks += 1
            try:
                _at(hub, look)
            except Refused as refused:
                show(f"NOW NO ANSWER: {refused}; {refused.remedy}")
                if looks == count:
                    return 1
            else:
                show()
    return 0


# --- orders ----------------------------------------------------------------------------------


def _stop(hub: Hub, arguments: argparse.Namespace) -> int:
    boxes = _chosen(hub, arguments)
    by, reason = said_by_a_person(arguments.by), said_by_a_person(arguments.reason)
    begun = time.monotonic()

    async def order(headquarters: Headquarters) -> list[BoxSeen]:
        await headquarters.stop(boxes, by=by, reason=reason)
        took = (time.monotonic() - begun) * 1000
        print(f"ordered: {len(boxes)} boxes, in the log after {took:.0f} ms", flush=True)
        return await headquarters.confirmations(boxes, arguments.wait)

    seen = _at(hub, order)
    confirmed = [one.box for one in seen if one.confirmed_stop]
    missing = [one.box for one in seen if not one.confirmed_stop]
    print(f"confirmed: {', '.join(confirmed) or 'by none'}")
    if missing:
        print(
            f"not confirmed: {', '.join(missing)}: no claim of theirs is granted any more, but a "
            "call may still be running there; whoever is near presses the button"
        )
    return 1 if missing else 0


def _resume(hub: Hub, arguments: argparse.Namespace) -> int:
    boxes = _chosen(hub, arguments)
    by, reason = said_by_a_person(arguments.by), said_by_a_person(arguments.reason)

    async def order(headquarters: Headquarters) -> dict[str, int]:
        return await headquarters.resume(
            boxes, by=by, reason=reason, after_loss=arguments.after_loss
        )

    for box, epoch in _at(hub, order).items():
        print(f"{box}: epoch {epoch} begins")
    return 0


def _revoke(hub: Hub, arguments: argparse.Namespace) -> int:
    try:
        numbers = [read_number(text, arguments.country, fiction=True) for text in arguments.number]
    except NumberRefused as refused:
        raise Refused(str(refused), refused.remedy) from refused

    async def object_all(headquarters: Headquarters) -> list[bool]:
        return [await headquarters.object(number) for number in numbers]

    for number, new in zip(numbers, _at(hub, object_all), strict=True):
        told = "in the log: nobody of the fleet calls it" if new else "was in the log already"
        print(f"{mask(number)}: {told}")
    return 0


def _send(hub: Hub, arguments: argparse.Namespace) -> int:
    box = hub.box(arguments.box)
    contents = read_bounded(arguments.file, FILE_LIMIT)
    sealed = seal(contents, bytes.fromhex(box.sealing))
    try:
        cut = list(lists.parts(sealed))
    except ValueError as error:
        raise Refused(f"{arguments.file}: {error}") from error

    async def put(headquarters: Headquarters) -> Any:
        for part in cut:
            await wire.write(
                headquarters.nats,
                subjects.list_part(box.box, part.list[:16], part.number),
                part.payload(),
            )

    _at(hub, put)
    print(
        f"{arguments.file}: {len(contents)} bytes, sealed to {box.box} alone, in {len(cut)} parts; "
        "what came of it: autodialer fleet status"
    )
    return 0
