"""A stop that a supervisor keeps is put away only once the ledger has it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from appliance.config import load as configuration
from appliance.config.paths import sample_config
from appliance.daemon.supervised import Supervised
from firmware.clock import SystemClock
from firmware.supervisor.plan import Notes


@pytest.fixture
def supervised(tmp_path: Path) -> Supervised:
    config = dataclasses.replace(configuration.load(sample_config()), state=tmp_path)
    Notes(tmp_path).latch("button")
    made = Supervised(
        config, None, stop_lines=lambda: None, post=lambda _: None, clock=SystemClock(1.0)
    )
    made.start()
    return made


def test_a_kept_stop_is_put_away_when_the_ledger_has_it(
    supervised: Supervised, tmp_path: Path
) -> None:
    supervised.turn([], [], recorded=lambda: False)
    assert Notes(tmp_path).latched() == "button"
    supervised.turn([], [], recorded=lambda: True)
    assert Notes(tmp_path).latched() is None


def test_a_stop_that_comes_while_the_ledger_is_looked_at_waits_for_its_own_row(
    supervised: Supervised, tmp_path: Path
) -> None:
    def looked_at() -> bool:
        supervised._stop("button")
        return True

    supervised.turn([], [], recorded=looked_at)
    Notes(tmp_path).latch("button")
    supervised.turn([], [], recorded=lambda: False)
    assert Notes(tmp_path).latched() == "button"
    supervised.turn([], [], recorded=lambda: True)
    assert Notes(tmp_path).latched() is None
