"""Seeded sounds, and every figure that the detector of keys and machines makes of them.

``python -m tests.support.dtmf_figures`` records the figures anew
(``tests/fixtures/dtmf_figures.json``), and prints how many of them changed. Do so after a change
of a weight, a limit or a table that is meant, and say in the commit why it is; where none is meant,
a figure that differs is a mistake.

The sounds are made without numpy's own random numbers, so that they are the same everywhere.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firmware.dtmf.detector import KEYS, Detected, ToneDetector
from firmware.dtmf.evidence import Look
from firmware.dtmf.listener import DownlinkDetector
from firmware.dtmf.pair import fit_pair, look_closer
from firmware.dtmf.single import measure
from firmware.dtmf.spectrum import COLUMNS, ROWS, Spectra, band_energy

Array = NDArray[np.float64]
Figures = dict[str, list[object]]
RECORDED = Path(__file__).parents[1] / "fixtures" / "dtmf_figures.json"
RATE = 8000
PEAK = 22826.0


def _tone(seconds: float, hertz: float, peak: float, phase: float = 0.0) -> Array:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(peak * np.sin(2 * np.pi * hertz * time + phase))


def _gap(seconds: float) -> Array:
    return np.zeros(round(seconds * RATE))


def _press(
    key: str,
    seconds: float = 0.06,
    *,
    level: float = -12.0,
    twist: float = 0.0,
    off: tuple[float, float] = (0.0, 0.0),
) -> Array:
    index = KEYS.index(key)
    peak = PEAK * 10 ** (level / 20)
    row, column = ROWS[index >> 2] * (1 + off[0]), COLUMNS[index & 3] * (1 + off[1])
    return _tone(seconds, row, peak, 0.4 + index) + _tone(
        seconds, column, peak * 10 ** (twist / 20), 0.8 + index
    )


def _noise(seed: int, size: int, power: float) -> Array:
    draw = random.Random(seed)
    return np.array([draw.gauss(0.0, power) for _ in range(size)])


def _voice(seed: int, seconds: float) -> Array:
    """Syllables of buzz whose pitch and formants move."""
    draw = random.Random(seed)
    parts: list[Array] = []
    made = 0
    while made < seconds * RATE:
        size = int(draw.uniform(0.12, 0.3) * RATE)
        time = np.arange(size) / RATE
        pitch, slope = draw.uniform(90, 240), draw.uniform(-0.4, 0.4)
        centres = draw.uniform(500, 950), draw.uniform(1150, 1700)
        wave = np.zeros(size)
        for number in range(1, 18):
            gain = sum(1 / (1 + ((number * pitch - centre) / 90) ** 2) for centre in centres)
            turns = number * pitch * (time + slope * time**2 / 2)
            wave += gain * np.cos(2 * np.pi * turns + draw.uniform(0, 6))
        parts += [2500 * wave * np.sin(np.pi * np.arange(size) / size), _gap(0.03)]
        made += size + len(parts[-1])
    return np.concatenate(parts)[: round(seconds * RATE)]


def _coarse(samples: Array) -> Array:
    """As a codec of GSM leaves it: each 5 ms in eight steps, and each ninth frame faded."""
    coarse = samples.copy()
    for start in range(0, len(coarse), 40):
        piece = coarse[start : start + 40]
        step = max(float(np.abs(piece).max()) / 4, 1.0)
        piece[:] = np.rint(piece / step) * step
    for start in range(160 * 8, len(coarse) - 160, 160 * 9):
        coarse[start : start + 160] = 0.3 * coarse[start - 160 : start]
    return coarse


def _row(*parts: Array) -> Array:
    return np.concatenate(parts)


def _dialled(text: str, on: float, off: float, **how: float) -> Array:
    return _row(*(part for key in text for part in (_press(key, on, **how), _gap(off))))  # type: ignore[arg-type]


def _over(*sounds: Array) -> Array:
    """All of them at once, as long as the longest."""
    total = np.zeros(max(map(len, sounds)))
    for sound in sounds:
        total[: len(sound)] += sound
    return total


def _faded(decibels: float) -> Array:
    whole = _press("9", 0.2)
    whole[640:1040] *= 10 ** (decibels / 20)
    return whole


SOUNDS: dict[str, Callable[[], Array]] = {
    "every key": lambda: _dialled(KEYS, 0.05, 0.05),
    "a key from the first sample on": lambda: _row(_press("5", 0.09), _gap(0.1)),
    "in noise of 12 dB": lambda: _over(
        _row(_gap(0.1), _dialled("1904", 0.12, 0.08)), _noise(1, 8000, 1440.0)
    ),
    "in noise of 7 dB": lambda: _over(_row(_gap(0.1), _press("9", 0.5)), _noise(2, 6400, 2560.0)),
    "twists": lambda: _row(
        *(
            part
            for twist in (-12.0, -8.0, -4.0, 4.0, 6.0, 9.0)
            for part in (_press("6", 0.05, twist=twist), _gap(0.05))
        )
    ),
    "tones that are off": lambda: _over(
        _row(
            *(
                part
                for key, off in (
                    ("1", (0.015, -0.015)),
                    ("8", (-0.015, 0.015)),
                    ("D", (0.02, 0.0)),
                    ("2", (-0.018, 0.018)),
                    ("0", (0.0, -0.022)),
                    ("3", (0.03, 0.03)),
                )
                for part in (_press(key, 0.08, off=off), _gap(0.05))
            )
        ),
        _noise(3, 6400, 250.0),
    ),
    "short presses": lambda: _row(
        *(
            part
            for number, length in enumerate((0.02, 0.026, 0.03, 0.033, 0.036, 0.04))
            for part in (_gap(0.001 * number), _press("7", length), _gap(0.06))
        )
    ),
    "two presses of one key": lambda: _row(
        *(
            part
            for pause in (0.01, 0.02, 0.03, 0.04, 0.06)
            for part in (_press("9", 0.06), _gap(pause), _press("9", 0.06), _gap(0.1))
        )
    ),
    "two keys without a pause": lambda: _row(
        _gap(0.03), _press("1", 0.08), _press("9", 0.08), _press("1", 0.08), _gap(0.1)
    ),
    "keys that fade": lambda: _row(
        *(part for fade in (-15.0, -25.0, -40.0) for part in (_faded(fade), _gap(0.15)))
    ),
    "near the floor": lambda: _over(
        _row(*(_dialled("4", 0.08, 0.05, level=level) for level in (-40, -44, -46, -48, -50))),
        _noise(4, 5600, 4.0),
    ),
    "a voice": lambda: _voice(5, 3.0),
    "another voice": lambda: _over(_voice(15, 3.0), _noise(6, 24000, 60.0)),
    "keys under an echo": lambda: _over(
        0.5 * _voice(7, 1.6), _row(_gap(0.2), _dialled("19#", 0.2, 0.2, level=-10.0))
    ),
    "keys through a codec": lambda: _coarse(
        _over(_row(_gap(0.1), _dialled("1590A", 0.11, 0.09)), _noise(8, 9600, 90.0))
    ),
    "a voice through a codec": lambda: _coarse(_voice(9, 1.5)),
    "direct current and hum": lambda: (
        _over(_row(_gap(0.1), _dialled("25", 0.06, 0.06)), _tone(0.4, 50.0, 3000.0)) + 4000.0
    ),
    "far too loud": lambda: 8.0 * _dialled("12", 0.08, 0.06),
    "chords": lambda: _row(
        *(
            _over(*(_tone(0.3, hertz, 3000.0, hertz) for hertz in chord))
            for chord in ((440.0, 554.4, 659.3), (698.5, 880.0, 1318.5), (784.0, 1174.7, 1568.0))
        )
    ),
    "noise": lambda: _noise(10, 8000, 2000.0),
    "a swelling key": lambda: _row(
        _gap(0.1), _press("6", 0.15) * np.linspace(0.05, 1.0, 1200), _gap(0.1)
    ),
    "a beep after a voice": lambda: _row(
        _voice(11, 2.6), _gap(0.3), _tone(0.4, 1000.0, 4000.0), _gap(0.4)
    ),
    "busy": lambda: _row(*[_tone(0.5, 425.0, 4000.0), _gap(0.5)] * 4),
    "ringing": lambda: _row(_tone(1.0, 440.0, 2500.0) + _tone(1.0, 480.0, 2500.0), _gap(2.0)),
    "no such number": lambda: _row(
        *(_tone(0.33, hertz, 5000.0) for hertz in (950.0, 1400.0, 1800.0)), _gap(0.1)
    ),
}


def pcm(name: str) -> bytes:
    """Return a sound as the line brings it: 8 kHz, 16 bit, little-endian."""
    return np.clip(np.rint(SOUNDS[name]()), -32768, 32767).astype("<i2").tobytes()


class _Ear(ToneDetector):
    """Notes each stretch that is weighed: where it ends, as which key, how long, its odds."""

    def __init__(self) -> None:
        super().__init__(careful="9")
        self.weighed: list[object] = []

    def _weigh(self, look: Look, key: int, end: int) -> float:
        odds = super()._weigh(look, key, end)
        self.weighed.append([end, KEYS[key], look.windows, odds, look.remains.weakest_part])
        return odds


def heard(name: str, cut: int) -> Figures:
    """What the detectors hear in a sound whose bytes come *cut* at a time."""
    data = pcm(name)
    ear, listener = _Ear(), DownlinkDetector("0123456789*#", careful="9")
    keys: list[object] = []
    found: list[object] = []
    for start in range(0, len(data), cut):
        piece = data[start : start + cut]
        keys += [list(astuple(press)) for press in ear.feed(piece)]
        found += [
            ["key", *astuple(one)]
            if isinstance(one, Detected)
            else [str(one.kind), one.at, one.evidence]
            for one in listener.feed(piece)
        ]
    return {"keys": keys, "found": found, "weighed": ear.weighed}


def measured(name: str) -> Figures:
    """The front end's figures of some of a sound's frames, and the fits of some stretches."""
    samples = np.frombuffer(pcm(name), "<i2").astype(np.float64)
    frames: list[object] = []
    fits: list[object] = []
    spectra: list[object] = []
    for start in range(0, len(samples) - 960, 1600):
        frame = measure(samples[start : start + 320])
        frames.append([frame.power, frame.tone, frame.pair and list(frame.pair), frame.key])
        fits += [_fit(samples[start : start + length]) for length in (280, 440, 960)]
    for number, block in enumerate(Spectra().feed(pcm(name))):
        if number % 25 == 7:
            powers, energies = block.windows()
            spectra.append([*powers[2], *energies, band_energy(block.stretch(160, 40))])
    return {"frames": frames, "fits": fits, "spectra": spectra}


def _fit(samples: Array) -> list[float] | None:
    fit = fit_pair(samples, 775.0, 1331.0)
    if fit is None or fit.explained < 1e-3:
        return None
    remains = look_closer(fit)
    return [
        *(fit.explained, fit.row_hz, fit.column_hz, fit.row_level, fit.column_level),
        *(fit.row_swell, fit.column_swell, remains.explained_high, remains.weakest_part),
        *(remains.band, remains.row, remains.column),
    ]


MEASURED = ("every key", "in noise of 7 dB", "another voice", "keys through a codec", "chords")
"""Sounds of which every figure of the front end is recorded too."""


def all_figures() -> dict[str, Figures]:
    """Return every figure of every sound, as it is today."""
    figures = {name: heard(name, 320) for name in SOUNDS}
    for name in MEASURED:
        figures[name] |= measured(name)
    return figures


def differences(recorded: object, seen: object, place: str = "") -> Iterator[str]:
    """Tell where *seen* is not what was recorded, to a billionth."""
    if isinstance(recorded, dict) and isinstance(seen, dict):
        for name in sorted(recorded.keys() | seen.keys()):
            yield from differences(recorded.get(name), seen.get(name), f"{place}/{name}")
    elif isinstance(recorded, list) and isinstance(seen, list):
        if len(recorded) != len(seen):
            yield f"{place}: {len(recorded)} entries were recorded, there are {len(seen)}"
        for number, (one, other) in enumerate(zip(recorded, seen, strict=False)):
            yield from differences(one, other, f"{place}[{number}]")
    elif isinstance(recorded, float) and isinstance(seen, float):
        if not math.isclose(recorded, seen, rel_tol=1e-9, abs_tol=1e-9):
            yield f"{place}: {recorded!r} was recorded, it is {seen!r}"
    elif recorded != seen or type(recorded) is not type(seen):
        yield f"{place}: {recorded!r} was recorded, it is {seen!r}"


def main() -> None:
    figures = all_figures()
    before = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    changed = list(differences(before, json.loads(json.dumps(figures))))
    lines = [
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"  {json.dumps(kind)}: {json.dumps(told)}" for kind, told in kinds.items())
        + "\n}"
        for name, kinds in figures.items()
    ]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(changed)} figures differ from those recorded before")
    for line in changed[:20]:
        print(line if len(line) < 200 else f"{line[:200]} …")


if __name__ == "__main__":
    main()
