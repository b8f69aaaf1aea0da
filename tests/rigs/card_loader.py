"""What boot.scr decides, once more in Python, and whether U-Boot decides the same.

The tests reckon with this model; :func:`compared` starts the real U-Boot on a card in every state
of the two sectors, also with one of them torn, and compares what it tries and what it leaves.
"""

from __future__ import annotations

import itertools
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

IMAGE = Path(__file__).resolve().parents[2] / "debian" / "image"
SLOTS = runpy.run_path(str(IMAGE / "files/usr/lib/autodialer-card/card_slots.py"))
State = dict[str, str]


class Chosen(NamedTuple):
    """What a boot loader decided."""

    slots: list[str]
    """In which order roots are tried: the next one where a kernel cannot be read."""
    trial: bool
    state: State
    """What the card says afterwards."""


def recipe() -> Any:
    """Return the module that makes the card, which is a program of its own and in no package."""
    if str(IMAGE) not in sys.path:
        sys.path.insert(0, str(IMAGE))
    import make  # type: ignore[import-not-found]

    return make


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


def compared(place: Path, uboot: Path, torn: Callable[[], float]) -> str:
    """Start U-Boot on cards without a kernel in every state; raise ValueError where it differs.

    Its console names each root that it tries, so all of its order is seen.
    """
    card = place / "loader.img"
    _empty_card(place, card)
    names = list(SLOTS["CHOICES"])
    states = [
        dict(zip(names, values, strict=True))
        for values in itertools.product(*SLOTS["CHOICES"].values())
    ]
    for number, state in enumerate(states):
        write(card, state)
        spoilt = number % 3
        if spoilt:
            # One of the two copies is torn, as by a cut.
            with card.open("r+b") as file:
                where = SLOTS["PLACES"][spoilt - 1] * SLOTS["SECTOR"]
                os.pwrite(file.fileno(), bytes(200), where + int(torn() * 300))
        chosen = choose(read(card))
        said = _console(card, uboot)
        tried = re.findall(r"card: slot ([AB])( autodialer.trial=1)?", said)
        if [slot for slot, _ in tried] != chosen.slots or bool(tried[0][1]) != chosen.trial:
            raise ValueError(f"{state}: U-Boot tries {tried}, its stand-in {chosen}")
        if read(card) != chosen.state:
            raise ValueError(f"{state}: U-Boot leaves {read(card)}, its stand-in {chosen.state}")
    card.unlink()
    return f"{len(states)} states, two thirds with one torn copy: the same order, trial and sectors"


def _empty_card(place: Path, card: Path) -> None:
    script, boot = place / "boot.scr", place / "loader.vfat"
    source = place / "boot.cmd"
    recipe().boot_script(source, script)
    sizes = "start=4MiB,size=40MiB,type=c,bootable\nsize=2MiB,type=83\nsize=2MiB,type=83\n"
    with card.open("wb") as file:
        file.truncate(64 << 20)
    with boot.open("wb") as file:
        file.truncate(40 << 20)
    for command, given in (
        (("sfdisk", "--quiet", str(card)), f"label: dos\n{sizes}"),
        (("mkfs.vfat", "-n", "BOOT", str(boot)), ""),
        (("mcopy", "-i", str(boot), str(script), "::boot.scr"), ""),
        (("dd", f"if={boot}", f"of={card}", "bs=1M", "seek=4", "conv=notrunc"), ""),
    ):
        subprocess.run(command, input=given, text=True, check=True, capture_output=True)


def _console(card: Path, uboot: Path) -> str:
    """Return what U-Boot said until it gave up."""
    with subprocess.Popen(
        [
            *("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-m", "512"),
            *("-nographic", "-net", "none", "-no-reboot", "-bios", str(uboot)),
            *("-drive", f"file={card},format=raw,if=none,id=card"),
            *("-device", "virtio-blk-pci,drive=card"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as emulator:
        assert emulator.stdout is not None
        said = ""
        for line in emulator.stdout:
            said += line
            if "no slot can be started" in line:
                break
        emulator.kill()
    return said


def partition(card: Path, number: int) -> tuple[int, int]:
    """Return where a partition of *card* begins, and its size, in bytes."""
    with card.open("rb") as file:
        entry = os.pread(file.fileno(), 16, 446 + 16 * (number - 1))
    return (
        int.from_bytes(entry[8:12], "little") * 512,
        int.from_bytes(entry[12:16], "little") * 512,
    )
