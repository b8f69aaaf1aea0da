"""``doctor --bundle``: what only the hardware can show, for the checklist of a card on a Pi.

Read from the kernel's files and from the programs that know; what is not there, or not allowed to
whoever asks, says so in its place. Nothing is changed. docs/card-checklist.md names the files.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware.bounded_read import read_bounded

_LARGEST = 1 << 16
WITHIN = 20.0
"""Real seconds for each program."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One file of the archive: patterns of files below the root, and commands."""

    name: str
    files: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()


TOPICS = (
    Topic(
        "model",
        ("proc/device-tree/model", "proc/cmdline", "etc/os-release", "etc/rauc/system.conf"),
        (("uname", "-srvm"), ("vcgencmd", "version"), ("vcgencmd", "bootloader_version")),
    ),
    Topic(
        "supply",
        (
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "sys/class/hwmon/hwmon*/name",
            "sys/class/hwmon/hwmon*/in0_lcrit_alarm",
            "sys/class/thermal/thermal_zone*/temp",
        ),
        (
            ("vcgencmd", "get_throttled"),
            ("vcgencmd", "measure_volts"),
            ("vcgencmd", "measure_temp"),
            ("journalctl", "--dmesg", "--no-pager", "--lines=100",
             "--grep=[Uu]nder-?voltage|[Vv]oltage normalised|[Tt]hrottl"),
        ),
    ),
    Topic(
        "slots",
        (
            # By their names: the keys that may log in lie there too, and name people.
            *(
                f"run/autodialer-card/{name}"
                for name in ("slot", "trial", "returned", "data-missing", "fsck")
            ),
            *("run/autodialer-update/result.json", "proc/mounts"),
        ),
        (("rauc", "status", "--detailed"),),
    ),
    Topic(
        "boot",
        ("proc/uptime", "proc/loadavg"),
        (
            ("systemd-analyze", "time"),
            ("systemd-analyze", "critical-chain", "--no-pager", "autodialer.service"),
            ("systemd-analyze", "critical-chain", "--no-pager", "autodialer-supervisor.service"),
            ("systemd-analyze", "blame", "--no-pager"),
            ("systemctl", "--no-pager", "--failed"),
            ("journalctl", "--list-boots", "--no-pager"),
        ),
    ),
    Topic(
        "watchdog",
        tuple(
            f"sys/class/watchdog/watchdog*/{name}"
            for name in ("identity", "state", "timeout", "timeleft", "bootstatus", "nowayout")
        ),
        (("systemctl", "show", "--property=RuntimeWatchdogUSec,WatchdogDevice"),),
    ),
    Topic(
        "card",
        (
            *(
                f"sys/block/mmcblk*/device/{name}"
                for name in ("name", "date", "manfid", "oemid", "life_time", "pre_eol_info", "type")
            ),
            *("sys/block/mmcblk*/size", "sys/fs/ext4/*/errors_count", "proc/swaps"),
        ),
        (("df", "--human-readable"), ("lsblk", "--output=NAME,SIZE,FSTYPE,LABEL,RO,MOUNTPOINTS")),
    ),
    Topic(
        "devices",
        (
            "sys/bus/usb/devices/*/product",
            "sys/bus/usb/devices/*/idVendor",
            "sys/bus/usb/devices/*/idProduct",
            "proc/asound/cards",
            "proc/modules",
            "sys/class/rtc/rtc*/name",
            "sys/class/rtc/rtc*/since_epoch",
            "proc/net/tcp",
            "proc/net/tcp6",
        ),
        (
            ("timedatectl", "show"),
            ("ls", "-l", "/dev/serial/by-path", "/dev/autodialer", "/dev/gpiochip0"),
        ),
    ),
)  # fmt: skip

Run = Callable[[Sequence[str]], str]


def evidence(root: Path = Path("/"), run: Run | None = None) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each topic; *run* runs a command and returns what it said."""
    for topic in TOPICS:
        parts = [*_files(root, topic.files), *_commands(topic.commands, run or _said)]
        yield f"card/{topic.name}.txt", "\n".join(parts)


def _files(root: Path, patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        found = sorted(root.glob(pattern))
        if not found:
            yield f"== /{pattern}\n(not there)\n"
        for path in found:
            try:
                raw = read_bounded(path, _LARGEST)
                text = raw.replace(b"\0", b"\n").decode("utf-8", "replace").rstrip("\n")
            except OSError as error:
                text = f"(not read: {error.strerror})"
            yield f"== /{path.relative_to(root)}\n{text}\n"


def _commands(commands: Sequence[Sequence[str]], run: Run) -> Iterator[str]:
    for words in commands:
        yield f"$ {' '.join(words)}\n{run(words)}\n"


def _said(words: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=WITHIN,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"(not run: {getattr(error, 'strerror', None) or error})"
    said = done.stdout[:_LARGEST].decode("utf-8", "replace").rstrip("\n")
    return said if done.returncode == 0 else f"{said}\n(ended with {done.returncode})"
