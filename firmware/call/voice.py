"""The voice of one call: when its switch is tried, and what its trouble means for the call."""

from __future__ import annotations

from firmware.call.context import LineContext
from firmware.call.live_call import LiveCall
from firmware.call.progress import Phase
from firmware.errors import CommandAborted
from firmware.faults import Fault
from firmware.voice.path import AudioPath
from firmware.voice.switch import VoiceSwitch

_STOPS = 2
"""A stop throws the switching command out; so often is the voice switched off."""


class CallVoice:
    """Only the line's worker uses it. Raises LinkLost.

    Before the answer the switch is tried once in each phase of the call, after it until it is on or
    hopeless. Starting a path lifts the mute of an emergency that came just before, so *path* is
    muted again where the stop was pressed since its count was *emergencies*.
    """

    def __init__(
        self,
        *,
        call: LiveCall,
        switch: VoiceSwitch,
        path: AudioPath,
        line: LineContext,
        emergencies: int,
    ) -> None:
        self.switch = switch
        self._call = call
        self._path = path
        self._line = line
        self._emergencies = emergencies
        self.broken: str | None = None
        """Why the voice failed for good."""
        self._tried_in = Phase.DIALLING

    def advance(self) -> None:
        """Switch the voice on if it is time and not yet done."""
        if self.broken is not None or self._call.is_over():
            return
        if self._fail_if_lost() or self.switch.on:
            return
        phase = self._call.progress.phase
        answered = self._call.speaking
        if not answered and phase == self._tried_in and phase is not Phase.DIALLING:
            return
        if not answered and phase is Phase.DIALLING and self._tried_in is not Phase.DIALLING:
            return
        self._tried_in = phase if answered or phase is not Phase.DIALLING else Phase.ALERTING
        try:
            self.switch.advance(answered=answered)
        except CommandAborted:
            return
        if self._line.stopped_since(self._emergencies):
            self._path.mute()
        if not self._fail_if_lost() and self.switch.hopeless:
            self._fail("the modem did not switch the voice on", self._line.now())

    def trouble(self, detail: str, at: float) -> None:
        """The voice path reports a fault: switch off and on once, then the voice has failed.

        A path that is lost fails at once: its module would gladly switch off and on.
        """
        if self.broken is not None:
            return
        lost = self.switch.lost
        if lost is not None:
            self._fail(lost, at)
            return
        if not self._call.speaking:
            return
        self._line.log.warning("voice trouble: %s", detail)
        try:
            if self.switch.restart():
                return
        except CommandAborted:
            return
        self._fail(detail, at)

    def fault(self) -> tuple[Fault, str] | None:
        """Return why the next call must not begin before the path was opened anew, and how."""
        broken = self.broken or self.switch.lost
        if broken is not None:
            return Fault.AUDIO_UNUSABLE, broken
        if self.switch.defects:
            # Nobody knows what went unheard; an objection may be among it.
            return Fault.INTERNAL, f"the box failed at {self.switch.defects} reports of its voice"
        return None

    def stop(self) -> None:
        """Switch it off; a stop in between does not keep it on."""
        for _ in range(_STOPS):
            try:
                self.switch.stop()
            except CommandAborted:
                continue
            return

    def _fail_if_lost(self) -> bool:
        """Also before the answer: better nobody answers than somebody hears nothing."""
        lost = self.switch.lost
        if lost is not None:
            self._fail(lost, self._line.now())
        return lost is not None

    def _fail(self, detail: str, at: float) -> None:
        self.broken = detail
        if not self._call.is_over():
            # Afterwards it is the line's business alone: what the callee heard stands.
            self._call.audio_failed(detail, at)
