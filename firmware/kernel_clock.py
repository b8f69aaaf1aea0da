"""What the kernel thinks of its own clock, asked directly or through a helper outside a sandbox.

The kernel knows whether anything keeps its clock: ``adjtimex`` (2) clears ``STA_UNSYNC`` while a
time daemon steers it, and sets it when somebody steps the clock or nothing was heard of the daemon
for hours. A hardened unit (``ProtectClock``, ``@clock`` filtered) may not ask. So a helper of a few
lines, a unit of its own, asks every few seconds and writes the answer where the box reads it::

    python3 -m firmware.kernel_clock /run/autodialer-clock/clock.json

The answer carries the boot it was given in, its age on a clock that nobody can step, and what the
calendar showed: an old answer is none, nor one from before a step. With ``--once`` a timer can do
the same, and does (``systemd/autodialer-clock.timer``; the command is ``autodialer-clock``). The
unit needs no more than ``RuntimeDirectory=autodialer-clock`` and an unprivileged user that may call
``adjtimex``, which without ``modes`` changes nothing.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PUBLISHED = (Path("run/autodialer-clock/clock.json"), Path("run/autodialer/clock.json"))
"""Where the box looks for the helper's answer, below the root directory. The first is a directory
of the helper's own, which stays when the box's unit ends."""
EVERY = 5.0
"""Seconds between two answers of the helper."""
FRESH = 150.0
"""Seconds for which an answer counts, so that a timer may ask once a minute instead."""
STEPPED = 2.0
"""Seconds by which the calendar may have moved against the clock that nobody steps since the
answer was given; more is a step, of which the kernel has not been asked yet."""
_LIMIT = 4096

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


@dataclass(frozen=True, slots=True)
class KernelClock:
    """One answer of ``adjtimex``."""

    synchronised: bool
    max_error_seconds: float
    """The kernel's own bound; it grows while nobody steers the clock."""


class _Timex(ctypes.Structure):
    # struct timex of adjtimex(2); only modes, maxerror and status are read, the tail is padding
    # enough for every architecture.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("tail", ctypes.c_long * 40),
    )


def ask_kernel() -> KernelClock | None:
    """Ask the kernel, which chrony, ntpd and timesyncd all tell; None where that is forbidden."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "adjtimex"):
        return None
    timex = _Timex()
    state = libc.adjtimex(ctypes.byref(timex))
    if state < 0:
        return None
    return KernelClock(
        synchronised=state != _TIME_ERROR and not timex.status & _STA_UNSYNC,
        max_error_seconds=timex.maxerror / 1e6,
    )


def since_boot() -> float:
    """Return seconds since boot, sleep included: a clock that no step of the calendar moves."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id(root: Path = Path("/")) -> str:
    """Return the random id that the kernel gave this boot; empty where it cannot be read."""
    try:
        return (root / "proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def published(path: Path, boot: str, now: float, calendar: float) -> KernelClock | None:
    """Return the helper's answer; None where there is none of this boot, or only an old one.

    *now* is :func:`since_boot`, *calendar* the system clock's seconds since 1970 at that instant.
    """
    try:
        with path.open("rb") as stream:
            told = json.loads(stream.read(_LIMIT))
        age = now - float(told["since_boot"])
        if told["boot"] != boot or not boot or not 0 <= age <= FRESH:
            return None
        moved = (calendar - now) - (float(told["calendar"]) - float(told["since_boot"]))
        if abs(moved) > STEPPED or not isinstance(told["synchronised"], bool):
            return None
        return KernelClock(told["synchronised"], float(told["max_error_seconds"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def publish(path: Path, clock: KernelClock, boot: str, now: float, calendar: float) -> None:
    """Write one answer whole, so that a reader finds this one or the one before."""
    told = {
        "synchronised": clock.synchronised,
        "max_error_seconds": clock.max_error_seconds,
        "boot": boot,
        "since_boot": now,
        "calendar": calendar,
    }
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(json.dumps(told) + "\n", encoding="ascii")
    aside.chmod(0o644)
    aside.replace(path)


def main(arguments: list[str] | None = None) -> int:
    """Publish until told to end; ``--once`` writes one answer and ends."""
    arguments = sys.argv[1:] if arguments is None else arguments
    once = "--once" in arguments
    paths = [argument for argument in arguments if argument != "--once"]
    if len(paths) != 1:
        print("usage: python3 -m firmware.kernel_clock [--once] FILE", file=sys.stderr)
        return 2
    path, boot = Path(paths[0]), boot_id()
    ending = threading.Event()
    if not once:
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: ending.set())
    while True:
        clock = ask_kernel()
        if clock is None:
            print("the kernel does not say what it thinks of its clock", file=sys.stderr)
            return 1
        try:
            publish(path, clock, boot, since_boot(), time.time())
        except OSError as error:
            print(f"{path} cannot be written: {error.strerror}", file=sys.stderr)
            return 1
        if once or ending.wait(EVERY):
            return 0


if __name__ == "__main__":
    sys.exit(main())
