"""The callee knows which recording arrives: by its samples, however they are cut and delayed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.simulator.network import sounds
from firmware.simulator.network.clip_recognition import Heard, Recogniser, Recordings

FRAME = 320


def voice(seed: int, seconds: float) -> bytes:
    """Noise that swells and fades like syllables; no two seeds share a sample for long."""
    dice = np.random.default_rng(seed)
    time = np.arange(round(seconds * 8000)) / 8000
    loud = np.clip(np.sin(2 * np.pi * 2.3 * time + seed) + 0.4, 0, 1)
    return (np.cumsum(dice.normal(0, 900, len(time))) % 9000 * loud).astype("<i2").tobytes()


CLIPS = {"greeting.fr": voice(1, 1.5), "message.fr": voice(2, 2.013), "farewell.fr": voice(3, 0.7)}
KNOWN = Recordings(CLIPS)


def hear(pcm: bytes, cuts: list[int] | None = None) -> list[Heard]:
    """Let a callee hear *pcm*, cut into runs of so many frames."""
    memory = Recogniser(KNOWN)
    pcm += bytes(-len(pcm) % FRAME)
    frames = [pcm[at : at + FRAME] for at in range(0, len(pcm), FRAME)]
    at_ms = 0
    sizes = [*(cuts or []), len(frames)]
    while frames:
        size = max(1, sizes.pop(0))
        run, frames = b"".join(frames[:size]), frames[size:]
        audible, _ = sounds.classify(run)
        memory.hear(run, audible.tolist(), at_ms)
        at_ms += len(run) // FRAME * 20
    return memory.take_heard(final=True)


@pytest.mark.parametrize("name", CLIPS)
def test_each_recording_is_known_by_name_time_and_length(name: str) -> None:
    pcm = CLIPS[name]
    (heard,) = hear(bytes(FRAME * 10) + pcm + bytes(FRAME * 40))
    assert heard.clip == name
    assert heard.whole
    assert heard.from_ms == 0
    assert heard.start_ms == 200
    assert abs(heard.milliseconds - len(pcm) / 16) <= 20


def test_recordings_in_a_row_are_told_apart() -> None:
    heard = hear(CLIPS["greeting.fr"] + bytes(FRAME * 3) + CLIPS["message.fr"])
    assert [one.clip for one in heard] == ["greeting.fr", "message.fr"]
    assert heard[1].start_ms >= heard[0].start_ms + heard[0].milliseconds


def test_one_that_is_cut_off_was_not_heard_whole() -> None:
    heard = hear(CLIPS["message.fr"][: FRAME * 50] + CLIPS["farewell.fr"])
    assert [(one.clip, one.whole) for one in heard] == [
        ("message.fr", False),
        ("farewell.fr", True),
    ]


def test_one_that_is_joined_late_tells_where() -> None:
    (heard,) = hear(CLIPS["message.fr"][FRAME * 30 :])
    assert (heard.clip, heard.whole) == ("message.fr", False)
    assert heard.from_ms - heard.start_ms == 600


def test_frames_that_come_late_leave_it_one_stretch_and_whole() -> None:
    pcm = CLIPS["message.fr"]
    (heard,) = hear(pcm[: FRAME * 20] + bytes(FRAME * 4) + pcm[FRAME * 20 :])
    assert heard.whole
    assert abs(heard.milliseconds - len(pcm) / 16 - 80) <= 20


def test_frames_that_were_lost_leave_a_hole() -> None:
    pcm = CLIPS["message.fr"]
    (heard,) = hear(pcm[: FRAME * 20] + pcm[FRAME * 23 :])
    assert not heard.whole


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_the_level_is_that_of_what_arrived(gain: float) -> None:
    samples = np.frombuffer(CLIPS["greeting.fr"], "<i2") * 0.3
    plain = Recordings({"greeting.fr": samples.astype("<i2").tobytes()})
    memory = Recogniser(plain)
    levels = []
    for factor in (1.0, gain):
        # Known from its first frame on; from then on another gain is still the recording.
        sent = np.concatenate([samples[:160], samples[160:] * factor]).astype("<i2").tobytes()
        sent += bytes(-len(sent) % FRAME)
        audible, _ = sounds.classify(sent)
        memory.hear(sent, [True, *audible.tolist()[1:]], 0)
        (heard,) = memory.take_heard(final=True)
        assert heard.clip == "greeting.fr"
        levels.append(heard.level_db)
    assert levels[1] - levels[0] == pytest.approx(20 * np.log10(gain), abs=1.0)


def test_what_is_in_no_recording_is_unknown() -> None:
    heard = hear(voice(9, 0.5) + bytes(FRAME * 40) + CLIPS["farewell.fr"])
    assert [one.clip for one in heard] == [None, "farewell.fr"]
    assert abs(heard[0].milliseconds - 500) <= 40


def test_samples_out_of_step_by_a_byte_are_unknown() -> None:
    heard = hear(CLIPS["message.fr"][1:] + b"\0")
    assert {one.clip for one in heard} == {None}


@settings(max_examples=25)
@given(st.integers(0, 159), st.lists(st.integers(1, 30), max_size=8))
def test_neither_the_grid_nor_the_cuts_matter(shift: int, cuts: list[int]) -> None:
    heard = hear(bytes(2 * shift) + CLIPS["greeting.fr"] + bytes(FRAME * 40), cuts)
    assert [one.clip for one in heard] == ["greeting.fr"]
    assert heard == hear(bytes(2 * shift) + CLIPS["greeting.fr"] + bytes(FRAME * 40))
