"""The calls of one line: makes each from what the line is now, one at a time.

The worker makes, runs and forgets a call; the dispatcher's and the voice's threads find the
present one in :attr:`LineCalls.call`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from firmware.at.calls import CallRow
from firmware.at.command_port import CommandPort
from firmware.call.context import LineContext
from firmware.call.inbox import AudioTrouble, Ordered
from firmware.call.incoming import Caller, IncomingCall
from firmware.call.live_call import LiveCall
from firmware.call.outgoing import OutgoingCall
from firmware.call.procedure import CallProcedure
from firmware.call.voice import CallVoice
from firmware.clips.clip import Clip
from firmware.families.base import Family
from firmware.line.levels import CallLevels
from firmware.line.status import LineStatus
from firmware.orders import Dial
from firmware.voice.path import AudioCallbacks, AudioPath
from firmware.voice.switch import VoiceSwitch


@dataclass(kw_only=True)
class LineCalls:
    """See the module."""

    line: LineContext
    status: LineStatus
    clips: Mapping[str, Clip]

    def __post_init__(self) -> None:
        self.call: LiveCall | None = None
        self.levels = CallLevels()
        self._calling: CallProcedure | None = None
        self._usual_refusals: int | None = None
        self._lists_calls: bool | None = None
        """Whether the modem's call list shows its calls, as the calls so far have shown."""

    def place(self, modem: CommandPort, item: Ordered, dial: Dial) -> CallProcedure:
        """Make the call that *dial* asks for."""
        call = self._new_call(attempt=dial.attempt, greeting=dial.greeting, keys=dial.keys)
        calling = OutgoingCall(
            dial=dial,
            # A dial gives way to callers where they are answered.
            yields=self.line.settings.incoming == "answer",
            call=call,
            voice=self._voice_of(call, modem, item.emergencies),
            line=self.line,
            modem=modem,
            family=self._family,
            emergencies=item.emergencies,
        )
        self._calling = calling
        return calling

    def receive(self, modem: CommandPort, row: CallRow, caller: Caller | None) -> IncomingCall:
        """Make the call of the caller who rings in *row*; None where they hide their number."""
        emergencies = self.line.emergencies
        call = self._new_call(attempt=f"in-{uuid.uuid4().hex}", greeting=None, incoming=True)
        receiving = IncomingCall(
            caller=caller,
            row=row,
            call=call,
            voice=self._voice_of(call, modem, emergencies),
            line=self.line,
            modem=modem,
            family=self._family,
            emergencies=emergencies,
        )
        self._calling = receiving
        return receiving

    def forget(self) -> VoiceSwitch | None:
        """The call is over; return how its voice went, or None where there was no call."""
        calling, self._calling, self.call = self._calling, None, None
        self.levels.forget()
        if calling is None:
            return None
        lists = calling.call.progress.lists_calls
        if lists is not None:
            self._lists_calls = lists
        voice = calling.voice
        if self._usual_refusals is None:
            self._usual_refusals = voice.switch.refusals
        fault = voice.fault()
        if fault is not None or voice.switch.accepted:
            self.status.voice_failed = None if fault is None else fault[1]
        return voice.switch

    def module_restarted(self) -> None:
        """How the module takes its voice switch has to be learnt anew."""
        self._usual_refusals = None

    def voice_callbacks(self) -> AudioCallbacks:
        """What the voice path reports goes to the call that is up."""
        return AudioCallbacks(
            on_started=self._clip_started,
            on_advanced=self._clip_advanced,
            on_finished=self._clip_finished,
            on_downlink=self._downlink,
            on_failed=self._audio_failed,
        )

    @property
    def _family(self) -> Family:
        identity = self.status.identity
        assert identity is not None
        return identity.family

    @property
    def _path(self) -> AudioPath:
        path = self.status.path
        assert path is not None
        return path

    def _new_call(
        self, *, attempt: str, greeting: str | None, keys: str = "", incoming: bool = False
    ) -> LiveCall:
        self.call = LiveCall(
            line=self.line,
            attempt=attempt,
            greeting=greeting,
            keys=keys,
            incoming=incoming,
            family=self._family,
            path=self._path,
            clips=self.clips,
            witnesses=self.status.witnesses(),
            began=self.line.now(),
            listed=self._lists_calls,
        )
        return self.call

    def _voice_of(self, call: LiveCall, modem: CommandPort, emergencies: int) -> CallVoice:
        switch = VoiceSwitch(
            modem=modem,
            family=self._family,
            path=self._path,
            pause=self.line.pause,
            log=self.line.log,
            usual_refusals=self._usual_refusals,
        )
        return CallVoice(
            call=call,
            switch=switch,
            path=self._path,
            line=self.line,
            emergencies=emergencies,
        )

    def _clip_started(self, clip: str, at: float) -> None:
        self.levels.started(self.clips.get(clip), at)
        call = self.call
        if call is not None:
            call.clip_started(clip, at)

    def _clip_advanced(self, clip: str, played_ms: int, at: float) -> None:
        call = self.call
        if call is not None:
            call.clip_advanced(clip, played_ms, at)

    def _clip_finished(self, clip: str, played_ms: int, complete: bool, at: float) -> None:
        self.levels.finished()
        call, calling = self.call, self._calling
        if call is not None:
            # A stop silences the path before anybody else hears of it.
            stopped = calling is not None and calling.stopped()
            call.clip_finished(clip, played_ms, complete, at, stopped=stopped)

    def _downlink(self, pcm: bytes, at: float) -> None:
        call = self.call
        if call is not None:
            call.downlink(pcm, at)
            self.levels.heard(pcm, at)

    def _audio_failed(self, detail: str, at: float) -> None:
        self.line.inbox.put(AudioTrouble(detail=detail, at=at))
