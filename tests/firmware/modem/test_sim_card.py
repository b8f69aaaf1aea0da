"""A PIN is tried once, on the exact prompt, with tries to spare, and that is on disk first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firmware.faults import REMEDIES, Fault
from firmware.modem.sim_card import (
    PinMemory,
    SimAsksPin,
    SimReady,
    SimRefused,
    SimState,
    SimWait,
    may_try,
    read_sim_state,
)


@pytest.mark.parametrize(
    ("lines", "final", "kind"),
    [
        (("+CPIN: READY",), "OK", SimReady),
        (("+CPIN:READY",), "OK", SimReady),
        (("+CPIN: SIM PIN",), "OK", SimAsksPin),
        (('+CPIN: "SIM PIN"',), "OK", SimAsksPin),
        (("+CPIN:",), "OK", SimWait),
        (("+CPIN: SIM PUK",), "OK", SimRefused),
        # Calls do not need the second PIN, and the first must never be sent for it.
        (("+CPIN: SIM PIN2",), "OK", SimReady),
        (("+CPIN: SIM PUK2",), "OK", SimReady),
        (("+CPIN: PH-SIM PIN",), "OK", SimRefused),
        (("+CPIN: PH-NET PIN",), "OK", SimRefused),
        (("+CPIN: NOT INSERTED",), "OK", SimRefused),
        ((), "OK", SimWait),
        ((), "ERROR", SimWait),
        ((), "+CME ERROR: SIM busy", SimWait),
        ((), "+CME ERROR: 14", SimWait),
        ((), "+CME ERROR: 10", SimRefused),
        ((), "+CME ERROR: SIM not inserted", SimRefused),
        ((), "+CME ERROR: 13", SimRefused),
        ((), "+CME ERROR:13", SimRefused),
        ((), "+CME ERROR: SIM PUK required", SimRefused),
        # An error is never the prompt, even one that asks for the PIN.
        ((), "+CME ERROR: 11", SimWait),
        ((), "+CME ERROR: SIM PIN required", SimWait),
    ],
)
def test_state(lines: tuple[str, ...], final: str, kind: type[SimState]) -> None:
    assert type(read_sim_state(lines, final)) is kind


def test_the_puk_is_explained() -> None:
    state = read_sim_state(("+CPIN: SIM PUK",), "OK")
    assert isinstance(state, SimRefused)
    assert state.fault is Fault.SIM_PUK
    assert "PUK" in REMEDIES[state.fault]


@pytest.mark.parametrize(
    ("pin", "left", "tried", "fault"),
    [
        ("1234", 3, False, None),
        ("12345678", 10, False, None),
        (None, 3, False, Fault.SIM_PIN_MISSING),
        ("123", 3, False, Fault.SIM_PIN_INVALID),
        ("12a4", 3, False, Fault.SIM_PIN_INVALID),
        ('1234"', 3, False, Fault.SIM_PIN_INVALID),
        ("1234", 2, False, Fault.SIM_PIN_UNSAFE),
        ("1234", None, False, Fault.SIM_PIN_UNSAFE),
        ("1234", 3, True, Fault.SIM_PIN_REFUSED),
    ],
)
def test_may_try(pin: str | None, left: int | None, tried: bool, fault: Fault | None) -> None:
    refused = may_try(pin=pin, tries_left=left, tried_before=tried)
    assert (refused.fault if refused else None) is fault


def test_a_try_is_remembered_for_its_sim_and_pin_only(tmp_path: Path) -> None:
    folder = tmp_path / "sim-tries"
    assert not PinMemory(folder).tried("8933", "1234")
    PinMemory(folder).remember("8933", "1234")
    again = PinMemory(folder)
    assert again.tried("8933", "1234")
    assert not again.tried("8933", "4321")
    assert not again.tried("8944", "1234")
    again.forget("8933", "1234")
    assert not PinMemory(folder).tried("8933", "1234")


def test_the_memory_shows_no_pin_and_only_its_owner_may_look(tmp_path: Path) -> None:
    folder = tmp_path / "sim-tries"
    PinMemory(folder).remember("8933", "1234")
    (entry,) = folder.iterdir()
    assert "1234" not in entry.name
    assert folder.stat().st_mode & 0o077 == 0


def test_a_memory_that_cannot_be_read_lets_no_pin_through(tmp_path: Path) -> None:
    folder = tmp_path / "sim-tries"
    folder.write_text("not a folder", encoding="utf-8")
    with pytest.raises(NotADirectoryError):
        PinMemory(folder).tried("8933", "1234")


def test_remember_is_on_disk_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder, the file, then the file's entry: what a power cut leaves."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").resolve()
        synced.append(place.name if place.is_dir() else "file")
        real(descriptor)

    monkeypatch.setattr("firmware.modem.sim_card.os.fsync", fsync)
    PinMemory(tmp_path / "sim-tries").remember("8933", "1234")
    assert synced == [tmp_path.name, "file", "sim-tries"]


def test_every_fault_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Fault)
    assert all(text.endswith(".") for text in REMEDIES.values())
