"""Everybody's past as the fold keeps it: packed bytes by id, and the words that they refer to."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from appliance.model import Attempt
from appliance.packed_history import (
    CLEAN,
    MAX_WORDS,
    NEVER,
    NOBODY,
    Head,
    HexId,
    Outline,
    check,
    head,
    hex_id,
    outline,
    pack,
    unpack,
    with_head,
)

_STORED = struct.Struct("<16sI")
"""In a checkpoint before each person: the subject's 32 hex digits, length of what follows."""

_BLOCK = 64 * 1024
"""Bytes of people that one line of a checkpoint holds."""


class PackedPeople:
    """People by id. Nobody of whom no row speaks is in it."""

    def __init__(self) -> None:
        self._people: dict[HexId, bytes] = {}
        self._words: dict[str, int] = {"": 0}

    def __contains__(self, subject: str) -> bool:
        return hex_id(subject) in self._people

    def attempts(self, subject: str) -> tuple[Attempt, ...]:
        """Return the finished attempts, oldest first."""
        person = self._people.get(hex_id(subject), NOBODY)
        return tuple(unpack(person, tuple(self._words)))

    def revocation(self, subject: str) -> tuple[int, str] | None:
        """Return when and by what means the person withdrew last, or None."""
        revoked_ms, _, by = head(self._people.get(hex_id(subject), NOBODY))
        return None if revoked_ms == NEVER else (revoked_ms, tuple(self._words)[by])

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
        person = hex_id(subject)
        packed = pack(attempt, self._word(attempt.purpose))
        self._people[person] = self._people.get(person, NOBODY) + packed

    def note_consent(self, subject: str, consented_ms: int) -> None:
        person = self._people.get(hex_id(subject), NOBODY)
        known = head(person)
        new = known._replace(consented_ms=max(known.consented_ms, consented_ms))
        self._people[hex_id(subject)] = with_head(person, new)

    def note_revocation(self, subject: str, revoked_ms: int, by: str) -> None:
        person = self._people.get(hex_id(subject), NOBODY)
        new = Head(revoked_ms, head(person).consented_ms, self._word(by))
        self._people[hex_id(subject)] = with_head(person, new)

    def forget(self, subject: str) -> None:
        self._people.pop(hex_id(subject), None)

    def share_ids(self, subjects: Iterable[int]) -> None:
        """Keep these objects as the keys of their people, so that no id is in memory twice."""
        people: dict[HexId, bytes] = {s: self._people[s] for s in subjects if s in self._people}
        self._people = people | self._people

    def copy(self) -> PackedPeople:
        other = PackedPeople()
        other._people, other._words = self._people.copy(), self._words.copy()
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


def as_text(packed: bytes | bytearray) -> str:
    return base64.b64encode(packed).decode("ascii")


def as_bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
