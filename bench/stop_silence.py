"""From an order to be silent to the last sound on the wire, for each voice path.

PCM: the far end of the pty stamps each frame that arrives; what counts is the arrival of the last
sample that is not silence. Frames go out every 20 ms, so a path that obeys with the next frame
stays below 20 ms whatever the moment of the order. Clips on the module: the module owns playback,
so the stop is the hang-up, and what counts is when its bytes are handed to the kernel.
"""

from __future__ import annotations

import os
import random
import select
import statistics
import struct
import tempfile
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path

from firmware.clips.clip import Clip
from firmware.clock import SystemClock
from firmware.events import ClipStarted, Ended, Event, LineReady
from firmware.line.line import Line, LineSettings
from firmware.orders import Dial
from firmware.simulator.host import Simulation
from firmware.simulator.network.scenario import Answer, NumberRule, Scenario
from firmware.voice.path import AudioCallbacks
from firmware.voice.serial_port import SerialPcmPath

PCM_STOPS = 150
HANG_UPS = 30
SPEED = 15.0
NUMBER = "+33639980001"
SOUND = Clip(name="greeting", pcm=struct.pack("<h", 4000) * 8000 * 60)
"""No sample of it is zero, so that the first silent byte is silence."""
_PATIENCE = 20.0


def _nothing(*_what: object) -> None: ...


class _Wire:
    """The modem's end of a voice pty: when sound last came."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.sound_at = 0.0
        self._ending = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._ending:
            if select.select([self._master], [], [], 0.1)[0]:
                data = os.read(self._master, 4096)
                if any(data):
                    self.sound_at = time.monotonic()

    def close(self) -> None:
        self._ending = True
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


def _pcm(order: Callable[[SerialPcmPath], None], dice: random.Random) -> list[float]:
    """Return milliseconds from each order to the last sound; 0 where none came after it."""
    wire = _Wire()
    path = SerialPcmPath(
        wire.port,
        clock=SystemClock(),
        callbacks=AudioCallbacks(
            on_started=_nothing, on_finished=_nothing, on_downlink=_nothing, on_failed=_nothing
        ),
    )
    path.open()
    found = []
    for _ in range(PCM_STOPS):
        path.start()
        path.play(SOUND)
        before = time.monotonic()
        while wire.sound_at < before:
            time.sleep(0.002)
        time.sleep(0.04 + dice.uniform(0.0, 0.02))
        ordered = time.monotonic()
        order(path)
        time.sleep(0.1)
        found.append(max(0.0, wire.sound_at - ordered) * 1000)
        path.stop()
        time.sleep(0.03)
    path.close()
    wire.close()
    return found


def _hang_ups(folder: Path) -> list[float]:
    """Return milliseconds from the emergency stop to the hang-up bytes, while a clip plays."""
    clock = SystemClock(SPEED)
    person = Answer(rings_in=0.5, after=0.5, patience=600.0)
    scenario = Scenario(numbers=(NumberRule(number="*", behaviours=(person,)),))
    sent: list[float] = []
    happened: list[Event] = []
    news = threading.Condition()

    def trace(direction: str, data: bytes, at: float) -> None:
        if direction == "tx" and b"AT+CHUP\r" in data:
            sent.append(at)

    def post(event: Event) -> None:
        with news:
            happened.append(event)
            news.notify_all()

    def wait(kind: type[Event], attempt: str | None) -> None:
        with news:
            if not news.wait_for(
                lambda: any(
                    isinstance(e, kind) and getattr(e, "attempt", None) == attempt for e in happened
                ),
                _PATIENCE,
            ):
                raise RuntimeError(f"no {kind.__name__}")

    found = []
    with Simulation(["sim7600"], scenario, clock, links=folder / "links") as simulation:
        line = Line(
            LineSettings(name="one", port=simulation.lines[0].at_path, audio="module", bench=True),
            clips={"greeting": Clip(name="greeting", pcm=SOUND.pcm[: 16000 * 30])},
            post=post,
            clock=clock,
            state_dir=folder / "state",
            trace=trace,
        )
        line.start()
        wait(LineReady, None)
        for number in range(HANG_UPS):
            attempt = f"a{number}"
            line.order(Dial(line="one", attempt=attempt, number=NUMBER, greeting="greeting"))
            wait(ClipStarted, attempt)
            sent.clear()
            pressed = time.monotonic()
            line.emergency_hang_up()
            wait(Ended, attempt)
            found.append((sent[0] - pressed) * 1000)
        line.close()
    return found


def _series(name: str, values: list[float]) -> list[dict[str, object]]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    figures = (("p50", cuts[49]), ("p99", cuts[98]), ("max", max(values)))
    return [
        {"name": f"{name}_{label}", "value": round(value, 3), "unit": "ms", "n": len(values)}
        for label, value in figures
    ]


def run() -> list[dict[str, object]]:
    """Measure both kinds of path at moments drawn from a seed."""
    dice = random.Random(1)
    results = _series("stop.pcm_silence_last_sound", _pcm(SerialPcmPath.silence, dice))
    results += _series("stop.pcm_mute_last_sound", _pcm(SerialPcmPath.mute, dice))
    with tempfile.TemporaryDirectory() as folder:
        results += _series("stop.module_file_hang_up_on_wire", _hang_ups(Path(folder)))
    return results
