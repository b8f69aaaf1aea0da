"""One person's past as bytes: what the fold of the ledger keeps for each of 100,000 people.

A head (withdrawal, newest consent) and one record for each attempt, 36 bytes instead of the 400
of an object. Words (purposes, who revoked) are numbers into a table that the fold keeps. Times
are milliseconds since 1970, as finely as a ledger row tells them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from appliance.model import Attempt, Outcome

NEVER = -(2**62)
MAX_WORDS = 256
"""Purposes and revokers told apart on one box; attempts for later purposes count for every
campaign."""

HexId = int | str
"""Random ids as numbers, which take half the memory; anything else as it stands."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HEAD = struct.Struct("<qqB")
"""revoked ms, consented ms, the word for who revoked; the attempts follow."""
_ATTEMPT = struct.Struct("<qqBBBB")
"""authorised ms, ended ms, purpose's word, outcome number, bench flag, length of the id that
follows (UTF-8; :data:`_HEX_ID`: 16 bytes that were 32 hex digits)."""
_HEX_ID = 255
_OUTCOMES: tuple[Outcome, ...] = tuple(Outcome)
_OUTCOME_NUMBER: dict[Outcome, int] = {outcome: n for n, outcome in enumerate(_OUTCOMES)}
_NOT_REVOKED = NEVER.to_bytes(8, "little", signed=True)

NOBODY = _HEAD.pack(NEVER, NEVER, 0)
"""Somebody of whom nothing is known yet."""


class Head(NamedTuple):
    """The withdrawal and the newest consent, :data:`NEVER` where there was none."""

    revoked_ms: int
    consented_ms: int
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
    number = hex_id(attempt.id)
    if isinstance(number, int):
        identity, length = number.to_bytes(16, "big"), _HEX_ID
    else:
        identity = attempt.id.encode()[: _HEX_ID - 1]
        length = len(identity)
    return (
        _ATTEMPT.pack(
            milliseconds(attempt.authorised_at),
            milliseconds(attempt.ended_at or attempt.authorised_at),
            purpose,
            _OUTCOME_NUMBER[attempt.outcome or Outcome.UNKNOWN],
            attempt.bench,
            length,
        )
        + identity
    )


def unpack(person: bytes, words: tuple[str, ...]) -> Iterator[Attempt]:
    """Yield the attempts, oldest first."""
    position = _HEAD.size
    while position < len(person):
        authorised, ended, purpose, outcome, bench, length = _ATTEMPT.unpack_from(person, position)
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
            bench=bool(bench),
            purpose=words[purpose],
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
    return (at - _EPOCH) // _MILLISECOND


def moment(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND


def hex_id(text: str) -> HexId:
    """Return the number whose 32 hexadecimal digits *text* is, else *text* itself."""
    if len(text) == 32:
        try:
            number = int(text, 16)
        except ValueError:
            return text
        if f"{number:032x}" == text:
            return number
    return text


def hex_text(number: HexId) -> str:
    """Undo :func:`hex_id`."""
    return f"{number:032x}" if isinstance(number, int) else number
