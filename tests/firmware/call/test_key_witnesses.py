"""One press is one event, whoever hears it and in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.call.key_witnesses import (
    ECHO,
    HOST_LAG,
    Confirmation,
    Disagreement,
    KeyFusion,
    Press,
)
from firmware.events import MODULE_LAG, Witness

HOST, MODULE = Witness.HOST, Witness.MODULE
NEW, SAME, NOTHING = Press, Confirmation, type(None)

CASES = {
    "host first, module at release": [("1", HOST, 0.0, NEW), ("1", MODULE, 0.9, SAME)],
    "module a little earlier": [("1", MODULE, 0.0, NEW), ("1", HOST, 0.2, SAME)],
    "module arrives first but stamped later": [("1", MODULE, 1.0, NEW), ("1", HOST, 0.1, SAME)],
    "second press counts again": [
        ("1", HOST, 0.0, NEW),
        ("1", MODULE, 0.8, SAME),
        ("1", HOST, 1.0, NEW),
        ("1", MODULE, 1.8, SAME),
    ],
    "two quick presses, late notices keep their order": [
        ("9", HOST, 0.0, NEW),
        ("9", HOST, 0.4, NEW),
        ("9", MODULE, 0.9, SAME),
        ("9", MODULE, 1.3, SAME),
    ],
    "module missed the first": [
        ("9", HOST, 0.0, NEW),
        ("9", HOST, 1.3, NEW),
        ("9", MODULE, 2.2, SAME),
    ],
    "notice after the window is a press of its own": [
        ("1", HOST, 0.0, NEW),
        ("1", MODULE, 1.3, NEW),
    ],
    "host cannot be that late": [("1", MODULE, 0.0, NEW), ("1", HOST, 0.4, NEW)],
    "echo": [("1", HOST, 0.0, NEW), ("1", HOST, 0.08, NOTHING), ("1", HOST, 0.3, NEW)],
    "echo to its last moment": [("1", HOST, 0.0, NEW), ("1", HOST, ECHO, NOTHING)],
    "an echo that is stamped earlier": [("1", HOST, 8.0, NEW), ("1", HOST, 7.95, NOTHING)],
    "an echo late in a call": [("1", HOST, 600.0, NEW), ("1", HOST, 600.08, NOTHING)],
    "no echo of the other witness": [("1", HOST, 0.0, NEW), ("1", MODULE, 0.05, SAME)],
    "module at the last moment": [("1", HOST, 0.0, NEW), ("1", MODULE, MODULE_LAG, SAME)],
    "host at the last moment": [("1", MODULE, 0.0, NEW), ("1", HOST, HOST_LAG, SAME)],
    "module stamped as late as can be": [
        ("1", MODULE, MODULE_LAG, NEW),
        ("1", HOST, 0.0, SAME),
    ],
    "module stamped later than can be": [
        ("1", MODULE, MODULE_LAG + 0.01, NEW),
        ("1", HOST, 0.0, NEW),
    ],
    "host stamped later than can be": [
        ("1", HOST, HOST_LAG + 0.01, NEW),
        ("1", MODULE, 0.0, NEW),
    ],
    "other key": [("1", HOST, 0.0, NEW), ("9", MODULE, 0.1, NEW)],
}


@pytest.mark.parametrize("steps", CASES.values(), ids=CASES.keys())
def test_each_step(steps: list[tuple[str, Witness, float, type[object]]]) -> None:
    fusion = KeyFusion()
    for key, witness, at, kind in steps:
        assert isinstance(fusion.heard(key, witness, at, 0.9), kind)


def test_confirmation_names_both() -> None:
    fusion = KeyFusion()
    press = fusion.heard("1", HOST, 5.0, 0.97)
    assert press == Press(key="1", witness=HOST, at=5.0, sureness=0.97)
    assert fusion.heard("1", MODULE, 5.7, 1.0) == Confirmation(
        key="1", witness=MODULE, at=5.7, sureness=1.0, press=press
    )
    assert fusion.expired(99.0) == fusion.finish() == ()


def test_unmatched_witness_is_a_disagreement_once() -> None:
    fusion = KeyFusion()
    press = fusion.heard("9", HOST, 1.0, 0.8)
    assert isinstance(press, Press)
    assert fusion.expired(2.0) == ()
    assert fusion.expired(2.3) == (Disagreement(press=press, missed_by=MODULE),)
    assert fusion.expired(9.0) == fusion.finish() == ()
    late = fusion.heard("1", MODULE, 10.0, 1.0)
    assert isinstance(late, Press)
    (left,) = fusion.finish()
    assert left.missed_by is HOST
    assert left.evidence == "key 1 heard by module only (sureness 1.00), not by host"


def test_the_oldest_press_that_waits_is_the_one_confirmed() -> None:
    fusion = KeyFusion()
    first = fusion.heard("9", HOST, 0.0, 0.9)
    second = fusion.heard("9", HOST, 0.4, 0.9)
    for press, at in ((first, 0.9), (second, 1.2)):
        found = fusion.heard("9", MODULE, at, 1.0)
        assert isinstance(found, Confirmation)
        assert found.press == press


@pytest.mark.parametrize(
    ("witness", "last_moment", "missed_by"),
    [(HOST, MODULE_LAG, MODULE), (MODULE, HOST_LAG, HOST)],
)
def test_a_witness_has_its_whole_time(
    witness: Witness, last_moment: float, missed_by: Witness
) -> None:
    fusion = KeyFusion()
    fusion.heard("1", witness, 0.0, 0.9)
    assert fusion.expired(last_moment) == ()
    (left,) = fusion.expired(last_moment + 0.001)
    assert left.missed_by is missed_by


def test_the_host_is_no_witness_of_keys_that_it_does_not_listen_for() -> None:
    fusion = KeyFusion(host_keys="19")
    assert isinstance(fusion.heard("5", MODULE, 0.0, 1.0), Press)
    assert fusion.finish() == ()
    assert isinstance(fusion.heard("9", MODULE, 5.0, 1.0), Press)
    assert [left.missed_by for left in fusion.finish()] == [HOST]


def test_a_lone_witness_never_disagrees() -> None:
    fusion = KeyFusion((HOST,))
    assert isinstance(fusion.heard("1", HOST, 0.0, 0.9), Press)
    assert fusion.expired(99.0) == fusion.finish() == ()


@given(
    gaps=st.lists(st.floats(0.15, 3.0), min_size=1, max_size=12),
    lags=st.lists(st.floats(0.05, 1.1), min_size=12, max_size=12),
    keys=st.lists(st.sampled_from("19"), min_size=12, max_size=12),
)
def test_every_press_once_when_both_hear_all(
    gaps: list[float], lags: list[float], keys: list[str]
) -> None:
    heard: list[tuple[float, str, Witness]] = []
    now, notice = 0.0, 0.0
    for gap, lag, key in zip(gaps, lags, keys, strict=False):
        now += gap
        notice = max(now + lag, notice + 0.11)  # a module keeps its order
        if notice > now + 1.1:
            notice = now + 1.1
        heard += [(now, key, HOST), (notice, key, MODULE)]
    fusion = KeyFusion()
    results = [fusion.heard(key, who, at, 1.0) for at, key, who in sorted(heard)]
    presses = [r for r in results if isinstance(r, Press)]
    assert len(presses) == len(gaps)
    assert all(p.witness is HOST for p in presses)
