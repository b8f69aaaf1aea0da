"""Calendar time and whether it may be believed.

A Pi has no battery behind its clock: after a power cut it wakes in the past until something tells
it the time. Windows, legal hours and consent all hang on that time, so an untrusted clock dials
nobody. :func:`judge` is pure; the readings come from the kernel, the RTC and the modem's network.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.effects import Now
from firmware.clock import Clock

BUILD_FLOOR = datetime(2026, 11, 1, tzinfo=UTC)
"""No release of this software ran before this day."""

RTC_AGREES = timedelta(seconds=5)
"""An RTC that set the system clock at boot drifts less than this from it."""
NETWORK_AGREES = timedelta(seconds=60)
"""Network time (NITZ) has a resolution of a second and is sent by hand in small networks."""
FLOOR_SLACK = timedelta(seconds=2)
"""NTP slews by less than this; a step back beyond it means that one of both times was wrong."""
JUDGE_EVERY = 1.0
"""Real seconds between two looks at the sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the machine says about its clock at one instant."""

    utc: datetime
    ntp: bool | None
    """True where the kernel says that its clock is synchronised, None where it cannot be asked."""
    rtc: datetime | None
    network: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The judgement, with the one source that carries it or the reason why there is none."""

    trusted: bool
    source: str
    """Source name where trusted, otherwise one sentence with the remedy."""


def judge(readings: Readings, sources: Sequence[str], floor: datetime) -> Trust:
    """Decide whether ``readings.utc`` may be used to call anybody.

    *floor* is the newest time that the ledger has seen: time earlier than that, or than the build
    date, is wrong whatever a source says. NTP is enough by itself; an RTC must agree with the
    system clock; network time must agree with the system clock *and* either NTP or the RTC must
    not contradict it, because operators send wrong NITZ (modems.md).
    """
    lowest = max(floor - FLOOR_SLACK, BUILD_FLOOR)
    if readings.utc < lowest:
        return Trust(
            trusted=False,
            source=f"the clock shows {readings.utc:%Y-%m-%d %H:%M} UTC, before the newest ledger "
            f"entry or the build date ({lowest:%Y-%m-%d %H:%M}); connect a network for NTP or fit "
            "an RTC",
        )
    if "ntp" in sources and readings.ntp:
        return Trust(trusted=True, source="ntp")
    rtc_agrees = readings.rtc is not None and abs(readings.rtc - readings.utc) <= RTC_AGREES
    if "rtc" in sources and rtc_agrees:
        return Trust(trusted=True, source="rtc")
    if (
        "network" in sources
        and readings.network is not None
        and abs(readings.network - readings.utc) <= NETWORK_AGREES
        and rtc_agrees
    ):
        return Trust(trusted=True, source="network+rtc")
    return Trust(
        trusted=False,
        source="no clock source vouches for the time; connect a network for NTP or fit an RTC",
    )


class CalendarClock:
    """Hands out :class:`~appliance.effects.Now`; the only place that reads calendar time."""

    def __init__(
        self,
        clock: Clock,
        sources: Sequence[str],
        floor: Callable[[], datetime],
        *,
        read: Callable[[], Readings] | None = None,
    ) -> None:
        self._clock = clock
        self._sources = tuple(sources)
        self._floor = floor
        self._read = read or read_system
        self._judged_at: float | None = None
        self._trust = Trust(trusted=False, source="not judged yet")
        self._last_utc: datetime | None = None

    def now(self) -> Now:
        """Read both clocks once; sources are looked at again at most once a second."""
        monotonic = self._clock.monotonic()
        utc = datetime.now(UTC)
        stepped = self._last_utc is not None and abs(utc - self._last_utc) > timedelta(seconds=60)
        self._last_utc = utc
        real = time.monotonic()
        if self._judged_at is None or stepped or real - self._judged_at >= JUDGE_EVERY:
            self._judged_at = real
            self._trust = judge(self._read(), self._sources, self._floor())
        return Now(
            monotonic=monotonic,
            utc=utc,
            trusted=self._trust.trusted,
            source=self._trust.source,
        )


class SimulatedCalendarClock:
    """A bench's calendar: starts on any day and runs at the bench's speed.

    It goes on from the newest ledger entry where that is later than *start*, so that a bench box
    that restarts does not travel back in time.
    """

    def __init__(self, clock: Clock, start: datetime, floor: datetime) -> None:
        self._clock = clock
        self._start = max(start.astimezone(UTC), floor)
        self._origin = clock.monotonic()

    def now(self) -> Now:
        monotonic = self._clock.monotonic()
        return Now(
            monotonic=monotonic,
            utc=self._start + timedelta(seconds=monotonic - self._origin),
            trusted=True,
            source="simulated",
        )


def read_system(root: Path = Path("/")) -> Readings:
    """Ask kernel and RTC; *root* is replaced by tests."""
    return Readings(
        utc=datetime.now(UTC),
        ntp=_ntp_synchronised(root),
        rtc=_rtc(root),
        network=None,
    )


def _ntp_synchronised(root: Path) -> bool | None:
    # systemd-timesyncd touches this file after its first synchronisation since boot.
    if (root / "run/systemd/timesync/synchronized").exists():
        return True
    if root != Path("/"):
        return None
    return _kernel_synchronised()


_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    # struct timex of adjtimex(2); only modes and status are read, the tail is padding enough
    # for every architecture.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("tail", ctypes.c_long * 40),
    )


def _kernel_synchronised() -> bool | None:
    """Ask the kernel, which chrony, ntpd and timesyncd all tell (adjtimex(2), STA_UNSYNC)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "adjtimex"):
        return None
    timex = _Timex()
    state = libc.adjtimex(ctypes.byref(timex))
    if state < 0:
        return None
    return state != _TIME_ERROR and not timex.status & _STA_UNSYNC


def _rtc(root: Path) -> datetime | None:
    """Return the time of the RTC that set the system clock at boot, if there is one."""
    for entry in sorted((root / "sys/class/rtc").glob("rtc*")):
        try:
            if (entry / "hctosys").read_text(encoding="ascii").strip() != "1":
                continue
            seconds = int((entry / "since_epoch").read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        return datetime.fromtimestamp(seconds, UTC)
    return None


def time_zone_database() -> str:
    """Return the version of the IANA time zone rules in use, for the ledger."""
    from importlib.metadata import PackageNotFoundError, version

    for directory in os.environ.get("PYTHONTZPATH", "/usr/share/zoneinfo").split(os.pathsep):
        try:
            first = (Path(directory) / "tzdata.zi").read_text(encoding="ascii").split("\n", 1)[0]
        except (OSError, UnicodeDecodeError):
            continue
        if first.startswith("# version "):
            return first.removeprefix("# version ").strip()
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return "unknown"
