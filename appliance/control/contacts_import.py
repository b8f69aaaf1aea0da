"""The import of a contacts file, in steps between which a running box takes its events.

Judging, writing and recording 100,000 rows takes a minute on a small computer; a call cannot
wait that long, and neither can an objection. All of the file counts from one instant, or nothing
of it: see :mod:`appliance.people.registration`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from appliance.box.box import Box
from appliance.clearance.circumstances import longest_call
from appliance.language import translator
from appliance.model import Consent, Contact, Revocation
from appliance.numbers import hash_number, mask
from appliance.people.contacts_file import ContactsFile, decoded
from appliance.people.contacts_format import (
    ContactRow,
    ContactsUnreadable,
    Defaults,
    RejectedRow,
    RowFault,
)
from appliance.people.contacts_merge import Addition, ImportPlan, rejects_lines
from appliance.people.registration import Intake
from appliance.people.registry import Registry
from firmware.wording import worded

ROWS_PER_STEP = 40
"""Rows judged in one step, some 3 ms."""
RECORDED_PER_STEP = 200
"""Consents recorded in the ledger with one synchronisation."""
IDS_AT_ONCE = 128
LINES_PER_STEP = 500
FAULTS = 1000
"""Faults that an answer lists; it counts all of them, and the rejects file has them all."""
MOST_REJECTED = 5_000
"""Refused rows after which a file is read no further: they share a reason, and their texts would
take the memory that calls need."""
PREVIEW = 5
"""Rows that a dry run shows as they were understood."""
WARNINGS = 200
"""Warnings that an answer lists; it counts all of them."""

READ, WRITTEN = 0.7, 0.75
"""Shares of the work that are done when the rows are judged, and when they are in the registry."""

Steps = Generator[float | None, None, dict[str, Any]]
"""Each step may tell the share that is done."""


class Known:
    """The registry, and the people whom the file has added to it so far."""

    def __init__(self, registry: Registry, intake: Intake) -> None:
        self._registry = registry
        self._intake = intake

    def by_number(self, number: str) -> Contact | None:
        return self._intake.by_number(number) or self._registry.by_number(number)

    def consents(self, subject: str) -> Sequence[Consent]:
        return self._registry.consents(subject)

    def suppression(self, number_hash: str) -> Revocation | None:
        return self._registry.suppression(number_hash)


def import_steps(
    box: Box, arguments: dict[str, Any], remember_rejects: Callable[[], None]
) -> Steps:
    """Import ``contents`` (the file's bytes, in pieces): all or nothing, or the good rows alone.

    *remember_rejects* is called where there are refused rows, which the command will write to a
    file of their own.
    """
    registry = box.state.registry
    intake = registry.intake()
    plan = ImportPlan(
        Known(registry, intake),
        hash_number=lambda number: hash_number(registry.number_key, number),
        new_id=_random_ids().__next__,
        recorded_at=box.now().utc,
    )
    with box.people.importing(plan.recorded_at):
        return (yield from _carried_out(box, arguments, plan, intake, remember_rejects))


def _random_ids() -> Iterator[str]:
    """Yield random ids of 32 hexadecimal digits; to draw many at once takes a tenth of the time."""
    while True:
        drawn = os.urandom(16 * IDS_AT_ONCE).hex()
        for start in range(0, len(drawn), 32):
            yield drawn[start : start + 32]


def _carried_out(
    box: Box,
    arguments: dict[str, Any],
    plan: ImportPlan,
    intake: Intake,
    remember_rejects: Callable[[], None],
) -> Steps:
    accept, dry_run = bool(arguments.get("accept_valid")), bool(arguments.get("dry_run"))
    pieces = arguments.pop("contents", b"")
    name = str(arguments.get("file", "contacts"))
    notes: list[RowFault] = []
    # Of the instant at which it began: the clock may be set while a long file is read.
    defaults = _defaults(box, arguments.get("reads"))
    try:
        text = yield from decoded([pieces] if isinstance(pieces, bytes) else pieces, name, notes)
        del pieces
        file = ContactsFile(text, name, defaults)
        del text
    except ContactsUnreadable as unreadable:
        return {"readable": False, "imported": False, "faults": _faults(unreadable.faults)}
    rejected: list[RejectedRow] = []
    warnings = [*notes, *file.notes]
    warned, rows = len(warnings), 0
    preview = _Preview(box)
    for steps, judged in enumerate(file.judged(), 1):
        if judged is None:
            yield None
            continue
        rows += 1
        found: Addition | RejectedRow | None
        found = plan.take(judged) if isinstance(judged, ContactRow) else judged
        if isinstance(judged, ContactRow) and judged.warnings:
            warned += len(judged.warnings)
            warnings += judged.warnings[: max(WARNINGS - len(warnings), 0)]
        if isinstance(found, RejectedRow):
            rejected.append(found)
            if len(rejected) > MOST_REJECTED:
                return _hopeless(rejected)
        elif found is not None:
            if dry_run and isinstance(judged, ContactRow):
                preview.take(judged, found)
            changes = [found.contact] if found.is_new or found.is_changed else []
            intake.take(changes, [found.consent])
        if steps % ROWS_PER_STEP == 0:
            yield READ * file.share
    if rejected:
        remember_rejects()
    imported = not dry_run and (accept or not rejected)
    header = file.header
    del file
    if imported:
        # The registry first: a row in the ledger must never speak of a consent that is lost.
        consents = intake.consents()
        yield from intake.write()
        yield from _record(box, consents)
    lines: list[str] = []
    say = translator(box.config.settings.language)
    for line in rejects_lines(header, rejected, say) if rejected else ():
        lines.append(line)
        if len(lines) % LINES_PER_STEP == 0:
            yield None
    return {
        "readable": True,
        "imported": imported,
        "rows": rows,
        "new_people": plan.new_people,
        "changed_people": plan.changed_people,
        "new_consents": plan.new_consents,
        "unchanged": plan.unchanged,
        "withdrawn_lines": plan.withdrawn,
        "rejected_rows": len(rejected),
        "faults": _faults(_first_faults(rejected)),
        "fault_count": sum(len(row.faults) for row in rejected),
        "preview": preview.rows,
        "other_purposes": dict(preview.other_purposes),
        "warned": warned,
        "warnings": _faults(warnings),
        "rejects": "".join(lines),
    }


class _Preview:
    """The first rows as they were understood, for whoever asks before importing."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.rows: list[dict[str, Any]] = []
        self.other_purposes: Counter[str] = Counter()
        """Rows by their purpose, where this box's campaign has another: they are never called."""

    def take(self, row: ContactRow, found: Addition) -> None:
        if row.purpose != self._box.config.campaign.purpose:
            self.other_purposes[row.purpose] += 1
        if len(self.rows) >= PREVIEW:
            return
        contact, box = found.contact, self._box
        campaign, now = box.config.campaign, box.now()
        history = box.engine.state.history(contact.subject, contact.number_hash)
        script = campaign.script(contact.language)
        chance = box.gate.next_chance(
            contact, [found.consent], history, now.utc, longest_call(script, campaign.timers)
        )
        zone = ZoneInfo(row.timezone)
        self.rows.append(
            {
                "line": row.line,
                "number": mask(row.number),
                "name": row.name,
                "language": row.language,
                "timezone": row.timezone,
                "purpose": row.purpose,
                "given": f"{row.given_at.astimezone(zone):%Y-%m-%d}",
                "windows": row.windows,
                "next": None
                if chance is None
                else f"{max(chance.start, now.utc).astimezone(zone):%Y-%m-%d %H:%M %Z}",
            }
        )


def _first_faults(rejected: Sequence[RejectedRow]) -> list[RowFault]:
    faults = (fault for row in rejected for fault in row.faults)
    return sorted(islice(faults, FAULTS))


def _hopeless(rejected: Sequence[RejectedRow]) -> dict[str, Any]:
    """Answer for a file that is another one than its sender thinks."""
    last = RowFault(
        rejected[-1].line,
        "",
        worded(
            "is refused, and {most_rejected} rows before it; the rest was not read",
            most_rejected=f"{MOST_REJECTED:,}",
        ),
        worded("mend what these rows have in common, then import the file again"),
    )
    return {
        "readable": False,
        "imported": False,
        "faults": _faults([*_first_faults(rejected), last]),
    }


def _record(box: Box, consents: Sequence[int]) -> Generator[float, None, None]:
    for start in range(0, len(consents), RECORDED_PER_STEP):
        share = WRITTEN + (1 - WRITTEN) * start / len(consents)
        box.note(box.state.all_granted(consents[start : start + RECORDED_PER_STEP]))
        yield share


def _defaults(box: Box, reads: dict[str, Any] | None) -> Defaults:
    """Return what the configuration adds to the file: the box's, or what the client says of the one
    that comes with it. Whom a line may dial is the gate's decision in either case."""
    settings, now = box.config.settings, box.now()
    reads = reads or {}
    return Defaults(
        country=str(reads.get("country", box.country)),
        language=str(reads.get("language", settings.campaign.default_language)),
        day_first=bool(reads.get("day_first", settings.language != "en")),
        fiction=bool(reads.get("fiction", any(line.bench for line in settings.lines))),
        now=now.utc if now.trusted else None,
    )


def _faults(faults: Sequence[RowFault]) -> list[dict[str, Any]]:
    return [
        {"line": fault.line, "column": fault.column, "what": fault.what, "remedy": fault.remedy}
        for fault in faults
    ]
