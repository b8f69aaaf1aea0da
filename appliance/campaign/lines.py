"""The box's lines: which are ready, and the call that runs on each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter

from appliance.call import keys as call_keys
from appliance.call.attempt import step as advance
from appliance.call.state import (
    AttemptInput,
    AttemptState,
    CallEvent,
    Concluded,
    Step,
    TimeReached,
    Withdrawn,
)
from appliance.campaign.recorder import Recorder
from appliance.effects import Now
from firmware import events
from firmware.events import MODULE_LAG
from firmware.faults import Fault

_VOICE_GONE_TOO = frozenset(
    {Fault.PORT_LOST, Fault.PORT_MISSING, Fault.NO_MODEM, Fault.RESTARTED, Fault.POWER_LOW}
)
"""Of a modem that was unplugged or lost its supply: its voice went with it, and nothing is wrong
with the voice by itself."""


class Lines:
    """Moves the running calls. ``lines`` maps each line's name to whether it is a bench line.

    *freed* is told the subjects whose call has ended.
    """

    def __init__(
        self,
        lines: Mapping[str, bool],
        recorder: Recorder,
        *,
        freed: Callable[[Iterable[str]], None],
    ) -> None:
        self._lines = {name: LineState(name, bench) for name, bench in lines.items()}
        self._recorder = recorder
        self._freed = freed
        self.audio_ok = True
        """False once a call's voice failed by itself, until one worked."""
        self._voiceless: str | None = None
        """The line of that call."""

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def calls(self) -> dict[str, AttemptState]:
        """The running call of each line that has one."""
        return {line.name: line.call for line in self._lines.values() if line.call is not None}

    @property
    def ready(self) -> tuple[str, ...]:
        return tuple(line.name for line in self._lines.values() if line.ready)

    @property
    def unconfirmed(self) -> set[str]:
        """Lines whose last call may be up although its outcome is written."""
        return {name for name, line in self._lines.items() if line.unconfirmed is not None}

    @property
    def faults(self) -> dict[str, events.LineFault]:
        return {n: line.fault for n, line in self._lines.items() if line.fault is not None}

    @property
    def idle(self) -> list[LineState]:
        """Lines that could take a call now, the longest unused first."""
        idle = [line for line in self._lines.values() if line.idle]
        idle.sort(key=attrgetter("used_at"))
        return idle

    @property
    def any_ready(self) -> bool:
        return any(line.ready for line in self._lines.values())

    @property
    def any_idle(self) -> bool:
        return any(line.idle for line in self._lines.values())

    @property
    def kinds(self) -> set[bool]:
        """Whether there are bench lines, real lines or both."""
        return {line.bench for line in self._lines.values()}

    @property
    def deadlines(self) -> list[float]:
        """When each running call moves on by itself, in box-monotonic seconds."""
        return [
            line.call.deadline
            for line in self._lines.values()
            if line.call is not None and not isinstance(line.call, Concluded)
        ]

    def became_ready(self, event: events.LineReady, now: Now) -> None:
        line = self._lines.get(event.line)
        if line is None:
            return
        if line.fault is not None:
            fault = line.fault.fault
            self._recorder.record("line.healed", None, now, line=line.name, fault=fault)
        line.ready, line.fault, line.unconfirmed = True, None, None
        line.linger = 0.0 if events.Witness.HOST in event.witnesses else MODULE_LAG

    def failed(self, event: events.LineFault, now: Now) -> None:
        line = self._lines.get(event.line)
        if line is None:
            return
        if line.fault is None or (line.fault.fault, line.fault.final) != (event.fault, event.final):
            self._recorder.record(
                "line.fault",
                None,
                now,
                line=line.name,
                fault=event.fault,
                detail=event.detail,
                remedy=event.remedy,
                final=event.final,
            )
        line.ready, line.fault = False, event
        if event.fault in _VOICE_GONE_TOO and line.name == self._voiceless:
            # The voice was only the first to notice.
            self.audio_ok, self._voiceless = True, None

    def receiving(self, name: str, receiving: bool) -> None:
        """Note that somebody calls on the line *name*, or does no longer."""
        if name in self._lines:
            self._lines[name].receiving = receiving

    def begin(self, line: LineState, begun: Step, now: Now) -> None:
        """Give *line* a call that was just authorised."""
        line.call = begun.state
        for effect in begun.effects:
            self._recorder.emit(effect, now)

    def call_event(self, event: CallEvent, now: Now) -> None:
        line = self._lines.get(event.line)
        if line is None:
            return
        if line.call is not None and line.call.call.attempt == event.attempt:
            self._move(line, event, now)
        elif line.unconfirmed is not None and line.unconfirmed.call.attempt == event.attempt:
            self._after_end(line, line.unconfirmed, event, now)

    def move_all(self, event: AttemptInput, now: Now) -> None:
        """Tell every running call."""
        for line in self._lines.values():
            self._move(line, event, now)

    def named(self, name: str) -> LineState:
        return self._lines[name]

    def withdraw_claimed(self, pid: str, by: str, now: Now) -> None:
        """End the call with whom the fleet knows as *pid*, if there is one."""
        for line in self._lines.values():
            claim = None if line.call is None else line.call.call.claim
            if claim is not None and claim.pid == pid:
                self._move(line, Withdrawn(by=by), now)

    def withdraw(self, subject: str, by: str, now: Now) -> None:
        """End the call with *subject*, if there is one: their consent is gone."""
        for line in self._lines.values():
            if line.call is not None and line.call.call.subject == subject:
                self._move(line, Withdrawn(by=by), now)

    def time_passed(self, now: Now) -> None:
        """Move every call whose deadline is reached."""
        for line in self._lines.values():
            call = line.call
            if call is None or isinstance(call, Concluded):
                continue
            if now.monotonic >= call.deadline:
                self._move(line, TimeReached(), now)

    def _voice_failed(self, line: LineState, event: AttemptInput) -> None:
        lost = isinstance(event, events.Ended) and event.cause is events.Cause.LINE_LOST
        down = line.fault is not None and line.fault.fault in _VOICE_GONE_TOO
        if not lost and not down:
            self.audio_ok, self._voiceless = False, line.name

    def _after_end(self, line: LineState, ended: Concluded, event: CallEvent, now: Now) -> None:
        """The outcome is written, the line has not confirmed the end: the person may be there."""
        if isinstance(event, events.Ended) and event.confirmed:
            line.unconfirmed = None
        elif isinstance(event, events.KeyHeard):
            line.unconfirmed, effects = call_keys.object_late(ended, event, now)
            for effect in effects:
                self._recorder.emit(effect, now)
            if effects:
                self._freed((ended.call.subject,))

    def _move(self, line: LineState, event: AttemptInput, now: Now) -> None:
        if line.call is None:
            return
        moved = advance(line.call, event, now)
        line.call = moved.state
        for effect in moved.effects:
            self._recorder.emit(effect, now)
        if isinstance(moved.state, Concluded):
            call, facts = moved.state.call, moved.state.facts
            if facts.audio_failure is not None:
                self._voice_failed(line, event)
            elif facts.introduced or facts.presses:
                self.audio_ok, self._voiceless = True, None
            line.call = None
            line.used_at = now.monotonic
            if not moved.state.confirmed:
                line.unconfirmed = moved.state
            self._freed((call.subject,))


@dataclass(slots=True)
class LineState:
    """Changes as its events come in; only the engine changes it."""

    name: str
    bench: bool
    ready: bool = False
    fault: events.LineFault | None = None
    call: AttemptState | None = None
    unconfirmed: Concluded | None = None
    """The call whose end the line has not confirmed: it takes no other until it has, and whoever
    is still in it may object."""
    receiving: bool = False
    """Somebody calls on it; nobody is dialled meanwhile."""
    claiming: bool = False
    """The fleet is asked whether it may call somebody; it takes nobody else meanwhile."""
    linger: float = MODULE_LAG
    """Seconds by which it may tell a key late: a module's notice, where the host hears none."""
    used_at: float = float("-inf")

    @property
    def idle(self) -> bool:
        return (
            self.ready
            and self.call is None
            and self.unconfirmed is None
            and not self.receiving
            and not self.claiming
        )
