"""One box for the fleet's measurements: the real membership, on its own files, in its own process.

``python -m bench.fleet_box DIRECTORY [--deaf]`` prints a line for each thing that it heard, when it
was on its disk: ``rev PID SECONDS``, ``stop EPOCH SECONDS``, and for a claim asked on a line of its
input (``claim PID``) ``claim PID MILLISECONDS``. Seconds are CLOCK_MONOTONIC, which all processes
of a machine share. *--deaf* hears no pushes: what then arrives came by the log.
"""

from __future__ import annotations

import argparse
import queue
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.campaign import fleet_inputs
from appliance.effects import AskClaim
from appliance.fleet.keys import BoxKeys
from appliance.fleet.member import Member
from appliance.ledger import Ledger
from firmware.clock import SystemClock


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--deaf", action="store_true")
    arguments = parser.parse_args()
    keys = BoxKeys.load(arguments.directory / "fleet.key")
    ledger = Ledger.open(arguments.directory / "ledger")
    answers: queue.Queue[Any] = queue.Queue()

    def say(*words: object) -> None:
        sys.stdout.write(" ".join(map(str, words)) + "\n")
        sys.stdout.flush()

    def post(given: object) -> None:
        match given:
            case fleet_inputs.ObjectedElsewhere(pid=pid):
                say("rev", pid, time.monotonic())
            case fleet_inputs.FleetStopped(epoch=epoch, hang_up=True):
                say("stop", epoch, time.monotonic())
            case fleet_inputs.FleetResumed(epoch=epoch):
                say("epoch", epoch, time.monotonic())
            case fleet_inputs.ClaimGranted() | fleet_inputs.ClaimDenied():
                answers.put(given)
            case _:
                pass

    member = Member(keys, arguments.directory, post=post, clock=SystemClock(), describe=dict)
    if arguments.deaf:

        async def nothing(_: object) -> None:
            return

        vars(member)["_listen"] = nothing
    member.start(ledger.head[0])
    end = time.monotonic() + 120.0
    while not member.status()["connected"]:
        if time.monotonic() > end:
            member.close()
            return 1
        time.sleep(0.01)
    say("ready", 0, time.monotonic())
    for row in sys.stdin:
        word, *more = row.split()
        if word == "claim":
            begun = time.monotonic()
            attempt = secrets.token_hex(16)
            member.ask(AskClaim(attempt=attempt, line="line-1", pid=more[0], at=datetime.now(UTC)))
            answer = answers.get()
            member.concluded(attempt)
            granted = isinstance(answer, fleet_inputs.ClaimGranted)
            took = (time.monotonic() - begun) * 1000
            say("claim" if granted else "denied", more[0], took)
        elif word == "object":
            entry = ledger.append([_objection(more[0])], datetime.now(UTC))[-1]
            say("objected", more[0], time.monotonic())
            member.written(entry.seq)
    member.close()
    ledger.close()
    return 0


def _objection(pid: str) -> Any:
    from appliance.effects import Record

    return Record(kind="consent.revoked", subject="0" * 32, data={"pid": pid, "by": "key"})


if __name__ == "__main__":
    raise SystemExit(main())
