"""What is known about one call while it runs, and the one outcome that follows from it.

Facts only grow. The outcome is a function of the facts and of how the line says it ended, so
that the order in which late notices arrive does not change it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from appliance.model import Outcome
from firmware.events import Cause, Ended, Machine

HANG_UP_MACHINES = frozenset({Machine.BEEP, Machine.FAX, Machine.SIT})
"""Sounds that no person makes: the call ends at once."""

NETWORK_RING_SECONDS = 25.0
"""Networks give up ringing after 25 to 60 s and often release with cause 16 ("normal"), as a
callee's reject button does. An end that late was the network, an earlier one the callee."""

MOST_GREETINGS = 2
"""A greeting is played so often in one call, whatever the modem says of it."""

TALK_SECONDS = 1.0
"""From an answer without visible ringing to an end whose notice names a reason that speaks against
it (``BUSY``): one that stood for longer was an answer, whoever has heard the rest."""

_NOBODY_REACHED = {
    Cause.BUSY: Outcome.BUSY,
    Cause.NO_ANSWER: Outcome.NO_ANSWER,
    Cause.REJECTED: Outcome.REJECTED,
    Cause.UNREACHABLE: Outcome.UNREACHABLE,
}
"""Causes that cannot be true of a call that somebody has answered."""

BUSY_SECONDS = 6.0
"""From an answer that was none to the end of its third busy tone. A later busy tone is also what
many exchanges play once the callee has hung up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the line told that a call is over, or that it never did."""

    cause: Cause | None
    """None where the line never confirmed the end."""
    at: float
    """Box-monotonic seconds."""
    evidence: str
    code: int | None
    confirmed: bool
    """Whether the line said that its call list is empty."""
    talked: bool = False
    """The modem counted seconds of talk."""

    @classmethod
    def told(cls, event: Ended) -> End:
        """The line's own word."""
        return cls(
            cause=event.cause,
            at=event.at,
            evidence=event.evidence,
            code=event.code,
            confirmed=event.confirmed,
            talked=event.talked,
        )

    @classmethod
    def untold(cls, at: float) -> End:
        """The line had its time since the hang-up and said nothing."""
        return cls(
            cause=None,
            at=at,
            evidence="the line did not confirm the end in time",
            code=None,
            confirmed=False,
        )


@dataclass(frozen=True, slots=True)
class Press:
    """One key as the callee pressed it."""

    key: str
    witness: str
    confirmed_by: str | None = None
    confirmed_sureness: float | None = None
    """How sure the other witness was, 0 to 1."""
    missed_by: str | None = None
    """The line's other witness, where it had its time and heard nothing."""


def confirmed(
    presses: tuple[Press, ...], key: str, witness: str, sureness: float
) -> tuple[Press, ...]:
    """Return *presses* with the word of the other *witness*.

    Its oldest open press of *key* is meant: notices keep their order.
    """
    for place, heard in enumerate(presses):
        open_ = heard.confirmed_by is None and heard.missed_by is None
        if open_ and heard.key == key and heard.witness != witness:
            known = replace(heard, confirmed_by=witness, confirmed_sureness=round(sureness, 3))
            return (*presses[:place], known, *presses[place + 1 :])
    return presses


def missed(presses: tuple[Press, ...], key: str, witness: str, missed_by: str) -> tuple[Press, ...]:
    """Return *presses* with who did not hear the oldest open press of *key* by *witness*."""
    for place, heard in enumerate(presses):
        open_ = heard.confirmed_by is None and heard.missed_by is None
        if open_ and (heard.key, heard.witness) == (key, witness):
            return (*presses[:place], replace(heard, missed_by=missed_by), *presses[place + 1 :])
    return presses


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Times are box-monotonic seconds."""

    dialled_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    """Only a strong notice, or a key that counts, answers a call."""
    answer: str | None = None
    """The notice or key that said so."""
    weak_answer: str | None = None
    """A notice that may have come at ringback already."""
    weak_at: float | None = None
    """When it came."""
    greetings: int = 1
    """How often the greeting was to be played so far: by the line at the answer, then by order."""
    greeting_at: float | None = None
    introduced: bool = False
    """The greeting was played to its end."""
    asked_at: float | None = None
    """When the greeting or the prompt was last played to its end."""
    repeats: int = 0
    presses: tuple[Press, ...] = field(default=())
    chosen_at: float | None = None
    """When the listen key was accepted; content may play from here on and never before."""
    message_ms: int | None = None
    message_complete: bool = False
    opted_out: bool = False
    withdrawn: str | None = None
    """The person's consent was withdrawn by other means while the call ran."""
    machine: Machine | None = None
    machine_at: float | None = None
    """When that kind was first heard; a line tells each kind once."""
    machine_evidence: str | None = None
    audio_failure: str | None = None
    broke_off: str | None = None
    """What was heard of a voice that broke off; the line may tell the reason after it."""
    stopped: str | None = None
    """Source of the emergency stop that hit this call."""
    hung_up_because: str | None = None
    """Why the box hung up; None while it has not."""


def outcome(facts: Facts, end: End) -> Outcome:
    """Name the one outcome.

    An objection hides behind nothing. A message heard to its end was heard, even where the stop
    or a dead line came during the farewell. Whoever has answered was neither busy nor away, with
    whatever words the modem ended their call.
    """
    cause = end.cause
    if facts.opted_out:
        return Outcome.OPTED_OUT
    if facts.message_complete:
        return Outcome.LISTENED
    if facts.stopped is not None or cause is Cause.EMERGENCY:
        return Outcome.STOPPED
    if facts.audio_failure is not None:
        return Outcome.FAILED
    if facts.chosen_at is not None:
        return Outcome.PARTIAL
    if facts.machine is Machine.SIT:
        # The network's own three tones (ITU-T E.180, E.182) stand before "not in service".
        return Outcome.UNREACHABLE
    if facts.machine in HANG_UP_MACHINES:
        return Outcome.VOICEMAIL
    if cause in (Cause.FAILED, Cause.LINE_LOST):
        return Outcome.FAILED
    answered_at = _answered_at(facts, end)
    if answered_at is not None:
        ended = _answered_end(facts, answered_at)
        nobody = ended in (Outcome.BUSY, Outcome.NO_ANSWER)
        # Where tones have shown that nobody was there, the network may know better why.
        return _NOBODY_REACHED.get(cause, ended) if nobody and cause is not None else ended
    if cause in _NOBODY_REACHED:
        return _NOBODY_REACHED[cause]
    if cause is Cause.REMOTE_HANG_UP:
        return _remote_end_unanswered(facts, end.at)
    return _local_end_unanswered(facts)


def _answered_at(facts: Facts, end: End) -> float | None:
    """Say when the call was answered, or None where it was not.

    An answer without visible ringing may be the ringback of a network with early media. Talk that
    was counted, or the lack of any reason for another end, makes it one; so does its length. A call
    that we gave up before its greeting began was nobody's.
    """
    if facts.answered_at is not None:
        return facts.answered_at
    if facts.weak_at is None:
        return end.at if end.talked else None
    if end.talked or end.cause is Cause.REMOTE_HANG_UP:
        return facts.weak_at
    if end.cause in _NOBODY_REACHED:
        stood = end.at - facts.weak_at >= TALK_SECONDS
        return facts.weak_at if stood or facts.introduced else None
    return None if facts.greeting_at is None else facts.weak_at


def _answered_end(facts: Facts, answered_at: float) -> Outcome:
    """Name the end of an answered call without a choice.

    A network's answer over which its own busy tone or ringback is heard is nobody's, as long as
    nothing speaks for a person: no key, and nothing played whole that they may have heard. In doubt
    they have declined, so that nobody who listened is called again.
    """
    if facts.machine is Machine.MONOLOGUE:
        return Outcome.VOICEMAIL
    if facts.presses or facts.machine_at is None:
        return Outcome.DECLINED
    if facts.machine is Machine.BUSY_TONE:
        soon = facts.machine_at - answered_at <= BUSY_SECONDS
        return Outcome.BUSY if soon and facts.asked_at is None else Outcome.DECLINED
    if facts.machine is Machine.RINGBACK:
        # Whoever picked up after the ringback may have heard what was played whole since.
        since = facts.asked_at is not None and facts.asked_at >= facts.machine_at
        return Outcome.DECLINED if since else Outcome.NO_ANSWER
    return Outcome.DECLINED


def _remote_end_unanswered(facts: Facts, ended_at: float) -> Outcome:
    begun = facts.ringing_at if facts.ringing_at is not None else facts.dialled_at
    if begun is not None and ended_at - begun >= NETWORK_RING_SECONDS:
        return Outcome.NO_ANSWER
    if facts.ringing_at is not None:
        return Outcome.REJECTED
    return Outcome.UNREACHABLE


def _local_end_unanswered(facts: Facts) -> Outcome:
    if facts.dialled_at is None and facts.ringing_at is None and facts.weak_answer is None:
        return Outcome.FAILED
    if facts.machine is Machine.BUSY_TONE:
        return Outcome.BUSY
    return Outcome.NO_ANSWER if facts.hung_up_because is not None else Outcome.FAILED


def told(presses: tuple[Press, ...]) -> list[dict[str, Any]]:
    """Return the keys as the ledger keeps them: who heard each, and who did not."""
    return [
        {name: value for name, value in asdict(press).items() if value is not None}
        for press in presses
    ]


def evidence(facts: Facts, end: End) -> dict[str, Any]:
    """Return what the outcome rests on, for the ledger: no number, no name, no clip text."""
    found: dict[str, Any] = {"end": end.evidence, "confirmed": end.confirmed}
    optional: dict[str, Any] = {
        "code": end.code,
        "answer": facts.answer,
        "weak_answer": facts.weak_answer,
        "hung_up_because": facts.hung_up_because,
        "machine": None if facts.machine is None else facts.machine.value,
        "machine_evidence": facts.machine_evidence,
        "audio_failure": facts.audio_failure,
        "message_ms": facts.message_ms,
        "withdrawn": facts.withdrawn,
        "stop": facts.stopped,
    }
    found.update({key: value for key, value in optional.items() if value is not None})
    if facts.chosen_at is not None:
        found["message_complete"] = facts.message_complete
    if facts.presses:
        found["keys"] = told(facts.presses)
    return found
