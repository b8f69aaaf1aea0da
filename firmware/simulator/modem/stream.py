"""The samples of one call: between the host's audio port and the callee's ear and mouth."""

from __future__ import annotations

from firmware.simulator.modem.calls import Call, CallState
from firmware.simulator.modem.personality import Modem, VoicePath
from firmware.simulator.modem.storage import Player
from firmware.simulator.modem.voice_path import Uplink
from firmware.simulator.network.scenario import FaultKind
from firmware.simulator.network.sounds import FRAME_BYTES, FRAME_SECONDS

_STOP_LEVEL, _GO_LEVEL = 0.8, 0.3
"""Fill of the uplink buffer at which a module with flow control says stop, and go again."""
_MOST_FRAMES = 500
"""After a longer standstill of the machine (10 box seconds) the lost audio is not made up."""


class Stream:
    """Made for one call. Samples flow while the family's conditions for it are met."""

    def __init__(self, modem: Modem, call: Call) -> None:
        self._modem = modem
        self._call = call
        self.on = False
        """The command that switches the stream on was accepted."""
        self.player: Player | None = None
        """A stored clip that plays to the far end in place of the host's samples."""
        self.uplink = Uplink(modem.speed)
        self._next_frame_at = modem.now
        self._dead = False
        """Silence flows both ways."""
        self._stopped = False
        """Nothing flows, not even silence."""
        self._choked = False

    def switch(self, *, on: bool) -> bool:
        """Switch the stream by command; False where the modem refuses."""
        if on and self._call.rotten and not self._dead:
            # SIM7600: from the second call after power-up the first try is an ERROR, the next is
            # OK, and then the audio is silent both ways until a reset.
            self._dead = True
            return False
        if on and not self._call.rotten:
            self._dead = self._stopped = False
        self.on = on
        return True

    def die(self) -> None:
        """Stop in both directions without a word, until switched on anew."""
        self._stopped = True

    @property
    def flowing(self) -> bool:
        """:meth:`advance` has frames to move every 20 ms."""
        return self._open or self.player is not None

    @property
    def wake_at(self) -> float | None:
        return self._next_frame_at + FRAME_SECONDS if self.flowing else None

    @property
    def _open(self) -> bool:
        personality = self._modem.personality
        match personality.voice_path:
            case VoicePath.NONE:
                return False
            case VoicePath.IN_CALL:
                return self._call.outgoing or self._call.state is CallState.ACTIVE
            case VoicePath.ON_SETTING:
                name, value = personality.voice_setting
                return self._modem.memory.get(name, "").startswith(value)
            case VoicePath.ON_COMMAND:
                return self.on

    def take_uplink(self, data: bytes) -> None:
        """Samples from the host; without an open stream they vanish."""
        if self._open:
            self.uplink.push(data)
            self._control_flow()

    def advance(self) -> None:
        """Move every frame that is due by the modem's present."""
        due = int((self._modem.now - self._next_frame_at) / FRAME_SECONDS + 1e-6)
        if due <= 0:
            return
        self._next_frame_at += due * FRAME_SECONDS
        if self.flowing:
            self._move(min(due, _MOST_FRAMES))

    def _move(self, frames: int) -> None:
        modem, callee = self._modem, self._call.callee
        size = frames * FRAME_BYTES
        is_open = self._open
        heard = self.uplink.pull(frames) if is_open else bytes(size)
        self._control_flow()
        if self._dead or self._stopped or modem.faults.active(FaultKind.UPLINK_DEAD, modem.now):
            heard = bytes(size)
        player = self.player
        if player is not None:
            heard = player.take(size)
        callee.hear(heard, modem.now)
        said = callee.voice.take(size)
        if is_open and not self._stopped:
            modem.send_audio(bytes(size) if self._dead else said)
        if player is not None and not player.samples:
            self.player = None
            player.finished()

    def _control_flow(self) -> None:
        notices = self._modem.personality.flow_notices
        if notices is None:
            return
        if not self._choked and self.uplink.fill > _STOP_LEVEL:
            self._choked = True
            self._modem.notice(notices[0])
        elif self._choked and self.uplink.fill < _GO_LEVEL:
            self._choked = False
            self._modem.notice(notices[1])
