"""Does what the network saw agree with what the ledger says? Read from files alone."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from appliance.effects import Entry
from firmware.wording import plural, worded


def audit(entries: Iterable[Entry], network_log: Path, contacts_csv: str) -> list[str]:
    """Return every disagreement, in sentences; an empty list is a clean audit.

    *contacts_csv* is an export with the ``subject`` column, which links numbers to the ledger.
    """
    subjects = {
        row["number"].replace(" ", ""): row["subject"]
        for row in csv.DictReader(io.StringIO(contacts_csv))
    }
    dialled: Counter[str] = Counter()
    findings: list[str] = []
    for line in network_log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] != "dialled":
            continue
        subject = subjects.get(event["number"])
        if subject is None:
            findings.append(worded("a number that is in no contact was dialled"))
        else:
            dialled[subject] += 1
    authorised: Counter[str] = Counter()
    open_attempts: dict[str, str] = {}
    for entry in entries:
        attempt = str(entry.data.get("attempt"))
        if entry.kind == "call.authorised" and entry.subject is not None:
            authorised[entry.subject] += 1
            open_attempts[attempt] = entry.subject
        elif entry.kind == "call.ended" and open_attempts.pop(attempt, None) is None:
            findings.append(
                worded(
                    "attempt {attempt} ended twice, or was never authorised", attempt=attempt[:8]
                )
            )
    findings += [
        worded(
            "{subject} was dialled {times} on {authorisations}",
            subject=subject[:8],
            times=plural("{count} time", "{count} times", count),
            authorisations=plural(
                "{count} authorisation", "{count} authorisations", authorised[subject]
            ),
        )
        for subject, count in dialled.items()
        if count > authorised[subject]
    ]
    findings += [
        worded("attempt {attempt} has no outcome", attempt=attempt[:8]) for attempt in open_attempts
    ]
    return findings
