"""Everybody's past as the fold keeps it: packed bytes by id, and the words that they refer to.

A person is a head (withdrawal, newest consent) and one record for each attempt, 36 bytes instead
of the 400 of an object: the fold of the ledger keeps 100,000 people. Words (purposes, who revoked)
are numbers into a table that the fold keeps. Times are milliseconds since 1970, as finely as a
ledger row tells them.

Long because whoever writes these bytes and whoever reads them must be seen together.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from appliance.model import Attempt, HexId, OpenAttempt, Outcome, hex_id

_STORED = struct.Struct("<16sI")
"""In a checkpoint before each person: the subject's 32 hex digits, length of what follows."""

_NUMBER = "number:"
"""Before the keyed hash of a number whose person was erased or lost; no id has a colon."""

LOST = "lost"
"""By whom consents ended that the ledger knows and no registry has any more."""
MOST_CONSENTS = 0xFFFF

_BLOCK = 64 * 1024
"""Bytes of people that one line of a checkpoint holds."""


class PackedPeople:
    """People by id. Nobody of whom no row speaks is in it."""

    def __init__(self) -> None:
        self._people: dict[HexId, bytes] = {}
        self._words: dict[str, int] = {"": 0}
        self.consents = 0
        """Consents that the ledger granted to the people here: what a registry must hold."""
        self.remembers_numbers = False
        """Whether any number has a past without a person."""

    def __contains__(self, subject: str) -> bool:
        return hex_id(subject) in self._people

    def attempts(self, subject: str) -> tuple[Attempt, ...]:
        """Return the finished attempts, oldest first."""
        person = self._people.get(hex_id(subject), NOBODY)
        return tuple(unpack(person, tuple(self._words)))

    def revocation(self, subject: str) -> tuple[int, str] | None:
        """Return when and by what means the person withdrew last, or None."""
        known = head(self._people.get(hex_id(subject), NOBODY))
        return None if known.revoked_ms == NEVER else (known.revoked_ms, self._text(known.by))

    def consented_ms(self, subject: str) -> int:
        """Return when the newest consent was given, :data:`NEVER` where none was."""
        return head(self._people.get(hex_id(subject), NOBODY)).consented_ms

    def outline(self, subject: HexId, purpose: str) -> Outline:
        person = self._people.get(subject)
        return CLEAN if person is None else outline(person, self._words.get(purpose))

    def meet(self, subject: str) -> None:
        """Know that this person exists."""
        self._people.setdefault(hex_id(subject), NOBODY)

    def add_attempt(self, subject: str, attempt: Attempt) -> None:
        self.add_record(subject, pack(attempt, self._word(attempt.purpose)))

    def ended(
        self, begun: OpenAttempt, outcome: Outcome, ended_at: datetime, *, answered: bool
    ) -> bytes:
        """Return the record of *begun* and its end. Without an :class:`Attempt` in between, since
        every call of the ledger comes by here."""
        return _record(
            begun.id,
            begun.authorised_at,
            ended_at,
            self._word(begun.purpose),
            outcome,
            begun.bench | answered << 1,
        )

    def add_record(self, subject: str, record: bytes) -> None:
        """Add what :meth:`ended` returned to a person's past."""
        person = hex_id(subject)
        self._people[person] = self._people.get(person, NOBODY) + record

    def note_consent(self, subject: str, consented_ms: int) -> None:
        key = hex_id(subject)
        person = self._people.get(key, NOBODY)
        # Without a Head in between: each row of an import comes by here.
        revoked_ms, before_ms, consents, by = _HEAD.unpack_from(person)
        if by == self._words.get(LOST):
            # What was lost has come back, or something newer has.
            revoked_ms, by = NEVER, 0
        count = min(consents + 1, MOST_CONSENTS)
        self.consents += count - consents
        new = _HEAD.pack(revoked_ms, max(before_ms, consented_ms), count, by)
        self._people[key] = new + person[_HEAD.size :]

    def lose_consents(self, subject: str, count: int, at_ms: int) -> None:
        """Know that *count* agreements are in no registry any more: what else is known of the
        person counts for nothing until a consent comes."""
        person = self._people.get(hex_id(subject), NOBODY)
        known = head(person)
        left = max(known.consents - count, 0)
        self.consents -= known.consents - left
        known = known._replace(consents=left)
        if known.revoked_ms == NEVER:
            known = known._replace(revoked_ms=at_ms, by=self._word(LOST))
        self._people[hex_id(subject)] = with_head(person, known)

    def note_revocation(self, subject: str, revoked_ms: int, by: str) -> None:
        person = self._people.get(hex_id(subject), NOBODY)
        new = head(person)._replace(revoked_ms=revoked_ms, by=self._word(by))
        self._people[hex_id(subject)] = with_head(person, new)

    def forget(self, subject: str, number_hash: str | None = None) -> None:
        """Forget a person; what was made of attempts stays with the hash of the number.

        Caps and rests are the callee's, whose number it is, and not the registration's.
        """
        person = self._people.pop(hex_id(subject), NOBODY)
        self.consents -= head(person).consents
        if number_hash is not None:
            self.add_past(number_hash, person[_HEAD.size :])

    def add_past(self, number_hash: str, attempts: bytes) -> None:
        """Keep packed *attempts* at a number that nobody registered has."""
        if attempts:
            key = _NUMBER + number_hash
            self._people[key] = self._people.get(key, NOBODY) + attempts
            self.remembers_numbers = True

    def past(self, number_hash: str) -> tuple[Attempt, ...]:
        """Return the finished attempts at this number under earlier registrations, oldest first."""
        return self.attempts(_NUMBER + number_hash)

    def add_attempt_at(self, number_hash: str, attempt: Attempt) -> None:
        """Know of an attempt at a number that nobody registered has."""
        self.add_past(number_hash, pack(attempt, self._word(attempt.purpose)))

    def pasts(self) -> Iterator[tuple[str, tuple[Attempt, ...]]]:
        """Yield every number hash with attempts under earlier registrations."""
        for key in list(self._people):
            if isinstance(key, str) and key.startswith(_NUMBER):
                yield key.removeprefix(_NUMBER), self.attempts(key)

    def subjects(self) -> Iterator[tuple[HexId, int]]:
        """Yield everybody's id with the number of consents that the ledger granted them."""
        for key, person in self._people.items():
            if not (isinstance(key, str) and key.startswith(_NUMBER)):
                yield key, head(person).consents

    def share_ids(self, subjects: Iterable[int]) -> None:
        """Keep these objects as the keys of their people, so that no id is in memory twice."""
        people: dict[HexId, bytes] = {s: self._people[s] for s in subjects if s in self._people}
        self._people = people | self._people

    def copy(self) -> PackedPeople:
        other = PackedPeople()
        other._people, other._words = self._people.copy(), self._words.copy()
        other.consents = self.consents
        other.remembers_numbers = self.remembers_numbers
        return other

    def to_checkpoint(self) -> dict[str, Any]:
        """Return everybody in JSON types."""
        return {
            "words": list(self._words),
            "people": list(self._blocks()),
            "other_people": {
                subject: as_text(person)
                for subject, person in self._people.items()
                if isinstance(subject, str)
            },
        }

    def _blocks(self) -> Iterator[str]:
        block = bytearray()
        for subject, person in self._people.items():
            if isinstance(subject, int):
                block += _STORED.pack(subject.to_bytes(16, "big"), len(person)) + person
            if len(block) >= _BLOCK:
                yield as_text(block)
                block.clear()
        if block:
            yield as_text(block)

    @classmethod
    def from_checkpoint(cls, data: dict[str, Any]) -> PackedPeople:
        """Rebuild everybody; what is no checkpoint raises one of the errors of its reading."""
        people = cls()
        people._words = {str(word): n for n, word in enumerate(data["words"])}
        words = len(people._words)
        if not 0 < words <= MAX_WORDS or words != len(data["words"]):
            raise ValueError("words that no fold has")
        for block in data["people"]:
            people._read(as_bytes(block), words)
        for name, text in data["other_people"].items():
            person = as_bytes(text)
            check(person, len(person), words)
            people._people[name] = person
        people.consents = sum(head(person).consents for person in people._people.values())
        people.remembers_numbers = any(key.startswith(_NUMBER) for key in data["other_people"])
        return people

    def _read(self, block: bytes, words: int) -> None:
        position = 0
        while position < len(block):
            subject, length = _STORED.unpack_from(block, position)
            position += _STORED.size
            person = block[position : position + length]
            position += length
            check(person, length, words)
            self._people[int.from_bytes(subject, "big")] = person

    def _word(self, text: str) -> int:
        """Return the number that stands for *text* in packed people."""
        number = self._words.get(text)
        if number is None:
            number = len(self._words)
            if number >= MAX_WORDS:
                return 0
            self._words[text] = number
        return number

    def _text(self, number: int) -> str:
        return tuple(self._words)[number]


def as_text(packed: bytes | bytearray) -> str:
    return base64.b64encode(packed).decode("ascii")


def as_bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


NEVER = -(2**62)

MAX_WORDS = 256
"""Purposes and revokers told apart on one box; attempts for later purposes count for every
campaign."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MILLISECOND = timedelta(milliseconds=1)

_HEAD = struct.Struct("<qqHB")
"""revoked ms, consented ms, consents, the word for who revoked; the attempts follow."""

_ATTEMPT = struct.Struct("<qqBBBB")
"""authorised ms, ended ms, purpose's word, outcome number, flags (1 bench, 2 answered), length of
the id that follows (UTF-8; :data:`_HEX_ID`: 16 bytes that were 32 hex digits)."""

_HEX_ID = 255

_OUTCOMES: tuple[Outcome, ...] = tuple(Outcome)

_OUTCOME_NUMBER: dict[Outcome, int] = {outcome: n for n, outcome in enumerate(_OUTCOMES)}

_NOT_REVOKED = NEVER.to_bytes(8, "little", signed=True)

NOBODY = _HEAD.pack(NEVER, NEVER, 0, 0)
"""Somebody of whom nothing is known yet."""


class Head(NamedTuple):
    """The withdrawal and the newest consent, :data:`NEVER` where there was none."""

    revoked_ms: int
    consented_ms: int
    consents: int
    by: int
    """The word for who revoked."""


class Outline(NamedTuple):
    """What the retry rules ask of a past, without unpacking it."""

    revoked: bool
    newest_ms: int
    """When the last attempt for whatever purpose ended; :data:`NEVER` where there is none."""
    made: int
    """Attempts for one purpose, and those of which nobody knows whose."""
    outcome: Outcome | None
    """Of the last of those; None where there is none."""
    ended_at: datetime | None


CLEAN = Outline(revoked=False, newest_ms=NEVER, made=0, outcome=None, ended_at=None)


def head(person: bytes) -> Head:
    return Head(*_HEAD.unpack_from(person))


def with_head(person: bytes, new: Head) -> bytes:
    """Return *person* with another head and the same attempts."""
    return _HEAD.pack(*new) + person[_HEAD.size :]


def pack(attempt: Attempt, purpose: int) -> bytes:
    """Return the record of a finished attempt; *purpose* is its word."""
    return _record(
        attempt.id,
        attempt.authorised_at,
        attempt.ended_at or attempt.authorised_at,
        purpose,
        attempt.outcome or Outcome.UNKNOWN,
        attempt.bench | attempt.answered << 1,
    )


def _record(
    identity: str,
    authorised_at: datetime,
    ended_at: datetime,
    purpose: int,
    outcome: Outcome,
    flags: int,
) -> bytes:
    number = hex_id(identity)
    if isinstance(number, int):
        name, length = number.to_bytes(16, "big"), _HEX_ID
    else:
        name = identity.encode()[: _HEX_ID - 1]
        length = len(name)
    return (
        _ATTEMPT.pack(
            milliseconds(authorised_at),
            milliseconds(ended_at),
            purpose,
            _OUTCOME_NUMBER[outcome],
            flags,
            length,
        )
        + name
    )


def unpack(person: bytes, words: tuple[str, ...]) -> Iterator[Attempt]:
    """Yield the attempts, oldest first."""
    position = _HEAD.size
    while position < len(person):
        authorised, ended, purpose, outcome, flags, length = _ATTEMPT.unpack_from(person, position)
        position += _ATTEMPT.size
        if length == _HEX_ID:
            length = 16
            identity = person[position : position + length].hex()
        else:
            identity = person[position : position + length].decode()
        yield Attempt(
            id=identity,
            authorised_at=moment(authorised),
            outcome=_OUTCOMES[outcome],
            ended_at=moment(ended),
            bench=bool(flags & 1),
            purpose=words[purpose],
            answered=bool(flags & 2),
        )
        position += length


def outline(person: bytes, purpose: int | None) -> Outline:
    """Return the little that decides whether and when this person's turn may come again.

    *purpose* is the word of the purpose that is asked about, None where no row ever named it.
    """
    revoked = person[:8] != _NOT_REVOKED
    size, position = len(person), _HEAD.size
    if size == position and not revoked:
        return CLEAN
    made = last = newest = 0
    while position < size:
        newest = position
        whose = person[position + 16]
        if whose == 0 or whose == purpose:
            made += 1
            last = position
        length = person[position + 19]
        position += 36 if length == _HEX_ID else 20 + length
    newest_ms = _ended_ms(person, newest) if newest else NEVER
    if not made:
        return Outline(revoked, newest_ms, 0, None, None)
    outcome = _OUTCOMES[person[last + 17]]
    return Outline(revoked, newest_ms, made, outcome, moment(_ended_ms(person, last)))


def _ended_ms(person: bytes, position: int) -> int:
    return int.from_bytes(person[position + 8 : position + 16], "little", signed=True)


def check(person: bytes, length: int, words: int) -> None:
    """Raise :class:`ValueError` where *person* is cut; much cheaper than unpacking it."""
    position = _HEAD.size
    if len(person) != length or length < position or person[position - 1] >= words:
        raise ValueError("a person is cut or names no known word")
    while position < length:
        end = position + _ATTEMPT.size
        if end > length or person[end - 3] >= len(_OUTCOMES) or person[end - 4] >= words:
            raise ValueError("an attempt is cut or has no known outcome or purpose")
        identity = person[end - 1]
        position = end + (16 if identity == _HEX_ID else identity)
    if position != length:
        raise ValueError("an attempt is cut")


def milliseconds(at: datetime) -> int:
    since = at - _EPOCH
    # By its parts: the quotient of two timedeltas takes twice as long.
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def moment(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND


def whole(at: datetime) -> datetime:
    """Cut to the milliseconds that a ledger row keeps, in UTC."""
    if at.tzinfo is UTC and not at.microsecond % 1000:
        return at
    return moment(milliseconds(at))
