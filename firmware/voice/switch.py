"""Switching the voice of a call on and off: the module's commands beside the audio path."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from firmware.at.command_port import CommandPort
from firmware.clock import Clock
from firmware.errors import CommandTimeout, PortUnusable
from firmware.families.base import AudioMoment, Family
from firmware.line_settings import MODULE, PREFIX
from firmware.voice.alsa import AlsaPath
from firmware.voice.module_file import ModuleFilePath
from firmware.voice.module_memory import FileMemory
from firmware.voice.path import AudioCallbacks, AudioPath, SilentPath
from firmware.voice.serial_port import SerialPcmPath
from firmware.wording import worded


@dataclass(frozen=True, slots=True, kw_only=True)
class PathNeeds:
    """What a voice path is made of."""

    setting: str | None
    """The line's ``audio``: a serial port, ``alsa:CARD``, ``module``, or None."""
    family: Family
    clock: Clock
    callbacks: AudioCallbacks
    modem: CommandPort
    baudrate: int = 115200
    memory: FileMemory | None = None
    """What the box knows of the files on this module."""
    guest: bool = False
    """The clips are on the module for a while only, beside those of the box's campaign."""


PathFactory = Callable[[PathNeeds], AudioPath]

_SWITCH_TIMEOUT = 2.0
"""Real seconds for one switching command."""


def make_path(needs: PathNeeds) -> AudioPath:
    """Build the path of a line.

    A modem of unknown family with a serial voice port is taken to stream without being asked.
    Raises PortUnusable where the family has no such path.
    """
    setting, clock, callbacks = needs.setting, needs.clock, needs.callbacks
    if setting is None:
        return SilentPath(clock=clock, callbacks=callbacks)
    if setting == MODULE:
        files = needs.family.stored_clips
        if files is None:
            raise PortUnusable(
                worded("{title} cannot play clips by itself", title=needs.family.title),
                remedy=worded("give the line a voice port or a sound card (alsa:CARD)"),
            )
        return ModuleFilePath(
            needs.modem,
            files,
            clock=clock,
            callbacks=callbacks,
            baudrate=needs.baudrate,
            memory=needs.memory,
            guest=needs.guest,
        )
    if setting.startswith(PREFIX):
        return AlsaPath(setting.removeprefix(PREFIX), clock=clock, callbacks=callbacks)
    return SerialPcmPath(setting, clock=clock, callbacks=callbacks)


class VoiceSwitch:
    """The voice of one call. Only the line's worker uses it.

    Before the answer a refusal is normal (SIM7600: ``CPCMREG=1`` answers ERROR until the call
    exists), so it is tried at each step of the call; after the answer a few times in short
    succession, and then the voice has failed. More refusals than in the first call since the
    module started (``usual_refusals``) are a sign too.
    """

    def __init__(
        self,
        *,
        modem: CommandPort,
        family: Family,
        path: AudioPath,
        pause: Callable[[float], None],
        log: logging.Logger,
        usual_refusals: int | None = None,
    ) -> None:
        self._modem = modem
        switches = {"pcm-serial": family.audio, "alsa": family.sound_card}
        self._audio = switches.get(path.kind)
        self._path = path
        self._pause = pause
        self._log = log
        self._on = False
        self._accepted_once = False
        self._tries = 0
        self._restarted = False
        self._usual = usual_refusals
        self._refusals = 0
        self._refused_after_answer = False
        self._defects = path.counters.callback_errors

    @property
    def on(self) -> bool:
        return self._on

    @property
    def lost(self) -> str | None:
        """Why the path carries no voice any more; what the module says does not matter then."""
        return self._path.lost

    @property
    def defects(self) -> int:
        """How often the box itself failed at what the path told in this call."""
        return self._path.counters.callback_errors - self._defects

    @property
    def hopeless(self) -> bool:
        """Tried as often as the family allows after the answer, without success."""
        return self._audio is not None and not self._on and self._tries >= self._audio.tries

    @property
    def refused(self) -> bool:
        """The module never switched the voice on, however often it was asked after the answer."""
        return self.hopeless and not self._accepted_once

    @property
    def accepted(self) -> bool:
        """The voice was on in this call."""
        return self._accepted_once

    @property
    def rotten(self) -> bool:
        """The family's sign that the module must be reset before the next call was seen."""
        audio = self._audio
        if audio is None or not audio.resets_after_refusal:
            return False
        return self._refused_after_answer or (
            self._usual is not None and self._refusals > self._usual
        )

    @property
    def refusals(self) -> int | None:
        """How often the start was refused in this call; None where it never was accepted."""
        return self._refusals if self._accepted_once else None

    def advance(self, *, answered: bool) -> None:
        """Switch the voice on if it is time and not yet done. One try per call of this method."""
        if self._on:
            return
        audio = self._audio
        if audio is None:
            self._start()
            return
        if not answered and audio.moment is AudioMoment.ANSWERED:
            return
        if answered:
            if self.hopeless:
                return
            if self._tries:
                self._pause(audio.retry_after)
            self._tries += 1
        if self._accepted(audio.start):
            self._start()
            return
        self._refusals += 1
        if answered:
            self._refused_after_answer = True

    def restart(self) -> bool:
        """Switch off and on once, where the downlink went dead; False if that was done already,
        or cannot help because the path is lost."""
        audio = self._audio
        if audio is None or self._restarted or not self._on or self.lost is not None:
            return False
        self._restarted = True
        self._off()
        # A hold was of the stream that ended, and the module takes it back for no other.
        self._path.resume()
        return self._accepted(audio.start)

    def stop(self) -> None:
        """End the voice: the path first, so that nothing is written into a closed channel."""
        self._path.stop()
        if self._on:
            self._off()
        self._on = False

    def _start(self) -> None:
        self._path.start()
        self._on = self._accepted_once = True

    def _off(self) -> None:
        audio = self._audio
        if audio is None:
            return
        for command in audio.stop:
            if self._accepted((command,)):
                return

    def _accepted(self, commands: tuple[str, ...]) -> bool:
        for command in commands:
            try:
                reply = self._modem.command(command, timeout=_SWITCH_TIMEOUT)
            except CommandTimeout:
                # SIM7600: a late OK means wait. The exchange swallows it; the next try decides.
                return False
            if not reply.final.ok:
                self._log.debug("%s answered %s", command, reply.final.text)
                return False
        return True
