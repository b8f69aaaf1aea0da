"""``status``, ``watch``, ``pause``, ``resume``, ``stop``, ``reset``: the running box."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import textwrap
import time
from typing import Any

from appliance.cli.session import ask, ask_running
from appliance.control.protocol import NobodyListens

WATCH_EVERY = 1.0
LABEL = 9
"""Columns before the words of a row."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    command = parser.get_default("command")
    if command in ("status", "watch"):
        parser.add_argument("--json", action="store_true", help="print JSON")
    if command == "watch":
        parser.add_argument("--count", type=int, help="end after so many looks")
    if command in ("pause", "resume"):
        parser.add_argument("--by", default="command", help="who; written to the ledger")
    if command == "reset":
        parser.add_argument("--by", required=True, help="who resets; written to the ledger")
        parser.add_argument("--reason", required=True, help="why; written to the ledger")


def run(arguments: argparse.Namespace) -> int:
    command = arguments.command
    if command == "status":
        status = ask(arguments, "status")
        print(json.dumps(status, ensure_ascii=False) if arguments.json else _for_reader(status))
        return 0
    if command == "watch":
        return _watch(arguments)
    if command == "stop":
        return _stop(arguments)
    if command == "reset":
        ask(arguments, "reset", {"by": arguments.by, "reason": arguments.reason})
        print("the emergency stop is released; dialling goes on")
        return 0
    ask(arguments, command, {"by": arguments.by})
    print("paused" if command == "pause" else "resumed")
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    """Stop the running box, or latch the stop where none runs; says which of the two it was."""
    try:
        ask_running(arguments, "stop")
    except NobodyListens:
        ask(arguments, "stop")
        print(
            "no box runs here, so no line was hung up; the stop is latched: "
            "a box that starts here dials nobody until autodialer reset"
        )
        return 0
    print("stopped and latched: every line is muted and told to hang up; see autodialer status")
    return 0


def _watch(arguments: argparse.Namespace) -> int:
    looks = 0
    while arguments.count is None or looks < arguments.count:
        if looks:
            time.sleep(WATCH_EVERY)
        status = ask_running(arguments, "status")
        if arguments.json:
            print(json.dumps(status, ensure_ascii=False), flush=True)
        else:
            if sys.stdout.isatty():
                print("\x1b[H\x1b[2J", end="")
            print(_for_reader(status), flush=True)
        looks += 1
    return 0


def _for_reader(status: dict[str, Any]) -> str:
    """One line a fact for a program; folded to the terminal's width for a person."""
    text = as_text(status)
    if not sys.stdout.isatty():
        return text
    return folded(text, shutil.get_terminal_size().columns)


def folded(text: str, width: int) -> str:
    """Fold each row to *width*, below the column where its words begin."""
    return "\n".join(
        textwrap.fill(
            # "busy 2" stays together: textwrap breaks at no hard space.
            re.sub(r"(?<=\w) (?=\d)", "\N{NO-BREAK SPACE}", row),
            max(width, 40),
            subsequent_indent=" " * LABEL,
            break_on_hyphens=False,
            break_long_words=False,
        ).replace("\N{NO-BREAK SPACE}", " ")
        for row in text.split("\n")
    )


def as_text(status: dict[str, Any]) -> str:
    """Lay a status out, one fact a row."""
    clock = status["clock"]
    trust = (
        f"trusted ({clock['source']})" if clock["trusted"] else f"NOT trusted: {clock['source']}"
    )
    rows = [
        f"box      {status['box']}, {status['mode']}{', bench' if status['bench'] else ''}",
        f"clock    {clock['utc']}  {trust}",
        f"now      {status['why']['sentence']}",
    ]
    if status["why"]["next_at"]:
        rows.append(f"next     {status['why']['next_at']}")
    rows += [f"line     {line_text(line)}" for line in status["lines"]]
    rows.append(f"people   {status['people']} known, {status['waiting']} may still be called")
    outcomes = ", ".join(f"{name} {count}" for name, count in sorted(status["outcomes"].items()))
    rows.append(f"calls    {status['attempts']} made{': ' + outcomes if outcomes else ''}")
    if status["refusals"]:
        refused = ", ".join(f"{rule} {n}" for rule, n in sorted(status["refusals"].items()))
        rows.append(f"refused  {refused}")
    if status["running"]:
        rows.append("lamps    " + ", ".join(f"{k} {v}" for k, v in status["lamps"].items()))
    rows += [f"FAULT    {fault['meaning']}: {fault['remedy']}" for fault in status["faults"]]
    rows.append(f"ledger   row {status['ledger']['seq']}, head {status['ledger']['hash'][:16]}…")
    return "\n".join(rows)


def line_text(line: dict[str, Any]) -> str:
    """Say a line's state in one line of text."""
    if line["fault"] is not None:
        fault = line["fault"]
        remedy = f"; {fault['remedy']}" if fault["remedy"] else ""
        return f"{line['name']}: OUT ({fault['code']}): {fault['detail']}{remedy}"
    caller = f"called, {line['incoming']}" if line["incoming"] else None
    state = line["call"] or caller or ("ready" if line["ready"] else "not ready")
    family = line["modem"].get("family", "")
    return f"{line['name']}: {state}{f' ({family})' if family else ''}{_self_test(line)}"


def _self_test(line: dict[str, Any]) -> str:
    test = line["selftest"]
    if test is None:
        return ", never self-tested"
    return f", self-test {'passed' if test['passed'] else 'FAILED'} {str(test['at'])[:10]}"
