"""A sound card library without a card: the test turns the crank."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.clips.clip import Clip
from firmware.voice import alsa
from firmware.voice.alsa import AlsaPath
from firmware.voice.card_call import BLOCK, LATENCY
from firmware.voice.path import AudioCallbacks
from firmware.voice.sound_card import Stream, Usage

WAIT = 5.0
FRAME = 2 * BLOCK
CLIP = Clip(name="greeting", pcm=b"\1\2" * BLOCK * 3)
LONG = Clip(name="message", pcm=b"\3\4" * BLOCK * 100)
SILENCE = bytes(FRAME)


class CardError(Exception):
    pass


class Direction:
    def __init__(self, card: Card, callback: Callable[..., None]) -> None:
        self.card = card
        self.callback = callback
        self.closed = False
        self.started = self.aborted = 0

    def start(self) -> None:
        hang = self.card.hang
        if hang is not None:
            hang.wait(WAIT)
        if self.card.broken:
            raise CardError("device unavailable")
        self.started += 1

    def abort(self) -> None:
        self.aborted += 1

    def close(self) -> None:
        with self.card.news:
            self.closed = True
            self.card.news.notify_all()


class Card:
    """The library and its one card, which plays what it is given LATENCY seconds later."""

    PortAudioError: type[Exception] = CardError

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.broken = False
        self.hang: threading.Event | None = None
        self.refuses = ""
        self.plugged = self.listed = True
        """Whether the card is there, and whether the library's list has it."""
        self.terminated = 0
        self.options: dict[str, Any] = {}
        self.outs: list[Direction] = []
        self.ins: list[Direction] = []
        self.latency: float | None = LATENCY
        self.news = threading.Condition()

    def _terminate(self) -> None:
        assert not self.open, "PortAudio would close the streams of a call"
        self.terminated += 1

    def _initialize(self) -> None:
        self.listed = self.plugged

    @property
    def open(self) -> list[Direction]:
        return [one for one in (*self.outs, *self.ins) if not one.closed]

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
        if not self.listed:
            raise ValueError("No output device matching 'EC25'")

    def check_input_settings(self, **_options: Any) -> None:
        pass

    def block(self, status: object = None) -> bytes:
        """Take the next block; return it, and let its 20 ms pass."""
        out = memoryview(bytearray(FRAME))
        time = None
        if self.latency is not None:
            time = SimpleNamespace(currentTime=7.0, outputBufferDacTime=7.0 + self.latency)
        self.outs[-1].callback(out, BLOCK, time, status)
        self.clock.now += 0.02
        return bytes(out)

    def say(self, pcm: bytes) -> None:
        """Bring what the far end says."""
        self.ins[-1].callback(memoryview(pcm), BLOCK, None, None)


class Clock:
    now = 50.0

    def monotonic(self) -> float:
        return self.now

    def real(self, seconds: float) -> float:
        return seconds


class Rig:
    def __init__(self) -> None:
        self.clock = Clock()
        self.card = Card(self.clock)
        self.told: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self.usage = Usage()
        self.path = self.another()

    def another(self) -> AlsaPath:
        """Another line's path over the same library."""
        return AlsaPath(
            "EC25",
            usage=self.usage,
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

    def settle(self) -> None:
        """Wait until the card's thread has done what it was asked for."""
        assert self.path._card is not None
        assert self.path._card.done(lambda: None, within=WAIT)

    def keep_waiting(self) -> Callable[[], None]:
        """Let the card's thread do nothing until what is returned is called."""
        waits = threading.Event()

        def wait() -> None:
            waits.wait(WAIT)

        assert self.path._card is not None
        self.path._card.post(wait)
        return waits.set

    def wait_for(self, true: Callable[[], bool]) -> None:
        """Wait for a thread that was left behind."""
        with self.card.news:
            assert self.card.news.wait_for(true, WAIT)

    def so_far(self) -> list[tuple[Any, ...]]:
        """Return what was told up to now."""
        self.settle()
        self.card.say(b"mark")
        return list(iter(self.next, ("heard", b"mark")))


@contextmanager
def open_card(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """An open path over a card."""
    monkeypatch.setattr(alsa, "_LOOK_EVERY", 0.02)
    rig = Rig()
    rig.path.open()
    yield rig
    if rig.card.hang is not None:
        rig.card.hang.set()
    rig.path.close()
