"""Judge a clip on the bench: would a callee hear it well?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from firmware.clips.band import Carried, CarriedMeter, carried
from firmware.clips.clip import SAMPLE_BYTES, SAMPLE_RATE, Clip, WavFile, WavFormat, format_faults
from firmware.clips.judgement import Judgement
from firmware.clips.levels import Channels, Levels, Samples, quantise, to_channels
from firmware.dtmf.detector import Detected
from firmware.dtmf.listener import DownlinkDetector
from firmware.dtmf.spectrum import HOP
from firmware.events import Machine
from firmware.wording import worded

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
OFFSET_ADVICE = -40.0
"""dBFS of a constant offset (DC). It costs loudness and clicks at both ends of the clip."""
SHORTEST_SECONDS = 0.3
"""From the first sound to the last. Less is a click, or a word that was cut off."""
SHORTER = worded(
    "less than {shortest_seconds:g} s, which is no word", shortest_seconds=SHORTEST_SECONDS
)
HARDLY_ANY = worded("hardly any sound between 300 and 3400 Hz, where a telephone carries it")
CANCELLING = worded("its channels cancel each other when they are mixed (opposite phase)")
ECHO_SHIFTS = (0, HOP // 2)
"""Samples by which a clip's echo is shifted against the windows of our detector: any may occur."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipReport(Judgement):
    """A clip's format and figures beside what is wrong with it and what could be better."""

    form: WavFormat
    levels: Levels


def check_clip(path: Path, *, longest: float | None = None) -> ClipReport:
    """Examine the WAV file at *path*; *longest* is the most seconds it may last.

    Raises :class:`~firmware.errors.ClipUnusable` where there is nothing to measure (no file, no
    WAV file, no sound in it); everything else becomes a fault or an advice in the report.
    """
    with WavFile(path) as wav:
        form = wav.form
        meter, channels = CarriedMeter(form.rate), Channels(form.channels)
        pcm = []
        for block in wav.blocks():
            samples = to_channels(block, form.width, form.channels)
            mixed: Samples = samples.mean(axis=1)
            meter.feed(mixed)
            channels.feed(samples, mixed)
            if form.rate == SAMPLE_RATE:
                pcm.append(quantise(mixed))
    return _report(path, form, meter.finish(), b"".join(pcm), longest, cancel=channels.cancel)


def check_loaded(path: Path, clip: Clip, *, longest: float | None = None) -> ClipReport:
    """Examine *clip* as it was loaded from *path*: what was judged is what a call plays."""
    form = WavFormat(
        rate=SAMPLE_RATE, width=SAMPLE_BYTES, channels=1, frames=len(clip.pcm) // SAMPLE_BYTES
    )
    samples = to_channels(clip.pcm, SAMPLE_BYTES, 1)[:, 0]
    return _report(path, form, carried(samples), clip.pcm, longest, cancel=False)


def _report(
    path: Path, form: WavFormat, sound: Carried, pcm: bytes, longest: float | None, *, cancel: bool
) -> ClipReport:
    """Judge a recording; *pcm* holds it for our detector where its rate is the telephone's."""
    levels = sound.levels
    lasting: list[str] = []
    mendable, advice = list(format_faults(form)), list[str]()
    too_long = longest is not None and levels.seconds > longest
    if too_long:
        lasting.append(
            worded(
                "lasts {seconds:.1f} s, at most {longest:g} s are allowed",
                seconds=levels.seconds,
                longest=longest,
            )
        )
    wordless = unheard(sound, cancel=cancel)
    if wordless:
        lasting.append(wordless)
    else:
        _judge_levels(levels, mendable, advice)
        if sound.offset_dbfs > OFFSET_ADVICE:
            advice.append(
                worded(
                    "constant offset (DC) of {offset_dbfs:.1f} dBFS; audio prepare removes it",
                    offset_dbfs=sound.offset_dbfs,
                )
            )
        lasting += _imitations(pcm)
    return ClipReport(
        path=path,
        form=form,
        levels=levels,
        faults=(*mendable, *lasting),
        advice=tuple(advice),
        too_long=too_long,
        preparable=bool(mendable) and not lasting,
    )


def unheard(sound: Carried, *, cancel: bool) -> str:
    """Say why a callee would hear no words, where that is so.

    *cancel* tells that its channels cancel each other.
    """
    if cancel:
        return CANCELLING
    if sound.levels.seconds < SHORTEST_SECONDS:
        return worded(
            "lasts {seconds:.2f} s, {shorter}", seconds=sound.levels.seconds, shorter=SHORTER
        )
    if sound.varying_dbfs < SILENT_DBFS and sound.levels.peak_dbfs < SILENT_DBFS:
        return worded("silent; no sample is louder than -60 dBFS")
    if sound.hardly_any:
        return HARDLY_ANY
    if sound.band_peak_dbfs < SILENT_DBFS:
        if sound.offset_dbfs > SILENT_DBFS:
            return worded(
                "silent but for a constant offset (DC) of {offset_dbfs:.1f} dBFS",
                offset_dbfs=sound.offset_dbfs,
            )
        return worded("silent; nothing between 300 and 3400 Hz is louder than -60 dBFS")
    if sound.sounding < SHORTEST_SECONDS:
        return worded(
            "sounds for {sounding:.2f} s, {shorter}", sounding=sound.sounding, shorter=SHORTER
        )
    return ""


def _judge_levels(levels: Levels, faults: list[str], advice: list[str]) -> None:
    low, high = LOUDNESS_FAULT
    if not low <= levels.active_dbfs <= high:
        word = "quiet" if levels.active_dbfs < low else "loud"
        faults.append(
            worded(
                "too {word}: {active_dbfs:.1f} dBFS, wanted about {target_dbfs:g} dBFS",
                word=word,
                active_dbfs=levels.active_dbfs,
                target_dbfs=TARGET_DBFS,
            )
        )
    elif not LOUDNESS_ADVICE[0] <= levels.active_dbfs <= LOUDNESS_ADVICE[1]:
        advice.append(
            worded(
                "loudness {active_dbfs:.1f} dBFS, better {target_dbfs:g} dBFS",
                active_dbfs=levels.active_dbfs,
                target_dbfs=TARGET_DBFS,
            )
        )
    if levels.clipped:
        faults.append(
            worded("clipped in {clipped} places: recorded too loud", clipped=levels.clipped)
        )
    elif levels.peak_dbfs > PEAK_CEILING_DBFS + 0.1:
        advice.append(
            worded(
                "peak {peak_dbfs:.1f} dBFS, better {peak_ceiling_dbfs:g} or less",
                peak_dbfs=levels.peak_dbfs,
                peak_ceiling_dbfs=PEAK_CEILING_DBFS,
            )
        )
    if levels.leading_silence > LEADING_FAULT:
        faults.append(
            worded(
                "starts with {leading_silence:.2f} s of silence",
                leading_silence=levels.leading_silence,
            )
        )
    elif levels.leading_silence > LEADING_ADVICE:
        advice.append(
            worded(
                "starts with {leading_silence:.2f} s of silence",
                leading_silence=levels.leading_silence,
            )
        )
    if levels.trailing_silence > TRAILING_ADVICE:
        advice.append(
            worded(
                "ends with {trailing_silence:.2f} s of silence",
                trailing_silence=levels.trailing_silence,
            )
        )


def _imitations(pcm: bytes) -> tuple[str, ...]:
    """What our own detector would take the clip's echo for, in each call anew."""
    heard: dict[str, float] = {}
    for shift in ECHO_SHIFTS:
        # The second of silence lets a tone at the very end be judged, too.
        for found in DownlinkDetector().feed(bytes(2 * shift) + pcm + bytes(2 * SAMPLE_RATE)):
            if isinstance(found, Detected):
                what = worded("key {key}", key=found.key)
            elif found.kind is Machine.MONOLOGUE:
                continue
            else:
                what = worded("a machine ({partition})", partition=found.evidence.partition(",")[0])
            heard.setdefault(what, found.at)
    return tuple(
        worded(
            "sounds like {what} at {at:.1f} s: where a line echoes, the box would hear itself",
            what=what,
            at=at,
        )
        for what, at in heard.items()
    )
