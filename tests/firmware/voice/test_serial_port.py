"""Port failures that a pseudo-terminal cannot show: time-outs, exceptions, URLs."""

from __future__ import annotations

import queue
import socket
import threading
from typing import Any

import pytest
import serial
from pytest_mock import MockerFixture

from firmware.clips.clip import Clip
from firmware.clock import SystemClock
from firmware.errors import PortUnusable
from firmware.voice.path import AudioCallbacks, AudioPath, SilentPath
from firmware.voice.serial_port import SerialPcmPath

pytestmark = pytest.mark.pty

WAIT = 5.0
CLIP = Clip(name="greeting.fr", pcm=b"\1\2" * 480)


class Port:
    """Stands for pyserial: takes *room* bytes per write, or raises what it is told to."""

    def __init__(self) -> None:
        self.taken = bytearray()
        self.room = 10_000
        self.write_error: Exception | None = None
        self.read_error: Exception | None = None
        self.flushed = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        if self.write_error is not None:
            error, self.write_error = self.write_error, None
            raise error
        self.taken += data[: self.room]
        return min(len(data), self.room)

    def read(self, _: int) -> bytes:
        if self.read_error is not None:
            raise self.read_error
        return b""

    def reset_output_buffer(self) -> None:
        self.flushed += 1

    def fileno(self) -> int:
        raise OSError("no descriptor")

    def close(self) -> None:
        self.closed = True
        raise OSError("already gone")


class News:
    def __init__(self) -> None:
        self.queue: queue.Queue[tuple[Any, ...]] = queue.Queue()

    def callbacks(self) -> AudioCallbacks:
        return AudioCallbacks(
            on_started=lambda *what: self.queue.put(("started", *what[:-1])),
            on_finished=lambda *what: self.queue.put(("finished", *what[:-1])),
            on_downlink=lambda *what: self.queue.put(("heard", *what[:-1])),
            on_failed=lambda *what: self.queue.put(("failed", *what[:-1])),
        )

    def next(self) -> tuple[Any, ...]:
        return self.queue.get(timeout=WAIT)


@pytest.fixture
def port(mocker: MockerFixture) -> Port:
    made = Port()
    mocker.patch("serial.serial_for_url", return_value=made)
    return made


@pytest.fixture
def news() -> News:
    return News()


def opened(news: News) -> SerialPcmPath:
    path = SerialPcmPath("fake", clock=SystemClock(), callbacks=news.callbacks())
    path.open()
    return path


def test_a_write_timeout_is_counted_and_the_call_goes_on(port: Port, news: News) -> None:
    port.write_error = serial.SerialTimeoutException("Write timeout")
    path = opened(news)
    path.play(CLIP)
    path.start()
    assert news.next() == ("started", "greeting.fr")
    assert news.next() == ("finished", "greeting.fr", 60, True)
    assert path.counters.blocked == 1
    path.close()
    assert bytes(port.taken).startswith(CLIP.pcm)


def test_a_frame_that_was_cut_off_is_completed_first(port: Port, news: News) -> None:
    """A port that takes an odd number of bytes must not shift the samples that follow."""
    port.room = 101
    path = opened(news)
    path.play(CLIP)
    path.start()
    assert news.next() == ("started", "greeting.fr")
    assert news.next()[0] == "finished"
    path.close()
    assert bytes(port.taken).startswith(CLIP.pcm)


@pytest.mark.parametrize(
    "error",
    [
        serial.SerialException("device disconnected"),
        OSError(5, "Input/output error"),
        TypeError("'NoneType' object cannot be interpreted as an integer"),
        AttributeError("a defect of ours"),
    ],
)
@pytest.mark.parametrize("where", ["read", "write"])
def test_a_port_that_dies(port: Port, news: News, where: str, error: Exception) -> None:
    path = opened(news)
    path.start()
    if where == "read":
        port.read_error = error
    else:
        port.write_error = error
    kind, detail = news.next()
    assert kind == "failed"
    assert "voice port fake lost" in detail
    assert path.lost == detail
    path.mute()
    path.close()
    assert port.closed


def test_mute_empties_what_the_system_still_holds(port: Port, news: News) -> None:
    path = opened(news)
    path.play(Clip(name="long", pcm=b"\1\2" * 80_000))
    path.start()
    assert news.next() == ("started", "long")
    path.mute()
    assert news.next()[:2] == ("finished", "long")
    assert port.flushed == 1
    path.close()


def test_mute_never_waits_for_the_port(port: Port, news: News) -> None:
    """The pacing thread hangs in the port; the stop path must not notice."""
    hang, entered = threading.Event(), threading.Event()

    def stuck(data: bytes) -> int:
        entered.set()
        hang.wait(WAIT)
        return len(data)

    port.write = stuck  # type: ignore[method-assign]
    path = opened(news)
    path.start()
    assert entered.wait(WAIT)
    muting = threading.Thread(target=path.mute)
    muting.start()
    muting.join(1.0)
    assert not muting.is_alive()
    assert not hang.is_set()
    hang.set()
    path.close()


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(2, "cable"), (13, "dialout"), (11, "ModemManager"), (16, "ModemManager"), (71, "cable")],
)
def test_remedies(mocker: MockerFixture, news: News, number: int, remedy: str) -> None:
    mocker.patch("serial.serial_for_url", side_effect=serial.SerialException(number, "no"))
    with pytest.raises(PortUnusable) as caught:
        opened(news)
    assert remedy in caught.value.remedy


def test_a_socket_url_carries_sound_both_ways(news: News) -> None:
    """A voice port of another machine, or of a simulator in a container."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        path = SerialPcmPath(url, clock=SystemClock(), callbacks=news.callbacks())
        path.open()
        far, _ = server.accept()
        with far:
            path.play(CLIP)
            path.start()
            sound = b""
            while len(sound) < len(CLIP.pcm):
                sound += far.recv(4096)
            assert sound.startswith(CLIP.pcm)
            far.sendall(b"\1\2\3\4")
            while (heard := news.next())[0] != "heard":
                pass
            assert heard == ("heard", b"\1\2\3\4")
            path.close()


def test_no_voice_path_never_pretends(news: News) -> None:
    path: AudioPath = SilentPath(clock=SystemClock(), callbacks=news.callbacks())
    path.prepare([CLIP])
    path.open()
    path.start()
    path.play(CLIP)
    kind, detail = news.next()
    assert kind == "failed"
    assert "greeting.fr" in detail
    path.pause()
    path.resume()
    path.silence()
    path.mute()
    path.stop()
    path.close()
    assert (path.kind, path.hears, path.counters.frames_sent) == ("none", False, 0)


def test_the_serial_path_is_a_voice_path(news: News) -> None:
    path: AudioPath = SerialPcmPath("x", clock=SystemClock(), callbacks=news.callbacks())
    assert (path.kind, path.hears) == ("pcm-serial", True)
