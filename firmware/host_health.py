"""What ails the computer itself: supply, heat, storage, card, watchdog. Read, then judged.

Everything is read from files of the kernel, below a root that a test hands in; a file that is not
there says nothing. The Raspberry Pi's firmware tells of its supply in two ways: the word that
``vcgencmd get_throttled`` prints (bits below), and a hardware monitor's alarm. Either is enough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Protocol

from firmware.wording import joined, plural, worded

MIB = 1 << 20
RESERVE_BYTES = 64 * MIB
"""Less free than this, and nobody is called: a call writes some kilobytes, what else fills the disk
some megabytes a minute, and what is heard in a call must still be written."""
RESERVE_INODES = 256
"""File names; a call may need three (a note, a segment, a checkpoint)."""
HOT = 80.0
"""Degrees Celsius from which a Raspberry Pi slows down by itself."""
TOO_HOT = 85.0
"""From which it slows down to its least."""
WORN = 10
"""Tenths of a card's life that are used up: eMMC life time estimation (JEDEC 5.1, 7.4.40)."""

UNDERVOLTAGE_NOW = 1 << 0
FREQUENCY_CAPPED_NOW = 1 << 1
THROTTLED_NOW = 1 << 2
TEMPERATURE_LIMIT_NOW = 1 << 3
UNDERVOLTAGE_SINCE = 1 << 16
THROTTLED_SINCE = 1 << 18
"""Bits of the firmware's word: now, and since the start of the computer."""


@unique
class Part(StrEnum):
    """What a finding is about; once released, none is renamed."""

    SUPPLY = "supply"
    TEMPERATURE = "temperature"
    SPACE = "space"
    NAMES = "names"
    READ_ONLY = "read-only"
    CARD = "card"
    WATCHDOG = "watchdog"


class FileSystem(Protocol):
    """What ``os.statvfs`` answers."""

    @property
    def f_frsize(self) -> int: ...
    @property
    def f_blocks(self) -> int: ...
    @property
    def f_bavail(self) -> int: ...
    @property
    def f_files(self) -> int: ...
    @property
    def f_favail(self) -> int: ...
    @property
    def f_flag(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HostHealth:
    """What was read; None where nothing tells."""

    throttled: int | None = None
    """The firmware's word."""
    undervoltage_alarm: bool | None = None
    """The hardware monitor's."""
    celsius: float | None = None
    """Of the hottest zone."""
    free_bytes: int | None = None
    """For an account that is not root."""
    total_bytes: int | None = None
    free_names: int | None = None
    """None also where the file system counts none (btrfs, vfat)."""
    read_only: bool = False
    life_used: int | None = None
    """Tenths of the card's life, the more worn of its two kinds of memory."""
    spare_low: bool = False
    """The card says that its spare blocks run out."""
    file_system_errors: int = 0
    """That ext4 counted since the last fsck, over all its file systems."""
    watchdog: bool | None = None
    """Whether the machine has a hardware watchdog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One part's standing."""

    part: Part
    state: str
    """``ok``, ``note`` or ``fault``, as ``doctor`` says it."""
    detail: str
    remedy: str = ""
    holds: bool = False
    """Nobody may be called while it is so."""


def read_host(
    state: Path,
    root: Path = Path("/"),
    statvfs: Callable[[Path], FileSystem] = os.statvfs,
) -> HostHealth:
    """Read everything; *state* lies on the storage that counts. Never raises."""
    sys = root / "sys"
    free: int | None = None
    total: int | None = None
    names: int | None = None
    read_only = False
    place = state
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        found = statvfs(place)
    except OSError:
        pass
    else:
        free = found.f_bavail * found.f_frsize
        total = found.f_blocks * found.f_frsize
        names = found.f_favail if found.f_files else None
        read_only = bool(found.f_flag & os.ST_RDONLY)
    zones = [_number(path) for path in sorted(sys.glob("class/thermal/thermal_zone*/temp"))]
    degrees = [value / 1000 for value in zones if value is not None and -40_000 < value < 200_000]
    lives = [
        life for path in sys.glob("block/mmcblk*/device/life_time") for life in _hexadecimals(path)
    ]
    # 0 is "not defined"; 0x0B "exceeded its maximum".
    known = [life for life in lives if 0 < life <= 11]
    cards = sys.glob("block/mmcblk*/device/pre_eol_info")
    ends = [word for path in cards for word in _hexadecimals(path)]
    errors = [_number(path) for path in sys.glob("fs/ext4/*/errors_count")]
    throttled = next(_hexadecimals(sys / "devices/platform/soc/soc:firmware/get_throttled"), None)
    watchdogs = sys / "class/watchdog"
    return HostHealth(
        throttled=throttled,
        undervoltage_alarm=_alarm(sys),
        celsius=max(degrees, default=None),
        free_bytes=free,
        total_bytes=total,
        free_names=names,
        read_only=read_only,
        life_used=max(known, default=None),
        spare_low=any(word >= 2 for word in ends),
        file_system_errors=sum(count or 0 for count in errors),
        watchdog=any(watchdogs.glob("watchdog*")) if watchdogs.parent.is_dir() else None,
    )


def reserve(total_bytes: int | None) -> int:
    """Return how many bytes must stay free: less on a data partition that is small."""
    return RESERVE_BYTES if total_bytes is None else min(RESERVE_BYTES, total_bytes // 8)


def judge(health: HostHealth) -> tuple[Finding, ...]:
    """Return what stands, gravest parts first. Pure."""
    return tuple(
        finding
        for finding in (
            _storage(health),
            _names(health),
            _supply(health),
            _temperature(health),
            _card(health),
            _watchdog(health),
        )
        if finding is not None
    )


def _storage(health: HostHealth) -> Finding | None:
    if health.read_only:
        return Finding(
            part=Part.READ_ONLY,
            state="fault",
            detail=worded(
                "the storage of the state is mounted read-only, as a failing card often is"
            ),
            remedy=worded(
                "check the card with fsck, or replace it, then mount it writable; a read-only "
                "root needs a data partition (docs/read-only-root.md)"
            ),
            holds=True,
        )
    if health.free_bytes is None:
        return None
    free = worded("{free_bytes} MiB free", free_bytes=health.free_bytes // MIB)
    held = reserve(health.total_bytes)
    if health.free_bytes < held:
        return Finding(
            part=Part.SPACE,
            state="fault",
            detail=worded(
                "{free}: under the reserve of {held} MiB nobody is called, so that what is "
                "heard can still be written",
                free=free,
                held=held // MIB,
            ),
            remedy=worded("make room; calls go on by themselves"),
            holds=True,
        )
    low = health.free_bytes < 2 * held
    return Finding(
        part=Part.SPACE,
        state="note" if low else "ok",
        detail=free,
        remedy=worded("make room: under {held} MiB nobody is called", held=held // MIB)
        if low
        else "",
    )


def _names(health: HostHealth) -> Finding | None:
    names = health.free_names
    if names is None or names >= RESERVE_INODES or health.read_only:
        return None
    return Finding(
        part=Part.NAMES,
        state="fault",
        detail=plural(
            "the file system takes only {count} more file, whatever space is free",
            "the file system takes only {count} more files, whatever space is free",
            names,
        ),
        remedy=worded(
            "remove what made so many small files (find / -xdev | cut -d/ -f2-4 | sort | "
            "uniq -c | sort -n); calls go on by themselves"
        ),
        holds=True,
    )


def _supply(health: HostHealth) -> Finding | None:
    word, alarm = health.throttled, health.undervoltage_alarm
    if word is None and alarm is None:
        return None
    remedy = worded(
        "use the supply made for this computer, a short thick cable, and a powered hub for the "
        "modem, which draws up to 2 A"
    )
    if (word or 0) & UNDERVOLTAGE_NOW or alarm:
        detail = worded(
            "the supply is too weak right now: a modem that transmits may pull the box down"
        )
        return Finding(part=Part.SUPPLY, state="fault", detail=detail, remedy=remedy, holds=True)
    if (word or 0) & UNDERVOLTAGE_SINCE:
        detail = worded("the supply was too weak at some time since the computer started")
        return Finding(part=Part.SUPPLY, state="note", detail=detail, remedy=remedy)
    return Finding(
        part=Part.SUPPLY, state="ok", detail=worded("strong enough since the computer started")
    )


def _temperature(health: HostHealth) -> Finding | None:
    word = health.throttled or 0
    throttled = word & (THROTTLED_NOW | TEMPERATURE_LIMIT_NOW)
    if health.celsius is None and not throttled:
        return None
    told = "" if health.celsius is None else f"{health.celsius:.0f} °C"
    remedy = worded("give the box air, a heat sink or a fan, and keep it out of the sun")
    if throttled or (health.celsius or 0.0) >= TOO_HOT:
        detail = worded("too hot; the computer slows itself down, and voice may stutter")
        detail = joined(": ", [told, detail]) if told else detail
        return Finding(part=Part.TEMPERATURE, state="fault", detail=detail, remedy=remedy)
    if (health.celsius or 0.0) >= HOT or word & THROTTLED_SINCE:
        detail = worded("{told}; it was, or is about to be, so hot that it slows down", told=told)
        return Finding(part=Part.TEMPERATURE, state="note", detail=detail, remedy=remedy)
    return Finding(part=Part.TEMPERATURE, state="ok", detail=told)


def _card(health: HostHealth) -> Finding | None:
    life = health.life_used
    remedy = worded("copy the state (docs/backup.md) and replace the card")
    if health.file_system_errors:
        detail = worded(
            "the file system counted {file_system_errors} errors",
            file_system_errors=health.file_system_errors,
        )
        check = worded("check it with fsck; {remedy} if they come again", remedy=remedy)
        return Finding(part=Part.CARD, state="fault", detail=detail, remedy=check)
    if health.spare_low or (life is not None and life >= WORN):
        detail = worded("the card is at the end of its life")
        return Finding(part=Part.CARD, state="fault", detail=detail, remedy=remedy)
    if life is None:
        return None
    return Finding(
        part=Part.CARD,
        state="note" if life >= WORN - 2 else "ok",
        detail=worded("up to {share} of its life used", share=f"{life * 10} %"),
        remedy=remedy if life >= WORN - 2 else "",
    )


def _watchdog(health: HostHealth) -> Finding | None:
    if health.watchdog is None:
        return None
    if health.watchdog:
        return Finding(part=Part.WATCHDOG, state="ok", detail=worded("the machine has one"))
    return Finding(
        part=Part.WATCHDOG,
        state="note",
        detail=worded("the machine has no hardware watchdog: a kernel that hangs stays hung"),
        remedy=worded(
            "on a Raspberry Pi: dtparam=watchdog=on in config.txt, and "
            "RuntimeWatchdogSec=15 in /etc/systemd/system.conf"
        ),
    )


def _alarm(sys: Path) -> bool | None:
    for monitor in sorted(sys.glob("class/hwmon/hwmon*")):
        if _text(monitor / "name") == "rpi_volt":
            told = _number(monitor / "in0_lcrit_alarm")
            return None if told is None else bool(told)
    return None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(256).decode("ascii", "replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    try:
        return int(_text(path))
    except ValueError:
        return None


def _hexadecimals(path: Path) -> Iterator[int]:
    for word in _text(path).split():
        try:
            yield int(word, 16)
        except ValueError:
            continue
