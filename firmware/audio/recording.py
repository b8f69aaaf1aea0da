"""Recordings of any kind, read through the optional libraries: whole, or as a telephone hears them.

soundfile (libsndfile) reads WAV, FLAC, MP3 and OGG; soxr resamples. Both are imported late, because
a box that only calls needs neither.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware.audio.clip import SAMPLE_RATE
from firmware.errors import ClipUnusable, FirmwareError

_BLOCK_SECONDS = 4
_UNKNOWN_LENGTH = 0xFFFF_FF00
"""A recorder that was killed, or wrote into a pipe, leaves such a length in the header."""


class AudioLibraryMissing(FirmwareError):
    """A library of the extra ``audio`` is not installed."""


def library(name: str) -> Any:
    """Import ``soundfile`` or ``soxr``. Raises AudioLibraryMissing with what to install."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        # soundfile raises OSError where the C library libsndfile is absent.
        raise AudioLibraryMissing(
            f"reading this recording needs the library {name}, which is not installed ({error})",
            remedy="install it with: pip install 'autodialer[audio]'",
        ) from error


def refuse_cut_off(path: Path) -> None:
    """Raise ClipUnusable where *path* is a WAV file that ends before its header says.

    libsndfile reads what is there without a word, and half a greeting would be called.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        while len(chunk := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name != b"data":
                file.seek(length + length % 2, 1)
                continue
            present = size - file.tell()
            if present < length < _UNKNOWN_LENGTH:
                raise ClipUnusable(
                    f"{path}: cut off; the header promises {length} bytes of sound, "
                    f"{present} are there",
                    remedy="copy or record it again",
                )
            return


def telephone_chunks(path: Path) -> Iterator[bytes]:
    """Yield a recording of any kind and length as 8 kHz s16le mono, piece by piece.

    Channels are mixed. Raises ClipUnusable where it cannot be read, AudioLibraryMissing.
    """
    soundfile, soxr = library("soundfile"), library("soxr")
    try:
        with soundfile.SoundFile(path) as stream:
            rate = stream.samplerate
            resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float64", quality="HQ")
            blocks = stream.blocks(rate * _BLOCK_SECONDS, dtype="float64", always_2d=True)
            for block in blocks:
                yield _as_bytes(resampler.resample_chunk(block.mean(axis=1)))
            yield _as_bytes(resampler.resample_chunk(np.zeros(0), last=True))
    except (soundfile.SoundFileError, OSError) as error:
        raise ClipUnusable(
            f"{path}: not a recording that can be read ({error})",
            remedy="give a WAV, FLAC, MP3 or OGG file",
        ) from error


def _as_bytes(samples: Any) -> bytes:
    whole: NDArray[np.int16] = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
    return whole.tobytes()
