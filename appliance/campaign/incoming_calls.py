"""Somebody calls the box: whom it answers, and what their calls ask of the campaign. Pure.

Objecting is a right, so callers are answered also while dialling is paused or the clock is not
trusted. They are rejected while the emergency stop is latched, because then the box is silent;
while the disk refuses rows, because nothing could be kept; and without a number, because there is
none to put on the list. Who calls is told by the network and not proven, and an objection is the
harmless direction to be fooled in.

The caller's number lives in the ringing event alone: from it follow the random id of a registered
person, and the keyed hash, which reaches the ledger only with an objection. How one such call goes
is :mod:`appliance.call.incoming`.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.call import incoming, ledger_rows
from appliance.call.incoming_state import (
    CallerObjects,
    Concluded,
    HangUpCaller,
    IncomingCall,
    Live,
    Step,
)
from appliance.call.state import CallEvent, TimeReached
from appliance.campaign.interfaces import People
from appliance.campaign.lines import Lines
from appliance.campaign.recorder import Recorder
from appliance.campaign.withdrawals import Withdrawals
from appliance.effects import Now
from appliance.model import Campaign, Script
from firmware import events


class IncomingCalls:
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
        self._running: dict[str, Live] = {}
        self._unconfirmed: dict[str, Concluded] = {}
        """Calls whose end the line has not confirmed: whoever is still in one may object, and the
        line dials nobody until it says that it is free."""

    @property
    def running(self) -> Mapping[str, Live]:
        """The incoming call of each line that has one."""
        return self._running

    @property
    def unconfirmed(self) -> set[str]:
        """Lines whose last incoming call may be up although its end is written."""
        return set(self._unconfirmed)

    @property
    def deadlines(self) -> list[float]:
        """When each running call moves on by itself, in box-monotonic seconds."""
        return [call.deadline for call in self._running.values()]

    def ringing(self, event: events.IncomingRinging, now: Now, *, stopped: bool) -> None:
        """Answer a caller, or reject them; *stopped* says that the box is to be silent."""
        number_hash = None if event.number is None else self._people.number_hash(event.number)
        contact = None if event.number is None else self._people.by_number(event.number)
        script = self._script(None if contact is None else contact.language)
        call = IncomingCall(
            attempt=event.attempt,
            line=event.line,
            subject=None if contact is None else contact.subject,
            number_hash=number_hash or "",
            greeting=script.incoming or "",
            confirmation=script.opted_out,
            object_key=self._campaign.object_key,
            durations=script.durations,
            timers=self._campaign.timers,
        )
        self._unconfirmed.pop(event.line, None)
        self._lines.receiving(event.line, True)
        refusal = self._refusal(call, stopped=stopped)
        self._moved(event.line, incoming.begin(call, now, refusal=refusal), now)

    def takes(self, event: CallEvent, now: Now) -> bool:
        """Take an event of an incoming call; False where it belongs to none."""
        state = self._running.get(event.line) or self._unconfirmed.get(event.line)
        if state is None or state.call.attempt != event.attempt:
            return False
        self._moved(event.line, incoming.step(state, event, now), now)
        return True

    def gone(self, event: events.WaitingGone, now: Now) -> None:
        """Somebody who waited during a call was not answered after it."""
        contact = None if event.number is None else self._people.by_number(event.number)
        row = ledger_rows.waiting_gone(event, None if contact is None else contact.subject)
        self._recorder.emit(row, now)

    def became_ready(self, line: str) -> None:
        """The line says that it is free: nobody is left in a call whose end it never told."""
        if self._unconfirmed.pop(line, None) is not None:
            self._lines.receiving(line, False)

    def time_passed(self, now: Now) -> None:
        """Move every call whose deadline is reached."""
        for line, state in list(self._running.items()):
            if now.monotonic >= state.deadline:
                self._moved(line, incoming.step(state, TimeReached(), now), now)

    def end(self, why: str, now: Now) -> None:
        """Hang up every incoming call: ``stop``, ``shutdown``, or ``storage`` where nothing can be
        recorded."""
        for line, state in list(self._running.items()):
            self._moved(line, incoming.step(state, HangUpCaller(why=why), now), now)

    def _moved(self, line: str, step: Step, now: Now) -> None:
        for effect in step.effects:
            if isinstance(effect, CallerObjects):
                self._object(effect.call, now)
            else:
                self._recorder.emit(effect, now)
        if not isinstance(step.state, Concluded):
            self._running[line] = step.state
            return
        self._running.pop(line, None)
        if step.state.confirmed:
            self._unconfirmed.pop(line, None)
            self._lines.receiving(line, False)
        else:
            self._unconfirmed[line] = step.state

    def _object(self, call: IncomingCall, now: Now) -> None:
        self._withdrawals.revoke(
            call.subject, call.number_hash, "incoming", now, incoming=call.attempt
        )

    def _script(self, language: str | None) -> Script:
        """A registered caller's own language where there is a clip in it."""
        default = self._campaign.script(self._campaign.default_language)
        known = default if language is None else self._campaign.script(language)
        return known if known.incoming is not None else default

    def _refusal(self, call: IncomingCall, *, stopped: bool) -> str | None:
        if stopped:
            return "stop"
        if self._recorder.storage_failure is not None:
            return "storage"
        if not call.number_hash:
            return "no number"
        return None if call.greeting else "no clip"
