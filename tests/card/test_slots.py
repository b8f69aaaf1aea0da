"""Which root a card boots: the sectors, the rules, and that boot.scr speaks of the same ones."""

from __future__ import annotations

import itertools
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.rigs import card_loader

IMAGE = Path(__file__).parents[2] / "debian" / "image"
SLOTS = runpy.run_path(str(IMAGE / "files/usr/lib/autodialer-card/card_slots.py"))
SCRIPT = (IMAGE / "boot/boot.cmd").read_text(encoding="utf-8")
EVERY_STATE = [
    dict(zip(SLOTS["CHOICES"], values, strict=True))
    for values in itertools.product(*SLOTS["CHOICES"].values())
]
State = dict[str, str]


def booted(state: State) -> tuple[str, State]:
    """What boot.scr does: the slot that it starts, and what it leaves on the card."""
    chosen = card_loader.choose(state)
    return chosen.slots[0], chosen.state


@pytest.mark.parametrize("state", EVERY_STATE[::7])
def test_a_sector_says_what_was_written(state: State) -> None:
    sector = SLOTS["packed"](state)
    assert len(sector) == SLOTS["SECTOR"]
    assert SLOTS["unpacked"](sector) == state


def test_a_sector_with_any_changed_byte_is_not_believed() -> None:
    sector = SLOTS["packed"](SLOTS["FRESH"])
    for place in range(len(sector)):
        torn = sector[:place] + bytes([sector[place] ^ 0x41]) + sector[place + 1 :]
        assert SLOTS["unpacked"](torn) is None, place
    assert SLOTS["unpacked"](sector[:-1]) is None
    assert SLOTS["unpacked"](b"") is None


@pytest.mark.parametrize(
    "state", [{}, {**SLOTS["FRESH"], "trial": "C"}, {**SLOTS["FRESH"], "more": "1"}]
)
def test_a_whole_sector_that_makes_no_sense_is_not_believed(state: State) -> None:
    assert SLOTS["unpacked"](SLOTS["packed"](state)) is None


def test_a_cut_between_the_two_sectors_leaves_the_old_or_the_new() -> None:
    old = SLOTS["FRESH"]
    new = SLOTS["with_primary"](old, "B")
    packed = SLOTS["packed"]
    garbage = b"\xff" * SLOTS["SECTOR"]
    assert SLOTS["judged"](packed(new), packed(old)) == new
    assert SLOTS["judged"](garbage, packed(old)) == old
    assert SLOTS["judged"](packed(new), garbage) == new
    assert SLOTS["judged"](garbage, garbage)["confirmed"] == "A"


@pytest.mark.parametrize("state", EVERY_STATE)
def test_an_update_is_tried_once_and_the_old_root_returns(state: State) -> None:
    old = state["confirmed"]
    new = "B" if old == "A" else "A"
    # As rauc does it: the target is marked bad, written, marked as the next one.
    state = SLOTS["with_state"](state, new, good=False)
    assert booted(state)[0] == old, "power lost while it is written"
    state = SLOTS["with_primary"](state, new)
    assert SLOTS["primary"](state) == new
    slot, state = booted(state)
    assert slot == new
    assert not SLOTS["returned"](state, new)
    for _ in range(5):
        slot, state = booted(state)
        assert slot == old
        assert SLOTS["returned"](state, old)


@pytest.mark.parametrize("state", EVERY_STATE)
def test_what_was_confirmed_is_never_counted_down(state: State) -> None:
    old = state["confirmed"]
    new = "B" if old == "A" else "A"
    _, state = booted(SLOTS["with_primary"](state, new))
    state = SLOTS["with_state"](state, new, good=True)
    for _ in range(20):
        slot, state = booted(state)
        assert slot == new
        assert not SLOTS["returned"](state, new)
    assert state["tried"] == "none"


@pytest.mark.parametrize("state", EVERY_STATE)
def test_the_running_root_called_bad_leaves_one_that_is_whole(state: State) -> None:
    old = state["confirmed"]
    new = "B" if old == "A" else "A"
    after = SLOTS["with_state"](state, old, good=False)
    assert after["confirmed"] == (new if state[f"ok_{new}"] == "1" else old)


def test_boot_scr_reads_and_writes_the_same_names_and_places() -> None:
    [names] = re.findall(r'setenv card_names "([^"]+)"', SCRIPT)
    assert {name.removeprefix("card_") for name in names.split()} == set(SLOTS["CHOICES"])
    [sectors] = re.findall(r"for sector in ([0-9a-f ]+); do", SCRIPT)
    places = [int(word, 16) for word in sectors.split()]
    assert places == list(SLOTS["PLACES"])
    written = re.findall(r"write \$\{kernel_addr_r\} ([0-9a-f]+) 1;", SCRIPT)
    assert [int(word, 16) for word in written] == places
    assert int(SLOTS["SECTOR"]) == 0x200
    assert len(re.findall(r"env (?:import -c|export -c -s) .*?\b200\b", SCRIPT)) == 2


def test_boot_scr_gives_no_loop_the_name_of_a_variable() -> None:
    # U-Boot's shell then reads the variable of setenv, which stays the same in each turn.
    loops = set(re.findall(r"for (\w+) in", SCRIPT))
    assert loops
    assert not loops & set(re.findall(r"setenv (\w+)", SCRIPT))


def test_no_two_sectors_share_a_page() -> None:
    first, second = SLOTS["PLACES"]
    assert first // 8 != second // 8


def test_the_card_leaves_the_places_free() -> None:
    make: dict[str, Any] = runpy.run_path(str(IMAGE / "make.py"))
    assert make["SLOTS_AT"] == SLOTS["PLACES"][0] * SLOTS["SECTOR"]
