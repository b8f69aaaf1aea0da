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
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from appliance.model import Consent, Contact, Revocation, utc_text
from appliance.numbers import grouped
from appliance.people.contacts_format import (
    COLUMNS,
    ContactRow,
    RejectedRow,
    RowFault,
    guarded,
    unguarded,
)
from firmware.wording import Translate, worded


class Known(Protocol):
    """What the registry knows, and what the import has added to it so far."""

    def by_number(self, number: str) -> Contact | None: ...

    def consents(self, subject: str) -> Sequence[Consent]: ...

    def suppression(self, number_hash: str) -> Revocation | None: ...


class Addition(NamedTuple):
    """What one row adds."""

    contact: Contact
    is_new: bool
    is_changed: bool
    """A known person whose newer consent came with another name, language or zone."""
    consent: Consent


class ImportPlan:
    """Compares good rows, one after the other, with what is known, and counts.

    *known* knows the people that earlier rows added. *new_id* returns a random id of 32
    hexadecimal digits at each call. Planning the same file again after the plan was carried out
    changes nothing.

    The file counts from one instant, *recorded_at*: whoever objects later, be it before their row
    is reached, objects to the consent in it (:meth:`recorded_at`).
    """

    def __init__(
        self,
        known: Known,
        *,
        hash_number: Callable[[str], str],
        new_id: Callable[[], str],
        recorded_at: datetime,
    ) -> None:
        self._known = known
        self._hash_number = hash_number
        self._new_id = new_id
        self._recorded_at = recorded_at
        self.new_people = 0
        self.new_consents = 0
        self.unchanged = 0
        """Rows that the registry holds already."""
        self.withdrawn: list[int] = []
        """Lines left out because the person objected after giving that consent."""
        self._changed: set[str] = set()
        self._settled: dict[str, datetime] = {}
        """Where it is not simply the instant of the file."""

    def recorded_at(self, number_hash: str) -> datetime:
        """Return when consents of this number count as recorded.

        It is after the withdrawal that is known when this is first asked, whatever an untrusted
        clock says; else a person who agreed anew would stay withdrawn for ever. A withdrawal that
        comes while the import runs is to be dated after what this returns.
        """
        if number_hash not in self._settled:
            known = self._known.suppression(number_hash)
            self._settled[number_hash] = (
                self._recorded_at
                if known is None
                else max(self._recorded_at, known.at + timedelta(seconds=1))
            )
        return self._settled[number_hash]

    @property
    def changed_people(self) -> int:
        return len(self._changed)

    def take(self, row: ContactRow) -> Addition | RejectedRow | None:
        """Return what *row* adds, None where it adds nothing, or how it contradicts history."""
        known = self._known.by_number(row.number)
        before = () if known is None else self._known.consents(known.subject)
        same = None
        for consent in before:
            if consent.purpose == row.purpose and consent.given_at == row.given_at:
                same = consent
                break
        if same is not None:
            different = _difference(same, row)
            if different:
                return _contradiction(row, different)
            self.unchanged += 1
            return None
        number_hash = self._hash_number(row.number) if known is None else known.number_hash
        recorded_at = self._recorded_at
        revocation = self._known.suppression(number_hash)
        if revocation is not None:
            recorded_at = self.recorded_at(number_hash)
            if revocation.ends(row.given_at, recorded_at):
                self.withdrawn.append(row.line)
                return None
        contact = known or Contact(
            subject=self._new_id(),
            number=row.number,
            number_hash=number_hash,
            name=row.name,
            language=row.language,
            timezone=row.timezone,
        )
        if known is not None and all(row.given_at > consent.given_at for consent in before):
            contact = replace(contact, name=row.name, language=row.language, timezone=row.timezone)
        consent = Consent(
            id=self._new_id(),
            subject=contact.subject,
            purpose=row.purpose,
            given_at=row.given_at,
            source=row.source,
            evidence=row.evidence,
            windows=row.windows,
            valid_until=row.valid_until,
            recorded_at=recorded_at,
        )
        self.new_consents += 1
        self.new_people += known is None
        is_changed = known is not None and contact != known
        if is_changed:
            self._changed.add(contact.subject)
        return Addition(contact, known is None, is_changed, consent)


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
                    grouped(contact.number),
                    contact.name,
                    contact.language,
                    contact.timezone,
                    consent.purpose,
                    utc_text(consent.given_at),
                    consent.source,
                    consent.evidence,
                    consent.windows,
                    "" if until is None else utc_text(until),
                    contact.subject,
                )
            )


def rejects_lines(
    header: Sequence[str], rejected: Iterable[RejectedRow], say: Translate = str
) -> Iterator[str]:
    """Yield the lines of a rejects file: the refused rows as written, line and reasons added.

    *say* says the reasons in the language of whoever corrects them.

    The two added columns are passed over by the next import, so that the file can be corrected
    and imported as it is. A row whose cells could not be told apart stands in its first cell.
    """
    own = [name for name in header if name not in ("line", "reasons")]
    yield _line((*own, "line", "reasons"))
    for row in sorted(rejected, key=lambda one: one.line):
        reasons = " | ".join(
            f"{fault.column}: {say(fault.what)}; {say(fault.remedy)}"
            if fault.column
            else f"{say(fault.what)}; {say(fault.remedy)}"
            for fault in row.faults
        )
        cells = [unguarded(row.cells.get(name, "")) for name in own]
        cells[0] = row.cells.get("", cells[0])
        yield _line((*cells, row.line, reasons))


def _difference(consent: Consent, row: ContactRow) -> list[str]:
    pairs = (
        ("consent_source", consent.source, row.source),
        ("consent_evidence", consent.evidence, row.evidence),
        ("windows", consent.windows, row.windows),
        ("valid_until", consent.valid_until, row.valid_until),
    )
    return [column for column, recorded, written in pairs if recorded != written]


def _contradiction(row: ContactRow, columns: Sequence[str]) -> RejectedRow:
    faults = tuple(
        RowFault(
            row.line,
            column,
            worded("differs from the consent that is recorded for the same moment"),
            worded(
                "history is never overwritten: write in consent_given_at when this one was given"
            ),
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
        "consent_given_at": utc_text(row.given_at),
        "consent_source": row.source,
        "consent_evidence": row.evidence,
        "windows": row.windows,
        "valid_until": "" if until is None else utc_text(until),
    }
    return RejectedRow(line=row.line, cells=cells, faults=faults)


def _line(cells: Sequence[str | int]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(
        [guarded(cell) if isinstance(cell, str) else cell for cell in cells]
    )
    return stream.getvalue()
