"""Streams with known keys, after ITU-T Q.24 and what telephone networks do to a tone pair.

Everything is made from a seed; nothing is stored. Levels are dBm0 per tone, times are seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.codecs import available, codec
from bench.speech import formant_voice, music, network_tones, spoken

Array = NDArray[np.float64]
RATE = 8000
PEAK = 22826.0  # sine of 0 dBm0
KEYS = "123A456B789C*0#D"
ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)

Kind = Literal["required", "beyond", "reject", "info", "negative"]
"""``required``: what a receiver must accept, one limit at a time or as networks mix them; 115
conditions where all codecs are installed. ``beyond``: several limits at once, or more than the
sources ask: no miss is a fault, but each should be heard. ``reject``: must not be heard. ``info``:
between the two."""


@dataclass(frozen=True, slots=True)
class Press:
    """One key in a stream: what was sent, from when to when."""

    key: str
    start: float
    stop: float


@dataclass(frozen=True, slots=True)
class Stream:
    """One condition's audio and the presses in it."""

    group: str
    name: str
    kind: Kind
    samples: NDArray[np.int16]
    presses: tuple[Press, ...]

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.samples) / RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How the presses of one stream are made and what happens to them on the way."""

    group: str
    name: str
    kind: Kind = "required"
    duration: tuple[float, float] = (0.1, 0.1)
    pause: tuple[float, float] = (0.1, 0.3)
    level: tuple[float, float] = (-12.0, -12.0)
    twist: tuple[float, float] = (0.0, 0.0)
    row_off: tuple[float, float] = (0.0, 0.0)
    """Relative deviation of the row tone."""
    column_off: tuple[float, float] = (0.0, 0.0)
    extra_hz: float = 0.0
    same: bool = False
    cut: float = 0.0
    """Length of an interruption in the middle of each press."""
    ramp: float = 0.001
    snr: tuple[float, float] | None = None
    pink: bool = False
    mix: Callable[[np.random.Generator, Array, float], Array] | None = None
    """Adds something to the whole stream; gets the tone's level in sample units."""
    codecs: tuple[str, ...] = ()
    lost: float = 0.0
    """Share of 20 ms frames lost on the way."""
    gap: str = "conceal"
    """``conceal`` (the codec's own), ``zero``, ``repeat``."""
    count: int | None = None


def _pink(rng: np.random.Generator, length: int) -> Array:
    spectrum = np.fft.rfft(rng.normal(size=length))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def tone_pair(
    rng: np.random.Generator,
    row_hz: float,
    column_hz: float,
    row_peak: float,
    column_peak: float,
    length: int,
    ramp: float,
) -> Array:
    """Two sines with random phases and short raised edges."""
    time = np.arange(length) / RATE
    phases = rng.uniform(0.0, 2.0 * np.pi, 2)
    wave = row_peak * np.sin(2.0 * np.pi * row_hz * time + phases[0])
    wave += column_peak * np.sin(2.0 * np.pi * column_hz * time + phases[1])
    edge = int(ramp * RATE)
    if edge and length > 2 * edge:
        shape = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
        wave[:edge] *= shape
        wave[-edge:] *= shape[::-1]
    return np.asarray(wave)


def render(condition: Condition, rng: np.random.Generator, presses: int) -> Stream:
    """Make one stream."""
    presses = condition.count or presses
    order = [KEYS[i % 16] for i in range(presses)]
    rng.shuffle(order)
    if condition.same:
        order = [key for key in order[: presses // 2] for _ in range(2)]
    parts: list[Array] = [np.zeros(int(rng.uniform(0.3, 0.32) * RATE))]
    position = len(parts[0])
    truth: list[Press] = []
    total_power = 0.0
    for number, key in enumerate(order):
        index = KEYS.index(key)
        length = round(rng.uniform(*condition.duration) * RATE)
        level = PEAK * 10 ** (rng.uniform(*condition.level) / 20)
        twist = rng.uniform(*condition.twist)
        # The stronger tone has the level of the condition.
        row_peak = level * 10 ** (-max(0.0, twist) / 20)
        column_peak = level * 10 ** (min(0.0, twist) / 20)
        sign = condition.extra_hz
        offs = [rng.uniform(*condition.row_off), rng.uniform(*condition.column_off)]
        row_hz = ROWS[index >> 2] * (1 + offs[0]) + math.copysign(sign, offs[0])
        column_hz = COLUMNS[index & 3] * (1 + offs[1]) + math.copysign(sign, offs[1])
        wave = tone_pair(rng, row_hz, column_hz, row_peak, column_peak, length, condition.ramp)
        if condition.cut:
            middle = int(length * rng.uniform(0.35, 0.65))
            wave[middle : middle + int(condition.cut * RATE)] = 0.0
        total_power += (row_peak**2 + column_peak**2) / 2
        truth.append(Press(key, position / RATE, (position + length) / RATE))
        pause = round(rng.uniform(*condition.pause) * RATE)
        if condition.same and number % 2:
            pause = round(rng.uniform(0.2, 0.3) * RATE)
        parts += [wave, np.zeros(pause)]
        position += length + pause
    parts.append(np.zeros(RATE // 2))
    audio = np.concatenate(parts)
    mean_power = total_power / len(order)
    if condition.snr is not None:
        ratio = rng.uniform(*condition.snr)
        noise = _pink(rng, len(audio)) if condition.pink else rng.normal(size=len(audio))
        audio += noise * math.sqrt(mean_power / 10 ** (ratio / 10))
    if condition.mix is not None:
        audio = audio + condition.mix(rng, audio, math.sqrt(mean_power))
    audio += rng.normal(0.0, 3.0, len(audio))
    samples = np.clip(np.rint(audio), -32768, 32767).astype(np.int16)
    lost = np.flatnonzero(rng.random(len(samples) // 160 + 1) < condition.lost)
    for number, name in enumerate(condition.codecs):
        take_loss = condition.gap == "conceal" and number == len(condition.codecs) - 1
        samples = codec(name)(samples, lost.tolist() if take_loss else ())
    if condition.lost and condition.gap != "conceal":
        samples = samples.copy()
        for frame in lost.tolist():
            into = slice(160 * frame, 160 * frame + 160)
            before = samples[160 * frame - 160 : 160 * frame]
            fits = condition.gap == "repeat" and len(before) == len(samples[into]) == 160
            samples[into] = before if fits else 0
    return Stream(condition.group, condition.name, condition.kind, samples, tuple(truth))


# ------------------------------------------------------------------ what is added on the way


def dial_tone(relative_db: float, *frequencies: float) -> Callable[..., Array]:
    """A continuous tone of the network, ``relative_db`` to the pair's power."""

    def add(rng: np.random.Generator, audio: Array, level: float) -> Array:
        time = np.arange(len(audio)) / RATE
        peak = level * 10 ** (relative_db / 20) * math.sqrt(2 / len(frequencies))
        tones = [peak * np.sin(2 * np.pi * f * time + rng.uniform(0, 6.3)) for f in frequencies]
        return np.asarray(np.sum(tones, axis=0))

    return add


def hum(relative_db: float, base: float, offset: float = 0.0) -> Callable[..., Array]:
    """Mains hum with harmonics, and a direct component relative to the pair's level."""

    def add(rng: np.random.Generator, audio: Array, level: float) -> Array:
        time = np.arange(len(audio)) / RATE
        peak = level * 10 ** (relative_db / 20) * math.sqrt(2)
        wave = peak * np.sin(2 * np.pi * base * time + rng.uniform(0, 6.3))
        wave += 0.3 * peak * np.sin(2 * np.pi * 2 * base * time + rng.uniform(0, 6.3))
        wave += 0.2 * peak * np.sin(2 * np.pi * 3 * base * time + rng.uniform(0, 6.3))
        return wave + offset * level

    return add


def greeting_echo(relative_db: float) -> Callable[..., Array]:
    """Our own greeting coming back: speech with its active level relative to the pair."""

    def add(rng: np.random.Generator, audio: Array, level: float) -> Array:
        speech = spoken(rng, len(audio), levels=(-19.0, -19.0))
        active = speech[np.abs(speech) > 200]
        return speech * (level * 10 ** (relative_db / 20) / math.sqrt(np.mean(active**2)))

    return add


def echo(*taps: tuple[float, float]) -> Callable[..., Array]:
    """Echoes of the tone itself: pairs of delay in seconds and level in dB."""

    def add(rng: np.random.Generator, audio: Array, level: float) -> Array:  # noqa: ARG001
        out = np.zeros_like(audio)
        for delay, db in taps:
            shift = int(delay * RATE)
            gain = 10 ** (db / 20) * (1 if rng.random() < 0.5 else -1)
            out[shift:] += gain * audio[: len(audio) - shift]
        return out

    return add


def both(*adders: Callable[..., Array]) -> Callable[..., Array]:
    """Several of the above."""
    return lambda rng, audio, level: np.sum([a(rng, audio, level) for a in adders], axis=0)


# ------------------------------------------------------------------ the conditions


def _pair(value: float) -> tuple[float, float]:
    return (value, value)


def conditions() -> list[Condition]:
    """Every condition with presses; those whose codec is missing here are left out."""
    made: list[Condition] = []

    def add(group: str, name: str, kind: Kind = "required", **options: Any) -> None:
        made.append(Condition(group=group, name=name, kind=kind, **options))

    short, normal = _pair(0.05), _pair(0.1)
    add("clean", "100 ms", duration=normal)
    add("clean", "50 ms", duration=short)
    for r, c in ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1)):
        off: Any = {"row_off": _pair(0.015 * r), "column_off": _pair(0.015 * c)}
        add("freq", f"{1.5 * r:+} {1.5 * c:+} %", duration=short, **off)
        if r and c:
            add("freq", f"{1.5 * r:+} {1.5 * c:+} % and 2 Hz", duration=short, extra_hz=2.0, **off)
        kinds: tuple[tuple[float, Kind], ...]
        kinds = ((0.025, "info"), (0.035, "reject"), (0.05, "reject"))
        for more, kind in kinds:
            off = {"row_off": _pair(more * r), "column_off": _pair(more * c)}
            add("freq", f"{100 * more * r:+} {100 * more * c:+} %", kind, duration=normal, **off)
    for twist in (-8, -6, -4, 4, 5):
        add("twist", f"{twist:+} dB", duration=short, twist=_pair(twist))
    add("twist", "+6 dB", "beyond", duration=short, twist=_pair(6))
    for twist in (-8, 4):
        add(
            "twist",
            f"{twist:+} dB off",
            duration=short,
            twist=_pair(twist),
            row_off=_pair(0.015),
            column_off=_pair(-0.015),
        )
    for twist in (-14, 11):
        add("twist", f"{twist:+} dB", "info", duration=short, twist=_pair(twist))
    for ms in (40, 42, 45, 50, 65, 150, 500):
        add("dur", f"{ms} ms", duration=_pair(ms / 1000), level=(-25.0, -3.0))
    for ms in (30, 34):
        add("dur", f"{ms} ms", "info", duration=_pair(ms / 1000))
    for ms in (10, 15, 20, 23):
        add("dur", f"{ms} ms", "reject", duration=_pair(ms / 1000), level=(-25.0, -3.0))
    for ms in (40, 50, 70):
        add("pause", f"{ms} ms", pause=_pair(ms / 1000), duration=short)
        add("pause-same", f"{ms} ms", pause=_pair(ms / 1000), duration=short, same=True)
    add("pause-same", "30 ms", "info", pause=_pair(0.03), duration=short, same=True)
    for cut in (5, 10):
        for ms in (100, 200):
            add("interrupt", f"{cut} of {ms} ms", duration=_pair(ms / 1000), cut=cut / 1000)
    add("rate", "93 ms, 50 on", duration=short, pause=_pair(0.043))
    add("rate", "93 ms, 53 on", duration=_pair(0.053), pause=_pair(0.04))
    add("rate", "120 ms", duration=_pair(0.06), pause=_pair(0.06))
    for level in (0, -3, -10, -20, -25, -27):
        add("level", f"{level} dBm0", level=_pair(level), duration=short)
    for snr in (15, 18, 24):
        add("snr", f"white {snr} dB", snr=_pair(snr), duration=short)
        add("snr", f"pink {snr} dB", snr=_pair(snr), pink=True, duration=short)
    add("snr", "white 15 dB, level -25", snr=_pair(15), duration=short, level=_pair(-25.0))
    add(
        "snr",
        "white 15 dB, off",
        snr=_pair(15),
        duration=short,
        row_off=_pair(0.015),
        column_off=_pair(-0.015),
    )
    for snr in (9, 6):
        add("snr", f"white {snr} dB", "info", snr=_pair(snr), duration=normal)
    for db in (-15, -10):
        add("dialtone", f"425 {db} dB", mix=dial_tone(db, 425.0))
        add("dialtone", f"350+440 {db} dB", mix=dial_tone(db, 350.0, 440.0))
    add("dialtone", "350+440 0 dB", "info", mix=dial_tone(0, 350.0, 440.0))
    add("hum", "50 Hz -10 dB", mix=hum(-10, 50.0))
    add("hum", "60 Hz -10 dB", mix=hum(-10, 60.0))
    add("hum", "50 Hz 0 dB", "beyond", mix=hum(0, 50.0))
    add("hum", "dc", "beyond", mix=hum(-60, 50.0, offset=1.0))
    for db in (0, -3, -6, -10, -15):
        add("selfecho", f"{db} dB", mix=greeting_echo(db), duration=(0.08, 0.2))
    for ms, db in ((10, -10), (20, -10), (20, -15), (7, -12)):
        add("echo", f"{ms} ms {db} dB", mix=echo((ms / 1000, db)), duration=_pair(0.06))
    add("echo", "three taps", mix=echo((0.005, -14.0), (0.012, -16.0), (0.02, -18.0)))
    add("echo", "hard", "info", mix=echo((0.03, -6.0), (0.05, -10.0)))
    have = available()
    if "gsm" in have:
        add("codec", "gsm 50", codecs=("gsm",), duration=short)
        add("codec", "gsm 100", codecs=("gsm",))
        add("tandem", "gsm gsm", codecs=("gsm", "alaw", "gsm"))
    add("codec", "alaw", codecs=("alaw",), duration=short)
    if "amr" in have:
        for mode in ("12.2", "10.2", "7.95", "7.40"):
            add("codec", f"amr {mode} 50", codecs=(f"amr-{mode}",), duration=short)
            add("codec", f"amr {mode} 100", codecs=(f"amr-{mode}",))
        for mode in ("6.70", "5.90", "5.15", "4.75"):
            add("codec-low", f"amr {mode} 100", codecs=(f"amr-{mode}",))
            add("codec-low", f"amr {mode} 70", codecs=(f"amr-{mode}",), duration=_pair(0.07))
            add("codec-low", f"amr {mode} 50", "info", codecs=(f"amr-{mode}",), duration=short)
        add(
            "codec",
            "amr 12.2 off",
            codecs=("amr-12.2",),
            row_off=(-0.01, 0.01),
            column_off=(-0.01, 0.01),
        )
        add("tandem", "alaw amr 12.2 alaw", codecs=("alaw", "amr-12.2", "alaw"))
        add("tandem", "amr 12.2 amr 12.2", codecs=("amr-12.2", "alaw", "amr-12.2"))
        add("tandem", "alaw amr 5.90", codecs=("alaw", "amr-5.90"))
        add("tandem", "amr 7.40 amr 7.40", codecs=("amr-7.40", "amr-7.40"))
        for share in (0.01, 0.03):
            add(
                "erasure",
                f"amr 12.2 {share:.0%}",
                codecs=("amr-12.2",),
                lost=share,
                duration=(0.1, 0.2),
            )
        add("erasure", "amr 7.40 3%", codecs=("amr-7.40",), lost=0.03, duration=(0.1, 0.2))
        if "gsm" in have:
            add("tandem", "gsm amr 12.2", codecs=("gsm", "amr-12.2"))
    for gap in ("zero", "repeat"):
        for share in (0.01, 0.03):
            add(
                "erasure",
                f"{gap} {share:.0%}",
                lost=share,
                gap=gap,
                codecs=("alaw",),
                duration=(0.1, 0.2),
            )
    if "amrwb" in have:
        for mode in ("12.65", "23.85"):
            add("codec", f"amrwb {mode} 100", codecs=(f"amrwb-{mode}",))
        add("codec", "amrwb 12.65 50", codecs=("amrwb-12.65",), duration=short)
        add("codec-low", "amrwb 8.85", "info", codecs=("amrwb-8.85",))
        add("codec-low", "amrwb 6.60", "info", codecs=("amrwb-6.60",))
    wide: dict[str, Any] = {"row_off": (-0.015, 0.015), "column_off": (-0.015, 0.015)}
    noisy: dict[str, Any] = {"duration": short, "twist": (-6, 3), "snr": _pair(20), **wide}
    add("misc", "off, twist, noise", "beyond", **noisy)
    humming: dict[str, Any] = {"duration": short, "level": (-25, -5), **wide}
    add("misc", "off, hum, level", "beyond", mix=hum(-6, 50.0), **humming)
    add("misc", "slow edges", duration=_pair(0.06), ramp=0.005)
    add("misc", "edges 10 ms, 80 ms", duration=_pair(0.08), ramp=0.01)
    field_like: dict[str, Any] = {
        "duration": (0.065, 0.35),
        "pause": (0.065, 0.5),
        "twist": (-4, 3),
        "row_off": (-0.005, 0.005),
        "column_off": (-0.005, 0.005),
    }
    for number, chain in enumerate(
        [("alaw",), ("gsm",), ("amr-12.2",), ("amr-7.95",), ("amr-5.90",), ("amrwb-12.65",)]
    ):
        if chain[0].partition("-")[0] in have:
            add(
                "field",
                chain[0],
                codecs=("alaw", *chain),
                level=(-25 + number, -6),
                snr=(22, 35),
                pink=True,
                lost=0.003,
                mix=both(greeting_echo(-20), echo((0.015, -15.0))),
                **field_like,
            )
    return made


def _seed(seed: int, text: str) -> np.random.Generator:
    return np.random.default_rng([seed, *text.encode()])


def pressed(condition: Condition, seed: int, presses: int = 96) -> Stream:
    """The stream of one condition for one seed."""
    rng = _seed(seed, f"{condition.group}/{condition.name}")
    return render(condition, rng, presses)


def negative(kind: str, seed: int, hours: float) -> Stream:
    """Hours without a key: ``speech``, ``formant``, ``music`` or ``tones``."""
    make = {
        "speech": lambda rng, length: spoken(rng, length, coded=True),
        "formant": formant_voice,
        "music": music,
        "tones": network_tones,
    }[kind]
    samples = make(_seed(seed, kind), int(hours * 3600 * RATE))
    clipped = np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
    return Stream(f"neg-{kind}", kind, "negative", clipped, ())
