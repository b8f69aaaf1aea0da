"""The callee's ears and finger: a key comes only after sound that really arrived."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.simulator.modem.voice_path import Uplink
from firmware.simulator.network import sounds
from firmware.simulator.network.callee import Ears
from firmware.simulator.network.scenario import (
    Answer,
    Fault,
    FaultKind,
    KeyPress,
    LineScenario,
    NumberRule,
    Scenario,
)
from tests.support.simulator_bench import FRAME, NUMBER, Bench, one_number

PRESSES_ONE = Answer(rings_in=0, after=0, keys=(KeyPress(key="1", heard=2.0),), patience=10)


def tone(amplitude: int = 6000, frequency: int = 500) -> bytes:
    """One frame; 500 Hz has a whole number of periods in it."""
    time = np.arange(160) / 8000
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype("<i2").tobytes()


def in_call(family: str = "sim7600", behaviour: Answer = PRESSES_ONE, *faults: FaultKind) -> Bench:
    bench = Bench(family, one_number(behaviour, *faults))
    bench.send(f"ATD{NUMBER};")
    bench.run(0.2)
    if family == "sim7600":
        assert bench.send("AT+CPCMREG=1") == ["OK"]
    return bench


def test_the_key_comes_after_enough_sound_and_is_heard_both_ways() -> None:
    bench = in_call()
    assert bench.run(1.9, uplink=tone) == []
    bench.downlink.clear()
    assert bench.run(1.0, uplink=tone) == ["+RXDTMF: 1"]
    heard = bench.fact("key", "heard_ms")
    assert isinstance(heard, int)
    assert 2000 <= heard <= 2040
    samples = np.frombuffer(bytes(bench.downlink), dtype="<i2").astype(float)
    loud = np.flatnonzero(np.abs(samples) > 2000)
    spectrum = np.abs(np.fft.rfft(samples[loud[0] : loud[0] + 800]))
    peaks = {int(i) * 10 for i in np.argsort(spectrum)[-2:]}
    assert peaks == {700, 1210}


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (lambda: bytes(320), "digital silence"),
        (lambda: tone(150), "a whisper below hearing"),
        (lambda: np.full(160, 9000, "<i2").tobytes(), "an offset without sound"),
        (lambda: tone()[1:] + tone()[:1], "samples out of step by one byte"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_sound_gets_no_key(frame: Callable[[], bytes], what: str) -> None:
    bench = in_call()
    told = bench.run(12, uplink=frame)
    assert "key" not in bench.events(), what
    assert told[-1] == "NO CARRIER"
    assert bench.fact("hung_up", "why") == "heard nothing"
    assert bench.fact("audio", "milliseconds") == 0


@pytest.mark.parametrize("frequency", range(250, 3500, 50))
def test_tones_of_any_pitch_are_heard(frequency: int) -> None:
    ears = Ears()
    ears.hear(tone(frequency=frequency) * 10, 200)
    assert ears.heard_ms == 200


def test_noise_is_accounted_apart() -> None:
    noise = np.random.default_rng(1).integers(-20000, 20000, 160 * 100).astype("<i2").tobytes()
    ears = Ears()
    ears.hear(noise, 2000)
    assert (ears.heard_ms, ears.noise_ms, ears.silent_ms) == (0, 2000, 0)


def test_sound_before_the_stream_is_open_is_lost() -> None:
    bench = Bench(scenario=one_number(PRESSES_ONE))
    bench.send(f"ATD{NUMBER};")
    bench.run(5, uplink=tone)
    assert "key" not in bench.events()


@pytest.mark.parametrize("family", ["generic", "quectel", "huawei"])
def test_other_streams(family: str) -> None:
    bench = Bench(family, one_number(PRESSES_ONE))
    bench.send("AT+QPCMV=1,0")
    bench.send(f"ATD{NUMBER};")
    bench.run(0.5)
    bench.send("AT^DDSETEX=2")
    bench.run(3, uplink=tone)
    assert bench.events("key") == ["key"]


def test_a_burst_is_not_heard_at_once() -> None:
    bench = in_call()
    bench._keep(bench.modem.receive_audio(tone() * 250, bench.now))
    bench.run(5)
    assert "key" not in bench.events()
    bench.send("AT+CHUP")
    dropped = bench.fact("audio", "dropped_ms")
    assert isinstance(dropped, int)
    assert dropped > 4000


def test_stretches_of_sound_prove_when_what_was_heard() -> None:
    bench = in_call("sim7600", Answer(rings_in=0, after=0))
    bench.run(1.0, uplink=tone)
    bench.run(1.0, uplink=lambda: bytes(320))
    bench.run(2.0, uplink=tone)
    bench.send("AT+CHUP")
    lengths = [e.facts["milliseconds"] for e in bench.log if e.event == "sound"]
    assert len(lengths) == 2
    assert all(
        isinstance(length, int) and abs(length - wanted) <= 80
        for length, wanted in zip(lengths, (1000, 2000), strict=True)
    )


def test_keys_at_a_time_and_hanging_up() -> None:
    keys = (KeyPress(key="9", at=1.5), KeyPress(key="#", at=2.5))
    bench = in_call("sim7600", Answer(rings_in=0, after=0, keys=keys, hangs_up_after=4))
    assert bench.run(6)[:2] == ["+RXDTMF: 9", "+RXDTMF: #"]
    assert [e.facts["key"] for e in bench.log if e.event == "key"] == ["9", "#"]
    assert bench.fact("ended", "by") == "far_end"


def test_hanging_up_in_the_middle_of_what_is_heard() -> None:
    bench = in_call("sim7600", Answer(rings_in=0, after=0, hangs_up_heard=1.0))
    bench.run(5, uplink=tone)
    assert bench.fact("audio", "milliseconds") == pytest.approx(1000, abs=40)


@pytest.mark.parametrize(
    ("fault", "notice", "tone_heard"),
    [
        (FaultKind.NO_KEY_NOTICES, False, True),
        (FaultKind.NO_KEY_TONES, True, False),
        (FaultKind.UPLINK_DEAD, False, False),
    ],
)
def test_faults_of_ears_and_voice(fault: FaultKind, notice: bool, tone_heard: bool) -> None:
    bench = in_call("sim7600", PRESSES_ONE, fault)
    told = bench.run(3, uplink=tone)
    samples = np.frombuffer(bytes(bench.downlink), dtype="<i2")
    assert ("+RXDTMF: 1" in told) is notice
    assert bool((np.abs(samples.astype(int)) > 5000).any()) is tone_heard


@pytest.mark.parametrize(
    ("family", "faults", "told_by"),
    [
        ("sim7600", (), 1.09),
        # Its notice says how long the key was held, so it comes when the key is let go.
        ("sim800", (), 1.21),
        ("sim7600", (Fault(kind=FaultKind.LATE_KEY_NOTICES, seconds=0.6),), 1.69),
        ("sim7600", (FaultKind.LATE_KEY_NOTICES,), 2.09),
    ],
)
def test_a_module_tells_a_key_some_time_after_it(
    family: str, faults: tuple[Fault | FaultKind, ...], told_by: float
) -> None:
    press = Answer(rings_in=0, after=0, keys=(KeyPress(key="9", at=1.0),))
    bench = Bench(family, one_number(press, *faults))
    bench.send("AT+DDET=1")
    bench.send(f"ATD{NUMBER};")
    assert not [line for line in bench.run(told_by - 0.1) if "DTMF" in line]
    assert [line for line in bench.run(0.1) if "DTMF" in line]


def test_the_downlink_comes_in_real_time_and_in_whole_frames() -> None:
    bench = in_call("sim7600", Answer(rings_in=0, after=0))
    bench.run(3.0)
    assert len(bench.downlink) % 320 == 0
    assert abs(len(bench.downlink) / 320 - 3.0 / FRAME) <= 1


def test_audio_rot_from_the_second_call_until_a_reset() -> None:
    rot = LineScenario(line=1, faults=(Fault(kind=FaultKind.AUDIO_ROT),))
    rule = NumberRule(number="*", behaviours=(PRESSES_ONE,))
    bench = Bench(scenario=Scenario(numbers=(rule,), lines=(rot,)))

    def call() -> list[list[str]]:
        bench.send(f"ATD{NUMBER};")
        bench.run(0.2)
        answers = [bench.send("AT+CPCMREG=1"), bench.send("AT+CPCMREG=1")]
        bench.run(3, uplink=tone)
        bench.send("AT+CHUP")
        return answers

    assert call() == [["OK"], ["OK"]]
    assert call() == [["ERROR"], ["OK"]]
    assert bench.events("key") == ["key"]
    bench.send("AT+CRESET")
    bench.run(30)
    bench.send("ATE0")
    assert call() == [["OK"], ["OK"]]
    assert bench.events("key") == ["key", "key"]


def test_a_stream_that_dies_lives_again_when_switched_on() -> None:
    stops = Fault(kind=FaultKind.AUDIO_STOPS, after=1.5)
    bench = Bench(scenario=one_number(PRESSES_ONE, stops))
    bench.send(f"ATD{NUMBER};")
    bench.run(0.2)
    bench.send("AT+CPCMREG=1")
    bench.run(1.2, uplink=tone)
    assert bench.downlink
    bench.run(0.5, uplink=tone)
    bench.downlink.clear()
    bench.run(3.3, uplink=tone)
    assert bench.events("key") == []
    # Not even silence: a driver tells a dead stream from a quiet callee by the bytes.
    assert not bench.downlink
    bench.send("AT+CPCMREG=0")
    bench.send("AT+CPCMREG=1")
    bench.run(2, uplink=tone)
    assert bench.downlink
    assert bench.events("key") == ["key"]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 999), min_size=1, max_size=20))
def test_the_account_does_not_depend_on_how_the_bytes_are_cut(cuts: list[int]) -> None:
    whole = tone() * 20 + bytes(320 * 30) + tone() * 5
    together, in_pieces = Ears(), Ears()
    together.hear(whole, 1100)
    position = 0
    for cut in [*cuts, len(whole)]:
        in_pieces.hear(whole[position : position + cut], 1100)
        position += cut
    assert in_pieces.heard_ms == together.heard_ms == 500
    assert in_pieces.silent_ms == together.silent_ms == 600


@settings(max_examples=30)
@given(st.lists(st.integers(0, 20000), max_size=20))
def test_the_buffer_never_loses_step(sizes: list[int]) -> None:
    uplink = Uplink()
    marker = (0x1234).to_bytes(2, "little") * 10000
    for size in sizes:
        uplink.push(marker[: size & ~1])
        played = np.frombuffer(uplink.pull(7), dtype="<i2")
        assert set(played.tolist()) <= {0, 0x1234}
        assert 0 <= uplink.fill <= 1


def test_key_tones_are_dual_and_the_unknown_is_refused() -> None:
    samples = np.frombuffer(sounds.key_tone("5", 100), dtype="<i2").astype(float)[:800]
    spectrum = np.abs(np.fft.rfft(samples))
    assert sorted(int(i) * 10 for i in np.argsort(spectrum)[-2:]) == [770, 1340]
    with pytest.raises(ValueError, match="no such key"):
        sounds.key_tone("x")
