"""How an outgoing call begins: silence proven, the last look, the dial command.

The order of things, and why: the call list is read empty *before* the dial, so that whatever row
comes is ours. The emergency count travels with the dial command, so that a stop in between
finds either no dial bytes or a hang-up behind them. A dial command without a result may still ring
somebody's phone; then the call list decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firmware.call.inbox import Heard, rings
from firmware.call.procedure import CallProcedure
from firmware.faults import Fault, LineDown
from firmware.modem.hang_up import Proof, hang_up, prove_silence, read_calls
from firmware.orders import Dial

CALLED = "somebody calls this line just now"
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(kw_only=True)
class OutgoingCall(CallProcedure):
    """The call that one Dial asks for."""

    dial: Dial
    yields: bool = False
    """Give way to a caller who rings just now, rather than turn them away."""

    def _begin(self) -> bool:
        number = self.dial.number
        if _NUMBER.fullmatch(number) is None:
            self._refuse("the number is not E.164")
            return False
        if not self._make_ready():
            return False
        return self._start(self.family.dial.format(number=number), self._still_wanted)

    def _make_ready(self) -> bool:
        """Prove that no call is up, and send what the family wants before each call; False where
        somebody calls."""
        silence = Proof.SILENT
        rows = read_calls(self.modem, self.family)
        if self.yields and any(row.incoming for row in rows or ()):
            self._refuse(CALLED)
            return False
        if rows != ():
            silence = prove_silence(self.modem, self.family, pause=self.line.pause)
        if silence is Proof.MUTE:
            raise LineDown(Fault.NO_REPLY, "the modem did not answer before the dial")
        if silence is Proof.NONE:
            self.line.log.warning("a call was up before the dial")
            if not hang_up(self.modem, self.family, pause=self.line.pause).confirmed:
                raise LineDown(Fault.HANG_UP_UNCONFIRMED, "a call was up and would not end")
        self._send_before_call()
        return True

    def _still_wanted(self) -> bool:
        """Take in what came since the order; False where the dial must not go out any more."""
        while not self.call.is_over() and (item := self.line.inbox.get(0.0)) is not None:
            self._take(item)
        if self.yields and not self.call.is_over() and self._caller_heard():
            self._refuse(CALLED)
            return False
        lost = self.voice.switch.lost
        if not self.call.is_over() and lost is not None:
            self.line.fault(Fault.AUDIO_UNUSABLE, lost)
            self._refuse(lost)
            return False
        dial_by = self.dial.dial_by
        if not self.call.is_over() and dial_by is not None and self.line.now() > dial_by:
            self._refuse("the permission ended before the dial")
            return False
        return not self.call.is_over()

    def _caller_heard(self) -> bool:
        return any(isinstance(item, Heard) and rings(item.reading.sign) for item in self._deferred)

    def _unanswered(self) -> None:
        """No result of ATD: some modems give it at the answer only, some lose it. The call list
        decides; without a word of a call everything is hung up."""
        rows = read_calls(self.modem, self.family)
        if rows is None:
            rows = read_calls(self.modem, self.family)
        if any(row.voice and not row.incoming for row in rows or ()):
            self.call.rows(rows, self.line.now())
            return
        progress = self.call.progress
        if (progress.told_at is not None or progress.ending) and not self.call.is_over():
            return
        self.call.gave_up(f"no result in {self.family.timing.dial:g} s", self.line.now())

    def _refuse(self, evidence: str) -> None:
        self._ended = True
        self.line.refuse(self.dial, evidence)
