"""Machines in the downlink: beep, fax and modem, SIT, ringback, busy, monologue.

What is found here only ever ends a call early or shortens its wait. A DTMF pair is no tone to
this listener. Sources: ITU-T E.180 and its supplement 2 (progress tones), E.180/Q.35 (special
information tone), T.30 (1100 and 2100 Hz), V.25 and Bell 103 (answer tones).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from firmware.dtmf.single import FRAME, FRAME_SECONDS, SILENT, Frame, measure
from firmware.dtmf.spectrum import SAMPLE_RATE, Spectra
from firmware.events import Machine

BEEP_HZ: Final = (390.0, 2110.0)
"""400 to 2100 Hz, with room for what a frame of 40 ms is wrong by."""
BEEP_SECONDS: Final = (0.15, 1.1)
LOW_BEEP_SECONDS: Final = 0.22
"""A beep among the lowest partials of voices must last this long."""
BEEP_SPREAD_HZ: Final = 10.0
SPEECH_BEFORE_BEEP: Final = 2.0
SIT_HZ: Final = ((880.0, 1020.0), (1330.0, 1470.0), (1720.0, 1860.0))
FAX_ANSWER_SECONDS: Final = 0.6
CADENCE_BAND: Final = (330.0, 660.0)
RING_SECONDS: Final = (0.7, 2.6)
RING_SILENCE: Final = 1.5
BUSY_SECONDS: Final = (0.18, 0.85)
CONTINUOUS_SECONDS: Final = 3.5
MONOLOGUE_SECONDS: Final = 7.0
MONOLOGUE_GAP: Final = 1.0
WORD_GAP: Final = 0.2
"""Pauses up to this long belong to the speech around them."""
_REMEMBERED: Final = 50
"""Frames within which a voice falls far back between its words: two seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFound:
    """A finding, once a call for each kind; ``at`` is seconds since the stream began."""

    kind: Machine
    at: float
    evidence: str


@dataclass(slots=True)
class _Burst:
    """Frames in a row with the same tone or pair."""

    start: float
    pair: bool
    low: float
    high: float
    before: float
    """Power two frames before it."""
    power: float
    """Greatest power in it."""
    count: int = 1
    tones: list[float] = field(default_factory=list)
    clean: bool = False
    """It began and ended at least 10 dB above what surrounds it: no vowel does both."""

    @property
    def seconds(self) -> float:
        """Between its first and last frame; the edges are known to half a frame."""
        return self.count * FRAME_SECONDS

    @property
    def end(self) -> float:
        return self.start + self.seconds

    @property
    def spread(self) -> float:
        inner = self.tones[1:-1] or self.tones
        return max(inner) - min(inner)

    @property
    def progress(self) -> bool:
        """All of it lies where networks put ringback, busy and dial tones."""
        return CADENCE_BAND[0] <= self.low and self.high <= CADENCE_BAND[1]

    @property
    def name(self) -> str:
        if self.pair:
            return f"{self.low:.0f}+{self.high:.0f} Hz"
        return f"{sorted(self.tones)[len(self.tones) // 2]:.0f} Hz"


class ProgressListener:
    """Hears machines in one downlink stream (8 kHz, 16 bit, little-endian, mono).

    Set ``we_speak`` while a clip plays: what comes back then may be our own echo and does not
    count as the far end's monologue.
    """

    _now: float
    """Seconds since the stream began, at the end of the newest frame."""

    def __init__(self) -> None:
        self.we_speak = False
        self._spectra = Spectra()
        self._due = FRAME
        self._burst: _Burst | None = None
        self._closing: _Burst | None = None
        self._bursts: list[_Burst] = []
        self._found: set[Machine] = set()
        self._spoken = 0.0
        self._pause = 10.0
        self._speech = 0.0
        self._recent: deque[float] = deque([SILENT.power] * _REMEMBERED, maxlen=_REMEMBERED)

    def feed(self, pcm: bytes) -> list[MachineFound]:
        """Take the next bytes; return what became certain in them."""
        found: list[MachineFound] = []
        for block in self._spectra.feed(pcm):
            found += self.take(block)
        return found

    def take(self, block: Spectra, *, key: bool = False) -> Sequence[MachineFound]:
        """Take one block of a shared front end; ``key`` says that a key is sounding in it."""
        if block.end < self._due:
            return ()
        self._due += FRAME
        self._now = block.end / SAMPLE_RATE
        quiet = block.quiet or key
        if quiet and self._burst is None and not self._bursts and self._pause > MONOLOGUE_GAP:
            return ()
        frame = SILENT if quiet else measure(block.stretch(FRAME))
        found = [*self._voice(frame), *self._tone(frame)]
        new = [f for f in found if f.kind not in self._found]
        self._found.update(f.kind for f in new)
        return new

    def _report(self, kind: Machine, evidence: str) -> MachineFound:
        return MachineFound(kind=kind, at=self._now, evidence=evidence)

    # -------------------------------------------------------------- speech

    def _voice(self, frame: Frame) -> list[MachineFound]:
        # A voice falls far back between its words; steady noise does not.
        self._recent.append(frame.power)
        talks = not (frame.tonal or frame.silent) and frame.power > 6.0 * min(self._recent)
        self._pause = 0.0 if talks else self._pause + FRAME_SECONDS
        active = self._pause <= WORD_GAP
        if active:
            self._spoken += FRAME_SECONDS
        if self.we_speak:
            return []
        if active:
            self._speech += FRAME_SECONDS
        elif self._pause > MONOLOGUE_GAP:
            self._speech = 0.0
        if self._speech < MONOLOGUE_SECONDS:
            return []
        evidence = f"{self._speech:.1f} s of speech without a gap over {MONOLOGUE_GAP:.0f} s"
        return [self._report(Machine.MONOLOGUE, evidence)]

    # -------------------------------------------------------------- tones

    def _tone(self, frame: Frame) -> list[MachineFound]:
        burst = self._burst
        tone = frame.tone or 0.0
        low, high = frame.pair or (tone, tone)
        if burst is not None and low and self._continues(burst, low, high):
            burst.count += 1
            burst.tones.append(low)
            burst.low, burst.high = min(burst.low, low), max(burst.high, high)
            burst.power = max(burst.power, frame.power)
            return self._sounding(burst)
        found: list[MachineFound] = []
        if self._closing is not None:
            # The frame after its end may still hold a part of it; this is the one after that.
            ended, self._closing = self._closing, None
            ended.clean = max(ended.before, frame.power) < 0.1 * ended.power
            found += self._ended(ended)
        if burst is not None:
            self._burst = None
            if burst.count > 2:
                self._bursts.append(burst)
                self._closing = burst
        if low:
            before = self._recent[-3]
            start = self._now - FRAME_SECONDS
            pair = frame.pair is not None
            self._burst = _Burst(start, pair, low, high, before, frame.power, tones=[low])
        elif self._bursts and self._closing is None:
            found += self._silence(frame)
        if self._bursts and self._now - self._bursts[0].end > 5.0:
            del self._bursts[0]
        return found

    @staticmethod
    def _continues(burst: _Burst, low: float, high: float) -> bool:
        # Mixtures of 400 to 480 Hz beat within a frame and show now one peak, now two: there any
        # mixture goes on, and the clean edges that a cadence needs keep voices out.
        band = CADENCE_BAND
        if burst.progress and band[0] <= low and high <= band[1]:
            return True
        middle = burst.tones[len(burst.tones) // 2]
        return abs(low - middle) <= 25.0 and abs(high - burst.high) <= 60.0

    def _sounding(self, burst: _Burst) -> list[MachineFound]:
        tone = burst.tones[-1]
        if not burst.pair and burst.seconds >= FAX_ANSWER_SECONDS:
            for name, hertz in (("fax or modem answer tone", 2100.0), ("modem tone", 2225.0)):
                if abs(tone - hertz) <= 25.0 and burst.spread <= 2 * BEEP_SPREAD_HZ:
                    return [self._report(Machine.FAX, f"{name}, {burst.name}")]
        if burst.progress and burst.seconds >= CONTINUOUS_SECONDS:
            return [self._report(Machine.BUSY_TONE, f"continuous tone of {burst.name}")]
        last = self._bursts[-2:]
        if not burst.pair and len(last) == 2 and burst.seconds >= 0.15:
            steps = [*last, burst]
            joined = all(b.start - a.end < 0.15 for a, b in pairwise(steps))
            fits = all(
                lower <= step.tones[len(step.tones) // 2] <= upper
                for step, (lower, upper) in zip(steps, SIT_HZ, strict=True)
            )
            if joined and fits:
                names = ", ".join(step.name for step in steps)
                return [self._report(Machine.SIT, f"special information tone: {names}")]
        return []

    def _ended(self, burst: _Burst) -> list[MachineFound]:
        if not burst.clean:
            return []
        if self._spoken < SPEECH_BEFORE_BEEP and not burst.pair:
            calling = abs(burst.tones[0] - 1100.0) <= 38.0 and 0.4 <= burst.seconds <= 0.6
            if calling and burst.spread <= BEEP_SPREAD_HZ:
                return [self._report(Machine.FAX, f"fax calling tone, {burst.name}")]
        if not burst.progress:
            return self._beep(burst)
        three = [b for b in self._bursts if b.progress and b.clean][-3:]
        if len(three) == 3:
            on = [b.seconds for b in three]
            off = [b.start - a.end for a, b in pairwise(three)]
            even = max(on) - min(on) <= 0.13 and max(off) - min(off) <= 0.13
            fits = all(BUSY_SECONDS[0] <= s <= BUSY_SECONDS[1] for s in on + off)
            if even and fits and max(on) < 2.0 * max(off) + 0.1 and max(off) < 2.0 * max(on) + 0.1:
                evidence = f"busy cadence of {burst.name}, {on[1]:.2f} s on, {off[0]:.2f} s off"
                return [self._report(Machine.BUSY_TONE, evidence)]
        return []

    def _silence(self, frame: Frame) -> list[MachineFound]:
        last = self._bursts[-1]
        if not (last.progress and last.clean and frame.silent):
            return []
        if self._now - last.end < RING_SILENCE:
            return []
        if RING_SECONDS[0] <= last.seconds <= RING_SECONDS[1]:
            evidence = f"ringback of {last.name}, {last.seconds:.1f} s, then silence"
            return [self._report(Machine.RINGBACK, evidence)]
        if len(self._bursts) >= 2:
            before = self._bursts[-2]
            double = all(0.3 <= b.seconds <= 0.52 for b in (before, last))
            if double and before.progress and 0.12 <= last.start - before.end <= 0.3:
                evidence = f"double ringback of {last.name}, then silence"
                return [self._report(Machine.RINGBACK, evidence)]
        # A beep in the band of progress tones is one only when no cadence follows it.
        if sum(b.progress for b in self._bursts) == 1:
            return self._beep(last)
        return []

    def _beep(self, burst: _Burst) -> list[MachineFound]:
        """Tell whether a clean burst is a beep."""
        if burst.pair or self._spoken < SPEECH_BEFORE_BEEP or burst.spread > BEEP_SPREAD_HZ:
            return []
        middle = sorted(burst.tones)[len(burst.tones) // 2]
        if not BEEP_HZ[0] <= middle <= BEEP_HZ[1]:
            return []
        shortest = LOW_BEEP_SECONDS if burst.progress else BEEP_SECONDS[0]
        if not shortest <= burst.seconds <= BEEP_SECONDS[1]:
            return []
        evidence = (
            f"steady tone of {burst.name} for {burst.seconds:.2f} s after {self._spoken:.0f} s "
            "of speech"
        )
        return [self._report(Machine.BEEP, evidence)]
