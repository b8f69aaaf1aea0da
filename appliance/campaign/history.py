"""What happened so far, folded from the ledger one row at a time.

Everything that the engine knows about the past comes from this fold: attempts used, revocations,
the emergency stop latch, the pause. It is built at start from a checkpoint and the rows after
it, and kept up to date by applying the engine's own records, so that a restart cannot know less
or more than a running box.

People are kept as packed bytes (:mod:`appliance.campaign.packed_history`), because a box holds up
to 100,000 of them on a Raspberry Pi. A checkpoint is these bytes again.

Long because what a row changes, what is read of it and what a checkpoint keeps stand together.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar

from appliance.campaign.interruptions import Interruptions
from appliance.campaign.kept_messages import KeptMessages
from appliance.campaign.line_limits import LineUsage
from appliance.campaign.packed_history import (
    Outline,
    PackedPeople,
    as_bytes,
    as_text,
    milliseconds,
    moment,
    whole,
)
from appliance.effects import Entry
from appliance.model import (
    NO_HISTORY,
    Attempt,
    ClockWord,
    HexId,
    History,
    OpenAttempt,
    Outcome,
    Revocation,
    hex_id,
    hex_text,
)

CHECKPOINT_VERSION = 8


class CheckpointInvalid(ValueError):
    """The checkpoint is of another version or damaged: fold the whole ledger instead."""


class CampaignState:
    """The fold. :meth:`apply` takes rows in ledger order and costs the same however many came.

    Unknown kinds and unknown data keys are passed over, since later versions may add some.
    """

    def __init__(self) -> None:
        self.seq = 0
        """Sequence number of the newest row applied."""
        self.newest_at: datetime | None = None
        """Latest time of any row since the clock was last corrected: the floor below which no clock
        may be trusted."""
        self.clock_word: ClockWord | None = None
        """Who last put their name to the clock; counts in the boot in which they did."""
        self.stopped = False
        """The emergency stop is latched."""
        self.paused = False
        self.interruptions = Interruptions()
        self.usage = LineUsage()
        self.outcomes: dict[Outcome, int] = {}
        """Attempts ended, by outcome."""
        self.authorised = 0
        self.revoked = 0
        self.number_key: str | None = None
        """The fingerprint of the key of all number hashes, once a row told it."""
        self.held: str | None = None
        """Why calling waits for a person after rows were found missing, or None."""
        self._people = PackedPeople()
        self._suppressed: dict[str, tuple[int, str]] = {}
        self._open: dict[str, OpenAttempt] = {}
        self._open_by_subject: dict[str, tuple[str, ...]] = {}
        self._erased: set[str] = set()
        self._moved: dict[str, str] = {}
        """The number hash of those who were erased in the middle of a call."""
        self._consents: set[HexId] = set()
        """Those named since the checkpoint; only a start asks for the others."""
        self._messages = KeptMessages()
        self._consents_before = b""
        """16 bytes each: a fifth of what a set takes."""

    # --- reading -----------------------------------------------------------------------------

    @property
    def open_attempts(self) -> dict[str, OpenAttempt]:
        """Attempts without an outcome, by id."""
        return dict(self._open)

    @property
    def erased(self) -> frozenset[str]:
        """Subjects whose personal data was erased."""
        return frozenset(self._erased)

    def unknown_consents(self, consents: Iterable[HexId]) -> list[HexId]:
        """Return those of *consents* that no ``consent.granted`` row names.

        Ids as :func:`hex_id` has them. To reconcile the registry at start; costs time and memory
        for all of them together.
        """
        known = self._all_consents()
        return [consent for consent in consents if consent not in known]

    def _all_consents(self) -> set[HexId]:
        stored = self._consents_before
        before = (int.from_bytes(stored[n : n + 16], "big") for n in range(0, len(stored), 16))
        return self._consents.union(before)

    def open_attempt_of(self, subject: str) -> OpenAttempt | None:
        """Return the newest attempt at *subject* that has no outcome yet."""
        running = self._open_by_subject.get(subject)
        return None if running is None else self._open[running[-1]]

    def history(self, subject: str, number_hash: str | None = None) -> History:
        """Everything that rules ask about one person, oldest attempt first.

        The revocation is the newest of the person's own and of the suppression list's for
        *number_hash*, so that an erased and re-imported number stays uncallable.
        """
        suppressed = self._suppressed.get(number_hash) if number_hash is not None else None
        waiting = self._messages.holds(number_hash)
        # Under an earlier registration, which was erased or lost: caps and rests go on.
        earlier: tuple[Attempt, ...] = ()
        if number_hash is not None and (self._moved or self._people.remembers_numbers):
            earlier = self._earlier(number_hash)
        if subject not in self._people:
            attempts = earlier
            revoked = suppressed
            if revoked is None and not waiting and not earlier:
                return NO_HISTORY
        else:
            revoked = self._people.revocation(subject)
            if suppressed is not None and (revoked is None or suppressed[0] > revoked[0]):
                revoked = suppressed
            attempts = earlier + self._people.attempts(subject)
            attempts += tuple(self._running(subject))
        revocation = None if revoked is None else Revocation(at=moment(revoked[0]), by=revoked[1])
        return History(attempts=attempts, revocation=revocation, waiting=waiting)

    def _earlier(self, number_hash: str) -> tuple[Attempt, ...]:
        running = [subject for subject, known in self._moved.items() if known == number_hash]
        return self._people.past(number_hash) + tuple(
            attempt for subject in running for attempt in self._running(subject)
        )

    def _running(self, subject: str) -> Iterator[Attempt]:
        for running in map(self._open.__getitem__, self._open_by_subject.get(subject, ())):
            yield Attempt(
                id=running.id,
                authorised_at=running.authorised_at,
                outcome=None,
                bench=running.bench,
                purpose=running.purpose,
            )

    def share_ids(self, subjects: Iterable[int]) -> None:
        """Keep these objects as people's ids, so that none is in memory twice."""
        self._people.share_ids(subjects)

    def outline(self, subject: HexId, purpose: str) -> Outline:
        """Return what the retry rules for *purpose* ask of finished attempts, at a small cost.

        It knows the person's own rows alone, not the suppression list.
        """
        return self._people.outline(subject, purpose)

    def is_in_call(self, subject: HexId) -> bool:
        """Whether an attempt at *subject* has no outcome yet."""
        return bool(self._open_by_subject) and hex_text(subject) in self._open_by_subject

    @property
    def suppresses(self) -> bool:
        """Whether a number may have a past, or be held back by a message, that its person's own
        rows do not tell of."""
        return (
            bool(self._suppressed) or self._messages.any_waiting or self._people.remembers_numbers
        )

    @property
    def consents(self) -> int:
        """How many consents the registry must hold: granted to people who were not erased."""
        return self._people.consents

    def short_of(self, held: Callable[[HexId], int]) -> list[tuple[str, int, bool]]:
        """Return whose consents the registry lacks: the id, how many, and whether it is all.

        *held* tells how many it has of somebody. Looks at everybody.
        """
        return [
            (hex_text(subject), count - has, has == 0)
            for subject, count in self._people.subjects()
            if count and (has := held(subject)) < count
        ]

    def people(self) -> Iterator[str]:
        """Every person of whom a row speaks and who was neither erased nor lost."""
        for subject, _ in self._people.subjects():
            yield hex_text(subject)

    def pasts(self) -> Iterator[tuple[str, tuple[Attempt, ...]]]:
        """Every number hash with attempts under a registration that was erased or lost, calls that
        run among them: whoever was erased within one has been called all the same."""
        running: dict[str, tuple[Attempt, ...]] = {}
        for subject, number_hash in self._moved.items():
            running[number_hash] = running.get(number_hash, ()) + tuple(self._running(subject))
        for number_hash, attempts in self._people.pasts():
            yield number_hash, attempts + running.pop(number_hash, ())
        yield from running.items()

    @property
    def messages(self) -> KeptMessages:
        """Text messages that were dealt with or wait for a person."""
        return self._messages

    def suppressions(self) -> Iterator[tuple[str, Revocation]]:
        """Every withdrawn number by its keyed hash (to bring the registry up to date at start)."""
        for number_hash, (at, by) in self._suppressed.items():
            yield number_hash, Revocation(at=moment(at), by=by)

    # --- folding -----------------------------------------------------------------------------

    def apply(self, entry: Entry) -> None:
        """Take one row into account; :attr:`seq` moves once all of it is."""
        if self.newest_at is None or entry.at > self.newest_at:
            self.newest_at = entry.at
        for take in self._TAKEN.get(entry.kind, ()):
            take(self, entry)
        self.seq = entry.seq

    def _corrected(self, entry: Entry) -> None:
        """Take a person's word that this row's time is right, though rows before it ran ahead."""
        self.newest_at = entry.at
        boot, since = entry.data.get("boot"), entry.data.get("since_boot")
        self.clock_word = None
        if isinstance(boot, str) and boot and isinstance(since, int | float):
            self.clock_word = ClockWord(
                by=str(entry.data.get("by", "")), at=entry.at, boot=boot, since_boot=float(since)
            )

    def _authorised(self, entry: Entry) -> None:
        attempt = entry.data.get("attempt")
        if entry.subject is None or not isinstance(attempt, str) or attempt in self._open:
            return
        self._people.meet(entry.subject)
        self._open[attempt] = OpenAttempt(
            id=attempt,
            subject=entry.subject,
            line=str(entry.data.get("line", "")),
            authorised_at=whole(entry.at),
            bench=entry.data.get("bench") is True,
            purpose=str(entry.data.get("purpose", "")),
        )
        self._opened(entry.subject, attempt)
        self.authorised += 1

    def _opened(self, subject: str, attempt: str) -> None:
        self._open_by_subject[subject] = (*self._open_by_subject.get(subject, ()), attempt)

    def _ended(self, entry: Entry) -> None:
        attempt = self._open.pop(str(entry.data.get("attempt")), None)
        if attempt is None:
            return
        # One person has one open attempt in any ledger that this box writes; one written by a
        # box with a fault must not hide the other.
        running = self._open_by_subject.pop(attempt.subject, ())
        for other in running:
            if other != attempt.id:
                self._opened(attempt.subject, other)
        outcome = _outcome(entry.data.get("outcome"))
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        record = self._people.ended(
            attempt,
            outcome,
            self._never_before(attempt, entry.at),
            answered=_talked(entry.data.get("talk_seconds")),
        )
        moved = self._moved.pop(attempt.subject, None)
        if moved is not None:
            self._people.add_past(moved, record)
        elif attempt.subject not in self._erased:
            self._people.add_record(attempt.subject, record)

    def _elsewhere(self, entry: Entry) -> None:
        """An attempt that another box made, or a claim on which nobody was dialled: it counts."""
        attempt = entry.data.get("attempt")
        subject = entry.subject
        if subject is None or not isinstance(attempt, str) or subject in self._erased:
            return
        outcome = _outcome(entry.data.get("outcome", Outcome.FAILED))
        self._people.add_attempt(
            subject,
            Attempt(
                id=attempt,
                authorised_at=whole(instant(entry.data.get("made_at")) or entry.at),
                outcome=outcome,
                ended_at=instant(entry.data.get("ended_at")) or entry.at,
                purpose=str(entry.data.get("purpose", "")),
            ),
        )

    def _never_before(self, attempt: OpenAttempt, at: datetime) -> datetime:
        """A clock that lost its time in a call must not date its end before its beginning: whoever
        declined would seem to have agreed since."""
        return at if at >= attempt.authorised_at else self.newest_at or attempt.authorised_at

    def _granted(self, entry: Entry) -> None:
        consent = entry.data.get("consent")
        if isinstance(consent, str):
            self._consents.add(hex_id(consent))
        given = instant(entry.data.get("given_at"))
        if entry.subject is not None and given is not None:
            self._people.note_consent(entry.subject, milliseconds(given))

    def _revoked(self, entry: Entry) -> None:
        by = str(entry.data.get("by", "command"))
        # A clock that lost its time may stamp a revocation before the consent that it ends. The
        # order of the rows is what happened, so the revocation is never earlier than any row
        # before it, nor than a consent that was known by then, nor than what it says it ends.
        # One millisecond more, because rows keep no fractions of one and consents may.
        said = instant(entry.data.get("said_at"))
        if said is not None:
            self._said_before(entry, milliseconds(said), by)
            return
        ends = instant(entry.data.get("ends"))
        newest = self.newest_at or entry.at
        at = milliseconds(newest if ends is None else max(newest, ends)) + 1
        if entry.subject is not None:
            at = max(at, self._people.consented_ms(entry.subject) + 1)
            self._people.note_revocation(entry.subject, at, by)
        number_hash = entry.data.get("number_hash")
        if isinstance(number_hash, str) and number_hash:
            self._suppressed[number_hash] = (at, by)
        self.revoked += 1

    def _said_before(self, entry: Entry, at: int, by: str) -> None:
        """A message said it at *at*, long before it was read: what was given since stands."""
        if entry.subject is not None:
            known = self._people.revocation(entry.subject)
            if known is None or known[0] < at:
                self._people.note_revocation(entry.subject, at, by)
        number_hash = entry.data.get("number_hash")
        if isinstance(number_hash, str) and number_hash:
            suppressed = self._suppressed.get(number_hash)
            if suppressed is None or suppressed[0] < at:
                self._suppressed[number_hash] = (at, by)
        self.revoked += 1

    def _erase(self, entry: Entry) -> None:
        number_hash = entry.data.get("number_hash")
        if isinstance(number_hash, str) and number_hash:
            at = milliseconds(self.newest_at or entry.at)
            self._suppressed.setdefault(number_hash, (at, "erased"))
        if entry.subject is not None:
            self._erased.add(entry.subject)
            self._forget(entry.subject, number_hash)

    def _forget(self, subject: str, number_hash: object) -> None:
        known = number_hash if isinstance(number_hash, str) and number_hash else None
        self._people.forget(subject, known)
        if known is not None and subject in self._open_by_subject:
            self._moved[subject] = known

    def _lost(self, entry: Entry) -> None:
        """Somebody is in no registry any more, without having been erased."""
        if entry.subject is not None:
            self._forget(entry.subject, entry.data.get("number_hash"))

    def _lose_consents(self, entry: Entry) -> None:
        count = entry.data.get("consents")
        if isinstance(count, int) and entry.subject is not None:
            at = milliseconds(self.newest_at or entry.at) + 1
            self._people.lose_consents(entry.subject, count, at)

    def _stopped(self, entry: Entry) -> None:
        self.stopped = entry.kind == "stop.pressed"

    def _paused(self, entry: Entry) -> None:
        self.paused = entry.kind == "dialling.paused"

    def _hold(self, entry: Entry) -> None:
        self.held = str(entry.data.get("why", "rows of the ledger are missing"))

    def _accept(self, _entry: Entry) -> None:
        self.held = None

    def _started(self, entry: Entry) -> None:
        self.interruptions.started(entry, in_call=bool(self._open))

    def _restored(self, entry: Entry) -> None:
        """Take in an attempt whose own rows the ledger has lost."""
        begun, ended = (instant(entry.data.get(k)) for k in ("authorised_at", "ended_at"))
        if begun is None:
            return
        outcome = _outcome(entry.data.get("outcome"))
        made = Attempt(
            id=str(entry.data.get("attempt", "")),
            authorised_at=whole(begun),
            outcome=outcome,
            ended_at=ended or begun,
            bench=entry.data.get("bench") is True,
            purpose=str(entry.data.get("purpose", "")),
            answered=entry.data.get("answered") is True,
        )
        number_hash = entry.data.get("number_hash")
        if entry.subject is not None and entry.subject not in self._erased:
            self._people.add_attempt(entry.subject, made)
        elif isinstance(number_hash, str) and number_hash:
            self._people.add_attempt_at(number_hash, made)

    def _note_key(self, entry: Entry) -> None:
        fingerprint = entry.data.get("number_key")
        if isinstance(fingerprint, str):
            self.number_key = fingerprint

    _TAKEN: ClassVar[dict[str, tuple[Callable[[CampaignState, Entry], None], ...]]] = {
        "call.authorised": (
            _authorised,
            lambda fold, entry: fold.usage.authorised(entry),
        ),
        "call.ended": (_ended, lambda fold, entry: fold.usage.ended(entry)),
        "call.restored": (_restored,),
        "fleet.attempt_elsewhere": (_elsewhere,),
        "fleet.claim_unused": (_elsewhere,),
        "limit.reached": (lambda fold, entry: fold.usage.told(entry),),
        "consent.granted": (_granted,),
        "consent.revoked": (
            _revoked,
            lambda fold, entry: fold.messages.objected(entry),
        ),
        "consent.lost": (_lose_consents,),
        "contact.erased": (_erase, lambda fold, entry: fold.messages.erased(entry)),
        "contact.lost": (_lost,),
        "message.kept": (lambda fold, entry: fold.messages.kept(entry),),
        "message.read": (lambda fold, entry: fold.messages.read(entry),),
        "message.deleted": (lambda fold, entry: fold.messages.deleted(entry),),
        "box.started": (_started,),
        "box.stopped": (lambda fold, _entry: fold.interruptions.stopped(),),
        "stop.pressed": (_stopped,),
        "stop.reset": (_stopped, lambda fold, _entry: fold.interruptions.looked_at()),
        "dialling.paused": (_paused,),
        "dialling.resumed": (
            _paused,
            lambda fold, _entry: fold.interruptions.looked_at(),
        ),
        "key.noted": (_note_key,),
        "clock.corrected": (_corrected,),
        "state.restored": (_hold,),
        "state.accepted": (_accept,),
    }
    """Everything that a row of each kind changes: a row costs only the parts that want it, however
    many parts there are."""

    # --- checkpoint --------------------------------------------------------------------------

    def copy(self) -> CampaignState:
        """Return the fold as it is now, for another thread to write; takes milliseconds."""
        other = CampaignState()
        other.seq, other.newest_at = self.seq, self.newest_at
        other.clock_word = self.clock_word
        other.stopped, other.paused = self.stopped, self.paused
        other.interruptions = self.interruptions.copy()
        other.usage = self.usage.copy()
        other.authorised, other.revoked = self.authorised, self.revoked
        other.outcomes = self.outcomes.copy()
        other._people, other._suppressed = self._people.copy(), self._suppressed.copy()
        other._open, other._erased = self._open.copy(), self._erased.copy()
        other._moved, other.number_key, other.held = self._moved.copy(), self.number_key, self.held
        other._open_by_subject = self._open_by_subject.copy()
        other._messages = self._messages.copy()
        other._consents, other._consents_before = self._consents.copy(), self._consents_before
        return other

    def to_checkpoint(self) -> dict[str, Any]:
        """Everything in JSON types; :attr:`seq` says which rows it stands for."""
        return {
            "version": CHECKPOINT_VERSION,
            "seq": self.seq,
            "newest_at": None if self.newest_at is None else milliseconds(self.newest_at),
            "clock_word": _word_to_json(self.clock_word),
            "stopped": self.stopped,
            "paused": self.paused,
            "interruptions": self.interruptions.to_checkpoint(),
            "usage": self.usage.to_checkpoint(),
            "authorised": self.authorised,
            "revoked": self.revoked,
            "outcomes": {outcome.value: count for outcome, count in self.outcomes.items()},
            **self._people.to_checkpoint(),
            "suppressed": {key: list(value) for key, value in self._suppressed.items()},
            "open": [
                [a.id, a.subject, a.line, milliseconds(a.authorised_at), a.bench, a.purpose]
                for a in self._open.values()
            ],
            "erased": sorted(self._erased),
            **self._messages.to_checkpoint(),
            "moved": self._moved,
            "number_key": self.number_key,
            "held": self.held,
            "consents": as_text(
                self._consents_before
                + b"".join(c.to_bytes(16, "big") for c in self._consents if isinstance(c, int))
            ),
            "other_consents": sorted(c for c in self._consents if isinstance(c, str)),
        }

    @classmethod
    def from_checkpoint(cls, data: dict[str, Any]) -> CampaignState:
        """Rebuild the fold; raises :class:`CheckpointInvalid` where *data* is not one."""
        state = cls()
        try:
            if data["version"] != CHECKPOINT_VERSION:
                raise CheckpointInvalid(f"checkpoint version {data['version']!r}")
            state.seq = int(data["seq"])
            state.newest_at = None if data["newest_at"] is None else moment(data["newest_at"])
            state.clock_word = _word_of_json(data.get("clock_word"))
            state.stopped, state.paused = bool(data["stopped"]), bool(data["paused"])
            state.interruptions = Interruptions.from_checkpoint(data["interruptions"])
            state.usage = LineUsage.from_checkpoint(data["usage"])
            state.authorised, state.revoked = int(data["authorised"]), int(data["revoked"])
            state.outcomes = {Outcome(key): int(n) for key, n in data["outcomes"].items()}
            state._people = PackedPeople.from_checkpoint(data)
            state._suppressed = {key: (at, by) for key, (at, by) in data["suppressed"].items()}
            for attempt, subject, line, authorised_ms, bench, purpose in data["open"]:
                state._open[attempt] = OpenAttempt(
                    id=attempt,
                    subject=subject,
                    line=line,
                    authorised_at=moment(authorised_ms),
                    bench=bench,
                    purpose=purpose,
                )
                state._opened(subject, attempt)
            state._erased = set(data["erased"])
            state._messages = KeptMessages.from_checkpoint(data)
            state._moved = {str(subject): str(at) for subject, at in data["moved"].items()}
            state.number_key, state.held = data["number_key"], data["held"]
            state._consents_before = as_bytes(data["consents"])
            if len(state._consents_before) % 16:
                raise CheckpointInvalid("a consent is cut")
            state._consents = {str(consent) for consent in data["other_consents"]}
        except CheckpointInvalid:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, struct.error) as error:
            raise CheckpointInvalid(f"damaged checkpoint: {error!r}") from error
        return state


def _word_to_json(word: ClockWord | None) -> list[Any] | None:
    return None if word is None else [word.by, milliseconds(word.at), word.boot, word.since_boot]


def _word_of_json(kept: Any) -> ClockWord | None:
    if kept is None:
        return None
    by, at, boot, since_boot = kept
    return ClockWord(by=str(by), at=moment(at), boot=str(boot), since_boot=float(since_boot))


def instant(written: object) -> datetime | None:
    """Read a time in a row's data; None where it is none, or names no offset."""
    if not isinstance(written, str):
        return None
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return None
    return None if at.tzinfo is None else at


def _outcome(written: object) -> Outcome:
    """Read an outcome; one that this version does not know may have been a whole call."""
    found = _OUTCOMES.get(written) if isinstance(written, str) else None
    return Outcome.UNKNOWN if found is None else found


_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def _talked(seconds: object) -> bool:
    return isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
