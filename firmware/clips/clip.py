"""Clips: short recordings that a call plays, and the one format that every path accepts.

Narrow-band telephony is 8000 samples a second; modems with a host audio port take them as
signed 16-bit little-endian, one channel, without a header. A clip on disk is the same samples
in a WAV file. Anything else is refused here with the remedy, never converted on the fly: what
is heard in a call must be what was checked on the bench.
"""

from __future__ import annotations

import array
import io
import struct
import sys
import wave
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from firmware.bounded_read import open_regular
from firmware.errors import ClipUnusable
from firmware.wording import joined, reason_of, worded

SAMPLE_RATE = 8000
"""Samples per second of every clip and of both directions of a call."""
SAMPLE_BYTES = 2
FULL_SCALE = 32768
MAX_SECONDS = 300.0
"""Nothing that a call plays is longer; a longer file is a mistake and must not fill the memory."""
BLOCK_SAMPLES = 1 << 17
WIDEST_SAMPLE = 4
LEAST_RATE, MOST_RATE = 1000, 768_000
"""Samples a second. What is outside is a broken header, whose arithmetic fills the memory."""
SILENT_PEAK = 33
"""-60 dBFS. A clip whose loudest sample is below it is inaudible over any network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WavFormat:
    """What the header of a WAV file says, and how many bytes of sound really follow it."""

    rate: int
    width: int
    """Bytes per sample."""
    channels: int
    frames: int
    """Frames (one sample per channel) that the header promises."""

    @property
    def seconds(self) -> float:
        return self.frames / self.rate if self.rate else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One recording in memory, as signed 16-bit little-endian mono samples at 8 kHz."""

    name: str
    pcm: bytes

    def __post_init__(self) -> None:
        if not self.pcm or len(self.pcm) % SAMPLE_BYTES:
            raise ValueError("a clip holds at least one whole 16-bit sample")

    @property
    def seconds(self) -> float:
        return len(self.pcm) / (SAMPLE_RATE * SAMPLE_BYTES)

    @classmethod
    def load(cls, path: Path, name: str) -> Self:
        """Read the WAV file at *path*.

        Raises :class:`~firmware.errors.ClipUnusable`, naming the file and the remedy, when it is
        missing, not a WAV file, cut off, empty, silent, too long, or in another format.
        """
        with WavFile(path) as wav:
            # Before reading: a foreign format may be many times larger than a clip.
            wrong = format_faults(wav.form)
            if wrong:
                said = joined(", ", wrong)
                raise ClipUnusable(joined(": ", [str(path), said]), remedy=_convert_remedy(path))
            pcm = b"".join(wav.blocks())
        if silent(pcm):
            raise ClipUnusable(
                worded("{path}: silent; no sample is louder than -60 dBFS", path=path),
                remedy=worded("record it again"),
            )
        return cls(name=name, pcm=pcm)


def format_faults(form: WavFormat) -> tuple[str, ...]:
    """Say what differs from the one format of clips."""
    faults = []
    if form.rate != SAMPLE_RATE:
        faults.append(
            worded(
                "{rate} samples a second, the telephone needs {sample_rate}",
                rate=form.rate,
                sample_rate=SAMPLE_RATE,
            )
        )
    if form.width != SAMPLE_BYTES:
        faults.append(worded("{width} bits a sample, the telephone needs 16", width=form.width * 8))
    if form.channels != 1:
        faults.append(worded("{channels} channels, the telephone has one", channels=form.channels))
    return tuple(faults)


class WavFile:
    """An uncompressed WAV file of any plain format, opened for reading piece by piece.

    Opening and reading raise :class:`~firmware.errors.ClipUnusable` when there is no such file,
    when it is not a WAV file of plain samples, when it ends before its header says, when it is
    longer than anything a call plays, or when it holds no sound.
    """

    form: WavFormat

    def __init__(self, path: Path) -> None:
        self._path = path
        with _refusals(path), ExitStack() as unless_opened:
            stream = unless_opened.enter_context(open_regular(path))
            self._wav = unless_opened.enter_context(wave.open(stream, "rb"))
            self.form = WavFormat(
                rate=self._wav.getframerate(),
                width=self._wav.getsampwidth(),
                channels=self._wav.getnchannels(),
                frames=self._wav.getnframes(),
            )
            # A header may promise gigabytes (a recorder that was killed leaves 0xFFFFFFFF there).
            self._refuse(present=path.stat().st_size)
            self._opened = unless_opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def blocks(self) -> Iterator[bytes]:
        """Yield the interleaved samples, whole frames of at most some 100,000 samples."""
        form, left = self.form, self._promised
        while left:
            with _refusals(self._path):
                block = self._wav.readframes(max(1, BLOCK_SAMPLES // form.channels))
            left -= len(block)
            if not block or len(block) % (form.width * form.channels):
                raise self._cut_off(worded("{promised} are there", promised=self._promised - left))
            yield block

    @property
    def _promised(self) -> int:
        return self.form.frames * self.form.width * self.form.channels

    def _refuse(self, *, present: int) -> None:
        path, form = self._path, self.form
        if form.width > WIDEST_SAMPLE:
            raise ClipUnusable(
                worded(
                    "{path}: {width} bits a sample, which nothing here reads",
                    path=path,
                    width=form.width * 8,
                ),
                remedy=worded("export it again with 16 bits a sample"),
            )
        if form.frames == 0:
            raise ClipUnusable(
                worded("{path}: holds no sound", path=path), remedy=worded("record it again")
            )
        if self._promised > present:
            raise self._cut_off(worded("the file has {present} bytes in all", present=present))
        if form.seconds > MAX_SECONDS:
            raise ClipUnusable(
                worded(
                    "{path}: {seconds:.0f} s long, at most {max_seconds:.0f} s are played",
                    path=path,
                    seconds=form.seconds,
                    max_seconds=MAX_SECONDS,
                ),
                remedy=worded("cut it shorter"),
            )
        if not LEAST_RATE <= form.rate <= MOST_RATE:
            raise ClipUnusable(
                worded(
                    "{path}: {rate} samples a second, as no recorder writes",
                    path=path,
                    rate=form.rate,
                ),
                remedy=worded(
                    "record or export it again at {sample_rate} samples a second",
                    sample_rate=SAMPLE_RATE,
                ),
            )

    def _cut_off(self, there: str) -> ClipUnusable:
        return ClipUnusable(
            worded(
                "{path}: cut off; the header promises {promised} bytes of sound, {there}",
                path=self._path,
                promised=self._promised,
                there=there,
            ),
            remedy=worded("copy or record it again"),
        )


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Turn what opening and reading WAV files raises into ClipUnusable."""
    try:
        yield
    except FileNotFoundError:
        raise ClipUnusable(
            worded("{path}: no such file", path=path), remedy=worded("check the path of the clip")
        ) from None
    except OSError as error:
        raise ClipUnusable(
            worded("{path}: cannot be read: {strerror}", path=path, strerror=reason_of(error)),
            remedy=worded("check the path and its permissions"),
        ) from error
    except EOFError:
        raise ClipUnusable(
            worded("{path}: cut off inside the header, or empty", path=path),
            remedy=worded("copy or record it again"),
        ) from None
    except wave.Error as error:
        raise ClipUnusable(
            worded("{path}: not a plain WAV file ({error})", path=path, error=error),
            remedy=_convert_remedy(path),
        ) from None
    except (RuntimeError, ValueError, struct.error):
        # wave (3.11) raises a bare RuntimeError where a chunk is longer than the file.
        raise ClipUnusable(
            worded("{path}: not a plain WAV file (broken header)", path=path),
            remedy=_convert_remedy(path),
        ) from None


def encode_wav(pcm: bytes) -> bytes:
    """Return the bytes of a WAV file that holds *pcm* (8 kHz, 16-bit, mono)."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(SAMPLE_BYTES)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(pcm)
    return buffer.getvalue()


def silent(pcm: bytes) -> bool:
    """Tell whether no 16-bit little-endian sample is as loud as :data:`SILENT_PEAK`."""
    step, whole = 4096 * SAMPLE_BYTES, len(pcm) - len(pcm) % SAMPLE_BYTES
    for start in range(0, whole, step):
        samples = array.array("h")
        samples.frombytes(pcm[start : min(start + step, whole)])
        if sys.byteorder == "big":
            samples.byteswap()
        if max(samples) >= SILENT_PEAK or min(samples) <= -SILENT_PEAK:
            return False
    return True


def _convert_remedy(path: Path) -> str:
    return worded("convert it with: autodialer audio prepare {path} NEW.wav", path=path.name)
