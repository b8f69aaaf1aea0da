"""Machines are told from people and from keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware.dtmf import Detected, DownlinkDetector, MachineFound, ProgressListener
from firmware.dtmf.spectrum import Spectra
from firmware.dtmf.tones import CADENCE_BAND, _Burst
from firmware.events import Machine

Array = NDArray[np.float64]
RATE = 8000


def tone(seconds: float, *frequencies: float, level: float = 4000.0) -> Array:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(sum(level * np.sin(2 * np.pi * f * time + f) for f in frequencies))


def silence(seconds: float) -> Array:
    return np.zeros(round(seconds * RATE))


def voice(seconds: float, seed: int = 7) -> Array:
    """Syllables of buzz with moving pitch and two formants: no stretch of it is steady."""
    rng = np.random.default_rng(seed)
    parts: list[Array] = []
    made = 0
    while made < seconds * RATE:
        size = int(rng.uniform(0.12, 0.25) * RATE)
        time = np.arange(size) / RATE
        pitch = rng.uniform(100, 180) * (1 + rng.uniform(-0.8, 0.8) * time)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        centres = rng.uniform((300, 900), (800, 2200))
        wave = np.zeros(size)
        for harmonic in range(1, 18):
            gain = np.sum(1 / (1 + ((harmonic * 140 - centres) / 150) ** 2))
            wave += gain * np.cos(harmonic * phase + rng.uniform(0, 6))
        parts += [3000 * wave * np.hanning(size), silence(rng.uniform(0.02, 0.12))]
        made += size + len(parts[-1])
    return np.concatenate(parts)[: round(seconds * RATE)]


def repeat(times: int, *parts: Array) -> Array:
    return np.concatenate([np.concatenate(parts)] * times)


def hear(*parts: Array, noise: float = 4.0) -> list[MachineFound]:
    audio = np.concatenate([silence(0.3), *parts, silence(0.3)])
    audio = audio + np.random.default_rng(3).normal(0, noise, len(audio))
    return ProgressListener().feed(audio.astype("<i2").tobytes())


CASES: dict[str, tuple[Machine | None, Callable[[], Array]]] = {
    "beep 1000 Hz": (
        Machine.BEEP,
        lambda: np.concatenate([voice(3), silence(0.4), tone(0.4, 1000), silence(1)]),
    ),
    "beep 440 Hz, in the band of progress tones": (
        Machine.BEEP,
        lambda: np.concatenate([voice(3), silence(0.4), tone(0.5, 440), silence(2)]),
    ),
    "beep 400 Hz, at the edge": (
        Machine.BEEP,
        lambda: np.concatenate([voice(3), silence(0.4), tone(0.5, 399), silence(2)]),
    ),
    "beep 2100 Hz, at the edge": (
        Machine.BEEP,
        lambda: np.concatenate([voice(3), silence(0.4), tone(0.4, 2101), silence(2)]),
    ),
    "tone without speech before": (None, lambda: np.concatenate([tone(0.4, 1000), silence(2)])),
    "blip": (None, lambda: np.concatenate([voice(3), tone(0.06, 1000), silence(2)])),
    "ringback 425 Hz": (Machine.RINGBACK, lambda: np.concatenate([tone(1, 425), silence(4)])),
    "ringback 440+480 Hz": (
        Machine.RINGBACK,
        lambda: np.concatenate([tone(2, 440, 480, level=2500), silence(3)]),
    ),
    "ringback of France": (Machine.RINGBACK, lambda: np.concatenate([tone(1.5, 440), silence(3)])),
    "double ring of Britain": (
        Machine.RINGBACK,
        lambda: np.concatenate(
            [tone(0.4, 400, 450), silence(0.2), tone(0.4, 400, 450), silence(2)]
        ),
    ),
    "busy 425 Hz": (Machine.BUSY_TONE, lambda: repeat(4, tone(0.5, 425), silence(0.5))),
    "busy 480+620 Hz": (Machine.BUSY_TONE, lambda: repeat(4, tone(0.5, 480, 620), silence(0.5))),
    "congestion": (Machine.BUSY_TONE, lambda: repeat(5, tone(0.25, 425), silence(0.25))),
    "busy after the callee hung up": (
        Machine.BUSY_TONE,
        lambda: np.concatenate([voice(3), repeat(4, tone(0.5, 425), silence(0.5))]),
    ),
    "dial tone": (Machine.BUSY_TONE, lambda: tone(5, 350, 440)),
    "special information tone": (
        Machine.SIT,
        lambda: np.concatenate(
            [tone(0.33, 950), silence(0.03), tone(0.33, 1400), silence(0.03), tone(0.33, 1800)]
        ),
    ),
    "fax answer": (Machine.FAX, lambda: tone(1.5, 2100)),
    "fax call": (Machine.FAX, lambda: np.concatenate([tone(0.5, 1100), silence(1)])),
    "modem": (Machine.FAX, lambda: tone(1.5, 2225)),
    "monologue": (Machine.MONOLOGUE, lambda: voice(9)),
    "short answer": (None, lambda: np.concatenate([voice(1.5), silence(3), voice(1.5)])),
    "noise": (
        None,
        lambda: np.random.default_rng(5).normal(0, 600, 12 * RATE),
    ),
    "silence": (None, lambda: silence(10)),
}


@pytest.mark.parametrize(("kind", "sound"), CASES.values(), ids=CASES.keys())
def test_kind(kind: Machine | None, sound: Callable[[], Array]) -> None:
    found = hear(sound())
    assert [f.kind for f in found] == ([] if kind is None else [kind])
    assert all(f.evidence for f in found)


@pytest.mark.parametrize("twist", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("seconds", [0.1, 0.7])
def test_keys_are_no_machines(twist: float, seconds: float) -> None:
    parts = [voice(2.5)]
    for row in (697, 770, 852, 941):
        for column in (1209, 1336, 1477, 1633):
            pair = tone(seconds, row, level=4000) + tone(seconds, column, level=4000 * twist)
            parts += [silence(0.3), pair]
    assert hear(*parts) == []


def test_our_own_greeting_is_no_monologue() -> None:
    audio = voice(12).astype("<i2").tobytes()
    listener = ProgressListener()
    listener.we_speak = True
    assert listener.feed(audio) == []
    listener.we_speak = False
    assert [f.kind for f in listener.feed(audio)] == [Machine.MONOLOGUE]


def test_ears_hear_both_and_say_when() -> None:
    key = tone(0.1, 697) + tone(0.1, 1209)
    audio = np.concatenate([voice(3), silence(0.5), key, silence(0.5), tone(0.4, 1400), silence(1)])
    detector = DownlinkDetector("19", careful="9")
    found = detector.feed(audio.astype("<i2").tobytes())
    assert [type(f) for f in found] == [Detected, MachineFound]
    press, machine = found
    assert isinstance(press, Detected)
    assert press.key == "1"
    assert press.at == pytest.approx(3.5, abs=0.01)
    assert isinstance(machine, MachineFound)
    assert machine.kind is Machine.BEEP
    assert machine.at == pytest.approx(4.5, abs=0.1)
    assert "1400 Hz" in machine.evidence


def test_cuts_do_not_matter() -> None:
    sound = np.concatenate([voice(3), repeat(3, tone(0.5, 425), silence(0.5))])
    pcm = sound.astype("<i2").tobytes()
    whole = ProgressListener().feed(pcm)
    listener = ProgressListener()
    assert [f for i in range(0, len(pcm), 333) for f in listener.feed(pcm[i : i + 333])] == whole
    assert whole


@pytest.mark.parametrize(
    ("low", "high", "progress"),
    [
        (CADENCE_BAND[0], CADENCE_BAND[1], True),
        (CADENCE_BAND[0] - 0.1, CADENCE_BAND[1], False),
        (CADENCE_BAND[0], CADENCE_BAND[1] + 0.1, False),
        (425.0, 425.0, True),
        (1400.0, 2060.0, False),
    ],
)
def test_where_networks_put_their_tones(low: float, high: float, progress: bool) -> None:
    burst = _Burst(start=0.0, pair=low != high, low=low, high=high, before=0.0, power=1.0)
    assert burst.progress is progress


@pytest.mark.parametrize(
    ("tones", "spread", "name"),
    [
        # The first and the last frame are half silence and tell a tone wrongly.
        ([400.0, 425.0, 426.0, 425.0, 450.0], 1.0, "425 Hz"),
        ([400.0, 430.0], 30.0, "430 Hz"),
        ([425.0], 0.0, "425 Hz"),
        ([400.0, 425.0, 450.0], 0.0, "425 Hz"),
    ],
)
def test_what_a_burst_is_called_and_how_steady_it_is(
    tones: list[float], spread: float, name: str
) -> None:
    burst = _Burst(
        start=0.0, pair=False, low=min(tones), high=max(tones), before=0.0, power=1.0, tones=tones
    )
    assert burst.spread == spread
    assert burst.name == name
    assert replace(burst, pair=True).name == f"{min(tones):.0f}+{max(tones):.0f} Hz"


def test_ears_are_told_when_we_speak() -> None:
    audio = voice(9).astype("<i2").tobytes()
    ears = DownlinkDetector()
    assert [ears.we_speak, *(f.kind for f in ears.feed(audio) if isinstance(f, MachineFound))] == [
        False,
        Machine.MONOLOGUE,
    ]
    ears = DownlinkDetector()
    ears.we_speak = True
    assert ears.we_speak
    assert [f for f in ears.feed(audio) if isinstance(f, MachineFound)] == []


def test_a_key_in_both_ears_is_no_tone_of_a_machine() -> None:
    # Fainter than a frame tells it for one: the listener is told by the detector that it sounds.
    blocks: list[bool] = []

    class Machines(ProgressListener):
        def take(self, block: Spectra, *, key: bool = False) -> Sequence[MachineFound]:
            blocks.append(key)
            return super().take(block, key=key)

    ears = DownlinkDetector("1")
    ears._machines = Machines()
    key = tone(0.2, 697) + tone(0.2, 1209)
    audio = np.concatenate([silence(0.2), key, silence(0.2)])
    ears.feed(audio.astype("<i2").tobytes())
    # From the second block of the press to two blocks after it.
    assert blocks == [False] * 11 + [True] * 10 + [False] * 9
