"""The ledgers of all boxes as one, for a report over the campaign. Pure.

Each box names people by ids of its own. Its rows about claims bear the pseudonym too, so whoever
was asked for is one person in all ledgers; who was never asked for stays who they are in each. An
objection stands in every ledger that it reached, and is one all the same. Lines are told apart by
their box.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from appliance.effects import Entry
from appliance.fleet.outbox import ELSEWHERE


def one_campaign(ledgers: Mapping[str, Iterable[Entry]]) -> list[Entry]:
    """Return the rows of all *ledgers* by time, with people and lines that are told apart."""
    rows = [(box, entry) for box, entries in ledgers.items() for entry in entries]
    known: dict[tuple[str, str], str] = {}
    for box, entry in rows:
        pid = _pseudonym(entry.data)
        if pid and entry.subject:
            known[box, entry.subject] = pid
    joined = [_renamed(box, entry, known) for box, entry in rows]
    joined.sort(key=lambda entry: entry.at)
    return _objections_once(joined)


def _renamed(box: str, entry: Entry, known: Mapping[tuple[str, str], str]) -> Entry:
    subject, data = entry.subject, entry.data
    if subject:
        subject = known.get((box, subject), f"{box} {subject}")
    if isinstance(data.get("line"), str):
        data = {**data, "line": f"{box} {data['line']}"}
    return replace(entry, subject=subject, data=data)


def _objections_once(entries: list[Entry]) -> list[Entry]:
    """Leave out what boxes wrote because others had heard it; keep one where nobody else did."""
    at_a_box = {
        entry.subject
        for entry in entries
        if entry.kind == "consent.revoked" and entry.data.get("by") != ELSEWHERE
    }
    kept, heard = [], set()
    for entry in entries:
        if entry.kind == "consent.revoked" and entry.data.get("by") == ELSEWHERE:
            if entry.subject in at_a_box or entry.subject in heard:
                continue
            heard.add(entry.subject)
        kept.append(entry)
    return kept


def _pseudonym(data: Mapping[str, Any]) -> str:
    claim = data.get("claim")
    found = data.get("pid") or (claim.get("pid") if isinstance(claim, dict) else None)
    return found if isinstance(found, str) else ""
