"""Turn any recording into a clip: the conversion that is done on the bench, never in a call."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firmware.audio.check import PEAK_CEILING_DBFS, TARGET_DBFS
from firmware.audio.clip import FULL_SCALE, MAX_SECONDS, SAMPLE_RATE, encode_wav
from firmware.audio.levels import Levels, Samples, measure, power_db
from firmware.audio.recording import library, refuse_cut_off
from firmware.errors import ClipUnusable

BAND = (300.0, 3400.0)
"""Hertz. The telephone band of ITU-T G.712; what lies outside only costs loudness."""
BAND_TAPS = 321
"""Length of the band filter: 60 dB down within about 100 Hz of each corner at 8 kHz."""
BAND_BETA = 5.65
"""Kaiser window parameter for 60 dB."""
LEAST_IN_BAND_DB = 30.0
"""A recording that loses more than this to the filter is hum or hiss, not speech."""
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

    Raises :class:`~firmware.audio.recording.AudioLibraryMissing` where soundfile or soxr is not
    installed and :class:`~firmware.errors.ClipUnusable` where the source cannot be read, is cut
    off, empty or silent, or the target cannot be written.
    """
    if source.exists() and target.exists() and source.samefile(target):
        raise ClipUnusable(
            f"{target}: is the recording itself",
            remedy="give another name for the clip, so that the recording is kept",
        )
    samples, rate, channels = _read(source)
    mono: Samples = samples.mean(axis=1)
    before = measure(mono, rate)
    if before.peak_dbfs < -60.0:
        raise ClipUnusable(
            f"{source}: silent; no sample is louder than -60 dBFS", remedy="record it again"
        )
    wide = _resample(mono, rate)
    narrow = band_limit(wide)
    if _mean_db(narrow) < _mean_db(wide) - LEAST_IN_BAND_DB:
        raise ClipUnusable(
            f"{source}: hardly any sound between 300 and 3400 Hz, where a telephone carries it",
            remedy="record speech",
        )
    narrow = trim(narrow)
    loud, gain_db, limited_db = normalise(narrow, loudness=loudness, peak=peak)
    pcm = quantise(loud)
    after = measure(np.frombuffer(pcm, "<i2").astype(np.float64) / FULL_SCALE, SAMPLE_RATE)
    _write(target, encode_wav(pcm))
    return Preparation(
        source_rate=rate,
        source_channels=channels,
        before=before,
        after=after,
        gain_db=gain_db,
        limited_db=limited_db,
    )


def band_limit(samples: Samples) -> Samples:
    """Keep 300-3400 Hz of 8 kHz *samples*, without delay (a linear-phase windowed sinc)."""
    place = np.arange(BAND_TAPS) - (BAND_TAPS - 1) / 2
    low, high = (2 * corner / SAMPLE_RATE for corner in BAND)
    taps = (high * np.sinc(high * place) - low * np.sinc(low * place)) * np.kaiser(
        BAND_TAPS, BAND_BETA
    )
    padded = np.pad(samples, BAND_TAPS // 2)
    filtered: Samples = np.convolve(padded, taps, mode="valid")
    return filtered


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
    lowest = np.lib.stride_tricks.sliding_window_view(padded, size).min(axis=1)
    window = np.hanning(size + 2)[1:-1]
    gain = np.convolve(lowest, window / window.sum(), mode="valid")
    limited: Samples = samples * gain
    return limited


def quantise(samples: Samples) -> bytes:
    """Round floats to 16-bit little-endian samples."""
    whole = np.clip(np.round(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    return whole.astype("<i2").tobytes()


def _mean_db(samples: Samples) -> float:
    return power_db(float(np.mean(np.square(samples))))


def _read(source: Path) -> tuple[Samples, int, int]:
    soundfile = library("soundfile")
    if not source.is_file():
        raise ClipUnusable(f"{source}: no such file", remedy="check the path of the recording")
    refuse_cut_off(source)
    try:
        with soundfile.SoundFile(source) as stream:
            rate, channels, frames = stream.samplerate, stream.channels, stream.frames
            if frames > MAX_SECONDS * rate:
                raise ClipUnusable(
                    f"{source}: {frames / rate:.0f} s long, at most {MAX_SECONDS:.0f} s are played",
                    remedy="cut it shorter",
                )
            samples: Samples = stream.read(dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise ClipUnusable(
            f"{source}: not a recording that can be read ({error})",
            remedy="give a WAV, FLAC, MP3 or OGG file",
        ) from error
    if not len(samples):
        raise ClipUnusable(f"{source}: holds no sound", remedy="record it again")
    if not np.isfinite(samples).all():
        raise ClipUnusable(f"{source}: holds samples that are no numbers", remedy="export it again")
    return samples, rate, channels


def _resample(samples: Samples, rate: int) -> Samples:
    if rate == SAMPLE_RATE:
        return samples
    resampled: Samples = library("soxr").resample(samples, rate, SAMPLE_RATE, quality="HQ")
    return resampled


def _write(target: Path, content: bytes) -> None:
    """Replace *target* at once, so that a box never finds half a clip."""
    fresh = target.with_name(f".{target.name}.new")
    try:
        with fresh.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(target)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise ClipUnusable(
            f"{target}: cannot be written: {error.strerror}",
            remedy="check the folder, its permissions and the free space",
        ) from error
