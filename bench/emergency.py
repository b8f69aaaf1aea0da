"""From the stop to the hang-up bytes on the wire, while another command waits for a silent modem.

The modem's end is a pty read by another process, so a figure holds the driver's path, the
kernel's, and that reader's wake-up, which a loaded machine delays most. A real port adds its own
transmission time (1.2 ms at 115200 baud).
"""

from __future__ import annotations

import multiprocessing
import os
import select
import statistics
import threading
import time
import tty
from multiprocessing.connection import Connection

from firmware.errors import CommandAborted
from firmware.modem.modem import VoiceModem

RUNS = 200
HANG_UP = b"ATH\rAT+CHUP\r"
SILENT = b"AT+COPS=?\r"


def _modem(pipe: Connection) -> None:
    """The modem's end, in a process of its own: answers every line with OK but the silent one.

    Sends the path of the pty, then the monotonic time (one clock for all processes) at which the
    silent command, and later the hang-up, had arrived completely.
    """
    master, slave = os.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    pipe.send(os.ttyname(slave))
    seen = b""
    while True:
        ready = select.select([master, pipe.fileno()], [], [])[0]
        if pipe.fileno() in ready:
            return
        seen += os.read(master, 4096)
        now = time.monotonic()
        if seen == SILENT or seen.endswith(HANG_UP):
            pipe.send(now)
        if seen == SILENT:
            continue
        *lines, seen = seen.removeprefix(SILENT).split(b"\r")
        os.write(master, b"\r\nOK\r\n" * len(lines))


def _once(modem: VoiceModem, pipe: Connection) -> tuple[float, float]:
    """Return (to the bytes on the wire, to the release of the waiting command) in milliseconds."""
    released = [0.0]

    def wait() -> None:
        try:
            modem.command("AT+COPS=?", timeout=180)
        except CommandAborted:
            released[0] = time.monotonic()

    waiter = threading.Thread(target=wait)
    waiter.start()
    pipe.recv()
    time.sleep(0.005)
    pressed = time.monotonic()
    modem.emergency_hang_up()
    if not pipe.poll(5):
        raise RuntimeError("the hang-up never reached the wire")
    wired = pipe.recv()
    waiter.join(5)
    modem.resync(quiet=0.02)
    return (wired - pressed) * 1000, (released[0] - pressed) * 1000


def _series(name: str, values: list[float]) -> list[dict[str, object]]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    figures = (("p50", cuts[49]), ("p99", cuts[98]), ("max", max(values)))
    return [
        {"name": f"{name}_{label}", "value": round(value, 3), "unit": "ms", "n": len(values)}
        for label, value in figures
    ]


def run() -> list[dict[str, object]]:
    """Measure :data:`RUNS` stops alone, and half as many beside a thread that never rests."""
    context = multiprocessing.get_context("spawn")
    pipe, far = context.Pipe()
    process = context.Process(target=_modem, args=(far,), daemon=True)
    process.start()
    modem = VoiceModem(pipe.recv(), on_urc=lambda _: None, on_lost=lambda _: None)
    modem.open()
    results: list[dict[str, object]] = []
    try:
        alone = [_once(modem, pipe) for _ in range(RUNS)]
        results += _series("emergency.hang_up_on_wire", [wired for wired, _ in alone])
        results += _series("emergency.command_released", [freed for _, freed in alone])
        resting = threading.Event()
        busy = threading.Thread(target=_never_rest, args=(resting,), daemon=True)
        busy.start()
        crowded = [_once(modem, pipe) for _ in range(RUNS // 2)]
        resting.set()
        busy.join()
        results += _series("emergency.hang_up_on_wire_busy", [wired for wired, _ in crowded])
    finally:
        modem.close()
        pipe.send(None)
        process.join(5)
    return results


def _never_rest(stop: threading.Event) -> None:
    total = 0
    while not stop.is_set():
        total += sum(range(200))
