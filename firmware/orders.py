"""What the box tells a line to do: imperatives. Pure.

Only ``appliance.call.attempt`` makes a Dial, and only ``appliance.call.incoming`` an
AnswerCall.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware.events import StoredAt


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Call *number*. The line starts ``greeting`` by itself on answer.

    The greeting rides on the order so that a slow disk between the answer and the decision loop
    cannot leave a person listening to silence; it never holds content.
    """

    line: str
    attempt: str
    number: str
    """E.164 with ``+``; validated again at the port (digits and one leading ``+`` only)."""
    greeting: str
    """Clip name."""
    keys: str = ""
    """The keys on offer, such as ``19``: the host reports no others and asks more evidence of
    them. Empty for all sixteen, none with more evidence."""
    dial_by: float | None = None
    """Box-monotonic end of the permission: a slow disk or a busy line must not outlast it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCall:
    """Take the incoming call *attempt*; the line starts ``greeting`` by itself on answer."""

    line: str
    attempt: str
    greeting: str
    """Clip name."""
    keys: str = ""
    """As for :class:`Dial`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Play a clip now; it replaces whatever plays."""

    line: str
    attempt: str
    clip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Stop playing; the line goes on sending silence."""

    line: str
    attempt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    """End the call; answered by exactly one :class:`~firmware.events.Ended`."""

    line: str
    attempt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSms:
    """Send a text message (only ever the confirmation of a revocation)."""

    line: str
    number: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSms:
    """Delete a message that was read and dealt with; what is not as it was read stays. One that
    came inline is acknowledged to the network instead, where that is the box's to do."""

    line: str
    places: tuple[StoredAt, ...]


Order = Dial | AnswerCall | Play | Silence | HangUp | SendSms | DeleteSms
