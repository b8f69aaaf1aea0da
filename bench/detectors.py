"""The detectors compared: ours, and spandsp and multimon-ng where they are installed."""

from __future__ import annotations

import ctypes
import ctypes.util
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from firmware.dtmf import ToneDetector

RATE = 8000


@dataclass(frozen=True, slots=True)
class Report:
    """A key that a detector reported; ``at`` is the end of the 20 ms chunk that made it do so."""

    key: str
    at: float | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What one detector made of one stream."""

    reports: tuple[Report, ...]
    cpu: float
    """CPU seconds of the detector, in this process or in its own."""


def ours(samples: NDArray[np.int16], chunk: int = 320) -> Heard:
    """The box's detector, fed as a PCM port feeds it."""
    pcm = samples.astype("<i2").tobytes()
    detector = ToneDetector()
    reports: list[Report] = []
    start = time.process_time()
    for offset in range(0, len(pcm), chunk):
        at = (offset + chunk) / 2 / RATE
        reports += [Report(d.key, at) for d in detector.feed(pcm[offset : offset + chunk])]
    return Heard(tuple(reports), time.process_time() - start)


def _spandsp() -> ctypes.CDLL | None:
    path = ctypes.util.find_library("spandsp")
    return None if path is None else ctypes.CDLL(path)


def spandsp(
    samples: NDArray[np.int16], twist: int | None = None, reverse: int | None = None
) -> Heard:
    """libspandsp's ``dtmf_rx``; ``twist`` and ``reverse`` open its limits (dB)."""
    library = _spandsp()
    if library is None:
        raise RuntimeError("libspandsp is not installed")
    library.dtmf_rx_init.restype = ctypes.c_void_p
    state = ctypes.c_void_p(library.dtmf_rx_init(None, None, None))
    if twist is not None and reverse is not None:
        # Debian's 0.0.6 takes whole decibels here: filter, twist, reverse twist, threshold.
        library.dtmf_rx_parms(state, -1, twist, reverse, -99)
    buffer = ctypes.create_string_buffer(64)
    reports = []
    data = np.ascontiguousarray(samples)
    start = time.process_time()
    for offset in range(0, len(data), 160):
        size = min(160, len(data) - offset)
        library.dtmf_rx(state, ctypes.c_void_p(data.ctypes.data + 2 * offset), size)
        count = library.dtmf_rx_get(state, buffer, 63)
        reports += [Report(chr(c), (offset + size) / RATE) for c in buffer.raw[: max(0, count)]]
    cpu = time.process_time() - start
    library.dtmf_rx_free(state)
    return Heard(tuple(reports), cpu)


def multimon(samples: NDArray[np.int16]) -> Heard:
    """multimon-ng; it gives keys without times, so they are matched by their order."""
    wide = soxr.resample(samples.astype(np.float32), RATE, 22050)
    raw = np.clip(wide, -32768, 32767).astype("<i2").tobytes()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["multimon-ng", "-q", "-a", "DTMF", "-t", "raw", "-"],
        input=raw,
        capture_output=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    keys = [
        line.partition(b"DTMF:")[2].strip()
        for line in done.stdout.splitlines()
        if line.startswith(b"DTMF:")
    ]
    return Heard(tuple(Report(k.decode(), None) for k in keys if k), cpu)


def peers() -> list[str]:
    """Names of the detectors that this machine can run, ours first."""
    names = ["autodialer"]
    if _spandsp() is not None:
        names += ["spandsp", "spandsp-12-8"]
    if shutil.which("multimon-ng") is not None:
        names.append("multimon-ng")
    return names


def listen(name: str, samples: NDArray[np.int16]) -> Heard:
    """Run the named detector over a stream."""
    match name:
        case "autodialer":
            return ours(samples)
        case "spandsp":
            return spandsp(samples)
        case "spandsp-12-8":
            return spandsp(samples, 12, 8)
        case "multimon-ng":
            return multimon(samples)
        case _:
            raise ValueError(name)
