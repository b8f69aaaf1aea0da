"""The voice path of one line: made at bring-up, changed between calls where it proved dead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from firmware.at.command_port import CommandPort
from firmware.call.context import LineContext
from firmware.clips.clip import Clip
from firmware.dtmf.listener import DownlinkDetector
from firmware.errors import CommandRefused, FirmwareError, PortUnusable
from firmware.faults import Fault, LineDown
from firmware.line.status import LineStatus
from firmware.line_settings import MODULE
from firmware.modem.identity import Identity
from firmware.voice.choice import VoiceChoice, choice_file, is_stream, may_fall_back
from firmware.voice.module_file import ModuleFilePath
from firmware.voice.module_memory import FileMemory
from firmware.voice.path import AudioCallbacks, AudioPath
from firmware.voice.switch import PathFactory, PathNeeds, VoiceSwitch
from firmware.wording import with_remedy, worded

FILE_MARGIN = 64 * 1024
"""Bytes that the clips may have become shorter by since the upload, and those of the header."""
REFUSED = worded("the module refused the voice stream in several calls running")


class LineVoice:
    """Written by the line's worker; :attr:`path` is read by any thread."""

    def __init__(
        self,
        line: LineContext,
        status: LineStatus,
        *,
        clips: Mapping[str, Clip],
        callbacks: AudioCallbacks,
        state_dir: Path,
        factory: PathFactory,
    ) -> None:
        self.path: AudioPath | None = None
        self._line = line
        self._status = status
        self._state_dir = state_dir
        self._clips = clips
        self._callbacks = callbacks
        self._choice = VoiceChoice(choice_file(state_dir, line.name))
        self._factory = factory
        self._due = False
        self._openings = 0

    @property
    def lost(self) -> str | None:
        """Why the path has to be opened anew: no call is placed or taken then."""
        path = self.path
        return None if path is None else path.lost

    def largest_file(self) -> int:
        """Return how many bytes of a clip a killed upload may have left the module waiting for.

        For one opening of the port; nothing at every other one since the line last had a voice: a
        UART needs 20 s for so much, and a module that is dead must come to its reset as well.
        """
        self._openings += 1
        audio = self._line.wiring.audio
        if (audio != MODULE and not self._choice.exists) or self._openings % 2 == 0:
            return 0
        return max((len(clip.pcm) for clip in self._clips.values()), default=0) + FILE_MARGIN

    def open(self, modem: CommandPort, identity: Identity) -> None:
        """Open the path and store its clips; no call is up. Raises LineDown, CommandTimeout,
        CommandAborted, LinkLost."""
        self._due = False
        self._openings = 0
        wiring = self._line.wiring
        audio, family = wiring.audio, identity.family
        needs = PathNeeds(
            setting=self._choice.effective(identity.imei, audio, family),
            family=family,
            clock=self._line.clock,
            callbacks=self._callbacks,
            modem=modem,
            baudrate=wiring.baudrate,
            memory=FileMemory.of(self._state_dir, identity.imei or f"line-{self._line.name}"),
            guest=not wiring.clips_stay,
        )
        path: AudioPath | None = None
        try:
            path = self._factory(needs)
            path.open()
            path.prepare(self._clips.values())
            if path.hears:
                # The detector's tables are made once per process and take up to seconds on a busy
                # Pi; made at the first answer they would stall the greeting.
                DownlinkDetector()
        except BaseException as error:
            if path is not None:
                path.close()
            if not isinstance(error, PortUnusable | CommandRefused):
                raise
            raise LineDown(Fault.AUDIO_UNUSABLE, with_remedy(error)) from error
        changed = needs.setting != audio
        note = self._choice.given_up(identity.imei, audio) if changed else None
        self.path = path
        self._status.took_path(path, note)

    def judge(self, voice: VoiceSwitch, identity: Identity) -> None:
        """Take in how a call went; give the stream up where it was refused too often."""
        audio = self._line.wiring.audio
        if voice.accepted:
            self._choice.worked()
            return
        if not voice.refused or not self._choice.refused():
            return
        if not is_stream(audio) or not may_fall_back(identity.family):
            return
        self._line.log.warning("%s: its clips go to the module", REFUSED)
        try:
            self._choice.give_up(identity.imei, audio, REFUSED)
        except OSError as error:
            self._line.log.error("the choice of the voice path could not be kept: %s", error)
            return
        self._due = True

    def change(self, modem: CommandPort, identity: Identity) -> bool:
        """Between two calls: go over to the path that was decided on; whether there was one."""
        if not self._due:
            return False
        self.release()
        self.open(modem, identity)
        return True

    def leave(self) -> None:
        """The line ends in good order and no call is up: clips that shall not stay are deleted."""
        path = self.path
        if self._line.wiring.clips_stay or not isinstance(path, ModuleFilePath):
            return
        try:
            path.store.remove(self._clips.values())
        except FirmwareError as error:
            # The next start of the box deletes them.
            self._line.log.info("the clips stay on the module: %s", error)

    def release(self) -> None:
        """Give the device back. Idempotent."""
        path, self.path = self.path, None
        if path is not None:
            path.stop()
            path.close()
