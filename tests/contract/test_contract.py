"""A sample of the contract suite, and that the suite leaves nothing out.

The whole matrix is ``make contract``.
"""

from __future__ import annotations

import pytest

from firmware.families import FAMILIES
from firmware.simulator.families.table import PERSONALITIES
from firmware.simulator.network.scenario import FaultKind
from tests.rigs.contract import PLAYED, matrix, play
from tests.rigs.contract_scenes import SCENES

SAMPLE = (
    "lost_notices rejected",
    "reset",
    "empty_list leaves",
    "new_call_id answered, then leaves",
    "wrong_end_word without ringing",
)
BY_NAME = {scene.name: scene for scene in SCENES}


def test_every_fault_is_played() -> None:
    played = {fault.kind for scene in SCENES for fault in scene.faults}
    assert played == set(FaultKind)
    assert len(BY_NAME) == len(SCENES)


def test_every_family_is_simulated() -> None:
    assert set(PERSONALITIES) == set(FAMILIES)


@pytest.mark.pty
@pytest.mark.parametrize("name", SAMPLE)
def test_every_family_keeps_the_contract(name: str) -> None:
    cells = play(BY_NAME[name], PLAYED)
    assert len(cells) == len(PLAYED)
    broken = {cell.family: (cell.broken, cell.story) for cell in cells if not cell.ok}
    assert broken == {}
    assert "RED" not in matrix(cells, PLAYED)
