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

from appliance.cli.speech import say, several
from appliance.cli.streams import draw_anew
from appliance.control.protocol import FILE_LIMIT
from appliance.errors import Refused, UsageWrong
from appliance.fleet import lists, subjects, wire
from appliance.fleet.collecting import LedgerState, verify_ledgers
from appliance.fleet.headquarters import BoxSeen, Headquarters, at_headquarters
from appliance.fleet.hub import Hub
from appliance.fleet.signing import seal
from appliance.numbers import NumberRefused, mask, read_number, said_by_a_person
from firmware.bounded_read import read_bounded
from firmware.wording import joined, plural, said_by, with_remedy, worded

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
            return _watch(hub, arguments.count, as_json=arguments.json)
        case "stop":
            return _stop(hub, arguments)
        case "resume":
            return _resume(hub, arguments)
        case "revoke":
            return _revoke(hub, arguments)
        case "send":
            return _send(hub, arguments)
    raise Refused(worded("{action} is not an action", action=arguments.action))


def _at(hub: Hub, work: Callable[[Headquarters], Awaitable[T]]) -> T:
    async def go() -> T:
        async with at_headquarters(hub) as headquarters:
            return await work(headquarters)

    try:
        return asyncio.run(go())
    except (wire.NoAnswer, wire.HubRefused) as error:
        raise Refused(
            worded("the hub does not answer as it must: {error}", error=error),
            worded("a majority of its nodes must run: see fleet hub --check"),
        ) from error


def _chosen(hub: Hub, arguments: argparse.Namespace) -> list[str]:
    if arguments.all == bool(arguments.boxes):
        raise UsageWrong(worded("which boxes?"), worded("name them, or write --all"))
    if arguments.all:
        boxes = [box.box for box in hub.boxes()]
    else:
        # Each once: a name that was typed twice would begin two epochs.
        boxes = [hub.box(name).box for name in dict.fromkeys(arguments.boxes)]
    if not boxes:
        raise Refused(
            worded("no box is enrolled"), worded("enrol one with: autodialer fleet enrol BOX")
        )
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
        print(json.dumps(as_data(hub, seen, verified, nodes)))
        return 0
    print("\n".join(map(say, as_rows(hub, seen, verified, nodes))))
    return 0


def as_data(
    hub: Hub, seen: list[BoxSeen], ledgers: dict[str, LedgerState], nodes: dict[str, str]
) -> dict[str, Any]:
    """Return the status for a program."""
    boxes = [
        {
            "box": one.box,
            "epoch": one.epoch,
            "stop_ordered": one.ordered_stop,
            "stop_confirmed": one.confirmed_stop,
            "heard_at": None if one.heard_at is None else one.heard_at.isoformat(),
            "ledger_fault": ledgers[one.box].fault,
            "ledger_signed": ledgers[one.box].head.seq,
            "status": one.status,
        }
        for one in seen
    ]
    return {"campaign": hub.campaign, "nodes": nodes, "boxes": boxes}


def as_rows(
    hub: Hub, seen: list[BoxSeen], ledgers: dict[str, LedgerState], nodes: dict[str, str]
) -> list[str]:
    """Return the status for a person: a line for the hub, one for each box."""
    off = [name for name, told in nodes.items() if "off" in told or "behind" in told]
    ailing = joined(", ", [f"{name} " + joined("", [nodes[name]]) for name in off])
    health = "; " + ailing if off else ""
    rows = [
        worded(
            "campaign {campaign}: {boxes}, hub of {nodes}{health}",
            campaign=hub.campaign,
            boxes=plural("{count} box", "{count} boxes", len(seen)),
            nodes=plural("{count} node", "{count} nodes", len(hub.nodes)),
            health=health,
        )
    ]
    width = max((len(one.box) for one in seen), default=3)
    told = (_words(one, ledgers[one.box]) for one in seen)
    rows += [
        f"  {one.box:<{width}}  " + joined("", [words])
        for one, words in zip(seen, told, strict=True)
    ]
    return rows


def _words(one: BoxSeen, ledger: LedgerState) -> str:
    if ledger.fault:
        return worded("FENCED: its ledger is not sound: {fault}", fault=ledger.fault)
    told, at = one.status, one.heard_at
    if told is None or at is None:
        return worded("never heard of")
    ago = (datetime.now(UTC) - at).total_seconds()
    words = []
    if one.ordered_stop:
        words.append(
            worded("stopped") if one.confirmed_stop else worded("STOP ORDERED, not confirmed yet")
        )
    elif told.get("barred"):
        words.append(worded("calls nobody: {barred}", barred=told["barred"]))
    else:
        words.append(worded("may call"))
    if ago > SILENT:
        words.append(worded("silent for {ago}", ago=_ago(ago)))
    words.append(plural("{count} call running", "{count} calls running", told.get("calls", 0)))
    # The box's own word may be a minute old, and headquarters has verified more since.
    sent = max(int(told.get("ledger_sent", 0)), ledger.head.seq)
    words.append(worded("ledger {verified} of {sent} signed", verified=ledger.head.seq, sent=sent))
    if told.get("objections_unsent"):
        words.append(
            plural(
                "{count} OBJECTION NOT SENT YET",
                "{count} OBJECTIONS NOT SENT YET",
                told["objections_unsent"],
            )
        )
    if told.get("last_list"):
        words.append(worded("list {last_list}", last_list=told["last_list"]))
    return joined(", ", words)


def _ago(seconds: float) -> str:
    if seconds >= 2 * 86400:
        return worded("{count:.0f} days", count=seconds / 86400)
    if seconds >= 2 * 3600:
        return worded("{count:.0f} hours", count=seconds / 3600)
    if seconds >= 2 * 60:
        return worded("{count:.0f} minutes", count=seconds / 60)
    return worded("{seconds:.0f} seconds", seconds=seconds)


def _watch(hub: Hub, count: int | None, *, as_json: bool) -> int:
    """Show the status again and again, also while nodes die: then what was seen last."""
    rows: list[str] = []

    def show(*more: str) -> None:
        draw_anew("\n".join(map(say, [*rows, *more])))

    async def look(headquarters: Headquarters) -> None:
        ledgers = {one.box: one for one in await verify_ledgers(headquarters)}
        seen, nodes = await headquarters.seen(), await headquarters.nodes()
        if as_json:
            print(json.dumps(as_data(hub, seen, ledgers, nodes)), flush=True)
            return
        rows[:] = as_rows(hub, seen, ledgers, nodes)
        time = f"{datetime.now():%H:%M:%S}"  # noqa: DTZ005 - on a person's own clock
        rows.append(worded("{time}; Ctrl-C ends", time=time))

    looks = 0
    with suppress(KeyboardInterrupt):
        while count is None or looks < count:
            if looks:
                time.sleep(WATCH_EVERY)
            looks += 1
            try:
                _at(hub, look)
            except Refused as refused:
                if as_json:
                    raise
                show(worded("NOW NO ANSWER: {why}", why=with_remedy(refused)))
                if looks == count:
                    return 1
            else:
                if not as_json:
                    show()
    return 0


# --- orders ----------------------------------------------------------------------------------


def _stop(hub: Hub, arguments: argparse.Namespace) -> int:
    boxes = _chosen(hub, arguments)
    by, reason = said_by_a_person(arguments.by), said_by_a_person(arguments.reason)
    begun, took = time.monotonic(), 0.0

    async def order(headquarters: Headquarters) -> list[BoxSeen]:
        nonlocal took
        await headquarters.stop(boxes, by=by, reason=reason)
        took = (time.monotonic() - begun) * 1000
        print(
            several(
                "ordered: {count} box, in the log after {took:.0f} ms",
                "ordered: {count} boxes, in the log after {took:.0f} ms",
                len(boxes),
                took=took,
            ),
            flush=True,
        )
        return await headquarters.confirmations(boxes, arguments.wait)

    seen = _at(hub, order)
    confirmed = [one.box for one in seen if one.confirmed_stop]
    missing = [one.box for one in seen if not one.confirmed_stop]
    told = {"ordered": boxes, "in_log_after_ms": round(took), "confirmed": confirmed}
    arguments.told = {**told, "missing": missing}
    print(say("confirmed: {names}", names=", ".join(confirmed) or worded("by none")))
    if missing:
        print(
            say(
                "not confirmed: {names}: no claim of theirs is granted any more, but a call "
                "may still be running there; whoever is near presses the button",
                names=", ".join(missing),
            )
        )
    return 1 if missing else 0


def _resume(hub: Hub, arguments: argparse.Namespace) -> int:
    boxes = _chosen(hub, arguments)
    by, reason = said_by_a_person(arguments.by), said_by_a_person(arguments.reason)

    async def order(headquarters: Headquarters) -> dict[str, int]:
        return await headquarters.resume(
            boxes, by=by, reason=reason, after_loss=arguments.after_loss
        )

    epochs = _at(hub, order)
    arguments.told = {"epochs": epochs}
    for box, epoch in epochs.items():
        print(say("{box}: epoch {epoch} begins", box=box, epoch=epoch))
    return 0


def _revoke(hub: Hub, arguments: argparse.Namespace) -> int:
    try:
        numbers = [read_number(text, arguments.country, fiction=True) for text in arguments.number]
    except NumberRefused as refused:
        raise Refused(said_by(refused), refused.remedy) from refused

    async def object_all(headquarters: Headquarters) -> list[bool]:
        return [await headquarters.object(number) for number in numbers]

    found = list(zip(numbers, _at(hub, object_all), strict=True))
    arguments.told = {"numbers": [{"number": mask(number), "new": new} for number, new in found]}
    for number, new in found:
        told = (
            worded("in the log: nobody of the fleet calls it")
            if new
            else worded("was in the log already")
        )
        print(say(joined(": ", [mask(number), say(told)])))
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
    arguments.told = {
        "file": str(arguments.file),
        "box": box.box,
        "bytes": len(contents),
        "parts": len(cut),
        "list": cut[0].list[:16],
    }
    print(
        say(
            "{file}: {count} bytes, sealed to {box} alone, in {parts}; what came of "
            "it: autodialer fleet status",
            file=arguments.file,
            count=len(contents),
            box=box.box,
            parts=plural("{count} part", "{count} parts", len(cut)),
        )
    )
    return 0
