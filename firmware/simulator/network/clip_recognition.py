"""Which recording is it that the callee hears? Found in the samples that really arrived.

A recording is recognised by its samples, wherever in it they begin and however they are cut: four
successive loud samples are looked up among all recordings, and the frame around them must then
agree. A frame that agrees with none is *unknown* sound, so that noise, a distorted clip or one
that nobody announced cannot pass unnoticed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware.simulator.network.sounds import FRAME_SAMPLES, RATE

_FRAME_MS = 20
_ANCHOR = 4
"""Samples that are looked up together: four of 16 bits make one 64-bit number."""
_LOUD = 200
"""Peak below which four samples say too little about where they come from."""
_AGREES = 0.9
"""Correlation of a frame with the recording, above which it is the recording."""
_CANDIDATES = 16
_GAP_MS = 600
"""Silence longer than this, where the recording has none, means that it was broken off."""
_MOST_SKIPPED = 10 * FRAME_SAMPLES
"""Samples that may be lost or come late without being another stretch."""

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A stretch of one recording, or of sound that is in none; times in ms after the answer."""

    clip: str | None
    """Name of the recording; None for unknown sound."""
    start_ms: int
    milliseconds: int
    """From its first to its last frame, pauses included."""
    from_ms: int
    """Place in the recording where it began."""
    level_db: float
    """RMS of its audible frames, dB relative to a full-scale square wave."""
    whole: bool
    """It was heard from its first sample to its last."""


class Recordings:
    """The recordings that a network can recognise, made once and shared by all callees."""

    def __init__(self, clips: Mapping[str, bytes]) -> None:
        """*clips* are s16le samples at 8 kHz by name."""
        self.names = tuple(clips)
        padded: list[Samples] = [np.zeros(FRAME_SAMPLES, "<i2")]
        self._starts: list[int] = []
        self._ends: list[int] = []
        position = FRAME_SAMPLES
        for pcm in clips.values():
            samples = np.frombuffer(pcm[: len(pcm) & ~1], dtype="<i2")
            # A frame's worth of silence after each: its last frame is padded on the way too.
            room = FRAME_SAMPLES + -len(samples) % FRAME_SAMPLES
            self._starts.append(position)
            self._ends.append(position + len(samples))
            padded += [samples, np.zeros(room, "<i2")]
            position += len(samples) + room
        self.samples: Samples = np.concatenate(padded)
        numbers = _anchors(self.samples)
        loud = _peaks(self.samples) >= _LOUD
        places = np.flatnonzero(loud)
        order = np.argsort(numbers[places], kind="stable")
        self._places = places[order]
        self._numbers = numbers[self._places]

    def find(self, frame: Samples) -> int | None:
        """Where in all recordings the loudest part of *frame* comes from; None where nowhere."""
        peaks = _peaks(frame)
        at = int(peaks.argmax())
        if peaks[at] < _LOUD:
            return None
        number = _anchors(frame[at : at + _ANCHOR])[0]
        first = int(np.searchsorted(self._numbers, number))
        for place in self._places[first : first + _CANDIDATES].tolist():
            begin = place - at
            if int(_anchors(self.samples[place : place + _ANCHOR])[0]) != int(number):
                break
            if begin >= 0 and agree(frame, self.samples[begin : begin + FRAME_SAMPLES]):
                return int(begin)
        return None

    def which(self, place: int) -> int:
        """Number of the recording to which the frame at *place* belongs."""
        middle = place + FRAME_SAMPLES // 2
        for index, end in enumerate(self._ends):
            if middle < end + FRAME_SAMPLES:
                return index
        return len(self._ends) - 1

    def quiet(self, start: int, stop: int) -> bool:
        """Whether nothing between two places is loud enough to be found."""
        return stop - start < _ANCHOR or not bool((_peaks(self.samples[start:stop]) >= _LOUD).any())

    def span(self, index: int) -> tuple[int, int]:
        """First sample of a recording, and the one after its last."""
        return self._starts[index], self._ends[index]


def _anchors(samples: Samples) -> NDArray[np.uint64]:
    words = samples.view(np.uint16).astype(np.uint64)
    count = len(words) - _ANCHOR + 1
    found = np.zeros(count, np.uint64)
    for step in range(_ANCHOR):
        found |= words[step : step + count] << np.uint64(16 * step)
    return found


def _peaks(samples: Samples) -> NDArray[np.int32]:
    size = np.abs(samples.astype(np.int32))
    count = len(size) - _ANCHOR + 1
    peaks = size[:count]
    for step in range(1, _ANCHOR):
        peaks = np.maximum(peaks, size[step : step + count])
    return peaks


def agree(frame: Samples, recorded: Samples) -> bool:
    """Whether *frame* is *recorded*, exactly or with little noise and another gain."""
    if np.array_equal(frame, recorded):
        return True
    if len(frame) != len(recorded):
        return False
    one, other = frame.astype(np.float64), recorded.astype(np.float64)
    energies = float(one @ one) * float(other @ other)
    return energies > 0.0 and float(one @ other) >= _AGREES * math.sqrt(energies)


class _Stretch:
    """What is being heard, until it ends."""

    __slots__ = (
        "audible",
        "energy",
        "first",
        "holes",
        "index",
        "last_ms",
        "next",
        "silent_ms",
        "start_ms",
    )

    def __init__(self, index: int | None, start_ms: int, first: int = 0) -> None:
        self.index = index
        """Number of the recording; None for unknown sound."""
        self.start_ms = start_ms
        self.last_ms = start_ms
        self.first = self.next = first
        """Places in all recordings: of its first frame, and of the one that should come next."""
        self.holes = False
        """Frames of the recording never came."""
        self.audible = 0
        self.energy = 0.0
        self.silent_ms = 0

    def take(self, frame: Samples, at_ms: int, *, audible: bool) -> None:
        self.last_ms = at_ms + _FRAME_MS
        self.next += FRAME_SAMPLES
        self.silent_ms = 0
        if audible:
            self.audible += 1
            wide = frame.astype(np.float64)
            self.energy += float(wide @ wide)


class Recogniser:
    """Follows one call. Frames come in order; what is found is taken with :meth:`take_heard`."""

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        self._stretch: _Stretch | None = None
        self._heard: list[Heard] = []

    @property
    def listening(self) -> bool:
        """A stretch is open: digital silence matters too."""
        return self._stretch is not None

    def hear(self, pcm: bytes, audible: Sequence[bool], at_ms: int) -> None:
        """Take whole frames, the first of which began *at_ms* after the answer."""
        samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, FRAME_SAMPLES)
        for frame, is_audible in zip(samples, audible, strict=True):
            self._frame(frame, at_ms, audible=is_audible)
            at_ms += _FRAME_MS

    def take_heard(self, *, final: bool = False) -> list[Heard]:
        """Return what has ended since the last call of this."""
        if final:
            self._close()
        done, self._heard = self._heard, []
        return done

    def _frame(self, frame: Samples, at_ms: int, *, audible: bool) -> None:
        known, stretch = self._recordings, self._stretch
        if stretch is not None and stretch.index is not None and not self._ended(stretch):
            expected = known.samples[stretch.next : stretch.next + FRAME_SAMPLES]
            if agree(frame, expected):
                stretch.take(frame, at_ms, audible=audible)
                return
        place = known.find(frame)
        if place is None and not audible:
            self._pause()
            return
        if place is None:
            if stretch is None or stretch.index is not None:
                self._close()
                stretch = self._stretch = _Stretch(None, at_ms)
        else:
            index = known.which(place)
            skipped = 0 if stretch is None else place - stretch.next
            if stretch is None or stretch.index != index or abs(skipped) > _MOST_SKIPPED:
                self._close()
                stretch = self._stretch = _Stretch(index, at_ms, place)
            stretch.holes = stretch.holes or (stretch.audible > 0 and skipped > 0)
            stretch.next = place
        stretch.take(frame, at_ms, audible=audible)

    def _pause(self) -> None:
        stretch = self._stretch
        if stretch is None:
            return
        stretch.silent_ms += _FRAME_MS
        if self._ended(stretch) or stretch.silent_ms > _GAP_MS:
            self._close()

    def _ended(self, stretch: _Stretch) -> bool:
        return stretch.index is not None and (
            stretch.next >= self._recordings.span(stretch.index)[1]
        )

    def _close(self) -> None:
        stretch, self._stretch = self._stretch, None
        if stretch is None or not stretch.audible:
            return
        name, start, whole = None, stretch.first, False
        if stretch.index is not None:
            name = self._recordings.names[stretch.index]
            start, _ = self._recordings.span(stretch.index)
            begun = self._recordings.quiet(start, stretch.first)
            whole = begun and self._ended(stretch) and not stretch.holes
        power = stretch.energy / (stretch.audible * FRAME_SAMPLES)
        self._heard.append(
            Heard(
                clip=name,
                start_ms=stretch.start_ms,
                milliseconds=stretch.last_ms - stretch.start_ms,
                from_ms=max(0, stretch.first - start) * 1000 // RATE,
                level_db=round(10.0 * math.log10(max(power, 1e-9) / 32768.0**2), 1),
                whole=whole,
            )
        )
