"""Judge a clip on the bench: would a callee hear it well?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firmware.audio.clip import SAMPLE_BYTES, SAMPLE_RATE, WavFormat, read_wav
from firmware.audio.levels import Levels, Samples, measure, to_float
from firmware.dtmf.detector import Detected
from firmware.dtmf.ears import Ears
from firmware.dtmf.spectrum import HOP
from firmware.events import Machine

TARGET_DBFS = -20.0
"""Active speech level that ``prepare`` aims at. ITU-T P.56 speech is commonly set to -26 dBov in
codec tests; clips compete with street noise, and the -3 dB peak ceiling still holds here."""
PEAK_CEILING_DBFS = -3.0
LOUDNESS_FAULT = (-32.0, -12.0)
LOUDNESS_ADVICE = (-26.0, -16.0)
LEADING_FAULT = 0.5
"""Seconds of silence at the start. A callee who hears nothing says "hello?" and hangs up."""
LEADING_ADVICE = 0.2
TRAILING_ADVICE = 1.0
SILENT_DBFS = -60.0
ECHO_SHIFTS = (0, HOP // 2)
"""Samples by which a clip's echo is shifted against the windows of our ears: any may occur."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipReport:
    """A clip's format and figures, what is wrong with it, and what could be better."""

    path: Path
    form: WavFormat
    levels: Levels
    faults: tuple[str, ...]
    advice: tuple[str, ...]
    preparable: bool
    """It has faults, and preparing the clip mends all of them."""

    @property
    def usable(self) -> bool:
        return not self.faults


def check_clip(path: Path, *, longest: float | None = None) -> ClipReport:
    """Examine the WAV file at *path*; *longest* is the most seconds it may last.

    Raises :class:`~firmware.errors.ClipUnusable` where there is nothing to measure (no file, no
    WAV file, no sound in it); everything else becomes a fault or an advice in the report.
    """
    form, raw = read_wav(path)
    samples = to_float(raw, form.width, form.channels)
    levels = measure(samples, form.rate)
    faults: list[str] = []
    advice: list[str] = []
    _judge_format(form, faults)
    _judge_levels(levels, faults, advice)
    too_long = longest is not None and levels.seconds > longest
    if too_long:
        faults.append(f"lasts {levels.seconds:.1f} s, at most {longest:g} s are allowed")
    imitations = _imitations(samples) if form.rate == SAMPLE_RATE else ()
    faults += imitations
    return ClipReport(
        path=path,
        form=form,
        levels=levels,
        faults=tuple(faults),
        advice=tuple(advice),
        preparable=bool(faults)
        and not too_long
        and not imitations
        and levels.peak_dbfs >= SILENT_DBFS,
    )


def _judge_format(form: WavFormat, faults: list[str]) -> None:
    if form.rate != SAMPLE_RATE:
        faults.append(f"{form.rate} samples a second, the telephone needs {SAMPLE_RATE}")
    if form.width != SAMPLE_BYTES:
        faults.append(f"{form.width * 8} bits a sample, the telephone needs 16")
    if form.channels != 1:
        faults.append(f"{form.channels} channels, the telephone has one")


def _judge_levels(levels: Levels, faults: list[str], advice: list[str]) -> None:
    if levels.peak_dbfs < SILENT_DBFS:
        faults.append("silent; no sample is louder than -60 dBFS")
        return
    low, high = LOUDNESS_FAULT
    if not low <= levels.active_dbfs <= high:
        word = "quiet" if levels.active_dbfs < low else "loud"
        faults.append(
            f"too {word}: {levels.active_dbfs:.1f} dBFS, wanted about {TARGET_DBFS:g} dBFS"
        )
    elif not LOUDNESS_ADVICE[0] <= levels.active_dbfs <= LOUDNESS_ADVICE[1]:
        advice.append(f"loudness {levels.active_dbfs:.1f} dBFS, better {TARGET_DBFS:g} dBFS")
    if levels.clipped:
        faults.append(f"clipped in {levels.clipped} places: recorded too loud")
    elif levels.peak_dbfs > PEAK_CEILING_DBFS + 0.1:
        advice.append(f"peak {levels.peak_dbfs:.1f} dBFS, better {PEAK_CEILING_DBFS:g} or less")
    if levels.leading_silence > LEADING_FAULT:
        faults.append(f"starts with {levels.leading_silence:.2f} s of silence")
    elif levels.leading_silence > LEADING_ADVICE:
        advice.append(f"starts with {levels.leading_silence:.2f} s of silence")
    if levels.trailing_silence > TRAILING_ADVICE:
        advice.append(f"ends with {levels.trailing_silence:.2f} s of silence")


def _imitations(samples: Samples) -> tuple[str, ...]:
    """What our own ears would take the clip's echo for, in each call anew."""
    pcm = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()
    heard: dict[str, float] = {}
    for shift in ECHO_SHIFTS:
        # The second of silence lets a tone at the very end be judged, too.
        for found in Ears().feed(bytes(2 * shift) + pcm + bytes(2 * SAMPLE_RATE)):
            if isinstance(found, Detected):
                what = f"key {found.key}"
            elif found.kind is Machine.MONOLOGUE:
                continue
            else:
                what = f"a machine ({found.evidence.partition(',')[0]})"
            heard.setdefault(what, found.at)
    return tuple(
        f"sounds like {what} at {at:.1f} s: where a line echoes, the box would hear itself"
        for what, at in heard.items()
    )
