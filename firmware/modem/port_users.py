"""Which other program holds a serial port: named, so that a technician knows what to stop."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_ISCHR
from typing import NamedTuple

from firmware.wording import worded

MODEM_MANAGER = "ModemManager"
MODEM_MANAGER_REMEDY = worded("run: sudo systemctl mask --now ModemManager")
_PSEUDO_TERMINALS = range(136, 144)
"""Major numbers of their slaves (Linux, Documentation/admin-guide/devices.txt)."""

Stat = Callable[[Path], os.stat_result]


class _Device(NamedTuple):
    """A device, whatever it is called; a plain file has a place on its file system instead."""

    device: int = 0
    filesystem: int = 0
    number: int = 0


_MASTER = _Device(device=os.makedev(5, 2))
"""``/dev/ptmx``, as every master of a pseudo-terminal shows it."""


class Holder(NamedTuple):
    """A process that has a port open."""

    pid: int
    name: str


def holders(port: str, *, proc: Path = Path("/proc"), stat: Stat = Path.stat) -> tuple[Holder, ...]:
    """Return the other processes that have the device *port* open.

    A program that plays the modem on a pseudo-terminal is the other end of the wire, and none of
    them. Without privileges only one's own user's processes can be looked into; the rest stay
    unseen.
    """
    device = _device(Path(port), stat)
    if device is None:
        return ()
    found = []
    for process in _processes(proc):
        if process.name == str(os.getpid()):
            continue
        if _holds(process, device, stat):
            found.append(Holder(pid=int(process.name), name=_name(process)))
    return tuple(found)


def modem_manager_runs(*, proc: Path = Path("/proc")) -> bool:
    """Say whether ModemManager runs at all; needs no privileges."""
    # The kernel cuts names at 15 characters; this one has 12.
    return any(_name(process) == MODEM_MANAGER for process in _processes(proc))


def explain(port: str, *, proc: Path = Path("/proc")) -> tuple[str, str]:
    """Return (who holds *port*, remedy), each empty where nothing could be found out."""
    found = holders(port, proc=proc)
    who = ", ".join(
        worded("{holder} (pid {pid})", holder=holder.name, pid=holder.pid) for holder in found
    )
    if any(holder.name == MODEM_MANAGER for holder in found):
        return who, MODEM_MANAGER_REMEDY
    if found:
        return who, worded("stop {who}, or give the line another port", who=who)
    if modem_manager_runs(proc=proc):
        return worded("perhaps ModemManager, which runs on this box"), MODEM_MANAGER_REMEDY
    return "", ""


def _processes(proc: Path) -> Iterator[Path]:
    try:
        yield from (entry for entry in proc.iterdir() if entry.name.isdigit())
    except OSError:
        return


def _holds(process: Path, device: _Device, stat: Stat) -> bool:
    try:
        descriptors = [entry.name for entry in (process / "fd").iterdir()]
    except OSError:
        # Gone meanwhile, or another user's.
        return False
    found = {name: _device(process / "fd" / name, stat) for name in descriptors}
    if device not in found.values():
        return False
    masters = (name for name, open_device in found.items() if open_device == _MASTER)
    return all(_index(process / "fdinfo" / name) != _slave_index(device) for name in masters)


def _device(path: Path, stat: Stat) -> _Device | None:
    """Return what makes the file at *path* the same as another, or None where there is none.

    Names do not: a process in a container may call the port otherwise, and a pseudo-terminal of
    its own by the name of ours. Behind a name in ``/proc/PID/fd`` the kernel shows the open file
    itself. A node that was deleted is of a modem that has been unplugged since.
    """
    try:
        found = stat(path)
    except OSError:
        return None
    if found.st_nlink == 0:
        return None
    if not S_ISCHR(found.st_mode):
        return _Device(filesystem=found.st_dev, number=found.st_ino)
    if os.major(found.st_rdev) in _PSEUDO_TERMINALS:
        # Each mounted devpts counts its own from 0.
        return _Device(filesystem=found.st_dev, device=found.st_rdev)
    return _Device(device=found.st_rdev)


def _slave_index(device: _Device) -> int | None:
    major = os.major(device.device)
    if major not in _PSEUDO_TERMINALS:
        return None
    return (major - _PSEUDO_TERMINALS.start << 8) + os.minor(device.device)


def _index(info: Path) -> int:
    """Return the number of the pseudo-terminal whose other end the descriptor of *info* is."""
    try:
        found = re.search(r"^tty-index:\s*(\d+)$", info.read_text(), re.MULTILINE)
    except OSError:
        return -1
    return int(found[1]) if found else -1


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""
