"""boot.scr once more, in Python: for an emulated computer on which U-Boot does not run.

Under KVM a whole card starts in seconds, but this machine's processor is no ARM and U-Boot for it
does not come up there. So the rig reads the card's two sectors, chooses, spends the try and takes
kernel and initrd out of the chosen root, as boot.scr does. That both choose the same is shown by
``python -m tests.rigs.card --only loader``, which starts the real U-Boot on every state.
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
from pathlib import Path
from typing import NamedTuple

IMAGE = Path(__file__).resolve().parents[2] / "debian" / "image"
SLOTS = runpy.run_path(str(IMAGE / "files/usr/lib/autodialer-card/card_slots.py"))
SCRIPT = (IMAGE / "boot/boot.cmd").read_text(encoding="utf-8")
State = dict[str, str]


class Chosen(NamedTuple):
    """What a boot loader decided."""

    slots: list[str]
    """In which order roots are tried: the next one where a kernel cannot be read."""
    trial: bool
    state: State
    """What the card says afterwards."""


def choose(state: State) -> Chosen:
    """Return what boot.scr does with *state*."""
    trial = state["trial"] != "none"
    after = {**state, "tried": state["trial"], "trial": "none"} if trial else state
    confirmed = state["confirmed"]
    slots = [state["trial"], confirmed] if trial else [confirmed]
    if trial and state["trial"] == confirmed:
        slots = [confirmed]
    other = "B" if confirmed == "A" else "A"
    if state[f"ok_{other}"] == "1":
        slots.append(other)
    return Chosen(slots, trial, after)


def read(card: Path) -> State:
    """Return what the sectors of *card* say."""
    with card.open("rb") as file:
        sectors = [
            os.pread(file.fileno(), SLOTS["SECTOR"], place * SLOTS["SECTOR"])
            for place in SLOTS["PLACES"]
        ]
    state: State = SLOTS["judged"](*sectors)
    return state


def write(card: Path, state: State) -> None:
    """Write the sectors of *card*, one after the other."""
    with card.open("r+b") as file:
        for place in SLOTS["PLACES"]:
            os.pwrite(file.fileno(), SLOTS["packed"](state), place * SLOTS["SECTOR"])
            os.fsync(file.fileno())


def start(card: Path, place: Path, disk: str, more: str) -> list[str]:
    """Spend a try, take the kernel out, return the emulator's words for it."""
    state = read(card)
    chosen = choose(state)
    if chosen.trial:
        write(card, chosen.state)
    [arguments] = re.findall(r'setenv kernel_args "(ro [^"]+)"', SCRIPT)
    trial = " autodialer.trial=1" if chosen.trial else ""
    for slot in chosen.slots:
        part = {"A": 2, "B": 3}[slot]
        kernel, initrd = place / "vmlinuz", place / "initrd.img"
        if _taken(card, part, "/boot/vmlinuz", kernel) and _taken(
            card, part, "/boot/initrd.img", initrd
        ):
            line = f"console=ttyS0 {arguments} root=PARTUUID={disk}-0{part} rauc.slot={slot}"
            return [
                *("-kernel", str(kernel), "-initrd", str(initrd)),
                *("-append", f"{line}{trial} {more}"),
            ]
        trial = ""
    raise ValueError("no slot can be started")


def _taken(card: Path, part: int, source: str, target: Path) -> bool:
    target.unlink(missing_ok=True)
    start_at, _ = partition(card, part)
    subprocess.run(
        ["debugfs", "-R", f"dump {source} {target}", f"{card}?offset={start_at}"],
        capture_output=True,
        check=False,
    )
    return target.exists() and target.stat().st_size > 0


def partition(card: Path, number: int) -> tuple[int, int]:
    """Return where a partition of *card* begins, and its size, in bytes."""
    with card.open("rb") as file:
        entry = os.pread(file.fileno(), 16, 446 + 16 * (number - 1))
    return (
        int.from_bytes(entry[8:12], "little") * 512,
        int.from_bytes(entry[12:16], "little") * 512,
    )
