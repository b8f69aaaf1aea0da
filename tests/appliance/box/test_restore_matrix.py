"""Every file of the state, damaged in every way: the short half of ``make restore-matrix``."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.rigs import restore_matrix as matrix


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[matrix.World]:
    logging.disable(logging.CRITICAL)
    with matrix.small_segments():
        yield matrix.build(tmp_path_factory.mktemp("matrix"))
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("unit", matrix.UNITS)
def test_a_damaged_file_calls_nobody_and_leaves_nobody_out_in_silence(
    unit: str, world: matrix.World
) -> None:
    for how in matrix.TREATMENTS:
        for look in (matrix.offline, matrix.beside):
            finding = look(((unit, how),), world)
            assert finding.broken == "", (how, finding)


PAIRS = [
    (("ledger", "older"), ("registry", "older")),
    (("ledger", "older"), ("checkpoint.json", "older")),
    (("ledger", "older"), ("checkpoint.json", "deleted")),
    (("ledger", "deleted"), ("ledger.head", "deleted")),
    (("ledger", "deleted"), ("registry", "deleted")),
    (("ledger", "another's"), ("number.key", "another's")),
    (("registry", "another's"), ("number.key", "another's")),
    (("number.key", "deleted"), ("registry", "deleted")),
    (("checkpoint.json", "another's"), ("ledger.head", "another's")),
    (("old segment", "zeroed"), ("checkpoint.json", "deleted")),
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_two_damaged_files_do_not_either(pair: matrix.Damage, world: matrix.World) -> None:
    finding = matrix.offline(pair, world)
    assert finding.broken == "", finding


def test_the_matrix_sees_a_box_that_forgets_an_objection(
    world: matrix.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted fault: nothing is brought back from what knows more."""
    monkeypatch.setattr("appliance.box.restoration.missing_rows", lambda *_: [])
    broken = [
        matrix.offline((("ledger", how), ("checkpoint.json", "deleted")), world).broken
        for how in ("older", "deleted")
    ]
    assert any(broken)


def test_the_matrix_sees_a_box_that_says_nothing(
    world: matrix.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted fault: the registry is not compared with the ledger."""
    monkeypatch.setattr("appliance.box.restoration.short_of", lambda *_: [])
    assert matrix.offline((("registry", "older"),), world).broken != ""
