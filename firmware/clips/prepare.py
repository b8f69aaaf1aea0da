"""Turn any recording into a clip: the conversion that is done on the bench, never in a call."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import stat
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from firmware.clips.band import band_limit, carried
from firmware.clips.check import PEAK_CEILING_DBFS, TARGET_DBFS, unheard
from firmware.clips.clip import FULL_SCALE, MAX_SECONDS, SAMPLE_RATE, encode_wav
from firmware.clips.levels import PIECE, Channels, Levels, Meter, Samples, measure, quantise
from firmware.clips.recording import Recording, Resampler
from firmware.errors import ClipUnusable
from firmware.wording import joined, reason_of, worded

LEAD_SECONDS = 0.04
"""Silence left before the first word: a codec needs a moment, a callee must not wait."""
TAIL_SECONDS = 0.15
FADE_SECONDS = 0.005
LIMITER_SECONDS = 0.01
MOST_LIMITING_DB = 6.0
"""Peaks are pressed down by this at most; beyond it speech sounds squashed, and a recording
with such peaks stays quieter than the target instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What was done: figures before and after, and how far the limiter pressed peaks down."""

    source_rate: int
    source_channels: int
    before: Levels
    after: Levels
    gain_db: float
    limited_db: float


def prepare_clip(
    source: Path, target: Path, *, loudness: float = TARGET_DBFS, peak: float = PEAK_CEILING_DBFS
) -> Preparation:
    """Read *source* (WAV, FLAC, MP3, OGG) and write the clip *target* in one step, or not at all.

    Mixed down to one channel, resampled to 8 kHz, band-limited to 300-3400 Hz, outer silence
    trimmed, set to *loudness* dBFS active level with no sample above *peak* dBFS.

    Raises :class:`~firmware.clips.recording.AudioLibraryMissing` where soundfile or soxr is not
    installed and :class:`~firmware.errors.ClipUnusable` where the source cannot be read, is cut
    off, empty or silent, or the target cannot be written.
    """
    _check_target(source, target)
    wide, form, raw, cancel = _read(source)
    before = carried(wide)
    wordless = unheard(before, cancel=cancel)
    if wordless:
        remedy = (
            worded("export one of its channels as a mono file")
            if cancel
            else worded("record it again")
        )
        raise ClipUnusable(joined(": ", [str(source), wordless]), remedy=remedy)
    # An offset would begin and end with a step, which sounds within the band.
    wide -= wide.mean()
    narrow = trim(band_limit(wide))
    del wide
    loud, gain_db, limited_db = normalise(narrow, loudness=loudness, peak=peak)
    pcm = quantise(loud)
    after = carried(np.frombuffer(pcm, "<i2") / float(FULL_SCALE)).levels
    _write(target, encode_wav(pcm))
    return Preparation(
        source_rate=form[0],
        source_channels=form[1],
        before=replace(before.levels, peak_dbfs=raw.peak_dbfs, clipped=raw.clipped),
        after=after,
        gain_db=gain_db,
        limited_db=limited_db,
    )


def trim(samples: Samples) -> Samples:
    """Cut outer silence down to a short lead and tail, and fade both ends against clicks."""
    levels = measure(samples, SAMPLE_RATE)
    start = max(0.0, levels.leading_silence - LEAD_SECONDS)
    end = levels.seconds - max(0.0, levels.trailing_silence - TAIL_SECONDS)
    kept = samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)].copy()
    fade = min(round(FADE_SECONDS * SAMPLE_RATE), len(kept) // 2)
    ramp = np.arange(fade) / max(fade, 1)
    kept[:fade] *= ramp
    kept[len(kept) - fade :] *= ramp[::-1]
    return kept


def normalise(samples: Samples, *, loudness: float, peak: float) -> tuple[Samples, float, float]:
    """Bring *samples* to *loudness* without a sample above *peak*, both in dBFS.

    Returns the samples, the gain in dB and how far the highest peak was pressed down in dB. The
    limiter makes speech a little quieter, so the gain is corrected a few times.
    """
    ceiling = 10 ** (peak / 20)
    highest = float(np.abs(samples).max())
    most = MOST_LIMITING_DB + peak - 20 * math.log10(highest)
    gain_db = min(loudness - measure(samples, SAMPLE_RATE).active_dbfs, most)
    result = limit(samples * 10 ** (gain_db / 20), ceiling)
    for _ in range(4):
        short = loudness - measure(result, SAMPLE_RATE).active_dbfs
        gain_db = min(gain_db + short, most)
        result = limit(samples * 10 ** (gain_db / 20), ceiling)
    limited = max(0.0, gain_db + 20 * math.log10(highest) - peak)
    return result, gain_db, limited


def limit(samples: Samples, ceiling: float) -> Samples:
    """Press peaks below *ceiling* with a gain that changes smoothly, seen ahead by 5 ms.

    The smoothed gain at a sample averages minima that each include that sample, so it is never
    larger than what the sample needs: no output exceeds the ceiling.
    """
    size = 2 * round(LIMITER_SECONDS * SAMPLE_RATE / 2) + 1
    half = size // 2
    wanted = np.minimum(1.0, ceiling / np.maximum(np.abs(samples), 1e-9))
    padded = np.pad(wanted, 2 * half, constant_values=1.0)
    window = np.hanning(size + 2)[1:-1]
    limited = samples.copy()
    for start in range(0, len(samples), PIECE):
        near = padded[start : start + PIECE + 4 * half]
        lowest = np.lib.stride_tricks.sliding_window_view(near, size).min(axis=1)
        limited[start : start + PIECE] *= np.convolve(lowest, window / window.sum(), mode="valid")
    return limited


def _check_target(source: Path, target: Path) -> None:
    """Refuse to write over anything but an older clip."""
    wrong, remedy = "", worded("give the name of a new file, or of an older clip")
    try:
        found = target.lstat().st_mode
    except OSError:
        # What else may be wrong with the place shows when it is written.
        found = 0
    if stat.S_ISDIR(found):
        wrong, remedy = worded("is a directory"), worded("add a file name that ends in .wav")
    elif stat.S_ISLNK(found):
        wrong = worded("is a symbolic link")
    elif found and not stat.S_ISREG(found):
        wrong = worded("is not a regular file")
    elif target.suffix.lower() != ".wav":
        wrong, remedy = worded("a clip is a WAV file"), worded("give a name that ends in .wav")
    elif found and source.exists() and source.samefile(target):
        wrong = worded("is the recording itself")
        remedy = worded("give another name for the clip, so that the recording is kept")
    if wrong:
        raise ClipUnusable(joined(": ", [str(target), wrong]), remedy=remedy)


def _read(source: Path) -> tuple[Samples, tuple[int, int], Levels, bool]:
    """Read, mix and resample piece by piece.

    Returns the samples, rate and channels of the source, the levels of the mixed source, and
    whether its channels cancel each other.
    """
    with Recording(source, whole=True) as recording:
        if recording.seconds > MAX_SECONDS:
            raise _too_long(source, recording.seconds)
        rate, channels = recording.rate, Channels(recording.channels)
        meter, resampler = Meter(rate), Resampler(rate)
        pieces: list[Samples] = []
        for block in recording.blocks():
            if not np.isfinite(block).all():
                raise ClipUnusable(
                    worded("{source}: holds samples that are no numbers", source=source),
                    remedy=worded("export it again"),
                )
            mixed: Samples = block.mean(axis=1)
            channels.feed(block, mixed)
            meter.feed(mixed)
            pieces.append(resampler.feed(mixed))
            # The length that a file states may be wrong or missing.
            if meter.seconds > MAX_SECONDS:
                raise _too_long(source, meter.seconds)
        pieces.append(resampler.finish())
    wide = np.concatenate(pieces)
    if not len(wide):
        raise ClipUnusable(
            worded("{source}: holds no sound", source=source), remedy=worded("record it again")
        )
    return wide, (rate, recording.channels), meter.levels(), channels.cancel


def _too_long(source: Path, seconds: float) -> ClipUnusable:
    return ClipUnusable(
        worded(
            "{source}: {seconds:.0f} s long, at most {max_seconds:.0f} s are played",
            source=source,
            seconds=seconds,
            max_seconds=MAX_SECONDS,
        ),
        remedy=worded("cut it shorter"),
    )


def _write(target: Path, content: bytes) -> None:
    """Replace *target* at once, so that a box never finds half a clip."""
    # Drawn by lot, so that nobody's file has that name.
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
    try:
        with fresh.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise ClipUnusable(
            worded(
                "{target}: cannot be written: {strerror}", target=target, strerror=reason_of(error)
            ),
            remedy=worded("check the folder, its permissions and the free space"),
        ) from error
