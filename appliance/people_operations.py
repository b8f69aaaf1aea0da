"""Operations on people: import, list, export, revoke, erase, and everything held about one."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from appliance import commands
from appliance.box import Box
from appliance.contact_import import ImportPlan, export_lines, plan_import, rejects_lines
from appliance.contact_rows import ContactsUnreadable, Defaults, Reading, RejectedRow, RowFault
from appliance.contacts import parse_contacts
from appliance.control import Refused
from appliance.effects import Record
from appliance.ledger import read_entries
from appliance.model import Consent, Contact, Revocation
from appliance.numbers import NumberRefused, hash_number, mask, read_number
from appliance.state import granted_all


class PeopleOperations:
    """See the module; arguments and results are plain JSON."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._registry = box.state.registry

    # --- import and export -------------------------------------------------------------------

    def import_file(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Import ``contents`` (base64 of the file): all or nothing, or the good rows alone."""
        file = str(arguments.get("file", "contacts"))
        accept = bool(arguments.get("accept_valid"))
        dry_run = bool(arguments.get("dry_run"))
        try:
            raw = base64.b64decode(str(arguments["contents"]), validate=True)
        except (KeyError, binascii.Error):
            raise Refused("the file did not arrive whole") from None
        now = self._box.now()
        settings = self._box.config.settings
        defaults = Defaults(
            country=self._box.country,
            timezone=settings.law.timezone,
            language=settings.campaign.default_language,
            fiction=any(line.bench for line in settings.lines),
            now=now.utc if now.trusted else None,
        )
        try:
            reading = parse_contacts(raw, file, defaults)
        except ContactsUnreadable as unreadable:
            return {"readable": False, "imported": False, "faults": _faults(unreadable.faults)}
        plan = plan_import(
            reading.rows,
            self._registry,
            hash_number=lambda number: hash_number(self._registry.number_key, number),
            new_id=lambda: uuid.uuid4().hex,
            recorded_at=now.utc,
        )
        rejected = (*reading.rejected, *plan.rejected)
        imported = not dry_run and (accept or not rejected)
        if imported:
            # The registry first: a row in the ledger must never speak of a consent that is lost.
            self._registry.add(plan.contacts, plan.consents)
            if plan.consents:
                self._box.note(granted_all(plan.consents))
        return self._imported(reading, plan, rejected, imported=imported)

    def _imported(
        self,
        reading: Reading,
        plan: ImportPlan,
        rejected: Sequence[RejectedRow],
        *,
        imported: bool,
    ) -> dict[str, Any]:
        faults = [fault for row in rejected for fault in row.faults]
        return {
            "readable": True,
            "imported": imported,
            "rows": len(reading.rows) + len(reading.rejected),
            "new_people": len(plan.new_contacts),
            "changed_people": len(plan.changed_contacts),
            "new_consents": len(plan.consents),
            "unchanged": plan.unchanged,
            "withdrawn_lines": list(plan.withdrawn),
            "rejected_rows": len(rejected),
            "faults": _faults(sorted(faults)),
            "rejects": "".join(rejects_lines(reading, rejected)) if rejected else "",
        }

    def export(self, _: dict[str, Any]) -> dict[str, Any]:
        """Return the contacts file of everybody, with the ledger's subject ids."""
        people = (
            (contact, self._registry.consents(contact.subject))
            for contact in self._registry.contacts()
        )
        return {"csv": "".join(export_lines(people)), "people": len(self._registry)}

    def list(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return everybody, numbers masked unless ``numbers`` asks for them."""
        numbers = bool(arguments.get("numbers"))
        return {
            "people": [self._row(contact, numbers=numbers) for contact in self._registry.contacts()]
        }

    def _row(self, contact: Contact, *, numbers: bool) -> dict[str, Any]:
        consents = self._registry.consents(contact.subject)
        history = self._box.engine.state.history(contact.subject, contact.number_hash)
        last = history.attempts[-1] if history.attempts else None
        return {
            "subject": contact.subject,
            "number": contact.number if numbers else mask(contact.number),
            "name": contact.name,
            "language": contact.language,
            "timezone": contact.timezone,
            "consents": len(consents),
            "windows": consents[-1].windows if consents else "",
            "revoked": None if history.revocation is None else _time(history.revocation.at),
            "attempts": len(history.attempts),
            "last_outcome": None
            if last is None
            else ("running" if last.outcome is None else last.outcome.value),
        }

    # --- one person --------------------------------------------------------------------------

    def revoke(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Withdraw every consent of a number, known or not; a running call to it ends."""
        number = self.number(arguments)
        contact = self._registry.by_number(number)
        number_hash = hash_number(self._registry.number_key, number)
        self._box.take(
            [
                commands.Revoke(
                    subject=None if contact is None else contact.subject,
                    number_hash=number_hash,
                    by="command",
                )
            ]
        )
        if self._box.engine.storage_failure is not None:
            raise Refused("the withdrawal could not be recorded", self._box.engine.storage_failure)
        return {"number": mask(number), "known": contact is not None}

    def erase(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Forget a person; the ledger keeps its rows, the number stays uncallable."""
        number = self.number(arguments)
        contact = self._registry.by_number(number)
        if contact is None:
            raise Refused(f"{mask(number)} is not in the registry", "nothing is held about it")
        record = Record(
            kind="contact.erased",
            subject=contact.subject,
            data={"number_hash": contact.number_hash},
        )
        self._box.note([record])
        at = max(self._box.now().utc, self._box.state.floor)
        self._registry.erase(contact.subject, Revocation(at=at, by="erased"))
        return {"number": mask(number), "subject": contact.subject}

    def dossier(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return everything held about one person, for an access request."""
        number = self.number(arguments)
        contact = self._registry.by_number(number)
        number_hash = hash_number(self._registry.number_key, number)
        if contact is None:
            revocation = self._box.engine.state.history("", number_hash).revocation
            return {
                "number": number,
                "known": False,
                "objection": None if revocation is None else _revocation(revocation),
                "rows": [],
            }
        history = self._box.engine.state.history(contact.subject, contact.number_hash)
        return {
            "number": number,
            "known": True,
            "subject": contact.subject,
            "name": contact.name,
            "language": contact.language,
            "timezone": contact.timezone,
            "objection": None if history.revocation is None else _revocation(history.revocation),
            "consents": [_consent(c) for c in self._registry.consents(contact.subject)],
            "attempts": [
                {
                    "attempt": attempt.id,
                    "authorised_at": _time(attempt.authorised_at),
                    "ended_at": None if attempt.ended_at is None else _time(attempt.ended_at),
                    "outcome": None if attempt.outcome is None else attempt.outcome.value,
                }
                for attempt in history.attempts
            ],
            "rows": [
                {"seq": entry.seq, "at": _time(entry.at), "kind": entry.kind, "data": entry.data}
                for entry in read_entries(self._box.state.ledger.directory)
                if entry.subject == contact.subject
            ],
        }

    def number(self, arguments: dict[str, Any]) -> str:
        """Read ``number`` as a technician types it; refuses what is none."""
        try:
            return read_number(str(arguments.get("number", "")), self._box.country, fiction=True)
        except NumberRefused as refused:
            raise Refused(str(refused), refused.remedy) from None


def _faults(faults: Sequence[RowFault]) -> list[dict[str, Any]]:
    return [
        {"line": fault.line, "column": fault.column, "what": fault.what, "remedy": fault.remedy}
        for fault in faults
    ]


def _consent(consent: Consent) -> dict[str, Any]:
    until = consent.valid_until
    return {
        "consent": consent.id,
        "purpose": consent.purpose,
        "given_at": _time(consent.given_at),
        "source": consent.source,
        "evidence": consent.evidence,
        "windows": consent.windows,
        "valid_until": None if until is None else _time(until),
        "recorded_at": _time(consent.recorded_at),
    }


def _revocation(revocation: Revocation) -> dict[str, Any]:
    return {"at": _time(revocation.at), "by": revocation.by}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
