"""The state directory, opened: lock, ledger, registry, and what the ledger adds up to.

Opening repairs what a power cut may have left between two files. The ledger is the truth of what
was decided; the registry holds the people. The order of writing says which one may be ahead:
consents reach the registry first and are then recorded, withdrawals and erasures are recorded
first and then reach the registry. :meth:`BoxState.open` carries each forward.

Long because what a cut leaves between two files is mended in one place, in the order that counts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.box import restoration
from appliance.box.memory import collector_asleep
from appliance.campaign.history import CampaignState
from appliance.effects import Entry, Record
from appliance.ledger import Ledger, checkpoint
from appliance.model import Consent, Revocation
from appliance.numbers import hash_number
from appliance.people.number_key import fingerprint, read_number_key
from appliance.people.registry import Registry
from appliance.storage.files import SYSTEM_DISK, StateLock, StorageError, make_private_directory
from appliance.storage.objection_notes import ObjectionNotes, unfolded

log = logging.getLogger(__name__)

LEDGER = "ledger"
OBJECTIONS = "objections"
NOTED_AT_ONCE = 500
HEAD_EVERY = 60.0
"""Real seconds after which the head is noted apart again: what a restored ledger may lack at
most before that shows."""
CHECKPOINT_EVERY = 5_000
"""Rows after which a new checkpoint keeps the next start short."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BoxState:
    """Everything durable of one box. One process at a time."""

    def __init__(
        self,
        directory: Path,
        lock: StateLock | None,
        ledger: Ledger,
        registry: Registry,
        campaign: CampaignState,
    ) -> None:
        self.directory = directory
        self.ledger = ledger
        self.registry = registry
        self.campaign = campaign
        """The fold of the ledger; a running engine owns and moves it."""
        self.objection_notes = ObjectionNotes(directory / OBJECTIONS)
        """What was heard and may not be in the ledger yet."""
        self._lock = lock
        self._checkpoint_at = campaign.seq
        self._saving: threading.Thread | None = None
        self._diverged = False
        self._seal = restoration.seal_key(registry.number_key)
        self._head_noted: tuple[int, str] = (0, "")
        self._head_noted_at = time.monotonic()
        self.remarks: list[str] = []
        """What opening mended without any loss; for ``doctor``."""
        self.short: list[tuple[str, int, bool]] = []
        """Whose consents the registry lacks that the ledger granted: the id, how many, and
        whether it is all that the person gave."""

    @classmethod
    def open(cls, directory: Path) -> BoxState:
        """Lock and open *directory*, creating it where missing.

        Raises :class:`~appliance.storage.files.StateInUse` where another process has it, and the
        storage errors of ledger and registry.
        """
        make_private_directory(directory)
        lock = StateLock.acquire(directory)
        with collector_asleep():
            return cls._open(directory, lock)

    @classmethod
    def open_to_read(cls, directory: Path, *, beside_a_box: bool = False) -> BoxState:
        """Open *directory* as it is: on a full or read-only medium too, since nothing is written.

        What a power cut left between two files stays as it is until the next start. Raises as
        :meth:`open`; every change raises :class:`~appliance.storage.files.StorageFailed`. With
        *beside_a_box* another process may have it: what that one is writing at this moment may
        look torn or missing, so a fault counts only where it is seen again.
        """
        if not beside_a_box:
            StateLock.look(directory)
        with collector_asleep():
            return cls._load(directory, None, read_only=True)

    @classmethod
    def _open(cls, directory: Path, lock: StateLock) -> BoxState:
        try:
            return cls._load(directory, lock, read_only=False)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _load(cls, directory: Path, lock: StateLock | None, *, read_only: bool) -> BoxState:
        number_key = read_number_key(directory / "number.key", SYSTEM_DISK)
        ledger = Ledger.open(directory / LEDGER, read_only=read_only)
        try:
            found = restoration.fold(directory, ledger, number_key)
            restoration.check_key(found.fold, number_key, directory)
            registry = Registry.open(directory, read_only=read_only)
        except BaseException:
            ledger.close()
            raise
        try:
            restoration.check_registry(registry, directory)
            found.fold.share_ids(registry.subjects())
        except BaseException:
            registry.close()
            ledger.close()
            raise
        state = cls(directory, lock, ledger, registry, found.fold)
        try:
            state._begin(found, read_only=read_only)
        except BaseException:
            state.close()
            raise
        return state

    def _begin(self, found: restoration.Found, *, read_only: bool) -> None:
        """Bring ledger and registry together, or only see how far apart they are."""
        self.remarks = found.remarks
        missing = restoration.missing_rows(found, self.registry)
        if missing:
            log.error("rows of the ledger are missing: calling waits for a person")
        if read_only:
            for row in missing:
                self.campaign.apply(_unwritten(row, self.campaign.seq, self.floor))
        else:
            self._note_in_parts(missing, self._safe_time())
            self._carry_forward()
            # An empty ledger waits for a row with a time that is worth something.
            if self.campaign.newest_at is not None:
                self.note([], self.floor)
        self.short = restoration.short_of(self.campaign, self.registry)
        if not read_only:
            if missing:
                # The old one knows rows that are gone; what it knew is in the ledger now.
                self.save_checkpoint(force=True)
            self.save_head()

    @property
    def floor(self) -> datetime:
        """The newest time that the ledger has seen; no trusted clock shows an earlier one."""
        return self.campaign.newest_at or _EPOCH

    def repaired(self) -> dict[str, Any]:
        """Return what opening cut off after a power cut, for the row of this start."""
        told: dict[str, Any] = {}
        cut = self.ledger.recovery
        if cut is not None:
            told["ledger_cut"] = {"file": cut.file, "line": cut.line, "bytes": cut.cut_bytes}
        if self.registry.cut_bytes:
            told["registry_cut"] = {"bytes": self.registry.cut_bytes}
        return told

    def granted(self, consent: Consent) -> Record:
        """Return the ledger row of a consent that the registry holds."""
        contact = self.registry.contact(consent.subject)
        return granted(consent, None if contact is None else contact.number_hash)

    def all_granted(self, numbers: Sequence[int]) -> list[Record]:
        """Return the rows of consents by their ids as numbers; those that are gone have none."""
        rows = []
        for number in numbers:
            found = self.registry.terms(number)
            if found is not None:
                subject, number_hash, terms = found
                terms["consent"] = f"{number:032x}"
                rows.append(granted_row(subject, number_hash, terms))
        return rows

    def append(self, records: Sequence[Record], at: datetime) -> list[Entry]:
        """Make *records* durable. Raises :class:`~appliance.storage.files.StorageFailed`."""
        return self.ledger.append(records, at)

    def note(self, records: Sequence[Record], at: datetime) -> list[Entry]:
        """Make *records* durable and fold them, where no engine does it."""
        self.compare()
        entries = self.append(self.with_key(records), at)
        for entry in entries:
            self.campaign.apply(entry)
        return entries

    def compare(self) -> None:
        """See whether the fold stands at the ledger's head; to be called before rows are noted.

        Folding a noted row moves the fold to the head, which would hide that it holds others
        besides that were never written.
        """
        if self.campaign.seq != self.ledger.head[0]:
            self.diverge()

    def diverge(self) -> None:
        """Save no checkpoint any more: the fold may hold what the ledger does not.

        The next start then folds the ledger alone, where an attempt without outcome is open and
        a stop without reset is latched.
        """
        self._diverged = True

    def save_checkpoint(self, *, force: bool = False) -> None:
        """Keep the fold, if enough rows have come since the last one."""
        self._wait_for_checkpoint()
        if self._checkpoint_is_due(force=force):
            seq, digest = self.ledger.head
            payload = self.campaign.to_checkpoint()
            checkpoint.save(self.directory, payload, seq, digest, key=self._seal)
            self._checkpoint_at = seq
            self.save_head()

    def save_checkpoint_aside(self) -> None:
        """Do the same on a thread, since at many people it takes longer than a call can wait.

        One that cannot be written is noted in the log alone: it only makes a start faster, and
        the next row meets the same disk.
        """
        if self._saving is not None and self._saving.is_alive():
            return
        if self._checkpoint_is_due(force=False):
            seq, digest = self.ledger.head
            self._checkpoint_at = seq
            self._saving = threading.Thread(
                target=_save,
                args=(self.directory, self.campaign.copy(), seq, digest, self._seal),
                name="checkpoint",
                daemon=True,
            )
            self._saving.start()
        elif self._head_is_due():
            self._head_noted, self._head_noted_at = self.ledger.head, time.monotonic()
            self._saving = threading.Thread(
                target=_save_head,
                args=(self.directory, self.ledger.head, self._seal),
                name="head",
                daemon=True,
            )
            self._saving.start()

    def save_head(self) -> None:
        """Note how far the ledger came, apart from it; raises as :meth:`append`."""
        self._head_noted, self._head_noted_at = self.ledger.head, time.monotonic()
        checkpoint.save_head(self.directory, self.ledger.head, key=self._seal)

    def _head_is_due(self) -> bool:
        if self._diverged or self._head_noted == self.ledger.head:
            return False
        return time.monotonic() - self._head_noted_at >= HEAD_EVERY

    def _checkpoint_is_due(self, *, force: bool) -> bool:
        seq = self.ledger.head[0]
        if self._diverged or seq == 0 or self.campaign.seq != seq:
            return False
        return force or seq - self._checkpoint_at >= CHECKPOINT_EVERY

    def _wait_for_checkpoint(self) -> None:
        if self._saving is not None:
            self._saving.join()
            self._saving = None

    def close(self) -> None:
        """Close everything; every acknowledged change is on disk already."""
        self._wait_for_checkpoint()
        if self._lock is not None and self.ledger.failure is None and not self._diverged:
            with suppress(StorageError):  # It only shows a restored backup, and the next may.
                if self._head_noted != self.ledger.head:
                    self.save_head()
        self.registry.close()
        self.ledger.close()
        if self._lock is not None:
            self._lock.release()

    def _fold_objections(self) -> None:
        """Record what was heard in calls of a box that was killed before its loop came round."""
        self.objection_notes.prepare()
        notes = self.objection_notes.all()
        first = min((note.after for note in notes), default=self.ledger.head[0])
        for note in unfolded(notes, self.ledger.entries(first)):
            at = self.floor if note.heard_at is None else max(self.floor, note.heard_at)
            self.note([Record(kind="consent.revoked", subject=note.subject, data=note.row)], at)
        for note in notes:
            self.objection_notes.drop(note.attempt)

    def _carry_forward(self) -> None:
        self._fold_objections()
        at = self._safe_time()
        for number_hash, revocation in self.campaign.suppressions():
            known = self.registry.suppression(number_hash)
            if known is None or known.at < revocation.at:
                self.registry.suppress(number_hash, revocation)
        erased = [s for s in self.campaign.erased if self.registry.contact(s) is not None]
        if erased:
            self.registry.erase_all(erased, Revocation(at=at, by="command"))
        self._carry_messages_forward(at)
        # Ids alone: reading everybody would make each start as long as the registry.
        unknown = self.campaign.unknown_consents(self.registry.consent_numbers())
        consents = [self.registry.consent(f"{number:032x}") for number in unknown]
        missing = [self.granted(consent) for consent in consents if consent is not None]
        self._note_in_parts(missing, at)

    def _note_in_parts(self, rows: Sequence[Record], at: datetime) -> None:
        # Not one write of any length: the next start reads the last segment whole.
        for start in range(0, len(rows), NOTED_AT_ONCE):
            self.note(rows[start : start + NOTED_AT_ONCE], at)

    def with_key(self, records: Sequence[Record]) -> list[Record]:
        """Return *records*, behind the row of the key of all number hashes where there is none."""
        if self.campaign.number_key is not None:
            return list(records)
        told = {"number_key": fingerprint(self.registry.number_key)}
        return [Record(kind="key.noted", data=told), *records]

    def _safe_time(self) -> datetime:
        """A time that moves no floor: the newest row's, or now where there is none."""
        return datetime.now(UTC) if self.campaign.newest_at is None else self.floor

    def _carry_messages_forward(self, at: datetime) -> None:
        """Hold back the senders of what was kept just before a cut, and forget what was deleted."""
        known = self.campaign.messages
        self.registry.messages.forget(
            [message.id for message in self.registry.messages if known.is_gone(message.id)]
        )
        key = self.registry.number_key
        missing = [
            Record(
                kind="message.kept",
                data={
                    "message": message.id,
                    "line": message.line,
                    "why": message.why,
                    "number_hashes": [hash_number(key, number) for number in message.numbers],
                },
            )
            for message in self.registry.messages
            if not known.knows(message.id)
        ]
        if missing:
            self.note(missing, at)


def _unwritten(row: Record, seq: int, at: datetime) -> Entry:
    return Entry(seq=seq, at=at, kind=row.kind, subject=row.subject, data=dict(row.data))


def _save_head(directory: Path, head: tuple[int, str], key: bytes) -> None:
    try:
        checkpoint.save_head(directory, head, key=key)
    except StorageError as error:
        log.error("the head of the ledger could not be noted: %s", error)


def _save(directory: Path, campaign: CampaignState, seq: int, digest: str, key: bytes) -> None:
    try:
        checkpoint.save(directory, campaign.to_checkpoint(), seq, digest, key=key)
        checkpoint.save_head(directory, (seq, digest), key=key)
    except StorageError as error:
        log.error("no checkpoint could be written: %s", error)


def granted(consent: Consent, number_hash: str | None = None) -> Record:
    """Return the ledger row of a consent: its terms, without the words that name people.

    *number_hash* is the keyed hash of the person's number, by which caps and rests go on where the
    registry is lost.
    """
    until = consent.valid_until
    return granted_row(
        consent.subject,
        number_hash,
        {
            "consent": consent.id,
            "purpose": consent.purpose,
            "given_at": consent.given_at.isoformat(),
            "valid_until": None if until is None else until.isoformat(),
            "windows": consent.windows,
        },
    )


def granted_row(subject: str, number_hash: str | None, terms: dict[str, Any]) -> Record:
    """Do the same with the terms as the registry keeps them, times as text; they become the row's
    own."""
    if number_hash is not None:
        terms["number_hash"] = number_hash
    return Record(kind="consent.granted", subject=subject, data=terms)
