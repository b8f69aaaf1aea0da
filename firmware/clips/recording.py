"""Recordings of any kind, read through the optional libraries: whole, or as a telephone hears them.

soundfile (libsndfile) reads WAV, FLAC, MP3 and OGG; soxr resamples. Both are imported late, because
a box that only calls needs neither. What telephones write goes through ffmpeg before.
"""

from __future__ import annotations

import importlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Protocol, Self

import numpy as np

from firmware.clips import mp3, telephone_file
from firmware.clips.clip import BLOCK_SAMPLES, LEAST_RATE, MOST_RATE, SAMPLE_RATE
from firmware.clips.levels import Channels, Samples, quantise
from firmware.errors import ClipUnusable, FirmwareError
from firmware.wording import joined, worded

_FRAMES_UNKNOWN = 1 << 48
_OGG_PAGE = 65_307
"""The longest page of RFC 3533, in bytes."""
_OGG_LAST = 4
_MP3_ALLOWANCE = 4 * 1152
"""Samples that a decoder may leave out at both ends of an MP3 file."""
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
            worded(
                "reading this recording needs the library {name}, which is not installed ({error})",
                name=name,
                error=error,
            ),
            remedy=worded("install it in the program's source folder: pip install '.[audio]'"),
        ) from error


class Recording:
    """One recording of any kind and length, read piece by piece.

    Where *whole* is asked for, a recording that was cut off is refused; otherwise
    :attr:`missing` tells it. Opening and reading raise
    :class:`~firmware.errors.ClipUnusable` where it cannot be read, and AudioLibraryMissing.
    """

    def __init__(self, path: Path, *, whole: bool) -> None:
        self._path = path
        self._whole = whole
        self._soundfile = library("soundfile")
        refuse_no_file(path)
        self._folder: TemporaryDirectory[str] | None = None
        with path.open("rb") as file:
            form = telephone_file.kind(file.read(12))
        if form is not None:
            self._folder = TemporaryDirectory(prefix="autodialer-")
        try:
            sound = path
            if form is not None and self._folder is not None:
                sound = telephone_file.decoded(path, form, self._folder)
            with self._refusals():
                self.missing = cut_off(sound)
                self._refuse_missing()
                self._stream = self._soundfile.SoundFile(sound)
        except BaseException:
            self._forget()
            raise
        self.rate: int = self._stream.samplerate
        self.channels: int = self._stream.channels
        stated: int = self._stream.frames
        self.frames = 0 if stated > _FRAMES_UNKNOWN else stated
        """As the file states it, which may be wrong; 0 where it does not."""
        if not LEAST_RATE <= self.rate <= MOST_RATE:
            self._stream.close()
            self._forget()
            raise ClipUnusable(
                worded(
                    "{path}: {rate} samples a second, as no recorder writes",
                    path=path,
                    rate=self.rate,
                ),
                remedy=worded(
                    "record or export it again at {sample_rate} samples a second",
                    sample_rate=SAMPLE_RATE,
                ),
            )

    @property
    def seconds(self) -> float:
        return self.frames / self.rate

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._forget()

    def _forget(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def blocks(self) -> Iterator[Samples]:
        """Yield the samples, one column per channel; afterwards :attr:`missing` is complete."""
        read, size = 0, max(1, BLOCK_SAMPLES // self.channels)
        while True:
            with self._refusals():
                block: Samples = self._stream.read(size, dtype="float64", always_2d=True)
            if not len(block):
                break
            read += len(block)
            yield block
        stated, why = self.frames, ""
        if self._stream.format == "MP3":
            with self._path.open("rb") as file:
                stated = mp3.samples(file, _size(file)) - _MP3_ALLOWANCE
            why = worded(", as the file states no length; convert it to WAV")
        if read < stated and not self.missing:
            self.missing = worded(
                "of {stated:.1f} s of sound only {read:.1f} s can be read{why}",
                stated=stated / self.rate,
                read=read / self.rate,
                why=why,
            )
            self._refuse_missing()

    def _refuse_missing(self) -> None:
        if self._whole and self.missing:
            raise ClipUnusable(
                joined(": ", [str(self._path), self.missing]),
                remedy=worded("copy or record it again"),
            )

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except (self._soundfile.SoundFileError, OSError) as error:
            raise ClipUnusable(
                worded(
                    "{path}: not a recording that can be read ({error})",
                    path=self._path,
                    error=error,
                ),
                remedy=worded("give a whole WAV, FLAC, MP3, OGG or M4A file"),
            ) from error


class Resampler:
    """Brings mono samples that come piece by piece to 8 kHz."""

    def __init__(self, rate: int) -> None:
        self._stream = None
        if rate != SAMPLE_RATE:
            make = library("soxr").ResampleStream
            self._stream = make(rate, SAMPLE_RATE, 1, dtype="float64", quality="HQ")

    def feed(self, samples: Samples) -> Samples:
        if self._stream is None:
            return samples
        resampled: Samples = self._stream.resample_chunk(samples)
        return resampled

    def finish(self) -> Samples:
        """Return the last samples."""
        if self._stream is None:
            return np.zeros(0)
        resampled: Samples = self._stream.resample_chunk(np.zeros(0), last=True)
        return resampled


def refuse_no_file(path: Path) -> None:
    """Raise ClipUnusable where *path* is not a file that can be read twice."""
    if path.is_dir():
        raise ClipUnusable(
            worded("{path}: is a directory", path=path), remedy=worded("name a file in it")
        )
    if not path.exists():
        raise ClipUnusable(
            worded("{path}: no such file", path=path),
            remedy=worded("check the path of the recording"),
        )
    if not path.is_file():
        raise ClipUnusable(
            worded("{path}: is not a regular file", path=path),
            remedy=worded("copy it into a file first"),
        )


class Told(Protocol):
    """Whoever must know what a reader cannot see in the samples."""

    def note(self, sentence: str) -> None:
        """Something was dealt with."""

    def fault(self, sentence: str) -> None:
        """Something is missing."""


def telephone_chunks(path: Path, told: Told) -> Iterator[bytes]:
    """Yield a recording of any kind and length as 8 kHz s16le mono, piece by piece.

    Channels are mixed, unless they would cancel each other: then the louder one is taken, which
    *told* notes. Samples that are no numbers become silence; they and a cut end are faults.
    Raises ClipUnusable where the recording cannot be read, AudioLibraryMissing.
    """
    alone = _channel_alone(path)
    if alone is not None:
        told.note(
            worded(
                "{path}: its channels cancel each other (opposite phase); channel {alone} is read",
                path=path,
                alone=alone + 1,
            )
        )
    broken = False
    with Recording(path, whole=False) as recording:
        resampler = Resampler(recording.rate)
        for block in recording.blocks():
            broken = broken or not np.isfinite(block).all()
            sound = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
            yield quantise(
                resampler.feed(sound.mean(axis=1) if alone is None else sound[:, alone].copy())
            )
        yield quantise(resampler.finish())
    if broken:
        told.fault(
            worded(
                "{path}: holds samples that are no numbers; they were read as silence", path=path
            )
        )
    if recording.missing:
        told.fault(joined(": ", [str(path), recording.missing]))


def _channel_alone(path: Path) -> int | None:
    """Return the channel to read where a mix would cancel; None where the mix is sound."""
    with Recording(path, whole=False) as recording:
        if recording.channels == 1:
            return None
        channels = Channels(recording.channels)
        for block in recording.blocks():
            sound = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
            channels.feed(sound, sound.mean(axis=1))
    return channels.loudest if channels.cancel else None


def cut_off(path: Path) -> str:
    """Say what is missing where a WAV, OGG or MP3 file ends before it should, or nothing.

    libsndfile reads what is there without a word (of an MP3 file it fills the rest with
    silence), and half a greeting would be called.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF" and head[8:] == b"WAVE":
            return _wav_cut_off(file)
        if head[:4] == b"OggS":
            return _ogg_cut_off(file)
        return mp3.cut_off(file, _size(file))


def _wav_cut_off(file: BinaryIO) -> str:
    size = _size(file)
    while len(chunk := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", chunk)
        if name != b"data":
            file.seek(length + length % 2, 1)
            continue
        present = size - file.tell()
        if present < length < _UNKNOWN_LENGTH:
            return worded(
                "cut off; the header promises {length} bytes of sound, {present} are there",
                length=length,
                present=present,
            )
        break
    return ""


def _ogg_cut_off(file: BinaryIO) -> str:
    """Ogg (RFC 3533): the last page says that it is the last, and its body is whole."""
    size = _size(file)
    file.seek(max(0, size - _OGG_PAGE))
    tail = file.read()
    place = tail.rfind(b"OggS")
    page = tail[place:]
    if place >= 0 and len(page) >= 27:
        segments = page[26]
        length = 27 + segments + sum(page[27 : 27 + segments])
        if len(page) >= length and page[5] & _OGG_LAST:
            return ""
    return worded("cut off; the last page of its sound is missing")


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
