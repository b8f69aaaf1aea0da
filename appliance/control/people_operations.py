"""Operations on people: import, list, export, revoke, erase, and everything held about one.

Long because what may not happen while people are imported or erased is decided in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from appliance.box.box import Box
from appliance.campaign import inputs
from appliance.control.contacts_import import Steps, import_steps
from appliance.control.job import Job
from appliance.control.message_operations import MessageOperations, told
from appliance.control.zones_operation import zones_steps
from appliance.effects import Now, Record
from appliance.errors import Refused
from appliance.model import Consent, Contact, KeptMessage, Revocation, utc_text
from appliance.numbers import NumberRefused, hash_number, mask, read_number
from appliance.people.contacts_merge import export_lines
from appliance.people.exports import Deliveries, Forgetting, HandedOut, Index, Kind
from appliance.people.retention import Round
from firmware.wording import said_by, worded

ROWS_PER_STEP = 100
"""People listed or exported in one step."""
Told = list[dict[str, Any]]
REVOKED_PER_STEP = 20
"""Each is on disk before the next."""
REVOKED_BY = ("command", "provisioning")
"""Who may have brought a list of withdrawals: the rows of the evidence say it."""


class PeopleOperations:
    """See the module; arguments and results are plain JSON."""

    def __init__(self, box: Box, messages: MessageOperations) -> None:
        self._box = box
        self._messages = messages
        self._registry = box.state.registry
        self._index = Index(box.state.directory)
        self._round: Round | None = None
        self._round_day: date | None = None
        self._under_way = ""
        self._deliveries = Deliveries()

    # --- import and export -------------------------------------------------------------------

    def import_file(self, arguments: dict[str, Any]) -> Job:
        """Begin to import ``contents`` (the file's bytes); see :mod:`.import_operation`.

        ``rejects`` is the file that the command will write the refused rows to.
        """
        if not arguments.get("dry_run"):
            self._must_know_everybody()
        return self._job(worded("an import"), self._import(arguments, arguments.get("rejects")))

    def _must_know_everybody(self) -> None:
        """Refuse to register anew somebody whom the box forgot by accident: caps would be lost."""
        lost = [doubt for doubt in self._box.engine.doubts.all() if doubt.code == "people"]
        if lost:
            raise Refused(
                worded("nobody can be imported: {detail}", detail=lost[0].detail), lost[0].remedy
            )

    def _import(self, arguments: dict[str, Any], out: object) -> Steps:
        answer = yield from import_steps(
            self._box, arguments, lambda: self._remember(out, Kind.REJECTS)
        )
        if answer.get("rejects"):
            self._hand_out(out)
        return answer

    def export(self, arguments: dict[str, Any]) -> Job:
        """Begin to return the contacts file of everybody, with the ledger's subject ids.

        ``out`` is the file that the command will write.
        """
        return self._job(worded("an export"), self._export(arguments.get("out")))

    def _export(self, out: object) -> Steps:
        self._remember(out, Kind.EXPORT)
        people = (
            (contact, self._registry.consents(contact.subject))
            for contact in self._registry.contacts()
        )
        lines = []
        for line in export_lines(people):
            lines.append(line)
            if len(lines) % ROWS_PER_STEP == 0:
                yield None
        self._hand_out(out)
        return {"csv": "".join(lines), "people": len(self._registry)}

    def list(self, arguments: dict[str, Any]) -> Job:
        """Begin to return everybody, numbers masked unless ``numbers`` asks for them."""
        return Job(self._list(numbers=bool(arguments.get("numbers"))))

    def _list(self, *, numbers: bool) -> Steps:
        rows = []
        for contact in self._registry.contacts():
            rows.append(self._row(contact, numbers=numbers))
            if len(rows) % ROWS_PER_STEP == 0:
                yield None
        return {"people": rows}

    def zones(self, _: dict[str, Any]) -> Job:
        """Begin to look for people whose zone contradicts their number, or is nobody's."""
        return Job(zones_steps(self._registry.contacts()))

    def _job(self, what: str, steps: Steps) -> Job:
        """Make *steps* a job during which nobody is erased and no other such job begins."""
        self._must_be_free()
        return Job(self._alone(what, steps))

    def _alone(self, what: str, steps: Steps) -> Steps:
        self._must_be_free()
        self._under_way = what
        try:
            return (yield from steps)
        finally:
            self._under_way = ""

    def _must_be_free(self) -> None:
        """Refuse what would take people away from under an import, or erase them too early."""
        what = self._what_is_under_way()
        if what:
            raise Refused(
                worded("{what} is under way", what=what), worded("try again when it is done")
            )

    def _what_is_under_way(self) -> str:
        path = self._deliveries.under_way()
        return self._under_way or (
            "" if path is None else worded("the writing of {path}", path=path)
        )

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
            "revoked": None if history.revocation is None else utc_text(history.revocation.at),
            "attempts": len(history.attempts),
            "last_outcome": None
            if last is None
            else ("running" if last.outcome is None else last.outcome.value),
        }

    # --- one person --------------------------------------------------------------------------

    def revoke(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Withdraw every consent of ``number``, known or not; a running call to it ends."""
        (told,) = self._revoke_some([self.number(arguments)])
        return told

    def revoke_all(self, arguments: dict[str, Any]) -> Job:
        """Begin to withdraw every consent of ``numbers``, known or not; running calls to them end.

        A list of ``{"line": N, "number": TEXT}``: where one cannot be read, nobody is revoked and
        all that cannot are told. A box that ends meanwhile revokes the rest first. ``by`` is one of
        :data:`REVOKED_BY`.
        """
        by = arguments.get("by", "command")
        if by not in REVOKED_BY:
            raise Refused(
                worded("by is none of {names}", names=", ".join(REVOKED_BY)), worded("leave it out")
            )
        read, faults = [], []
        for one in arguments.get("numbers") or ():
            try:
                read.append(self.number(one))
            except Refused as refused:
                faults.append(
                    {"line": one.get("line"), "what": said_by(refused), "remedy": refused.remedy}
                )
        if faults:
            return Job(_nothing({"numbers": [], "faults": faults}))
        if not read:
            raise Refused(worded("no number is named"), worded("write one number a line"))
        return Job(self._revoke(list(dict.fromkeys(read)), by))

    def _revoke(self, numbers: Sequence[str], by: str) -> Steps:
        left = list(numbers)
        done: Told = []
        try:
            while left:
                done += self._revoke_some(left[:REVOKED_PER_STEP], by)
                del left[:REVOKED_PER_STEP]
                yield None
        finally:
            if left and self._box.engine.storage_failure is None:
                self._revoke_some(left, by)
        return {"numbers": done, "faults": []}

    def _revoke_some(self, numbers: Sequence[str], by: str = "command") -> Told:
        known = {number: self._registry.by_number(number) for number in numbers}
        self._box.take(
            inputs.Revoke(
                subject=None if contact is None else contact.subject,
                number_hash=self._box.people.number_hash(number)
                or hash_number(self._registry.number_key, number),
                by=by,
            )
            for number, contact in known.items()
        )
        if self._box.engine.storage_failure is not None:
            raise Refused(
                worded("the withdrawal could not be recorded"), self._box.engine.storage_failure
            )
        return [
            {"number": mask(number), "known": contact is not None}
            for number, contact in known.items()
        ]

    def erase(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Forget a person; the ledger keeps its rows, the number stays uncallable.

        The files that were handed out come first: after a cut the person is still there to be
        erased again, and the files are not asked for twice in vain.
        """
        self._must_be_free()
        number = self.number(arguments)
        contact = self._registry.by_number(number)
        number_hash = hash_number(self._registry.number_key, number)
        files = self._index.forget([(number, number_hash)])
        messages = self._registry.messages.of_number(number)
        if contact is not None:
            self.forget([contact], by="command")
        else:
            # An import that was given up may have written the number without registering it.
            self._registry.forget_given_up()
            if messages:
                self._forget_messages_of(number_hash, messages)
            elif not (files.rewritten or files.removed or files.unreachable):
                raise Refused(
                    worded("{mask} is not in the registry", mask=mask(number)),
                    worded("nothing is held about it"),
                )
        return {
            "number": mask(number),
            "subject": None if contact is None else contact.subject,
            "messages": len(messages),
            "files": _files(files),
        }

    def _forget_messages_of(self, number_hash: str, messages: Sequence[KeptMessage]) -> None:
        """Erase what somebody wrote who is not registered; the number stays uncallable."""
        erased = Record(kind="contact.erased", data={"number_hash": number_hash, "by": "command"})
        self._box.note([erased])
        at = max(self._box.now().utc, self._box.state.floor)
        self._registry.suppress(number_hash, Revocation(at=at, by="erased"))
        self._registry.messages.forget([message.id for message in messages])

    def forget(self, contacts: Sequence[Contact], *, by: str) -> None:
        """Erase people: recorded first, then gone from every file of the registry."""
        self._box.note(
            [
                Record(
                    kind="contact.erased",
                    subject=contact.subject,
                    data={"number_hash": contact.number_hash, "by": by},
                )
                for contact in contacts
            ]
        )
        at = max(self._box.now().utc, self._box.state.floor)
        self._registry.erase_all(
            [contact.subject for contact in contacts], Revocation(at=at, by="erased")
        )

    def expire(self, arguments: dict[str, Any]) -> Job:
        """Begin to erase whom the configuration keeps no longer; ``dry_run`` only names them."""
        days = self._box.config.settings.law.retention_days
        if days is None:
            raise Refused(
                worded("no retention is configured"),
                worded("write law.retention_days in config.yaml"),
            )
        now = self._box.now()
        if not now.trusted:
            raise Refused(
                worded("the clock is not trusted ({source})", source=now.source),
                worded("see: autodialer doctor"),
            )
        dry_run = bool(arguments.get("dry_run"))
        return self._job(worded("an erasure"), self._expire(now, days, dry_run=dry_run))

    def _expire(self, now: Now, days: int, *, dry_run: bool) -> Steps:
        round_ = self.retention(now, days)
        while not round_.portion():
            yield None
        found = self._still(round_, now, days)
        answer = {
            "days": days,
            "dry_run": dry_run,
            "people": [
                {"subject": contact.subject, "number": mask(contact.number)} for contact in found
            ],
            "messages": len(self._messages.expired(now.utc, days)),
            "files": _files(None),
        }
        if found and not dry_run:
            answer["files"] = _files(self.retire(found))
        if not dry_run:
            self._retire_messages(now, days)
        return answer

    def keep_house(self) -> None:
        """Look at some more people once a day, and erase whose time is over between calls."""
        days, now = self._box.config.settings.law.retention_days, self._box.now()
        if days is None or not now.trusted or self._box.engine.storage_failure is not None:
            return
        if self._what_is_under_way():
            return
        if self._round is None:
            if self._round_day == now.utc.date():
                return
            self._round_day, self._round = now.utc.date(), self.retention(now, days)
        # Rewriting the files of the registry takes time that a call does not have.
        engine = self._box.engine
        if self._round.portion() and not (engine.calls or engine.incoming_calls):
            found = self._still(self._round, now, days)
            self._round = None
            if found:
                self.retire(found)
            self._retire_messages(now, days)

    def _still(self, round_: Round, now: Now, days: int) -> Sequence[Contact]:
        """Look again: somebody may have agreed anew, or been erased, since the round came past."""
        known = (self._registry.contact(contact.subject) for contact in round_.found)
        again = Round(
            (contact for contact in known if contact is not None),
            self._registry.consents,
            self._box.engine.state.history,
            now.utc,
            days,
        )
        return again.all()

    def retention(self, now: Now, days: int) -> Round:
        """Begin to look for people who are to be erased."""
        history = self._box.engine.state.history
        return Round(self._registry.contacts(), self._registry.consents, history, now.utc, days)

    def retire(self, contacts: Sequence[Contact]) -> Forgetting:
        """Erase people whose time is over."""
        files = self._index.forget((one.number, one.number_hash) for one in contacts)
        self.forget(contacts, by="retention")
        return files

    def _retire_messages(self, now: Now, days: int) -> None:
        """Erase what was written so long ago. Who was held back by it still is: a person clears
        that with ``messages delete``."""
        over = self._messages.expired(now.utc, days)
        if over:
            self._messages.forget(over, by="retention")

    def dossier(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return what the registry holds about one person, for an access request.

        The command joins it with the ledger (:mod:`appliance.report.dossier`). ``out`` is the file
        that it will write.
        """
        number, out = self.number(arguments), arguments.get("out")
        contact = self._registry.by_number(number)
        number_hash = hash_number(self._registry.number_key, number)
        if out:
            self._must_be_free()
        self._remember(out, Kind.DOSSIER, number_hash)
        self._hand_out(out)
        subject = "" if contact is None else contact.subject
        revocation = self._box.engine.state.history(subject, number_hash).revocation
        person: dict[str, Any] = {
            "number": number,
            "number_hash": number_hash,
            "known": contact is not None,
            "objection": None if revocation is None else _revocation(revocation),
            "consents": [],
            "messages": told(self._registry.messages.of_number(number)),
        }
        if contact is not None:
            person |= {
                "subject": contact.subject,
                "name": contact.name,
                "language": contact.language,
                "timezone": contact.timezone,
                "consents": [_consent(c) for c in self._registry.consents(contact.subject)],
            }
        return person

    def _remember(self, path: object, kind: Kind, number_hash: str = "") -> None:
        if isinstance(path, str) and path:
            self._index.remember(HandedOut(path, kind, number_hash))

    def _hand_out(self, path: object) -> None:
        if isinstance(path, str) and path:
            self._deliveries.begin(path)

    def delivered(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The command has written the file at ``path``; ``in_time`` says whether to keep it."""
        return {"in_time": self._deliveries.end(str(arguments.get("path")))}

    def number(self, arguments: dict[str, Any]) -> str:
        """Read ``number`` as a technician types it; refuses what is none."""
        try:
            return read_number(str(arguments.get("number", "")), self._box.country, fiction=True)
        except NumberRefused as refused:
            raise Refused(said_by(refused), refused.remedy) from None


def _nothing(answer: dict[str, Any]) -> Steps:
    yield None
    return answer


def _consent(consent: Consent) -> dict[str, Any]:
    until = consent.valid_until
    return {
        "consent": consent.id,
        "purpose": consent.purpose,
        "given_at": utc_text(consent.given_at),
        "source": consent.source,
        "evidence": consent.evidence,
        "windows": consent.windows,
        "valid_until": None if until is None else utc_text(until),
        "recorded_at": utc_text(consent.recorded_at),
    }


def _files(forgotten: Forgetting | None) -> dict[str, Any]:
    if forgotten is None:
        return {"rewritten": {}, "removed": [], "unreachable": {}}
    return {
        "rewritten": forgotten.rewritten,
        "removed": list(forgotten.removed),
        "unreachable": forgotten.unreachable,
    }


def _revocation(revocation: Revocation) -> dict[str, Any]:
    return {"at": utc_text(revocation.at), "by": revocation.by}
