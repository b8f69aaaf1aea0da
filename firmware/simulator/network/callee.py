"""The person or machine at the far end: ears, a voice and a finger. No input or output here.

The callee knows nothing of who calls: it hears the samples that really arrived, and acts on
them. All times are box seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import assert_never

from firmware.simulator.network import sounds
from firmware.simulator.network.clip_recognition import Recogniser, Recordings
from firmware.simulator.network.scenario import (
    Answer,
    Busy,
    KeyPress,
    NoAnswer,
    Outcome,
    Reject,
    Unreachable,
    Voicemail,
)

_SOUND_GAP_MS = 400
"""Silence longer than this ends a stretch of sound in the account."""
_FRAME_MS = 20
_HISS_MS = 200
"""Noise this soon after a voiced frame is an s or an f, and belongs to the speech."""
_EPSILON = 1e-6
"""Sums of box seconds are floats: a moment this close has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of audible sound, in milliseconds after the answer."""

    start_ms: int
    milliseconds: int


@dataclass(slots=True)
class Ears:
    """An account of what arrived: milliseconds heard, of mere noise, and of silence.

    ``heard_ms`` counts 20 ms frames that are loud enough and are a tone, a voice, or the hiss that
    follows within a word; pauses between words count as silence.
    """

    heard_ms: int = 0
    noise_ms: int = 0
    silent_ms: int = 0
    quiet_for_ms: int = 0
    _rest: bytes = b""
    _voiced_at: int | None = None
    _stretch_start: int | None = None
    _stretch_end: int = 0
    _stretches: list[Stretch] = field(default_factory=list)

    def hear(self, pcm: bytes, until_ms: int) -> None:
        """Take samples whose last one arrived *until_ms* after the answer."""
        data = self._rest + pcm
        whole = len(data) // sounds.FRAME_BYTES * sounds.FRAME_BYTES
        self._rest = data[whole:]
        if not whole:
            return
        if not any(data[:whole]):
            self._pause(whole // sounds.FRAME_BYTES * _FRAME_MS)
            self._close_stretch(until_ms)
            return
        audible, noisy = sounds.classify(data[:whole])
        at = until_ms - len(audible) * _FRAME_MS
        for is_audible, is_noise in zip(audible.tolist(), noisy.tolist(), strict=True):
            at += _FRAME_MS
            if is_audible and not is_noise:
                self._voiced_at = at
            within_word = self._voiced_at is not None and at - self._voiced_at <= _HISS_MS
            if is_audible and (not is_noise or within_word):
                self.heard_ms += _FRAME_MS
                self.quiet_for_ms = 0
                if self._stretch_start is not None and at - self._stretch_end > _SOUND_GAP_MS:
                    self._close_stretch(at)
                if self._stretch_start is None:
                    self._stretch_start = at - _FRAME_MS
                self._stretch_end = at
            else:
                if is_noise:
                    self.noise_ms += _FRAME_MS
                    self.quiet_for_ms += _FRAME_MS
                else:
                    self._pause(_FRAME_MS)
                self._close_stretch(at)

    def _pause(self, milliseconds: int) -> None:
        self.silent_ms += milliseconds
        self.quiet_for_ms += milliseconds

    def _close_stretch(self, at: int, *, anyway: bool = False) -> None:
        start = self._stretch_start
        if start is None or (not anyway and at - self._stretch_end <= _SOUND_GAP_MS):
            return
        self._stretches.append(Stretch(start_ms=start, milliseconds=self._stretch_end - start))
        self._stretch_start = None

    def take_stretches(self, *, final: bool = False) -> list[Stretch]:
        """Return the stretches of sound that have ended since the last call of this."""
        if final:
            self._close_stretch(self._stretch_end, anyway=True)
        done, self._stretches = self._stretches, []
        return done


class Voice:
    """What the callee's end sends back: key tones first, then speech, then the background."""

    def __init__(self, background: bytes) -> None:
        self._background = background
        self._position = 0
        self._tones: deque[bytes] = deque()
        self._speech = b""

    def set_background(self, background: bytes) -> None:
        self._background = background
        self._position = 0

    def press(self, tone: bytes) -> None:
        self._tones.append(tone)

    def say(self, pcm: bytes) -> None:
        self._speech = self._speech + pcm

    @property
    def speaking(self) -> bool:
        return bool(self._speech)

    def take(self, size: int) -> bytes:
        """Return the next *size* bytes of the downlink."""
        out = bytearray()
        while len(out) < size:
            wanted = size - len(out)
            if self._tones:
                tone = self._tones.popleft()
                out += tone[:wanted]
                if len(tone) > wanted:
                    self._tones.appendleft(tone[wanted:])
            elif self._speech:
                out += self._speech[:wanted]
                self._speech = self._speech[wanted:]
            else:
                end = min(len(self._background), self._position + wanted)
                out += self._background[self._position : end]
                self._position = end % len(self._background)
        return bytes(out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """The callee pressed a key."""

    key: str
    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HungUp:
    """The callee put the phone down."""

    why: str


Act = Pressed | HungUp


class Callee:
    """The far end of one call from ringing to the end."""

    def __init__(self, behaviour: Outcome, recordings: Recordings | None = None) -> None:
        self.behaviour = behaviour
        self.ears = Ears()
        self.memory = None if recordings is None else Recogniser(recordings)
        """Recognises the recordings that the network knows."""
        self.heard_until_ms = 0
        """Milliseconds after the answer at which the last frame that arrived ended. Frames and
        keys share this clock: what arrives after a key begins at or after it."""
        self.voice = Voice(sounds.ringback())
        self.answered_at: float | None = None
        self._listening_at = 0.0
        self._keys: list[KeyPress] = []

    def pick_up(self, now: float) -> None:
        """Answer the call: from here on, what arrives is heard."""
        self.answered_at = now
        self._listening_at = now
        self.voice.set_background(sounds.comfort_noise())
        match self.behaviour:
            case Answer(keys=keys, speaks=speaks):
                self._keys = list(keys)
                if speaks is not None:
                    self.voice.say(sounds.load_wav(speaks))
            case Voicemail(speaks=speaks):
                said = sounds.murmur(5.0) if speaks is None else sounds.load_wav(speaks)
                self.voice.say(said + sounds.beep())
                self._listening_at = now + len(said) / sounds.BYTES_PER_SECOND + 0.5
            case Busy():
                self.voice.set_background(sounds.busy_tone())
            case NoAnswer() | Reject() | Unreachable():
                pass
            case _:
                assert_never(self.behaviour)

    def hear(self, pcm: bytes, now: float) -> None:
        """Take uplink samples; ignored before the call is picked up."""
        if self.answered_at is None:
            return
        until = round((now - self.answered_at) * 1000)
        self.ears.hear(pcm, until)
        length = len(pcm) // sounds.FRAME_BYTES * _FRAME_MS
        start = max(self.heard_until_ms, until - length)
        self.heard_until_ms = start + length
        if self.memory is not None and (self.memory.listening or any(pcm)):
            audible, _ = sounds.classify(pcm)
            self.memory.hear(pcm, audible.tolist(), start)

    def act(self, now: float) -> list[Act]:
        """Return what the callee does now: the keys that are due, or putting the phone down."""
        if self.answered_at is None:
            return []
        since = now - self.answered_at
        acts: list[Act] = []
        for press in [key for key in self._keys if self._due(key, since)]:
            self._keys.remove(press)
            acts.append(Pressed(key=press.key, milliseconds=press.milliseconds))
        reason = self._tired(now)
        if reason is not None:
            acts.append(HungUp(why=reason))
        return acts

    def _due(self, key: KeyPress, since: float) -> bool:
        if key.heard is not None:
            return self.ears.heard_ms >= key.heard * 1000
        return key.at is not None and since + _EPSILON >= key.at

    def _tired(self, now: float) -> str | None:
        behaviour = self.behaviour
        assert self.answered_at is not None
        since = now - self.answered_at
        if isinstance(behaviour, Voicemail):
            return (
                "recording full"
                if now - self._listening_at + _EPSILON >= behaviour.records
                else None
            )
        if not isinstance(behaviour, Answer):
            return None
        if behaviour.hangs_up_after is not None and since + _EPSILON >= behaviour.hangs_up_after:
            return "planned"
        heard = behaviour.hangs_up_heard
        if heard is not None and self.ears.heard_ms >= heard * 1000:
            return "planned"
        if self._quiet_for(since) + _EPSILON >= behaviour.patience:
            return "heard nothing"
        return None

    def _quiet_for(self, since: float) -> float:
        # Where no sample arrives at all the account stands still, so time itself is the silence.
        accounted = (self.ears.heard_ms + self.ears.noise_ms + self.ears.silent_ms) / 1000
        return self.ears.quiet_for_ms / 1000 + max(0.0, since - accounted)

    def wake_at(self) -> float | None:
        """When :meth:`act` may have something to do although no audio arrives."""
        if self.answered_at is None:
            return None
        times: list[float] = [self.answered_at + key.at for key in self._keys if key.at is not None]
        behaviour = self.behaviour
        if isinstance(behaviour, Answer):
            if behaviour.hangs_up_after is not None:
                times.append(self.answered_at + behaviour.hangs_up_after)
            accounted = self.ears.heard_ms + self.ears.noise_ms + self.ears.silent_ms
            quiet_since = self.answered_at + (accounted - self.ears.quiet_for_ms) / 1000
            times.append(quiet_since + behaviour.patience)
        elif isinstance(behaviour, Voicemail):
            times.append(self._listening_at + behaviour.records)
        return min(times) if times else None
