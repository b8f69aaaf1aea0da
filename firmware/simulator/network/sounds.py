"""What the network and the callee sound like, and how loud a frame is.

All audio is 8000 Hz, 16 bit signed little endian, mono (s16le); a frame is 160 samples, 20 ms.
"""

from __future__ import annotations

import io
import wave
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firmware.bounded_read import read_bounded
from firmware.wording import worded

RATE = 8000
FRAME_SAMPLES = 160
FRAME_BYTES = 2 * FRAME_SAMPLES
FRAME_SECONDS = FRAME_SAMPLES / RATE
BYTES_PER_SECOND = 2 * RATE

AUDIBLE_RMS = 200.0
"""Below this a frame is silence to an ear on a phone: about -44 dB of full scale."""
SMOOTH = 0.4
"""Correlation with the next sample or the one after, of either sign, below which a loud frame is
noise, not a voice or a tone.

A tone of any frequency reaches 0.5 at one of the two, voiced speech more; random bytes, and speech
whose bytes are out of step, stay within about 0.25.
"""

# ITU-T Q.23: the row and the column frequency of each key.
_ROWS = (697, 770, 852, 941)
_COLUMNS = (1209, 1336, 1477, 1633)
_KEYPAD = ("123A", "456B", "789C", "*0#D")


def _to_pcm(samples: NDArray[np.float64]) -> bytes:
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()


def _seconds(duration: float) -> NDArray[np.float64]:
    return np.arange(round(duration * RATE), dtype=np.float64) / RATE


def _tone(frequency: float, duration: float, amplitude: float) -> NDArray[np.float64]:
    return amplitude * np.sin(2 * np.pi * frequency * _seconds(duration))


@cache
def key_tone(key: str, milliseconds: int = 120) -> bytes:
    """The dual tone of *key* as a switching centre makes it: -11 dB per tone, 50 ms of rest."""
    for row, keys in zip(_ROWS, _KEYPAD, strict=True):
        if key in keys:
            duration = milliseconds / 1000
            column = _COLUMNS[keys.index(key)]
            pair = _tone(row, duration, 9000) + _tone(column, duration, 9000)
            return _to_pcm(pair) + bytes(round(0.05 * RATE) * 2)
    raise ValueError(f"no such key: {key!r}")


@cache
def comfort_noise() -> bytes:
    """One second of the hiss that a quiet line has, about -64 dB of full scale."""
    generator = np.random.default_rng(8000)
    return _to_pcm(generator.normal(0, 20, RATE))


@cache
def ringback() -> bytes:
    """One period of the French ringing tone: 440 Hz, 1.5 s on, 3.5 s off."""
    return _to_pcm(_tone(440, 1.5, 4000)) + bytes(round(3.5 * RATE) * 2)


@cache
def busy_tone() -> bytes:
    """One period of the French busy tone: 440 Hz, 0.5 s on, 0.5 s off."""
    return _to_pcm(_tone(440, 0.5, 4000)) + bytes(round(0.5 * RATE) * 2)


@cache
def beep() -> bytes:
    """The beep of an answering machine: 1000 Hz for 0.5 s."""
    return _to_pcm(_tone(1000, 0.5, 8000))


@cache
def murmur(seconds: float) -> bytes:
    """A voice without words: harmonics of a gliding pitch with syllables, no recording needed."""
    time = _seconds(seconds)
    pitch = 118 + 14 * np.sin(2 * np.pi * 0.4 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = np.zeros_like(time)
    for harmonic in range(1, 9):
        voice += np.sin(harmonic * phase) / harmonic
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time) + 0.35, 0, 1)
    return _to_pcm(2600 * voice * syllables)


WAV_LIMIT = 16 << 20
"""Bytes; a quarter of an hour of sound."""


class SoundUnusable(ValueError):
    """The file is not a WAV of 8 kHz, 16 bit, mono."""


def read_wav(data: bytes) -> bytes:
    """Return the samples of a WAV file's bytes; raises :class:`SoundUnusable`."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            shape = (file.getframerate(), file.getsampwidth(), file.getnchannels())
            if shape != (RATE, 2, 1):
                raise SoundUnusable(
                    worded(
                        "{rate} Hz, {bits} bit, {channels} channel(s) where 8000 Hz, 16 bit, 1 "
                        "channel is needed",
                        rate=shape[0],
                        bits=8 * shape[1],
                        channels=shape[2],
                    )
                )
            return bytes(file.readframes(file.getnframes()))
    except (wave.Error, EOFError) as error:
        raise SoundUnusable(worded("not a WAV file: {error}", error=error)) from error


def load_wav(path: Path) -> bytes:
    """Return the samples of a WAV file; raises :class:`SoundUnusable` or OSError."""
    return read_wav(read_bounded(path, WAV_LIMIT))


def classify(pcm: bytes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each whole frame of *pcm*: is it audible, and if so, is it mere noise?"""
    count = len(pcm) // FRAME_BYTES
    samples = np.frombuffer(pcm[: count * FRAME_BYTES], dtype="<i2").astype(np.float64)
    frames = samples.reshape(count, FRAME_SAMPLES)
    frames = frames - frames.mean(axis=1, keepdims=True)
    energy = np.einsum("ij,ij->i", frames, frames)
    audible = energy >= AUDIBLE_RMS**2 * FRAME_SAMPLES
    nearest = np.zeros(count)
    for lag in (1, 2):
        correlation = np.einsum("ij,ij->i", frames[:, lag:], frames[:, :-lag])
        nearest = np.maximum(nearest, np.abs(correlation))
    return audible, audible & (nearest < SMOOTH * energy)
