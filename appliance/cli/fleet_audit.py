"""``fleet verify``, ``fleet report``: the auditor over all boxes, and the campaign for people."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
from pathlib import Path
from zoneinfo import ZoneInfo

from appliance import __version__
from appliance.cli.output import check_outside_state, check_target, write_target
from appliance.cli.speech import say
from appliance.errors import Refused
from appliance.fleet.audit import Finding, audit, told
from appliance.fleet.collecting import collect, verify_ledgers
from appliance.fleet.copies import Copies, read_network
from appliance.fleet.headquarters import at_headquarters
from appliance.fleet.hub import Hub
from appliance.fleet.joined_ledgers import one_campaign
from appliance.fleet.wire import HubRefused, NoAnswer
from appliance.windows import known_zone
from firmware.wording import plural, worded


def run(arguments: argparse.Namespace) -> int:
    try:
        if arguments.action == "report":
            return _report(arguments)
        return _verify(arguments)
    except (NoAnswer, HubRefused) as error:
        raise Refused(
            worded("the hub does not answer as it must: {error}", error=error),
            worded("a majority of its nodes must run: see fleet hub --check"),
        ) from error


def _verify(arguments: argparse.Namespace) -> int:
    if arguments.save is not None:
        check_outside_state(arguments, "--save", arguments.save)
        if os.path.lexists(arguments.save):
            raise Refused(
                worded("--save {save}: exists already", save=arguments.save),
                worded("name a new directory"),
            )
    hub = None if arguments.copies is not None else Hub.open(arguments.hub)
    copies = Copies.load(arguments.copies) if hub is None else asyncio.run(_copied(hub))
    if arguments.save is not None:
        copies.save(arguments.save)
    network = None
    if arguments.network:
        key = Hub.open(arguments.hub).secrets().campaign_key
        network = read_network(arguments.network, key)
    verdict = audit(
        copies.campaign,
        copies.log,
        copies.ledgers,
        cap=arguments.cap,
        network=network,
        skew=arguments.skew,
    )
    verdict.findings += [
        Finding(promise="chain", box=box, what=worded("ledger: {why}", why=why))
        for box, why in copies.damaged
    ]
    if arguments.json:
        findings = [{"promise": f.promise, "box": f.box, "what": f.what} for f in verdict.findings]
        print(
            json.dumps(
                {
                    "clean": verdict.clean,
                    "boxes": verdict.boxes,
                    "rows": verdict.rows,
                    "claims": verdict.claims,
                    "calls": verdict.calls,
                    "objections": verdict.objections,
                    "stops": verdict.stops,
                    "dials": verdict.dials,
                    "findings": findings,
                }
            )
        )
    else:
        print("\n".join(map(say, told(verdict))))
        print(
            say("Verdict: every promise was kept.") if verdict.clean else say("Verdict: NOT KEPT.")
        )
    if verdict.clean:
        return 0
    if hub is not None:
        asyncio.run(_stop_all(hub, verdict.findings[0]))
        if not arguments.json:
            print(say("The fleet is stopped; resume it when you know why: autodialer fleet resume"))
    return 1


async def _copied(hub: Hub) -> Copies:
    async with at_headquarters(hub) as headquarters:
        await verify_ledgers(headquarters)
        return await collect(headquarters)


async def _stop_all(hub: Hub, finding: Finding) -> None:
    async with at_headquarters(hub) as headquarters:
        boxes = [box.box for box in hub.boxes()]
        await headquarters.stop(boxes, by="auditor", reason=str(finding)[:200])


def _report(arguments: argparse.Namespace) -> int:
    # The auditor needs no drawing.
    from appliance.report.figures import add_up
    from appliance.report.report import Frame, as_html
    from appliance.report.table import as_csv

    zone: ZoneInfo | None = known_zone(arguments.timezone)
    if zone is None:
        raise Refused(
            worded("{timezone} is not a time zone", timezone=arguments.timezone),
            worded("write one as Europe/Paris"),
        )
    targets: list[tuple[str, Path | None]] = [("--out", arguments.out), ("--csv", arguments.csv)]
    for option, path in targets:
        check_target(arguments, option, path)
    copies = asyncio.run(_copied(Hub.open(arguments.hub)))
    entries = one_campaign(
        {box: [line.entry() for line in lines] for box, lines in copies.ledgers.items()}
    )
    figures = add_up(entries, zone)
    # The anchor of all ledgers together: rows in all, and a hash over each box's own head.
    heads = [
        f"{box} {lines[-1].seq} {lines[-1].hash}\n"
        for box, lines in sorted(copies.ledgers.items())
        if lines
    ]
    rows = sum(map(len, copies.ledgers.values()))
    head = (rows, hashlib.sha256("".join(heads).encode()).hexdigest())
    title = plural(
        "Calls of the fleet {campaign}: {count} box",
        "Calls of the fleet {campaign}: {count} boxes",
        len(copies.ledgers),
        campaign=copies.campaign,
    )
    if arguments.out is not None:
        frame = Frame(title=title, head=head, zone=zone, version=__version__)
        page = as_html(figures, frame)
        write_target(arguments, "--out", arguments.out, page.encode())
        print(say("page in {out}", out=arguments.out))
    if arguments.csv is not None:
        write_target(arguments, "--csv", arguments.csv, as_csv(figures).encode())
        print(say("table in {csv}", csv=arguments.csv))
    arguments.told = {
        "campaign": copies.campaign,
        "boxes": sorted(copies.ledgers),
        "rows": head[0],
        "hash": head[1],
        "outcomes": {str(outcome): count for outcome, count in figures.outcomes.items()},
        "page": None if arguments.out is None else str(arguments.out),
        "table": None if arguments.csv is None else str(arguments.csv),
    }
    if arguments.out is None and arguments.csv is None:
        for outcome, count in figures.outcomes.most_common():
            print(f"{count:8}  {say(outcome)}")
    return 0
