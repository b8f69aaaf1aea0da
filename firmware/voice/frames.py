"""Framing and pacing of outgoing voice: pure, without clock, thread or port.

A modem plays what it is sent at its own 8 kHz. Sent faster, its small buffer overflows and
words are lost; sent slower, it runs dry and the voice stutters. So one frame of 20 ms goes out
every 20 ms by a monotonic schedule, silence included, and time that was lost stays lost: a
burst to catch up garbles the voice (seen on SIM7600 serial audio), a short gap does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from firmware.clips.clip import SAMPLE_BYTES, SAMPLE_RATE, Clip

FRAME_SECONDS = 0.02
FRAME_BYTES = 320
SILENCE = bytes(FRAME_BYTES)


class Schedule:
    """Deadlines one *period* apart, in the caller's monotonic seconds.

    Being up to half a period late keeps the grid, so that jitter does not slow the stream down;
    being later moves the grid, so that two frames are never closer than half a period. A frame
    that could not be sent in time is therefore delayed, never doubled up.
    """

    __slots__ = ("due", "late", "period")

    def __init__(self, start: float, period: float = FRAME_SECONDS) -> None:
        if period <= 0:
            raise ValueError("period must be positive")
        self.due = start
        """When the next frame is due."""
        self.period = period
        self.late = 0
        """How many deadlines were missed by more than half a period."""

    def wait(self, now: float) -> float:
        """Return how long to wait from *now*; 0.0 when the frame is due."""
        return max(0.0, self.due - now)

    def advance(self, now: float) -> None:
        """Note that the frame due was handled at *now*, and set the next deadline."""
        if now - self.due > self.period / 2:
            self.late += 1
            self.due = now + self.period
        else:
            self.due += self.period


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The frame that comes with this notice is the clip's first."""

    clip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The clip ended before the frame that comes with this notice."""

    clip: str
    played_ms: int
    complete: bool


ADVANCE_BYTES = SAMPLE_RATE * SAMPLE_BYTES
"""Of a clip between two notices that it goes on: one second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """So much of the clip was handed over by the frame that comes with this notice."""

    clip: str
    played_ms: int


Notice = Began | Advanced | Finished


class PlayerState(Enum):
    """What the next frame holds."""

    IDLE = auto()
    PLAYING = auto()
    MUTED = auto()


class Player:
    """Turns "play this" into frames, and says when each clip begins and ends.

    Notices come with the frame at which they are true, in order, and each clip that began
    finishes exactly once. A clip that was replaced before its first frame never began.
    """

    __slots__ = ("_begun", "_clip", "_ended", "_position", "state")

    def __init__(self) -> None:
        self.state = PlayerState.IDLE
        self._clip: Clip | None = None
        self._begun = False
        self._position = 0
        self._ended: list[Finished] = []

    def play(self, clip: Clip) -> None:
        """Play *clip* from its start with the next frame, in place of what plays; not if muted."""
        if self.state is PlayerState.MUTED:
            return
        self._abandon()
        self._clip, self._begun, self._position = clip, False, 0
        self.state = PlayerState.PLAYING

    def turn_to(self, clip: Clip | None) -> None:
        """:meth:`play` a clip, or fall silent where there is none."""
        if clip is None:
            self.silence()
        else:
            self.play(clip)

    def silence(self) -> None:
        """Let the next frame be silent; a later :meth:`play` sounds again."""
        if self.state is PlayerState.PLAYING:
            self._abandon()
            self.state = PlayerState.IDLE

    def mute(self) -> None:
        """Be silent from the next frame on, for good: the next start takes a new player."""
        self._abandon()
        self.state = PlayerState.MUTED

    def next_frame(self) -> tuple[bytes, tuple[Notice, ...]]:
        """Return the frame to send now (always 320 bytes) and what became true with it."""
        notices: list[Notice] = [*self._ended]
        self._ended.clear()
        clip = self._clip
        if clip is None:
            return SILENCE, tuple(notices)
        if self._position >= len(clip.pcm):
            notices.append(
                Finished(clip=clip.name, played_ms=_milliseconds(len(clip.pcm)), complete=True)
            )
            self._clip = None
            self.state = PlayerState.IDLE
            return SILENCE, tuple(notices)
        if not self._begun:
            self._begun = True
            notices.append(Began(clip=clip.name))
        frame = clip.pcm[self._position : self._position + FRAME_BYTES]
        self._position += FRAME_BYTES
        if self._position % ADVANCE_BYTES == 0:
            notices.append(Advanced(clip=clip.name, played_ms=_milliseconds(self._position)))
        return frame.ljust(FRAME_BYTES, b"\0"), tuple(notices)

    def drain_notices(self) -> tuple[Notice, ...]:
        """Return notices that wait for a frame, where no frame will follow (the call is over)."""
        notices = tuple(self._ended)
        self._ended.clear()
        return notices

    def _abandon(self) -> None:
        clip = self._clip
        if clip is not None and self._begun:
            played = min(self._position, len(clip.pcm))
            self._ended.append(
                Finished(
                    clip=clip.name,
                    played_ms=_milliseconds(played),
                    complete=played == len(clip.pcm),
                )
            )
        self._clip = None


class EvenBytes:
    """Joins a byte stream into whole 16-bit samples: an odd byte waits for its other half."""

    __slots__ = ("_odd",)

    def __init__(self) -> None:
        self._odd = b""

    def feed(self, data: bytes) -> bytes:
        """Return the whole samples that *data* completes."""
        if self._odd:
            data = self._odd + data
        whole = len(data) - len(data) % SAMPLE_BYTES
        self._odd = data[whole:]
        return data[:whole] if self._odd else data


def _milliseconds(pcm_bytes: int) -> int:
    return pcm_bytes * 1000 // (SAMPLE_RATE * SAMPLE_BYTES)
