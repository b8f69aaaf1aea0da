"""Sound that holds no key: synthetic voices, sung vowels, music, the tones of networks.

Voices come from espeak-ng and flite where they are installed (Debian has both). All of it is
synthetic: figures on it rank detectors, they are not rates from the field.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from bench.codecs import available, codec

Array = NDArray[np.float64]
RATE = 8000
PEAK = 22826.0

_WORDS = (
    "yes no hello who is there one two three four five six seven eight nine zero please wait "
    "message press water house morning evening weather tomorrow doctor appointment school "
    "delivery thank you goodbye name number street again maybe why what moment father mother "
    "river mountain bread coffee window garden winter summer always never nothing something "
    "oui non bonjour merci attendez rendez vous demain matin soir guten tag danke bitte morgen "
    "gracias mañana buenos días señora piacere domani grazie prego obrigado amanhã"
).split()
_SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in ("a", "e", "i", "o", "u", "ee", "ow")]


@cache
def _voices() -> tuple[str, ...]:
    if shutil.which("espeak-ng") is None:
        raise RuntimeError("espeak-ng is not installed: apt install espeak-ng")
    listing = subprocess.run(["espeak-ng", "--voices"], capture_output=True, text=True, check=True)
    return tuple(line.split()[1] for line in listing.stdout.splitlines()[1:])


def _text(rng: np.random.Generator) -> str:
    words = []
    for _ in range(int(rng.integers(30, 70))):
        kind = rng.random()
        if kind < 0.45:
            words.append(str(rng.choice(_WORDS)))
        elif kind < 0.8:
            words.append("".join(rng.choice(_SYLLABLES, int(rng.integers(1, 4)))))
        else:
            words.append(str(int(rng.integers(0, 9999))))
        if rng.random() < 0.12:
            words.append(str(rng.choice([",", ".", "?", "!"])))
    return " ".join(words)


def _utterance(rng: np.random.Generator) -> Array:
    text = _text(rng)
    if shutil.which("flite") is not None and rng.random() < 0.2:
        voice = str(rng.choice(["kal", "awb", "rms", "slt"]))
        pitch, stretch = rng.uniform(80, 230), rng.uniform(0.8, 1.5)
        command = ["flite", "-voice", voice, "--setf", f"int_f0_target_mean={pitch:.0f}"]
        command += ["--setf", f"duration_stretch={stretch:.2f}", "-t", text, "-o", "/dev/stdout"]
    else:
        variants = ["", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+f1", "+f2", "+f3"]
        variants += ["+f4", "+f5", "+croak", "+whisper", "+klatt", "+klatt2", "+klatt3"]
        voice = str(rng.choice(_voices())) + str(rng.choice(variants))
        pitch, speed = int(rng.integers(5, 99)), int(rng.integers(100, 230))
        command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", text]
    done = subprocess.run(command, capture_output=True, check=False)
    if len(done.stdout) < 1000:
        return np.zeros(0)
    with wave.open(io.BytesIO(done.stdout)) as file:
        rate = file.getframerate()
    samples = np.frombuffer(done.stdout[44 : len(done.stdout) // 2 * 2], dtype="<i2")
    return np.asarray(soxr.resample(samples.astype(np.float64), rate, RATE))


def telephone(samples: Array) -> Array:
    """Keep 300 to 3400 Hz."""
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE)
    shape = np.clip((frequency - 200) / 100, 0, 1) * np.clip((3600 - frequency) / 200, 0, 1)
    return np.fft.irfft(spectrum * shape, len(samples))


def spoken(
    rng: np.random.Generator,
    length: int,
    *,
    coded: bool = False,
    levels: tuple[float, float] = (-28.0, -10.0),
) -> Array:
    """Synthetic speech of many voices and languages; with ``coded`` partly through codecs.

    Each utterance has an active level between ``levels`` (dBm0).
    """
    parts: list[Array] = []
    done = 0
    chains = ["", "alaw"] + [c for c in ("gsm", "amr-12.2", "amr-5.90") if c[:3] in available()]
    while done < length:
        voice = _utterance(rng)
        if len(voice) < RATE:
            continue
        if rng.random() < 0.7:
            voice = telephone(voice)
        active = voice[np.abs(voice) > 0.05 * np.abs(voice).max()]
        level = PEAK / np.sqrt(2) * 10 ** (rng.uniform(*levels) / 20)
        voice = np.clip(voice * level / np.sqrt(np.mean(active**2)), -32768, 32767)
        voice = voice + rng.normal(0.0, 10 ** rng.uniform(0, 1.7), len(voice))
        chain = str(rng.choice(chains)) if coded else ""
        if chain:
            voice = codec(chain)(np.clip(voice, -32768, 32767).astype(np.int16)).astype(float)
        parts.append(np.clip(voice, -32768, 32767))
        done += len(voice)
    return np.concatenate(parts)[:length]


def formant_voice(rng: np.random.Generator, length: int) -> Array:
    """Sung vowels: steady or gliding pitch, random formants, in pieces of 80 to 600 ms."""
    out = np.zeros(length)
    position = 0
    while position < length:
        size = min(int(rng.uniform(0.08, 0.6) * RATE), length - position)
        pitch = rng.uniform(75, 400)
        glide = rng.choice([0.0, rng.normal(0, 0.05), rng.normal(0, 0.3)])
        time = np.arange(size) / RATE
        phase = 2 * np.pi * pitch * (time + glide * time**2)
        centres, widths = rng.uniform((250, 700, 1900), (900, 2000, 3200)), rng.uniform(50, 200, 3)
        voice = np.zeros(size)
        for harmonic in range(1, int(3600 / pitch) + 1):
            f = harmonic * pitch
            gain = float(np.sum(1 / (1 + ((f - centres) / widths) ** 2)))
            voice += gain * np.cos(harmonic * phase + rng.uniform(0, 6.3))
        edge = min(80, size // 2)
        if edge:
            shape = np.linspace(0, 1, edge)
            voice[:edge] *= shape
            voice[size - edge :] *= shape[::-1]
        peak = np.abs(voice).max() if size else 0.0
        if peak > 0:
            out[position : position + size] = voice / peak * 10 ** rng.uniform(2.8, 4.3)
        position += size + int(rng.choice([0, rng.uniform(0, 0.2)]) * RATE)
    return out + rng.normal(0, 5, length)


def music(rng: np.random.Generator, length: int) -> Array:
    """Chords and tunes of harmonic notes, equal temperament, A between 438 and 442 Hz."""
    out = np.zeros(length)
    position = 0
    while position < length:
        size = min(int(rng.uniform(0.08, 0.8) * RATE), length - position)
        time = np.arange(size) / RATE
        chord = np.zeros(size)
        for _ in range(int(rng.integers(1, 5))):
            note = rng.uniform(438, 442) * 2 ** (int(rng.integers(-24, 25)) / 12)
            decay = rng.choice([0.0, 2.0, 8.0])
            for harmonic in range(1, int(rng.integers(2, 9))):
                if harmonic * note < 3700:
                    wave_ = np.sin(2 * np.pi * harmonic * note * time + rng.uniform(0, 6.3))
                    chord += wave_ * np.exp(-decay * time) / harmonic ** rng.uniform(0.3, 2)
        peak = np.abs(chord).max() if size else 0.0
        if peak > 0:
            out[position : position + size] = chord / peak * 10 ** rng.uniform(2.8, 4.3)
        position += size
    return out + rng.normal(0, 5, length)


NETWORK_TONES: tuple[tuple[float, ...], ...] = (
    (425.0,),
    (400.0,),
    (450.0,),
    (440.0, 480.0),
    (350.0, 440.0),
    (480.0, 620.0),
    (400.0, 450.0),
    (950.0,),
    (1400.0,),
    (1800.0,),
    (985.2,),
    (1370.6,),
    (1776.7,),
    (2100.0,),
    (1100.0,),
    (1000.0,),
    (800.0,),
    (2600.0,),
    (2400.0, 2600.0),
    (2250.0,),
    (1270.0,),
    (1070.0,),
    (980.0,),
    (1180.0,),
    (1300.0,),
    (697.0,),
    (770.0,),
    (852.0,),
    (941.0,),
    (1209.0,),
    (1336.0,),
    (1477.0,),
    (1633.0,),
    (700.0, 900.0),
    (900.0, 1100.0),
    (1100.0, 1300.0),
    (1300.0, 1500.0),
    (1500.0, 1700.0),
    (1400.0, 2060.0, 2450.0, 2600.0),
)


def network_tones(rng: np.random.Generator, length: int) -> Array:
    """Progress tones, SIT, fax, MF signalling, single DTMF tones, sweeps and whistles."""
    out = np.zeros(length)
    position = 0
    while position < length:
        size = min(int(rng.choice([0.1, 0.2, 0.33, 0.5, 1.0, 3.0]) * RATE), length - position)
        time = np.arange(size) / RATE
        kind = rng.random()
        if kind < 0.7:
            tones = NETWORK_TONES[int(rng.integers(len(NETWORK_TONES)))]
            off = rng.uniform(0.99, 1.01)
            wave_ = sum(np.sin(2 * np.pi * off * f * time + rng.uniform(0, 6.3)) for f in tones)
        elif kind < 0.85:
            start, stop = rng.uniform(300, 3400, 2)
            span = max(size / RATE, 1e-3)
            wave_ = np.sin(2 * np.pi * (start * time + (stop - start) * time**2 / (2 * span)))
        else:
            centre, depth = rng.uniform(600, 2500), rng.uniform(0, 0.05)
            rate = rng.uniform(3, 8)
            wobble = depth * centre / rate * np.sin(2 * np.pi * rate * time)
            wave_ = np.sin(2 * np.pi * centre * time + wobble)
            wave_ += rng.uniform(0, 0.3) * np.sin(4 * np.pi * centre * time + 2 * wobble)
        out[position : position + size] = np.asarray(wave_) * 10 ** rng.uniform(2.5, 4.0)
        position += size + int(rng.uniform(0, 0.5) * RATE)
    return out + rng.normal(0, 3, length)
