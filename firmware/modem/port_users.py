"""Which other program holds a serial port: named, so that a technician knows what to stop."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MODEM_MANAGER = "ModemManager"
MODEM_MANAGER_REMEDY = "run: sudo systemctl mask --now ModemManager"
_MASTERS = frozenset({"/dev/ptmx", "/dev/pts/ptmx"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has a port open."""

    pid: int
    name: str


def holders(port: str, *, proc: Path = Path("/proc")) -> tuple[Holder, ...]:
    """Return the other processes that have the device *port* open.

    A program that plays the modem on a pseudo-terminal is the other end of the wire, and none of
    them. Without privileges only one's own user's processes can be looked into; the rest stay
    unseen.
    """
    device = os.path.realpath(port)
    found = []
    for process in _processes(proc):
        if process.name == str(os.getpid()):
            continue
        if _holds(process, device):
            found.append(Holder(pid=int(process.name), name=_name(process)))
    return tuple(found)


def modem_manager_runs(*, proc: Path = Path("/proc")) -> bool:
    """Say whether ModemManager runs at all; needs no privileges."""
    # The kernel cuts names at 15 characters; this one has 12.
    return any(_name(process) == MODEM_MANAGER for process in _processes(proc))


def explain(port: str, *, proc: Path = Path("/proc")) -> tuple[str, str]:
    """Return (who holds *port*, remedy), each empty where nothing could be found out."""
    found = holders(port, proc=proc)
    who = ", ".join(f"{holder.name} (pid {holder.pid})" for holder in found)
    if any(holder.name == MODEM_MANAGER for holder in found):
        return who, MODEM_MANAGER_REMEDY
    if found:
        return who, f"stop {who}, or give the line another port"
    if modem_manager_runs(proc=proc):
        return "perhaps ModemManager, which runs on this box", MODEM_MANAGER_REMEDY
    return "", ""


def _processes(proc: Path) -> Iterator[Path]:
    try:
        yield from (entry for entry in proc.iterdir() if entry.name.isdigit())
    except OSError:
        return


def _holds(process: Path, device: str) -> bool:
    try:
        targets = {entry.name: _target(entry) for entry in (process / "fd").iterdir()}
    except OSError:
        # Gone meanwhile, or another user's.
        return False
    if device not in targets.values():
        return False
    masters = (name for name, target in targets.items() if target in _MASTERS)
    return all(_slave(process / "fdinfo" / name) != device for name in masters)


def _slave(info: Path) -> str:
    """Return the terminal whose other end the descriptor of *info* is."""
    try:
        found = re.search(r"^tty-index:\s*(\d+)$", info.read_text(), re.MULTILINE)
    except OSError:
        return ""
    return f"/dev/pts/{found[1]}" if found else ""


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""
