"""Somebody calls the box: it answers, says how to object, and hears key 9. Pure.

Objecting is a right, so callers are answered also while dialling is paused or the clock is not
trusted. They are rejected while the emergency stop is latched, because then the box is silent;
while the disk refuses rows, because nothing could be kept; and without a number, because there is
none to put on the list. Who calls is told by the network and not proven, and an objection is the
harmless direction to be fooled in.

The caller's number lives in the ringing event alone: from it follow the random id of a registered
person, and the keyed hash, which reaches the ledger only with an objection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum, unique

from appliance.call.keys import MAX_PRESS_ROWS
from appliance.call.outcome import Press, confirmed, missed
from appliance.call.state import CallEvent
from appliance.campaign.interfaces import People
from appliance.campaign.lines import Lines
from appliance.campaign.recorder import Recorder
from appliance.campaign.withdrawals import Withdrawals
from appliance.effects import Now, Send
from appliance.model import Campaign, Script
from firmware import events
from firmware.orders import AnswerCall, HangUp, Play

ANSWER_WITHIN = 20.0
"""Box seconds from the order to answer until the line must say that it did."""
_UNKNOWN_SECONDS = 20.0
"""Taken for a clip whose length nobody knows."""


@unique
class Phase(StrEnum):
    ANSWERING = "answering"
    GREETING = "greeting"
    WAITING = "waiting"
    CONFIRMING = "confirming"
    HANGING_UP = "hanging up"


@unique
class Ending(StrEnum):
    """How an incoming call ended, as ``incoming.ended`` says it."""

    OBJECTED = "objected"
    NO_KEY = "no_key"
    """Answered; key 9 was not heard."""
    MISSED = "missed"
    """The caller gave up before the answer."""
    REJECTED = "rejected"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """One incoming call. Times are box-monotonic seconds."""

    attempt: str
    line: str
    subject: str | None
    """The registered person with this number."""
    number_hash: str
    clip: str
    confirmation: str
    durations: Mapping[str, float]
    phase: Phase
    deadline: float | None
    """None where only the line's word is awaited: it always comes."""
    answered_at: float | None = None
    presses: tuple[Press, ...] = ()
    objected: bool = False
    why: str | None = None
    """Why the box hung up, or rejected."""
    more: dict[str, object] = field(default_factory=dict)


class Receptions:
    """The incoming calls of all lines, at most one on each."""

    def __init__(
        self,
        *,
        campaign: Campaign,
        people: People,
        recorder: Recorder,
        lines: Lines,
        withdrawals: Withdrawals,
    ) -> None:
        self._campaign = campaign
        self._people = people
        self._recorder = recorder
        self._lines = lines
        self._withdrawals = withdrawals
        self._running: dict[str, Reception] = {}

    @property
    def running(self) -> Mapping[str, Reception]:
        """The incoming call of each line that has one."""
        return self._running

    @property
    def deadlines(self) -> list[float]:
        return [r.deadline for r in self._running.values() if r.deadline is not None]

    def ringing(self, event: events.IncomingRinging, now: Now, *, stopped: bool) -> None:
        """Answer a caller, or reject them; *stopped* says that the box is to be silent."""
        number_hash = None if event.number is None else self._people.number_hash(event.number)
        contact = None if event.number is None else self._people.by_number(event.number)
        script = self._script(None if contact is None else contact.language)
        reception = Reception(
            attempt=event.attempt,
            line=event.line,
            subject=None if contact is None else contact.subject,
            number_hash=number_hash or "",
            clip=script.incoming or "",
            confirmation=script.opted_out,
            durations=script.durations,
            phase=Phase.ANSWERING,
            deadline=now.monotonic + ANSWER_WITHIN,
        )
        self._lines.receiving(event.line, True)
        why = self._refusal(reception, stopped=stopped)
        if why is not None:
            self._hang_up(reception, why, now)
            return
        self._running[event.line] = reception
        order = AnswerCall(
            line=event.line,
            attempt=event.attempt,
            greeting=reception.clip,
            keys=self._campaign.object_key,
        )
        self._recorder.emit(Send(order=order), now)

    def takes(self, event: CallEvent, now: Now) -> bool:
        """Take an event of an incoming call; False where it belongs to none."""
        reception = self._running.get(event.line)
        if reception is None or reception.attempt != event.attempt:
            return False
        match event:
            case events.Answered():
                self._answered(reception, event, now)
            case events.ClipFinished():
                self._clip_finished(reception, event, now)
            case events.KeyHeard():
                self._key(reception, event, now)
            case events.KeyConfirmed():
                presses = confirmed(
                    reception.presses, event.key, event.witness.value, event.sureness
                )
                self._running[event.line] = replace(reception, presses=presses)
            case events.KeyUnconfirmed():
                presses = missed(
                    reception.presses, event.key, event.witness.value, event.missed_by.value
                )
                self._running[event.line] = replace(reception, presses=presses)
            case events.AudioFailed():
                self._hang_up(replace(reception, more={"audio": event.detail}), "audio", now)
            case events.Ended():
                self._ended(reception, event, now)
            case _:
                pass
        return True

    def time_passed(self, now: Now) -> None:
        """Hang up where a deadline is reached."""
        for reception in list(self._running.values()):
            if reception.deadline is None or now.monotonic < reception.deadline:
                continue
            match reception.phase:
                case Phase.GREETING:
                    # A clip without an end notice counts as over.
                    self._await_key(reception, now)
                case Phase.CONFIRMING:
                    self._hang_up(reception, "done", now)
                case Phase.ANSWERING | Phase.WAITING | Phase.HANGING_UP:
                    self._hang_up(reception, "silence", now)

    def end(self, why: str, now: Now) -> None:
        """Hang up every incoming call: ``stop``, or ``storage`` where nothing can be recorded."""
        for reception in list(self._running.values()):
            self._hang_up(reception, why, now, again=True)

    # --- moves -------------------------------------------------------------------------------

    def _script(self, language: str | None) -> Script:
        """A registered caller's own language where there is a clip in it."""
        default = self._campaign.script(self._campaign.default_language)
        known = default if language is None else self._campaign.script(language)
        return known if known.incoming is not None else default

    def _refusal(self, reception: Reception, *, stopped: bool) -> str | None:
        if stopped:
            return "stop"
        if self._recorder.storage_failure is not None:
            return "storage"
        if not reception.number_hash:
            return "no number"
        return None if reception.clip else "no clip"

    def _answered(self, reception: Reception, event: events.Answered, now: Now) -> None:
        self._recorder.record(
            "incoming.answered",
            reception.subject,
            now,
            incoming=reception.attempt,
            line=reception.line,
            evidence=event.evidence,
        )
        deadline = self._clip_deadline(reception, reception.clip, now)
        known = replace(reception, answered_at=event.at)
        if reception.phase is Phase.ANSWERING:
            known = replace(known, phase=Phase.GREETING, deadline=deadline)
        self._running[reception.line] = known

    def _clip_finished(self, reception: Reception, event: events.ClipFinished, now: Now) -> None:
        match reception.phase:
            case Phase.GREETING if event.clip == reception.clip:
                self._await_key(reception, now)
            case Phase.CONFIRMING if event.clip == reception.confirmation:
                self._hang_up(reception, "done", now)
            case _:
                pass

    def _await_key(self, reception: Reception, now: Now) -> None:
        wait = self._campaign.timers.key_wait.total_seconds()
        waiting = replace(reception, phase=Phase.WAITING, deadline=now.monotonic + wait)
        self._running[reception.line] = waiting

    def _key(self, reception: Reception, event: events.KeyHeard, now: Now) -> None:
        """Record an objection before anything that it causes; then confirm it."""
        objects = event.key == self._campaign.object_key and not reception.objected
        if objects:
            self._withdrawals.revoke(
                reception.subject,
                reception.number_hash,
                "incoming",
                now,
                incoming=reception.attempt,
            )
        if objects or len(reception.presses) < MAX_PRESS_ROWS:
            self._recorder.record(
                "incoming.key",
                reception.subject,
                now,
                incoming=reception.attempt,
                key=event.key,
                witness=event.witness.value,
                sureness=round(event.sureness, 3),
                counted=objects,
            )
            press = Press(event.key, event.witness.value)
            reception = replace(reception, presses=(*reception.presses, press))
        if objects:
            reception = replace(reception, objected=True)
        if objects and reception.phase is not Phase.HANGING_UP:
            clip = reception.confirmation
            deadline = self._clip_deadline(reception, clip, now)
            reception = replace(reception, phase=Phase.CONFIRMING, deadline=deadline)
            order = Play(line=reception.line, attempt=reception.attempt, clip=clip)
            self._recorder.emit(Send(order=order), now)
        self._running[reception.line] = reception

    def _hang_up(self, reception: Reception, why: str, now: Now, *, again: bool = False) -> None:
        """Order the end; *again* also where that was done."""
        if reception.phase is Phase.HANGING_UP and not again:
            self._running[reception.line] = reception
            return
        order = HangUp(line=reception.line, attempt=reception.attempt)
        self._recorder.emit(Send(order=order), now)
        self._running[reception.line] = replace(
            reception, phase=Phase.HANGING_UP, deadline=None, why=reception.why or why
        )

    def _ended(self, reception: Reception, event: events.Ended, now: Now) -> None:
        del self._running[reception.line]
        self._lines.receiving(reception.line, False)
        talked = 0.0 if reception.answered_at is None else event.at - reception.answered_at
        self._recorder.record(
            "incoming.ended",
            reception.subject,
            now,
            incoming=reception.attempt,
            line=reception.line,
            outcome=_ending(reception, event.cause).value,
            why=reception.why,
            cause=event.cause.value,
            evidence={
                "end": event.evidence,
                "code": event.code,
                "confirmed": event.confirmed,
                "keys": [_told(press) for press in reception.presses],
                **reception.more,
            },
            talk_seconds=round(max(talked, 0.0), 3),
        )

    def _clip_deadline(self, reception: Reception, clip: str, now: Now) -> float:
        length = reception.durations.get(clip, _UNKNOWN_SECONDS)
        timers = self._campaign.timers
        return now.monotonic + length + (timers.clip_start + timers.clip_margin).total_seconds()


def _ending(reception: Reception, cause: events.Cause) -> Ending:
    if reception.objected:
        return Ending.OBJECTED
    if cause is events.Cause.EMERGENCY or reception.why == "stop":
        return Ending.STOPPED if reception.answered_at is not None else Ending.REJECTED
    if cause in (events.Cause.FAILED, events.Cause.LINE_LOST) or reception.why == "audio":
        return Ending.FAILED
    if reception.answered_at is not None:
        return Ending.NO_KEY
    return Ending.MISSED if reception.why is None else Ending.REJECTED


def _told(press: Press) -> dict[str, object]:
    return {name: value for name, value in asdict(press).items() if value is not None}
