"""The sound card path with a library that has no card: the test turns the crank."""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pytest_mock import MockerFixture

from firmware.audio import alsa
from firmware.audio.alsa import BLOCK, AlsaPath, Stream, load_library
from firmware.audio.clip import Clip
from firmware.audio.path import AudioCallbacks, AudioPath
from firmware.errors import PortUnusable

WAIT = 5.0
CLIP = Clip(name="greeting", pcm=b"\1\2" * BLOCK * 3)
SILENCE = bytes(2 * BLOCK)


class CardError(Exception):
    pass


class Direction:
    def __init__(self, card: Card, callback: Callable[..., None]) -> None:
        self.card = card
        self.callback = callback
        self.running = self.closed = False
        self.aborted = 0

    def start(self) -> None:
        if self.card.broken:
            raise CardError("device unavailable")
        self.running = True

    def abort(self) -> None:
        self.running = False
        self.aborted += 1

    def close(self) -> None:
        self.closed = True


class Card:
    """The library and its one card."""

    PortAudioError: type[Exception] = CardError

    def __init__(self) -> None:
        self.broken = False
        self.refuses = ""
        self.options: dict[str, Any] = {}
        self.outs: list[Direction] = []
        self.ins: list[Direction] = []

    def RawOutputStream(self, **options: Any) -> Stream:  # noqa: N802
        self.options = options
        self.outs.append(Direction(self, options["callback"]))
        return self.outs[-1]

    def RawInputStream(self, **options: Any) -> Stream:  # noqa: N802
        self.ins.append(Direction(self, options["callback"]))
        return self.ins[-1]

    def check_output_settings(self, **_options: Any) -> None:
        if self.refuses:
            raise CardError(self.refuses)

    def check_input_settings(self, **_options: Any) -> None:
        pass

    def block(self, status: object = None) -> bytes:
        """Let the card play one block; return what it played."""
        out = memoryview(bytearray(2 * BLOCK))
        self.outs[-1].callback(out, BLOCK, None, status)
        return bytes(out)


class Clock:
    now = 50.0

    def monotonic(self) -> float:
        return self.now

    def real(self, seconds: float) -> float:
        return seconds


class Rig:
    def __init__(self) -> None:
        self.card = Card()
        self.clock = Clock()
        self.told: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self.path = AlsaPath(
            "EC25",
            clock=self.clock,
            load=lambda: self.card,
            callbacks=AudioCallbacks(
                on_started=lambda *what: self.told.put(("started", *what[:-1])),
                on_finished=lambda *what: self.told.put(("finished", *what[:-1])),
                on_downlink=lambda *what: self.told.put(("heard", *what[:-1])),
                on_failed=lambda *what: self.told.put(("failed", *what[:-1])),
            ),
        )

    def next(self) -> tuple[Any, ...]:
        return self.told.get(timeout=WAIT)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(alsa, "_LOOK_EVERY", 0.02)
    rig = Rig()
    rig.path.open()
    yield rig
    rig.path.close()


def test_a_call_speaks_in_blocks_of_20_ms_and_is_silent_when_idle(rig: Rig) -> None:
    path: AudioPath = rig.path
    path.start()
    assert rig.card.options["blocksize"] == BLOCK
    assert (rig.card.options["samplerate"], rig.card.options["dtype"]) == (8000, "int16")
    assert rig.card.block() == SILENCE
    path.play(CLIP)
    assert b"".join(rig.card.block() for _ in range(3)) == CLIP.pcm
    assert rig.next() == ("started", "greeting")
    assert rig.card.block() == SILENCE
    assert rig.next() == ("finished", "greeting", 60, True)


@pytest.mark.parametrize("order", ["silence", "mute"])
def test_the_block_after_the_order_is_silent(rig: Rig, order: str) -> None:
    rig.path.play(CLIP)
    rig.path.start()
    assert rig.card.block() != SILENCE
    getattr(rig.path, order)()
    assert rig.card.block() == SILENCE
    assert rig.next() == ("started", "greeting")
    assert rig.next() == ("finished", "greeting", 20, False)


def test_mute_drops_what_the_card_holds_and_lasts_until_the_next_call(rig: Rig) -> None:
    rig.path.start()
    rig.path.mute()
    rig.path.play(CLIP)
    assert rig.card.block() == SILENCE
    rig.path.stop()
    rig.path.start()
    assert rig.card.outs[0].aborted
    assert rig.card.block() == SILENCE, "what was asked for while muted belongs to the old call"
    rig.path.play(CLIP)
    assert rig.card.block() == CLIP.pcm[: 2 * BLOCK]


def test_a_clip_asked_for_after_an_idle_emergency_is_heard(rig: Rig) -> None:
    rig.path.mute()
    rig.path.play(CLIP)
    rig.path.start()
    assert rig.card.block() == CLIP.pcm[: 2 * BLOCK]


def test_a_clip_asked_for_before_the_emergency_is_not(rig: Rig) -> None:
    rig.path.play(CLIP)
    rig.path.mute()
    rig.path.start()
    assert rig.card.block() == SILENCE


def test_downlink_reaches_the_listener_in_order(rig: Rig) -> None:
    rig.path.start()
    for number in range(5):
        rig.card.ins[-1].callback(memoryview(bytes([number]) * 320), BLOCK, None, None)
    assert [rig.next() for _ in range(5)] == [("heard", bytes([n]) * 320) for n in range(5)]
    assert rig.path.counters.bytes_received == 1600


def test_each_call_has_its_own_streams(rig: Rig) -> None:
    for _ in range(2):
        rig.path.start()
        rig.path.stop()
    assert [(s.aborted, s.closed) for s in rig.card.outs + rig.card.ins] == [(1, True)] * 4


def test_a_clip_cut_by_the_end_of_the_call_is_finished(rig: Rig) -> None:
    rig.path.play(CLIP)
    rig.path.start()
    rig.card.block()
    rig.path.stop()
    assert rig.next() == ("started", "greeting")
    assert rig.next() == ("finished", "greeting", 20, False)


def test_a_card_that_stops_calling_back_is_told(rig: Rig) -> None:
    rig.path.start()
    rig.clock.now += 3.0
    assert rig.next() == ("failed", "no voice taken for 2 s")


def test_a_card_that_does_not_start_is_told(rig: Rig) -> None:
    rig.card.broken = True
    rig.path.start()
    assert rig.next() == ("failed", "sound card EC25: device unavailable")
    assert all(stream.closed for stream in rig.card.outs)


def test_an_underrun_is_counted(rig: Rig) -> None:
    rig.path.start()
    rig.card.block(status="output underflow")
    assert rig.path.counters.late == 1


def test_a_listener_that_fails_does_not_end_the_voice(rig: Rig) -> None:
    def fails(*_what: object) -> None:
        raise RuntimeError("a defect")

    rig.path._callbacks = replace(rig.path._callbacks, on_downlink=fails)
    rig.path.start()
    rig.card.ins[-1].callback(memoryview(SILENCE), BLOCK, None, None)
    rig.path.play(CLIP)
    rig.card.block()
    assert rig.next() == ("started", "greeting")
    assert rig.path.counters.callback_errors == 1


def test_a_card_that_cannot_do_8_khz_is_refused_with_the_remedy() -> None:
    rig = Rig()
    rig.card.refuses = "Invalid sample rate"
    with pytest.raises(PortUnusable, match="EC25: Invalid sample rate") as refused:
        rig.path.open()
    assert "python -m sounddevice" in refused.value.remedy


@pytest.mark.parametrize("error", [ImportError("no module"), OSError("PortAudio not found")])
def test_without_the_library_the_remedy_says_what_to_install(
    mocker: MockerFixture, error: Exception
) -> None:
    mocker.patch.dict(sys.modules)
    mocker.patch("importlib.import_module", side_effect=error)
    with pytest.raises(PortUnusable) as refused:
        load_library()
    assert "autodialer[alsa]" in refused.value.remedy
    assert "libportaudio2" in refused.value.remedy
