"""Judging clips, and the clips that ship."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import yaml

from firmware.clips.check import check_clip, check_loaded
from firmware.clips.clip import Clip
from firmware.clips.levels import Samples
from firmware.errors import ClipUnusable

RATE = 8000
AUDIO = Path(__file__).parents[3] / "audio"
LONGEST = {
    "greeting": 12.0,
    "prompt": 5.0,
    "message": 15.0,
    "farewell": 4.0,
    "opted_out": 5.0,
    "incoming": 9.0,
    "selftest": 6.0,
}


def speech(amplitude: float, seconds: float = 1.0) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    wave_: Samples = amplitude * np.sin(2 * np.pi * 700 * time)
    return wave_


def file(folder: Path, samples: Samples, rate: int = RATE, channels: int = 1) -> Path:
    path = folder / "clip.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setframerate(rate)
        wav.setsampwidth(2)
        wav.setnchannels(channels)
        wav.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return path


GOOD = 0.1414
"""Amplitude of a sine at -20 dBFS."""


def test_a_good_clip(tmp_path: Path) -> None:
    report = check_clip(file(tmp_path, speech(GOOD)), longest=1.0)
    assert report.usable
    assert report.faults == report.advice == ()
    assert report.levels.active_dbfs == pytest.approx(-20.0, abs=0.05)


@pytest.mark.parametrize(
    ("samples", "fault"),
    [
        (speech(0.0005), "silent"),
        (speech(0.01), "too quiet"),
        (speech(0.9), "too loud"),
        (np.clip(speech(1.3), -1, 1) * 1.0, "clipped"),
        (np.concatenate([np.zeros(5000), speech(GOOD)]), "starts with 0.62 s"),
        (speech(GOOD, 2), "lasts 2.0 s"),
        (np.zeros(RATE), "silent; no sample"),
        (np.full(RATE, 0.1), "silent but for a constant offset (DC) of -20.0 dBFS"),
        (speech(0.0003) + 0.1, "silent but for a constant offset"),
        (0.2 * np.sin(2 * np.pi * 50 * np.arange(RATE) / RATE), "hardly any sound between 300"),
        (np.array([0.5]), "lasts 0.00 s, less than 0.3 s"),
        (
            np.concatenate([np.zeros(RATE), [0.5], np.zeros(RATE)]),
            "sounds for 0.04 s, less than 0.3 s",
        ),
        (speech(GOOD, 0.2), "lasts 0.20 s, less than 0.3 s"),
    ],
)
def test_faults(tmp_path: Path, samples: Samples, fault: str) -> None:
    report = check_clip(file(tmp_path, samples), longest=1.5)
    assert not report.usable
    assert any(fault in said for said in report.faults)


@pytest.mark.parametrize(
    ("samples", "advice"),
    [
        (speech(0.05), "loudness"),
        (np.concatenate([speech(GOOD), np.full(2, 0.95)]), "peak"),
        (speech(GOOD) + 0.05, "constant offset (DC) of -26.0 dBFS"),
        (np.concatenate([np.zeros(2400), speech(GOOD)]), "starts with 0.28 s"),
        (np.concatenate([speech(GOOD), np.zeros(16000)]), "ends with 1.98 s"),
    ],
)
def test_advice_leaves_a_clip_usable(tmp_path: Path, samples: Samples, advice: str) -> None:
    report = check_clip(file(tmp_path, samples))
    assert report.usable
    assert any(advice in said for said in report.advice)


def test_a_foreign_format_is_measured_and_faulted(tmp_path: Path) -> None:
    samples = np.repeat(speech(GOOD, 2.0), 2)
    report = check_clip(file(tmp_path, samples, rate=16000, channels=2))
    assert report.faults == (
        "16000 samples a second, the telephone needs 8000",
        "2 channels, the telephone has one",
    )
    assert report.levels.active_dbfs == pytest.approx(-20.0, abs=0.05)


def test_hum_before_the_words_is_silence_to_a_callee(tmp_path: Path) -> None:
    hum = 0.1 * np.sin(2 * np.pi * 50 * np.arange(RATE) / RATE)
    report = check_clip(file(tmp_path, np.concatenate([hum, speech(GOOD)])))
    assert any(fault.startswith("starts with 0.9") for fault in report.faults)


def test_channels_that_cancel(tmp_path: Path) -> None:
    voice = speech(GOOD)
    report = check_clip(file(tmp_path, np.stack([voice, -voice], axis=1).reshape(-1), channels=2))
    assert any("opposite phase" in fault for fault in report.faults)
    assert not report.preparable


def test_what_was_loaded_is_judged_like_its_file(tmp_path: Path) -> None:
    path = file(tmp_path, speech(0.05))
    assert check_loaded(path, Clip.load(path, "x"), longest=0.5) == check_clip(path, longest=0.5)


def tones(*frequencies: float, seconds: float = 0.12) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    made: Samples = sum(
        (0.08 * np.sin(2 * np.pi * f * time) for f in frequencies), np.zeros(len(time))
    )
    return made


@pytest.mark.parametrize(
    ("sound", "fault"),
    [
        (tones(697.0, 1209.0), "sounds like key 1 at"),
        (tones(852.0, 1477.0), "sounds like key 9 at"),
        (tones(1000.0, seconds=0.4), "sounds like a machine (steady tone of 1000 Hz"),
        (tones(2100.0, seconds=1.0), "sounds like a machine (fax or modem answer tone"),
    ],
)
def test_a_clip_whose_echo_would_act_on_the_call(
    tmp_path: Path, sound: Samples, fault: str
) -> None:
    voice = Clip.load(AUDIO / "greeting.fr.wav", "greeting")
    spoken = np.frombuffer(voice.pcm, "<i2") / 32768
    pause = np.zeros(RATE // 4)
    samples = np.concatenate([spoken[: 4 * RATE], pause, sound, pause, spoken[4 * RATE :]])
    report = check_clip(file(tmp_path, samples))
    assert any(said.startswith(fault) for said in report.faults)
    assert all("would hear itself" in said for said in report.faults)
    assert not report.preparable


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClipUnusable):
        check_clip(tmp_path / "nothing.wav")


def texts() -> list[tuple[str, str, str]]:
    languages = yaml.safe_load((AUDIO / "texts.yaml").read_text(encoding="utf-8"))
    return [
        (language, role, text)
        for language, roles in languages.items()
        for role, text in roles.items()
        if role != "voice"
    ]


@pytest.mark.parametrize(("language", "role"), [text[:2] for text in texts()])
def test_shipped_clips_are_fit(language: str, role: str) -> None:
    path = AUDIO / f"{role}.{language}.wav"
    report = check_clip(path, longest=LONGEST[role])
    assert report.faults == report.advice == ()
    assert report.levels.active_dbfs == pytest.approx(-20.0, abs=0.2)
    assert report.levels.peak_dbfs <= -2.99
    assert Clip.load(path, role).seconds == pytest.approx(report.levels.seconds)


def test_every_text_has_a_clip_and_every_clip_a_text() -> None:
    spoken = {f"{role}.{language}.wav" for language, role, _ in texts()}
    assert {path.name for path in AUDIO.glob("*.wav")} == spoken
    assert {role for _, role, _ in texts()} == set(LONGEST)


@pytest.mark.parametrize(
    ("language", "caller", "object_words", "listen_words"),
    [
        ("fr", "Comité de quartier des Tilleuls", "tapez 9", "tapez 1"),
        ("en", "Linden neighbourhood committee", "press 9", "press 1"),
    ],
)
def test_a_greeting_names_the_caller_then_the_objection_then_the_rest(
    language: str, caller: str, object_words: str, listen_words: str
) -> None:
    words = {text[:2]: text[2] for text in texts()}
    text = " ".join(words[language, "greeting"].split())
    assert 0 < text.index(caller) < text.index(object_words) < text.index(listen_words)
