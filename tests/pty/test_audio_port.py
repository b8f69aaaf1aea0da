"""The voice port on a real pseudo-terminal: what the far end gets, and when."""

from __future__ import annotations

import os
import queue
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from firmware.clips.clip import Clip
from firmware.clock import SystemClock
from firmware.errors import PortUnusable
from firmware.voice.frames import FRAME_BYTES
from firmware.voice.path import AudioCallbacks
from firmware.voice.serial_port import SerialPcmPath

pytestmark = pytest.mark.pty

WAIT = 5.0
"""Seconds that a test waits before it fails; it goes on at once when the thing happens."""


@dataclass
class Report:
    """What the path said, in order."""

    log: list[tuple[object, ...]] = field(default_factory=list)
    news: queue.Queue[tuple[object, ...]] = field(default_factory=queue.Queue)
    heard: bytearray = field(default_factory=bytearray)
    raise_on: str = ""
    odd: bool = False

    def callbacks(self) -> AudioCallbacks:
        return AudioCallbacks(
            on_started=lambda clip, _: self._note("started", clip),
            on_finished=lambda clip, ms, complete, _: self._note("finished", clip, ms, complete),
            on_downlink=lambda pcm, _: self._hear(pcm),
            on_failed=lambda detail, _: self._note("failed", detail),
        )

    def next(self) -> tuple[object, ...]:
        return self.news.get(timeout=WAIT)

    def _hear(self, pcm: bytes) -> None:
        self.odd = self.odd or len(pcm) % 2 != 0
        self.heard += pcm
        if self.raise_on == "downlink":
            raise RuntimeError("detector broke")

    def _note(self, *what: object) -> None:
        self.log.append(what)
        self.news.put(what)


class FarEnd:
    """The module's side: remembers every piece that it was sent, with the time it came."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.master)
        tty.setraw(self.slave)
        self.name = os.ttyname(self.slave)
        self.pieces: list[tuple[float, bytes]] = []
        self.taking = threading.Event()
        self.taking.set()
        self._end, self._ended = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def sound(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces)

    def speak(self, data: bytes) -> None:
        os.write(self.master, data)

    def close(self) -> None:
        self.taking.set()
        os.write(self._ended, b"x")
        self._thread.join(WAIT)
        for descriptor in (self.master, self.slave, self._end, self._ended):
            try:
                os.close(descriptor)
            except OSError:
                pass  # a test may have unplugged it

    def unplug(self) -> None:
        os.write(self._ended, b"x")
        self._thread.join(WAIT)
        os.close(self.master)

    def _run(self) -> None:
        while True:
            self.taking.wait()
            ready, _, _ = select.select([self.master, self._end], [], [])
            if self._end in ready:
                return
            if self.taking.is_set():
                self.pieces.append((time.monotonic(), os.read(self.master, 65536)))


@pytest.fixture
def far() -> Iterator[FarEnd]:
    end = FarEnd()
    yield end
    end.close()


@pytest.fixture
def report() -> Report:
    return Report()


def opened(far: FarEnd, report: Report, speed: float = 1.0) -> SerialPcmPath:
    path = SerialPcmPath(far.name, clock=SystemClock(speed), callbacks=report.callbacks())
    path.open()
    return path


@pytest.fixture
def path(far: FarEnd, report: Report) -> Iterator[SerialPcmPath]:
    made = opened(far, report)
    yield made
    made.close()


def tone(name: str, frames: int) -> Clip:
    """A clip whose every frame is different and none is silent."""
    return Clip(
        name=name, pcm=b"".join(bytes([number + 1]) * FRAME_BYTES for number in range(frames))
    )


def until(condition: Callable[[], object]) -> None:
    tick = threading.Event()
    for _ in range(round(WAIT / 0.005)):
        if condition():
            return
        tick.wait(0.005)
    raise AssertionError("did not happen")


def test_a_clip_arrives_whole_in_order_between_silence(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    clip = tone("greeting.fr", 12)
    path.start()
    path.play(clip)
    assert report.next() == ("started", "greeting.fr")
    assert report.next() == ("finished", "greeting.fr", 240, True)
    path.stop()
    path.close()
    until(lambda: len(far.sound) == path.counters.frames_sent * FRAME_BYTES)
    sound = far.sound
    assert sound.strip(b"\0") == clip.pcm
    assert sound.index(clip.pcm[:1]) % FRAME_BYTES == 0, "a clip begins with a frame"


def test_frames_are_paced_and_never_burst(path: SerialPcmPath, far: FarEnd, report: Report) -> None:
    """By the far end's clock: never more sound than time allows, and half a frame of jitter."""
    began = time.monotonic()
    path.start()
    path.play(tone("a", 20))
    until(lambda: report.log[-1:] == [("finished", "a", 400, True)])
    path.stop()
    arrived = 0
    for at, piece in far.pieces:
        arrived += len(piece)
        assert arrived / FRAME_BYTES <= (at - began) / 0.02 + 1.5


def test_a_clip_asked_for_before_the_call_opens_it(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    path.play(tone("a", 2))
    path.start()
    assert report.next() == ("started", "a")
    until(lambda: len(far.sound) >= 3 * FRAME_BYTES)
    assert far.sound[:1] == b"\x01"


def test_mute_is_silent_within_a_frame_and_lasts(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    path.start()
    path.play(tone("a", 100))
    until(lambda: len(far.sound) > 6 * FRAME_BYTES)
    path.mute()
    sent = path.counters.frames_sent
    path.play(tone("b", 5))
    assert report.next() == ("started", "a")
    kind, name, _, complete = report.next()
    assert (kind, name, complete) == ("finished", "a", False)
    until(lambda: path.counters.frames_sent > sent + 4)
    until(lambda: far.sound[-3 * FRAME_BYTES :] == bytes(3 * FRAME_BYTES))
    assert len(far.sound.strip(b"\0")) <= (sent + 1) * FRAME_BYTES
    assert report.news.empty(), "a clip asked for while muted never starts"


def test_the_next_call_speaks_again_after_a_mute(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    path.start()
    path.mute()
    path.stop()
    path.start()
    path.play(tone("b", 2))
    assert report.next() == ("started", "b")
    assert report.next() == ("finished", "b", 40, True)


def test_a_second_start_does_not_lift_a_mute(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    path.start()
    path.mute()
    path.start()
    path.play(tone("b", 2))
    until(lambda: len(far.sound) > 4 * FRAME_BYTES)
    assert not far.sound.strip(b"\0")
    assert report.log == []


def test_replace_and_silence(path: SerialPcmPath, far: FarEnd, report: Report) -> None:
    path.start()
    path.play(tone("a", 100))
    assert report.next() == ("started", "a")
    path.play(tone("b", 100))
    assert report.next()[:2] == ("finished", "a")
    assert report.next() == ("started", "b")
    path.silence()
    kind, name, played, complete = report.next()
    assert (kind, name, complete) == ("finished", "b", False)
    assert isinstance(played, int)
    assert played >= 20


def test_stop_ends_the_clip_and_the_frames(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    path.start()
    path.play(tone("a", 100))
    assert report.next() == ("started", "a")
    path.stop()
    assert report.next()[:2] == ("finished", "a")
    sent = path.counters.frames_sent
    threading.Event().wait(0.07)
    assert path.counters.frames_sent == sent


def test_downlink_comes_in_whole_samples_odd_bytes_kept(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    voice = bytes(range(256)) * 5
    path.start()
    until(lambda: path.counters.frames_sent)
    for place in range(0, len(voice), 77):
        far.speak(voice[place : place + 77])
        until(lambda: path.counters.bytes_received >= min(place + 77, len(voice)))  # noqa: B023
    until(lambda: bytes(report.heard) == voice)
    assert not report.odd


def test_what_came_before_the_call_is_drained_away(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    far.speak(b"old!" * 1000)
    until(lambda: not select.select([far.slave], [], [], 0)[0])
    path.start()
    until(lambda: path.counters.frames_sent)
    far.speak(b"new!")
    until(lambda: report.heard)
    assert bytes(report.heard) == b"new!"


def test_flow_control_holds_the_clip_and_loses_nothing(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    clip = tone("a", 10)
    path.start()
    path.play(clip)
    until(lambda: len(far.sound.strip(b"\0")) >= 3 * FRAME_BYTES)
    path.pause()
    threading.Event().wait(0.03)
    sent = path.counters.frames_sent
    threading.Event().wait(0.06)
    assert path.counters.frames_sent == sent
    path.resume()
    until(lambda: report.log[-1:] == [("finished", "a", 200, True)])
    until(lambda: far.sound.rstrip(b"\0").endswith(clip.pcm[-FRAME_BYTES:]))
    assert far.sound.strip(b"\0") == clip.pcm


def test_a_broken_callback_does_not_end_the_voice(far: FarEnd, report: Report) -> None:
    report.raise_on = "downlink"
    path = opened(far, report)
    try:
        path.start()
        until(lambda: path.counters.frames_sent)
        far.speak(b"\1\0" * 10)
        until(lambda: path.counters.callback_errors == 1)
        path.play(tone("a", 2))
        assert report.next() == ("started", "a")
    finally:
        path.close()


def test_silence_from_the_far_end_is_reported(far: FarEnd, report: Report) -> None:
    """At speed 20 the watchdog's half a real second is 10 box seconds."""
    path = opened(far, report, speed=20)
    try:
        path.start()
        assert report.next() == ("failed", "no voice received for 10 s")
    finally:
        path.close()


def test_a_fast_bench_loses_nothing(far: FarEnd, report: Report) -> None:
    clip = tone("a", 200)
    path = opened(far, report, speed=20)
    try:
        path.start()
        path.play(clip)
        assert report.next() == ("started", "a")
        assert report.next() == ("finished", "a", 4000, True)
        path.stop()
        until(lambda: len(far.sound) == path.counters.frames_sent * FRAME_BYTES)
        assert far.sound.strip(b"\0") == clip.pcm
    finally:
        path.close()


def test_unplugging_is_reported_once_and_close_still_works(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    path.start()
    path.play(tone("a", 100))
    assert report.next() == ("started", "a")
    far.unplug()
    assert report.next()[:2] == ("finished", "a")
    kind, detail = report.next()
    assert kind == "failed"
    assert far.name in str(detail)
    path.stop()
    path.start()
    assert report.next()[0] == "failed", "a dead port cannot carry the next call either"
    path.close()
    path.close()


def test_a_port_in_use_is_refused_with_a_remedy(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    with pytest.raises(PortUnusable, match=far.name) as caught:
        opened(far, report)
    assert "another program" in caught.value.remedy


def test_close_and_open_again(far: FarEnd, report: Report) -> None:
    for name in ("a", "b"):
        path = opened(far, report)
        path.open()
        path.start()
        path.play(tone(name, 1))
        assert report.next() == ("started", name)
        assert report.next() == ("finished", name, 20, True)
        path.close()


@pytest.mark.parametrize(
    ("port", "remedy"),
    [("/dev/no-such-port", "cable"), ("nonsense://x", "device path"), ("/dev/null", "")],
)
def test_ports_that_are_none(port: str, remedy: str, report: Report) -> None:
    path = SerialPcmPath(port, clock=SystemClock(), callbacks=report.callbacks())
    with pytest.raises(PortUnusable) as caught:
        path.open()
    assert remedy in caught.value.remedy
    path.close()


def test_a_call_without_an_open_port_says_so(report: Report) -> None:
    path = SerialPcmPath("/dev/null", clock=SystemClock(), callbacks=report.callbacks())
    path.start()
    assert report.log == [("failed", "the voice port is not open")]
    path.mute()
    path.stop()
    path.close()


def test_a_full_port_holds_the_clip_and_loses_nothing(far: FarEnd, report: Report) -> None:
    """The module takes nothing for a while: the clip waits, and mute does not block."""
    path = opened(far, report, speed=20)
    clip = tone("a", 250)
    try:
        far.taking.clear()
        path.start()
        until(lambda: path.counters.blocked > 2)
        path.play(clip)
        far.taking.set()
        until(lambda: ("finished", "a", 5000, True) in report.log)
        path.stop()
        until(lambda: far.sound.rstrip(b"\0").endswith(clip.pcm[-FRAME_BYTES:]))
        assert far.sound.strip(b"\0") == clip.pcm
    finally:
        path.close()


def test_pieces_are_timed(far: FarEnd) -> None:
    """The instrument itself: two writes apart in time are two pieces apart in time."""
    os.write(far.slave, b"x")
    until(lambda: far.pieces)
    threading.Event().wait(0.02)
    os.write(far.slave, b"y")
    until(lambda: len(far.pieces) == 2)
    (first, _), (second, _) = far.pieces
    assert second - first > 0.015


def test_a_late_clip_of_the_call_that_was_muted_is_not_heard_in_the_next(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    path.mute()
    path.play(tone("old", 5))
    path.stop()
    path.start()
    until(lambda: len(far.sound) > 4 * FRAME_BYTES)
    assert not far.sound.strip(b"\0")
    assert report.log == []


def test_a_clip_asked_for_before_the_emergency_is_not_heard_after_it(
    path: SerialPcmPath, far: FarEnd, report: Report
) -> None:
    path.play(tone("old", 5))
    path.mute()
    path.start()
    until(lambda: len(far.sound) > 4 * FRAME_BYTES)
    assert not far.sound.strip(b"\0")
    assert report.log == []


def test_an_answer_that_comes_before_its_voice_is_greeted_after_an_earlier_emergency(
    path: SerialPcmPath, report: Report
) -> None:
    """A caller is answered first and the voice switched on then; the stop was hours ago."""
    path.mute()
    path.play(tone("new", 2))
    path.start()
    assert report.next() == ("started", "new")
