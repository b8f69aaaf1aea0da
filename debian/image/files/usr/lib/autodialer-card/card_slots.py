#!/usr/bin/python3 -I
"""Which root boots next: rauc's custom boot loader backend, and what boot.scr reads.

Two sectors before the first partition hold the same block: CRC32, then ``name=value`` ended by NUL,
as U-Boot's ``env import -c`` reads it. A sector is written whole or not at all; the first is on the
card before the second is begun, so that one of them always holds.

- ``confirmed``: the root that came up well; it is never counted down.
- ``trial``: boots next, once. U-Boot moves it to ``tried`` before it starts it.
- ``tried``: was started on trial. Confirmed (``set-state good``) or not heard of again.
- ``ok_A``, ``ok_B``: whole and fit to fall back to.

``card_slots.py get-primary | set-primary SLOT | get-state SLOT | set-state SLOT good|bad | show``
"""

import os
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

SLOTS = ("A", "B")
SECTOR = 512
PLACES = (1024, 1032)
"""512 KiB into the card, behind the partition table and before the first partition; 4 KiB apart,
because the kernel writes pages and not sectors."""
FRESH = {"confirmed": "A", "trial": "none", "tried": "none", "ok_A": "1", "ok_B": "0"}
"""A flashed card: the second root is empty."""
CHOICES = {
    "confirmed": SLOTS,
    "trial": (*SLOTS, "none"),
    "tried": (*SLOTS, "none"),
    "ok_A": ("0", "1"),
    "ok_B": ("0", "1"),
}


def packed(state: Mapping[str, str]) -> bytes:
    """Return the sector that says *state*."""
    text = b"".join(f"card_{name}={value}\0".encode() for name, value in sorted(state.items()))
    data = text.ljust(SECTOR - 4, b"\0")
    return zlib.crc32(data).to_bytes(4, "little") + data


def unpacked(sector: bytes) -> dict[str, str] | None:
    """Return what *sector* says, or None where it is torn, foreign or makes no sense."""
    data = sector[4:SECTOR]
    if len(sector) < SECTOR or zlib.crc32(data) != int.from_bytes(sector[:4], "little"):
        return None
    state: dict[str, str] = {}
    for line in data.split(b"\0\0", 1)[0].split(b"\0"):
        name, _, value = line.decode("ascii", "replace").partition("=")
        state[name.removeprefix("card_")] = value
    if state.keys() != CHOICES.keys():
        return None
    if any(value not in CHOICES[name] for name, value in state.items()):
        return None
    return state


def judged(first: bytes, second: bytes) -> dict[str, str]:
    """Return the state that two sectors hold; where neither holds, what boot.scr then assumes."""
    return unpacked(first) or unpacked(second) or {**FRESH, "ok_B": "1"}


def primary(state: Mapping[str, str]) -> str:
    """Return the slot that boots next."""
    return state["confirmed"] if state["trial"] == "none" else state["trial"]


def with_primary(state: Mapping[str, str], slot: str) -> dict[str, str]:
    """Put *slot* on trial; the confirmed one needs none."""
    if slot == state["confirmed"]:
        return {**state, "trial": "none"}
    return {**state, "trial": slot, "tried": "none", f"ok_{slot}": "1"}


def with_state(state: Mapping[str, str], slot: str, *, good: bool) -> dict[str, str]:
    """Confirm *slot*, or count on it no more."""
    changed = {**state, f"ok_{slot}": "1" if good else "0"}
    if good:
        changed["confirmed"] = slot
    other = SLOTS[1 - SLOTS.index(slot)]
    if not good and state["confirmed"] == slot and state[f"ok_{other}"] == "1":
        changed["confirmed"] = other
    for name in ("trial", "tried"):
        if good or state[name] == slot:
            changed[name] = "none"
    return changed


def returned(state: Mapping[str, str], booted: str) -> bool:
    """Say whether an update was tried and *booted* is what ran before it."""
    return state["tried"] not in ("none", booted)


def card(cmdline: str, device: int, sys_dev: Path) -> str:
    """Return the disk of the running root, whose file system is on *device*.

    Not by a name under /dev/disk: a second card in a USB reader has the same ones.
    """
    if "rauc.slot=" in cmdline:
        part = (sys_dev / f"block/{os.major(device)}:{os.minor(device)}").resolve()
        if (part / "partition").exists():
            return f"/dev/{part.parent.name}"
    raise SystemExit("card_slots: this system was not started from a card of autodialer")


def main() -> int:
    """Run one request of rauc; returns the exit code."""
    words = sys.argv[1:]
    cmdline = Path("/proc/cmdline").read_text(encoding="ascii")
    device = card(cmdline, Path("/").stat().st_dev, Path("/sys/dev"))
    with Path(device).open("rb") as file:
        state = judged(*(os.pread(file.fileno(), SECTOR, place * SECTOR) for place in PLACES))
    match words:
        case ["get-primary"]:
            print(primary(state))
        case ["get-state", ("A" | "B") as slot]:
            print("good" if state[f"ok_{slot}"] == "1" else "bad")
        case ["set-primary", ("A" | "B") as slot]:
            write(device, with_primary(state, slot))
        case ["set-state", ("A" | "B") as slot, ("good" | "bad") as judgement]:
            write(device, with_state(state, slot, good=judgement == "good"))
        case ["show"]:
            print("\n".join(f"{name}={value}" for name, value in sorted(state.items())))
        case ["returned", ("A" | "B") as slot]:
            return 0 if returned(state, slot) else 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def write(device: str, state: Mapping[str, str]) -> None:
    """Put *state* on the card, one sector after the other."""
    descriptor = os.open(device, os.O_WRONLY | os.O_SYNC)
    try:
        for place in PLACES:
            os.pwrite(descriptor, packed(state), place * SECTOR)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
