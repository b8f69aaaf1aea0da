"""The sound card path on the real PortAudio and ALSA: how long a clip sounds on, and stutters.

The card is a null sink of a PulseAudio of our own, which keeps real time; its monitor is recorded,
and what counts is when the last sample of the clip comes out of it. That is later than the card's
own end of sound by what server and recorder hold. Once at rest, once beside as many processes
that never rest as there are cores.

Needs the extra ``alsa`` and ``sudo apt install libportaudio2 libasound2-plugins pulseaudio
pulseaudio-utils``; without them there is nothing to measure and it says so. ``BENCH_MINUTES``
says for how many minutes the stutter is counted, each way (1).
"""

from __future__ import annotations

import array
import contextlib
import importlib.util
import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from firmware.clips.clip import SAMPLE_RATE, Clip
from firmware.clock import SystemClock
from firmware.voice.alsa import AlsaPath
from firmware.voice.path import AudioCallbacks

STOPS = 40
MINUTES = 1.0
_FIRST, _SECOND = 4000, 9000
GREETING = Clip(name="greeting", pcm=struct.pack("<h", _FIRST) * SAMPLE_RATE * 60)
MESSAGE = Clip(name="message", pcm=struct.pack("<h", _SECOND) * SAMPLE_RATE * 60)
"""Constant samples, so that each clip is known by its level and any other sample is a gap."""
_CONFIGURATION = """\
</usr/share/alsa/alsa.conf>
pcm.benchcard {{
  type pulse
  server "unix:{socket}"
  hint {{ show on description "a null sink" }}
}}
"""

Row = dict[str, object]


def run() -> list[Row]:
    missing = [name for name in ("pulseaudio", "parec") if shutil.which(name) is None]
    if importlib.util.find_spec("sounddevice") is None:
        missing.append("sounddevice (the extra alsa)")
    if missing:
        print(f"  not measured: no {', no '.join(missing)}")
        return []
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as environment:
        rest = _measured(environment)
        with _busy():
            busy = _measured(environment)
    return [
        row | {"name": f"sound card, {load}: {row['name']}"}
        for load, rows in (("at rest", rest), ("all cores busy", busy))
        for row in rows
    ]


def _measured(environment: dict[str, str]) -> list[Row]:
    # A process of its own: ALSA reads its configuration once.
    done = subprocess.run(
        [sys.executable, "-m", "bench.sound_card"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    rows: list[Row] = json.loads(done.stdout)
    return rows


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[dict[str, str]]:
    """Run a PulseAudio of our own; yield the environment in which ``benchcard`` leads to it."""
    socket = folder / "native"
    configuration = folder / "asound.conf"
    configuration.write_text(_CONFIGURATION.format(socket=socket), encoding="ascii")
    environment = {
        **os.environ,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "PULSE_SERVER": f"unix:{socket}",
        "ALSA_CONFIG_PATH": str(configuration),
    }
    server = subprocess.Popen(
        [
            "pulseaudio",
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--log-target=null",
            "--load=module-null-sink sink_name=card rate=8000 channels=1 format=s16le",
            f"--load=module-native-protocol-unix auth-anonymous=1 socket={socket}",
        ],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            if socket.exists():
                break
            time.sleep(0.1)
        yield environment
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    spin = "while True: sum(range(1000))"
    processes = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


class _Monitor:
    """What comes out of the card."""

    def __init__(self) -> None:
        self.last = {_FIRST: 0.0, _SECOND: 0.0}
        """When the last sample of each clip came."""
        self.gaps = 0
        """How often a clip broke off and went on."""
        self._before = 0
        self._recorder = subprocess.Popen(
            [
                "parec",
                "--device=card.monitor",
                "--raw",
                "--format=s16le",
                "--rate=8000",
                "--channels=1",
                "--latency-msec=5",
            ],
            stdout=subprocess.PIPE,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        stream = self._recorder.stdout
        assert stream is not None
        while data := os.read(stream.fileno(), 4096):
            now = time.monotonic()
            samples = array.array("h", data[: len(data) // 2 * 2])
            for index, sample in enumerate(samples):
                if sample != self._before:
                    self.gaps += sample == 0
                    self._before = sample
                if sample in self.last:
                    self.last[sample] = now - (len(samples) - 1 - index) / SAMPLE_RATE

    def close(self) -> None:
        self._recorder.terminate()
        self._recorder.wait()


def _nothing(*_what: object) -> None: ...


def _stops(path: AlsaPath, monitor: _Monitor, order: Callable[[], None]) -> list[float]:
    """Return the milliseconds from each order to the clip's last sample; 0 where none came."""
    dice = random.Random(1)
    found = []
    for _ in range(STOPS):
        path.start()
        before = time.monotonic()
        path.play(GREETING)
        while monitor.last[_FIRST] < before:
            time.sleep(0.002)
        time.sleep(0.2 + dice.uniform(0.0, 0.02))
        ordered = time.monotonic()
        order()
        time.sleep(0.2)
        found.append(max(0.0, monitor.last[_FIRST] - ordered) * 1000)
        path.stop()
        time.sleep(0.1)
    return sorted(found)


def main() -> None:
    failed: list[str] = []
    path = AlsaPath(
        "benchcard",
        clock=SystemClock(),
        callbacks=AudioCallbacks(
            on_started=_nothing,
            on_finished=_nothing,
            on_downlink=_nothing,
            on_failed=lambda detail, _at: failed.append(detail),
        ),
    )
    path.open()
    monitor = _Monitor()
    rows: list[Row] = []
    for name, order in (
        ("silence", path.silence),
        ("another clip", lambda: path.play(MESSAGE)),
        ("emergency", path.mute),
    ):
        found = _stops(path, monitor, order)
        for label, value in (("p50", statistics.median(found)), ("worst", found[-1])):
            rows.append(
                {
                    "name": f"{name} to last sound, {label}",
                    "value": round(value, 1),
                    "unit": "ms",
                    "n": len(found),
                }
            )
    seconds = 60 * float(os.environ.get("BENCH_MINUTES", MINUTES))
    late, sent = path.counters.late, path.counters.frames_sent
    path.start()
    path.play(Clip(name="long", pcm=GREETING.pcm[: 2 * SAMPLE_RATE] * round(seconds + 10)))
    time.sleep(0.5)
    gaps = monitor.gaps
    time.sleep(seconds)
    gaps = monitor.gaps - gaps
    path.stop()
    path.close()
    monitor.close()
    if failed:
        raise SystemExit(failed[0])
    sent = path.counters.frames_sent - sent
    rows += [
        {"name": "blocks late", "value": path.counters.late - late, "unit": "", "n": sent},
        {"name": "gaps heard", "value": gaps, "unit": "", "n": sent},
    ]
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
