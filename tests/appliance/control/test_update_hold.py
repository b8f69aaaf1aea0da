"""A box that is about to be updated finishes its calls, begins none, and is not held for ever."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from appliance.box import updated
from appliance.campaign import inputs
from appliance.control import update_hold
from appliance.control.operations import Operations, Surroundings
from appliance.errors import Refused
from firmware.orders import Dial
from tests.support.box_bench import Bench, bench, loaded

__all__ = ["bench", "loaded"]


def operations(bench: Bench, left: list[str]) -> Operations:
    return Operations(bench.box, Surroundings(running=True, go_on_anew=lambda: left.append("anew")))


def test_a_held_box_says_how_many_calls_are_up_and_begins_no_other(bench: Bench) -> None:
    for number in ("+33199001234", "+33199001235"):
        bench.register(number)
    left: list[str] = []
    asked = operations(bench, left)
    bench.dial()
    assert asked.perform("update.hold", {}) == {"calls": 1}
    assert asked.facts().updated == "writing"
    assert asked.perform("status", {})["lamps"]["ready"] == "4 flashes"
    before = len(bench.line.orders)
    for _ in range(20):
        bench.seconds += 60.0
        bench.box.take([inputs.Tick()])
    assert not any(isinstance(order, Dial) for order in bench.line.orders[before:])
    assert left == []
    assert asked.perform("update.release", {}) == {"anew": True}
    assert left == ["anew"], "a retired engine does not come back: the box starts anew"


def test_a_hold_that_nobody_renews_is_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = operations(bench, [])
    assert not asked.update.is_over()
    asked.perform("update.hold", {})
    assert not asked.update.is_over()
    begun = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: begun + update_hold.HELD + 1)
    assert asked.update.is_over()
    asked.perform("update.hold", {})
    assert not asked.update.is_over(), "an updater that lives asks again"


def test_a_box_that_does_not_run_is_not_held(bench: Bench) -> None:
    with pytest.raises(Refused):
        Operations(bench.box).perform("update.hold", {})
    assert Operations(bench.box).perform("update.release", {}) == {"anew": False}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"lamp": "holds", "text": "t", "since": NOW}', "holds"),
        ('{"lamp": "refused", "text": "t", "since": NOW}', "refused"),
        ('{"lamp": "taken_back", "text": "t", "since": NOW}', "taken_back"),
        ('{"lamp": "holds", "text": "t", "since": OLD}', ""),
        ('{"lamp": "holds", "text": "t", "since": null}', ""),
        ('{"lamp": "writing", "text": "t", "since": NOW}', ""),
        ('{"lamp": 1, "text": "t", "since": NOW}', ""),
        ('{"lamp": "holds"}', ""),
        ("[]", ""),
        ("", ""),
    ],
)
def test_what_the_lamps_take_from_the_updater(tmp_path: Path, text: str, shown: str) -> None:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    told = text.replace("NOW", str(now - 1)).replace("OLD", str(now - 100_000))
    (tmp_path / updated.FILE).write_text(told)
    last = updated.load(tmp_path)
    assert ("" if last is None else last.shown) == shown
