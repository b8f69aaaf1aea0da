"""What happened so far, folded from the ledger one row at a time.

Everything that the engine knows about the past comes from this fold: attempts used, revocations,
the emergency stop latch, the pause. It is built at start from a checkpoint and the rows after
it, and kept up to date by applying the engine's own records, so that a restart cannot know less
or more than a running box.

People are kept as packed bytes, because a box holds up to 100,000 of them on a Raspberry Pi:
one attempt takes about 50 bytes instead of the 400 of an object.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.effects import Entry
from appliance.model import NO_HISTORY, Attempt, History, Outcome, Revocation

CHECKPOINT_VERSION = 2

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_PACKED = struct.Struct("<qqBBBB")
"""authorised ms, ended ms, purpose number, outcome number, bench flag, length of the id that
follows (UTF-8)."""
_OUTCOMES: tuple[Outcome, ...] = tuple(Outcome)
_OUTCOME_NUMBER: dict[Outcome, int] = {outcome: n for n, outcome in enumerate(_OUTCOMES)}
_NO_FLOOR = -(2**62)
_MAX_PURPOSES = 256
"""Purposes told apart on one box; attempts of later ones count for every campaign."""


class CheckpointInvalid(ValueError):
    """The checkpoint is of another version or damaged: fold the whole ledger instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """An attempt that was authorised and has no outcome yet."""

    id: str
    subject: str
    line: str
    authorised_at: datetime
    bench: bool
    purpose: str = ""


class _Person:
    """One person's past, packed."""

    __slots__ = ("attempts", "consented_ms", "revoked_by", "revoked_ms")

    def __init__(self) -> None:
        self.attempts = b""
        self.revoked_ms: int | None = None
        self.revoked_by = ""
        self.consented_ms: int = _NO_FLOOR


class CampaignState:
    """The fold. :meth:`apply` takes rows in ledger order and costs the same however many came.

    Unknown kinds and unknown data keys are passed over, since later versions may add some.
    """

    def __init__(self) -> None:
        self.seq = 0
        """Sequence number of the newest row applied."""
        self.newest_at: datetime | None = None
        """Latest time of any row: the floor below which no clock may be trusted."""
        self.stopped = False
        """The emergency stop is latched."""
        self.paused = False
        self.outcomes: dict[Outcome, int] = {}
        """Attempts ended, by outcome."""
        self.authorised = 0
        self.revoked = 0
        self._people: dict[str, _Person] = {}
        self._suppressed: dict[str, tuple[int, str]] = {}
        self._open: dict[str, OpenAttempt] = {}
        self._open_by_subject: dict[str, tuple[str, ...]] = {}
        self._erased: set[str] = set()
        self._consents: set[str] = set()
        self._purposes: dict[str, int] = {"": 0}

    # --- reading -----------------------------------------------------------------------------

    @property
    def open_attempts(self) -> dict[str, OpenAttempt]:
        """Attempts without an outcome, by id."""
        return dict(self._open)

    @property
    def erased(self) -> frozenset[str]:
        """Subjects whose personal data was erased."""
        return frozenset(self._erased)

    def is_erased(self, subject: str) -> bool:
        return subject in self._erased

    def knows_consent(self, consent: str) -> bool:
        """Whether a ``consent.granted`` row names this consent (to reconcile the registry)."""
        return consent in self._consents

    def open_attempt_of(self, subject: str) -> OpenAttempt | None:
        """Return the newest attempt at *subject* that has no outcome yet."""
        running = self._open_by_subject.get(subject)
        return None if running is None else self._open[running[-1]]

    def history(self, subject: str, number_hash: str | None = None) -> History:
        """Everything that rules ask about one person, oldest attempt first.

        The revocation is the newest of the person's own and of the suppression list's for
        *number_hash*, so that an erased and re-imported number stays uncallable.
        """
        person = self._people.get(subject)
        suppressed = self._suppressed.get(number_hash) if number_hash is not None else None
        if person is None and suppressed is None:
            return NO_HISTORY
        revoked: tuple[int, str] | None = suppressed
        attempts: tuple[Attempt, ...] = ()
        if person is not None:
            if person.revoked_ms is not None and (
                revoked is None or person.revoked_ms >= revoked[0]
            ):
                revoked = (person.revoked_ms, person.revoked_by)
            attempts = tuple(_unpack(person.attempts, tuple(self._purposes)))
            attempts += tuple(
                Attempt(
                    id=running.id,
                    authorised_at=running.authorised_at,
                    outcome=None,
                    bench=running.bench,
                    purpose=running.purpose,
                )
                for running in map(self._open.__getitem__, self._open_by_subject.get(subject, ()))
            )
        revocation = None if revoked is None else Revocation(at=_time(revoked[0]), by=revoked[1])
        return History(attempts=attempts, revocation=revocation)

    def suppressions(self) -> Iterator[tuple[str, Revocation]]:
        """Every withdrawn number by its keyed hash (to bring the registry up to date at start)."""
        for number_hash, (at, by) in self._suppressed.items():
            yield number_hash, Revocation(at=_time(at), by=by)

    # --- folding -----------------------------------------------------------------------------

    def apply(self, entry: Entry) -> None:
        """Take one row into account."""
        self.seq = entry.seq
        if self.newest_at is None or entry.at > self.newest_at:
            self.newest_at = entry.at
        match entry.kind:
            case "call.authorised":
                self._authorised(entry)
            case "call.ended":
                self._ended(entry)
            case "consent.granted":
                self._granted(entry)
            case "consent.revoked":
                self._revoked(entry, by=str(entry.data.get("by", "command")))
            case "contact.erased":
                self._erase(entry)
            case "stop.pressed":
                self.stopped = True
            case "stop.reset":
                self.stopped = False
            case "dialling.paused":
                self.paused = True
            case "dialling.resumed":
                self.paused = False
            case _:
                pass

    def _person(self, subject: str) -> _Person:
        person = self._people.get(subject)
        if person is None:
            person = self._people[subject] = _Person()
        return person

    def _authorised(self, entry: Entry) -> None:
        attempt = entry.data.get("attempt")
        if entry.subject is None or not isinstance(attempt, str) or attempt in self._open:
            return
        self._person(entry.subject)
        self._open[attempt] = OpenAttempt(
            id=attempt,
            subject=entry.subject,
            line=str(entry.data.get("line", "")),
            authorised_at=_floor(entry.at),
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
        try:
            outcome = Outcome(entry.data.get("outcome", ""))
        except ValueError:
            outcome = Outcome.UNKNOWN
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if attempt.subject not in self._erased:
            self._person(attempt.subject).attempts += _pack(
                Attempt(
                    id=attempt.id,
                    authorised_at=attempt.authorised_at,
                    outcome=outcome,
                    ended_at=entry.at,
                    bench=attempt.bench,
                ),
                self._purpose(attempt.purpose),
            )

    def _purpose(self, purpose: str) -> int:
        """Return the number that stands for *purpose* in packed attempts."""
        number = self._purposes.get(purpose)
        if number is None:
            number = len(self._purposes)
            if number >= _MAX_PURPOSES:
                return 0
            self._purposes[purpose] = number
        return number

    def _granted(self, entry: Entry) -> None:
        consent = entry.data.get("consent")
        if isinstance(consent, str):
            self._consents.add(consent)
        given_at = entry.data.get("given_at")
        if entry.subject is None or not isinstance(given_at, str):
            return
        try:
            given = datetime.fromisoformat(given_at)
        except ValueError:
            return
        if given.tzinfo is not None:
            person = self._person(entry.subject)
            person.consented_ms = max(person.consented_ms, _milliseconds(given))

    def _revoked(self, entry: Entry, *, by: str) -> None:
        # A clock that lost its time may stamp a revocation before the consent that it ends. The
        # order of the rows is what happened, so the revocation is never earlier than any row
        # before it, nor than a consent that was known by then.
        # One millisecond more, because rows keep no fractions of one and consents may.
        at = _milliseconds(self.newest_at or entry.at) + 1
        if entry.subject is not None:
            person = self._person(entry.subject)
            at = max(at, person.consented_ms + 1)
            person.revoked_ms, person.revoked_by = at, by
        number_hash = entry.data.get("number_hash")
        if isinstance(number_hash, str) and number_hash:
            self._suppressed[number_hash] = (at, by)
        self.revoked += 1

    def _erase(self, entry: Entry) -> None:
        number_hash = entry.data.get("number_hash")
        if isinstance(number_hash, str) and number_hash:
            at = _milliseconds(self.newest_at or entry.at)
            self._suppressed.setdefault(number_hash, (at, "erased"))
        if entry.subject is not None:
            self._erased.add(entry.subject)
            self._people.pop(entry.subject, None)

    # --- checkpoint --------------------------------------------------------------------------

    def to_checkpoint(self) -> dict[str, Any]:
        """Everything in JSON types; :attr:`seq` says which rows it stands for."""
        return {
            "version": CHECKPOINT_VERSION,
            "seq": self.seq,
            "newest_at": None if self.newest_at is None else _milliseconds(self.newest_at),
            "stopped": self.stopped,
            "paused": self.paused,
            "authorised": self.authorised,
            "revoked": self.revoked,
            "outcomes": {outcome.value: count for outcome, count in self.outcomes.items()},
            "people": {
                subject: [
                    base64.b64encode(person.attempts).decode("ascii"),
                    person.revoked_ms,
                    person.revoked_by,
                    None if person.consented_ms == _NO_FLOOR else person.consented_ms,
                ]
                for subject, person in self._people.items()
            },
            "suppressed": {key: list(value) for key, value in self._suppressed.items()},
            "open": [
                [a.id, a.subject, a.line, _milliseconds(a.authorised_at), a.bench, a.purpose]
                for a in self._open.values()
            ],
            "purposes": list(self._purposes),
            "erased": sorted(self._erased),
            "consents": sorted(self._consents),
        }

    @classmethod
    def from_checkpoint(cls, data: dict[str, Any]) -> CampaignState:
        """Rebuild the fold; raises :class:`CheckpointInvalid` where *data* is not one."""
        state = cls()
        try:
            if data["version"] != CHECKPOINT_VERSION:
                raise CheckpointInvalid(f"checkpoint version {data['version']!r}")
            state.seq = int(data["seq"])
            state.newest_at = None if data["newest_at"] is None else _time(data["newest_at"])
            state.stopped, state.paused = bool(data["stopped"]), bool(data["paused"])
            state.authorised, state.revoked = int(data["authorised"]), int(data["revoked"])
            state.outcomes = {Outcome(key): int(n) for key, n in data["outcomes"].items()}
            state._purposes = {str(p): n for n, p in enumerate(data["purposes"])}
            if len(state._purposes) > _MAX_PURPOSES or "" not in state._purposes:
                raise CheckpointInvalid("purposes that no fold has")
            for subject, (attempts, revoked_ms, revoked_by, consented_ms) in data["people"].items():
                person = state._person(subject)
                person.attempts = base64.b64decode(attempts, validate=True)
                _check(person.attempts, len(state._purposes))
                person.revoked_ms, person.revoked_by = revoked_ms, revoked_by
                person.consented_ms = _NO_FLOOR if consented_ms is None else consented_ms
            state._suppressed = {key: (at, by) for key, (at, by) in data["suppressed"].items()}
            for attempt, subject, line, authorised_ms, bench, purpose in data["open"]:
                state._open[attempt] = OpenAttempt(
                    id=attempt,
                    subject=subject,
                    line=line,
                    authorised_at=_time(authorised_ms),
                    bench=bench,
                    purpose=purpose,
                )
                state._opened(subject, attempt)
            state._erased, state._consents = set(data["erased"]), set(data["consents"])
        except CheckpointInvalid:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, struct.error) as error:
            raise CheckpointInvalid(f"damaged checkpoint: {error!r}") from error
        return state


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND


def _time(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND


def _floor(at: datetime) -> datetime:
    """Cut to the milliseconds that a ledger row keeps."""
    return _time(_milliseconds(at))


def _pack(attempt: Attempt, purpose: int) -> bytes:
    identity = attempt.id.encode()[:255]
    return (
        _PACKED.pack(
            _milliseconds(attempt.authorised_at),
            _milliseconds(attempt.ended_at or attempt.authorised_at),
            purpose,
            _OUTCOME_NUMBER[attempt.outcome or Outcome.UNKNOWN],
            attempt.bench,
            len(identity),
        )
        + identity
    )


def _check(packed: bytes, purposes: int) -> None:
    """Raise :class:`ValueError` where *packed* is cut; much cheaper than unpacking it."""
    position, size = 0, len(packed)
    while position < size:
        end = position + _PACKED.size
        if end > size or packed[end - 3] >= len(_OUTCOMES) or packed[end - 4] >= purposes:
            raise ValueError("an attempt is cut or has no known outcome or purpose")
        position = end + packed[end - 1]
    if position != size:
        raise ValueError("an attempt is cut")


def _unpack(packed: bytes, purposes: tuple[str, ...]) -> Iterator[Attempt]:
    position = 0
    while position < len(packed):
        authorised, ended, purpose, outcome, bench, length = _PACKED.unpack_from(packed, position)
        position += _PACKED.size
        yield Attempt(
            id=packed[position : position + length].decode(),
            authorised_at=_time(authorised),
            outcome=_OUTCOMES[outcome],
            ended_at=_time(ended),
            bench=bool(bench),
            purpose=purposes[purpose],
        )
        position += length
