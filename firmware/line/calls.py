"""The calls of one line: makes each from what the line is now, one at a time.

The worker makes, runs and forgets a call; the dispatcher's and the voice's threads find the
present one in :attr:`LineCalls.call`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firmware.at.calls import CallRow
from firmware.call.context import LineSide
from firmware.call.inbox import Attention, AudioTrouble, Inbox, Ordered
from firmware.call.incoming import Receiving
from firmware.call.live_call import LiveCall
from firmware.call.outgoing import Dialling
from firmware.call.procedure import Calling, pause
from firmware.call.voice import CallVoice
from firmware.clips.clip import Clip
from firmware.clock import Clock
from firmware.events import Event
from firmware.families.base import Family
from firmware.line.status import LineStatus
from firmware.modem.modem import VoiceModem
from firmware.orders import Dial
from firmware.voice.path import AudioCallbacks, AudioPath
from firmware.voice.switch import VoiceSwitch


@dataclass(kw_only=True)
class LineCalls:
    """See the module."""

    status: LineStatus
    clips: Mapping[str, Clip]
    inbox: Inbox
    post: Callable[[Event], None]
    clock: Clock
    emergencies: Callable[[], int]
    answers: bool
    """Callers are answered, and a dial gives way to them."""
    log: logging.Logger

    def __post_init__(self) -> None:
        self.call: LiveCall | None = None
        self.outstanding = False
        """ATD or ATA has no result yet."""
        self._calling: Calling | None = None
        self._usual_refusals: int | None = None

    def place(
        self,
        modem: VoiceModem,
        check_service: Callable[[], None],
        item: Ordered,
        dial: Dial,
    ) -> Calling:
        """Make the call that *dial* asks for."""
        stopped = self._stopped_since(item.emergencies)
        call = self._new_call(attempt=dial.attempt, greeting=dial.greeting, keys=dial.keys)
        calling = Dialling(
            dial=dial,
            yields=self.answers,
            call=call,
            voice=self._voice_of(call, modem, stopped),
            line=self._side(modem, check_service),
            stopped=stopped,
        )
        self._calling = calling
        return calling

    def receive(
        self,
        modem: VoiceModem,
        check_service: Callable[[], None],
        row: CallRow,
        number: str | None,
    ) -> Receiving:
        """Make the call of the caller who rings in *row*."""
        stopped = self._stopped_since(self.emergencies())
        call = self._new_call(attempt=f"in-{uuid.uuid4().hex}", greeting=None, incoming=True)
        receiving = Receiving(
            number=number,
            row=row,
            call=call,
            voice=self._voice_of(call, modem, stopped),
            line=self._side(modem, check_service),
            stopped=stopped,
        )
        self._calling = receiving
        return receiving

    def forget(self) -> VoiceSwitch | None:
        """The call is over; return how its voice went, or None where there was no call."""
        calling, self._calling, self.call = self._calling, None, None
        if calling is None:
            return None
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
            line=self.status.name,
            attempt=attempt,
            greeting=greeting,
            keys=keys,
            incoming=incoming,
            family=self._family,
            path=self._path,
            clips=self.clips,
            witnesses=self.status.witnesses(),
            post=self.post,
            attention=lambda: self.inbox.put(Attention()),
            began=self.clock.monotonic(),
        )
        return self.call

    def _voice_of(
        self, call: LiveCall, modem: VoiceModem, stopped: Callable[[], bool]
    ) -> CallVoice:
        switch = VoiceSwitch(
            modem=modem,
            family=self._family,
            path=self._path,
            pause=lambda seconds: pause(self.clock, seconds),
            log=self.log,
            usual_refusals=self._usual_refusals,
        )
        return CallVoice(
            call=call,
            switch=switch,
            mute=self._path.mute,
            stopped=stopped,
            clock=self.clock,
            log=self.log,
        )

    def _side(self, modem: VoiceModem, check_service: Callable[[], None]) -> LineSide:
        return LineSide(
            modem=modem,
            family=self._family,
            inbox=self.inbox,
            post=self.post,
            fault=self.status.fault,
            check_service=check_service,
            clock=self.clock,
            emergencies=self.emergencies,
            dialling=self._set_outstanding,
            log=self.log,
        )

    def _stopped_since(self, emergencies: int) -> Callable[[], bool]:
        return lambda: self.emergencies() != emergencies

    def _set_outstanding(self, outstanding: bool) -> None:
        self.outstanding = outstanding

    def _clip_started(self, clip: str, at: float) -> None:
        call = self.call
        if call is not None:
            call.clip_started(clip, at)

    def _clip_finished(self, clip: str, played_ms: int, complete: bool, at: float) -> None:
        call, calling = self.call, self._calling
        if call is not None:
            # A stop silences the path before anybody else hears of it.
            stopped = calling is not None and calling.stopped()
            call.clip_finished(clip, played_ms, complete, at, stopped=stopped)

    def _downlink(self, pcm: bytes, at: float) -> None:
        call = self.call
        if call is not None:
            call.downlink(pcm, at)

    def _audio_failed(self, detail: str, at: float) -> None:
        self.inbox.put(AudioTrouble(detail=detail, at=at))
