"""The fault lamp of a box that is gone: which code, when, and what a pin that is taken does."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.box.lamps import FaultCode
from firmware.gpio.lamp import Flashes
from firmware.supervisor import decisions
from firmware.supervisor import pins as pins_module
from firmware.supervisor.pins import DOWN_FLASHES, FaultLamp, Outputs

PIN = 23


class Chip:
    """The kernel's side: refuses a pin so many times, then notes its level."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.asked = 0
        self.level: bool | None = None

    def request(self, pin: int, *, high: bool) -> Chip:
        self.asked += 1
        if self.asked <= self.refusals:
            raise OSError(16, "Device or resource busy")
        assert pin == PIN
        self.level = high
        return self

    def drive(self, *, high: bool) -> None:
        self.level = high

    def close(self) -> None:
        self.level = None


def seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int | None, *, refusals: int = 0
) -> tuple[list[float], list[str], Chip]:
    """The flashes of nine seconds by their length, what was told, the chip."""
    chip, told = Chip(refusals), list[str]()
    monkeypatch.setattr(pins_module, "OutputLine", chip.request)
    outputs, lamp = Outputs(tmp_path, simulated=False, tell=told.append), FaultLamp()
    lamp.light()
    now, since, lengths = 0.0, None, []
    while now < 9.0:
        lamp.turn(now, PIN, code, outputs)
        if chip.level and since is None:
            since = now
        elif not chip.level and since is not None:
            lengths.append(round(now - since, 3))
            since = None
        if lamp.change_at is None:
            break
        now = lamp.change_at
    return lengths, told, chip


def test_where_nothing_is_known_it_is_steady(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lengths, told, chip = seen(monkeypatch, tmp_path, None)
    assert (lengths, told, chip.level, chip.asked) == ([], [], True, 1)


@pytest.mark.parametrize("code", [decisions.SAFE_MODE, decisions.STORAGE, 5])
def test_a_code_comes_after_two_long_flashes(
    code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lengths, _, chip = seen(monkeypatch, tmp_path, code)
    assert lengths[: 2 + code] == [1.0, 1.0] + [0.25] * code
    assert lengths[2 + code] == 1.0, "it does not begin anew"
    assert chip.asked == 1


def test_a_pin_that_its_last_holder_still_has_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, told, chip = seen(monkeypatch, tmp_path, None, refusals=3)
    assert chip.level is True
    assert len(told) == 1, "once, or a full journal tells nothing else"


def test_a_released_lamp_leaves_the_pin_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chip = Chip()
    monkeypatch.setattr(pins_module, "OutputLine", chip.request)
    outputs, lamp = Outputs(tmp_path, simulated=False, tell=print), FaultLamp()
    lamp.light()
    lamp.turn(0.0, PIN, 5, outputs)
    lamp.release()
    outputs.release()
    lamp.turn(1.3, PIN, 5, outputs)
    assert (chip.level, lamp.change_at) == (None, None)


def test_the_codes_are_those_of_the_box() -> None:
    assert FaultCode.STORAGE.pattern == Flashes(decisions.STORAGE)
    prefixed = [code for code in FaultCode if code.pattern.long == DOWN_FLASHES]
    assert prefixed == [], "a living box shows what only a dead one may"
