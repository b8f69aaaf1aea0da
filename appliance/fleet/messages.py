"""What stands in the fleet's messages: JSON both ways, and only what fits is believed. Pure.

A message comes from another box or from headquarters, and may be damaged, of a later version or
made by somebody who stole a key. Reading one therefore either gives a whole value or raises
:class:`MessageUnreadable`; keys that are not known are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from appliance.model import Outcome
from firmware.wording import worded

UNUSED = "unused"
"""Outcome of a claim on which nobody was dialled: refused late, or by the box's own gate."""


class MessageUnreadable(ValueError):
    """A message that says nothing that this version understands."""


def encode(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def decode(payload: bytes) -> dict[str, Any]:
    """Return the JSON object in *payload*; raises :class:`MessageUnreadable`."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise MessageUnreadable(worded("not JSON: {error}", error=error)) from None
    if not isinstance(value, dict):
        raise MessageUnreadable(worded("not a JSON object"))
    return value


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One attempt taken by one box."""

    box: str
    attempt: str
    """The box's own id of the attempt, as its ledger has it."""
    at: datetime
    prior: bool = False
    """Made before the box joined: it counts, and was never claimed at its time."""

    def payload(self) -> bytes:
        told: dict[str, Any] = {"box": self.box, "attempt": self.attempt, "at": instant(self.at)}
        return encode({**told, "prior": True} if self.prior else told)

    @classmethod
    def read(cls, payload: bytes) -> Claim:
        value = decode(payload)
        return cls(
            box=_text(value, "box"),
            attempt=_text(value, "attempt"),
            at=_time(value, "at"),
            prior=value.get("prior") is True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a claimed attempt ended."""

    box: str
    attempt: str
    outcome: Outcome | None
    """None for a claim on which nobody was dialled."""
    at: datetime

    def payload(self) -> bytes:
        outcome = UNUSED if self.outcome is None else self.outcome.value
        return encode(
            {"box": self.box, "attempt": self.attempt, "outcome": outcome, "at": instant(self.at)}
        )

    @classmethod
    def read(cls, payload: bytes) -> Ended:
        value = decode(payload)
        told = _text(value, "outcome")
        try:
            outcome = None if told == UNUSED else Outcome(told)
        except ValueError:
            # Of a later version, so nobody here knows whether the person listened: not retried.
            outcome = Outcome.UNKNOWN
        return cls(
            box=_text(value, "box"),
            attempt=_text(value, "attempt"),
            outcome=outcome,
            at=_time(value, "at"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Somebody withdrew; ``box`` heard it."""

    box: str
    at: datetime
    by: str
    """``key``, ``sms``, ``incoming``, ``command``, or ``headquarters``."""

    def payload(self) -> bytes:
        return encode({"box": self.box, "at": instant(self.at), "by": self.by})

    @classmethod
    def read(cls, payload: bytes) -> Objection:
        value = decode(payload)
        return cls(box=_text(value, "box"), at=_time(value, "at"), by=_text(value, "by"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A stop, or the epoch that follows it: who ordered it, when and why."""

    by: str
    reason: str
    at: datetime
    fence: bool = False
    """This stop only closes an epoch that is over: a call in progress goes on."""
    after_loss: bool = False
    """This epoch begins after the hub lost what it had acknowledged: count from here."""

    def payload(self) -> bytes:
        told: dict[str, Any] = {"by": self.by, "reason": self.reason, "at": instant(self.at)}
        if self.fence:
            told["fence"] = True
        if self.after_loss:
            told["after_loss"] = True
        return encode(told)

    @classmethod
    def read(cls, payload: bytes) -> Order:
        value = decode(payload)
        return cls(
            by=_text(value, "by"),
            reason=_text(value, "reason"),
            at=_time(value, "at"),
            fence=value.get("fence") is True,
            after_loss=value.get("after_loss") is True,
        )


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str) or not found or len(found) > 1000:
        raise MessageUnreadable(worded("{key} is missing or no text", key=key))
    return found


def _time(value: Mapping[str, Any], key: str) -> datetime:
    try:
        at = datetime.fromisoformat(_text(value, key))
    except ValueError as error:
        raise MessageUnreadable(worded("{key} is no time", key=key)) from error
    if at.tzinfo is None:
        raise MessageUnreadable(worded("{key} is a time without offset", key=key))
    return at
