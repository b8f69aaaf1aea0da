"""How a status reads in a terminal. Pure."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from appliance.screen.local_time import MINUTES, local

LABEL = 9
"""Columns before the words of a row."""


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
    if status.get("safe_mode"):
        return "\n".join(
            [
                f"box      {status['box']}: {status['mode'].upper()}, nobody is called",
                *stop_rows(status["stopped"]),
                f"now      {status['why']['sentence']}",
                *(f"FAULT    {fault['meaning']}: {fault['remedy']}" for fault in status["faults"]),
            ]
        )
    clock, zone = status["clock"], status.get("timezone")
    trust = (
        f"trusted ({clock['source']})" if clock["trusted"] else f"NOT trusted: {clock['source']}"
    )
    rows = [
        f"box      {status['box']}, {status['mode']}{', bench' if status['bench'] else ''}",
        *stop_rows(status["stopped"]),
        f"clock    {local(clock['utc'], zone)}  {trust}",
        f"now      {status['why']['sentence']}",
    ]
    if status["why"]["next_at"]:
        rows.append(f"next     {local(status['why']['next_at'], zone, MINUTES)}")
    rows += [f"line     {line_text(line)}" for line in status["lines"]]
    if "fleet" in status:
        rows.append(f"fleet    {fleet_text(status['fleet'])}")
    rows.append(f"people   {status['people']} known, {status['waiting']} may still be called")
    outcomes = ", ".join(f"{name} {count}" for name, count in sorted(status["outcomes"].items()))
    rows.append(f"calls    {status['attempts']} made{': ' + outcomes if outcomes else ''}")
    if status["refusals"]:
        refused = ", ".join(f"{rule} {n}" for rule, n in sorted(status["refusals"].items()))
        rows.append(f"refused  {refused}")
    if status["running"]:
        rows.append("lamps    " + ", ".join(f"{k} {v}" for k, v in status["lamps"].items()))
    rows += [f"FAULT    {fault['meaning']}: {fault['remedy']}" for fault in status["faults"]]
    rows += [f"WAITS    {one['detail']}: {one['remedy']}" for one in status.get("doubts", ())]
    rows.append(f"ledger   row {status['ledger']['seq']}, head {status['ledger']['hash'][:16]}…")
    return "\n".join(rows)


def stop_rows(stopped: bool | None) -> list[str]:
    """Say that the stop is latched, or that nobody can tell; nothing where it is released."""
    if stopped is None:
        return ["STOP     cannot be read: take it for latched"]
    if stopped:
        return ["STOP     the emergency stop is latched: nobody is called until autodialer reset"]
    return []


def fleet_text(fleet: dict[str, Any]) -> str:
    """Say how the box stands to headquarters in one line of text."""
    link = f"connected to {fleet['server']}" if fleet["connected"] else "NOT CONNECTED"
    words = [f"{fleet['box']} of {fleet['campaign']}: {link}"]
    if fleet["barred"]:
        words.append(f"calls nobody: {fleet['barred']}")
    if fleet["objections_unsent"]:
        words.append(f"{fleet['objections_unsent']} OBJECTIONS NOT SENT YET")
    words.append(f"{fleet['objections_heard']} objections heard of others")
    words.append(f"ledger {fleet['ledger_sent']} sent, {fleet['ledger_verified']} verified")
    if fleet["last_list"]:
        words.append(f"list {fleet['last_list']}")
    return ", ".join(words)


def line_text(line: dict[str, Any]) -> str:
    """Say a line's state in one line of text."""
    if line["fault"] is not None:
        fault = line["fault"]
        remedy = f"; {fault['remedy']}" if fault["remedy"] else ""
        return f"{line['name']}: OUT ({fault['code']}): {fault['detail']}{remedy}"
    caller = f"called, {line['incoming']}" if line["incoming"] else None
    state = line["call"] or caller or ("ready" if line["ready"] else "not ready")
    family = line["modem"].get("family", "")
    limit = line.get("limit")
    held = f", limit reached: {limit['detail']}, until {limit['until']}" if limit else ""
    modem = line["modem"]
    dbm, sent, heard = (modem.get(key) for key in ("signal", "level_out", "level_in"))
    about = "" if dbm is None else f", signal {dbm} dBm"
    about += "" if sent is None else f", sends {sent:.0f} dBFS"
    about += "" if heard is None else f", hears {heard:.0f} dBFS"
    shown = f" ({family})" if family else ""
    return f"{line['name']}: {state}{shown}{about}{held}{_self_test(line)}"


def _self_test(line: dict[str, Any]) -> str:
    test = line["selftest"]
    if test is None:
        return ", never self-tested"
    return f", self-test {'passed' if test['passed'] else 'FAILED'} {str(test['at'])[:10]}"
