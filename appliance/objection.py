"""Objections that come as text messages. Pure."""

from __future__ import annotations

from firmware.events import SmsReceived
from firmware.orders import DeleteSms

OBJECTION_WORDS = frozenset(
    {"stop", "arret", "arrêt", "non", "no", "unsubscribe", "cancel", "quit", "end"}
)
"""First words of a text message that withdraw consent, lower case."""


def objects(text: str, words: frozenset[str]) -> bool:
    """Tell whether a message withdraws consent: its first word decides, however it is dressed.

    A message that goes on after the word objects too. One that merely contains it somewhere does
    not: it may quote the box.
    """
    written = (word.strip(".,;:!?\"'«»()").lower() for word in text.split())
    return next(filter(None, written), "") in words


def delete(message: SmsReceived) -> DeleteSms:
    """Return the order that removes *message*, to be given once it is dealt with."""
    return DeleteSms(
        line=message.line, index=message.index, number=message.number, text=message.text
    )
