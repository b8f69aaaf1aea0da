"""Some streams of each fuzzer; ``make fuzz`` runs a million lines."""

from __future__ import annotations

import os

import pytest

from firmware.families import FAMILIES
from tests.fuzz import at_lines, call_progress

SEEDS = range(150 if os.environ.get("THOROUGH") else 60)


def test_conversations_survive_mutated_lines() -> None:
    lines = at_lines.corpus()
    for seed in SEEDS:
        at_lines.stream(seed, lines)


def test_two_lines_after_a_guessed_answer_are_the_same_in_one_read_and_in_two() -> None:
    """The first drops the guess and waits for silence again; the second belongs to that wait."""
    before: list[bytes | float | int | str] = ["resync", b"OK\r\n"]
    after: list[bytes | float | int | str] = [0.6, "abort"]
    whole = at_lines.converse([*before, b"DTM\r: 7,4\r", *after])
    cut = at_lines.converse([*before, b"DTM\r", b": 7,4\r", *after])
    assert whole[0] == cut[0]
    assert whole[1].wake_at is cut[1].wake_at is None


def test_calls_survive_mutated_lines() -> None:
    lines = [*at_lines.corpus(), *call_progress.WORDS]
    for seed in SEEDS:
        call_progress.stream(seed, lines)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_modem_that_repeats_itself_does_not_fill_the_memory(family: str) -> None:
    """End notices that the call list denies again and again."""
    row = b'+CLCC: 1,0,0,0,0,"+33639980001",145\r\n'
    again: list[bytes | int | float] = [b"\r\nNO CARRIER\r\n", 0, row, b"\r\nOK\r\n"]
    call_progress.play(FAMILIES[family], [b"\r\nOK\r\n", *again * 20])
