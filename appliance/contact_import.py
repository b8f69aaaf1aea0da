"""What an import adds to the registry, and the files that the registry is written to.

Pure: what is known is asked through :class:`Known`, identities and the time are handed in.
History is never overwritten: a known consent stays as it is, a newer one stands beside it, and
one that a withdrawal has overtaken is not recorded at all, so that an old file cannot bring
back a person who objected or was erased.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from appliance.contact_rows import COLUMNS, Reading, RejectedRow, Row, RowFault, guarded, unguarded
from appliance.model import Consent, Contact, Revocation


class Known(Protocol):
    """What the registry knows; :class:`appliance.store.Registry` is one."""

    def by_number(self, number: str) -> Contact | None: ...

    def consents(self, subject: str) -> Sequence[Consent]: ...

    def suppression(self, number_hash: str) -> Revocation | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What to write, as one transaction, and what not."""

    new_contacts: tuple[Contact, ...]
    changed_contacts: tuple[Contact, ...]
    """Known people whose newer consent came with another name, language or zone."""
    consents: tuple[Consent, ...]
    unchanged: int
    """Rows that the registry holds already."""
    withdrawn: tuple[int, ...]
    """Lines left out because the person objected after giving that consent."""
    rejected: tuple[RejectedRow, ...]
    """Rows that contradict what is recorded."""

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """Everybody to write, new or changed."""
        return (*self.new_contacts, *self.changed_contacts)

    @property
    def faults(self) -> tuple[RowFault, ...]:
        return tuple(fault for row in self.rejected for fault in row.faults)


def plan_import(
    rows: Iterable[Row],
    known: Known,
    *,
    hash_number: Callable[[str], str],
    new_id: Callable[[], str],
    recorded_at: datetime,
) -> ImportPlan:
    """Compare good *rows* with what is known.

    *new_id* returns a random id of 32 hexadecimal digits at each call. Planning the same file
    again after the plan was carried out changes nothing.
    """
    new: dict[str, Contact] = {}
    changed: dict[str, Contact] = {}
    consents: dict[str, list[Consent]] = {}
    unchanged = 0
    withdrawn: list[int] = []
    rejected: list[RejectedRow] = []
    for row in rows:
        contact = new.get(row.number) or changed.get(row.number) or known.by_number(row.number)
        is_known = contact is not None and row.number not in new
        before = known.consents(contact.subject) if contact is not None and is_known else ()
        same = next(
            (c for c in before if c.purpose == row.purpose and c.given_at == row.given_at), None
        )
        if same is not None:
            different = _difference(same, row)
            if different:
                rejected.append(_contradiction(row, different))
            else:
                unchanged += 1
            continue
        number_hash = contact.number_hash if contact is not None else hash_number(row.number)
        revocation = known.suppression(number_hash)
        if revocation is not None and row.given_at <= revocation.at:
            withdrawn.append(row.line)
            continue
        if contact is None:
            contact = Contact(
                subject=new_id(),
                number=row.number,
                number_hash=number_hash,
                name=row.name,
                language=row.language,
                timezone=row.timezone,
            )
            new[row.number] = contact
        elif is_known and all(row.given_at > c.given_at for c in before):
            told = replace(contact, name=row.name, language=row.language, timezone=row.timezone)
            if told != contact:
                contact = changed[row.number] = told
        consents.setdefault(row.number, []).append(
            Consent(
                id=new_id(),
                subject=contact.subject,
                purpose=row.purpose,
                given_at=row.given_at,
                source=row.source,
                evidence=row.evidence,
                windows=row.windows,
                valid_until=row.valid_until,
                # It is recorded after the withdrawal that is known now, whatever an untrusted
                # clock says; else a person who agreed anew would stay withdrawn for ever.
                recorded_at=recorded_at
                if revocation is None
                else max(recorded_at, revocation.at + timedelta(seconds=1)),
            )
        )
    return ImportPlan(
        new_contacts=tuple(new.values()),
        changed_contacts=tuple(changed.values()),
        consents=tuple(consent for added in consents.values() for consent in added),
        unchanged=unchanged,
        withdrawn=tuple(withdrawn),
        rejected=tuple(rejected),
    )


def export_lines(people: Iterable[tuple[Contact, Sequence[Consent]]]) -> Iterator[str]:
    """Yield the lines of a contacts file with the ledger's ``subject`` added, header first.

    One line for each consent. Importing the file again changes nothing.
    """
    yield _line((*COLUMNS, "subject"))
    for contact, consents in people:
        for consent in consents:
            until = consent.valid_until
            yield _line(
                (
                    contact.number,
                    contact.name,
                    contact.language,
                    contact.timezone,
                    consent.purpose,
                    _moment(consent.given_at),
                    consent.source,
                    consent.evidence,
                    consent.windows,
                    "" if until is None else _moment(until),
                    contact.subject,
                )
            )


def rejects_lines(reading: Reading, rejected: Iterable[RejectedRow]) -> Iterator[str]:
    """Yield the lines of a rejects file: the refused rows as written, line and reasons added.

    The two added columns are passed over by the next import, so that the file can be corrected
    and imported as it is. A row whose cells could not be told apart stands in its first cell.
    """
    own = [name for name in reading.header if name not in ("line", "reasons")]
    yield _line((*own, "line", "reasons"))
    for row in sorted(rejected, key=lambda one: one.line):
        reasons = " | ".join(
            f"{fault.column}: {fault.what}; {fault.remedy}"
            if fault.column
            else f"{fault.what}; {fault.remedy}"
            for fault in row.faults
        )
        cells = [unguarded(row.cells.get(name, "")) for name in own]
        cells[0] = row.cells.get("", cells[0])
        yield _line((*cells, str(row.line), reasons))


def _difference(consent: Consent, row: Row) -> list[str]:
    pairs = (
        ("consent_source", consent.source, row.source),
        ("consent_evidence", consent.evidence, row.evidence),
        ("windows", consent.windows, row.windows),
        ("valid_until", consent.valid_until, row.valid_until),
    )
    return [column for column, recorded, written in pairs if recorded != written]


def _contradiction(row: Row, columns: Sequence[str]) -> RejectedRow:
    faults = tuple(
        RowFault(
            row.line,
            column,
            "differs from the consent that is recorded for the same moment",
            "history is never overwritten: write in consent_given_at when this one was given",
        )
        for column in columns
    )
    until = row.valid_until
    cells = {
        "number": row.number,
        "name": row.name,
        "language": row.language,
        "timezone": row.timezone,
        "purpose": row.purpose,
        "consent_given_at": _moment(row.given_at),
        "consent_source": row.source,
        "consent_evidence": row.evidence,
        "windows": row.windows,
        "valid_until": "" if until is None else _moment(until),
    }
    return RejectedRow(line=row.line, cells=cells, faults=faults)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _line(cells: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow([guarded(cell) for cell in cells])
    return stream.getvalue()
