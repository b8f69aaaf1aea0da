"""What becomes known of a call as it progresses (:mod:`firmware.call.progress`). Pure.

``evidence`` is what was seen, numbers masked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """The far end rings."""

    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerClaimed:
    """Speak now and read the call list now; what it says decides."""

    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDenied:
    """The claim was false: nobody is there yet, be silent."""

    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerConfirmed:
    """Somebody or something has answered."""

    evidence: str
    weak: bool
    """It may be a ringback that was reported as an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndClaimed:
    """A notice said that the call is over; read the call list now."""

    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """The call is over; comes once. Why is asked of the progress."""

    evidence: str


Fact = Alerting | AnswerClaimed | AnswerDenied | AnswerConfirmed | EndClaimed | Over


def mask(text: str, number: str = "") -> str:
    """Return *text* fit for a log: no phone number in it, at most 80 characters."""
    if number:
        text = text.replace(number, "•••")
    text = re.sub(r'"\+?\d{3,}"', '"•••"', text)
    text = re.sub(r"\+?\d{7,}", "•••", text)
    return text[:80]
